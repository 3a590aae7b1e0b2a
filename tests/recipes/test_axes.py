"""Several axes: what ratings say side by side, a head for each, and the stated sum."""

import json

import pytest
import torch

from tests.recipes.small_artifacts import run_program
from tests.recipes.snapshots import ranking, rating, write_snapshot
from training.modelling.artifacts import RecipeError
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.configs import ConfigError, build_config
from training.modelling.models import reward_head
from training.modelling.ratings import ranks_of, read_rated
from training.modelling.rewards import Normalisation, load_reward, score_all
from training.modelling.snapshots import RankingRow, read_rankings
from training.recipes.ppo import value_network
from training.recipes.reward import RewardConfig, train_reward
from training.recipes.uncertainty import UncertaintyConfig, score_uncertainty

TEXTS = ("Please send it back.", "Send it back now.", "Go away.")
HELPFUL, HARMLESS = (5, 7, 1), (7, 2, 1)
WEIGHTS = {"helpful": 1.0, "harmless": 3.0}


def rated(question: str, *, harmless: bool = True) -> list[dict]:
    """One judgement of three answers: the second is the most helpful one, the first the most harmless."""
    return [
        rating(question, text, helpful=helpful, **({"harmless": value} if harmless else {}))
        for text, helpful, value in zip(TEXTS, HELPFUL, HARMLESS, strict=True)
    ]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    rows = {}
    for split, count in (("train", 16), ("validation", 4), ("test", 6)):
        rows[split] = [row for n in range(count) for row in rated(f"My lamp {split} {n}.", harmless=n % 4 != 1)]
    ranked = [ranking(f"My lamp test {n}.", list(TEXTS), [1, 2, 3]) for n in range(3)]
    return write_snapshot(tmp_path_factory.mktemp("rated"), ratings=rows, rankings={"test": ranked})


@pytest.fixture(scope="module")
def trained(base, snapshot, tmp_path_factory):
    """A finished run with two axes: its manifest and its directory."""
    out = tmp_path_factory.mktemp("axes")
    config = {"out": str(out / "run"), "base": str(base), "snapshot": str(snapshot), "axes": WEIGHTS, "lr": 0.01}
    limits = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64, "epochs": 6}
    return run_program("reward", config | limits, out), out / "run"


def test_the_higher_value_has_the_better_rank_and_no_value_has_none():
    assert ranks_of([5, None, 7, 5, 1]) == [2, None, 1, 2, 4]


def test_it_reads_ranks_on_each_axis_and_the_ranking_as_overall(snapshot):
    rows = read_rated(snapshot, "test", ["helpful", "harmless", "overall"])
    assert [row.completions for row in rows] == [list(TEXTS)] * 6
    assert rows[0].axes == {"helpful": [2, 1, 3], "harmless": [1, 2, 3], "overall": [1, 2, 3]}
    missing = [row for row in rows if row.axes["harmless"] == [None] * 3]
    assert len(missing) == 2
    assert all(row.ranks == [1, 1, 1] and row.axes["overall"] == [None] * 3 for row in rows[3:])


def test_it_compares_only_what_one_person_saw_side_by_side(tmp_path):
    rows = [rating("Why?", TEXTS[0], "one", helpful=7), rating("Why?", TEXTS[1], "other", helpful=1)]
    assert read_rated(write_snapshot(tmp_path, ratings={"train": rows}), "train", ["helpful"]) == []


def test_each_axis_learns_its_own_order_and_is_measured(trained):
    manifest, _ = trained
    found = {(one["name"], one["subject"]): one for one in manifest["results"]}
    assert found["test_accuracy", "helpful"]["value"] == found["test_accuracy", "harmless"]["value"] == 1.0
    # Two of six judgements have no harmless values: they are no part of its n, and of the loss.
    assert (found["test_accuracy", "helpful"]["n"], found["test_accuracy", "harmless"]["n"]) == (6, 4)
    assert found["test_accuracy", "reward"]["n"] == 3
    assert found["test_accuracy", "helpful"]["lo"] <= 1.0


def test_its_report_tells_each_axis_apart_and_of_the_sum_what_people_ranked(trained):
    report = json.loads((trained[1] / "report.json").read_text())
    told = [(one["name"], one["weight"], one["n_prompts"], one["n_pairs"]) for one in report["axes"]]
    assert told == [("helpful", 1.0, 6, 18), ("harmless", 3.0, 4, 12)]
    assert all(one["calibration"]["ece"]["n"] == one["accuracy"]["n"] for one in report["axes"])
    assert (report["n_rankings"], report["n_pairs"]) == (3, 9)
    sums = {one["subject"]: one["value"] for one in trained[0]["results"] if one["name"] == "test_accuracy"}
    assert report["accuracy"]["value"] == sums["reward"]


