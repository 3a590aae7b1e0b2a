"""Reading files of tasks with a known answer. Pure.

JSON Lines, one task a row, plain or gzipped:

    {"prompt": text or messages, "completions": [text or {"text", "producer"}, ...],
     "answer": {...}, "explanation": "why", "purpose": "qualification" | "gold", "domain": "physics",
     "language": "en"}

`answer` has the shape that annotators submit (annotate/answers), with completions named by their place in the row,
from 1: `{"ranks": [1, 2, 2]}` or `{"ranks": {"1": 1, "2": 2, "3": 2}, "flags": {"2": ["untruthful"]}}`. `purpose` is
qualification (before a person's first task) unless the row says gold (mixed into everybody's work, where nobody can
tell it from the rest); `domain`, `language` and `explanation` may be left out. A solution to label has `steps` (and
perhaps a `producer`) in place of completions. Everybody sees the completions in an order of their own, so an
explanation quotes them and does not say "the first".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.importing import (
    FORMATS,
    MAX_REPORTED,
    UNSTORABLE,
    ImportFileError,
    RowError,
    load_row,
    numbered_lines,
)

FIELDS = ("prompt", "completions", "steps", "producer", "answer", "explanation", "purpose", "domain", "language")
PURPOSES = ("qualification", "gold")
MAX_ROWS = 1_000
MAX_EXPLANATION = 10_000


@dataclass(frozen=True, slots=True)
class GoldItem:
    """A task with its answer, from row `row` (counted from 1)."""

    row: int
    messages: list[dict[str, str]]
    completions: tuple[tuple[str, str], ...]
    """(text, producer), in the order of the row."""
    answer: Mapping[str, Any]
    explanation: str
    purpose: str
    domain: str
    steps: tuple[str, ...]
    language: str = ""


def read_gold(path: Path) -> list[GoldItem]:
    """Every row of the file. Raises ImportFileError, which names each bad row (the first 20 of them)."""
    items: list[GoldItem] = []
    bad: list[str] = []
    for number, line in numbered_lines(path):
        if number > MAX_ROWS:
            raise ImportFileError(f"{path.name} has more than {MAX_ROWS} rows; split it.")
        try:
            items.append(_item(number, load_row(line)))
        except RowError as error:
            bad.append(f"row {number}: {error}")
    if bad:
        more = f"\n... and {len(bad) - MAX_REPORTED} more" if len(bad) > MAX_REPORTED else ""
        raise ImportFileError(
            f"{path.name}: {len(bad)} bad rows, so nothing was imported. Correct them.\n"
            + "\n".join(bad[:MAX_REPORTED])
            + more
        )
    if not items:
        raise ImportFileError(f"{path.name} holds no task.")
    return items


def _item(number: int, row: dict) -> GoldItem:
    if unknown := sorted(str(name) for name in row if name not in FIELDS):
        raise RowError(f"has no field {unknown[0]}; there are {', '.join(FIELDS)}")
    [item] = FORMATS["steps" if row.get("steps") else "completions"](number, row)
    if not item.steps and len(item.answers) != len(row["completions"]):
        raise RowError("has the same completion twice; leave one out")
    purpose = row.get("purpose", "qualification")
    if purpose not in PURPOSES:
        raise RowError(f"field purpose is {purpose!r}; it must be qualification or gold")
    if not isinstance(row.get("answer"), dict):
        raise RowError("field answer must be an object")
    return GoldItem(
        row=number,
        messages=item.messages,
        completions=tuple((answer.text, answer.producer) for answer in item.answers),
        answer=row["answer"],
        explanation=_explanation(row.get("explanation", "")),
        purpose=purpose,
        domain=item.domain,
        steps=item.steps,
        language=item.language,
    )


def _explanation(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_EXPLANATION:
        raise RowError(f"field explanation must be a text of at most {MAX_EXPLANATION} characters")
    if UNSTORABLE.search(value):
        raise RowError("field explanation has a character that no database keeps")
    return value
