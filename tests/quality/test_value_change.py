"""The difference of two agreements on values: exact where it can be told, and its interval holds where they depend."""

import math
from dataclasses import replace

import numpy as np
import pytest

from annotate.quality.change import ONE_SIDE
from annotate.quality.intervals import student_t_quantile
from annotate.quality.table import TableError
from annotate.quality.value_agreement import ALONE, NEVER_POSITIVE, value_agreement
from annotate.quality.value_change import value_change
from annotate.quality.values import ValueTable
from tests.quality.value_worlds import loads, part_of_annotators, random_matrix, slopes_of

SCALE = ("percent_agreement", "alpha", "ac1", "ac2", "ac2_ordinal", "fleiss")
FLAG = ("percent_agreement", "alpha", "ac1", "positive_agreement")


def simulated(rng, people: int, items: range, *, levels: int = 5, judges: int = 3, noise: float = 1.0) -> list[tuple]:
    """(item, annotator, value) of some of the people on each item: each hears its level with a lean of their own."""
    lean = np.random.default_rng(1).normal(size=people) * 0.6
    rows = []
    for item in items:
        level = np.random.default_rng(1000 + item).normal() * 1.5
        for who in rng.choice(people, judges - (item % 3 == 0), replace=False):
            heard = level + lean[who] + rng.normal() * noise
            rows.append((item, who, int(np.clip(round(heard + (levels + 1) / 2), 1, levels))))
    return rows


def both(before: list[tuple], after: list[tuple], level: str = "ordinal", levels: int = 5):
    """The table of both parts in a mixed order, and which rows are before."""
    old = np.arange(len(before) + len(after)) < len(before)
    order = np.random.default_rng(0).permutation(old.size)
    columns = [np.array(column)[order] for column in zip(*before, *after, strict=True)]
    return ValueTable.from_arrays(*columns, level, categories=range(1, levels + 1)), old[order], columns


def two_parts(levels: int = 5):
    """120 items before and 120 after, 30 of them judged in both by other people."""
    rng = np.random.default_rng(5)
    before = simulated(rng, 13, range(120), levels=levels)
    met = {(item, who) for item, who, _value in before}
    after = [row for row in simulated(rng, 13, range(90, 210), levels=levels, noise=0.5) if row[:2] not in met]
    return before, after


@pytest.mark.parametrize(
    ("level", "levels", "measures"), [("ordinal", 5, SCALE), ("interval", 5, SCALE), ("nominal", 2, FLAG)]
)
def test_it_is_the_difference_of_the_two_figures(level, levels, measures):
    table, old, _columns = both(*two_parts(levels), level, levels)
    found = value_change(table, old, ~old, measures=measures)
    before, after = (value_agreement(table, keep, measures=measures) for keep in (old, ~old))
    for name in measures:
        one, other = (getattr(side, name) for side in (before, after))
        assert found[name].value == pytest.approx(other.value - one.value, abs=1e-12)
        assert found[name].n == one.n + other.n
        assert found[name].lo < found[name].value < found[name].hi
    if levels == 2:
        one, other = (side.usage[1].share.value for side in (before, after))
        assert found["prevalence"].value == pytest.approx(other - one, abs=1e-12)


def in_two(seed: int, categories: int) -> list[np.ndarray]:
    """Judgements of 12 items by 8 people as two matrices with gaps, of which no judgement is in both."""
    matrix = random_matrix(seed, items=12, people=8, categories=categories)
    later = np.random.default_rng(seed).random(matrix.shape) < 0.5
    later[:3], later[-3:] = False, True
    return [np.where(later, np.nan, matrix), np.where(later, matrix, np.nan)]


def change_of(sides: list[np.ndarray], level: str, measures: tuple[str, ...], of_item: np.ndarray):
    rows = [[(*place, side[place]) for place in zip(*np.nonzero(~np.isnan(side)), strict=True)] for side in sides]
    _table, old, columns = both(*rows, level, int(np.nanmax(sides)))
    scale = range(1, int(np.nanmax(sides)) + 1)
    table = ValueTable.from_arrays(*columns, level, categories=scale, clusters=of_item[columns[0]])
    return value_change(table, old, ~old, measures=measures)


