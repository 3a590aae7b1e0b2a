"""Edited texts: each is learnt as better than the text that it was made of, and measured apart from rankings."""

import json
from dataclasses import dataclass

import pytest

from tests.recipes.snapshots import comparison, ranking, write_snapshot
from training.modelling.configs import build_config
from training.modelling.learning import RankingLearningConfig, read_learnt
from training.modelling.snapshots import read_edits
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.reward import RewardConfig, train_reward

LIMITS = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64}


@dataclass(frozen=True, kw_only=True)
class Config(RankingLearningConfig):
    """The fields that every recipe has, with a learning rate."""

    lr: float = 1e-3


def edit(question: str, *, posterior: float | None = 0.8, weight: float = 1.0) -> dict:
    """The row of an edited text: no ranking has its judgement."""
    texts = ranking(question, ["Please send it back.", "Go away."], [1, 2], weight=weight)
    return comparison(texts, 0, 1, posterior)


def ranked(question: str) -> tuple[dict, dict]:
    """A ranking and the comparison that it gives."""
    row = ranking(question, ["Send it back.", "Go away."], [1, 2])
    return row, comparison(row, 0, 1, 0.9)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """Edited texts in all splits, beside rankings in the test split."""
    rankings, pairs = zip(*[ranked(f"My radio {n} is broken.") for n in range(4)], strict=True)
    edits = {
        split: [edit(f"My lamp {split} {n} is broken.") for n in range(count)]
        for split, count in (("train", 12), ("validation", 4), ("test", 5))
    }
    edits["test"] += pairs
    return write_snapshot(tmp_path_factory.mktemp("edits"), rankings={"test": list(rankings)}, comparisons=edits)


def config_of(base, snapshot, out, **fields) -> dict:
    return {"out": str(out), "base": str(base), "snapshot": str(snapshot), **LIMITS, **fields}


def results_of(run) -> dict[tuple[str, str], dict]:
    found = json.loads((run / "MANIFEST.json").read_text())["results"]
    return {(one["name"], one["subject"]): one for one in found}


def test_an_edited_text_is_a_ranking_of_two_and_the_pairs_of_rankings_are_none(snapshot):
    rows = read_edits(snapshot, "test")
    assert len(rows) == 5
    assert (rows[0].completions, rows[0].ranks) == (["Please send it back.", "Go away."], [1, 2])
    assert (rows[0].sure, rows[0].weight, rows[0].domain) == ({(0, 1): 0.8}, 1.0, "home")


def test_it_says_nothing_of_how_sure_it_is_where_the_snapshot_does_not(tmp_path):
    write_snapshot(tmp_path, comparisons={"train": [edit("Why?", posterior=None, weight=0.5)]})
    (row,) = read_edits(tmp_path, "train")
    assert (row.sure, row.weight) == (None, 0.5)


@pytest.mark.parametrize(
    ("fields", "split", "learnt", "sure"),
    [
        ({}, "train", 12, {None}),
        ({"labels": "soft"}, "train", 12, {0.8}),
        ({"edits": "leave"}, "train", 0, set()),
        ({}, "test", 4, {None}),
    ],
)
def test_it_is_learnt_unless_it_is_left_and_never_among_held_out_rankings(base, snapshot, fields, split, learnt, sure):
    config = build_config(Config, config_of(base, snapshot, "unused", **fields))
    rows = read_learnt(config, split)
    assert len(rows) == learnt
    assert {row.sure and row.sure[0, 1] for row in rows} == sure


def test_a_reward_model_that_has_learnt_edits_is_measured_on_them_beside_the_baselines(base, snapshot, tmp_path):
    train_reward(build_config(RewardConfig, config_of(base, snapshot, tmp_path / "run", lr=0.01, epochs=6)))
    found = results_of(tmp_path / "run")
    assert found["test_edit_accuracy", "reward"]["value"] == 1.0
    assert found["test_edit_accuracy", "reward"]["n"] == 5
    assert "5 edited texts" in found["test_edit_accuracy", "reward"]["note"]
    assert found["test_edit_accuracy", "longer answer"]["value"] == 1.0
    assert found["test_edit_accuracy", "shorter answer"]["value"] == 0.0
    assert found["validation_edit_accuracy", "tf-idf"]["n"] == 4
    assert found["test_accuracy", "reward"]["n"] == 4


def test_a_policy_learns_from_edits_alone(base, snapshot, tmp_path):
    train_dpo(build_config(DpoConfig, config_of(base, snapshot, tmp_path / "run", lr=1e-3)))
    assert results_of(tmp_path / "run")["test_accuracy", "dpo"]["n"] == 4
