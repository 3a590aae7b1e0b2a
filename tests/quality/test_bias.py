"""Bias coefficients against statsmodels, planted tastes and the edge cases that must have an answer."""

import numpy as np
import pytest
import statsmodels.api as sm

from annotate.quality.bias import (
    ALL_ALIKE,
    NEVER_MET,
    NOT_SEPARABLE,
    NOTHING_COMPARED,
    ONE_PERSON,
    _empirical_bayes,
    _Prior,
    annotator_bias,
    ranking_weight,
)
from annotate.quality.intervals import clustered_proportion
from annotate.quality.shared_bias import shared_bias_warning
from annotate.quality.table import TableError
from tests.bench.bias import as_rankings, audit, coverage, values
from tests.quality.biased import area_under_curve, crowd, judge, top_tenth


def test_it_is_logistic_regression_for_one_annotator_with_many_judgements():
    drawn = judge(seed=1, people=1, each=40_000)
    found = annotator_bias(**drawn.columns)
    columns = np.column_stack([drawn.quality, drawn.features, np.ones(drawn.quality.size)])
    fit = sm.Logit(drawn.left_preferred, columns).fit(disp=0)
    names = ["quality", "length", "lists", "position"]
    assert [found.annotators[name][0].value for name in names] == pytest.approx(fit.params, abs=2e-3)
    widths = [(found.pool[name].hi - found.pool[name].lo) / 2 for name in names]
    assert widths == pytest.approx(1.96 * fit.bse, rel=0.01)
    assert found.pool["length"].reason == ONE_PERSON


def test_the_spread_is_where_em_would_stand_still():
    rng = np.random.default_rng(3)
    information = np.array([one @ one.T for one in rng.normal(size=(40, 3, 5))])
    linear = rng.normal(size=(40, 3)) * 2
    start = _Prior(np.zeros(3), np.full(3, 0.25))
    found = _empirical_bayes(information, linear, start, 1e-9)
    pool, variance = found.prior.mean, found.prior.variance
    squares = np.square(found.mean - pool).sum(axis=0) + np.einsum("app->p", found.covariance)
    assert (squares + 0.25) / 41 == pytest.approx(variance, rel=1e-6)


def test_it_finds_the_top_tenth_of_length_lovers_at_a_hundred_judgements_each():
    drawn = [judge(seed=seed) for seed in range(6)]
    areas = [
        area_under_curve(values(annotator_bias(**one.columns), "length"), top_tenth(one.truth[:, 1])) for one in drawn
    ]
    assert np.mean(areas) >= 0.94


@pytest.mark.parametrize("each", [20, 100])
def test_its_intervals_hold_the_truth(each):
    held = [coverage(annotator_bias(**one.columns), one.truth) for one in (judge(seed=s, each=each) for s in range(4))]
    assert 0.93 <= np.mean(held) <= 0.985


def test_it_does_not_pull_the_pool_to_nothing_when_everybody_judged_little():
    drawn = judge(seed=3, people=1000, each=10, pool=(1.0, 0.5, 0.2, 0.0))
    found = annotator_bias(**drawn.columns).pool["length"]
    assert found.lo <= 0.5 <= found.hi
    assert found.value == pytest.approx(0.5, abs=0.06)


def test_agreement_rises_and_accuracy_falls_with_a_shared_taste_and_the_audit_says_so():
    found = [audit(crowd(taste=taste, seed=5)) for taste in (0.0, 1.0, 2.0, 3.0)]
    assert np.all(np.diff([one["alpha"] for one in found]) > 0)
    assert np.all(np.diff([one["accuracy"] for one in found]) < 0)
    assert [one["warns"] for one in found] == [False, True, True, True]


def test_the_warning_names_the_figures():
    drawn = crowd(taste=2.0, seed=5)
    features = drawn.length[drawn.pairs][:, None]
    bias = annotator_bias(drawn.annotators, drawn.left_preferred, features, names=["length"])
    accuracy = clustered_proportion(drawn.right, list(drawn.annotators))
    said = [str(one) for one in shared_bias_warning(bias.pool, None, accuracy)]
    assert "twice as long" in said[0]
    assert "n = 20,000 comparisons" in said[0]
    assert said[1].startswith("These are associations")
    assert f"right {accuracy.value * 100:.0f}\N{NO-BREAK SPACE}% of the time" in said[2]


def test_the_warning_asks_for_gold_where_there_is_none():
    drawn = crowd(taste=2.0, seed=5)
    bias = annotator_bias(
        drawn.annotators,
        drawn.left_preferred,
        drawn.length[drawn.pairs],
        names=["length"],
        quality=drawn.quality[drawn.pairs],
    )
    said = [str(one) for one in shared_bias_warning(bias.pool)]
    assert "what is left is taste" in said[1]
    assert said[2].startswith("There are no known answers to hold this against")


def test_ties_left_out_leave_the_coefficients_as_they_are():
    rng = np.random.default_rng(0)
    length = rng.normal(size=60_000)
    strength = np.exp(0.4 * length)  # Davidson: wins p, losses 1/p, ties nu, with p the square root of the odds
    total = strength + 1 / strength + 0.8
    drawn = rng.random(length.size) * total
    outcome = np.where(drawn < strength, 1.0, np.where(drawn < strength + 1 / strength, 0.0, 0.5))
    found = annotator_bias(np.arange(length.size) % 50, outcome, length, names=["length"])
    assert found.n_ties == (outcome == 0.5).sum()
    assert found.n_judgements + found.n_ties == length.size
    assert found.pool["length"].value == pytest.approx(0.8, abs=0.03)


