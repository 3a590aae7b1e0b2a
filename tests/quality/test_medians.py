"""The median's interval against scipy, literals and a simulation of its coverage."""

import numpy as np
import pytest
from scipy import stats

from annotate.quality.medians import median


@pytest.mark.parametrize("n", [6, 7, 8, 9, 10, 25, 26, 100, 1001])
def test_it_gives_scipys_interval_by_order_statistics(n):
    values = np.random.default_rng(n).exponential(40, n)
    expected = stats.quantile_test(values, p=0.5).confidence_interval(confidence_level=0.95)
    found = median(values)
    assert (found.value, found.n) == (np.median(values), n)
    assert (found.lo, found.hi) == (expected.low, expected.high)


def test_it_takes_the_second_smallest_and_largest_of_nine():
    found = median([90, 10, 20, 30, 40, 50, 60, 70, 80])
    assert (found.lo, found.value, found.hi) == (20, 50, 80)


def test_it_is_not_moved_by_one_long_pause():
    assert median([20, 21, 22, 23, 24, 25, 7200]).value == 23


def test_it_has_no_interval_for_five_values():
    found = median([1, 2, 3, 4, 5])
    assert (found.value, found.lo, found.hi, found.n) == (3, None, None, 5)
    assert "Fewer than 6" in found.reason


def test_it_has_no_median_of_nothing():
    assert median([]).as_dict() == {"value": None, "lo": None, "hi": None, "n": 0, "reason": "Nothing counted yet."}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_it_refuses_what_is_no_time(bad):
    with pytest.raises(ValueError, match="finite"):
        median([1.0, bad])


@pytest.mark.parametrize("n", [6, 15, 40])
def test_it_covers_the_median_of_skewed_times_at_least_95_percent_of_the_time(n):
    rng = np.random.default_rng(3)
    drawn = [median(rng.lognormal(3.5, 1.0, n)) for _ in range(1500)]
    covered = np.mean([found.lo <= np.exp(3.5) <= found.hi for found in drawn])
    assert covered >= 0.95 - 0.012  # two standard errors of 1,500 draws
