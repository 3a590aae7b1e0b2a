"""The bootstrap over items: the same figures, and the spread of items drawn one by one."""

import numpy as np
import pytest

from annotate.quality.bootstrap import item_bootstrap
from annotate.quality.value_agreement import MEASURES, value_agreement
from annotate.quality.values import ValueTable

from .value_worlds import columns_of, random_matrix, table_of


def drawn_one_by_one(matrix, level, draws, seed):
    """The coefficients of tables of items drawn with replacement, by name."""
    rng = np.random.default_rng(seed)
    scale = np.unique(matrix[~np.isnan(matrix)])
    found = []
    for _ in range(draws):
        table = table_of(matrix[rng.integers(0, len(matrix), len(matrix))], level, categories=scale)
        found.append({name: getattr(value_agreement(table), name).value for name in MEASURES})
    return {name: np.array([one[name] for one in found], float) for name in MEASURES}


@pytest.mark.parametrize(("level", "categories"), [("nominal", 2), ("ordinal", 4), ("interval", 4)])
def test_it_is_the_bootstrap_of_items_drawn_one_by_one(level, categories):
    matrix = random_matrix(1, items=80, categories=categories)
    slow = drawn_one_by_one(matrix, level, 400, seed=2)
    fast = item_bootstrap(table_of(matrix, level), draws=4000)
    for name, estimate in fast.items():
        if estimate.value is None:
            continue
        lo, hi = np.quantile(slow[name], (0.025, 0.975))
        width = hi - lo
        assert estimate.value == getattr(value_agreement(table_of(matrix, level)), name).value
        assert estimate.lo == pytest.approx(lo, abs=0.15 * width), name
        assert estimate.hi == pytest.approx(hi, abs=0.15 * width), name


def test_it_draws_items_of_measurements():
    rng = np.random.default_rng(5)
    matrix = rng.normal(size=(90, 1)) + rng.normal(size=(90, 4))
    slow = drawn_one_by_one(matrix, "interval", 400, seed=2)["alpha"]
    fast = item_bootstrap(table_of(matrix, "interval"), draws=2000)
    assert fast["alpha"].lo == pytest.approx(np.quantile(slow, 0.025), abs=0.03)
    assert fast["alpha"].hi == pytest.approx(np.quantile(slow, 0.975), abs=0.03)
    assert fast["ac1"].reason.startswith("There are more different values")


def test_it_gives_the_same_intervals_for_the_same_seed():
    table = table_of(random_matrix(2))
    assert item_bootstrap(table, seed=7) == item_bootstrap(table, seed=7)
    assert item_bootstrap(table, seed=7) != item_bootstrap(table, seed=8)


def test_it_draws_from_the_rows_that_are_kept():
    items, annotators, values = columns_of(random_matrix(3))
    keep = items < 20
    whole = ValueTable.from_arrays(items, annotators, values)
    part = ValueTable.from_arrays(items[keep], annotators[keep], values[keep])
    assert item_bootstrap(whole, keep) == item_bootstrap(part)


def test_it_gives_reasons_where_there_is_nothing_to_draw():
    assert item_bootstrap(table_of(np.zeros((0, 2))))["alpha"].reason.startswith("Nobody")
    names = np.arange(300.0).reshape(100, 3)
    names[:, 1] = names[:, 0]
    assert item_bootstrap(table_of(names))["alpha"].reason.startswith("The items show too many")
    rare = np.zeros((30, 2))
    rare[0, 0] = 1
    estimate = item_bootstrap(table_of(rare))["positive_agreement"]
    assert (estimate.value, estimate.lo) == (None, None)
    assert estimate.reason.startswith("Among other items")
