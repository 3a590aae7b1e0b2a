"""How right people are on gold: each answer is scored once and kept, since judgements never change.

A known answer may be said anew, so a score is kept with the answer that it was told by. What is kept is the ledger's
(`Ledger.kept`): it goes when the database is another.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Count, Max, Q
from numpy.typing import NDArray

from annotate.gold import score_answer
from annotate.ledger.live import ledger
from annotate.models import Judgement
from annotate.services.records import answer_of, with_answers

AT_ONCE = 5_000
"""Tasks, or judgements, in one question."""
MOST = 50_000
"""Answers that are kept: some megabytes."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An answer to gold, and how right it is."""

    task: int
    person: int
    share: float
    """0 to 1."""
    seconds: float
    ended_at: datetime
    """When it was first given."""


@dataclass(frozen=True, eq=False)
class Given:
    """The judgements (n,) of some tasks that count, by rising key; ids are those of the database."""

    judgement: NDArray[np.int64]
    task: NDArray[np.int64]
    guideline: NDArray[np.int64]

    def newest(self, most: int, guideline: int | None = None) -> dict[int, int]:
        """The tasks of the newest judgements, or of those under one version of a guideline, by judgement."""
        chosen = slice(None) if guideline is None else self.guideline == guideline
        found = zip(self.judgement[chosen][-most:].tolist(), self.task[chosen][-most:].tolist(), strict=True)
        return dict(found)


@dataclass
class _Known:
    """What was read of the judgements of some tasks."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    tasks: list[int] = field(default_factory=list)
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 4), np.int64))
    """(n, 4) key, task, guideline, and the judgement that it corrects or 0, by rising key; superseded ones, too."""

    def up_to_date(self, tasks: list[int]) -> NDArray[np.int64]:
        """The rows of the tasks: judgements are only ever added, so if that makes as many as there are, it is all."""
        if self.tasks != tasks:
            self.tasks, self.rows = tasks, _read(tasks, Q())
            return self.rows
        last = int(self.rows[:, 0].max(initial=0))
        stamps = [part.aggregate(n=Count("pk"), newest=Max("pk")) for part in _parts(tasks)]
        if max((one["newest"] or 0 for one in stamps), default=0) > last:
            self.rows = np.concatenate([self.rows, _read(tasks, Q(pk__gt=last))])
        if sum(one["n"] for one in stamps) > len(self.rows):  # a lower key became visible after a higher one
            self.rows = _read(tasks, Q())
        return self.rows


def given(*, of: str, tasks: Sequence[int]) -> Given:
    """The judgements of tasks that count; `of` names the set, whose newer judgements alone are read the next time."""
    if not tasks:
        return Given(*np.zeros((3, 0), np.int64))
    ledger().look()
    known: _Known = ledger().kept.setdefault(("gold given", of), _Known())
    with known.lock:
        rows = known.up_to_date(sorted(tasks))
    rows = rows[~np.isin(rows[:, 0], rows[:, 3])]
    return Given(rows[:, 0], rows[:, 1], rows[:, 2])


def scored(*, judgements: Mapping[int, int], answers: Mapping[int, Any]) -> dict[int, Scored]:
    """How right judgements are, by judgement, as far as they are there.

    `judgements` names the task of each, `answers` the known answer of each of these tasks.
    """
    if not judgements:
        return {}
    ledger().look()
    kept: dict[tuple[int, str], Scored] = ledger().kept.setdefault("gold shares", {})
    said = {task: json.dumps(answers[task], sort_keys=True) for task in set(judgements.values())}
    wanted = {judgement: (judgement, said[task]) for judgement, task in judgements.items()}
    missing = [judgement for judgement, key in wanted.items() if key not in kept]
    if len(kept) + len(missing) > MOST:
        kept.clear()
        missing = list(wanted)
    found = {judgement: kept[key] for judgement, key in wanted.items() if key in kept}
    for first in range(0, len(missing), AT_ONCE):
        part = Judgement.objects.filter(pk__in=missing[first : first + AT_ONCE]).order_by()
        for one in with_answers(part).select_related("assignment", "task__campaign"):
            share = score_answer(one.task.campaign.kind, answer_of(one), answers[one.task_id]).share
            row = Scored(one.task_id, one.annotator_id, share, one.seconds, one.assignment.ended_at)
            found[one.pk] = kept[wanted[one.pk]] = row
    return {judgement: found[judgement] for judgement in judgements if judgement in found}


def _parts(tasks: Sequence[int]) -> list:
    batches = [tasks[first : first + AT_ONCE] for first in range(0, len(tasks), AT_ONCE)]
    return [Judgement.objects.filter(task__in=batch).order_by() for batch in batches]


def _read(tasks: Sequence[int], where: Q) -> NDArray[np.int64]:
    names = ("pk", "task_id", "guideline_id", "supersedes_id")
    rows = [row for part in _parts(tasks) for row in part.filter(where).values_list(*names)]
    found = np.array([(*row[:3], row[3] or 0) for row in rows], np.int64).reshape(-1, len(names))
    return found[np.argsort(found[:, 0])]