def test_baselines_stand_beside_each_axis(trained):
    manifest, _ = trained
    found = {(one["name"], one["subject"]): one for one in manifest["results"]}
    # The longest answer is the most harmless one and the second most helpful one.
    assert found["test_accuracy", "longer answer, harmless"]["value"] == 1.0
    assert found["test_accuracy", "longer answer, helpful"]["value"] == pytest.approx(2 / 3)
    assert found["test_accuracy", "shorter answer, helpful"]["value"] == pytest.approx(1 / 3)
    assert found["test_accuracy", "tf-idf, helpful"]["n"] == 6


def test_the_score_is_the_stated_sum_of_normalised_axes(trained):
    reward = load_reward(trained[1])
    assert reward.axes == WEIGHTS
    prompt = encode_prompt(reward.tokenizer, [{"role": "user", "content": "My lamp test 0."}])
    said = [encode_completion(reward.tokenizer, text) for text in TEXTS]
    axes = reward.score_axes([prompt] * 3, said)
    assert axes["helpful"].argmax() == 1
    assert axes["harmless"].argmax() == 0
    sums = axes["helpful"] + 3 * axes["harmless"]
    expected = (sums - reward.normalisation.mean) / reward.normalisation.std
    torch.testing.assert_close(reward.score([prompt] * 3, said), expected)
    assert reward.score([prompt] * 3, said).argmax() == 0


def test_normalised_axes_and_their_sum_have_mean_0_and_standard_deviation_1():
    raw = torch.randn(50, 1, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([3.0, 0.1]) + 5
    found = Normalisation.over(raw, WEIGHTS)
    for values in (found.by_axis(raw)[..., 0], found.by_axis(raw)[..., 1], found.overall(raw)):
        assert values.mean().item() == pytest.approx(0, abs=1e-4)
        assert values.std().item() == pytest.approx(1, rel=1e-4)


def test_ppos_value_network_starts_as_the_score(trained):
    reward = load_reward(trained[1])
    value, shift, scale = value_network(reward, reward.model, reward.tokenizer)
    assert reward_head(value).weight.shape == (1, 32)
    rows = [[[5, 6, 7], [8]], [[13, 14, 1], [15, 1]]]
    raw = score_all(value, reward.tokenizer, *rows)[:, 0, 0]
    torch.testing.assert_close((raw - shift) / scale, reward.score(*rows), rtol=1e-4, atol=1e-4)


def test_several_axes_are_no_chance_for_uncertainty(trained, tmp_path):
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text('{"task": 1, "prompt": [{"role": "user", "content": "Hi"}], "completions": ["a", "b"]}\n')
    config = UncertaintyConfig(
        out=str(tmp_path / "run"), rewards=[str(trained[1])] * 2, tasks=str(tasks), max_prompt_tokens=64,
        max_completion_tokens=64,
    )  # fmt: skip
    with pytest.raises(RecipeError, match="has learnt several axes, or is no reward model"):
        score_uncertainty(config)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"axes": {"helpful": -1.0}}, "must not be below 0"),
        ({"axes": {"helpful": 0.0}}, "at least must be above 0"),
        ({"axes": {"helpful": 1.0}, "loss": "plackett_luce"}, "'axes' needs the loss"),
        ({"member_layers": 1}, "needs an 'ensemble'"),
    ],
)
def test_it_refuses_axes_that_make_no_sense(base, snapshot, fields, said):
    with pytest.raises(ConfigError, match=said):
        build_config(RewardConfig, {"out": "nowhere", "base": str(base), "snapshot": str(snapshot), **fields})


def test_it_says_that_nobody_rated_one_of_the_axes(base, snapshot, tmp_path):
    axes = {"helpful": 1.0, "helpfull": 1.0}
    config = {"out": str(tmp_path), "base": str(base), "snapshot": str(snapshot), "axes": axes}
    limits = {"max_prompt_tokens": 64, "max_completion_tokens": 64}
    with pytest.raises(RecipeError, match="no completions that one person rated differently on helpfull in its train"):
        train_reward(build_config(RewardConfig, config | limits))


def test_a_ranking_without_ratings_is_read_as_ever(snapshot):
    assert read_rankings(snapshot, "test")[0].axes is None
    assert isinstance(read_rankings(snapshot, "test")[0], RankingRow)
