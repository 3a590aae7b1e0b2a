"""How a producer writes, beside the others in the same tasks: flags that people set, length and style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db.models import Q
from django.utils.translation import gettext
from numpy.typing import NDArray

from annotate.audit_queries.bouts import Shown
from annotate.ledger.boards import Board
from annotate.ledger.columns import Rows
from annotate.models import Campaign, Completion, Flag, Guideline
from annotate.quality.intervals import Estimate, clustered_mean, clustered_proportion, clustered_ratio, undefined
from annotate.quality.style import style_of
from annotate.translations import translatable

TEXTS_READ = 200
"""Texts of either side whose style is looked at: evenly spread, where there are more."""
NOBODY_BESIDE = translatable("There is nobody beside it.")
STYLES = ("words", "lists", "bold", "headers", "refusal")


@dataclass(frozen=True, slots=True)
class FlagRate:
    """How often people set a flag on the producer's completions, and on those beside them; n counts looks at one."""

    name: str
    label: str
    own: Estimate
    others: Estimate


@dataclass(frozen=True, slots=True)
class StyleFigure:
    """The mean of something in the producer's texts, and in those beside them; n counts texts."""

    name: str
    own: Estimate
    others: Estimate


@dataclass(frozen=True, eq=False)
class _Flags:
    """Flags (n,) that were set, by ids and names."""

    judgement: NDArray[np.int64]
    task: NDArray[np.int64]
    completion: NDArray[np.int64]
    name: NDArray[np.str_]

    def take(self, chosen: NDArray) -> "_Flags":
        return _Flags(self.judgement[chosen], self.task[chosen], self.completion[chosen], self.name[chosen])


def flag_rates(*, producer: int, boards: Mapping[int, Board], shown: Mapping[int, Shown]) -> list[FlagRate]:
    """The flags that were set in the tasks in which the producer is shown, those of its own most often set first."""
    asked = _asked(list(boards))
    counted: dict[str, list[tuple[NDArray, NDArray, NDArray, NDArray]]] = {}
    for pk, board in boards.items():
        looks, flags, whose = _looks(board), _flags(board), shown[pk]
        mine = whose.producer == producer
        tasks = np.unique(whose.task[mine])
        beside = np.isin(whose.task, tasks)
        judged = looks[1][np.searchsorted(looks[0], tasks)]
        n_own, n_others = (
            judged * np.bincount(np.searchsorted(tasks, whose.task[chosen]), minlength=tasks.size)
            for chosen in (mine, beside & ~mine)
        )
        flags = flags.take(np.isin(flags.task, tasks))
        own = np.isin(flags.completion, whose.completion[mine])
        place = np.searchsorted(tasks, flags.task)
        for name in {*asked[pk], *np.unique(flags.name).tolist()}:
            here = flags.name == name
            set_on = (np.bincount(place[here & side], minlength=tasks.size) for side in (own, ~own))
            counted.setdefault(name, []).append((*set_on, n_own, n_others))
    found = []
    for name, parts in counted.items():
        own, others, n_own, n_others = (np.concatenate(column).astype(float) for column in zip(*parts, strict=True))
        found.append(FlagRate(name, name, _share(own, n_own), _share(others, n_others)))
    return sorted(found, key=lambda one: (-(one.own.value or 0.0), one.label))


def _share(flagged: NDArray, looks: NDArray) -> Estimate:
    """Clustered by task; n counts looks."""
    if not looks.sum():
        return undefined(NOBODY_BESIDE)
    there = np.flatnonzero(looks)
    return clustered_ratio(flagged[there], looks[there], np.arange(there.size), n=round(looks.sum()))


def flag_labels(campaigns: Sequence[int]) -> dict[str, str]:
    """How flags are called, by name: in these campaigns, else in any guideline for rankings."""
    older = Guideline.objects.filter(kind=Guideline.Kind.RANKING).order_by("version").values_list("flags", flat=True)
    labels = {flag["name"]: flag["label"] for flags in older for flag in flags}
    return labels | {name: label for asked in _asked(campaigns).values() for name, label in asked.items()}


