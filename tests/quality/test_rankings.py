"""Rankings: what is accepted, what is refused and how comparisons follow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.rankings import (
    Comparison,
    Outcome,
    RankingError,
    dense_ranks,
    derive_comparisons,
    validate_ranks,
)


@pytest.mark.parametrize(
    ("given_ranks", "expected"),
    [
        ({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "c": 3}),
        ({"a": 2, "b": 1, "c": 2}, {"a": 2, "b": 1, "c": 2}),
        ({"a": 3, "b": 1, "c": 1}, {"a": 2, "b": 1, "c": 1}),
        ({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}),
    ],
)
def test_it_accepts_dense_and_competition_ranks_and_returns_dense_ones(given_ranks, expected):
    assert validate_ranks(given_ranks, ["a", "b", "c"]) == expected


def test_it_returns_the_ranks_in_the_order_of_the_task():
    assert list(validate_ranks({"c": 1, "a": 2, "b": 3}, ["a", "b", "c"])) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("ranks", "completions", "sentence"),
    [
        ({1: 1, 2: 2}, [1, 2, 3], "No rank for completion 3; rank every completion, ties are allowed."),
        ({1: 1}, [1, 2, 3], "No rank for completions 2, 3; rank every completion, ties are allowed."),
        ({1: 1, 2: 2, 9: 1}, [1, 2], "This task does not contain completion 9; rank only the completions it shows."),
        ({1: 1, 2: 3}, [1, 2], "The rank of completion 2 is 3; ranks run from 1 (best) to 2."),
        ({1: 0, 2: 1}, [1, 2], "The rank of completion 1 is 0; ranks run from 1 (best) to 2."),
        ({1: 1, 2: "2"}, [1, 2], "The rank of completion 2 is '2'; give a whole number from 1 to 2."),
        ({1: 1, 2: True}, [1, 2], "The rank of completion 2 is True; give a whole number from 1 to 2."),
        ({1: 2, 2: 2}, [1, 2], "No completion has rank 1; give the best completion (or the tied best ones) rank 1."),
        ({1: 1}, [1], "A ranking needs 2 to 9 completions; this task has 1."),
        (dict.fromkeys(range(10), 1), range(10), "A ranking needs 2 to 9 completions; this task has 10."),
        ({1: 1, 2: 2}, [1, 2, 2], "The task lists a completion twice; each completion may appear once."),
    ],
)
def test_it_refuses_a_wrong_ranking_with_a_sentence(ranks, completions, sentence):
    with pytest.raises(RankingError) as refusal:
        validate_ranks(ranks, completions)
    assert str(refusal.value) == sentence


def test_it_derives_every_comparison_once():
    assert derive_comparisons({"a": 2, "b": 1, "c": 2}) == [
        Comparison("a", "b", Outcome.REJECTED),
        Comparison("a", "c", Outcome.TIE),
        Comparison("b", "c", Outcome.CHOSEN),
    ]


def test_it_names_the_chosen_and_the_rejected_completion():
    lost, tied, won = derive_comparisons({"a": 2, "b": 1, "c": 2})
    assert [(c.chosen, c.rejected) for c in (lost, tied, won)] == [("b", "a"), (None, None), ("b", "c")]


RANKINGS = st.integers(2, 9).flatmap(
    lambda k: st.lists(st.integers(1, k), min_size=k, max_size=k).map(lambda ranks: dict(enumerate(ranks)))
)


@given(RANKINGS)
def test_it_derives_the_same_comparisons_from_dense_ranks(ranks):
    assert derive_comparisons(dense_ranks(ranks)) == derive_comparisons(ranks)


@given(RANKINGS)
def test_it_swaps_chosen_and_rejected_when_the_ranking_is_reversed(ranks):
    reverse = {completion: max(ranks.values()) + 1 - rank for completion, rank in ranks.items()}
    swapped = [(c.rejected, c.chosen) for c in derive_comparisons(ranks)]
    assert [(c.chosen, c.rejected) for c in derive_comparisons(reverse)] == swapped
