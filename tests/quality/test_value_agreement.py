"""Agreement on values: against krippendorff, irrCAC and statsmodels, against brute force, and where there is none."""

import json
import math

import irrCAC.raw
import krippendorff
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.inter_rater import fleiss_kappa

from annotate.quality.intervals import student_t_quantile, wilson
from annotate.quality.table import TableError
from annotate.quality.value_agreement import CAUTION, MEASURES, NOT_ASKED, agreement_by_slice, value_agreement
from annotate.quality.values import ValueTable

from .value_worlds import columns_of, loads, part_of_annotators, random_matrix, slopes_of, table_of

EXACT = 1e-9
FIVE_DIGITS = 6e-6


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(6))
def test_it_gives_krippendorffs_alpha_on_data_with_gaps(level, seed):
    matrix = random_matrix(seed, categories=2 + seed)
    expected = krippendorff.alpha(reliability_data=matrix.T, level_of_measurement=level)
    assert value_agreement(table_of(matrix, level)).alpha.value == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("level", ["ordinal", "interval"])
def test_it_gives_krippendorffs_alpha_on_measurements(level):
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(60, 1)) + rng.normal(size=(60, 5))
    matrix[rng.random(matrix.shape) < 0.3] = np.nan
    expected = krippendorff.alpha(reliability_data=matrix.T, level_of_measurement=level)
    found = value_agreement(table_of(matrix, level))
    assert found.alpha.value == pytest.approx(expected, abs=EXACT)
    assert found.alpha.lo < expected < found.alpha.hi
    assert found.ac1.reason.startswith("There are more different values")


def test_it_takes_a_hundred_thousand_different_measurements():
    rng = np.random.default_rng(6)
    matrix = rng.normal(size=(50_000, 1)) + rng.normal(size=(50_000, 2))
    ranks = matrix.ravel().argsort().argsort().reshape(matrix.shape)
    ordinal = value_agreement(table_of(matrix, "ordinal")).alpha
    assert ordinal.value == pytest.approx(value_agreement(table_of(ranks, "interval")).alpha.value, abs=EXACT)
    assert ordinal.lo < 6 / math.pi * math.asin(0.25) < ordinal.hi  # Spearman's rho of normal values with r = .5


def test_it_tells_many_names_apart_without_a_matrix():
    rng = np.random.default_rng(4)
    matrix = rng.integers(0, 90, (400, 1)) + np.where(rng.random((400, 3)) < 0.4, rng.integers(1, 90, (400, 3)), 0.0)
    expected = krippendorff.alpha(reliability_data=matrix.T, level_of_measurement="nominal")
    assert value_agreement(table_of(matrix, "nominal")).alpha.value == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("seed", range(6))
def test_it_gives_irrcacs_coefficients_on_data_with_gaps(seed):
    matrix = random_matrix(seed, categories=2 + seed)
    found = value_agreement(table_of(matrix, "ordinal"))

    scale = np.unique(matrix[~np.isnan(matrix)]).tolist()  # else it takes the gaps for one more category

    def theirs(name, weights):
        measured = irrCAC.raw.CAC(pd.DataFrame(matrix), weights=weights, categories=scale)
        return getattr(measured, name)()["est"]["coefficient_value"]

    assert found.ac1.value == pytest.approx(theirs("gwet", "identity"), abs=FIVE_DIGITS)
    assert found.ac2.value == pytest.approx(theirs("gwet", "quadratic"), abs=FIVE_DIGITS)
    assert found.ac2_ordinal.value == pytest.approx(theirs("gwet", "ordinal"), abs=FIVE_DIGITS)
    assert found.fleiss.value == pytest.approx(theirs("fleiss", "identity"), abs=FIVE_DIGITS)
    nominal = value_agreement(table_of(matrix, "nominal"))
    assert nominal.alpha.value == pytest.approx(theirs("krippendorff", "identity"), abs=FIVE_DIGITS)


def test_it_gives_statsmodels_fleiss_where_all_items_have_as_many_judgements():
    matrix = random_matrix(8, categories=4, gaps=0.0)
    counts = np.array([[np.sum(row == k) for k in range(1, 5)] for row in matrix])
    assert value_agreement(table_of(matrix)).fleiss.value == pytest.approx(fleiss_kappa(counts), abs=EXACT)


