"""What changed between two texts. Pure."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, unified_diff
from typing import Literal

Op = Literal["equal", "delete", "insert"]
Pieces = list[tuple[Op, str]]

TOKEN = re.compile(r"\w+|\s+|[^\w\s]+")
MOST_COMPARED = 250_000
"""Pairs of tokens that are compared one by one (0.1 s at worst); longer stretches are first cut at rare words."""
MOST_CUTS = 12


def words(old: str, new: str) -> Pieces:
    """What was cut from `old` and added to get `new`, by words: [(op, text), ...].

    op is equal, delete or insert. The equal and deleted texts make up `old`, the equal and inserted ones `new`; of a
    place that changed, what was cut comes first. Deterministic, and fast for any texts: time grows with their lengths.
    """
    a, b = TOKEN.findall(old), TOKEN.findall(new)
    return _joined(_readable(_diff(a, b, MOST_CUTS)))


def changed_words(pieces: Pieces) -> tuple[int, int]:
    """(words added, words cut) in what `words` returned."""
    count = Counter({"insert": 0, "delete": 0})
    for op, text in pieces:
        count[op] += len(text.split())
    return count["insert"], count["delete"]


def unified(old: str, new: str) -> str:
    """The unified diff of two texts by lines, without file names."""
    lines = unified_diff(old.splitlines(), new.splitlines(), "original", "edited", lineterm="", n=3)
    return "\n".join(lines)


def _diff(a: Sequence[str], b: Sequence[str], cuts: int) -> Iterator[tuple[Op, str]]:
    head = _common(a, b)
    tail = _common(a[head:][::-1], b[head:][::-1])
    yield "equal", "".join(a[:head])
    yield from _diff_middle(a[head : len(a) - tail], b[head : len(b) - tail], cuts)
    yield "equal", "".join(a[len(a) - tail :])


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """How many tokens both begin with."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _diff_middle(a: Sequence[str], b: Sequence[str], cuts: int) -> Iterator[tuple[Op, str]]:
    if len(a) * len(b) <= MOST_COMPARED:
        for _, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            if a[a0:a1] == b[b0:b1]:
                yield "equal", "".join(a[a0:a1])
            else:
                yield "delete", "".join(a[a0:a1])
                yield "insert", "".join(b[b0:b1])
        return
    anchors = _anchors(a, b) if cuts else []
    if not anchors:
        yield "delete", "".join(a)
        yield "insert", "".join(b)
        return
    a0 = b0 = 0
    for a1, b1 in [*anchors, (len(a), len(b))]:
        yield from _diff(a[a0:a1], b[b0:b1], cuts - 1)
        a0, b0 = a1, b1


def _anchors(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the tokens that occur once in both, as many as come in the same order (Cohen's patience diff)."""
    in_a, in_b = Counter(a), Counter(b)
    place = {token: n for n, token in enumerate(b) if in_b[token] == 1}
    pairs = [(n, place[token]) for n, token in enumerate(a) if in_a[token] == 1 and token in place]
    piles: list[int] = []
    tops: list[int] = []
    before: list[int | None] = []
    for number, (_, where) in enumerate(pairs):
        pile = bisect_left(piles, where)
        before.append(tops[pile - 1] if pile else None)
        piles[pile : pile + 1] = [where]
        tops[pile : pile + 1] = [number]
    chain: list[tuple[int, int]] = []
    at = tops[-1] if tops else None
    while at is not None:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _readable(pieces: Iterator[tuple[Op, str]]) -> Pieces:
    """A space that stayed between two words that changed belongs to the change: one is read, not three."""
    found = [piece for piece in pieces if piece[1]]
    readable: Pieces = []
    for number, (op, text) in enumerate(found):
        between = 0 < number < len(found) - 1 and found[number - 1][0] != "equal" and found[number + 1][0] != "equal"
        if op == "equal" and between and text.isspace() and "\n" not in text:
            readable += [("delete", text), ("insert", text)]
        else:
            readable.append((op, text))
    return readable


def _joined(pieces: Pieces) -> Pieces:
    """Neighbours of one kind as one piece; of each changed place the cut text first."""
    joined: Pieces = []
    cut, added = "", ""
    for op, text in [*pieces, ("equal", "")]:
        if op == "delete":
            cut += text
        elif op == "insert":
            added += text
        else:
            joined += [("delete", cut), ("insert", added)]
            cut = added = ""
            if joined[-2:] == [("delete", ""), ("insert", "")] and len(joined) > 2 and joined[-3][0] == "equal":
                joined[-3:] = [("equal", joined[-3][1] + text)]
            else:
                joined.append(("equal", text))
    return [(op, text) for op, text in joined if text]
