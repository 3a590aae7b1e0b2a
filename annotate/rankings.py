"""Rankings and the comparisons they imply.

A ranking maps each completion of a task to a rank: 1 is best, equal ranks are ties. Comparisons are derived from it
whenever they are needed and never stored, so the two cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Generic, TypeVar

from annotate.refusals import Refusal

MIN_COMPLETIONS = 2
MAX_COMPLETIONS = 9

Id = TypeVar("Id", bound=Hashable)


class RankingError(Refusal):
    """A ranking that cannot be accepted; the message says which rule it breaks and what to do."""


class Outcome(StrEnum):
    """How `first` fared against `second` in a comparison."""

    CHOSEN = "chosen"
    REJECTED = "rejected"
    TIE = "tie"


@dataclass(frozen=True, slots=True)
class Comparison(Generic[Id]):
    """One pair of completions of a ranking, told from the side of `first`."""

    first: Id
    second: Id
    outcome: Outcome

    @property
    def chosen(self) -> Id | None:
        """The better of the two, or None for a tie."""
        return {Outcome.CHOSEN: self.first, Outcome.REJECTED: self.second}.get(self.outcome)

    @property
    def rejected(self) -> Id | None:
        """The worse of the two, or None for a tie."""
        return {Outcome.CHOSEN: self.second, Outcome.REJECTED: self.first}.get(self.outcome)


def validate_ranks(ranks: Mapping[Id, int], completion_ids: Iterable[Id]) -> dict[Id, int]:
    """Check a submitted ranking and return it with dense ranks, in the order of `completion_ids`.

    Dense (1, 2, 2, 3), competition (1, 2, 2, 4) and any other whole numbers in 1..K are accepted as long as somebody
    is first, because they all say the same order; what is returned uses each of 1..max once or more.

    Raises RankingError when K is not 2..9, a completion is missing, unknown or listed twice, a rank is not a whole
    number in 1..K, or no completion has rank 1.
    """
    expected = list(completion_ids)
    count = len(expected)
    if len(set(expected)) != count:
        raise RankingError("The task lists a completion twice; each completion may appear once.")
    if not MIN_COMPLETIONS <= count <= MAX_COMPLETIONS:
        raise RankingError(
            "A ranking needs %(low)d to %(high)d completions; this task has %(count)d.",
            low=MIN_COMPLETIONS,
            high=MAX_COMPLETIONS,
            count=count,
        )
    _refuse_wrong_completions(ranks, expected)
    for completion, rank in ranks.items():
        if isinstance(rank, bool) or not isinstance(rank, int):
            raise RankingError(
                "The rank of completion %(completion)s is %(rank)r; give a whole number from 1 to %(count)d.",
                completion=completion,
                rank=rank,
                count=count,
            )
        if not 1 <= rank <= count:
            raise RankingError(
                "The rank of completion %(completion)s is %(rank)d; ranks run from 1 (best) to %(count)d.",
                completion=completion,
                rank=rank,
                count=count,
            )
    if 1 not in ranks.values():
        raise RankingError("No completion has rank 1; give the best completion (or the tied best ones) rank 1.")
    return dense_ranks({completion: ranks[completion] for completion in expected})


def _refuse_wrong_completions(ranks: Mapping[Id, int], expected: list[Id]) -> None:
    """Raise RankingError unless `ranks` names exactly the expected completions."""
    missing = [completion for completion in expected if completion not in ranks]
    if missing:
        raise RankingError("No rank for %(completions)s; rank every completion, ties are allowed.", **_name(missing))
    unknown = [completion for completion in ranks if completion not in set(expected)]
    if unknown:
        raise RankingError(
            "This task does not contain %(completions)s; rank only the completions it shows.", **_name(unknown)
        )


def _name(completions: list[Id]) -> dict[str, str]:
    """`completion 3` or `completions 3, 4`, for messages."""
    word = "completion" if len(completions) == 1 else "completions"
    return {"completions": f"{word} {', '.join(str(completion) for completion in completions)}"}


def dense_ranks(ranks: Mapping[Id, int]) -> dict[Id, int]:
    """The same order with ranks 1, 2, 3, ... and no gaps: {a: 1, b: 4, c: 4} becomes {a: 1, b: 2, c: 2}."""
    position = {rank: index for index, rank in enumerate(sorted(set(ranks.values())), start=1)}
    return {completion: position[rank] for completion, rank in ranks.items()}


def derive_comparisons(ranks: Mapping[Id, int]) -> list[Comparison[Id]]:
    """All K(K-1)/2 comparisons of a ranking, ties included, in the order of the mapping."""
    return [
        Comparison(first, second, _outcome(ranks[first], ranks[second])) for first, second in combinations(ranks, 2)
    ]


def _outcome(first_rank: int, second_rank: int) -> Outcome:
    if first_rank == second_rank:
        return Outcome.TIE
    return Outcome.CHOSEN if first_rank < second_rank else Outcome.REJECTED
