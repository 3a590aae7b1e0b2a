"""Freezing judgements: what is in, under which name, and what happens when a worker dies."""

import json
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from django.utils import timezone

from annotate.errors import DomainError
from annotate.services.importing import import_file
from annotate.services.judging import correct
from tests.training.conftest import rank, write
from training.exporting import SPLITS, TABLES
from training.models import Snapshot
from training.services.snapshots import (
    exported,
    freeze_snapshot,
    judgements_until,
    reap_snapshots,
    request_snapshot,
    retry_snapshot,
)

pytestmark = pytest.mark.django_db


def frozen(world, *campaigns) -> Snapshot:
    snapshot = request_snapshot(campaigns=campaigns or [world.ranking, world.writing], by=world.carol)
    freeze_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    return snapshot


def rows(snapshot: Snapshot, table: str) -> list[dict]:
    return [row for split in SPLITS for row in pq.read_table(snapshot.path / table / f"{split}.parquet").to_pylist()]


def test_it_refuses_a_snapshot_of_no_campaign(world):
    with pytest.raises(DomainError, match="at least one campaign"):
        request_snapshot(campaigns=[], by=world.carol)


def test_it_refuses_a_snapshot_of_nothing_judged(world):
    with pytest.raises(DomainError, match="nobody has judged anything in answers"):
        request_snapshot(campaigns=[world.ranking], by=world.carol)


def test_it_freezes_more_than_a_thousand_completions(world, sent, tmp_path):
    # Django's prefetch of that many rows through a foreign key is a query that SQLite refuses.
    path = tmp_path / "many.jsonl"
    completions = [{"text": text, "rank": rank} for rank, text in enumerate("abc", start=1)]
    path.write_text("\n".join(json.dumps({"prompt": f"p{n}", "completions": completions}) for n in range(340)))
    campaign = import_file(path=path, campaign_slug="many", by=world.carol).campaign
    assert len(rows(frozen(world, campaign), "rankings")) == 340


def test_it_gives_the_same_judgements_the_same_hash_and_folder(judged, sent):
    first, second = frozen(judged), frozen(judged)
    assert first.sha256 == second.sha256
    assert [path.name for path in first.path.parent.iterdir()] == [first.sha256]


def test_it_gives_one_judgement_more_another_hash(world, sent):
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    before = frozen(world)
    rank(world.bob, world.ranking_tasks[0], [1, 2, 3, 4])
    assert frozen(world).sha256 != before.sha256


def test_it_counts_in_the_manifest_what_is_in_the_tables(judged, sent):
    snapshot = frozen(judged)
    manifest = json.loads((snapshot.path / "MANIFEST.json").read_text())
    for table in TABLES:
        for split in SPLITS:
            found = pq.read_metadata(snapshot.path / table / f"{split}.parquet").num_rows
            assert manifest["counts"][table][split] == found, (table, split)
    # 23 tasks by two annotators; bob ties one pair in 11 of them, which leaves 46 * 6 - 11 strict pairs.
    assert sum(manifest["counts"]["rankings"].values()) == 46
    assert sum(manifest["counts"]["comparisons"].values()) == 265
    assert sum(manifest["counts"]["demonstrations"].values()) == 2
    assert (manifest["ties"], manifest["annotators"]) == (11, 2)
    assert [text["slug"] for text in manifest["guidelines"]] == ["demonstration", "ranking"]
    assert manifest["selection"]["campaigns"] == ["answers", "writing"]
    assert snapshot.manifest == manifest


def test_it_puts_no_prompt_in_two_splits(judged, sent):
    snapshot = frozen(judged)
    prompts = {
        split: {
            row["prompt_sha256"]
            for table in TABLES
            for row in pq.read_table(snapshot.path / table / f"{split}.parquet").to_pylist()
        }
        for split in SPLITS
    }
    assert all(prompts.values())
    assert sum(map(len, prompts.values())) == len(set.union(*prompts.values())) == 25


def test_it_names_annotators_by_pseudonym_only(judged, sent):
    snapshot = frozen(judged)
    assert {row["annotator"] for row in rows(snapshot, "rankings")} == {judged.alice.pseudonym, judged.bob.pseudonym}
    everything = json.dumps([rows(snapshot, table) for table in TABLES])
    assert "alice" not in everything.lower()


def test_it_leaves_out_what_a_correction_supersedes(world, sent):
    old = rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    ids = [item.completion_id for item in old.ranked.all()]
    new = correct(
        judgement_id=old.pk,
        annotator=world.alice,
        answer={"ranks": dict(zip(ids, [4, 3, 2, 1], strict=True))},
        seconds=5.0,
    )
    assert [row["judgement"] for row in rows(frozen(world), "rankings")] == [str(new.pk)]


def test_it_keeps_what_counted_when_the_snapshot_was_asked_for(world, sent):
    old = rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    snapshot = request_snapshot(campaigns=[world.ranking], by=world.carol)
    ranks = {item.completion_id: 1 for item in old.ranked.all()}
    correct(judgement_id=old.pk, annotator=world.alice, answer={"ranks": ranks}, seconds=5.0)
    freeze_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    assert [(row["judgement"], row["ranks"]) for row in rows(snapshot, "rankings")] == [(str(old.pk), [1, 2, 3, 4])]


