"""How right people are on gold: each answer is scored once and kept, since judgements never change.

A known answer may be said anew, so a score is kept with the answer that it was told by. What is kept is the ledger's
(`Ledger.kept`): it goes when the database is another.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from numpy.typing import NDArray

from annotate.gold import score_answer
from annotate.ledger.columns import Rows, superseded
from annotate.ledger.live import Look, ledger
from annotate.models import Gold, Judgement
from annotate.services.records import answer_of, with_answers

AT_ONCE = 5_000
"""Judgements in one question."""
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
    created: NDArray[np.int64]
    """Seconds since the epoch."""

    def newest(self, most: int, chosen: NDArray[np.bool_] | slice = slice(None)) -> dict[int, int]:
        """The tasks of the newest judgements, or of those `chosen` (n,), by judgement."""
        found = zip(self.judgement[chosen][-most:].tolist(), self.task[chosen][-most:].tolist(), strict=True)
        return dict(found)


@dataclass
class _Known:
    """The stored judgements of some tasks."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    of: tuple = ()
    """Of which ledger and tasks."""
    n_stored: int = 0
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 5), np.int64))
    """(n, 5) as `_of_tasks` gives them."""

    def up_to_date(self, look: Look, tasks: list[int]) -> NDArray[np.int64]:
        """The rows of these tasks, without a look at those that were stored before."""
        of, stored = (look.stored.meta.generation, tasks), look.stored.rows
        with self.lock:
            if self.of != of or self.n_stored > len(stored):
                self.of, self.n_stored, self.rows = of, 0, np.zeros((0, 5), np.int64)
            later = stored.take(slice(self.n_stored, None))
            self.rows = np.concatenate([self.rows, _of_tasks(later, tasks)])
            self.n_stored = len(stored)
            return np.concatenate([self.rows, _of_tasks(look.fresh, tasks)])


def _of_tasks(rows: Rows, tasks: list[int]) -> NDArray[np.int64]:
    """(n, 5) key, task, guideline, the judgement that it corrects or 0, and time; superseded ones, too."""
    chosen = np.flatnonzero(np.isin(rows.task, tasks))
    columns = (rows.id, rows.task, rows.guideline, rows.supersedes, rows.created)
    return np.stack([column[chosen] for column in columns], axis=1).astype(np.int64)


def given(*, of: str, tasks: Collection[int]) -> Given:
    """The judgements of tasks that count; `of` names the set, whose newer judgements alone are looked through again."""
    if not tasks:
        return Given(*np.zeros((4, 0), np.int64))
    look = ledger().look()
    known: _Known = ledger().kept.setdefault(("gold given", of), _Known())
    rows = known.up_to_date(look, sorted(tasks))
    rows = rows[np.argsort(rows[:, 0])]
    rows = rows[~superseded(rows[:, 0], rows[:, 3])]
    return Given(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 4])


def known_answers(gold: QuerySet[Gold]) -> dict[int, str]:
    """The known answers, by task, as JSON: to read what thousands of them say takes longer than to compare them."""
    return dict(gold.order_by("task_id").values_list("task_id", Cast("answer", TextField())))


def scored(*, judgements: Mapping[int, int], answers: Mapping[int, str]) -> dict[int, Scored]:
    """How right judgements are, by judgement, as far as they are there.

    `judgements` names the task of each, `answers` the known answer of each of these tasks, as JSON.
    """
    if not judgements:
        return {}
    ledger().look()
    kept: dict[tuple[int, str], Scored] = ledger().kept.setdefault("gold shares", {})
    wanted = {judgement: (judgement, answers[task]) for judgement, task in judgements.items()}
    missing = [judgement for judgement, key in wanted.items() if key not in kept]
    if len(kept) + len(missing) > MOST:
        kept.clear()
        missing = list(wanted)
    found = {judgement: kept[key] for judgement, key in wanted.items() if key in kept}
    for first in range(0, len(missing), AT_ONCE):
        part = Judgement.objects.filter(pk__in=missing[first : first + AT_ONCE]).order_by()
        for one in with_answers(part).select_related("assignment", "task__campaign"):
            known = json.loads(answers[one.task_id])
            share = score_answer(one.task.campaign.kind, answer_of(one), known).share
            row = Scored(one.task_id, one.annotator_id, share, one.seconds, one.assignment.ended_at)
            found[one.pk] = kept[wanted[one.pk]] = row
    return {judgement: found[judgement] for judgement in judgements if judgement in found}
