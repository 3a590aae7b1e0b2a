"""Passages whose place is known: a stretch of the source, and where the page shows exactly that.

Two private characters are put into the source, behind the first letter of the passage and before its last one, and are
looked for in what the page shows. A passage whose marks change what is shown otherwise, or are not shown, is none.
"""

import re
from collections.abc import Sequence
from random import Random

from annotate.passages import Run, shown_text

BEGIN, END = "\ue000", "\ue001"


def known_place(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the page shows `text[start:end]`, which begins and ends within words."""
    marked = f"{text[: start + 1]}{BEGIN}{text[start + 1 : end - 1]}{END}{text[end - 1 :]}"
    shown = shown_text(marked)
    if shown.count(BEGIN) != 1 or shown.count(END) != 1:
        return None
    if shown.replace(BEGIN, "").replace(END, "") != shown_text(text):
        return None
    return shown.index(BEGIN) - 1, shown.index(END)


def random_passages(text: str, random: Random, n: int) -> list[tuple[int, int]]:
    """Up to n stretches from the beginning of a word to the end of one, most of them short."""
    words = [found.span() for found in re.finditer(r"[^\W_]{2,}", text)]
    if not words:
        return []
    firsts = [random.randrange(len(words)) for _ in range(n)]
    lasts = [min(len(words) - 1, first + random.choice([0, 1, 3, 8, 30])) for first in firsts]
    return [(words[first][0], words[last][1]) for first, last in zip(firsts, lasts, strict=True)]


def located(runs: Sequence[Run], start: int, end: int) -> tuple[int, int] | None:
    """The stretch of the source under a stretch of the page, as static/js/passages.js finds it."""
    touched = [run for run in runs if run.shown < end and run.shown + run.length > start]
    if not touched:
        return None
    first, last = touched[0], touched[-1]
    whole = last.length != last.source_length
    return (
        first.source + (max(0, start - first.shown) if first.length == first.source_length else 0),
        last.source + (last.source_length if whole else min(last.length, end - last.shown)),
    )
