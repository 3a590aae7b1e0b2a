"""What all kinds of answers share: what was shown, and the small checks. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from annotate.forms import Definition, Form
from annotate.refusals import Refusal

MAX_TEXT = 20_000
MAX_NOTE = 1_000


class AnswerError(Refusal):
    """An answer that cannot be accepted."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the annotator saw: everything that an answer is checked against."""

    kind: str
    """The campaign's kind."""
    completions: tuple[int, ...] = ()
    """Completion ids in the order shown."""
    texts: Mapping[int, str] = field(default_factory=dict)
    """Their texts, by id."""
    flags: frozenset[str] = frozenset()
    """The names of the flags that could be set."""
    checklist: tuple[Definition, ...] = ()
    """What is to be ticked before submitting."""
    n_steps: int = 0
    """Steps of the solution, in a steps campaign."""
    form: Form = field(default_factory=Form)


def fields_of(answer: Any, allowed: set[str]) -> Mapping[str, Any]:
    """The answer as a mapping without unknown fields."""
    if not isinstance(answer, Mapping):
        raise AnswerError("An answer must be an object with named fields.")
    for name in answer:
        if name not in allowed:
            raise AnswerError(
                "This kind of task has no field %(name)r; it has %(known)s.",
                name=name,
                known=", ".join(sorted(allowed)),
            )
    return answer


def text_of(fields: Mapping[str, Any], name: str, most: int = MAX_TEXT) -> str:
    """A text without blank ends; absent is empty."""
    value = fields.get(name) or ""
    if not isinstance(value, str) or "\0" in value:
        raise AnswerError("The field %(name)s must be a text.", name=name)
    if len(value) > most:
        raise AnswerError(
            "The %(name)s has %(length)d characters; at most %(most)d are kept. Shorten it.",
            name=name,
            length=len(value),
            most=most,
        )
    return value.strip()


def presence(text: str, wanted: str, missing: str) -> str:
    """The text, when there is one or none is required; `missing` is the sentence that asks for it."""
    if wanted == "required" and not text:
        raise AnswerError(missing)
    return text if wanted != "off" else ""


def by_completion(fields: Mapping[str, Any], name: str, shown: Shown, read: Callable[[int, Any], Any]) -> dict:
    """A field of the form {completion id: something}; ids may be numbers or their decimal text, as in JSON."""
    value = fields.get(name) or {}
    if not isinstance(value, Mapping):
        raise AnswerError("The field %(name)s must be an object by completion id.", name=name)
    found = {}
    for key, item in value.items():
        pk = completion_id(key)
        if pk not in shown.completions:
            raise AnswerError(
                "The field %(name)s speaks of completion %(key)s, which this task does not show.", name=name, key=key
            )
        found[pk] = read(pk, item)
    return found


def completion_id(key: Any) -> int | None:
    """A completion id from a JSON key, or None when it is none."""
    if isinstance(key, int) and not isinstance(key, bool):
        return key
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 20:
        return int(key)
    return None


def names_of(value: Any, known: Iterable[str], unknown: str) -> list[str]:
    """A list of known names, sorted and each once; `unknown` is the sentence for another one."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise AnswerError("A list of names was expected.")
    known = set(known)
    for name in value:
        if name not in known:
            raise AnswerError(unknown, name=name, known=", ".join(sorted(known)) or "-")
    return sorted(set(value))


def count_words(text: str) -> int:
    """Words as the page counts them: what white space separates."""
    return len(text.split())
