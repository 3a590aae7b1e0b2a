"""Estimates from random draws: literals by hand, and simulated campaigns in which something else comes first."""

import numpy as np
import pytest

from annotate.quality.sampling import NONE_AT_RANDOM, TOO_FEW_AT_RANDOM, HandOuts, mean_over_tasks

TASKS, PEOPLE, SHARE, PER_TASK = 120, 30, 0.15, 4


def hand_outs(*rows) -> HandOuts:
    """Rows of (value, task, person, time, at random)."""
    return HandOuts(*zip(*rows, strict=True)) if rows else HandOuts((), (), (), (), ())


def test_it_has_no_mean_before_a_task_was_drawn():
    assert mean_over_tasks(hand_outs(), done=set(), n_tasks=3).reason == NONE_AT_RANDOM
    ordered = hand_outs((7.0, "a", "x", 1, False))
    assert mean_over_tasks(ordered, done={"a"}, n_tasks=3).value is None


def test_it_has_no_interval_from_one_task():
    found = mean_over_tasks(hand_outs((7.0, "a", "x", 1, True), (9.0, "a", "y", 2, True)), done=set(), n_tasks=3)
    assert (found.value, found.lo, found.n, found.reason) == (8.0, None, 2, TOO_FEW_AT_RANDOM)


def test_it_refuses_more_tasks_than_there_are():
    with pytest.raises(ValueError, match="2 tasks, but only 1"):
        mean_over_tasks(hand_outs((1.0, "a", "x", 1, True), (1.0, "b", "x", 2, True)), done=set(), n_tasks=1)


def test_it_is_the_mean_of_the_draws_while_every_task_is_free():
    given = hand_outs((1.0, "a", "x", 1, True), (5.0, "b", "y", 1, True), (9.0, "c", "z", 2, False))
    found = mean_over_tasks(given, done=set(), n_tasks=10)
    # Residuals of 2 from 3, each weighing a half; t(1) = 12.7062.
    assert (found.value, found.n) == (pytest.approx(3.0), 2)
    assert found.hi - found.value == pytest.approx(12.7062 * np.sqrt(2 / 1 * (1 + 1)), rel=1e-4)


def test_a_draw_stands_for_the_tasks_that_were_free_then():
    given = hand_outs(
        (10.0, "done", "x", 1, False),
        (30.0, "done", "y", 2, False),  # known to all from here on: 20 in the mean
        (4.0, "own", "x", 3, False),  # known to x
        (6.0, "a", "x", 4, True),  # 2 known, 2 free
        (8.0, "b", "y", 5, True),  # 1 known, 3 free
    )
    found = mean_over_tasks(given, done={"done"}, n_tasks=4)
    by_x, by_y = (20 + 4 + 2 * 6) / 4, (20 + 3 * 8) / 4
    assert found.value == pytest.approx((by_x / 2 + by_y / 3) / (1 / 2 + 1 / 3))


def test_what_somebody_had_and_is_done_counts_once():
    given = hand_outs((10.0, "done", "x", 1, False), (6.0, "a", "x", 2, True), (6.0, "a", "y", 3, True))
    found = mean_over_tasks(given, done={"done"}, n_tasks=2)
    assert found.value == pytest.approx((10 + 6) / 2)


def campaign(rng, *, first: str) -> tuple[HandOuts, set[int], float]:
    """A campaign in which half of the places are taken, as services/choosing.py gives them; and the mean to be found.

    Hard tasks take longer, and people disagree about them. "uncertain": the hard ones come first from the start;
    "disagreement": a first judgement for each, and those whose judgements disagree before that.
    """
    hard = rng.beta(0.6, 1.2, TASKS)
    circle = rng.random(TASKS)
    target = 2 if first == "uncertain" else PER_TASK
    urgency = hard.copy() if first == "uncertain" else np.zeros(TASKS)
    taken, had = np.zeros(TASKS, int), np.zeros((PEOPLE, TASKS), bool)
    rows = []
    for time in range(TASKS * target // 2):
        person = rng.integers(PEOPLE)
        free = np.flatnonzero((taken < target) & ~had[person])
        at_random = rng.random() < SHARE
        if at_random:
            task = free[np.argmin((circle[free] - rng.random()) % 1)]
        else:
            task = free[np.argmax(urgency[free] - taken[free] / 1000)]
        rows.append((rng.normal(20 + 80 * hard[task], 15), task, person, time, at_random))
        taken[task] += 1
        had[person, task] = True
        if first == "disagreement" and taken[task] > 1:
            urgency[task] = np.clip(hard[task] + rng.normal(0, 0.1), 0, 1)
    return hand_outs(*rows), set(np.flatnonzero(taken == target)), 20 + 80 * hard.mean()


@pytest.mark.parametrize(("first", "least_bias"), [("uncertain", 15.0), ("disagreement", 1.0)])
def test_its_interval_covers_where_the_mean_so_far_misses(first, least_bias):
    rng = np.random.default_rng(11)
    n, hits, errors, naive = 500, 0, [], []
    for _ in range(n):
        given, done, truth = campaign(rng, first=first)
        found = mean_over_tasks(given, done=done, n_tasks=TASKS)
        hits += found.lo <= truth <= found.hi
        errors.append(found.value - truth)
        naive.append(np.mean(given.values) - truth)
    assert 0.92 * n <= hits <= 0.98 * n
    assert np.mean(naive) > least_bias
    # No bias that four standard errors of this simulation would show.
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(n)
