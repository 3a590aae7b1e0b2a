"""What two slices of a board have in common, by which their figures depend on each other. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.boards import Board, Slots
from annotate.quality.change import InBoth, dyads_in_both


def items_in_both(board: Board, before: Slots, after: Slots) -> InBoth:
    """The tasks that have judgements in both slices."""

    def of_base() -> InBoth:
        return InBoth.of(*((board.base.table, board.base.numbers(slots)) for slots in (before, after)))

    gone = InBoth.of(*((board.base.table, board.base.numbers(slots, board.gone)) for slots in (before, after)))
    there = InBoth.of(*((board.now.table, board.now.numbers(slots)) for slots in (before, after)))
    return board.base.once(_name("items in both", before, after), of_base) - gone + there


def pairs_in_both(board: Board, before: Slots, after: Slots) -> NDArray[np.float64]:
    """(10, 10) sums over pairs of annotators: the channels of their meetings in one slice times those in the other."""
    old, new = board.corrected(before), board.corrected(after)
    found = board.base.once(_name("pairs in both", before, after), lambda: dyads_in_both(old.base, new.base))
    pairs = np.union1d(old.pairs, new.pairs)
    (old_then, old_now), (new_then, new_now) = old.at(pairs), new.at(pairs)
    return found - old_then.T @ new_then + old_now.T @ new_now


def _name(what: str, before: Slots, after: Slots) -> tuple:
    return what, *sorted(before.items()), "and", *sorted(after.items())
