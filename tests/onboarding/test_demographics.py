"""Counts of answers in which nobody can be found."""

import random

import pytest

from annotate.demographics import QUESTIONS, SMALLEST_CELL, check_answers, safe_counts
from annotate.refusals import Refusal


def counts(**answers: int) -> dict[str, int | None]:
    said = [value for value, n in answers.items() for _ in range(n)]
    return {cell.value: cell.n for cell in safe_counts(said, answers)}


def test_it_shows_groups_of_five_and_more():
    assert counts(woman=5, man=12, another=0) == {"woman": 5, "man": 12, "another": 0}


def test_it_hides_small_groups():
    assert counts(a=4, b=3, c=9) == {"a": None, "b": None, "c": 9}


def test_it_hides_another_where_a_subtraction_would_tell():
    assert counts(a=4, b=30, c=9) == {"a": None, "b": 30, "c": None}
    assert counts(a=1, b=1, c=9, d=8) == {"a": None, "b": None, "c": 9, "d": None}


def test_it_hides_all_when_there_are_few():
    assert counts(a=1, b=0) == {"a": None, "b": 0}
    assert counts(a=2, b=8) == {"a": None, "b": None}


def test_no_group_below_five_can_be_computed():
    chance = random.Random(5)
    for _ in range(500):
        said = {f"v{n}": chance.choice([0, 1, 2, 3, 4, 5, 6, 20]) for n in range(chance.randint(1, 7))}
        shown = counts(**said)
        hidden = [said[value] for value, n in shown.items() if n is None]
        assert all(n is None or n == 0 or n >= SMALLEST_CELL for n in shown.values())
        if hidden and any(shown.values()):
            assert len(hidden) >= 2
            assert sum(hidden) >= SMALLEST_CELL


def test_it_takes_answers_from_the_list_only():
    assert check_answers({"age": "25-34"}) == {name: "25-34" if name == "age" else "" for name in QUESTIONS}
    for bad in ({"age": "26"}, {"name": "Ann"}):
        with pytest.raises(Refusal, match="is not an answer"):
            check_answers(bad)
