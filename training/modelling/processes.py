"""The processes of one run, as torchrun starts them: each learns its share of every step.

    torchrun --nproc_per_node 2 -m training.recipes.reward --config reward.json

A step's items are dealt out, each process weighs its loss by its share, and the gradients are summed: the step is the
one that a single process would take, up to rounding. The first process alone writes.

Nothing here imports torch, so that whoever only asks who writes need not either; collectives.py is where they talk.
"""

import os
from collections.abc import Sequence
from typing import TypeVar

from training.modelling.errors import RecipeError

T = TypeVar("T")

_proven = 1


def asked_for() -> int:
    """How many processes the environment says that there are."""
    said = os.environ.get("WORLD_SIZE", "1")
    if not said.isdecimal() or int(said) < 1:
        raise RecipeError(f"WORLD_SIZE is {said!r}; it must be a number of processes.")
    return int(said)


def leads() -> bool:
    """Whether this process is the one that writes."""
    return asked_for() == 1 or os.environ.get("RANK", "0") == "0"


def count() -> int:
    """How many processes there are; more than one only after `collectives.join` has proven it."""
    return _proven


def prove(processes: int) -> None:
    """Take it as shown that so many take part."""
    global _proven
    _proven = processes


def rank() -> int:
    """The number of this process, from 0."""
    return int(os.environ["RANK"]) if _proven > 1 else 0


def share(items: Sequence[T]) -> Sequence[T]:
    """Return the items that this process learns; neighbours, which are of like length, go to different ones."""
    return shares(items)[rank()]


def shares(items: Sequence[T]) -> list[Sequence[T]]:
    """Return the items that each process learns."""
    return [items[number :: count()] for number in range(count())]
