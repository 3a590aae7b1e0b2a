"""Which completions tasks show, by whom and how long: it never changes, so it is read once, and kept beside the ledger.

A file for each campaign lies in the folder of the ledger's columns, mapped into the memory that all web processes
share. It goes when the ledger is made anew; without it all is read again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.live import ledger
from annotate.statements import run

SHOWN = """SELECT l.task_id, l.position, l.completion_id, c.producer_id, length(c.text)
FROM annotate_taskcompletion l JOIN annotate_completion c ON c.id = l.completion_id WHERE l.task_id"""
NEAR = 20_000
"""Tasks between the first and the last of one question."""
AT_ONCE = 500
"""Tasks that are named one by one in a question."""
DENSE = 10
"""Where fewer than one task of so many is wanted, they are named one by one."""
WORTH_A_FILE = 1_000
"""Tasks whose contents are kept in a file rather than read again."""


@dataclass(frozen=True, eq=False)
class Shown:
    """The completions of tasks (n,), sorted by task, then position."""

    task: NDArray[np.int64]
    position: NDArray[np.int64]
    completion: NDArray[np.int64]
    producer: NDArray[np.int64]
    letters: NDArray[np.int64]
    """How long the text is."""

    def take(self, chosen: NDArray) -> Shown:
        """The rows that an index or a mask names."""
        return Shown(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def plus(self, other: Shown) -> Shown:
        """These and those of other tasks."""
        both = np.stack([np.append(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)])
        return Shown(*_sorted(both))


def contents(campaign: int, tasks: NDArray[np.int64]) -> Shown:
    """What tasks of a campaign, sorted by their ids, show: of the campaign's file, and of the database what lacks."""
    if not tasks.size:
        return read(tasks)
    path = ledger().folder() / f"contents-{campaign}.npy"
    kept = _opened(path)
    missing = tasks[~np.isin(tasks, kept.task)]
    if missing.size:
        kept = kept.plus(read(missing))
        if missing.size >= WORTH_A_FILE:
            _write(path, kept)
    wanted = np.isin(kept.task, tasks)
    return kept if wanted.all() else kept.take(wanted)


def read(tasks: NDArray[np.int64]) -> Shown:
    """What tasks, sorted by their ids, show, as the database says."""
    found = [np.zeros((0, 5), np.int64)]
    for part in _near(tasks):
        if part.size * DENSE > part[-1] - part[0]:
            rows = np.array(run(f"{SHOWN} BETWEEN %s AND %s", [int(part[0]), int(part[-1])]), np.int64).reshape(-1, 5)
            found.append(rows[np.isin(rows[:, 0], part)])
            continue
        for first in range(0, part.size, AT_ONCE):
            some = part[first : first + AT_ONCE].tolist()
            rows = run(f"{SHOWN} IN ({', '.join(['%s'] * len(some))})", some)
            found.append(np.array(rows, np.int64).reshape(-1, 5))
    return Shown(*_sorted(np.concatenate(found).T))


def _sorted(columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """(5, n) columns of `Shown`, by task, then position."""
    return columns[:, np.lexsort((columns[1], columns[0]))]


def _near(tasks: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Sorted tasks in parts whose ids lie near each other."""
    if tasks.size:
        yield from np.split(tasks, np.flatnonzero(np.diff((tasks - tasks[0]) // NEAR) > 0) + 1)


def _opened(path: Path) -> Shown:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        return Shown(*np.asarray(found).reshape(len(fields(Shown)), -1))
    except (OSError, ValueError):  # absent, or torn
        return read(np.zeros(0, np.int64))


def _write(path: Path, shown: Shown) -> None:
    """Put the file there whole: two processes that do so at once write the same."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.save(file, np.stack([getattr(shown, one.name) for one in fields(Shown)]))
        part.replace(path)
    except OSError:  # the folder is gone, as the ledger is made anew: the next one reads the database again
        part.unlink(missing_ok=True)
