"""The ledger as this process sees it: what is stored, and what came since, read anew at every look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import Q
from numpy.typing import NDArray

from annotate.ledger import source
from annotate.ledger.boards import Board, Sheet
from annotate.ledger.columns import Rows, empty, joined, superseded
from annotate.ledger.store import Gap, Meta, Store, Stored

OLD = 600.0
"""Seconds after which a judgement is stored: longer than any transaction that writes one takes."""
ENOUGH = 1000
"""Old judgements that are worth a write."""
GAP_SECONDS = 86_400.0
"""How long keys that were skipped are looked for."""
MOST_GAPS = 100
MOST_NEW = 20_000
"""Judgements that a campaign's base may lack."""


@dataclass(frozen=True, eq=False)
class Look:
    """What there is now: the stored rows, and the rows beyond them."""

    stored: Stored
    fresh: Rows
    keys: list[tuple[int, str]]
    """(key, assignment) of each fresh row: a database that began anew gives the same keys again."""

    @property
    def rows(self) -> Rows:
        """All rows, superseded ones included."""
        return joined([self.stored.rows, self.fresh]) if len(self.fresh) else self.stored.rows


@dataclass(frozen=True, eq=False)
class Base:
    """A campaign's judgements that counted at one time, of those that were stored."""

    generation: str
    n_stored: int
    gold: NDArray[np.int64]
    sheet: Sheet

    @classmethod
    def of(cls, stored: Stored, campaign: int, gold: NDArray[np.int64]) -> Base:
        """Of what is stored now."""
        mine = np.flatnonzero(stored.rows.campaign == campaign)
        sheet = Sheet.of(stored.rows, mine[counting(stored.rows, gold=gold, among=mine)])
        return cls(stored.meta.generation, len(stored.rows), gold, sheet)

    def serves(self, stored: Stored, gold: NDArray[np.int64]) -> bool:
        """Whether the present can be told as changes of it: what was gold and is no more, it does not hold."""
        return self.generation == stored.meta.generation and np.isin(self.gold, gold).all()

    def with_changes(self, new: Rows, gold: NDArray[np.int64]) -> Board:
        """The board after new rows, and with other tasks gold."""
        tasks = np.unique(np.concatenate([new.task, np.setdiff1d(gold, self.gold)]))
        gone = self.sheet.of_tasks(tasks)
        rows = joined([self.sheet.rows.take(gone), new])
        return Board(self.sheet, gone, Sheet.of(rows, np.flatnonzero(counting(rows, gold=gold))))


