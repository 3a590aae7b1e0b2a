"""Adding many rows to the corpus at once: all of them, or none and a list of what is wrong with which."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.db import transaction

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
        return f"row {self.row}{f', {self.field}' if self.field else ''}: {self.detail}"


class RowsRefused(DomainError):
    """At least one row is bad; nothing was written. `problems` names every bad row."""

    def __init__(self, problems: Iterable[RowProblem]):
        self.problems = list(problems)
        shown = "; ".join(str(problem).rstrip(".") for problem in self.problems[:SHOWN])
        more = len(self.problems) - SHOWN
        super().__init__(
            f"Nothing was written, because {shown}{f'; and {more} more' if more > 0 else ''}."
            " Correct the rows named and send all of them again."
        )


def add_prompts(*, rows: Sequence[Row], by: User) -> list[Prompt]:
    """The prompts of these rows ({messages, domain}), in their order; rows that are known already add nothing.

    Raises RowsRefused when any is not a conversation that ends with the user's turn.
    """

    def add(row: Row) -> Prompt:
        return add_prompt(messages=row["messages"], domain=row.get("domain", ""), by=by)

    return _all_or_nothing(rows, add)


def add_completions(*, rows: Sequence[Row], by: User) -> list[Completion]:
    """The completions of these rows ({prompt: id, producer: name, kind, text}), in their order; known ones add nothing.

    Raises RowsRefused when a prompt does not exist, a producer is known as of another kind, or a text is empty.
    """
    prompts = Prompt.objects.in_bulk({row["prompt"] for row in rows})
    producer_of = cache(lambda name, kind: add_producer(name=name, kind=kind))

    def add(row: Row) -> Completion:
        if row["prompt"] not in prompts:
            raise DomainError(f"There is no prompt {row['prompt']}; add it first.")
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
