"""One campaign's judgements that count: what there was, sorted and summed once, and the tasks that changed since.

Every measure of agreement is a function of sums over tasks. So a new judgement among a million costs what its task
costs: its sums as they were are taken from those of the whole, and its sums as they are now are added. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.columns import Rows, joined
from annotate.ledger.corrections import Corrected
from annotate.quality.agreement import RankingAgreement, agreement_of
from annotate.quality.counts import Sums
from annotate.quality.table import RankingTable
from annotate.quality.votes import stretches

Found = TypeVar("Found")
Slots = Mapping[str, int]
"""A slice: ids by what they are of: "domain", "version", "week"."""
LARGE = 100_000
"""Judgements of a slice whose sums are kept: up to 40 MB where a thousand people met. Smaller ones are summed anew
when one of their tasks changes, but for the last few."""
RECENT = 40
"""Small slices whose sums are kept: as many as a page shows, up to a megabyte each."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """Judgements (n,) sorted by task, then annotator; one for each of the two. `rows` names everything by its id."""

    rows: Rows
    memo: dict[Hashable, object] = field(default_factory=dict)
    """What was computed from it: it never changes."""
    newest: dict[Hashable, tuple[Hashable, object]] = field(default_factory=dict)
    """What was last computed of boards that are changes of it, with what it depends on."""

    @classmethod
    def of(cls, rows: Rows, chosen: NDArray[np.int64] | None = None) -> Sheet:
        """The sheet of rows in any order, or of the chosen ones of them."""
        if chosen is None:
            return cls(rows.take(in_order(rows.task, rows.annotator)))
        return cls(rows.take(chosen[in_order(rows.task[chosen], rows.annotator[chosen])]))

    def once(self, name: Hashable, compute: Callable[[], Found]) -> Found:
        """What `compute` returns, computed once."""
        if name not in self.memo:
            self.memo[name] = compute()
        return self.memo[name]

    def latest(self, name: Hashable, of: Hashable, compute: Callable[[], Found]) -> Found:
        """What `compute` returns, as it was the last time if that was `of` the same."""
        known = self.newest.get(name)
        if known is None or known[0] != of:
            known = self.newest[name] = (of, compute())
        return known[1]

    def kept(self, name: Hashable, compute: Callable[[], tuple[Found, int]]) -> Found:
        """What `compute` returns beside its size: kept where that is large, and else among the last few."""
        if name in self.memo:
            return self.memo[name]
        recent: dict[Hashable, Found] = self.once("of small slices", dict)
        found, size = (recent[name], 0) if name in recent else compute()
        if size >= LARGE:
            return self.once(name, lambda: found)
        keep_recent(recent, name, found)
        return found

    @cached_property
    def ranked(self) -> NDArray[np.int64]:
        """The judgements that rank anything, in order: a verdict alone does not. These are the table's."""
        return np.flatnonzero(self.rows.ranks.any(axis=1))

    @cached_property
    def table(self) -> RankingTable:
        """The rankings, as the measures take them; labels are ids."""
        return _table_of(self.rows, self.ranked)

    @cached_property
    def parts(self) -> dict[str, NDArray[np.int64]]:
        """(n,) what each judgement is of: domain, version and week."""
        return {"domain": self.rows.domain, "version": self.rows.guideline, "week": self.rows.week}

    @cached_property
    def by_annotator(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The judgements by annotator, and (highest id + 2,) where those of each begin."""
        counts = np.bincount(self.rows.annotator)
        return np.argsort(self.rows.annotator, kind="stable"), np.concatenate([[0], np.cumsum(counts)])

    def of_annotators(self, people: Sequence[int]) -> NDArray[np.int64]:
        """The judgements of some people, by their ids, sorted."""
        order, start = self.by_annotator
        known = [person for person in people if person < start.size - 1]
        return np.sort(np.concatenate([[], *(order[start[one] : start[one + 1]] for one in known)]).astype(np.int64))

    def of_tasks(self, tasks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The judgements of some tasks, by their sorted ids, sorted."""
        first, last = (np.searchsorted(self.rows.task, tasks, side=side) for side in ("left", "right"))
        return stretches(first, last - first)

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
        """The sums of a slice, additive; those of a large one are kept, and those of the last few small ones."""

        def compute() -> tuple[Sums, int]:
            numbers = self.numbers(slots)
            return Sums.of(self.table, numbers), numbers.size

        return self.kept(("sums", *sorted(slots.items())), compute)

    def agreement(self, slots: Slots) -> RankingAgreement:
        """How far annotators agree in a slice."""
        return self.once(("agreement", *sorted(slots.items())), lambda: self._agreement(slots))

    def _agreement(self, slots: Slots) -> RankingAgreement:
        numbers = self.numbers(slots)
        kept = numbers.size >= LARGE  # a small slice is summed anew when it changes, and needs no pairs before
        return agreement_of(self.sums(slots) if kept else Sums.of(self.table, numbers, additive=False))


def keep_recent(recent: dict, name: Hashable, found: object) -> None:
    """Keeps something as the last of a few: the one that was asked for least lately goes."""
    recent.pop(name, None)
    recent[name] = found
    for oldest in list(recent)[:-RECENT]:
        recent.pop(oldest, None)


def in_order(task: NDArray[np.int64], annotator: NDArray[np.int64]) -> NDArray[np.int64]:
    """What sorts rows by task, then annotator."""
    keys = task * (annotator.max(initial=0) + 1) + annotator
    return np.argsort(keys, kind="stable")  # which only merges what is sorted in stretches


def table_of(rows: Rows) -> RankingTable:
    """The rankings of some judgements; labels are ids, completions their positions in the task."""
    ordered = in_order(rows.task, rows.annotator)
    return _table_of(rows, ordered[rows.ranks[ordered].any(axis=1)])


def _table_of(rows: Rows, ranked: NDArray[np.int64]) -> RankingTable:
    return RankingTable.from_matrix(rows.task[ranked], rows.annotator[ranked], rows.ranks[ranked])


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
        return self._taken(np.flatnonzero(chosen(self.base.rows)), np.flatnonzero(chosen(self.now.rows)))

    def of_annotators(self, people: Sequence[int]) -> Rows:
        """The judgements of some people, by their ids, without a look at all others."""
        return self._taken(self.base.of_annotators(people), self.now.of_annotators(people))

    def _taken(self, of_base: NDArray[np.int64], of_now: NDArray[np.int64]) -> Rows:
        """Rows of the base, as far as they are not gone, and rows of now."""
        return joined([self.base.rows.take(_without(of_base, self.gone)), self.now.rows.take(of_now)])

    @cached_property
    def rows(self) -> Rows:
        """All judgements, those without a ranking included, sorted by task, then annotator."""
        if not self.gone.size and not len(self.now.rows):
            return self.base.rows
        stays = np.ones(len(self.base.rows), bool)
        stays[self.gone] = False
        rows = joined([self.base.rows.take(stays), self.now.rows])
        return rows.take(in_order(rows.task, rows.annotator))

    @cached_property
    def changed(self) -> NDArray[np.int64]:
        """The tasks, sorted, of which the base does not say what counts now."""
        return np.unique(np.concatenate([self.base.rows.task[self.gone], self.now.rows.task]))

    @cached_property
    def gone_and_new(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the base that count no more, and those there are now that did not count then: of the changed
        tasks most rows are as they were.
        """
        gone, there = self.base.rows.id[self.gone], self.now.rows.id
        return self.gone[~np.isin(gone, there)], np.flatnonzero(~np.isin(there, gone))

    def of_tasks(self, tasks: NDArray[np.int64]) -> Rows:
        """The judgements of some tasks, sorted by task, then annotator: costs what these tasks cost."""
        tasks = np.unique(tasks)
        rows = self._taken(self.base.of_tasks(tasks), self.now.of_tasks(tasks))
        return rows.take(in_order(rows.task, rows.annotator))

    @cached_property
    def annotators(self) -> NDArray[np.int64]:
        """The ids of those who judged, sorted."""
        return np.flatnonzero(self.counts("annotator"))

    @cached_property
    def annotator(self) -> NDArray[np.int64]:
        """(n,) the annotator of each of `rows`, as a place in `annotators`."""
        return (np.cumsum(self.counts("annotator") > 0) - 1)[self.rows.annotator]

    def table(self) -> RankingTable:
        """All rankings; labels are ids. Takes a second for a million: what sums can say, ask `agreement`."""
        return self.once("table", lambda: table_of(self.rows))

    def counts(self, name: str) -> NDArray[np.int64]:
        """How many judgements there are by the id in a column, up to the highest id."""
        old = self.base.once(("counts", name), lambda: np.bincount(getattr(self.base.rows, name)))
        gone, new = (getattr(rows, name) for rows in (self.base.rows.take(self.gone), self.now.rows))
        found = np.bincount(new, minlength=old.size)
        found[: old.size] += old - np.bincount(gone, minlength=old.size)
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
        return self.once(("sums", *sorted(slots.items())), lambda: self.corrected(slots).additive())

    def differing(self, slots: Slots) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What is gone from a slice and what is there now, as numbers of their tables; nothing where both are alike."""
        return self.once(("differing", *sorted(slots.items())), lambda: self._differing(slots))

    def _differing(self, slots: Slots) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        before, after = self.base.numbers(slots, self.gone), self.now.numbers(slots)
        alike = np.array_equal(_ids(self.base, before), _ids(self.now, after))
        return (before[:0], after[:0]) if alike else (before, after)

    def corrected(self, slots: Slots) -> Corrected:
        """The sums of a slice as those of the base and what changed since."""
        return self.once(("corrected", *sorted(slots.items())), lambda: self._corrected(slots))

    def _corrected(self, slots: Slots) -> Corrected:
        before, after = self.differing(slots)
        changes = []
        if before.size:
            changes.append((Sums.of(self.base.table, before), -1))
        if after.size:
            changes.append((Sums.of(self.now.table, after), 1))
        return Corrected(self.base.sums(slots), tuple(changes))

    def _agreement(self, slots: Slots) -> RankingAgreement:
        before, after = self.differing(slots)
        if not before.size and not after.size:
            return self.base.agreement(slots)
        of = (_ids(self.base, before).tobytes(), _ids(self.now, after).tobytes())
        name = ("agreement", *sorted(slots.items()))
        return self.base.latest(name, of, lambda: agreement_of(self.corrected(slots).sums()))


def _ids(sheet: Sheet, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ids of judgements by their numbers in the table."""
    return sheet.rows.id[sheet.ranked[numbers]]


def _without(places: NDArray[np.int64], gone: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted places but for those that are gone, which are sorted, too."""
    if not gone.size or not places.size:
        return places
    at = np.minimum(np.searchsorted(gone, places), gone.size - 1)
    return places[gone[at] != places]
