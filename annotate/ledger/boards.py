"""One campaign's judgements that count: what there was, sorted and summed once, and the tasks that changed since.

Every measure of agreement is a function of sums over tasks. So a new judgement among a million costs what its task
costs: its sums as they were are taken from those of the whole, and its sums as they are now are added. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.columns import Rows, joined
from annotate.quality import ranking_kernels
from annotate.quality.agreement import RankingAgreement, agreement_of
from annotate.quality.counts import Dyads, Sums
from annotate.quality.ranking_kernels import CHANNELS, MEETING_PRODUCTS, OF_MEETING
from annotate.quality.table import RankingTable, united
from annotate.quality.votes import stretches

Found = TypeVar("Found")
Slots = Mapping[str, int]
"""A slice: ids by what they are of: "domain", "version", "week"."""
LARGE = 100_000
"""Judgements of a slice whose sums are kept: up to 40 MB where a thousand people met. Smaller ones are summed anew
when one of their tasks changes."""
_ADDED = ("of_meetings", "of_judgements", "of_items", "items")
_SHARED = CHANNELS.index("shared")


@dataclass(frozen=True, eq=False)
class Sheet:
    """Judgements (n,) sorted by task, then annotator; one for each of the two. `rows` names everything by its id."""

    rows: Rows
    memo: dict[Hashable, object] = field(default_factory=dict)
    """What was computed from it: it never changes."""

    @classmethod
    def of(cls, rows: Rows) -> Sheet:
        """The sheet of rows in any order."""
        return cls(rows.take(np.lexsort((rows.annotator, rows.task))))

    def once(self, name: Hashable, compute: Callable[[], Found]) -> Found:
        """What `compute` returns, computed once."""
        if name not in self.memo:
            self.memo[name] = compute()
        return self.memo[name]

    def of_tasks(self, tasks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places of the judgements of some tasks, sorted if these are."""
        first, last = (np.searchsorted(self.rows.task, tasks, side=side) for side in ("left", "right"))
        return stretches(first, last - first)

    @cached_property
    def ranked(self) -> NDArray[np.int64]:
        """The judgements that rank anything, in order: a verdict alone does not. These are the table's."""
        return np.flatnonzero(self.rows.ranks.any(axis=1))

    @cached_property
    def table(self) -> RankingTable:
        """The rankings, as the measures take them; labels are ids."""
        return table_of(self.rows)

    @cached_property
    def parts(self) -> dict[str, NDArray[np.int64]]:
        """(n,) what each judgement is of: domain, version and week."""
        return {"domain": self.rows.domain, "version": self.rows.guideline, "week": self.rows.week}

    def numbers(self, slots: Slots, among: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """The table's numbers of the judgements in a slice, sorted; of those `among` its rows, sorted, where given."""
        if among is not None:
            inside = np.ones(among.size, bool)
            for name, slot in slots.items():
                inside &= self.parts[name][among] == slot
            chosen = among[inside]
            return np.searchsorted(self.ranked, chosen[self.rows.ranks[chosen].any(axis=1)])
        inside = np.ones(len(self.rows), bool)
        for name, slot in slots.items():
            inside &= self.parts[name] == slot
        return np.flatnonzero(inside[self.ranked])

    def sums(self, slots: Slots) -> Sums:
        """The sums of a slice; those of a large one are kept."""
        numbers = self.numbers(slots)
        if numbers.size < LARGE:
            return Sums.of(self.table, numbers)
        return self.once(("sums", *sorted(slots.items())), lambda: Sums.of(self.table, numbers))


def table_of(rows: Rows) -> RankingTable:
    """The rankings of some judgements; labels are ids, completions their positions in the task."""
    judgement, completion = np.nonzero(rows.ranks)
    ranks = rows.ranks[judgement, completion]
    return RankingTable.from_arrays(rows.task[judgement], rows.annotator[judgement], completion, ranks)


@dataclass(frozen=True, eq=False)
class Board:
    """A campaign's judgements that count: those of `base` but for the rows `gone`, and those of `now` in their place.

    No task is in both.
    """

    base: Sheet
    gone: NDArray[np.int64]
    now: Sheet
    memo: dict[Hashable, object] = field(default_factory=dict)

    once = Sheet.once

    def __len__(self) -> int:
        return len(self.base.rows) - self.gone.size + len(self.now.rows)

    def pick(self, chosen: Callable[[Rows], NDArray[np.bool_]]) -> Rows:
        """The judgements for which a function of rows says so."""
        return joined([self.base.rows.take(self._of_base(chosen)), self.now.rows.take(chosen(self.now.rows))])

    def _of_base(self, chosen: Callable[[Rows], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        found = chosen(self.base.rows)
        found[self.gone] = False
        return found

    @cached_property
    def rows(self) -> Rows:
        """All judgements, those without a ranking included, sorted by task, then annotator."""
        if not self.gone.size and not len(self.now.rows):
            return self.base.rows
        rows = self.pick(lambda rows: np.ones(len(rows), bool))
        keys = rows.task * (rows.annotator.max(initial=0) + 1) + rows.annotator
        return rows.take(np.argsort(keys, kind="stable"))  # two sorted runs, which that only merges

    @cached_property
    def changed(self) -> NDArray[np.int64]:
        """The tasks, sorted, of which the base does not say what counts now."""
        return np.unique(np.concatenate([self.base.rows.task[self.gone], self.now.rows.task]))

    def of_tasks(self, tasks: NDArray[np.int64]) -> Rows:
        """The judgements of some tasks, sorted by task, then annotator: costs what these tasks cost."""
        tasks = np.unique(tasks)
        base = self.base.rows.take(self.base.of_tasks(np.setdiff1d(tasks, self.changed)))
        return Sheet.of(joined([base, self.now.rows.take(self.now.of_tasks(tasks))])).rows

    @cached_property
    def annotators(self) -> NDArray[np.int64]:
        """The ids of those who judged, sorted."""
        return np.flatnonzero(self.counts("annotator"))

    @cached_property
    def annotator(self) -> NDArray[np.int64]:
        """(n,) the annotator of each of `rows`, as a place in `annotators`."""
        return (np.cumsum(self.counts("annotator") > 0) - 1)[self.rows.annotator]

    def table(self) -> RankingTable:
        """All rankings; labels are ids. Takes seconds for a million: what sums can say, ask `agreement`."""
        return self.once("table", lambda: table_of(self.rows))

    def counts(self, name: str) -> NDArray[np.int64]:
        """How many judgements there are by the id in a column, up to the highest id."""
        old, new = getattr(self.base.rows, name), getattr(self.now.rows, name)
        length = int(max(old.max(initial=0), new.max(initial=0))) + 1
        of_base = self.base.once(("counts", name), lambda: np.bincount(old))
        found = np.bincount(new, minlength=length) - np.bincount(old[self.gone], minlength=length)
        found[: of_base.size] += of_base
        return found

    @property
    def n_ranked(self) -> int:
        """Judgements that rank anything."""
        gone = int(self.base.rows.ranks[self.gone].any(axis=1).sum())
        return self.base.ranked.size - gone + self.now.ranked.size

    def agreement(self, **slots: int) -> RankingAgreement:
        """How far annotators agree in a slice, or over all."""
        return self.once(("agreement", *sorted(slots.items())), lambda: self._agreement(slots))

    def sums(self, **slots: int) -> Sums:
        """The sums of a slice, additive: dearer than what `agreement` needs."""
        return self.once(("sums", *sorted(slots.items())), lambda: self._sums(slots))

    def _sums(self, slots: Slots) -> Sums:
        before, after = self.base.numbers(slots, self.gone), self.now.numbers(slots)
        if not self.base.ranked.size:
            return Sums.of(self.now.table, after)
        sums = self.base.sums(slots)
        if before.size:
            sums = sums - Sums.of(self.base.table, before)
        return sums + Sums.of(self.now.table, after) if after.size else sums

    def _agreement(self, slots: Slots) -> RankingAgreement:
        before, after = self.base.numbers(slots, self.gone), self.now.numbers(slots)
        if not before.size and not after.size:
            return self.base.once(("agreement", *sorted(slots.items())), lambda: agreement_of(self.base.sums(slots)))
        added = Sums.of(self.now.table, after)
        if not self.base.ranked.size:
            return agreement_of(added)
        return agreement_of(changed(self.base.sums(slots), Sums.of(self.base.table, before), added))


def changed(sums: Sums, less: Sums, more: Sums) -> Sums:
    """sums - less + more. Of pairs of annotators only the squares, so that most pairs are not even copied."""
    labels = united(united(sums.annotator_labels, less.annotator_labels)[0], more.annotator_labels)[0]
    parts = [(part, factor, united(part.annotator_labels, labels)[1][0]) for part, factor in ((less, -1), (more, 1))]
    codes = united(sums.annotator_labels, labels)[1][0]
    of_annotators = np.zeros((labels.size, sums.of_annotators.shape[1]))
    of_annotators[codes] = sums.of_annotators
    panels = np.zeros((max(one.panels.shape[0] for one in (sums, less, more)), 3))
    panels[: sums.panels.shape[0]] = sums.panels
    for part, factor, places in parts:
        of_annotators[places] += factor * part.of_annotators
        panels[: part.panels.shape[0]] += factor * part.panels
    added = {name: getattr(sums, name) - getattr(less, name) + getattr(more, name) for name in _ADDED}
    base = sums.dyads if labels.size == codes.size else sums.dyads.recoded(codes, codes.size, labels.size)
    changes = [(part.dyads.recoded(places, places.size, labels.size), factor) for part, factor, places in parts]
    of_dyads = sums.of_dyads + _squares_changed(base, changes)
    added |= {"annotator_labels": labels, "of_annotators": of_annotators, "panels": panels}
    return replace(sums, of_dyads=of_dyads, dyads=None, **added)


def _squares_changed(base: Dyads, changes: list[tuple[Dyads, int]]) -> NDArray[np.float64]:
    """(16,) by how much the PRODUCTS of the pairs change."""
    keys = np.unique(np.concatenate([dyads.keys for dyads, _factor in changes]))
    old = np.zeros((keys.size, OF_MEETING))
    if base.keys.size:
        place = np.minimum(np.searchsorted(base.keys, keys), base.keys.size - 1)
        known = base.keys[place] == keys
        old[known] = base.sums[place[known]]
    new = old.copy()
    for dyads, factor in changes:
        new[np.searchsorted(keys, dyads.keys)] += factor * dyads.sums
    new[new[:, _SHARED] == 0] = 0.0  # not nearly 0: what is left of tau-b is a rounding error
    squares, taken = np.zeros((2, MEETING_PRODUCTS))
    ranking_kernels.square_dyads(new, squares)
    ranking_kernels.square_dyads(old, taken)
    return squares - taken
