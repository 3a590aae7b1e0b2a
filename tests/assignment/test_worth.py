"""What adaptive overlap is worth, in a simulation with a known truth: the figures of docs/assignment.md.

10,000 pairs, in each of which A is better. On 60 % of them a careful person says so with chance 0.95, on 25 % with 0.75
and on 15 % with 0.6; people differ in care, which takes up to 40 % of that lead over a coin away. The rule is the
product's (annotate/overlap.py); the majority decides, and a draw counts one half.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from annotate.assignment_rules import OverlapRules
from annotate.overlap import standing, wants_more

N = 10_000
LEADS, SHARES = (0.95, 0.75, 0.6), (0.6, 0.25, 0.15)
A, B = ({"ranks": {1: first, 2: 3 - first}, "verdict": ""} for first in (1, 2))


@dataclass(frozen=True)
class Outcome:
    """What a way of asking came to."""

    per_task: float
    """Judgements of a task, on average."""
    right: np.ndarray
    """(N,) 1 where the majority is right, 1/2 at a draw."""
    agreement: float
    """Share of the pairs of judgements of one task that say the same."""


@pytest.fixture(scope="module")
def chances() -> np.ndarray:
    """(N,) how likely a careful person is right."""
    return np.random.default_rng(1).choice(LEADS, size=N, p=SHARES)


@pytest.fixture(scope="module")
def votes(chances) -> np.ndarray:
    """(N, 9) whether each person who could be asked is right: everybody is asked the same in every way of asking."""
    rng = np.random.default_rng(2)
    care = rng.uniform(0.6, 1, size=(N, 9))
    return rng.random((N, 9)) < 0.5 + (chances[:, None] - 0.5) * care


def ask(votes: np.ndarray, *, start: int, rules: OverlapRules | None = None) -> Outcome:
    """Ask `start` people about every task, and more where the rules say so."""
    asked = [_asked(row, start, rules) for row in votes]
    right = np.array([row[:n].sum() for row, n in zip(votes, asked, strict=True)])
    n = np.array(asked)
    alike = right * (right - 1) / 2 + (n - right) * (n - right - 1) / 2
    return Outcome(n.mean(), np.where(2 * right == n, 0.5, 2 * right > n), alike.sum() / (n * (n - 1) / 2).sum())


def _asked(row: np.ndarray, start: int, rules: OverlapRules | None) -> int:
    target = start
    while rules:
        found = standing("ranking", [A if right else B for right in row[:target]])
        if not wants_more(found, target=target, rules=rules):
            break
        target += 1
    return target


@pytest.mark.parametrize(
    ("fixed", "start", "ceiling", "confidence", "shown"),
    [
        (3, 2, 7, 0.8, (3, 0.857, 2.9794, 0.8891)),
        (5, 3, 7, 0.9, (5, 0.8888, 4.7623, 0.9053)),
    ],
)
def test_it_is_right_more_often_with_no_more_judgements(votes, fixed, start, ceiling, confidence, shown):
    even = ask(votes, start=fixed)
    adaptive = ask(votes, start=start, rules=OverlapRules(ceiling=ceiling, confidence=confidence))
    assert (even.per_task, even.right.mean(), adaptive.per_task, adaptive.right.mean()) == pytest.approx(
        shown, abs=5e-4
    )
    assert adaptive.per_task <= even.per_task
    gain = adaptive.right - even.right
    assert gain.mean() > 1.96 * gain.std() / np.sqrt(N)


def test_agreement_over_what_was_added_is_biased_and_the_first_judgements_are_not(chances, votes):
    truth = ask(votes, start=9).agreement  # everybody judges everything
    adaptive = ask(votes, start=2, rules=OverlapRules(ceiling=7, confidence=0.8)).agreement
    first = ask(votes, start=2).agreement
    assert (truth, adaptive, first) == pytest.approx((0.6768, 0.5622, 0.681), abs=5e-4)
    assert abs(first - truth) < 0.01
    assert truth - adaptive > 0.05
