"""Intervals that know that pairs of one prompt are not independent."""

import math
import random

import pytest

from training.modelling.intervals import clustered_variance, mean_interval, proportion_interval


def test_it_equals_the_textbook_when_every_value_is_its_own_cluster():
    mean, lo, hi, n = mean_interval([1.0, 2.0, 4.0, 9.0], [1, 2, 3, 4])
    # Standard error sqrt(sum (x - 4)^2 / (n (n - 1))) = sqrt(38 / 12); the normal 97.5 % point is 1.959964.
    assert (mean, n) == (4.0, 4)
    assert (lo, hi) == pytest.approx((4 - 1.959964 * math.sqrt(38 / 12), 4 + 1.959964 * math.sqrt(38 / 12)), rel=1e-6)


def test_it_does_not_shrink_when_each_prompt_is_counted_six_times():
    once = clustered_variance([0.0, 1.0, 1.0], ["a", "b", "c"])
    sixfold = clustered_variance([0.0] * 6 + [1.0] * 12, ["a"] * 6 + ["b"] * 6 + ["c"] * 6)
    assert sixfold == pytest.approx(once)


def test_it_covers_the_truth_as_often_as_it_says():
    rng = random.Random(0)
    hits = 0
    for _ in range(1000):
        values, clusters = [], []
        for prompt in range(40):
            chance = 0.5 + rng.choice([-0.4, 0.4])
            values += [float(rng.random() < chance) for _ in range(6)]
            clusters += [prompt] * 6
        _, lo, hi, _ = proportion_interval(values, clusters)
        hits += lo <= 0.5 <= hi
    # 95 % of 1000, and three standard errors of that count (20.7); without clusters it is 674.
    assert 929 <= hits <= 971


def test_it_is_wilsons_interval_when_every_value_is_its_own_cluster():
    p, lo, hi, n = proportion_interval([1.0] * 8 + [0.0] * 2, list(range(10)))
    # The variance divides by n - 1, so that the effective size is 9: Wilson's interval for p = .8, n = 9.
    z = 1.959964
    centre, half = (0.8 + z * z / 18) / (1 + z * z / 9), z / (1 + z * z / 9) * math.sqrt(0.16 / 9 + z * z / 324)
    assert (p, n) == (0.8, 10)
    assert (lo, hi) == pytest.approx((centre - half, centre + half), rel=1e-5)


def test_it_keeps_a_width_when_everything_is_right():
    p, lo, hi, _ = proportion_interval([1.0] * 20, list(range(20)))
    assert (p, hi) == (1.0, 1.0)
    assert lo == pytest.approx(20 / (20 + 1.959964**2), rel=1e-6)


def test_it_has_no_interval_for_a_single_prompt():
    assert mean_interval([1.0, 2.0], ["a", "a"]) == (1.5, None, None, 1)
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval([], [])