def test_it_weighs_cases_alike_in_percent_agreement_and_in_positive_agreement():
    matrix = random_matrix(2, categories=2)
    cases = [
        (row[a], row[b]) for row in matrix for a in range(row.size) for b in range(a) if not np.isnan(row[a] + row[b])
    ]
    found = value_agreement(table_of(matrix))
    assert found.percent_agreement.value == pytest.approx(np.mean([a == b for a, b in cases]), abs=EXACT)
    assert found.percent_agreement.n == found.n_pairs == len(cases)
    for positive in (1.0, 2.0):
        both = sum(a == b == positive for a, b in cases)
        one = sum((a == positive) != (b == positive) for a, b in cases)
        chosen = value_agreement(table_of(matrix), positive=positive)
        assert chosen.positive_agreement.value == pytest.approx(2 * both / (2 * both + one), abs=EXACT)
        assert (chosen.positive, chosen.positive_agreement.n) == (positive, both + one)
    assert found.positive == 2.0


MEANT = ("percent_agreement", "alpha", "ac1", "ac2", "ac2_ordinal", "fleiss")


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_it_sums_all_terms_that_share_an_annotator_or_an_item(level):
    """Against brute force: the slope of each coefficient in the weight of each case and of each judgement."""
    matrix = random_matrix(3, items=9, people=7, categories=4)
    found = value_agreement(table_of(matrix, level))
    terms, slopes = slopes_of(matrix, level)
    annotators = np.array([[a in people for a in range(7)] for _, people in terms])
    items = np.array([item for item, _ in terms])
    same_item = items[:, None] == items
    for name in MEANT[:3] + MEANT[5:] if level == "nominal" else MEANT:
        influence = slopes[name]
        shared = annotators.astype(float) @ annotators.T > 0
        people = loads(matrix, name)
        products = np.outer(influence, influence)
        met = np.sum((~np.isnan(matrix)).sum(axis=1) > 1)
        over_items = products[same_item].sum() * met / (met - 1)
        squares, over_annotators = part_of_annotators(annotators, influence, people)
        variance = max(over_items, over_annotators + products[same_item & ~shared].sum())
        a = people.sum() ** 2 / np.square(people).sum()
        freedom = min(a - 1, max(4, squares.sum() ** 2 / np.square(squares).sum()))
        estimate = getattr(found, name)
        distance = 1 - estimate.value
        factor = math.exp(student_t_quantile(freedom) * math.sqrt(variance) / distance)
        assert estimate.hi == pytest.approx(1 - distance / factor, abs=1e-5), name
        lowest = 0 if name == "percent_agreement" else -1
        assert estimate.lo == pytest.approx(max(lowest, 1 - distance * factor), abs=1e-5), name


def test_it_says_how_often_each_level_is_used():
    matrix = random_matrix(5, categories=3)
    values = matrix[~np.isnan(matrix)]
    found = value_agreement(table_of(matrix, "ordinal"))
    for value, one in zip((1, 2, 3), found.usage, strict=True):
        assert (one.value, one.share.n) == (value, values.size)
        assert one.share.value == pytest.approx(np.mean(values == value), abs=EXACT)
        assert 0 <= one.share.lo < one.share.value < one.share.hi


def test_it_warns_where_ac1_flatters_a_rare_flag():
    rng = np.random.default_rng(1)
    matrix = (rng.random((300, 5)) < 0.08).astype(float)
    found = value_agreement(table_of(matrix))
    assert found.ac1.value > 0.8
    assert found.alpha.value < 0.1
    assert found.positive_agreement.value < 0.2
    assert found.caution == CAUTION
    assert value_agreement(table_of(random_matrix(1, categories=2))).caution == ""


def test_it_defines_perfect_agreement_and_its_interval():
    matrix = np.repeat(np.arange(60.0)[:, None] % 3, 5, axis=1)
    found = value_agreement(table_of(matrix, "ordinal"))
    for name in ("percent_agreement", "alpha", "ac1", "ac2", "ac2_ordinal", "fleiss"):
        estimate = getattr(found, name)
        assert (estimate.value, estimate.hi) == (1, 1), name
        assert 0.5 < estimate.lo < 1
    unseen = 1 - wilson(60, 60, z=student_t_quantile(4)).lo
    assert found.percent_agreement.lo == pytest.approx(1 - unseen, abs=EXACT)


