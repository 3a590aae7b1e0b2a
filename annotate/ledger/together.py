"""The judgements of several campaigns as one: the agreement in a domain, a week or under a version, whatever campaign.

No task is in two campaigns, so the sums of all are the sums of each added up. Those of what is stored are added once;
a change costs what its tasks cost, as on the board of one campaign. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.boards import LARGE, Board, Sheet, keep_recent, table_of
from annotate.ledger.columns import Rows, empty, joined
from annotate.ledger.corrections import Corrected
from annotate.quality.agreement import RankingAgreement, agreement_of
from annotate.quality.counts import Sums, meet
from annotate.quality.slices import OwnAgreement, annotator_with_others

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Part:
    """Which judgements are meant, by ids; None stands for all."""

    domain: int | None = None
    version: int | None = None
    week: int | None = None
    elsewhere: int | None = None
    """Those of every domain but this one."""

    @property
    def slots(self) -> dict[str, int]:
        """The same as a slice of one board, which knows no `elsewhere`."""
        named = {name: getattr(self, name) for name in ("domain", "version", "week")}
        return {name: slot for name, slot in named.items() if slot is not None}

    def inside(self, sheet: Sheet, among: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.bool_]:
        """Whether each row of a sheet, or each `among` its rows, is meant."""
        found = np.ones(sheet.rows.id[among].size, bool)
        for name, slot in self.slots.items():
            found &= sheet.parts[name][among] == slot
        if self.elsewhere is not None:
            found &= sheet.parts["domain"][among] != self.elsewhere
        return found

    def numbers(self, sheet: Sheet, among: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """The numbers in the sheet's table of the judgements that are meant, sorted; of those `among` its rows."""
        if among is None:
            return np.flatnonzero(self.inside(sheet)[sheet.ranked])
        chosen = among[self.inside(sheet, among)]
        return np.searchsorted(sheet.ranked, chosen[sheet.rows.ranks[chosen].any(axis=1)])


ALL = Part()


