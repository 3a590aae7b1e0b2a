"""Davidson's model on cells (who beat whom how often): its likelihood, its maximum, and whether it has one.

Davidson 1970, "On extending the Bradley-Terry model to accommodate ties": with d = theta_i - theta_j the chances of a
win, a tie and a loss of i are as e^(d/2), nu and e^(-d/2). Parameters stand in the order theta (M,), then log nu if
there are ties. The log-likelihood is concave in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotate.translations import translatable

APART = translatable(
    "Some producers were never compared with the others, not even by way of a third: how the groups compare is not"
    " known, and a weak prior holds them together."
)
UNBEATEN = translatable(
    "Some producers never lost, or never won, against the others: a weak prior keeps their scores finite."
)
MOSTLY_TIES = translatable("Nearly all comparisons are ties: a weak prior keeps the scores finite.")
WEAK = 0.01
"""Precision of the prior where the data do not determine the scores: a standard deviation of 10 in log-odds."""
CLOSE = 1e-6
"""A Newton step smaller than this is the last: the error after it is about its square."""
NEAR, UNSEEN = 1e-4, 2e-7
"""A step below the first is close, too, where it changes intervals by less than the second: they are as long before it
as after, but for a share as large as the step."""
_MOST_STEPS = 60

Evaluated = tuple[float, NDArray, NDArray]
"""Log-likelihood, gradient (P,) and information (P, P)."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Comparisons added up by the two models: wins[a, b] of a over b, ties[a, b] with a < b only."""

    wins: NDArray[np.float64]
    ties: NDArray[np.float64]

    @property
    def models(self) -> int:
        """How many models there are."""
        return self.wins.shape[0]

    @cached_property
    def has_ties(self) -> bool:
        """Whether there is a parameter for ties."""
        return bool(self.ties.any())

    @cached_property
    def compared(self) -> NDArray[np.float64]:
        """(M, M) comparisons of each two models."""
        both = self.wins + self.ties
        return both + both.T

    @cached_property
    def pairs(self) -> tuple[NDArray, NDArray]:
        """Codes of the first and the second of each two models that were compared, first < second."""
        return np.nonzero(np.triu(self.compared, 1))

    @classmethod
    def of_signs(cls, counts: NDArray) -> Cells:
        """From counts (3, M, M) by sign + 1 (1: the row's model won, 0: a tie), row and column, in either order."""
        return cls(counts[2] + counts[0].T, np.triu(counts[1] + counts[1].T, 1))

    @cached_property
    def outcomes(self) -> tuple[NDArray, NDArray, NDArray]:
        """(pairs,) wins of the first, ties, wins of the second."""
        first, second = self.pairs
        return self.wins[first, second], self.ties[first, second], self.wins[second, first]

    def why_undetermined(self) -> str:
        """Why the likelihood has no maximum, or an empty sentence where it has one.

        Every model must reach every other along "was not worse than once" (ties count both ways: Ford 1957), and where
        there are ties, some round trip must hold more wins than ties: otherwise nu can grow without end.
        """
        met = self.compared > 0
        if not _reaches_all(met):
            return APART
        ties = (self.ties + self.ties.T) > 0
        better = (self.wins > 0) | ties
        if not (_reaches_all(better) and _reaches_all(better.T)):
            return UNBEATEN
        if ties.any() and not _has_winning_round(self.wins > 0, ties):
            return MOSTLY_TIES
        return ""

    def evaluate(self, parameters: NDArray) -> Evaluated:
        """The log-likelihood of the cells and its derivatives."""
        m = self.models
        first, second = self.pairs
        won, tied, lost = self.outcomes
        chance_won, chance_tied, chance_lost = self.chances(parameters)
        n = won + tied + lost
        half_gap = 0.5 * (parameters[first] - parameters[second])
        # The logarithms of the chances are half the gap, log nu and minus half the gap, each less log Z.
        log_likelihood = float(((won - lost) * half_gap + n * (np.log(chance_won) - half_gap)).sum())
        if self.has_ties:
            log_likelihood += float(tied.sum() * parameters[m])
        mean = 0.5 * (chance_won - chance_lost)
        by_gap = 0.5 * (won - lost) - n * mean
        spread = n * (0.25 * (chance_won + chance_lost) - mean**2)
        gradient = np.zeros(parameters.size)
        gradient[:m] = np.bincount(first, by_gap, minlength=m) - np.bincount(second, by_gap, minlength=m)
        information = np.zeros((parameters.size, parameters.size))
        information[first, second] = information[second, first] = -spread
        information[np.arange(m), np.arange(m)] = -information.sum(axis=1)[:m]
        if self.has_ties:
            gradient[m] = (tied - n * chance_tied).sum()
            crossing = -n * mean * chance_tied
            across = np.bincount(first, crossing, minlength=m) - np.bincount(second, crossing, minlength=m)
            information[:m, m] = information[m, :m] = across
            information[m, m] = (n * chance_tied * (1 - chance_tied)).sum()
        return log_likelihood, gradient, information

    def chances(self, parameters: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """(pairs,) chances that the first wins, of a tie, and that the second wins."""
        first, second = self.pairs
        up = np.exp(0.5 * (parameters[first] - parameters[second]))
        down = 1 / up
        nu = math.exp(parameters[self.models]) if self.has_ties else 0.0
        total = up + down + nu
        return up / total, nu / total, down / total

    def scatter(self, parameters: NDArray, squares: Cells) -> NDArray[np.float64]:
        """(P, P) sum of outer products of the scores of single comparisons; `squares` adds up squared weights."""
        m = self.models
        first, second = self.pairs
        chance_won, chance_tied, chance_lost = self.chances(parameters)
        mean = 0.5 * (chance_won - chance_lost)
        by_gap = np.stack([0.5 - mean, -mean, -0.5 - mean])
        by_tie = np.stack([-chance_tied, 1 - chance_tied, -chance_tied])
        counts = np.stack([squares.wins[first, second], squares.ties[first, second], squares.wins[second, first]])
        summed = np.zeros((parameters.size, parameters.size))
        both = (counts * by_gap**2).sum(axis=0)
        summed[first, second] = summed[second, first] = -both
        summed[np.arange(m), np.arange(m)] = -summed.sum(axis=1)[:m]
        if self.has_ties:
            crossing = (counts * by_gap * by_tie).sum(axis=0)
            across = np.bincount(first, crossing, minlength=m) - np.bincount(second, crossing, minlength=m)
            summed[:m, m] = summed[m, :m] = across
            summed[m, m] = (counts * by_tie**2).sum()
        return summed

    def fit(self) -> tuple[NDArray[np.float64], str]:
        """The most likely parameters (the scores sum to 0), and why a weak prior was needed, if it was."""
        reason = self.why_undetermined()
        size = self.models + self.has_ties
        precision = np.full(size, WEAK if reason else 0.0)
        return maximise(self.evaluate, np.zeros(size), precision, self.models)[0], reason


def maximise(
    evaluate: Callable[[NDArray], Evaluated],
    start: NDArray,
    precision: NDArray,
    models: int,
    close: float = CLOSE,
    unseen: float = 0.0,
) -> tuple[NDArray, NDArray]:
    """Newton's method: the maximum of a concave log-likelihood plus a normal prior, and the information near it (P, P).

    The first `models` parameters count only by their differences: they keep the sum of the start. A step that makes
    things worse is halved. For `close` and `unseen` see `is_last`.
    """
    at, step = start, np.zeros_like(start)
    best = -math.inf
    for _ in range(_MOST_STEPS):
        candidate = at + step
        value, gradient, information = evaluate(candidate)
        value -= 0.5 * float((precision * candidate**2).sum())
        if value < best - 1e-9 * abs(best):
            step = step / 2
            continue
        at, best = candidate, value
        information = information + np.diag(precision)
        held = centred(information, models)
        step = np.linalg.solve(held, gradient - precision * at)
        if is_last(float(np.abs(step).max(initial=0.0)), held, close, unseen):
            break
    return at + step, information


def is_last(step: float, information: NDArray, close: float = CLOSE, unseen: float = UNSEEN) -> bool:
    """Whether Newton's method may end after a step: it is `close`, or it is NEAR and intervals change by less than
    `unseen`.
    """
    if step < close:
        return True
    return step < NEAR and step * math.sqrt(float(np.diag(np.linalg.inv(information)).max())) < unseen


def centred(information: NDArray, models: int) -> NDArray:
    """The information made invertible: the sum of the models' parameters, on which nothing depends, is held at 0."""
    held = information.copy()
    held[:models, :models] += max(float(np.trace(information[:models, :models])), 1.0) / models**2
    return held


def _reaches_all(edges: NDArray[np.bool_]) -> bool:
    """Whether the first node of a graph (M, M) reaches every other one."""
    reached = np.zeros(edges.shape[0], bool)
    reached[:1] = True
    front = reached
    while front.any():
        front = edges[front].any(axis=0) & ~reached
        reached = reached | front
    return bool(reached.all())


def _has_winning_round(wins: NDArray[np.bool_], ties: NDArray[np.bool_]) -> bool:
    """Whether some cycle holds more wins than ties: the longest ways (win 1, tie -1) then never stop growing."""
    if (wins & wins.T).any():
        return True
    gain = np.where(wins, 1.0, np.where(ties, -1.0, -np.inf))
    longest = np.zeros(gain.shape[0])
    for _ in range(gain.shape[0]):
        further = np.maximum(longest, (longest[:, None] + gain).max(axis=0))
        if np.array_equal(further, longest):
            return False
        longest = further
    return True