class Ledger:
    """The ledger of one database."""

    def __init__(self, store: Store):
        self.store = store
        self._lock = threading.Lock()
        self._stored: Stored | None = None
        self._keys: list[tuple[int, str]] = []
        self._fresh: Rows = empty()
        self._bases: dict[int, Base] = {}
        self._boards: dict[int, tuple[tuple, Board]] = {}
        self.kept: dict[Hashable, Any] = {}
        """What readers know of judgements and of what these are of: it stays true unless the database is another."""

    def look(self) -> Look:
        """What there is now; makes the ledger where there is none that can be believed."""
        with self._lock:
            stored = self.store.newer(self._stored) if self._stored else self.store.opened()
            keys = source.keys(stored.meta) if stored else None
            young = empty()
            if stored is None or keys is None:
                stored, young = self._build()
                keys = source.keys(stored.meta)
            self._take(stored, keys or [], young)
            if self._old().sum() >= ENOUGH and (longer := self._store_old()):
                self._take(longer, source.keys(longer.meta) or [])
            return Look(self._stored, self._fresh, self._keys)

    def folder(self) -> Path:
        """Where the columns in use are; what is made of them may be kept there, and goes with them."""
        stored = self._stored or self.look().stored
        return self.store.folder / stored.meta.generation

    def board(self, campaign: int) -> Board:
        """The judgements of a campaign that count now."""
        return self.boards([campaign])[campaign]

    def boards(self, campaigns: Sequence[int]) -> dict[int, Board]:
        """The judgements of campaigns that count now, by campaign.

        While nothing changes in one, its board is the same again, with what was computed from it.
        """
        look, gold = self.look(), source.not_work()
        with self._lock:
            return {campaign: self._board(look, campaign, gold) for campaign in campaigns}

    def _board(self, look: Look, campaign: int, gold: NDArray[np.int64]) -> Board:
        mine = np.flatnonzero(look.fresh.campaign == campaign)
        stored = (look.stored.meta.generation, look.stored.meta.high, look.stored.meta.rows)
        stamp = (stored, [look.keys[place] for place in mine], gold.tobytes())
        if campaign not in self._boards or self._boards[campaign][0] != stamp:
            self._boards[campaign] = (stamp, self._changed(look, campaign, gold, look.fresh.take(mine)))
        return self._boards[campaign][1]

    def _changed(self, look: Look, campaign: int, gold: NDArray[np.int64], fresh: Rows) -> Board:
        """The board of the base that is at hand and of what changed since, or of a new base if that is too much."""
        base = self._bases.get(campaign)
        if base is None or not base.serves(look.stored, gold):
            base = self._bases[campaign] = Base.of(look.stored, campaign, gold)
        later = look.stored.rows.take(slice(base.n_stored, None))
        new = joined([later.take(later.campaign == campaign), fresh])
        if len(new) > MOST_NEW:
            self._bases[campaign] = base = Base.of(look.stored, campaign, gold)
            new = fresh
        return base.with_changes(new, gold)

    def _take(self, stored: Stored, keys: list[tuple[int, str]], young: Rows | None = None) -> None:
        """Have these rows beyond the stored ones, reading only those that are not at hand, nor among the `young`."""
        if self._stored and not self._goes_on(stored, keys):
            self.kept, self._bases, self._boards = {}, {}, {}
        if self._stored is None or self._stored.meta != stored.meta or self._keys != keys[: len(self._keys)]:
            self._keys, self._fresh = [], empty()
        missing = [key for key, _of in keys[len(self._keys) :]]
        if missing:
            read = empty() if young is None else young.take(np.isin(young.id, missing))
            left = sorted({*missing} - {*read.id.tolist()})
            self._fresh = joined([self._fresh, read, source.of_keys(left)])
            here = set(self._fresh.id.tolist())
            keys = [one for one in keys if one[0] in here]
        self._stored, self._keys = stored, keys

    def _goes_on(self, stored: Stored, keys: list[tuple[int, str]]) -> bool:
        """Whether everything that was there is there still: a database that began anew has other judgements."""
        if stored.meta.generation != self._stored.meta.generation:
            return False
        gone = [key for key, _of in set(self._keys) - set(keys)]
        return bool(np.isin(gone, stored.rows.id[len(self._stored.rows) :]).all())

    def _old(self) -> NDArray[np.bool_]:
        return self._fresh.created <= time.time() - OLD

    def _store_old(self) -> Stored | None:
        """Store what is old enough; None while another process does."""
        with self.store.turn(patient=False) as mine:
            stored = self.store.newer(self._stored) if mine else None
            if stored is None or stored.meta != self._stored.meta:
                return stored
            rows = self._fresh.take(self._old())
            self.store.append(stored.meta, rows, **_after(stored.meta, rows))
            return self.store.newer(stored)

    def is_true(self) -> bool:
        """Whether the ledger says of all judgements what the database says, but for their ranks."""
        stored = self.store.opened()
        if stored is None or (keys := source.keys(stored.meta)) is None:
            return False
        rows = stored.rows
        sums = {name: int(getattr(rows, name).sum()) for name in source.SUMMED}
        return (len(rows), sums) == source.totals(without=[key for key, _of in keys])

    def check(self, *, anew: bool = False, say: Callable[[int], None] = lambda rows: None) -> bool:
        """Make the ledger anew where it is not true, or in any case; returns whether that was so."""
        if not anew and self.is_true():
            return False
        self.build(anew=True, say=say)
        return True

    def build(self, *, anew: bool = False, say: Callable[[int], None] = lambda rows: None) -> Stored:
        """Make the ledger; `say` is told how many rows there are so far. Waits for whoever does it already.

        One that can be believed is taken as it is, unless it must be made `anew`.
        """
        return self._build(anew=anew, say=say)[0]

    def _build(self, *, anew: bool = False, say: Callable[[int], None] = lambda rows: None) -> tuple[Stored, Rows]:
        """The ledger, made where there is none, and what was read that is too young to be stored."""
        with self.store.turn(patient=True):
            found = None if anew else self.store.opened()
            if found and source.keys(found.meta) is not None:
                return found, empty()  # somebody has made it meanwhile
            meta = self.store.begin()
            until, young = time.time() - OLD, []
            for read in source.chunks(Q()):
                old = read.created <= until
                rows = read.take(old)
                young.append(read.take(~old))
                meta = self.store.append(meta, rows, **_after(meta, rows), publish=False)
                say(meta.rows)
            meta = self.store.append(meta, empty(), mark=meta.mark, gaps=meta.gaps)
            self.store.sweep(meta)
            built = self.store.opened()
            if built is None:
                raise OSError(f"The ledger in {self.store.folder} cannot be read after it was written.")
            return built, joined([empty(), *young])


def _after(meta: Meta, rows: Rows) -> dict:
    """What the ledger's meta file says beside the rows once these are stored, too."""
    now = time.time()
    ids = np.sort(rows.id)
    high = max(meta.high, int(ids.max(initial=0)))
    still = [part for gap in meta.gaps if now - gap.seen < GAP_SECONDS for part in _without(gap, ids)]
    gaps = [*still, *source.gaps_of(ids[ids > meta.high], after=meta.high, seen=now)]
    return {"mark": meta.mark if high == meta.high else source.mark_of(high), "gaps": gaps[-MOST_GAPS:]}


def _without(gap: Gap, ids: NDArray[np.int64]) -> list[Gap]:
    """What is left of a gap once some of its keys are there."""
    inside = ids[(ids >= gap.first) & (ids <= gap.last)]
    left = source.gaps_of(np.append(inside, gap.last + 1), after=gap.first - 1, seen=gap.seen)
    return left


@cache
def _of(folder: str, database: str) -> Ledger:
    return Ledger(Store(settings.VAR_DIR / folder, database=database))


def ledger() -> Ledger:
    """This process's ledger of the database in use."""
    used = connection.settings_dict
    return _of("ledger", f"{connection.vendor}:{used['HOST']}:{used['PORT']}:{used['NAME']}")


def counting(
    rows: Rows, *, gold: NDArray[np.int64], among: NDArray[np.int64] | slice = slice(None)
) -> NDArray[np.bool_]:
    """(n,) whether each judgement, or each `among` them, counts: none supersedes it, and its task is ordinary work."""
    return ~superseded(rows.id[among], rows.supersedes[among]) & ~np.isin(rows.task[among], gold)
