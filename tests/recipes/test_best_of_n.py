"""The exact worth of best-of-n, against all ways to draw n of the samples."""

from itertools import combinations

import numpy as np
import pytest

from tests.bench._best_of_n import best_of

SCORES = np.array([0.3, -1.0, 2.0, 0.9, 0.1, 1.4])
WORTH = np.array([1.0, 5.0, -2.0, 0.5, 3.0, 0.0])


@pytest.mark.parametrize("n", range(1, 7))
def test_it_is_the_mean_over_all_ways_to_draw_n(n):
    ways = list(combinations(range(6), n))
    expected = np.mean([WORTH[max(way, key=lambda sample: SCORES[sample])] for way in ways])
    assert best_of(n, SCORES, WORTH) == pytest.approx(expected)


def test_samples_of_one_score_share_their_worth():
    assert best_of(2, np.array([1.0, 1.0, 0.0]), np.array([4.0, 0.0, 1.0])) == pytest.approx(2.0)
    assert best_of(256, np.zeros(256), np.arange(256.0)) == pytest.approx(127.5)
