"""Adding many rows to the corpus at once: all of them, or none and a list of what is wrong with which."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.errors import DomainError
from annotate.models import Completion, Prompt, User
from annotate.services.corpus import add_completion, add_producer, add_prompt

MAX_ROWS = 1_000
SHOWN = 3

Added = TypeVar("Added")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one row, counted from 1, and with which of its fields ("" = the row as a whole)."""

    row: int
    detail: str
    field: str = ""

    def __str__(self) -> str:
        if self.field:
            return _("row %(row)s, %(field)s: %(detail)s") % asdict(self)
        return _("row %(row)s: %(detail)s") % asdict(self)


class RowsRefused(DomainError):
    """At least one row is bad; nothing was written. `problems` names every bad row."""

    def __init__(self, problems: Iterable[RowProblem]):
        self.problems = list(problems)
        shown = "; ".join(str(problem).rstrip(".") for problem in self.problems[:SHOWN])
        more = len(self.problems) - SHOWN
        if more > 0:
            shown += ngettext("; and %(n)s more", "; and %(n)s more", more) % {"n": more}
        super().__init__(
            _("Nothing was written, because %(why)s. Correct the rows named and send all of them again.")
            % {"why": shown}
        )


def add_prompts(*, rows: Sequence[Row], by: User) -> list[Prompt]:
    """The prompts of these rows ({messages, domain, language, warnings}), in their order; known ones gain only new
    warnings, and a language where they had none.

    Raises RowsRefused when any is not a conversation that ends with the user's turn, or in another language already.
    """

    def add(row: Row) -> Prompt:
        known = {name: row[name] for name in ("domain", "language", "warnings") if name in row}
        return add_prompt(messages=row["messages"], by=by, **known)

    return _all_or_nothing(rows, add)


def add_completions(*, rows: Sequence[Row], by: User) -> list[Completion]:
    """The completions of these rows ({prompt: id, producer: name, kind, text}), in their order; known ones add nothing.

    Raises RowsRefused when a prompt does not exist, a producer is known as of another kind, or a text is empty.
    """
    prompts = Prompt.objects.in_bulk({row["prompt"] for row in rows})
    producer_of = cache(lambda name, kind: add_producer(name=name, kind=kind))

    def add(row: Row) -> Completion:
        if row["prompt"] not in prompts:
            raise DomainError(_("There is no prompt %(number)s; add it first.") % {"number": row["prompt"]})
        producer = producer_of(row["producer"], row["kind"])
        return add_completion(prompt=prompts[row["prompt"]], producer=producer, text=row["text"], by=by)

    return _all_or_nothing(rows, add)


def _all_or_nothing(rows: Sequence[Row], add: Callable[[Row], Added]) -> list[Added]:
    added: list[Added] = []
    problems: list[RowProblem] = []
    with transaction.atomic():
        for number, row in enumerate(rows, start=1):
            try:
                added.append(add(row))
            except DomainError as error:
                problems.append(RowProblem(number, str(error)))
        if problems:
            raise RowsRefused(problems)
    return added
