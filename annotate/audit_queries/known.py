"""How much of the known answers people got right under a version of a guideline, or in some time."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from annotate.gold import SCORED_KINDS
from annotate.gold_shares import Scored, given, known_answers, scored
from annotate.models import Gold, Task
from annotate.quality.intervals import Estimate, clustered_ratio, undefined
from annotate.translations import translatable

NEWEST = 400
"""Answers that are looked at: enough for an interval of a few points, and soon done."""
NO_GOLD = translatable("Nobody has answered a task with a known answer here yet.")


def right_on_gold(*, kind: str, versions: Sequence[int]) -> list[Estimate]:
    """The share of known answers that people got right under each version, of the newest; by person, n counts answers.

    `kind` is that of the versions (ids). What counts is what counts for each person's skill: tasks of which people do
    not know that the answer is known.
    """
    if kind not in SCORED_KINDS:
        return [undefined(NO_GOLD) for _version in versions]
    answers = _known([kind])
    found = given(of=kind, tasks=answers)
    parts = [found.newest(NEWEST, found.guideline == version) for version in versions]
    shares = scored(judgements={pk: task for part in parts for pk, task in part.items()}, answers=answers)
    return [_right(shares[pk] for pk in part if pk in shares) for part in parts]


def right_on_gold_between(*spans: tuple[datetime, datetime]) -> list[Estimate]:
    """The same of what was answered from one moment to before another, in campaigns of any kind."""
    answers = _known(SCORED_KINDS)
    found = given(of="any kind", tasks=answers)
    inside = [(found.created >= first.timestamp()) & (found.created < end.timestamp()) for first, end in spans]
    parts = [found.newest(NEWEST, chosen) for chosen in inside]
    return [_right(scored(judgements=part, answers=answers).values()) for part in parts]


def _known(kinds: Sequence[str]) -> dict[int, str]:
    """The known answers, by task, as JSON."""
    return known_answers(Gold.objects.filter(task__purpose=Task.Purpose.GOLD, task__campaign__kind__in=kinds))


def _right(answered: Iterable[Scored]) -> Estimate:
    right: dict[int, list[float]] = {}
    for one in answered:
        right.setdefault(one.person, []).append(one.share)
    if not right:
        return undefined(NO_GOLD)
    sums, n = (np.array([of(shares) for shares in right.values()], float) for of in (sum, len))
    return clustered_ratio(sums, n, np.arange(n.size), n=round(n.sum()))
