"""The report of a reward model, against figures that can be counted by hand."""

import json
import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from tests.recipes.small_artifacts import run_program
from tests.recipes.snapshots import ranking, write_snapshot
from training.modelling.reward_report import (
    AxisScores,
    best_of_n,
    expected_best,
    length_correlation,
    report_results,
    reward_report,
)
from training.modelling.snapshots import RankingRow


def row(question: str, completions: list[str], ranks: list[int], **fields) -> RankingRow:
    made = ranking(question, completions, ranks)
    return RankingRow(**({name: made[name] for name in RankingRow.__dataclass_fields__ if name in made} | fields))


TEXTS = ["a", "bb", "ccc", "dddd"]
FOUR = [
    row("p", TEXTS, [1, 2, 3, 4], annotator="one", domain="x"),
    row("p", TEXTS, [2, 1, 3, 4], annotator="two", domain="x"),
    row("p", TEXTS, [1, 2, 3, 4], annotator="three", domain="x"),
    row("q", ["a", "bbbbb"], [2, 1], annotator="one", domain="y"),
]
SCORES = [[2.0, 1.0, 0.0, 3.0]] * 3 + [[0.0, 1.0]]


@pytest.fixture(scope="module")
def report():
    return reward_report(FOUR, SCORES, split="test")


def test_it_counts_what_the_reward_orders_as_people_did(report):
    """Of one ranking of p: a over b, c; b over c, but nothing over d. Annotator two has b over a."""
    assert (report["n_rankings"], report["n_prompts"], report["n_pairs"]) == (4, 2, 19)
    assert report["accuracy"]["value"] == pytest.approx((3 + 2 + 3 + 1) / 19)
    assert report["domains"]["x"]["accuracy"]["value"] == pytest.approx(8 / 18)
    assert report["domains"]["y"] == {"n_pairs": 1, "accuracy": report["domains"]["y"]["accuracy"]}
    assert report["rank_distance"]["3"]["accuracy"]["value"] == 0.0
    assert sum(one["n_pairs"] for one in report["rank_distance"].values()) == 19
    assert sum(one["n_pairs"] for one in report["margins"]) == 19


def test_it_measures_annotators_against_the_others_on_the_pairs_that_these_judged(report):
    """On a and b the two others of one and three are divided, and both are against two; on the rest all agree."""
    ceiling = report["ceiling"]
    assert ceiling["n_pairs"] == 18
    assert ceiling["leave_one_out"]["value"] == pytest.approx((5 + 0.5 + 5 + 0 + 5 + 0.5) / 18)
    assert ceiling["accuracy_on_the_same"]["value"] == pytest.approx(8 / 18)
    assert ceiling["agreement"]["value"] == pytest.approx((15 + 1) / 18)


def test_it_says_how_far_chances_are_from_shares(report):
    margins, correct = [], []
    for one, scores in zip(FOUR, SCORES, strict=True):
        for better, worse in one.pairs:
            margins.append(scores[better] - scores[worse])
            correct.append(float(margins[-1] > 0))
    chance = 1 / (1 + np.exp(-np.array(margins)))
    calibration = report["calibration"]
    assert calibration["nll"]["value"] == pytest.approx(-np.log(chance).mean())
    assert calibration["brier"]["value"] == pytest.approx(((1 - chance) ** 2).mean())
    ece = 0.0
    for distance in (1, 2, 3):  # sigmoids .73, .88 and .95: three of the bins
        of_bin = [right for margin, right in zip(margins, correct, strict=True) if abs(margin) == distance]
        ece += len(of_bin) / 19 * abs(np.mean(of_bin) - 1 / (1 + math.exp(-distance)))
    assert calibration["ece"]["value"] == pytest.approx(ece)
    assert calibration["ece"]["lo"] <= ece <= calibration["ece"]["hi"]
    assert [one["n_pairs"] for one in calibration["bins"]] == [10, 6, 3]


def test_it_finds_calibrated_rewards_calibrated():
    rng = np.random.default_rng(0)
    rows, scores = [], []
    for number in range(800):
        margin = rng.normal() * 2
        first = rng.random() < 1 / (1 + math.exp(-margin))
        rows.append(row(str(number), ["a", "b"], [1, 2] if first else [2, 1]))
        scores.append([margin, 0.0])
    found = reward_report(rows, scores, split="test")["calibration"]
    assert found["ece"]["value"] < 0.05
    off = reward_report(rows, [[3 * one, other] for one, other in scores], split="test")["calibration"]
    assert off["ece"]["lo"] > 0.06
    assert off["nll"]["value"] > found["nll"]["value"]


def test_it_balances_length():
    """Three prompts prefer the longer, one the shorter; a reward that is length is right on all of the former."""
    rows = [row(str(number), ["aa", "b"], [1, 2]) for number in range(3)] + [row("3", ["aa", "b"], [2, 1])]
    length = reward_report(rows, [[2.0, 1.0]] * 4, split="test")["length"]
    assert length["longer_preferred"]["value"] == 0.75
    assert (length["accuracy_where_longer"]["value"], length["accuracy_where_shorter"]["value"]) == (1.0, 0.0)
    assert length["length_balanced"]["value"] == 0.5
    assert length["equal_length"]["reason"], "no pair is of equal length"
    assert length["n_equal_length"] == 0


def test_it_takes_pairs_whose_lengths_differ_by_a_tenth_for_equal():
    rows = [row("p", ["a" * 10, "a" * 9], [1, 2]), row("q", ["a" * 10, "a" * 8], [1, 2])]
    length = reward_report(rows, [[1.0, 0.0], [0.0, 1.0]], split="test")["length"]
    assert length["n_equal_length"] == 1
    assert length["equal_length"]["value"] == 1.0


