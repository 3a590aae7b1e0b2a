"""Circles among three models: counted as by hand, and tested against a model that has one scale."""

from itertools import combinations

import numpy as np
import pytest

from annotate.quality.table import TableError
from annotate.quality.triads import intransitive_triads
from tests.quality.comparisons import outcomes


def by_hand(wins: np.ndarray) -> tuple[int, int]:
    margin = np.sign(wins - wins.T)
    decided = [trio for trio in combinations(range(len(wins)), 3) if all(margin[p] for p in combinations(trio, 2))]
    circles = [(a, b, c) for a, b, c in decided if margin[a, b] == margin[b, c] == margin[c, a]]
    return len(decided), len(circles)


@pytest.mark.parametrize("seed", range(5))
def test_it_counts_as_one_does_by_hand(seed):
    wins = np.random.default_rng(seed).binomial(4, 0.4, (9, 9))
    found = intransitive_triads(wins, n_simulations=9)
    assert (found.n_triads, found.n_intransitive) == by_hand(wins)
    assert found.share.value == found.n_intransitive / found.n_triads
    assert found.expected_at_random == found.n_triads / 4


def test_it_finds_a_circle_that_no_scale_explains():
    circle = np.array([[0, 45, 15, 50], [15, 0, 45, 50], [45, 15, 0, 50], [10, 10, 10, 0]])
    found = intransitive_triads(circle)
    assert (found.n_triads, found.n_intransitive, found.n_comparisons) == (4, 1, 360)
    assert found.p_value < 0.3
    assert intransitive_triads(circle).p_value == found.p_value  # seeded


def test_it_finds_many_circles_where_three_kinds_beat_one_another():
    kind = np.arange(12) % 3
    chance = np.choose((kind[:, None] - kind) % 3, [0.5, 0.85, 0.15])
    rng = np.random.default_rng(0)
    wins = np.triu(rng.binomial(30, chance), 1)
    wins = wins + np.tril(30 - wins.T, -1)
    found = intransitive_triads(wins)
    assert found.n_intransitive > 1.5 * found.expected
    assert found.p_value < 0.05


def test_it_seldom_cries_out_where_one_scale_made_the_comparisons():
    """100 tables of 6 models x 10 comparisons a pair: at most 5 % and three standard errors have p <= 0.05."""
    rng = np.random.default_rng(1)
    first, second = np.repeat(np.stack(np.triu_indices(6, 1)), 10, axis=1)
    loud = 0
    for _ in range(100):
        strength = rng.normal(0, 0.5, 6)
        said = outcomes(rng, strength[first] - strength[second], 0.4)
        wins, ties = np.zeros((2, 6, 6))
        np.add.at(wins, (first, second), said == 1)
        np.add.at(wins, (second, first), said == 0)
        np.add.at(ties, (first, second), said == 0.5)
        loud += intransitive_triads(wins, ties, n_simulations=199).p_value <= 0.05
    assert loud <= 12


def test_ties_may_be_given_on_one_side_or_on_both():
    wins, ties = np.array([[0, 3, 1], [1, 0, 3], [3, 1, 0]]), np.array([[0, 2, 1], [0, 0, 1], [0, 0, 0]])
    assert intransitive_triads(wins, ties) == intransitive_triads(wins, ties + ties.T)


@pytest.mark.parametrize("wins", [np.zeros((0, 0)), np.zeros((4, 4)), [[0, 1], [2, 0]]])
def test_it_says_that_there_is_no_triad(wins):
    found = intransitive_triads(wins)
    assert (found.n_triads, found.p_value, found.share.value) == (0, None, None)
    assert "No three producers" in found.reason == found.share.reason


@pytest.mark.parametrize(
    ("wins", "said"),
    [([[0, 1]], "square"), ([[0, 1.5], [0, 0]], "Row 1, column 2"), ([[0, -1], [0, 0]], "not a count")],
)
def test_it_refuses_what_is_no_matrix_of_counts(wins, said):
    with pytest.raises(TableError, match=said):
        intransitive_triads(wins)
