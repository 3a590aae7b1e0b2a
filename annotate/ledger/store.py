"""The ledger's files: one for each column, raw, and `meta.json`, which says how much of them counts. Pure.

Rows are only ever added at the end: first the columns, then the meta file by an atomic rename, so that whoever reads
sees all of a row or nothing, and whatever a crash left behind the end is written over. One process writes at a time
(flock); readers take no lock. A ledger that is absent, of another version or another database, or whose bytes are not
those that were written, is no ledger: `opened` returns None, and the caller makes it anew.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from annotate.ledger.columns import COLUMNS, TYPES, WIDTHS, Rows, empty

VERSION = 1
META = "meta.json"


@dataclass(frozen=True)
class Gap:
    """Keys from `first` to `last` that were not there when a higher one was stored, at time `seen`."""

    first: int
    last: int
    seen: float


@dataclass(frozen=True)
class Meta:
    """What the files hold."""

    database: str
    version: int = VERSION
    generation: str = ""
    """The folder of the columns; another one each time the ledger is made anew."""
    rows: int = 0
    high: int = 0
    """The highest key that is stored."""
    mark: str = ""
    """Which assignment the judgement with that key is of: another database has another one."""
    gaps: list[Gap] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=dict)
    """CRC-32 of each column."""


@dataclass(frozen=True)
class Stored:
    """The stored rows, mapped into memory, with what is known about them."""

    meta: Meta
    rows: Rows


class Store:
    """The ledger of one database in one folder."""

    def __init__(self, folder: Path, *, database: str):
        self.folder = folder
        self.database = database

    def opened(self) -> Stored | None:
        """The stored rows; None when there is no ledger that can be believed."""
        meta = self._meta()
        if meta is None:
            return None
        mapped = self._mapped(meta)
        if mapped is None or any(zlib.crc32(getattr(mapped, name).data) != meta.sums.get(name, 0) for name in COLUMNS):
            return None
        return Stored(meta, mapped)

    def newer(self, stored: Stored) -> Stored | None:
        """What `opened` returns, given what it returned before: what was added since is mapped, and not checked."""
        meta = self._meta()
        if meta is None or meta.generation != stored.meta.generation or meta.rows < stored.meta.rows:
            return self.opened()
        if meta == stored.meta:
            return stored
        mapped = self._mapped(meta)
        return None if mapped is None else Stored(meta, mapped)

    def _meta(self) -> Meta | None:
        try:
            read = json.loads((self.folder / META).read_text())
            meta = Meta(**{**read, "gaps": [Gap(**gap) for gap in read["gaps"]]})
        except (OSError, ValueError, TypeError, KeyError):  # absent, torn or from another time
            return None
        return meta if (meta.version, meta.database) == (VERSION, self.database) else None

    def _mapped(self, meta: Meta) -> Rows | None:
        if not meta.rows:
            return empty()
        try:
            return Rows(
                **{
                    name: np.asarray(
                        np.memmap(self._file(meta, name), TYPES[name], mode="r", shape=(meta.rows, *WIDTHS[name]))
                    )
                    for name in COLUMNS
                }
            )
        except (OSError, ValueError):  # gone, or shorter than it should be
            return None

    def _file(self, meta: Meta, name: str) -> Path:
        return self.folder / meta.generation / name

    @contextmanager
    def turn(self, *, patient: bool) -> Iterator[bool]:
        """Hold the writer's turn; False, where nobody is `patient`, when another process has it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "turn").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if patient else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def begin(self) -> Meta:
        """A new, empty ledger, which counts once `append` is called. Hold the turn."""
        meta = Meta(database=self.database, generation=uuid.uuid4().hex)
        (self.folder / meta.generation).mkdir(mode=0o700)
        return meta

    def append(self, meta: Meta, rows: Rows, *, mark: str, gaps: list[Gap], publish: bool = True) -> Meta:
        """Add rows at the end; returns what the ledger holds then. Hold the turn.

        While a ledger is made anew its parts are not published: the old one counts until the new one is whole.
        """
        sums = dict(meta.sums)
        for name in COLUMNS:
            written = np.ascontiguousarray(getattr(rows, name), TYPES[name]).tobytes()
            with self._file(meta, name).open("ab") as file:
                file.truncate(meta.rows * TYPES[name].itemsize * math.prod(WIDTHS[name]))  # what a crash left behind
                file.write(written)
            sums[name] = zlib.crc32(written, sums.get(name, 0))
        high = max(meta.high, int(rows.id.max(initial=0)))
        meta = replace(meta, rows=meta.rows + len(rows), high=high, mark=mark, gaps=gaps, sums=sums)
        if publish:
            self._publish(meta)
        return meta

    def _publish(self, meta: Meta) -> None:
        part = self.folder / f"{META}.{os.getpid()}"
        part.write_text(json.dumps(asdict(meta)))
        part.replace(self.folder / META)

    def sweep(self, meta: Meta) -> None:
        """Remove the columns of earlier ledgers. Who has them mapped keeps them. Hold the turn."""
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder.name != meta.generation:
                shutil.rmtree(folder, ignore_errors=True)