def half_width(terms, influence, people, met, of_item) -> float:
    """Of a difference, from all products of terms that share an annotator or a cluster, as `crossing.py` says."""
    annotators = np.array([[a in who for a in range(8)] for _item, who in terms])
    items = of_item[[item for item, _who in terms]]
    same_item, shared = items[:, None] == items, annotators.astype(float) @ annotators.T > 0
    a = people.sum() ** 2 / np.square(people).sum()
    products = np.outer(influence, influence)
    squares, over_annotators = part_of_annotators(annotators, influence, people)
    variance = over_annotators + products[same_item & ~shared].sum()
    variance = max(variance, products[same_item].sum() * met / (met - 1))
    freedom = min(a - 1, max(4, squares.sum() ** 2 / np.square(squares).sum()))
    return student_t_quantile(freedom) * math.sqrt(variance)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize(("seed", "clusters"), [(3, 12), (4, 12), (3, 5)])
def test_it_sums_all_terms_of_both_sides_that_share_an_annotator_or_a_cluster(level, seed, clusters):
    """Against brute force: the slope of each coefficient in the weight of each case and of each judgement."""
    of_item = np.arange(12) % clusters
    sides = in_two(seed, 3)
    measures = ("percent_agreement", "alpha", "ac1", "fleiss") if level == "nominal" else SCALE
    found = change_of(sides, level, measures, of_item)
    (old_terms, old), (new_terms, new) = (slopes_of(side, level) for side in sides)
    with_case = np.sum([((~np.isnan(side)).sum(axis=1) > 1) for side in sides], axis=0).astype(bool)
    met = np.unique(of_item[with_case]).size
    for name in measures:
        people = sum(loads(side, name) / loads(side, name).sum() for side in sides)
        influence = np.concatenate([-old[name], new[name]])
        half = half_width(old_terms + new_terms, influence, people, met, of_item)
        one, reach = found[name], 1.0 if name == "percent_agreement" else 2.0
        assert (one.lo, one.hi) == pytest.approx(
            (max(one.value - half, -reach), min(one.value + half, reach)), abs=1e-3
        )


def test_the_other_way_round_it_is_the_same_with_the_other_sign():
    table, old, _columns = both(*two_parts())
    found, back = value_change(table, old, ~old, measures=SCALE), value_change(table, ~old, old, measures=SCALE)
    for name in SCALE:
        wanted = (-back[name].value, -back[name].hi, -back[name].lo)
        assert (found[name].value, found[name].lo, found[name].hi) == pytest.approx(wanted, abs=2e-3)


def test_what_does_not_exist_has_a_reason():
    table, old, _columns = both(*two_parts(2), "nominal", 2)
    nothing = np.zeros(old.size, bool)
    assert {one.reason for one in value_change(table, old, nothing, measures=FLAG).values()} == {ONE_SIDE}
    alone = ~old & (np.cumsum(~old) == 1)
    assert value_change(table, old, alone, measures=FLAG)["alpha"].reason == ALONE
    never = replace(table, code=np.where(table.in_order("old", old), table.code, 0).astype(np.int32))
    found = value_change(never, old, ~old, measures=FLAG)
    assert found["positive_agreement"].reason == NEVER_POSITIVE
    assert found["prevalence"].value < 0
    assert value_change(table, old, ~old, measures=["ac2"])["ac2"].reason.startswith("AC2 weighs how far")


def test_it_refuses_parts_that_overlap():
    table, old, _columns = both(*two_parts())
    with pytest.raises(TableError, match="not both"):
        value_change(table, old, old)
    with pytest.raises(TableError, match="true and false"):
        value_change(table, old * 1, ~old)


@pytest.mark.parametrize(("levels", "measure"), [(5, "alpha"), (5, "percent_agreement"), (2, "prevalence")])
def test_its_interval_holds_where_the_same_people_judged_before_and_after(levels, measure):
    """95 % of 80 worlds in which nothing changed, the same 24 people before and after (binomial: 88 to 100 %)."""
    inside = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        parts = (simulated(rng, 24, items, levels=levels) for items in (range(150), range(150, 300)))
        table, old, _columns = both(*parts, "ordinal" if levels > 2 else "nominal", levels)
        found = value_change(table, old, ~old, measures=("alpha", "percent_agreement"))[measure]
        inside += found.lo <= 0 <= found.hi
    assert inside >= 71
