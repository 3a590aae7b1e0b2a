"""A solution as steps that can be judged one by one. Pure.

Steps are where the writer put them: "Step 1:" headings, else a numbered list, else paragraphs, and every line of a
paragraph that calculates. Code blocks, LaTeX blocks, lists and tables are never cut, and one that a sentence announces
("This gives:") stays with that sentence. Nothing is lost: the steps, joined, are the text.
"""

import re
from collections.abc import Callable, Iterator

MAX_STEPS = 200

_HEADED = re.compile(r" {0,3}(?:#{1,6} +|> ?)?(?:\*\*|__)?step +\d{1,3}\b", re.IGNORECASE)
_NUMBERED = re.compile(r" ?(?:\*\*|__)?(\d{1,3})[.)](?:\*\*|__)?[ \t]")
_CLOSING = re.compile(
    r"(?:#+ +)?(?:\*\*|__)?(?:(?:the )?(?:final )?answer|conclusion|therefore|thus|hence|so|in total|####)\b",
    re.IGNORECASE,
)
_LISTED = re.compile(r"\s*(?:[-*+•] |\d{1,3}[.)] |\|)")
_HEADING = re.compile(r"#{1,6} |(?:\*\*|__)[^*_\n]+(?:\*\*|__):?\s*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RELATION = re.compile(r"[=≈≠≤≥<>→⇒]|####|\\(?:approx|leq?|geq?|implies|to|Rightarrow)\b")
_OPENERS = re.compile(r"\$\$|\\\[|\\begin\{([A-Za-z]+\*?)\}")


def split_steps(text: str) -> list[str]:
    """The steps of a solution, in order, none of them blank; joined, they are the text. No step for an empty text."""
    lines = _logical_lines(text)
    marks = _marks(lines)
    pieces = _at_marks(lines, marks) if marks else [step for part in _paragraphs(lines) for step in _by_line(part)]
    return _without_blank("".join(piece) for piece in pieces)


def join_steps(steps: list[str]) -> list[str]:
    """Steps that were given one by one, with a blank line after each but the last: joined, they are a solution."""
    return [step.strip() + "\n\n" for step in steps[:-1]] + [step.strip() for step in steps[-1:]]


def _logical_lines(text: str) -> list[str]:
    """Lines with their ends; a code block or a LaTeX block is one line, whatever is in it."""
    found: list[str] = []
    end: Callable[[str], bool] | None = None
    for line in text.splitlines(keepends=True):
        if end is not None:
            found[-1] += line
            end = None if end(line) else end
            continue
        found.append(line)
        end = _end_of_block(line)
    return found


def _end_of_block(line: str) -> Callable[[str], bool] | None:
    """What ends the block that this line opens, or None when it opens none."""
    if fence := _FENCE.match(line):
        closing = re.compile(rf" {{0,3}}{re.escape(fence[1])}{re.escape(fence[1][0])}*\s*$")
        return lambda later: closing.match(later) is not None
    if not (opener := _OPENERS.search(line)):
        return None
    closer = {"$$": "$$", "\\[": "\\]"}.get(opener[0], f"\\end{{{opener[1]}}}")
    return None if closer in line[opener.end() :] else lambda later: closer in later


def _marks(lines: list[str]) -> list[int]:
    """Where steps begin: at headings that say so, else at the items 1, 2, 3 of a list; [] when there are not two."""
    headed = [place for place, line in enumerate(lines) if _HEADED.match(line)]
    if len(headed) > 1:
        return headed
    numbered: list[int] = []
    for place, line in enumerate(lines):
        found = _NUMBERED.match(line)
        if found and int(found[1]) == len(numbered) + 1:
            numbered.append(place)
    return numbered if len(numbered) > 1 else []


def _at_marks(lines: list[str], marks: list[int]) -> Iterator[list[str]]:
    """What stands before the first mark, what each mark begins, and a conclusion behind the last."""
    yield from _paragraphs(lines[: marks[0]])
    for begin, end in zip(marks, marks[1:], strict=False):
        yield lines[begin:end]
    last = lines[marks[-1] :]
    for place in range(1, len(last)):
        if not last[place - 1].strip() and _CLOSING.match(last[place]):
            yield last[:place]
            yield from _paragraphs(last[place:])
            return
    yield last


def _paragraphs(lines: list[str]) -> list[list[str]]:
    """Paragraphs with the blank lines behind them; what belongs to the one before or behind stays with it."""
    parts: list[list[str]] = []
    for place, line in enumerate(lines):
        starts = place > 0 and line.strip() and not lines[place - 1].strip()
        if not parts or (starts and not _belongs(line, parts[-1])):
            parts.append([])
        parts[-1].append(line)
    return parts


def _belongs(line: str, before: list[str]) -> bool:
    """Whether a paragraph that begins with this line goes on with what is before it."""
    written = [one for one in before if one.strip()]
    if not written:
        return True
    last = written[-1]
    if len(written) == 1 and _HEADING.match(last):
        return True
    if _LISTED.match(last):
        return bool(_LISTED.match(line)) or line[:1] in " \t"
    block = _LISTED.match(line) or _FENCE.match(line) or _OPENERS.match(line.lstrip())
    return bool(block) and last.rstrip().endswith((":", ","))


def _by_line(part: list[str]) -> list[list[str]]:
    """A paragraph of calculation as its lines; any other as it is."""
    written = [line for line in part if line.strip()]
    calculation = [line for line in written if _RELATION.search(line)]
    if len(written) < 2 or 2 * len(calculation) < len(written) or any(map(_whole, written)):
        return [part]
    return [[line] for line in part]


def _whole(line: str) -> bool:
    """Whether the line is of a block that is never cut, or goes on with the line before it."""
    return bool(_LISTED.match(line) or _FENCE.match(line) or _OPENERS.search(line) or line[:1] in " \t")


def _without_blank(pieces: Iterator[str]) -> list[str]:
    """Blank pieces joined to the step before them, or to the first."""
    steps: list[str] = []
    for piece in pieces:
        if steps and (not piece.strip() or not steps[-1].strip()):
            steps[-1] += piece
        elif piece:
            steps.append(piece)
    return steps if "".join(steps).strip() else []
