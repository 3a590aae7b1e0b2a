"""Where a passage of the page stands in the completion: pages show rendered Markdown, spans count raw text. Pure.

Rendering drops markup (`**`, `](https://…)`, fences, table pipes) and draws formulas, but keeps letters and digits in
their order. So the letters and digits of both are aligned: equal stretches are followed; where they part, the nearest
place where they agree again is taken. What is known to be hidden is left out first (the destinations of links, the
languages of fences), and formulas, whose letters change (`\\alpha` is α), are matched whole by the source that the
page carries along. What stands between two matched letters is then matched from both ends.

The result is a list of runs, which the page's script (static/js/passages.js) looks up in both directions: the one
implementation of the alignment is here, the one of the lookup is there.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from itertools import islice, pairwise
from typing import NamedTuple

from annotate.rendering import code_lines, render_markdown

CONTEXTS = (16, 6, 3, 1)
"""How many letters must agree after a jump: the longest agreement that is found near by wins."""
NEAR = 1_000
"""Letters within which the two are searched for the next agreement."""
MAX_SEARCHES = 100_000
"""Beyond them the rest stays unmatched, so that no text costs much more than a second."""

LETTER = re.compile(r"[^\W_]")
HIDDEN = re.compile(
    r"""
    ^[ \t>]*(?:`{3,}|~{3,})(?P<info>[^`\n]+)$
    |&(?P<entity>[a-z0-9]+|\#[0-9]+|\#x[0-9a-f]+);
    |^[ \t>]*(?P<number>[0-9]{1,9})[.)][ \t]
    |\]\((?P<link>(?:https?://|mailto:)[^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:[ ]+"[^"\n]*")?)\)
    """,
    re.MULTILINE | re.VERBOSE | re.IGNORECASE,
)
"""What rendering drops although it has letters, outside of blocks of code. Where it does not (in code within a line),
the text between two matched letters is equal, and is matched all the same."""
LINE_END = re.compile(r"\r\n?|\n")

ADDED = re.compile(r"\[image not loaded: ")
"""What rendering writes of its own accord."""


class Run(NamedTuple):
    """`length` code points from `shown` on the page are those from `source` in the text; where the two lengths differ
    (a formula), only the whole is."""

    shown: int
    length: int
    source: int
    source_length: int


@dataclass(frozen=True, slots=True)
class _Formula:
    start: int
    end: int
    latex: str


class _Page(HTMLParser):
    """The text of a piece of HTML as the browser's `textContent` has it, and where its formulas are."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.formulas: list[_Formula] = []
        self._latex: str | None = None
        self._start = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "math":
            self._latex, self._start = dict(attrs).get("alttext") or "", len(self.text)

    def handle_endtag(self, tag: str) -> None:
        if tag == "math" and self._latex is not None:
            self.formulas.append(_Formula(self._start, len(self.text), self._latex))
            self._latex = None

    def handle_data(self, data: str) -> None:
        self.text += data


@lru_cache(maxsize=512)
def runs_of(text: str) -> tuple[Run, ...]:
    """The runs of a completion as the page renders it, in order, neither overlapping nor touching."""
    page = _Page(render_markdown(text))
    formulas = list(_formulas(text, page))
    added = [found.span() for found in ADDED.finditer(page.text)]
    shown = _letters(page.text, [*added, *((run.shown, run.shown + run.length) for run in formulas)])
    source = _letters(text, [*_hidden(text), *((run.source, run.source + run.source_length) for run in formulas)])
    pairs = [(shown[a], source[b]) for a, b in _matched(_spell(page.text, shown), _spell(text, source))]
    return tuple(_joined(_filled(page.text, text, _with_formulas(pairs, formulas))))


def shown_text(text: str) -> str:
    """What the page shows of a completion, as the browser's `textContent`: what runs count on that side."""
    return _Page(render_markdown(text)).text


def _formulas(text: str, page: _Page) -> Iterator[Run]:
    """Each formula with its source, delimiters included.

    The same in code is shown as it is written: as often as the page has it so before the formula, it is passed over.
    """
    shown_to = at = 0
    for formula in page.formulas:
        latex = re.escape(formula.latex)
        source = re.compile(rf"(?:\$\$?|\\[(\[])\s*{latex}\s*(?:\$\$?|\\[)\]])")
        as_written = sum(1 for _ in source.finditer(page.text, shown_to, formula.start))
        if found := next(islice(source.finditer(text, at), as_written, None), None):
            shown_to, at = formula.end, found.end()
            yield Run(formula.start, formula.end - formula.start, found.start(), at - found.start())


def _hidden(text: str) -> Iterator[tuple[int, int]]:
    lines = [0, *(found.end() for found in LINE_END.finditer(text)), len(text)]
    code = [(lines[first], lines[min(last, len(lines) - 1)]) for first, last in code_lines(text)]
    ends = [end for _, end in code]
    for found in HIDDEN.finditer(text):
        block = bisect_right(ends, found.start())
        if block < len(code) and code[block][0] <= found.start():
            continue
        for group in ("info", "entity", "number", "link"):
            if found[group]:
                yield found.span(group)


def _letters(text: str, without: list[tuple[int, int]]) -> list[int]:
    """Where the letters and digits are, outside of these stretches."""
    masked = bytearray(len(text))
    for start, end in without:
        masked[start:end] = b"\1" * (end - start)
    return [found.start() for found in LETTER.finditer(text) if not masked[found.start()]]


def _spell(text: str, places: list[int]) -> str:
    return "".join(text[place] for place in places)


def _matched(shown: str, source: str) -> Iterator[tuple[int, int]]:
    """Indices of equal letters, both rising."""
    a = b = 0
    left = MAX_SEARCHES
    while a < len(shown) and b < len(source):
        if shown[a] == source[b]:
            yield a, b
            a, b = a + 1, b + 1
            continue
        jump, searches = _next_agreement(shown, source, a, b)
        left -= searches
        if jump is None or left < 0:
            return
        a, b = jump


def _next_agreement(shown: str, source: str, a: int, b: int) -> tuple[tuple[int, int] | None, int]:
    """Where the two agree again with the fewest letters skipped, and how many searches that took."""
    searches = 0
    for context in CONTEXTS:
        best, jump = NEAR + 1, None
        for skipped in range(min(NEAR, len(shown) - a)):
            if skipped >= best:
                break
            piece = shown[a + skipped : a + skipped + context]
            found = source.find(piece, b, b + best - skipped + len(piece))
            searches += 1
            if found >= 0 and found - b + skipped < best:
                best, jump = found - b + skipped, (a + skipped, found)
        if jump:
            return jump, searches
    return None, searches


def _with_formulas(pairs: list[tuple[int, int]], formulas: list[Run]) -> list[Run]:
    """Letters and formulas in order; a letter that would cross a formula is left out."""
    runs = sorted([*(Run(a, 1, b, 1) for a, b in pairs), *formulas])
    kept: list[Run] = []
    for run in runs:
        while kept and kept[-1].source + kept[-1].source_length > run.source and run.length != run.source_length:
            kept.pop()
        if not kept or kept[-1].source + kept[-1].source_length <= run.source:
            kept.append(run)
    return kept


def _filled(shown: str, source: str, runs: list[Run]) -> Iterator[Run]:
    """The runs, and between them what is equal from both ends: spaces, punctuation."""
    for left, right in pairwise([Run(0, 0, 0, 0), *runs, Run(len(shown), 0, len(source), 0)]):
        yield left
        a, b = left.shown + left.length, left.source + left.source_length
        between, beneath = shown[a : right.shown], source[b : right.source]
        head = _equal(between, beneath)
        tail = _equal(between[head:][::-1], beneath[head:][::-1])
        yield Run(a, head, b, head)
        yield Run(right.shown - tail, tail, right.source - tail, tail)


def _equal(one: str, other: str) -> int:
    """How many characters are the same at the beginning."""
    return next((n for n, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), min(len(one), len(other)))


def _joined(runs: Iterable[Run]) -> Iterator[Run]:
    """Without empty runs, and one where two plain ones touch on both sides."""
    held: Run | None = None
    for run in runs:
        if not run.length:
            continue
        if held and _touch(held, run):
            length = held.length + run.length
            held = Run(held.shown, length, held.source, length)
            continue
        if held:
            yield held
        held = run
    if held:
        yield held


def _touch(left: Run, right: Run) -> bool:
    plain = left.length == left.source_length and right.length == right.source_length
    return plain and (left.shown + left.length, left.source + left.source_length) == (right.shown, right.source)
