"""Agreement against a brute-force oracle, the krippendorff package and scipy, and in cases whose truth is known."""

import csv
import json
import math
from itertools import combinations

import krippendorff
import numpy as np
import pytest
from scipy.stats import friedmanchisquare, kendalltau

from annotate.quality.agreement import ranking_agreement
from annotate.quality.intervals import student_t_quantile

from .worlds import Rows, cases_of, random_rankings, rankings_of, table_of, units_of

SEEDS = range(8)
EXACT = 1e-12


@pytest.fixture(scope="module", params=SEEDS)
def rows(request) -> Rows:
    return random_rankings(request.param)


def test_it_counts_what_brute_force_counts(rows):
    found = ranking_agreement(table_of(rows))
    rankings = rankings_of(rows)
    judgements = [(item, annotator) for item, people in rankings.items() for annotator in people]
    assert found.n_items == len(rankings)
    assert found.n_annotators == len({annotator for _, annotator in judgements})
    assert found.n_judgements == len(judgements)
    assert found.n_pairs == len(cases_of(rows))


def test_it_measures_strict_agreement_as_brute_force_does(rows):
    strict = [(s, t) for *_, s, t in cases_of(rows) if s and t]
    found = ranking_agreement(table_of(rows)).strict_agreement
    assert found.value == pytest.approx(sum(s == t for s, t in strict) / len(strict), abs=EXACT)
    assert found.n == len(strict)


def test_it_measures_exact_and_half_credit_agreement_as_brute_force_does(rows):
    cases = [(s, t) for *_, s, t in cases_of(rows)]
    found = ranking_agreement(table_of(rows))
    assert found.exact_agreement.value == pytest.approx(sum(s == t for s, t in cases) / len(cases), abs=EXACT)
    half = sum(1 - abs(s - t) / 2 for s, t in cases) / len(cases)
    assert found.half_credit.value == pytest.approx(half, abs=EXACT)


def test_it_measures_the_tie_rate_as_brute_force_does(rows):
    votes = [vote for _, unit in units_of(rows) for vote in unit.values()]
    found = ranking_agreement(table_of(rows)).tie_rate
    assert found.value == pytest.approx(votes.count(0) / len(votes), abs=EXACT)
    assert found.n == len(votes)


def test_it_measures_alpha_as_the_krippendorff_package_does_on_mirrored_units(rows):
    counts = np.array([[list(votes.values()).count(s) for s in (-1, 0, 1)] for _, votes in units_of(rows)])
    mirrored = np.vstack([counts, counts[:, ::-1]])
    found = ranking_agreement(table_of(rows))
    nominal = krippendorff.alpha(value_counts=mirrored, level_of_measurement="nominal")
    assert found.alpha.value == pytest.approx(nominal, abs=1e-10)
    interval = krippendorff.alpha(value_counts=mirrored, value_domain=[-1, 0, 1], level_of_measurement="interval")
    assert found.alpha_interval.value == pytest.approx(interval, abs=1e-10)


def test_it_measures_alpha_rank_as_brute_force_does(rows):
    votes = [vote for _, unit in units_of(rows) for vote in unit.values()]
    t = votes.count(0) / len(votes)
    observed = np.mean([abs(s - u) / 2 for *_, s, u in cases_of(rows)])
    expected = 1 - observed / ((1 - t) ** 2 / 2 + t * (1 - t))
    assert ranking_agreement(table_of(rows)).alpha_rank.value == pytest.approx(expected, abs=EXACT)


def test_it_measures_tau_b_as_scipy_does(rows):
    taus = []
    for people in rankings_of(rows).values():
        for a, b in combinations(people.values(), 2):
            shared = sorted(a.keys() & b.keys())
            if len(shared) > 1:
                taus.append(kendalltau([a[c] for c in shared], [b[c] for c in shared]).statistic)
    defined = [tau for tau in taus if not math.isnan(tau)]
    found = ranking_agreement(table_of(rows)).tau_b
    assert found.value == pytest.approx(np.mean(defined), abs=EXACT)
    assert found.n == len(defined)


def test_it_measures_kendalls_w_as_friedmans_test_does():
    rng = np.random.default_rng(7)
    rankings = rng.integers(1, 5, size=(30, 6, 4))
    rows = [(f"i{i}", f"a{a}", f"c{c}", int(rankings[i, a, c])) for i, a, c in np.ndindex(30, 6, 4)]
    # Friedman's statistic with ties is W x judges x (completions - 1).
    expected = [friedmanchisquare(*panel.T).statistic / (6 * 3) for panel in rankings]
    gap = [("short", f"a{a}", f"c{c}", c + 1) for a in range(6) for c in range(2 + (a > 0))]
    found = ranking_agreement(table_of(rows + gap)).kendall_w
    assert found.value == pytest.approx(np.mean(expected), abs=EXACT)
    assert found.n == 30
    half = student_t_quantile(29) * np.std(expected, ddof=1) / math.sqrt(30)
    assert found.hi - found.value == pytest.approx(half, rel=1e-9)


@pytest.mark.parametrize("completions", [12, 40])
def test_it_compares_rankings_of_many_completions_as_brute_force_does(completions):
    rng = np.random.default_rng(completions)
    rows = [
        (f"i{i}", f"a{a}", f"c{c:02}", int(rng.integers(1, 6)))
        for i in range(4)
        for a in range(5)
        for c in rng.choice(completions, size=completions if a < 2 and i else 7, replace=False)
    ]
    found = ranking_agreement(table_of(rows))
    cases = [(s, t) for *_, s, t in cases_of(rows)]
    assert found.n_pairs == len(cases)
    assert found.exact_agreement.value == pytest.approx(sum(s == t for s, t in cases) / len(cases), abs=EXACT)
    counts = np.array([[list(votes.values()).count(s) for s in (-1, 0, 1)] for _, votes in units_of(rows)])
    mirrored = np.vstack([counts, counts[:, ::-1]])
    expected = krippendorff.alpha(value_counts=mirrored, level_of_measurement="nominal")
    assert found.alpha.value == pytest.approx(expected, abs=1e-10)


