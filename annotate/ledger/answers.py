"""The sums of what judgements say of single completions: those of the base, and what changed since.

The completions of a task are one cluster; an item is one completion in one task.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.boards import LARGE, Board, Sheet, Slots
from annotate.ledger.marks import Grid, grids_of
from annotate.quality.value_change import both_parts, n_in_both, yes_of_both
from annotate.quality.value_kernels import rows_of_slices
from annotate.quality.value_sum_kernels import in_common
from annotate.quality.value_sums import Answers, Pairs, ValueSums, annotators_of, in_pairs, yes_of
from annotate.quality.values import coded_fast


@dataclass(frozen=True, slots=True)
class Asking:
    """A question, as far as its answers depend on it."""

    label: str
    """Such as `axis/helpful`."""
    levels: int
    """How many levels an axis has, whose values are from 1, and 0 where there is none; 0: it is said or not."""
    offering: tuple[int, ...] | None
    """The versions of the guideline that ask it; None where all do."""
    sides: tuple[int, int] | None = None
    """The versions before and after a change: only answers under these are meant, as `value_change` has them."""

    @property
    def yes(self) -> NDArray[np.bool_]:
        """(K,) which of all different answers are a yes."""
        return (yes_of_both if self.sides else yes_of)(self.levels or 2)


def sums_of(board: Board, campaign: int, asked: Asking, slots: Slots) -> ValueSums:
    """The sums of a slice of the judgements that count now."""
    return board.once(_name(asked, slots), lambda: _Sums(board, campaign, asked).now(slots))


def sums_by_part(board: Board, campaign: int, asked: Asking, slots: Slots, name: str) -> Mapping[int, ValueSums]:
    """The sums of the board's base in a slice, by one more thing that would narrow it, such as the domain's id."""
    return _Sums(board, campaign, asked).by_part(slots, name)


def changed_parts(board: Board, name: str) -> NDArray[np.int64]:
    """The ids of what has judgements, such as domains, in which the board is not as its base."""
    gone, there = board.gone_and_new
    return np.unique(np.concatenate([board.base.parts[name][gone], board.now.parts[name][there]]))


def answers_of(board: Board, campaign: int, asked: Asking, people: Sequence[int]) -> Answers:
    """The answers of some people that count now, by their ids: looks only at the tasks that they judged."""
    return _Sums(board, campaign, asked).of_people(people)


def n_before_and_after(board: Board, campaign: int, asked: Asking) -> int:
    """How many completions were judged under both versions."""
    return board.once((asked, "in both"), lambda: _Sums(board, campaign, asked).n_in_both())


def is_said(board: Board, campaign: int, label: str) -> bool:
    """Whether anybody ever said this of anything."""
    return any(label in grid.columns for grid in grids_of(board, campaign))


@dataclass(frozen=True, slots=True)
class _Sums:
    board: Board
    campaign: int
    asked: Asking

    @property
    def grids(self) -> tuple[Grid, Grid]:
        return grids_of(self.board, self.campaign)

    def answers(
        self, sheet: Sheet, grid: Grid, slots: Slots, cells: NDArray[np.int64] | None = None
    ) -> tuple[Answers, NDArray[np.int32]]:
        """The answers in a slice, among some cells where given, and the row of each."""
        row = grid.row if cells is None else grid.row[cells]
        said = grid.columns.get(self.asked.label)
        said = np.zeros(row.size, np.int8) if said is None else said if cells is None else said[cells]
        chosen = said > 0 if self.asked.levels else np.ones(row.size, bool)
        if self.asked.offering is not None:
            chosen &= np.isin(sheet.rows.guideline[row], self.asked.offering)
        if self.asked.sides:
            chosen &= np.isin(sheet.rows.guideline[row], self.asked.sides)
        for name, slot in slots.items():
            chosen &= sheet.parts[name][row] == slot
        unit = grid.unit if cells is None else grid.unit[cells]
        if not chosen.all():
            row, said, unit = row[chosen], said[chosen], unit[chosen]
        code = said.astype(np.int64) - (self.asked.levels > 0)
        found = Answers(sheet.rows.task[row], unit.astype(np.int64), sheet.rows.annotator[row], code)
        if self.asked.sides:
            found = both_parts(found, sheet.rows.guideline[row] == self.asked.sides[1], self.asked.levels or 2)
        return found, row

    def of_base(self, slots: Slots, cells: NDArray[np.int64] | None = None) -> Answers:
        """The answers of the base in a slice."""
        if cells is None and slots:
            tasks = np.unique(self.board.base.rows.task[_inside(self.board.base, slots)])
            cells = self.grids[0].of_rows(self.board.base.of_tasks(tasks))
        return self.answers(self.board.base, self.grids[0], slots, cells)[0]

    def summed(self, answers: Answers, *, pairs: bool = True) -> ValueSums:
        return ValueSums.of(answers, self.asked.yes, pairs=pairs)

    def base(self, slots: Slots) -> ValueSums:
        """The sums of the base; those of a large slice are kept, and those of the last few smaller ones."""

        def compute() -> tuple[ValueSums, int]:
            answers = self.of_base(slots)
            return self.summed(answers), answers.item.size

        return self.board.base.kept(_name(self.asked, slots), compute)

    def by_part(self, slots: Slots, name: str) -> Mapping[int, ValueSums]:
        """The sums of the base by part; those of large ones are kept."""
        base = self.board.base
        answers, row = self.answers(base, self.grids[0], slots)
        labels, codes = coded_fast("parts", base.parts[name][row])
        rows, bounds = rows_of_slices(codes, labels.size)
        found = {}
        for number, slot in enumerate(labels.tolist()):
            of_part = rows[bounds[number] : bounds[number + 1]]
            found[slot] = self.summed(answers.take(of_part))
            if of_part.size >= LARGE:
                base.memo[_name(self.asked, {**slots, name: slot})] = found[slot]
        return found

    def now(self, slots: Slots) -> ValueSums:
        """The sums of what counts now."""
        base, (grid, new) = self.base(slots), self.grids
        sheets = zip((self.board.base, self.board.now), self.board.gone_and_new, strict=True)
        if not any(_inside(sheet, slots, rows).any() for sheet, rows in sheets):
            return base
        gone = self.of_base(slots, grid.of_rows(self.board.gone))
        there = self.answers(self.board.now, new, slots)[0]
        pairs = np.union1d(in_pairs(gone), in_pairs(there))
        before = self.pairs(slots, pairs)
        taken, added = (Pairs.of(part, pairs, self.asked.yes.size) for part in (gone, there))
        after = Pairs(pairs, before.sums - taken.sums + added.sums)
        return base.changed(self.summed(gone, pairs=False), self.summed(there, pairs=False), before, after)

    def of_people(self, people: Sequence[int]) -> Answers:
        """The answers of some people, those of the base and then those of now."""
        base, (grid, new) = self.board.base, self.grids
        tasks = np.unique(base.rows.task[base.of_annotators(people)])
        cells = grid.of_rows(base.of_tasks(tasks[~np.isin(tasks, self.board.changed)]))
        parts = [self.answers(base, grid, {}, cells)[0], self.answers(self.board.now, new, {})[0]]
        old, now = (part.take(np.isin(part.annotator, people)) for part in parts)
        later = Answers(now.cluster, now.item + grid.n_units, now.annotator, now.code)
        return Answers(*(np.concatenate([getattr(part, one.name) for part in (old, later)]) for one in fields(Answers)))

    def n_in_both(self) -> int:
        """Completions with answers on both sides: of the base, but for those that are gone, and of now."""
        grid, new = self.grids
        gone = self.of_base({}, grid.of_rows(self.board.gone))
        found = self.board.base.once((self.asked, "in both"), lambda: n_in_both(self.of_base({})))
        return found - n_in_both(gone) + n_in_both(self.answers(self.board.now, new, {})[0])

    def pairs(self, slots: Slots, wanted: NDArray[np.int64]) -> Pairs:
        """What the cases of pairs of annotators add up to in the base; each is looked up once."""
        name, base = (_name(self.asked, slots), "pairs"), self.board.base
        known = base.memo.get(name, Pairs(wanted[:0], np.zeros((0, *self.base(slots).by_pairs.shape[:2]))))
        missing = np.setdiff1d(wanted, known.number, assume_unique=True)
        if missing.size:
            more = self.looked_up(slots, missing)
            number = np.concatenate([known.number, missing])
            order = np.argsort(number)
            known = base.memo[name] = Pairs(number[order], np.concatenate([known.sums, more.sums])[order])
        return Pairs(wanted, known.sums[np.searchsorted(known.number, wanted)])

    def looked_up(self, slots: Slots, wanted: NDArray[np.int64]) -> Pairs:
        """The same from the tasks that both annotators of a pair judged."""
        base, grid = self.board.base, self.grids[0]

        def in_both() -> NDArray[np.int64]:
            order, bounds = base.by_annotator
            judged = base.once("tasks by annotator", lambda: base.rows.task[order])
            people = annotators_of(wanted)
            both = np.logical_and(*(one < bounds.size - 1 for one in people))
            tasks = in_common(people[0][both], people[1][both], judged, bounds)
            return grid.of_rows(base.of_tasks(np.unique(tasks)))

        cells = base.latest("cells in common", wanted.tobytes(), in_both)  # which one question has after the other
        return Pairs.of(self.of_base(slots, cells), wanted, self.asked.yes.size)


def _inside(sheet: Sheet, slots: Slots, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.bool_]:
    """Which of the rows are in a slice."""
    found = np.ones(len(sheet.rows), bool)[rows]
    for name, slot in slots.items():
        found &= sheet.parts[name][rows] == slot
    return found


def _name(asked: Asking, slots: Slots) -> Hashable:
    return (asked, "sums", *sorted(slots.items()))
