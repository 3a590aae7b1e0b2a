"""Rankings as comparisons, by hand."""

import numpy as np
import pytest

from annotate.quality.ranked_pairs import ShownRankings, preferences


@pytest.fixture
def shown():
    """Three of three texts: as shown; a tie, backwards; and one of two texts only."""
    return ShownRankings(
        annotator=np.array([7, 7, 9]),
        rank=np.array([[1, 2, 3], [2, 1, 1], [1, 2, 0]]),
        text=np.array([[0, 1, 2], [2, 1, 0], [0, 2, 0]]),
        features=np.array([[1.0], [2.0], [4.0]]),
    )


def test_it_counts_what_is_ranked_and_what_is_as_shown(shown):
    assert shown.k.tolist() == [3, 3, 2]
    assert shown.as_shown.tolist() == [True, False, True]


def test_it_makes_a_comparison_of_every_two_texts_with_the_earlier_one_on_the_left(shown):
    pairs = shown.pairs()
    found = sorted(zip(*(x.tolist() for x in (pairs.ranking, pairs.left, pairs.right, pairs.outcome)), strict=True))
    assert found == [
        (0, 0, 1, 1.0),
        (0, 0, 2, 1.0),
        (0, 1, 2, 1.0),
        (1, 0, 1, 0.0),
        (1, 0, 2, 0.0),
        (1, 1, 2, 0.5),
        (2, 0, 1, 1.0),
    ]


def test_bias_is_of_the_left_text_less_the_right_one(shown):
    found = shown.pairs().bias(("length",))
    assert (found.n_judgements, found.n_ties) == (6, 1)
    assert found.annotator_labels.tolist() == [7, 9]
    assert found.pool["length"].value < 0  # shorter ones are preferred whenever the two differ: 1, 1, 1 and 2, 2


def test_the_share_that_is_right_counts_a_tie_half(shown):
    pairs = shown.pairs().take(np.array([True, False, False, False, False, True, True]))
    assert pairs.right_share(np.array([1.0, 1.0, 1.0]), "none").n == 3
    assert shown.pairs().right_share(np.ones(7), "none").value == pytest.approx(4.5 / 7)


def test_nothing_to_compare_has_no_share(shown):
    nothing = shown.pairs().take(np.zeros(7, bool))
    assert nothing.right_share(np.zeros(0), "Nobody.").as_dict()["reason"] == "Nobody."


def test_ranks_are_outcomes():
    assert preferences(np.array([1, 2, 2]), np.array([2, 1, 2])).tolist() == [1.0, 0.0, 0.5]
