"""Signals that a gold answer goes around: found where planted, with intervals, and silent where there is nothing."""

import math

import numpy as np
import pytest
from scipy import stats

from annotate.quality.leaks import ALL_ALIKE, NO_OTHER_GOLD, TOO_FEW, leak_signals

NAN = float("nan")


def people(rng: np.random.Generator, n: int, right: float, later: float, quicker: float = 1.0):
    """n answers right with probability `right`, from the middle on `later` and in `quicker` of the time."""
    half = n // 2
    chance = np.repeat([right, later], [half, n - half])
    usual = rng.lognormal(3, 0.3, n)
    pace = np.repeat([1.0, quicker], [half, n - half]) * rng.lognormal(0, 0.3, n)
    return rng.random(n) < chance, usual * pace, rng.binomial(20, 0.6, n) / 20, usual


def test_it_finds_a_planted_leak():
    found = leak_signals(*people(np.random.default_rng(1), 60, 0.5, 1.0, quicker=0.5))
    assert found.standing_out == ("rise", "above", "pace")
    assert found.pace.value == pytest.approx(0.5, abs=0.1)
    assert (found.rise.n, found.above.n, found.pace.n) == (60, 60, 60)


def test_it_is_as_often_wrong_as_its_intervals_say():
    rng = np.random.default_rng(2)
    out = [leak_signals(*people(rng, 40, 0.6, 0.6)).standing_out for _ in range(400)]
    for name in ("rise", "above", "pace"):
        assert sum(name in one for one in out) / len(out) <= 0.05, name  # 2.5 % on this side


def test_rise_is_the_welch_interval():
    score, time, usual, pace = people(np.random.default_rng(3), 30, 0.4, 0.8)
    found = leak_signals(score, time, usual, pace).rise
    wanted = stats.ttest_ind(score[15:].astype(float), score[:15].astype(float), equal_var=False).confidence_interval()
    assert (found.lo, found.hi) == pytest.approx((max(-1, wanted.low), min(1, wanted.high)), abs=1e-12)


def test_above_is_the_paired_interval():
    score, time, usual, pace = people(np.random.default_rng(4), 25, 0.4, 0.8)
    found = leak_signals(score, time, usual, pace).above
    wanted = stats.ttest_rel(score.astype(float), usual).confidence_interval()
    assert (found.lo, found.hi) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_an_easy_task_is_above_and_does_not_rise():
    score, time, usual, pace = people(np.random.default_rng(5), 40, 1.0, 1.0)
    found = leak_signals(score, time, usual, pace)
    assert found.standing_out == ("above",)
    assert found.rise.value == 0
    assert found.rise.lo < 0 < found.rise.hi


@pytest.mark.parametrize("n", [0, 1, 7])
def test_it_says_that_there_are_too_few(n):
    found = leak_signals([1.0] * n, [9.0] * n, [NAN] * n, [NAN] * n)
    assert (found.rise.value, found.rise.reason, found.rise.n) == (None, TOO_FEW, n)
    assert (found.above.value, found.above.reason) == (None, NO_OTHER_GOLD)
    assert found.pace.reason == TOO_FEW
    assert found.standing_out == ()


def test_whoever_has_no_other_gold_is_left_out_of_the_comparison():
    found = leak_signals([1, 1, 0], [5, 5, 5], [0.5, NAN, 0.0], [5, NAN, 5])
    assert (found.above.n, found.above.value) == (2, 0.25)


def test_times_that_are_all_alike_have_no_interval():
    found = leak_signals([1] * 8, [5] * 8, [1] * 8, [10] * 8).pace
    assert (found.value, found.lo, found.reason) == (1.0, None, ALL_ALIKE)


def test_no_time_at_all_is_left_out():
    assert leak_signals([1] * 9, [0.0] * 9, [1] * 9, [10] * 9).pace.n == 0
    assert math.isfinite(leak_signals([1] * 9, [1.0, *[2.0] * 8], [1] * 9, [10] * 9).pace.value)


def test_it_refuses_columns_of_other_lengths():
    with pytest.raises(ValueError, match="one length"):
        leak_signals([1, 0], [5], [1, 1], [5, 5])
