"""Computations at the same time."""

import threading

import pytest

from annotate.side_by_side import side_by_side


def test_it_returns_what_each_returns_in_order():
    assert side_by_side(lambda: 1, lambda: 2, lambda: 3) == [1, 2, 3]
    assert side_by_side(lambda: "alone") == ["alone"]


def test_they_run_at_the_same_time():
    met = threading.Barrier(2, timeout=30)
    assert sorted(side_by_side(met.wait, met.wait)) == [0, 1]


@pytest.mark.parametrize("wrong", [0, 1])
def test_an_error_of_one_is_raised_once_the_others_have_ended(wrong):
    ended = []
    computations = [lambda: ended.append(True), lambda: ended.append(True)]
    computations[wrong] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        side_by_side(*computations)
    assert ended == [True]
