"""What texts look like, looked at once and kept in a file beside the data. Pure.

A text never changes and its hash is its name: a row never grows old, whoever writes it writes the same, and the file
may be deleted at any time. Other rules, that is another style.py, are another file.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

from annotate.quality import style
from annotate.quality.style import FEATURES, count_words, style_of

_PACKED = struct.Struct(f"<{len(FEATURES) + 2}d")
_AT_ONCE = 500
_PATIENCE = 20.0
"""Seconds to wait for another process that is writing."""


class Looked(NamedTuple):
    """What was found in an answer: its style, and how many words there are to read in it and in its prompt."""

    style: tuple[float, ...]
    """As `style.FEATURES`."""
    words: int
    prompt_words: int


def look_at(text: str, messages: list[dict[str, str]]) -> Looked:
    """Look at an answer to a conversation."""
    words = sum(count_words(message["content"]) for message in messages)
    return Looked(style_of(text, messages[-1]["content"]).as_tuple(), count_words(text), words)


class StyleStore:
    """The file of one set of rules in a folder. Names are hashes, as text, of what was looked at."""

    def __init__(self, folder: Path):
        self.path = folder / f"style-{_rules()}.sqlite3"

    def known(self, names: Iterable[str]) -> dict[str, Looked]:
        """What is known of these."""
        wanted, found = list(names), {}
        with self._open() as file:
            for start in range(0, len(wanted), _AT_ONCE):
                part = wanted[start : start + _AT_ONCE]
                places = ",".join("?" * len(part))
                rows = file.execute(f"SELECT name, found FROM looked WHERE name IN ({places})", part)
                found |= {name: _unpacked(packed) for name, packed in rows}
        return found

    def add(self, looked: Mapping[str, Looked]) -> None:
        """Keep these."""
        rows = [(name, _PACKED.pack(*one.style, one.words, one.prompt_words)) for name, one in looked.items()]
        with self._open() as file, file:
            file.executemany("INSERT OR IGNORE INTO looked VALUES (?, ?)", rows)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE)) as file:
            file.execute("CREATE TABLE IF NOT EXISTS looked (name TEXT PRIMARY KEY, found BLOB) WITHOUT ROWID")
            yield file


def _unpacked(packed: bytes) -> Looked:
    found = _PACKED.unpack(packed)
    return Looked(found[:-2], int(found[-2]), int(found[-1]))


@cache
def _rules() -> str:
    """A name for the rules by which texts are looked at: they are a file."""
    return hashlib.sha256(Path(style.__file__).read_bytes()).hexdigest()[:12]
