"""Whether the answer to a gold task goes around: signals with intervals, never a verdict.

For one gold task, its answers in the order in which they came:

| signal | what it is | speaks for a leak |
|---|---|---|
| rise | mean score of the later half minus that of the earlier half, t (Welch 1947) | interval above 0 |
| above | each person's score here minus their own mean on other gold; mean and t over people | interval above 0 |
| pace | answer time over the person's usual one on other gold: later half / earlier half, on a log scale | below 1 |

None of them proves anything. People learn, so all gold rises and gets quicker; an easy task is above the others from
its first answer on. `above` says the most beside a `rise`. With many gold tasks some interval excludes 0 by chance: one
of forty on each side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality.intervals import (
    NEGLIGIBLE,
    Estimate,
    bounded,
    student_t_quantile,
    undefined,
    unseen_share,
)
from annotate.translations import translatable

LEAST = 8
"""Answers before earlier and later ones are compared."""
TOO_FEW = translatable("Fewer than eight people have answered it, too few to compare earlier with later answers.")
NO_OTHER_GOLD = translatable("Fewer than two of those who answered it have answered other gold.")
ALL_ALIKE = translatable("All alike, so their spread says nothing.")


@dataclass(frozen=True, slots=True)
class LeakSignals:
    """The signals of one gold task."""

    rise: Estimate
    """Score, -1 to 1; n counts answers."""
    above: Estimate
    """Score, -1 to 1; n counts people with other gold."""
    pace: Estimate
    """A ratio of times; n counts answers of people with other gold."""

    @property
    def standing_out(self) -> tuple[str, ...]:
        """The signals whose interval lies on the side that speaks for a leak."""
        found = {
            "rise": self.rise.lo is not None and self.rise.lo > 0,
            "above": self.above.lo is not None and self.above.lo > 0,
            "pace": self.pace.hi is not None and self.pace.hi < 1,
        }
        return tuple(name for name, is_out in found.items() if is_out)


def leak_signals(
    scores: ArrayLike, seconds: ArrayLike, other_scores: ArrayLike, other_seconds: ArrayLike
) -> LeakSignals:
    """The signals of a gold task from its answers (n,), the earliest first, one of each person.

    `scores` 0 to 1; `seconds` >= 0; `other_scores` and `other_seconds`: the person's mean score and usual (median) time
    on other gold, nan where there is none. Raises ValueError for lengths that differ.
    """
    columns = [np.asarray(column, dtype=float) for column in (scores, seconds, other_scores, other_seconds)]
    score, time, usual_score, usual_time = columns
    if any(column.shape != score.shape or column.ndim != 1 for column in columns):
        raise ValueError(f"Columns of one length are needed; got {[column.size for column in columns]}.")
    timed = (time > 0) & (usual_time > 0)
    return LeakSignals(
        rise=_later_minus_earlier(score),
        above=_mean(score - usual_score),
        pace=_ratio(np.log(time[timed] / usual_time[timed])),
    )


def _later_minus_earlier(values: NDArray) -> Estimate:
    if values.size < LEAST:
        return undefined(TOO_FEW, values.size)
    difference, half = _welch(values)
    slack = 2 * unseen_share(values.size) if half < NEGLIGIBLE else 0.0
    return bounded(difference, half, n=values.size, bounds=(-1.0, 1.0), slack=slack)


def _welch(values: NDArray) -> tuple[float, float]:
    """Mean of the later half minus that of the earlier one, and the half-width of its 95 % interval."""
    earlier, later = values[: values.size // 2], values[values.size // 2 :]
    errors = [half.var(ddof=1) / half.size for half in (earlier, later)]
    variance = sum(errors)
    difference = float(later.mean() - earlier.mean())
    if variance < NEGLIGIBLE**2:
        return difference, 0.0
    df = variance**2 / sum(error**2 / (half.size - 1) for error, half in zip(errors, (earlier, later), strict=True))
    return difference, student_t_quantile(df) * math.sqrt(variance)


def _mean(differences: NDArray) -> Estimate:
    known = differences[np.isfinite(differences)]
    if known.size < 2:
        return undefined(NO_OTHER_GOLD, known.size)
    half = student_t_quantile(known.size - 1) * math.sqrt(known.var(ddof=1) / known.size)
    slack = 2 * unseen_share(known.size) if half < NEGLIGIBLE else 0.0
    return bounded(float(known.mean()), half, n=known.size, bounds=(-1.0, 1.0), slack=slack)


def _ratio(logs: NDArray) -> Estimate:
    if logs.size < LEAST:
        return undefined(TOO_FEW, logs.size)
    difference, half = _welch(logs)
    if half < NEGLIGIBLE:
        return Estimate(math.exp(difference), None, None, logs.size, ALL_ALIKE)
    return Estimate(math.exp(difference), math.exp(difference - half), math.exp(difference + half), logs.size)
