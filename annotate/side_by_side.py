"""Computations at the same time: compiled passes, and numpy's, leave Python to others while they run."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def side_by_side(*computations: Callable[[], Any]) -> list[Any]:
    """What each returns, in their order; an error of one is raised once all have ended.

    None may ask the database, which would open a connection for its thread, nor depend on the reader's language.
    """
    first, *others = computations
    with ThreadPoolExecutor(max_workers=max(len(others), 1)) as pool:
        waiting = [pool.submit(one) for one in others]
        found = first()
        return [found, *(one.result() for one in waiting)]
