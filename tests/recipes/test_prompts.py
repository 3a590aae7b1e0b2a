"""Prompts of a snapshot, and results whose interval is clustered by prompt."""

import pytest

from tests.recipes.snapshots import demonstration, ranking, sha256, write_snapshot
from training.modelling.prompts import read_prompts
from training.modelling.reporting import mean_result, share_result


@pytest.fixture
def snapshot(tmp_path):
    rankings = {
        "train": [ranking("a", ["x", "y"], [1, 2]), ranking("a", ["x", "y"], [2, 1])],
        "test": [ranking("b", ["x", "y"], [1, 2])],
    }
    demonstrations = {"train": [demonstration("a", "z"), demonstration("c", "z")]}
    return write_snapshot(tmp_path / "snapshot", rankings=rankings, demonstrations=demonstrations)


def test_it_gives_each_prompt_once_whoever_judged_it(snapshot):
    found = read_prompts(snapshot, ["train"])
    assert [prompt.sha256 for prompt in found] == sorted([sha256("a"), sha256("c")])
    assert {prompt.messages[0]["content"] for prompt in found} == {"a", "c"}


def test_it_reads_the_splits_it_is_asked_for(snapshot):
    assert [prompt.messages[0]["content"] for prompt in read_prompts(snapshot, ["test", "validation"])] == ["b"]


def test_it_counts_prompts_and_widens_the_interval_when_their_answers_agree():
    values = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    alone = share_result("x", values, list(range(8)), note="n")
    together = share_result("x", values, [0, 0, 1, 1, 2, 2, 3, 3], note="n")
    assert (alone.value, alone.n, together.value, together.n) == (0.5, 8, 0.5, 4)
    assert together.hi - together.lo > alone.hi - alone.lo


def test_it_says_why_a_single_prompt_has_no_interval():
    found = mean_result("x", [1.0, 2.0], ["p", "p"], subject="s", unit="tokens", note="two answers")
    assert (found.value, found.lo, found.hi, found.n) == (1.5, None, None, 1)
    assert found.note == "two answers; a single prompt, so no interval"