def test_somebody_who_judged_once_is_taken_for_a_typical_annotator():
    drawn = judge(seed=2, people=50)
    columns = drawn.columns
    columns["annotators"] = np.append(drawn.annotators, 99)
    columns["left_preferred"] = np.append(drawn.left_preferred, 1.0)
    columns["features"] = np.vstack([drawn.features, [0.1, 1.0]])
    columns["quality"] = np.append(drawn.quality, 0.2)
    found = annotator_bias(**columns)
    newcomer, pool = found.annotators["length"][-1], found.pool["length"]
    assert newcomer.n == 1
    assert newcomer.value == pytest.approx(pool.value, abs=0.05)
    assert newcomer.hi - newcomer.lo == pytest.approx(2 * 1.96 * found.spread["length"], rel=0.1)


def test_complete_separation_has_finite_coefficients():
    length = np.linspace(-2, 2, 40)
    found = annotator_bias(np.arange(40) % 4, (length > 0).astype(float), length, names=["length"])
    assert 1 < found.pool["length"].value < 10
    assert all(one.lo < one.value < one.hi < 20 for one in found.annotators["length"])


def test_what_never_differs_is_undefined_and_says_so():
    drawn = judge(seed=4, people=5)
    columns = drawn.columns | {"features": np.column_stack([drawn.features[:, 0], np.zeros(drawn.quality.size)])}
    found = annotator_bias(**columns)
    assert (found.pool["lists"].value, found.pool["lists"].reason) == (None, ALL_ALIKE)
    assert found.spread["lists"] is None
    assert {one.reason for one in found.annotators["lists"]} == {ALL_ALIKE}
    assert found.pool["length"].value is not None


def test_features_that_go_together_cannot_be_told_apart():
    drawn = judge(seed=4, people=5)
    twins = np.column_stack([drawn.features[:, 0], 3 * drawn.features[:, 0]])
    found = annotator_bias(**drawn.columns | {"features": twins})
    assert {found.pool[name].reason for name in ("length", "lists")} == {NOT_SEPARABLE}
    assert found.pool["quality"].value == pytest.approx(1.0, abs=0.5)


def test_somebody_who_met_no_difference_in_a_feature_has_no_coefficient_for_it():
    drawn = judge(seed=4, people=5)
    features = drawn.features.copy()
    features[drawn.annotators == 2, 1] = 0
    found = annotator_bias(**drawn.columns | {"features": features})
    assert (found.annotators["lists"][2].value, found.annotators["lists"][2].reason) == (None, NEVER_MET)
    assert found.annotators["length"][2].n == 100


def test_nothing_and_only_ties_are_undefined():
    for n in (0, 3):
        found = annotator_bias(list("abc")[:n], [0.5] * n, np.ones((n, 1)), names=["length"])
        assert {one.reason for one in found.pool.values()} == {NOTHING_COMPARED}
        assert (found.n_judgements, found.n_ties) == (0, n)


def test_which_text_is_called_the_left_one_does_not_matter():
    drawn = judge(seed=6, people=20)
    turned = np.random.default_rng(0).random(drawn.quality.size) < 0.5
    sign = np.where(turned, -1.0, 1.0)
    mirrored = annotator_bias(
        drawn.annotators,
        np.where(turned, 1 - drawn.left_preferred, drawn.left_preferred),
        drawn.features * sign[:, None],
        names=["length", "lists"],
        quality=drawn.quality * sign,
        position=sign,
    )
    plain = annotator_bias(**drawn.columns)
    for name, found in plain.pool.items():
        assert mirrored.pool[name].value == pytest.approx(found.value, abs=1e-9)


def test_every_figure_is_ready_for_json():
    found = annotator_bias(**judge(seed=0, people=3).columns).as_dict()
    assert found["n_annotators"] == 3
    assert set(found["annotators"]["0"]) == set(found["pool"]) == {"quality", "length", "lists", "position"}
    assert found["pool"]["length"]["n"] == 300


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"left_preferred": [1, 2, 0]}, "Row 2 has outcome 2"),
        ({"features": [[1.0], [2.0], [float("nan")]]}, "Row 3 has nan as its length"),
        ({"features": [[1.0], [2.0]]}, "Every row needs an annotator and its features"),
        ({"quality": [1.0, 2.0]}, "quality has 2 values for 3 rows"),
        ({"weights": [1.0, 0.0, 1.0]}, "Row 2 has weight 0"),
        ({"position": [1, 1, 3]}, "Row 3 has position 3"),
        ({"names": ["quality"]}, "none of them"),
        ({"features": [["a"], ["b"], ["c"]]}, "something else than numbers"),
    ],
)
def test_it_refuses_columns_that_are_none(change, said):
    columns = {"annotators": list("abc"), "left_preferred": [1, 0, 0], "features": np.ones((3, 1)), "names": ["length"]}
    with pytest.raises(TableError, match=said):
        annotator_bias(**columns | change)


def test_comparisons_of_a_ranking_count_less_the_more_of_them_there_are():
    assert ranking_weight([2, 5]).tolist() == [1.0, 0.5]


def test_the_planted_crowd_is_four_on_a_pair():
    table = as_rankings(crowd(taste=1.0, seed=0))
    assert set(np.bincount(table.item)) == {8}
