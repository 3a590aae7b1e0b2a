"""The optional questions about a person, and counts of their answers in which nobody can be found. Pure.

Every list is short and coarse on purpose: an answer that few give would point at a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from annotate.refusals import Refusal

SMALLEST_CELL = 5
"""People in the smallest group that is ever shown."""

QUESTIONS: dict[str, tuple[str, ...]] = {
    "age": ("18-24", "25-34", "35-44", "45-54", "55-64", "65-plus"),
    "gender": ("woman", "man", "non-binary", "another"),
    "education": ("school", "vocational", "bachelor", "master", "doctorate"),
    "language": ("ar", "de", "en", "es", "fa", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sw", "tr")
    + ("uk", "ur", "vi", "zh", "another"),
    "region": ("africa", "asia", "europe", "latin-america", "north-america", "oceania"),
}
"""Each question with the values it may have; an empty value is no answer."""


@dataclass(frozen=True, slots=True)
class Cell:
    """How many gave one answer; None when the group is too small to be shown."""

    value: str
    n: int | None


def safe_counts(answers: Iterable[str], values: Iterable[str]) -> list[Cell]:
    """The count of each of `values`, without any from which a group of 1 to 4 people can be read or computed.

    Small groups are hidden; as long as what is hidden is one group alone, or fewer than five people together, the
    smallest group that is still shown is hidden, too: else a subtraction from the total would give it away.
    """
    counts = Counter(answers)
    cells = {value: counts[value] for value in values}
    hidden = {value for value, n in cells.items() if 0 < n < SMALLEST_CELL}
    while hidden and (len(hidden) == 1 or sum(cells[value] for value in hidden) < SMALLEST_CELL):
        shown = [value for value, n in cells.items() if n and value not in hidden]
        if not shown:
            break
        hidden.add(min(shown, key=cells.__getitem__))
    return [Cell(value, None if value in hidden else n) for value, n in cells.items()]


def check_answers(answers: Mapping[str, str]) -> dict[str, str]:
    """One value for each question, empty where there is none. Raises Refusal for a value that is not on the list."""
    for name, value in answers.items():
        if value and value not in QUESTIONS.get(name, ()):
            raise Refusal(
                "%(value)r is not an answer to choose for %(name)s; take one of the list, or none.",
                value=value[:40],
                name=name,
            )
    return {name: answers.get(name, "") for name in QUESTIONS}