def _asked(campaigns: Sequence[int]) -> dict[int, dict[str, str]]:
    """By campaign, the labels of the flags that its annotators may set, by name."""
    found = {}
    for campaign in Campaign.objects.filter(pk__in=campaigns).select_related("guideline"):
        form = campaign.parsed_form
        asked = {flag["name"]: flag["label"] for flag in campaign.guideline.flags}
        found[campaign.pk] = asked if form.flags is None else {one.name: gettext(one.label) for one in form.flags}
    return found


def _looks(board: Board) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The judged tasks, sorted, and how many people judged each."""
    tasks, n = board.base.once("looks", lambda: np.unique(board.base.rows.task, return_counts=True))
    changed = board.base.rows.task[board.gone]
    if not changed.size and not len(board.now.rows):
        return tasks, n
    left, (new, more) = ~np.isin(tasks, changed), np.unique(board.now.rows.task, return_counts=True)
    found, counts = np.append(tasks[left], new), np.append(n[left], more)
    order = np.argsort(found, kind="stable")
    return found[order], counts[order]


def _flags(board: Board) -> _Flags:
    """The flags of all judgements that count."""
    return board.once("flags", lambda: _flags_now(board))


def _flags_now(board: Board) -> _Flags:
    ids, now = board.base.rows.id, board.now.rows
    new = _read(Q(judgement__in=now.id.tolist()), now)
    if not ids.size:
        return new
    within = Q(judgement_id__gte=int(ids.min()), judgement_id__lte=int(ids.max()))
    old = board.base.once("flags", lambda: _read(within, board.base.rows))
    old = old.take(~np.isin(old.judgement, ids[board.gone]))
    columns = ("judgement", "task", "completion", "name")
    return _Flags(*(np.concatenate([getattr(old, name), getattr(new, name)]) for name in columns))


def _read(where: Q, rows: Rows) -> _Flags:
    """The flags of some judgements that are among the rows."""
    found = list(Flag.objects.filter(where).order_by().values_list("judgement_id", "completion_id", "name"))
    judgement, completion = (np.array([row[at] for row in found], np.int64) for at in (0, 1))
    name = np.array([row[2] for row in found], np.str_)
    order = np.argsort(rows.id)
    place = np.minimum(np.searchsorted(rows.id[order], judgement), max(len(rows) - 1, 0))
    if not len(rows):
        return _Flags(judgement[:0], judgement[:0], completion[:0], name[:0])
    at = order[place]
    there = rows.id[at] == judgement
    return _Flags(judgement[there], rows.task[at][there], completion[there], name[there])


def styles(*, producer: int, shown: Mapping[int, Shown]) -> list[StyleFigure]:
    """How long the producer's texts are and what they look like, beside those of others in the same tasks."""
    own, others = [], []
    for whose in shown.values():
        mine = whose.producer == producer
        beside = np.isin(whose.task, whose.task[mine]) & ~mine
        own.append(whose.completion[mine])
        others.append(whose.completion[beside])
    sides = [_looked_at(np.unique(np.concatenate(side))) if side else [] for side in (own, others)]
    return [
        StyleFigure(name, *(_mean(name, [row[at] for row in side]) for side in sides)) for at, name in enumerate(STYLES)
    ]


def _looked_at(completions: NDArray[np.int64]) -> list[tuple[float, ...]]:
    """The STYLES of some of these texts, evenly spread."""
    if completions.size > TEXTS_READ:
        completions = completions[np.linspace(0, completions.size - 1, TEXTS_READ).astype(int)]
    found = Completion.objects.filter(pk__in=completions.tolist()).order_by("pk").values_list("text", flat=True)
    return [_style(text) for text in found]


@lru_cache(maxsize=20_000)
def _style(text: str) -> tuple[float, ...]:
    found = style_of(text)
    marks = (round(float(np.expm1(one))) for one in (found.lists, found.bold, found.headers))
    return float(round(np.exp(found.length))), *marks, found.refusal


def _mean(name: str, values: list[float]) -> Estimate:
    if not values:
        return undefined(NOBODY_BESIDE)
    mean = clustered_proportion if name == "refusal" else clustered_mean
    return mean(values, range(len(values)))
