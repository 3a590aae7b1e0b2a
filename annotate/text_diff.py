"""What changed between two versions of a text, as lines to read with a little around them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from annotate.diffs import Op, words

CONTEXT = 2
"""Unchanged lines shown around a change."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the new text with what was cut from it, or a line that is gone: pieces that are equal, cut or new."""

    pieces: tuple[tuple[Op, str], ...]

    @property
    def changed(self) -> bool:
        """Whether anything in the line differs."""
        return any(op != "equal" for op, _ in self.pieces)


@dataclass(frozen=True, slots=True)
class Change:
    """Changed lines that stand together, with a little of what is around them."""

    lines: tuple[Line, ...]


def changes_between(old: str, new: str) -> list[Change]:
    """The changes from `old` to `new`, in the order of the text; none when they have the same words."""
    lines = list(_lines(old, new))
    near = {
        around
        for place, line in enumerate(lines)
        if line.changed
        for around in range(place - CONTEXT, place + CONTEXT + 1)
    }
    changes: list[Change] = []
    group: list[Line] = []
    for place, line in enumerate(lines):
        if place in near:
            group.append(line)
        elif group:
            changes.append(Change(tuple(group)))
            group = []
    return [*changes, Change(tuple(group))] if group else changes


def _lines(old: str, new: str) -> Iterator[Line]:
    """Blank lines that came or went are left out: nobody reads by them."""
    pieces: list[tuple[Op, str]] = []
    for op, text in [*words(old, new), ("equal", "\n")]:
        first, *others = text.split("\n")
        pieces.append((op, first))
        for other in others:
            filled = tuple(piece for piece in pieces if piece[1])
            if filled or op == "equal":
                yield Line(filled)
            pieces = [(op, other)]