def test_it_reads_judgements_in_batches(judged, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr("training.services.snapshots.JUDGEMENTS_AT_A_TIME", 20)
    # 46 rankings: three batches and an empty one; each batch asks for the judgements, for what they ranked, rated,
    # flagged and marked, and for their completions.
    with django_assert_num_queries(3 * 6 + 1):
        batches = list(judgements_until(campaigns=["answers"], until=timezone.now()))
    assert [len(batch) for batch in batches] == [20, 20, 6]


def test_it_exports_a_demonstration_with_its_reasoning(world, sent):
    write(world.alice, world.writing_tasks[0], "Purse your lips.", reasoning="Tried it.")
    (row,) = rows(frozen(world), "demonstrations")
    assert row["messages"][-1] == {"role": "assistant", "content": "Purse your lips."}
    assert row["reasoning"] == "Tried it."


def test_it_loads_into_trls_columns(judged, sent, tmp_path):
    snapshot = frozen(judged)
    files = {split: str(snapshot.path / "comparisons" / f"{split}.parquet") for split in SPLITS}
    loaded = load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert sum(len(loaded[split]) for split in SPLITS) == 265
    assert {"weight", "posterior", "n_votes"} < set(loaded["train"].column_names)
    first = loaded["train"][0]
    assert [len(first[column]) for column in ("prompt", "chosen", "rejected")] == [1, 1, 1]
    assert (first["prompt"][0]["role"], first["chosen"][0]["role"]) == ("user", "assistant")


def test_it_freezes_once_however_often_the_message_comes(judged, sent):
    snapshot = frozen(judged)
    (snapshot.path / "mark").write_text("as it was")
    freeze_snapshot(snapshot_id=snapshot.pk)
    assert (snapshot.path / "mark").exists()


def test_it_leaves_no_half_written_folder_when_the_export_stops(judged, sent, monkeypatch, settings):
    def full_disk(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr("training.services.snapshots.write_json", full_disk)
    snapshot = request_snapshot(campaigns=[judged.ranking], by=judged.carol)
    with pytest.raises(OSError, match="No space"):
        freeze_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    assert snapshot.state == "failed"
    assert "No space left on device" in snapshot.message
    assert list(settings.SNAPSHOT_DIR.iterdir()) == []


def test_it_freezes_a_failed_snapshot_again_when_asked(judged, sent):
    snapshot = request_snapshot(campaigns=[judged.ranking], by=judged.carol)
    Snapshot.objects.filter(pk=snapshot.pk).update(state="failed")
    assert retry_snapshot(snapshot_id=snapshot.pk)
    freeze_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    assert (snapshot.state, snapshot.attempt) == ("ready", 2)


def test_it_gives_a_dead_workers_snapshot_to_another(judged, sent, settings):
    snapshot = request_snapshot(campaigns=[judged.ranking], by=judged.carol)
    silent_since = timezone.now() - timedelta(seconds=settings.LOST_AFTER_SECONDS + 1)
    Snapshot.objects.filter(pk=snapshot.pk).update(state="freezing", heartbeat_at=silent_since)
    sent.clear()
    reap_snapshots()
    snapshot.refresh_from_db()
    assert (snapshot.state, snapshot.attempt) == ("queued", 2)
    assert sent == [("freeze_snapshot", snapshot.pk)]


def test_it_gives_up_on_a_snapshot_that_kills_every_worker(judged, sent, settings):
    snapshot = request_snapshot(campaigns=[judged.ranking], by=judged.carol)
    silent_since = timezone.now() - timedelta(seconds=settings.LOST_AFTER_SECONDS + 1)
    Snapshot.objects.filter(pk=snapshot.pk).update(
        state="freezing", heartbeat_at=silent_since, attempt=settings.MAX_ATTEMPTS
    )
    reap_snapshots()
    snapshot.refresh_from_db()
    assert snapshot.state == "failed"
    assert "died in each of 3 attempts" in snapshot.message


def test_it_repeats_a_message_that_nobody_fetched(judged, sent):
    snapshot = request_snapshot(campaigns=[judged.ranking], by=judged.carol)
    sent.clear()
    reap_snapshots()
    assert sent == []
    Snapshot.objects.filter(pk=snapshot.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=16))
    reap_snapshots()
    reap_snapshots()
    assert sent == [("freeze_snapshot", snapshot.pk)]


def test_it_writes_nothing_once_the_row_was_taken_away(judged, sent, monkeypatch, settings):
    snapshot = request_snapshot(campaigns=[judged.ranking], by=judged.carol)

    def taken_away(judgement, votes):
        Snapshot.objects.filter(pk=snapshot.pk).update(attempt=2)
        return exported(judgement, votes)

    monkeypatch.setattr("training.services.snapshots.exported", taken_away)
    freeze_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    assert (snapshot.state, snapshot.sha256) == ("freezing", "")
    assert list(settings.SNAPSHOT_DIR.iterdir()) == []
