"""How a producer writes, beside the others in the same tasks: flags that people set, length and style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db.models import Q
from django.utils.translation import gettext
from numpy.typing import NDArray

from annotate.audit_queries.bouts import Told, sampled, shown_in
from annotate.ledger.boards import Board
from annotate.ledger.columns import Rows
from annotate.ledger.contents import Shown
from annotate.models import Campaign, Completion, Flag, Guideline
from annotate.quality.intervals import Estimate, clustered_mean, clustered_proportion, undefined
from annotate.quality.ratios import SUMS, ratio_of, ratio_sums
from annotate.quality.style import style_of
from annotate.translations import translatable

TEXTS_READ = 200
"""Texts of either side whose style is looked at, and few more: evenly spread, where there are more."""
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

    task: NDArray[np.int64]
    completion: NDArray[np.int64]
    name: NDArray[np.str_]

    def take(self, chosen: NDArray) -> "_Flags":
        return _Flags(self.task[chosen], self.completion[chosen], self.name[chosen])


_SIDES = 2
"""The producer's own completions, and those beside them."""
_SET, _LOOKS = [SUMS.index(name) for name in ("N", "xx", "xd")], [SUMS.index(name) for name in ("D", "dd", "G")]


@dataclass(frozen=True, eq=False)
class _Counts:
    """Looks at the completions of both sides, and flags on them, clustered by task; additive over tasks."""

    looks: NDArray[np.int64]
    """(2, 6): without flags."""
    flagged: dict[str, NDArray[np.int64]]
    """(2, 6) by flag: without looks."""

    @classmethod
    def of(cls, rows: Rows, shown: Shown, flags: _Flags, producer: int) -> "_Counts":
        """Of the judgements, completions and flags of some tasks."""
        judged, n = np.unique(rows.task, return_counts=True)
        mine = shown.producer == producer
        tasks = np.intersect1d(shown.task[mine], judged)
        beside = np.isin(shown.task, tasks)
        n, place = n[np.searchsorted(judged, tasks)], np.searchsorted(tasks, shown.task)
        looks = np.stack([n * np.bincount(place[side & beside], minlength=tasks.size) for side in (mine, ~mine)])
        flags = flags.take(np.isin(flags.task, tasks))
        side = (~np.isin(flags.completion, shown.completion[mine])).astype(np.int64)
        names, name = np.unique(flags.name, return_inverse=True)
        keys, n_set = np.unique(
            (name * _SIDES + side) * tasks.size + np.searchsorted(tasks, flags.task), return_counts=True
        )
        group, place = np.divmod(keys, max(tasks.size, 1))
        flagged = ratio_sums(n_set, looks[group % _SIDES, place], group, names.size * _SIDES)
        flagged[:, _LOOKS] = 0
        where, at = np.nonzero(looks)
        sums = ratio_sums(np.zeros_like(at), looks[where, at], where, _SIDES)
        by_name = flagged.reshape(-1, _SIDES, len(SUMS))
        return cls(sums, dict(zip(names.tolist(), by_name, strict=True)))

    @classmethod
    def total(cls, parts: Sequence[tuple["_Counts", int]]) -> "_Counts":
        """The sums of all parts, each times 1 or -1."""
        nothing = np.zeros((_SIDES, len(SUMS)), np.int64)
        looks = sum((factor * part.looks for part, factor in parts), nothing)
        flagged: dict[str, NDArray[np.int64]] = {}
        for part, factor in parts:
            for name, sums in part.flagged.items():
                flagged[name] = flagged.get(name, nothing) + factor * sums
        return cls(looks, {name: sums for name, sums in flagged.items() if sums.any()})


def flag_rates(*, producer: int, boards: Mapping[int, Board]) -> list[FlagRate]:
    """The flags that were set in the tasks in which the producer is shown, those of its own most often set first."""
    asked = _asked(list(boards))
    found: dict[str, NDArray[np.int64]] = {}
    for pk, board in boards.items():
        counts = _counts(producer, pk, board)
        for name in {*asked[pk], *counts.flagged}:
            found[name] = found.get(name, 0) + counts.looks + counts.flagged.get(name, 0)
    rates = [FlagRate(name, name, *(_share(side) for side in sums)) for name, sums in found.items()]
    return sorted(rates, key=lambda one: (-(one.own.value or 0.0), one.label))