def test_it_correlates_reward_with_length_within_prompts():
    rows = [row("p", ["a", "bb", "ccc"], [1, 2, 3]), row("q", ["aaaa", "bbbbbb"], [1, 2])]
    rows += [row("r", ["a", "bbbb"], [1, 2]), row("s", ["aa", "b"], [1, 2])]
    scores = [[5.0, 7.0, 6.0], [-3.0, 1.0], [0.0, 0.5], [2.0, 2.5]]
    lengths = [[1, 2, 3], [4, 6], [1, 4], [2, 1]]
    centred = [np.concatenate([np.array(one) - np.mean(one) for one in rows]) for rows in (scores, lengths)]
    found = length_correlation(rows, scores)
    assert found.value == pytest.approx(np.corrcoef(*centred)[0, 1])
    assert found.lo < found.value < found.hi
    assert found.n == 4
    assert length_correlation(rows[:1], [[1.0, 1.0, 1.0]]).reason


def test_it_averages_over_all_draws_of_n():
    rng = np.random.default_rng(1)
    worth, chosen_by = rng.random(6), rng.permutation(6)
    for n in range(1, 7):
        brute = np.mean([worth[max(draw, key=lambda place: chosen_by[place])] for draw in combinations(range(6), n)])
        assert expected_best(worth, chosen_by, n) == pytest.approx(brute)


def test_it_chooses_among_equals_by_chance():
    assert expected_best([0.0, 1.0, 0.5], [7.0, 7.0, 1.0], 3) == 0.5


def test_it_draws_the_best_of_n_curve_of_what_people_ranked():
    curve = best_of_n([row("p", TEXTS, [1, 2, 3, 4]), row("q", TEXTS[:2], [2, 1])], [[4, 3, 2, 1], [1, 0]])
    assert [point["n"] for point in curve] == [1, 2, 3, 4]
    assert {curve[0][name]["value"] for name in ("reward", "longer", "oracle")} == {0.5}
    assert curve[3]["reward"]["value"] == curve[3]["oracle"]["value"] == 1.0
    assert curve[3]["longer"]["value"] == 0.0
    assert (curve[1]["reward"]["n"], curve[3]["reward"]["n"]) == (2, 1)
    # Of p's pairs the better one is worth 1, 1, 1, 2/3, 2/3, 1/3; of q the worse one is chosen, worth 0.
    assert curve[1]["reward"]["value"] == pytest.approx((14 / 18 + 0) / 2)


def test_it_leaves_what_is_undefined_out_of_the_manifest(report):
    names = [(one.name, one.subject) for one in report_results(report)]
    assert ("test_leave_one_out", "reward") in names
    assert len(names) == len(set(names))
    single = reward_report(FOUR[3:], SCORES[3:], split="test")
    assert "test_leave_one_out" not in {one.name for one in report_results(single)}


def test_it_stands_beside_every_reward_model(base, tmp_path):
    rows = {
        split: [
            {**ranking(f"{split} {number}", ["Go away.", "Please send it back.", "Send it."], ranks), "annotator": name}
            for number in range(8)
            for name, ranks in (("one", [3, 1, 2]), ("two", [3, 2, 1]))
        ]
        for split in ("train", "test")
    }
    snapshot = write_snapshot(tmp_path / "snapshot", rankings=rows)
    config = {"out": str(tmp_path / "reward"), "base": str(base), "snapshot": str(snapshot), "threads": 1, "epochs": 1}
    manifest = run_program("reward", config | {"max_prompt_tokens": 64, "max_completion_tokens": 64}, tmp_path)
    assert "report.json" in manifest["files"]
    report = json.loads((tmp_path / "reward" / "report.json").read_text())
    results = {(one["name"], one["subject"]): one["value"] for one in manifest["results"]}
    assert report["split"] == "test"
    assert report["accuracy"]["value"] == results["test_accuracy", "reward"]
    assert report["calibration"]["nll"]["value"] == pytest.approx(results["test_loss", "reward"])
    assert results["test_agreement", "annotators"] == pytest.approx(2 / 3)
    assert len(report["best_of_n"]) == 3


def axes_report(rows=FOUR, scores=SCORES) -> dict:
    """Of two axes, on one of which nobody rated b and d."""
    told = replace(FOUR[0], ranks=[1, None, 2, None])
    axes = [AxisScores("helpful", 1.0, FOUR, SCORES), AxisScores("harmless", 2.0, [told], SCORES[:1])]
    return reward_report(rows, scores, split="test", log_odds=False, axes=axes)


def test_it_reports_each_axis_by_its_own_pairs(report):
    helpful, harmless = axes_report()["axes"]
    assert (helpful["name"], helpful["weight"]) == ("helpful", 1.0)
    assert all(helpful[part] == report[part] for part in ("accuracy", "calibration", "length", "n_pairs", "n_prompts"))
    assert (harmless["n_pairs"], harmless["n_prompts"], harmless["accuracy"]["value"]) == (1, 1, 1.0)


def test_a_sum_of_axes_has_no_calibration():
    found = axes_report()
    assert "calibration" not in found
    assert found["accuracy"]["value"] == pytest.approx(9 / 19)
    subjects = {result.subject for result in report_results(found) if result.name == "test_ece"}
    assert subjects == {"helpful", "harmless"}


def test_where_people_only_rated_it_reports_the_axes_alone():
    found = axes_report(rows=[], scores=[])
    assert found.keys() == {"split", "n_rankings", "axes"}
    assert {result.subject for result in report_results(found)} == {"helpful", "harmless"}
