"""Rows and splits of a snapshot, without a database."""

import pytest

from training.exporting import ExportedJudgement, Ranked, SnapshotWriter, rows_of, split_of

PROMPT = [{"role": "user", "content": "Why?"}]


def ranking(*ranks: int, prompt_sha256: str = "0" * 64) -> ExportedJudgement:
    ranked = tuple(Ranked(f"text {n}", f"{n}" * 64, f"model-{n}", rank) for n, rank in enumerate(ranks))
    return ExportedJudgement("7", "annotator-1", "art", "answers", "g" * 64, PROMPT, prompt_sha256, 3.5, ranked)


@pytest.mark.parametrize(
    ("start", "split"),
    # 0x4f % 100 = 79, 0x50 % 100 = 80, 0x59 % 100 = 89, 0x5a % 100 = 90, 0x64 % 100 = 0
    [("0000004f", "train"), ("00000050", "validation"), ("00000059", "validation"), ("0000005a", "test")]
    + [("00000063", "test"), ("00000064", "train")],
)
def test_it_splits_by_the_first_eight_digits_of_the_prompts_hash(start, split):
    assert split_of(start + "f" * 56) == split


def test_it_derives_one_comparison_for_each_strict_pair():
    rows, ties = rows_of(ranking(2, 1, 2))
    pairs = [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for table, row in rows[1:]]
    assert [table for table, _ in rows] == ["rankings", "comparisons", "comparisons"]
    assert pairs == [("text 1", "text 0"), ("text 1", "text 2")]
    assert ties == 1


def test_it_puts_a_demonstration_behind_its_prompt():
    written = ExportedJudgement(
        "8",
        "annotator-1",
        "",
        "writing",
        "g" * 64,
        PROMPT,
        "0" * 64,
        60.0,
        demonstration="Because.",
        reasoning="Known.",
    )
    ((table, row),), ties = rows_of(written)
    assert (table, ties) == ("demonstrations", 0)
    assert row["messages"] == [*PROMPT, {"role": "assistant", "content": "Because."}]
    assert row["reasoning"] == "Known."


def test_it_hashes_the_rows_and_not_the_batches_in_which_they_are_written(tmp_path, monkeypatch):
    hashes = []
    for rows_in_memory in (1, 1000):
        monkeypatch.setattr("training.exporting.ROWS_IN_MEMORY", rows_in_memory)
        with SnapshotWriter(tmp_path / str(rows_in_memory)) as writer:
            for ranks in ((1, 2), (2, 1), (1, 1)):
                writer.add(ranking(*ranks))
        hashes.append(writer.content.sha256)
    assert hashes[0] == hashes[1]
    assert writer.content.counts["rankings"] == {"train": 3, "validation": 0, "test": 0}


def test_it_gives_another_hash_to_another_order(tmp_path):
    hashes = set()
    for number, order in enumerate([((1, 2), (2, 1)), ((2, 1), (1, 2))]):
        with SnapshotWriter(tmp_path / str(number)) as writer:
            for ranks in order:
                writer.add(ranking(*ranks))
        hashes.add(writer.content.sha256)
    assert len(hashes) == 2
