"""What judgements say of single completions: values on axes, flags, marked passages; read once, kept beside the ledger.

None of it ever changes, as judgements do not. So a file for each campaign, in the folder of the ledger's columns, holds
the marks of judgements that are stored there, and what is newer is read of the database. The file goes when the ledger
is made anew; without it all is read again.

A *cell* is one completion in one judgement. The grid of some judgements has all cells, sorted by completion and then by
annotator, and a column of values for each thing asked: 0 where nothing was said.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.boards import Board, Sheet
from annotate.ledger.live import ledger
from annotate.quality.votes import stretches
from annotate.statements import run

AT_ONCE = 5_000
"""Judgements in one question."""
WORTH_A_FILE = 1_000
"""Judgements whose marks are kept in a file rather than read again."""

SAID = """SELECT r.judgement_id, c.position, 'axis/' || r.axis, r.value FROM annotate_rating r {joined}
UNION ALL SELECT r.judgement_id, c.position, 'flag/' || r.name, 1 FROM annotate_flag r {joined}
UNION ALL SELECT DISTINCT r.judgement_id, c.position, 'span/' || r.type, 1 FROM annotate_span r {joined}"""
JOINED = """CROSS JOIN annotate_judgement j CROSS JOIN annotate_taskcompletion c
WHERE r.judgement_id IN ({places}) AND j.id = r.judgement_id
AND c.task_id = j.task_id AND c.completion_id = r.completion_id"""
"""SQLite takes tables that are joined so in this order. Where nobody sets flags, it would take the tasks first."""
SHOWN = """SELECT j.id, COUNT(*) FROM annotate_judgement j JOIN annotate_taskcompletion c ON c.task_id = j.task_id
WHERE j.id IN ({places}) GROUP BY j.id"""


@dataclass(frozen=True, eq=False)
class Marks:
    """What some judgements said. `known` (n,) and `shown` (n,): their ids, sorted, and how many completions each saw;
    the other columns (m,) hold one mark each, in no order: `label` is a place in `labels`, such as `flag/harmful`."""

    known: NDArray[np.int64]
    shown: NDArray[np.int64]
    judgement: NDArray[np.int64]
    position: NDArray[np.int64]
    label: NDArray[np.int64]
    value: NDArray[np.int64]
    labels: NDArray[np.str_]

    def joined(self, more: Marks) -> Marks:
        """These and those of other judgements."""
        order = np.argsort(both := np.concatenate([self.known, more.known]), kind="stable")
        labels = np.union1d(self.labels, more.labels)
        codes = [np.searchsorted(labels, one.labels)[one.label] for one in (self, more)]
        columns = {name: np.concatenate([getattr(self, name), getattr(more, name)]) for name in MARK}
        shown = np.concatenate([self.shown, more.shown])[order]
        return Marks(both[order], shown, **columns, label=np.concatenate(codes), labels=labels)


MARK = ("judgement", "position", "value")
COLUMNS = tuple(field.name for field in fields(Marks))


@dataclass(frozen=True, eq=False)
class Grid:
    """The cells of some judgements (N,), sorted by completion, then annotator."""

    row: NDArray[np.int32]
    """Which of the sheet's rows each cell is of."""
    unit: NDArray[np.int32]
    """Which completion of which task, numbered from 0."""
    columns: dict[str, NDArray[np.int8]]
    """By label."""
    begins: NDArray[np.int64]
    """(rows + 1,) where the cells of a task begin: those of its first row, and of as many rows as it has."""

    def of_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The cells of rows that are whole tasks, both rising."""
        return stretches(self.begins[rows], self.begins[rows + 1] - self.begins[rows])

    @cached_property
    def n_units(self) -> int:
        """Completions in tasks."""
        return int(self.unit[-1]) + 1 if self.unit.size else 0

    @classmethod
    def of(cls, sheet: Sheet, marks: Marks) -> Grid:
        """The cells of a sheet, whose judgements all have marks that are known."""
        rows = sheet.rows
        shown = marks.shown[np.searchsorted(marks.known, rows.id)] if len(rows) else np.zeros(0, np.int64)
        first = np.cumsum(shown) - shown
        row = np.repeat(np.arange(len(rows)), shown)
        position = np.arange(row.size) - first[row]
        task = np.cumsum(np.diff(rows.task, prepend=rows.task[:1]) != 0)
        order = np.argsort(task[row] * 16 + position, kind="stable")  # of equal ones the rows' order: by annotator
        unit = (task[row] * 16 + position)[order]
        place = np.empty(row.size, np.int64)
        place[order] = np.arange(row.size)
        columns = {str(label): np.zeros(row.size, np.int8) for label in marks.labels}
        by_id = np.argsort(rows.id)
        near = np.minimum(np.searchsorted(rows.id, marks.judgement, sorter=by_id), len(rows) - 1)
        at = by_id[near] if len(rows) else near
        mine = np.flatnonzero(rows.id[at] == marks.judgement) if len(rows) else near[:0]
        for code, label in enumerate(marks.labels):
            chosen = mine[marks.label[mine] == code]
            columns[str(label)][place[first[at[chosen]] + marks.position[chosen]]] = marks.value[chosen]
        number = np.cumsum(np.diff(unit, prepend=unit[:1]) != 0)
        begins = np.append(first, row.size)
        return cls(row[order].astype(np.int32), number.astype(np.int32), columns, begins)


def grids_of(board: Board, campaign: int) -> tuple[Grid, Grid]:
    """The cells of the board's base, those of what is gone among them, and the cells of what is there now."""
    base = board.base.once("grid", lambda: Grid.of(board.base, _stored(campaign, board.base.rows.id)))
    return base, board.once("grid", lambda: Grid.of(board.now, _read(np.sort(board.now.rows.id))))


