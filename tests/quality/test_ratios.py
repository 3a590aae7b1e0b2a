"""Ratios of sums from sums over clusters: as from the clusters themselves, also after some were taken off."""

import numpy as np
import pytest

from annotate.quality.intervals import clustered_ratio
from annotate.quality.ratios import ratio_of, ratio_sums


def close(one, other):
    return (one.n, one.reason) == (other.n, other.reason) and (one.value, one.lo, one.hi) == pytest.approx(
        (other.value, other.lo, other.hi), abs=1e-12
    )


def sums_of(x, d):
    return ratio_sums(x, d, np.zeros(x.size, np.int64), 1)[0]


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_clustered_ratio(seed):
    rng = np.random.default_rng(seed)
    d = rng.integers(1, 9, 2 + seed)
    x = rng.integers(0, 2 * d + 1)
    wanted = clustered_ratio(x / 2, d, np.arange(d.size), n=7)
    assert close(ratio_of(sums_of(x, d), n=7, unit=2), wanted)
    left = sums_of(x, d) - sums_of(x[:1], d[:1])
    assert close(ratio_of(left, n=7, unit=2), clustered_ratio(x[1:] / 2, d[1:], np.arange(d.size - 1), n=7))


@pytest.mark.parametrize("x", [[0, 0, 0], [2, 4, 6], [1, 2, 3], [3]])
def test_clusters_that_do_not_differ_leave_open_what_wilson_does(x):
    x = np.array(x)
    d = 2 * np.arange(1, x.size + 1)
    assert close(ratio_of(sums_of(x, d), n=3), clustered_ratio(x, d, np.arange(d.size), n=3))


def test_it_counts_each_group_by_itself():
    found = ratio_sums(np.array([1, 2, 3]), np.array([4, 5, 6]), np.array([0, 1, 0]), 3)
    assert found.tolist() == [[4, 10, 10, 22, 52, 2], [2, 5, 4, 10, 25, 1], [0] * 6]


def test_a_spread_of_millions_of_clusters_is_not_lost():
    x, d = np.tile([1, 2, 3, 1], 10**6), np.tile([4, 4, 4, 5], 10**6)
    assert close(ratio_of(sums_of(x, d), n=1), clustered_ratio(x, d, np.arange(x.size), n=1))
