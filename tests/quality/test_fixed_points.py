"""Fixed points: those of plain repetition, in fewer steps, and never out of bounds."""

import numpy as np
import pytest

from annotate.quality.fixed_points import fixed_point


def slow(x):
    """Half a thousand steps of plain repetition are not enough for this one."""
    return x + 0.01 * (np.array([1.0, -2.0, 0.5]) - x - 0.2 * np.tanh(x)[::-1])


def test_it_finds_what_plain_repetition_finds_in_a_fraction_of_the_steps():
    plain, calls = np.zeros(3), []
    for _ in range(5000):
        plain = slow(plain)
    found = fixed_point(lambda x: (calls.append(x), slow(x))[1], np.zeros(3), tolerance=1e-10)
    assert found == pytest.approx(plain, abs=1e-7)
    assert len(calls) < 20


def test_no_coordinate_goes_below_the_least():
    tried = []
    found = fixed_point(
        lambda x: (tried.append(x), np.maximum(x - 0.1, -1.0))[1], np.array([0.0, 2.0]), tolerance=1e-9, least=-1.0
    )
    assert found == pytest.approx([-1.0, -1.0])
    assert np.min(tried) >= -1.0


def test_it_gives_up_after_so_many_steps():
    assert fixed_point(lambda x: -2 * x + 1e9, np.array([1.0]), tolerance=1e-9, most=1) == pytest.approx([1e9 - 2])