@dataclass(frozen=True, eq=False)
class Together:
    """The boards of campaigns, by id."""

    boards: dict[int, Board]
    _sheets: tuple[Sheet, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sheets", tuple(board.base for board in self.boards.values()))

    def once(self, key: Hashable, compute: Callable[[], Found]) -> Found:
        """What `compute` returns, computed once while nothing changes in any of the campaigns."""
        boards = tuple(self.boards.values())
        if not boards:
            return compute()
        memo = max(boards, key=lambda one: len(one.base.rows)).memo
        return _once(memo, (*self.boards, key), boards, compute)

    def of_stored(self, key: Hashable, compute: Callable[[], Found]) -> Found:
        """The same of what is stored, which changes seldom; nothing is kept where nothing is stored."""
        if not any(len(sheet.rows) for sheet in self._sheets):
            return compute()
        memo = max(self._sheets, key=lambda one: len(one.rows)).memo
        return _once(memo, (*self.boards, key), self._sheets, compute)

    def agreement(self, part: Part = ALL) -> RankingAgreement:
        """How far the annotators of all campaigns agree."""
        return self.once(("agreement", part), lambda: self._agreement(part))

    def _agreement(self, part: Part) -> RankingAgreement:
        if self.is_as_stored(part):
            return self.of_stored(("agreement", part), lambda: agreement_of(self._base_sums(part)))
        return agreement_of(self.corrected(part).sums())

    def is_as_stored(self, part: Part) -> bool:
        """Whether nothing that is meant came or went since."""
        sheets = [
            pair for one in self.boards.values() for pair in zip((one.base, one.now), one.gone_and_new, strict=True)
        ]
        return not any(part.inside(sheet, rows).any() for sheet, rows in sheets)

    def of_part(self, key: Hashable, part: Part, compute: Callable[[], Found]) -> Found:
        """What `compute` returns, computed once while nothing changes in the part."""
        once = self.of_stored if self.is_as_stored(part) else self.once
        return once((key, part), compute)

    def sums(self, part: Part = ALL) -> Sums:
        """The sums of all campaigns, additive: dearer than what `agreement` needs."""
        return self.once(("sums", part), lambda: self._sums(part))

    def _sums(self, part: Part) -> Sums:
        return self.corrected(part).additive()

    def _base_sums(self, part: Part) -> Sums:
        """The sums of what is stored; of small parts those of the last few: there may be hundreds of weeks."""

        def numbers() -> list[tuple[Sheet, NDArray[np.int64]]]:
            return [(sheet, part.numbers(sheet)) for sheet in self._sheets if sheet.ranked.size]

        def added() -> Sums:
            parts = [Sums.of(sheet.table, chosen) for sheet, chosen in numbers() if chosen.size]
            return _total(sorted(parts, key=lambda one: one.items[0]), Sums.of(table_of(empty())))

        size = self.of_stored(("size", part), lambda: sum(chosen.size for _sheet, chosen in numbers()))
        if size >= LARGE:
            return self.of_stored(("sums", part), added)
        recent: dict[Part, Sums] = self.of_stored("sums of small parts", dict)
        found = recent.get(part) or added()
        keep_recent(recent, part, found)
        return found

    def corrected(self, part: Part) -> Corrected:
        """The sums as those of what is stored and what changed since."""
        return Corrected(self._base_sums(part), self._changes(part))

    def _changes(self, part: Part) -> tuple[tuple[Sums, int], ...]:
        """The sums of the changed tasks as they were, to take off, and as they are."""
        changes = []
        if self.is_as_stored(part):
            return ()
        for board in self.boards.values():
            before, after = part.numbers(board.base, board.gone), part.numbers(board.now)
            changes += [(Sums.of(board.base.table, before), -1)] if before.size else []
            changes += [(Sums.of(board.now.table, after), 1)] if after.size else []
        return tuple(changes)

    def rows(self, part: Part = ALL) -> Rows:
        """The judgements that are meant, those without a ranking included, campaign by campaign."""
        return self.once(("rows", part), lambda: joined([empty(), *(_rows(one, part) for one in self.boards.values())]))

    def counts(self, name: str, part: Part = ALL) -> NDArray[np.int64]:
        """How many judgements there are by the id in a column, up to the highest id."""
        if part == ALL:
            found = [board.counts(name) for board in self.boards.values()]
            total = np.zeros(max((one.size for one in found), default=0), np.int64)
            for one in found:
                total[: one.size] += one
            return total
        return np.bincount(getattr(self.rows(part), name))

    def with_others(self, people: Sequence[int], part: Part = ALL) -> dict[int, OwnAgreement]:
        """How far each of these people, by their ids, agrees with the others, from the tasks that they judged."""
        return self.once(("with others", part, tuple(people)), lambda: self._with_others(people, part))

    def _with_others(self, people: Sequence[int], part: Part) -> dict[int, OwnAgreement]:
        rows = self.rows(part)
        tasks = np.unique(rows.task[np.isin(rows.annotator, people)])
        return annotator_with_others(table_of(rows.take(np.isin(rows.task, tasks))), people=people)

    def disputed(self, part: Part = ALL) -> NDArray[np.int64]:
        """The tasks, sorted, that two people ordered differently, within what is meant."""
        return self.once(("disputed", part), lambda: self._disputed(part))

    def _disputed(self, part: Part) -> NDArray[np.int64]:
        found = []
        for board in self.boards.values():
            old = board.base.once(("disputed", part), lambda sheet=board.base: _disputed_in(sheet, part))
            touched = np.union1d(board.base.rows.task[board.gone], board.now.rows.task)
            found += [np.setdiff1d(old, touched, assume_unique=True), _disputed_in(board.now, part)]
        return np.sort(np.concatenate([np.zeros(0, np.int64), *found]))


def _once(memo: dict, key: Hashable, of: tuple, compute: Callable[[], Found]) -> Found:
    """What was computed of these very things, else computed: only the last is kept, so that old ones can go."""
    kept = memo.get(("together", key))
    if kept is None or kept[0] != of:
        kept = memo["together", key] = (of, compute())
    return kept[1]


def _total(parts: Sequence[Sums], nothing: Sums) -> Sums:
    return reduce(add, parts) if parts else nothing


def _rows(board: Board, part: Part) -> Rows:
    inside = part.inside(board.base)
    inside[board.gone] = False
    return joined([board.base.rows.take(np.flatnonzero(inside)), board.now.rows.take(part.inside(board.now))])


def _disputed_in(sheet: Sheet, part: Part) -> NDArray[np.int64]:
    numbers = part.numbers(sheet)
    if not numbers.size:
        return np.zeros(0, np.int64)
    meetings = meet(sheet.table, numbers)
    differing = meetings.left[meetings.distance > 0]
    return np.unique(sheet.table.item_labels[sheet.table.judgement_item[differing]]).astype(np.int64)