def test_it_reproduces_the_published_figures_of_the_synthetic_rankings(shared_data):
    with (shared_data / "rankings-synthetic.csv").open() as file:
        rows = [(r["item"], r["annotator"], r["completion"], int(r["rank"])) for r in csv.DictReader(file)]
    found = ranking_agreement(table_of(rows))
    assert found.tau_b.value == pytest.approx(0.475881, abs=1e-6)
    assert found.strict_agreement.value == pytest.approx(0.748159, abs=1e-6)
    assert found.alpha_rank.value == pytest.approx(0.419573, abs=1e-6)
    assert found.alpha.value == pytest.approx(0.362328, abs=1e-6)


def test_it_says_minus_one_for_exactly_reversed_rankings():
    rows = [
        (f"i{i}", a, f"c{c}", c + 1 if a == "ann" else 4 - c)
        for i in range(20)
        for a in ("ann", "bob")
        for c in range(4)
    ]
    found = ranking_agreement(table_of(rows))
    assert found.tau_b.value == -1
    assert found.strict_agreement.value == 0
    assert found.alpha.value < 0
    assert found.kendall_w.value == 0
    assert found.alpha_rank.value == -1


def test_it_finds_no_agreement_beyond_chance_in_independent_rankings():
    rng = np.random.default_rng(3)
    rows = [
        (f"i{i}", f"a{a}", f"c{c}", int(rank))
        for i in range(400)
        for a in rng.choice(30, 3, replace=False)
        for c, rank in enumerate(rng.integers(1, 5, size=4))
    ]
    found = ranking_agreement(table_of(rows))
    for estimate in (found.alpha, found.alpha_rank, found.tau_b):
        assert estimate.lo < 0 < estimate.hi
        assert abs(estimate.value) < 0.05


def test_it_defines_perfect_agreement_and_its_interval():
    rows = [(f"i{i}", f"a{a}", f"c{c}", c + 1) for i in range(50) for a in range(5) for c in range(3)]
    found = ranking_agreement(table_of(rows))
    for estimate in (found.strict_agreement, found.exact_agreement, found.alpha, found.alpha_rank, found.tau_b):
        assert estimate.value == 1
        assert estimate.hi == 1
        assert 0.3 < estimate.lo < 1


def test_it_is_blind_to_which_completion_is_called_the_first(rows):
    renamed = [
        (item, annotator, completion[::-1] + "z" * (9 - int(completion[1])), rank)
        for item, annotator, completion, rank in rows
    ]
    before, after = ranking_agreement(table_of(rows)).as_dict(), ranking_agreement(table_of(renamed)).as_dict()
    for name in ("strict_agreement", "alpha", "alpha_rank", "tau_b"):
        assert after[name]["value"] == pytest.approx(before[name]["value"], abs=EXACT)
        assert after[name]["lo"] == pytest.approx(before[name]["lo"], abs=1e-10)


PAIR = [("x", 1), ("y", 2)]


@pytest.mark.parametrize(
    ("rows", "field", "reason"),
    [
        ([], "alpha", "Nobody has ranked anything yet."),
        ([], "tie_rate", "Nobody has ranked anything yet."),
        ([("p", "ann", c, r) for c, r in PAIR], "strict_agreement", "Only one annotator has ranked"),
        ([("p", "ann", "x", 1), ("p", "ann", "y", 2), ("q", "bob", "x", 1), ("q", "bob", "y", 2)], "tau_b", "No two"),
        ([("p", a, c, 1) for a in "ab" for c in "xy"], "strict_agreement", "There is no comparison"),
        ([("p", a, c, 1) for a in "ab" for c in "xy"], "kendall_w", "There is no item"),
        ([("p", "ann", c, r) for c, r in PAIR], "kendall_w", "Only one annotator has ranked"),
        ([("p", a, c, 1) for a in "ab" for c in "xy"], "alpha_interval", "Every preference is a tie"),
        ([("p", a, c, 1) for a in "ab" for c in "xy"], "alpha", "Every preference is a tie"),
        ([("p", a, c, 1) for a in "ab" for c in "xy"], "alpha_rank", "Every preference is a tie"),
        ([("p", a, c, 1) for a in "ab" for c in "xy"], "tau_b", "In every meeting"),
    ],
)
def test_it_gives_a_reason_instead_of_a_number_that_does_not_exist(rows, field, reason):
    estimate = getattr(ranking_agreement(table_of(rows)), field)
    assert (estimate.value, estimate.lo, estimate.hi) == (None, None, None)
    assert estimate.reason.startswith(reason)


def test_it_never_gives_nan_and_keeps_its_bounds_on_tiny_tables():
    for seed in range(300):
        found = ranking_agreement(table_of(random_rankings(seed, items=1 + seed % 4, people=1 + seed % 5)))
        text = json.dumps(found.as_dict(), allow_nan=False)
        for name, estimate in json.loads(text).items():
            if isinstance(estimate, dict) and estimate["value"] is not None:
                assert estimate["lo"] <= estimate["value"] <= estimate["hi"] <= 1, (seed, name, estimate)
                low = {"alpha_rank": -math.inf, "alpha": -1, "alpha_interval": -1, "tau_b": -1}.get(name, 0)
                assert estimate["lo"] >= low, (seed, name, estimate)
            elif isinstance(estimate, dict):
                assert estimate["reason"]
