"""Agreement on items that depend on each other: the completions of one task are one cluster."""

from dataclasses import replace

import numpy as np
import pytest

from annotate.quality.intervals import student_t_quantile
from annotate.quality.table import TableError
from annotate.quality.value_agreement import value_agreement
from annotate.quality.values import ValueTable
from tests.bench._coverage_worlds import APART, WORLDS
from tests.bench.coverage import cover
from tests.quality.value_worlds import columns_of, loads, part_of_annotators, random_matrix, slopes_of, table_of

NAMES = ("percent_agreement", "alpha", "ac1", "fleiss")
LEVELS, FLAG = (world for world in WORLDS if APART in world.ways)


def in_clusters(matrix, of_item, level="nominal"):
    items, annotators, values = columns_of(matrix)
    return ValueTable.from_arrays(items, annotators, values, level, clusters=np.asarray(of_item)[items])


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_items_each_in_a_cluster_of_its_own_are_items(level):
    matrix = random_matrix(5)
    one, other = value_agreement(table_of(matrix, level)), value_agreement(in_clusters(matrix, range(40), level))
    for name in NAMES:
        wanted, found = getattr(one, name), getattr(other, name)
        assert (found.value, found.lo, found.hi, found.n) == pytest.approx(
            (wanted.value, wanted.lo, wanted.hi, wanted.n)
        )
    for wanted, found in zip(one.usage, other.usage, strict=True):
        assert (found.share.lo, found.share.hi) == pytest.approx((wanted.share.lo, wanted.share.hi))


@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_it_sums_all_terms_that_share_an_annotator_or_a_cluster(level):
    """Against brute force, as for items in `test_value_agreement`; clusters of three items that do not lie together."""
    matrix, of_item = random_matrix(3, items=24, people=7, categories=4), np.arange(24) % 8
    found = value_agreement(in_clusters(matrix, of_item, level))
    terms, slopes = slopes_of(matrix, level)
    annotators = np.array([[a in people for a in range(7)] for _item, people in terms])
    cluster = of_item[[item for item, _people in terms]]
    same, shared = cluster[:, None] == cluster, annotators.astype(float) @ annotators.T > 0
    for name in NAMES:
        products = np.outer(slopes[name], slopes[name])
        people = loads(matrix, name)
        squares, over_annotators = part_of_annotators(annotators, slopes[name], people)
        variance = max(products[same].sum() * 8 / 7, over_annotators + products[same & ~shared].sum())
        a = people.sum() ** 2 / np.square(people).sum()
        freedom = min(a - 1, max(4, squares.sum() ** 2 / np.square(squares).sum()))
        estimate = getattr(found, name)
        distance = 1 - estimate.value
        half = np.log(distance / (1 - estimate.hi)) * distance
        assert half == pytest.approx(student_t_quantile(freedom) * np.sqrt(variance), rel=1e-4), name


def test_intervals_are_wider_where_tasks_matter_and_only_there():
    """Completions of one task that are alike, and the same judgements with tasks drawn by lot; means of six studies."""
    widths = {name: np.zeros(3) for name in ("alpha", "prevalence")}
    for seed in range(6):
        study = LEVELS.draw(np.random.default_rng(seed), 60)
        by_lot = np.random.default_rng(seed).permutation(study.starts.size - 1) // 4
        by_lot = replace(study, cluster=by_lot[study.item].astype(np.int32))
        for name, width in widths.items():
            width += [_width(one, name) for one in (study, by_lot, replace(study, cluster=None))]
    for name, least in (("alpha", 1.03), ("prevalence", 1.2)):
        joined, lots, alone = widths[name]
        assert joined > least * alone
        assert lots == pytest.approx(alone, rel=0.03)


def _width(study, name):
    found = LEVELS.ways["annotators and items"](study, 0)[name]
    return found.hi - found.lo


def test_they_cover_where_completions_apart_do_not():
    rows = {
        row["way"]: row["coverage"] for row in cover(FLAG, [60], times=100, seed=5) if row["measure"] == "prevalence"
    }
    assert rows["annotators and items"] >= 0.9
    assert rows[APART] < 0.85


def test_it_refuses_an_item_in_two_clusters():
    with pytest.raises(TableError, match="in two clusters"):
        ValueTable.from_arrays([1, 1], [1, 2], [0, 1], clusters=[1, 2])
    with pytest.raises(TableError, match="up to 64 values"):
        ValueTable.from_arrays(range(99), [1] * 99, np.arange(99.0), "interval", clusters=[1] * 99)
