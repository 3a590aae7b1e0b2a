"""What two slices have in common, by which their figures depend on each other. Pure numpy."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.boards import Board, Slots
from annotate.ledger.corrections import Corrected
from annotate.ledger.together import Part, Together
from annotate.quality.change import InBoth, agreement_change, dyads_in_both
from annotate.quality.intervals import Estimate


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
    return _corrected_pairs(found, old, new)


def change_together(together: Together, before: Part, after: Part) -> dict[str, Estimate]:
    """By how much the agreement of several campaigns changed from one part of their judgements to another.

    Pairs of annotators may meet in one campaign before and in another after; no task is in two campaigns.
    """
    return together.once(("change", before, after), lambda: _change_together(together, before, after))


def _change_together(together: Together, before: Part, after: Part) -> dict[str, Estimate]:
    old, new = together.corrected(before), together.corrected(after)
    found = together.of_stored(("pairs in both", before, after), lambda: dyads_in_both(old.base, new.base))
    items = reduce(add, [items_in_both(board, before.slots, after.slots) for board in together.boards.values()])
    return agreement_change(old.sums(), new.sums(), items=items, dyads=_corrected_pairs(found, old, new))


def _corrected_pairs(found: NDArray[np.float64], old: Corrected, new: Corrected) -> NDArray[np.float64]:
    """What two bases have in common, with what changed since."""
    pairs = np.union1d(old.pairs, new.pairs)
    (old_then, old_now), (new_then, new_now) = old.at(pairs), new.at(pairs)
    return found - old_then.T @ new_then + old_now.T @ new_now


def _name(what: str, before: Slots, after: Slots) -> tuple:
    return what, *sorted(before.items()), "and", *sorted(after.items())