def _stored(campaign: int, ids: NDArray[np.int64]) -> Marks:
    """The marks of judgements that are stored: from the campaign's file, and what is not there of the database."""
    if not ids.size:
        return _read(ids)
    path = ledger().folder() / f"marks-{campaign}.npz"
    kept = _opened(path)
    missing = np.sort(np.setdiff1d(ids, kept.known, assume_unique=True))  # np.unique of a million takes long
    if not missing.size:
        return kept
    found = kept.joined(_read(missing))
    if missing.size >= WORTH_A_FILE:
        _write(path, found)
    return found


def _opened(path: Path) -> Marks:
    try:
        with np.load(path, allow_pickle=False) as file:
            return Marks(**{name: file[name] for name in COLUMNS})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # absent, or torn
        return _read(np.zeros(0, np.int64))


def _write(path: Path, marks: Marks) -> None:
    """Put the file there whole: two processes that do so at once write the same."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, **{name: getattr(marks, name) for name in COLUMNS})
        part.replace(path)
    except OSError:  # the folder is gone, as the ledger is made anew: the next one reads the database again
        part.unlink(missing_ok=True)


def _read(ids: NDArray[np.int64]) -> Marks:
    """What the database says of judgements, by rising id."""
    shown = np.zeros(ids.size, np.int64)
    codes: dict[str, int] = {}
    parts = [np.zeros((0, 4), np.int64)]
    for part in _chunks(ids.tolist()):
        places = ", ".join(["%s"] * len(part))
        found = np.array(run(SHOWN.format(places=places), part), np.int64).reshape(-1, 2)
        shown[np.searchsorted(ids, found[:, 0])] = found[:, 1]
        said = run(SAID.format(joined=JOINED.format(places=places)), [*part, *part, *part])
        marks = [(pk, at, codes.setdefault(label, len(codes)), value) for pk, at, label, value in said]
        parts.append(np.array(marks, np.int64).reshape(-1, 4))
    judgement, position, code, value = np.concatenate(parts).T
    labels, places = np.unique(np.array(list(codes), np.str_), return_inverse=True)
    return Marks(ids, shown, judgement, position, places[code], value, labels)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(ids), AT_ONCE):
        yield ids[first : first + AT_ONCE]
