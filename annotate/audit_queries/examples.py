"""Completions of a producer on which people agree, or do not: of a million judgements, what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from annotate.audit_queries.bouts import Bouts, bouts_of
from annotate.ledger.boards import Board
from annotate.models import Completion, Prompt

EXAMPLES = 3
FEWEST_JUDGES = 2
"""People who must have compared a completion before it is an example of what people agree on."""
KEPT = 20_000
"""Examples of each kind that are kept of what is stored: as many as can change before it is stored anew."""


@dataclass(frozen=True, slots=True)
class Example:
    """A completion of the producer in one task, with what people said of it."""

    task_id: int
    question: str
    text: str
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True, eq=False)
class _Found:
    """Completions (n,) in tasks."""

    task: NDArray[np.int64]
    completion: NDArray[np.int64]
    wins: NDArray[np.int64]
    losses: NDArray[np.int64]
    ties: NDArray[np.int64]
    score: NDArray[np.float64]
    """How good an example it is."""

    def take(self, chosen: NDArray) -> _Found:
        return _Found(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def first(self, most: int) -> _Found:
        """Those with the highest scores; the newest first where they are alike."""
        return self.take(np.lexsort((-self.completion, -self.task, -self.score))[:most])


_Kinds = tuple[_Found, _Found, _Found]


def examples(*, producer: int, boards: Mapping[int, Board]) -> tuple[list[Example], list[Example], list[Example]]:
    """Completions that all preferred, that nobody did, and about which people disagree most."""
    parts = [_in_campaign(producer, pk, board) for pk, board in boards.items()]
    picks = [_joined(kind).first(EXAMPLES) for kind in zip(*parts, strict=True)] or [_joined([])] * 3
    texts = _texts([completion for pick in picks for completion in pick.completion.tolist()])
    best, worst, disputed = ([_named(pick, at, texts) for at in range(pick.task.size)] for pick in picks)
    return best, worst, disputed


def _in_campaign(producer: int, campaign: int, board: Board) -> _Kinds:
    told = bouts_of(campaign, board)
    kept = board.base.once(("examples", producer), lambda: _kinds(told.base, producer, KEPT))
    stays = [one.take(~np.isin(one.task, board.changed)) for one in kept]
    if any(one.task.size < EXAMPLES and of.task.size == KEPT for one, of in zip(stays, kept, strict=True)):
        left = told.base.take(np.flatnonzero(~np.isin(told.base.task, board.changed)))
        stays = _kinds(left, producer, EXAMPLES)
    return tuple(_joined(pair) for pair in zip(stays, _kinds(told.now, producer, EXAMPLES), strict=True))


def _kinds(bouts: Bouts, producer: int, most: int) -> _Kinds:
    """The best examples of each kind."""
    bouts = bouts.take(np.flatnonzero(bouts.producer == producer))
    tasks, task = np.unique(bouts.task, return_inverse=True)
    ids, completion = np.unique(bouts.completion, return_inverse=True)
    keys, at = np.unique(task * ids.size + completion, return_inverse=True)
    wins, losses, ties = (
        np.bincount(at, column, keys.size).astype(np.int64) for column in (bouts.wins, bouts.losses, bouts.ties)
    )
    judges = np.zeros(keys.size, np.int64)
    np.maximum.at(judges, at, bouts.n)
    enough = judges >= FEWEST_JUDGES
    contest = np.minimum(wins, losses) / np.maximum(wins + losses, 1) * 1000 + np.minimum(judges, 999) / 1000
    where = tasks[keys // max(ids.size, 1)], ids[keys % max(ids.size, 1)]
    kinds = (
        (enough & (losses + ties == 0), judges.astype(float)),
        (enough & (wins + ties == 0), judges.astype(float)),
        (enough & (wins > 0) & (losses > 0), contest),
    )
    found = (_Found(*where, wins, losses, ties, score).take(np.flatnonzero(chosen)) for chosen, score in kinds)
    best, worst, disputed = (one.first(most) for one in found)
    return best, worst, disputed


def _joined(parts: Sequence[_Found]) -> _Found:
    nothing = np.zeros(0, np.int64)
    parts = list(parts)
    return _Found(
        *(np.concatenate([nothing, *(getattr(one, field.name) for one in parts)]) for field in fields(_Found))
    )


def _named(found: _Found, at: int, texts: Mapping[int, tuple[str, str]]) -> Example:
    votes = (int(getattr(found, name)[at]) for name in ("wins", "losses", "ties"))
    return Example(int(found.task[at]), *texts[int(found.completion[at])], *votes)


def _texts(wanted: Sequence[int]) -> dict[int, tuple[str, str]]:
    """(the question, the answer) by completion."""
    found = Completion.objects.filter(pk__in=set(wanted))
    prompts = Prompt.objects.filter(completions__in=found).in_bulk()
    rows = found.values_list("pk", "prompt_id", "text")
    return {pk: (prompts[prompt].messages[-1]["content"], text) for pk, prompt, text in rows}
