"""The ledger follows the database: whatever happens there, a look shows it, and shows nothing else."""

import numpy as np
import pytest
from django.conf import settings
from django.db import transaction

from annotate.ledger import live, source
from annotate.ledger.columns import COLUMNS, Rows
from annotate.ledger.live import Ledger, counting
from annotate.ledger.store import Store
from annotate.models import Judgement, RankedCompletion
from annotate.quality.agreement import ranking_agreement
from annotate.quality.table import RankingTable
from annotate.services.gold import make_gold, mix_in
from annotate.services.judging import correct
from tests.services.test_queries import rank
from tests.web.conftest import rank_all


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    """A ledger of its own, in which a judgement is old at once and a single one worth a write."""
    return Ledger(Store(tmp_path / "ledger", database="test"))


@pytest.fixture
def eager(monkeypatch):
    monkeypatch.setattr(live, "OLD", -5.0)
    monkeypatch.setattr(live, "ENOUGH", 1)


def same(found: Rows, wanted: Rows) -> bool:
    one, other = found.take(np.argsort(found.id)), wanted.take(np.argsort(wanted.id))
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def in_database() -> Rows:
    return source.read(source.Q())


def test_it_shows_what_was_just_submitted(ledger, world):
    assert len(ledger.look().rows) == 0
    rank_all(world.alice, world)
    found = ledger.look()
    assert (len(found.stored.rows), len(found.fresh)) == (0, 3)
    assert found.rows.annotator.tolist() == [world.alice.pk] * 3
    assert found.rows.campaign.tolist() == [world.ranking.pk] * 3
    assert sorted(found.rows.ranks[0].tolist()) == [0, 0, 0, 0, 0, 1, 2, 3, 4]


def test_it_holds_the_rank_of_every_completion_by_its_position(ledger, world):
    judgement = rank_all(world.alice, world, reverse=True)[0]
    positions = dict(judgement.task.task_completions.values_list("completion", "position"))
    wanted = {positions[one.completion_id]: one.rank for one in RankedCompletion.objects.filter(judgement=judgement)}
    ranks = ledger.look().rows.ranks[0]
    assert {place: int(ranks[place]) for place in np.flatnonzero(ranks)} == wanted


def test_it_stores_what_is_old_and_goes_on_from_there(ledger, eager, world):
    rank_all(world.alice, world)
    assert len(ledger.look().stored.rows) == 3
    rank_all(world.bob, world)
    found = ledger.look()
    assert (len(found.stored.rows), len(found.fresh)) == (6, 0)
    assert same(found.rows, in_database())
    other = Ledger(ledger.store)
    assert same(other.look().rows, in_database())


def test_it_does_not_store_what_is_young(ledger, world, monkeypatch):
    monkeypatch.setattr(live, "ENOUGH", 1)
    rank_all(world.alice, world)
    assert len(ledger.look().stored.rows) == 0


def test_it_sees_a_judgement_whose_key_was_skipped_when_higher_ones_were_stored(ledger, eager, world, monkeypatch):
    first, *_others = rank_all(world.alice, world)
    hidden = source.chunks
    monkeypatch.setattr(source, "chunks", lambda where: hidden(where & ~source.Q(pk=first.pk)))
    stored = ledger.build()
    assert [(gap.first, gap.last) for gap in stored.meta.gaps if gap.last == first.pk]
    monkeypatch.undo()
    found = ledger.look()
    assert found.fresh.id.tolist() == [first.pk]
    assert same(found.rows, in_database())


def test_it_stores_a_skipped_key_once_and_closes_the_gap(ledger, eager, world, monkeypatch):
    first, *_others = rank_all(world.alice, world)
    with monkeypatch.context() as patch:
        hidden = source.chunks
        patch.setattr(source, "chunks", lambda where: hidden(where & ~source.Q(pk=first.pk)))
        ledger.build()
    assert same(ledger.look().rows, in_database())
    stored = ledger.look().stored
    assert sorted(stored.rows.id.tolist()) == sorted(in_database().id.tolist())
    assert not [gap for gap in stored.meta.gaps if gap.first <= first.pk <= gap.last]