@pytest.mark.parametrize(
    ("matrix", "name", "reason"),
    [
        (np.zeros((0, 3)), "alpha", "Nobody has judged anything yet."),
        (np.ones((4, 1)), "percent_agreement", "Only one annotator"),
        (np.array([[1.0, np.nan], [np.nan, 2.0]]), "ac1", "No two annotators"),
        (np.ones((4, 3)), "alpha", "Everybody gave the same value"),
        (np.ones((4, 3)), "fleiss", "Everybody gave the same value"),
        (np.ones((4, 3)), "ac1", "There is only one category"),
        (np.ones((4, 3)), "ac2", "AC2 weighs how far"),
        (np.arange(12.0).reshape(4, 3), "positive_agreement", "Agreement on the positive answer needs exactly two"),
        (
            np.array([[1.0, 1, np.nan], [1, np.nan, 1], [np.nan, np.nan, 2]]),
            "positive_agreement",
            "Where two annotators met",
        ),
    ],
)
def test_it_gives_a_reason_instead_of_a_number_that_does_not_exist(matrix, name, reason):
    estimate = getattr(value_agreement(table_of(matrix)), name)
    assert (estimate.value, estimate.lo, estimate.hi) == (None, None, None)
    assert estimate.reason.startswith(reason)


def test_it_gives_ac1_where_all_say_the_same_on_a_scale_of_more():
    items, annotators, values = columns_of(np.zeros((30, 4)))
    found = value_agreement(ValueTable.from_arrays(items, annotators, values, categories=[0, 1]))
    assert found.ac1.value == 1
    assert found.alpha.value is None
    assert found.caution == CAUTION


def test_it_never_gives_nan_and_keeps_its_bounds_on_tiny_tables():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        matrix = rng.integers(0, 1 + seed % 4, (1 + seed % 5, 1 + seed % 6)).astype(float)
        matrix[rng.random(matrix.shape) < 0.3] = np.nan
        found = value_agreement(table_of(matrix, ("nominal", "ordinal", "interval")[seed % 3])).as_dict()
        for name, estimate in json.loads(json.dumps(found, allow_nan=False)).items():
            if name in MEASURES and estimate["value"] is None:
                assert estimate["reason"], (seed, name)
            elif name in MEASURES:
                assert estimate["lo"] <= estimate["value"] <= estimate["hi"] <= 1, (seed, name, estimate)
                assert estimate["lo"] >= min(-1, estimate["value"]), (seed, name, estimate)


def test_it_measures_the_rows_that_are_kept():
    matrix = random_matrix(7, categories=3)
    items, annotators, values = columns_of(matrix)
    shuffled = np.random.default_rng(1).permutation(items.size)
    items, annotators, values = items[shuffled], annotators[shuffled], values[shuffled]
    keep = items % 2 == 0
    part = value_agreement(ValueTable.from_arrays(items[keep], annotators[keep], values[keep], "ordinal"))
    whole = value_agreement(ValueTable.from_arrays(items, annotators, values, "ordinal"), keep)
    assert json.dumps(whole.as_dict()) == json.dumps(part.as_dict())
    none = value_agreement(ValueTable.from_arrays(items, annotators, values, "ordinal"), np.zeros(items.size, bool))
    assert (none.n_items, none.n_annotators, none.n_judgements, none.usage) == (0, 0, 0, ())
    assert none.alpha.reason.startswith("Nobody")


def test_it_measures_all_slices_at_once():
    matrix = random_matrix(9, categories=3)
    items, annotators, values = columns_of(matrix)
    slices = np.array(["early", "late", "never met"])[np.where(items == 0, 2, items % 2)]
    table = ValueTable.from_arrays(items, annotators, values, groups=slices)
    found = agreement_by_slice(table, slices)
    assert list(found) == ["early", "late", "never met"]
    assert found == agreement_by_slice(table)
    for label, agreement in found.items():
        assert agreement == value_agreement(table, slices == label)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda table: value_agreement(table, np.ones(3, bool)), "one entry for each of the 4 rows"),
        (lambda table: value_agreement(table, [1, 2, 3, 0]), "true and false"),
        (lambda table: value_agreement(table, positive="maybe"), "'maybe' is not among the categories"),
        (lambda table: agreement_by_slice(table), "has no groups"),
        (lambda table: agreement_by_slice(table, [0, 1]), "one entry for each of the 4 rows"),
    ],
)
def test_it_refuses_questions_that_do_not_fit_the_table(ask, said):
    with pytest.raises(TableError, match=said):
        ask(ValueTable.from_arrays([1, 1, 2, 2], ["a", "b"] * 2, ["yes", "no", "no", "no"]))


def test_only_the_measures_that_are_asked_for_are_computed():
    table = ValueTable.from_arrays([1, 1, 2, 2, 3, 3], [1, 2, 1, 2, 1, 2], [1, 2, 3, 3, 2, 2], "ordinal")
    whole, some = value_agreement(table), value_agreement(table, measures=["alpha", "ac2"])
    assert (some.alpha, some.ac2, some.usage) == (whole.alpha, whole.ac2, whole.usage)
    assert (some.ac1.value, some.ac1.reason) == (None, NOT_ASKED)