def _counts(producer: int, campaign: int, board: Board) -> _Counts:
    shown, flags = shown_in(campaign, board), _flags(board)
    gone, now = board.base.rows.take(board.gone), board.now.rows
    base = board.base.once(("flags", producer), lambda: _Counts.of(board.base.rows, shown.base, flags.base, producer))
    less = _Counts.of(gone, shown.gone, flags.gone, producer)
    return _Counts.total([(base, 1), (less, -1), (_Counts.of(now, shown.now, flags.now, producer), 1)])


def _share(sums: NDArray[np.int64]) -> Estimate:
    """Clustered by task; n counts looks."""
    looks = int(sums[SUMS.index("D")])
    return ratio_of(sums, n=looks) if looks else undefined(NOBODY_BESIDE)


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


def _flags(board: Board) -> Told[_Flags]:
    """The flags of all judgements that count."""
    return board.once("flags", lambda: Told.of(board, _flags_of_base(board), _flags_now(board)))


def _flags_now(board: Board) -> _Flags:
    return _read(Q(judgement__in=board.now.rows.id.tolist()), board.now.rows)


def _flags_of_base(board: Board) -> _Flags:
    ids = board.base.rows.id
    if not ids.size:
        return _read(Q(pk__in=[]), board.base.rows)
    within = Q(judgement_id__gte=int(ids.min()), judgement_id__lte=int(ids.max()))
    return board.base.once("flags", lambda: _read(within, board.base.rows))


def _read(where: Q, rows: Rows) -> _Flags:
    """The flags of some judgements that are among the rows, sorted by task."""
    found = list(Flag.objects.filter(where).order_by().values_list("judgement_id", "completion_id", "name"))
    judgement, completion = (np.array([row[at] for row in found], np.int64) for at in (0, 1))
    name = np.array([row[2] for row in found], np.str_)
    if not found or not len(rows):
        return _Flags(judgement[:0], judgement[:0], name[:0])
    order = np.argsort(rows.id)
    at = order[np.minimum(np.searchsorted(rows.id[order], judgement), len(rows) - 1)]
    there = np.flatnonzero(rows.id[at] == judgement)
    there = there[np.argsort(rows.task[at[there]], kind="stable")]
    return _Flags(rows.task[at[there]], completion[there], name[there])


def styles(*, producer: int, boards: Mapping[int, Board]) -> list[StyleFigure]:
    """How long the producer's texts are and what they look like, beside those of others in the same tasks."""
    tables = [(board, shown_in(pk, board)) for pk, board in boards.items()]

    def own(shown: Shown) -> NDArray[np.bool_]:
        return shown.producer == producer

    def beside(shown: Shown) -> NDArray[np.bool_]:
        return np.isin(shown.task, shown.task[own(shown)]) & ~own(shown)

    texts = [_completions(sampled(tables, chosen, TEXTS_READ)) for chosen in (own, beside)]
    if not boards:
        return _figures(texts)
    largest = max(boards.values(), key=len).base  # where it is kept, as long as the same texts are looked at
    return largest.latest(("styles", producer), texts, lambda: _figures(texts))


def _figures(texts: Sequence[list[int]]) -> list[StyleFigure]:
    """Of either side, by its completions."""
    sides = [_looked_at(one) for one in texts]
    return [
        StyleFigure(name, *(_mean(name, [row[at] for row in side]) for side in sides)) for at, name in enumerate(STYLES)
    ]


def _completions(shown: Sequence[Shown]) -> list[int]:
    return sorted({completion for part in shown for completion in part.completion.tolist()})


def _looked_at(completions: list[int]) -> list[tuple[float, ...]]:
    """The STYLES of these texts."""
    found = Completion.objects.filter(pk__in=completions).order_by("pk").values_list("text", flat=True)
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