def test_a_correction_supersedes_what_was_stored(ledger, eager, world):
    old = rank_all(world.alice, world)[0]
    ledger.look()
    ranks = dict(RankedCompletion.objects.filter(judgement=old).values_list("completion", "rank"))
    correct(judgement_id=old.pk, annotator=world.alice, answer={"ranks": dict.fromkeys(ranks, 1)}, seconds=5.0)
    rows = ledger.look().rows
    counted = rows.take(counting(rows, gold=source.not_work()))
    assert sorted(counted.id.tolist()) == list(Judgement.objects.current().order_by("pk").values_list("pk", flat=True))


def test_a_task_that_becomes_gold_counts_no_more(ledger, eager, world):
    rank_all(world.alice, world)
    rows = ledger.look().rows
    task = world.ranking_tasks[0]
    ranks = dict.fromkeys(task.completions.values_list("pk", flat=True), 1)
    make_gold(task=task, answer={"ranks": ranks}, explanation="Alike.", by=world.carol)
    mix_in(task=task, by=world.carol)
    counted = rows.take(counting(rows, gold=source.not_work()))
    assert task.pk not in counted.task.tolist()
    assert len(counted) == 2


def test_it_gives_the_agreement_of_the_database(ledger, eager, ranked_world):
    fields = ("judgement__task_id", "judgement__annotator_id", "completion_id", "rank")
    rows = zip(*RankedCompletion.objects.values_list(*fields), strict=True)
    wanted = ranking_agreement(RankingTable.from_arrays(*map(list, rows)))
    assert ledger.board(ranked_world.ranking.pk).agreement().as_dict() == wanted.as_dict()


@pytest.mark.parametrize("harm", ["meta", "column", "short", "version", "gone"])
def test_a_damaged_ledger_is_made_anew(ledger, eager, world, harm):
    rank_all(world.alice, world)
    meta = ledger.look().stored.meta
    column = ledger.store.folder / meta.generation / "task"
    if harm == "meta":
        (ledger.store.folder / "meta.json").write_text("{")
    elif harm == "column":
        column.write_bytes(bytes(reversed(column.read_bytes())))
    elif harm == "short":
        column.write_bytes(column.read_bytes()[:-1])
    elif harm == "version":
        text = (ledger.store.folder / "meta.json").read_text()
        (ledger.store.folder / "meta.json").write_text(text.replace('"version": 1', '"version": 0'))
    else:
        column.unlink()
    found = Ledger(ledger.store).look()
    assert found.stored.meta.generation != meta.generation
    assert same(found.rows, in_database())


def test_what_a_crash_left_behind_the_end_does_not_count(ledger, eager, world):
    rank_all(world.alice, world)
    meta = ledger.look().stored.meta
    with (ledger.store.folder / meta.generation / "seconds").open("ab") as file:
        file.write(b"torn")
    rank_all(world.bob, world)
    assert same(ledger.look().rows, in_database())
    assert same(Ledger(ledger.store).look().rows, in_database())


def test_the_ledger_of_another_database_is_made_anew(ledger, eager, world):
    rank_all(world.alice, world)
    generation = ledger.look().stored.meta.generation
    other = Ledger(Store(ledger.store.folder, database="another"))
    assert other.look().stored.meta.generation != generation


def test_a_database_that_began_anew_is_noticed(ledger, eager, world):
    rank_all(world.alice, world)
    meta = ledger.look().stored.meta
    fields = {name: getattr(meta, name) for name in ("database", "generation", "rows", "high", "gaps", "sums")}
    ledger.store._publish(type(meta)(**fields, mark="of another one"))
    assert Ledger(ledger.store).look().stored.meta.generation != meta.generation


def test_only_one_stores_at_a_time(ledger, eager, world):
    rank_all(world.alice, world)
    ledger.build()
    rank_all(world.bob, world)
    with ledger.store.turn(patient=False) as mine:
        assert mine
        found = ledger.look()
        assert (len(found.stored.rows), len(found.fresh)) == (3, 3)
    assert len(ledger.look().stored.rows) == 6


def test_it_lies_in_the_products_folder(world):
    assert live.ledger().store.folder == settings.VAR_DIR / "ledger"
    assert live.ledger() is live.ledger()


def test_nothing_stays_of_a_database_that_began_anew(ledger, world):
    for ranks, agreeing in (((1, 2, 4, 3), 5 / 6), ((4, 3, 2, 1), 0.0)):
        with transaction.atomic():
            rank(world, world.alice, 1, 2, 3, 4)
            rank(world, world.bob, *ranks)
            assert ledger.board(world.ranking.pk).agreement().strict_agreement.value == pytest.approx(agreeing)
            transaction.set_rollback(True)  # the next keys are the same again
