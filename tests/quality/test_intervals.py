"""Intervals against scipy, literals, brute force, a jackknife and a small simulation of coverage."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from annotate.quality.agreement import ranking_agreement
from annotate.quality.intervals import clustered_mean, clustered_proportion, credible_share, student_t_quantile, wilson

from .worlds import Rows, cases_of, random_rankings, rankings_of, table_of


@pytest.mark.parametrize(("right", "n"), [(0, 0), (5, 5), (0, 3), (2.5, 7), (80, 100)])
def test_the_credible_interval_is_the_beta_posteriors(right, n):
    found = credible_share(right, n)
    posterior = stats.beta(right + 1, n - right + 1)
    assert (found.value, found.n) == (pytest.approx(posterior.mean()), n)
    assert (found.lo, found.hi) == pytest.approx(posterior.interval(0.95), rel=1e-9)


def test_all_of_five_right_leave_much_open():
    found = credible_share(5, 5)
    assert (found.value, found.lo, found.hi) == pytest.approx((6 / 7, 0.025 ** (1 / 6), 0.975 ** (1 / 6)))
    with pytest.raises(ValueError, match="0 <= right <= n"):
        credible_share(6, 5)


@pytest.mark.parametrize("df", [0.5, 1, 1.7, 2, 3, 7.3, 19, 199, 5000, 1e6])
def test_it_knows_the_quantiles_of_students_t(df):
    assert student_t_quantile(df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 40), (29, 40), (40, 40), (726, 1000)])
def test_it_gives_wilsons_interval(successes, n):
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
    found = wilson(successes, n)
    assert (found.value, found.n) == (successes / n, n)
    assert (found.lo, found.hi) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_it_has_no_share_of_nothing():
    assert wilson(0, 0).as_dict() == {"value": None, "lo": None, "hi": None, "n": 0, "reason": "Nothing counted yet."}


def test_it_refuses_more_successes_than_trials():
    with pytest.raises(ValueError, match="got 5 of 4"):
        wilson(5, 4)


def test_it_gives_the_textbook_interval_when_every_value_is_its_own_cluster():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    found = clustered_mean(values, range(4))
    assert (found.lo, found.hi) == pytest.approx(stats.t.interval(0.95, 3, values.mean(), stats.sem(values)), abs=1e-9)
    assert (found.value, found.n) == (4.0, 4)


def test_it_gives_wilsons_interval_at_the_effective_size():
    found = clustered_proportion([1] * 8 + [0] * 2, range(10))
    # The variance divides by n - 1, so that the effective size is 9.
    expected = wilson(0.8 * 9, 9, z=stats.t.ppf(0.975, 9))
    assert (found.lo, found.hi) == pytest.approx((expected.lo, expected.hi), abs=1e-9)


@pytest.mark.parametrize("interval", [clustered_mean, clustered_proportion])
def test_it_does_not_take_repeats_within_a_cluster_for_evidence(interval):
    values, clusters = np.array([1, 0, 1, 1, 0, 1]), np.arange(6)
    once, tenfold = interval(values, clusters), interval(np.tile(values, 10), np.tile(clusters, 10))
    assert (tenfold.lo, tenfold.hi) == pytest.approx((once.lo, once.hi), abs=1e-12)
    assert tenfold.n == 6


def test_it_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    prompts = np.repeat(np.arange(40), 6)
    hits = 0
    for _ in range(1000):
        chance = 0.5 + rng.choice([-0.4, 0.4], size=40)
        found = clustered_proportion((rng.random(240) < chance[prompts]).astype(float), prompts)
        hits += found.lo <= 0.5 <= found.hi
    # 95 % of 1000, and three standard errors of that count (20.7); ignoring the clusters it is about 670.
    assert 929 <= hits <= 971


def test_it_gives_wilsons_bound_for_clusters_that_all_agree():
    found = clustered_proportion(np.ones(30), np.repeat(["p", "q", "r"], 10))
    assert (found.value, found.hi) == (1, 1)
    assert found.lo == pytest.approx(wilson(3, 3, z=stats.t.ppf(0.975, 2)).lo, abs=1e-9)


def test_a_cluster_may_be_named_by_anything_hashable():
    by_tuple = clustered_mean([1.0, 2.0, 4.0], [(1, 2), (1, 2), (3,)])
    assert by_tuple == clustered_mean([1.0, 2.0, 4.0], [0, 0, 1])


def test_a_single_cluster_has_no_interval():
    found = clustered_mean([1.0, 2.0], ["p", "p"])
    assert (found.value, found.lo, found.hi, found.n) == (1.5, None, None, 1)


def test_it_refuses_values_that_are_no_proportion():
    with pytest.raises(ValueError, match="between 0 and 1"):
        clustered_proportion([0.5, math.nan], ["p", "q"])


def test_it_refuses_an_interval_of_nothing():
    with pytest.raises(ValueError, match="0 values"):
        clustered_mean([], [])


def balanced(seed: int, *, people: int, items: int, judges: int) -> Rows:
    """Pairs judged by annotators of very different skill, the work evenly shared."""
    rng = np.random.default_rng(seed)
    skill = rng.normal(1.0, 1.0, people)
    rows: Rows = []
    for item in range(items):
        for person in rng.choice(people, judges, replace=False):
            right = rng.random() < 1 / (1 + math.exp(-skill[person]))
            rows += [
                (f"i{item}", f"a{person:02}", "x", 1 if right else 2),
                (f"i{item}", f"a{person:02}", "y", 2 if right else 1),
            ]
    return rows


def test_it_adds_up_every_pair_of_cases_that_share_an_annotator_or_an_item():
    rows = balanced(6, people=6, items=60, judges=3)
    cases = [(item, {a, b}, float(s == t)) for item, a, b, s, t in cases_of(rows)]
    value = sum(agree for *_, agree in cases) / len(cases)
    residuals = [(item, pair, (agree - value) / len(cases)) for item, pair, agree in cases]
    of_annotators = sum(r * q for (_, a, r), (_, b, q) in product(residuals, repeat=2) if a & b)
    of_items = sum(r * q for (i, a, r), (j, b, q) in product(residuals, repeat=2) if i == j and not a & b)
    loads = np.array([sum(f"a{person:02}" in pair for _, pair, _ in cases) for person in range(6)])
    effective = loads.sum() ** 2 / (loads**2).sum()
    parts = 2 * loads / loads.sum()
    second, third = (parts**2).sum(), (parts**3).sum()
    correction = effective * (effective - 1) / ((effective - 2) * (effective - 3))
    correction *= (1 - second / 4) / (1 + second / 4 - third / second)
    shares = [sum(r for _, pair, r in residuals if f"a{person:02}" in pair) ** 2 for person in range(6)]
    freedom = max(4, sum(shares) ** 2 / sum(share**2 for share in shares))
    half = stats.t.ppf(0.975, min(effective - 1, freedom)) * math.sqrt(correction * of_annotators + of_items)
    found = ranking_agreement(table_of(rows)).strict_agreement
    assert 1 - found.hi == pytest.approx((1 - value) * math.exp(-half / (1 - value)), rel=1e-9)


@pytest.mark.parametrize("field", ["strict_agreement", "half_credit", "alpha", "alpha_rank", "tau_b", "tie_rate"])
def test_it_agrees_with_the_jackknife_over_items_when_no_annotator_returns(field):
    rows = random_rankings(11, items=150)
    alone = [(item, f"{item}-{annotator}", completion, rank) for item, annotator, completion, rank in rows]
    whole = getattr(ranking_agreement(table_of(alone)), field)
    items = sorted({row[0] for row in alone})
    without = np.array(
        [getattr(ranking_agreement(table_of([row for row in alone if row[0] != item])), field).value for item in items]
    )
    error = math.sqrt((len(items) - 1) / len(items) * ((without - without.mean()) ** 2).sum())
    assert (whole.hi - whole.lo) / 2 / 1.97 == pytest.approx(error, rel=0.05)


def test_it_is_very_unsure_about_other_annotators_when_it_knows_only_two():
    two = ranking_agreement(table_of(balanced(5, people=2, items=100, judges=2))).strict_agreement
    many = ranking_agreement(table_of(balanced(5, people=50, items=100, judges=2))).strict_agreement
    assert two.hi - two.lo > 0.5 > 3 * (many.hi - many.lo) / 2


def test_it_says_that_one_annotators_tie_rate_speaks_of_that_annotator_only():
    rows = [row for row in random_rankings(2) if row[1] == "a1"]
    found = ranking_agreement(table_of(rows)).tie_rate
    assert 0 <= found.lo < found.value < found.hi <= 1
    assert found.reason.startswith("One annotator:")


def test_it_covers_the_truth_where_a_bootstrap_over_items_does_not():
    """80 tables of 20 annotators and 600 items x 2; the item interval is the one such a bootstrap converges to."""
    skills = np.random.default_rng(0).normal(1.0, 1.0, (2, 200_000))
    right = 1 / (1 + np.exp(-skills))
    truth = float((right[0] * right[1] + (1 - right[0]) * (1 - right[1])).mean())
    dyadic = over_items = 0
    for seed in range(80):
        rows = balanced(seed, people=20, items=600, judges=2)
        found = ranking_agreement(table_of(rows)).strict_agreement
        half = 1.96 * math.sqrt(found.value * (1 - found.value) / len(rankings_of(rows)))
        dyadic += found.lo <= truth <= found.hi
        over_items += abs(found.value - truth) <= half
    assert dyadic >= 70
    assert over_items <= 64
