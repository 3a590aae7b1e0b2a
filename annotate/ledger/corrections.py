"""The sums of a slice after some of its tasks changed: what they were is taken off, what they are is added. Pure numpy.

All sums are additive over tasks but the squares of pairs of annotators. Of these only the pairs that met in the changed
tasks are looked up, so that nobody copies half a million pairs to change ten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from annotate.quality import ranking_kernels
from annotate.quality.counts import Sums
from annotate.quality.ranking_kernels import CHANNELS, MEETING_PRODUCTS, OF_MEETING
from annotate.quality.table import united

_ADDED = ("of_meetings", "of_judgements", "of_items", "items")
_SHARED = CHANNELS.index("shared")
_ROOM = 2**31
"""Two ids of annotators are one number: one * _ROOM + other."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """The sums `base` with some changes: sums that are added (1) or taken off (-1); annotators are named by ids."""

    base: Sums
    changes: tuple[tuple[Sums, int], ...]

    @cached_property
    def pairs(self) -> NDArray[np.int64]:
        """The pairs of annotators whose sums may differ from those of the base, sorted."""
        return np.unique(np.concatenate([np.zeros(0, np.int64), *(pairs_of(part) for part, _factor in self.changes)]))

    def at(self, pairs: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, 10) twice: the sums of these pairs in the base, and as they are."""
        old = sums_at(self.base, pairs)
        new = old + sum(factor * sums_at(part, pairs) for part, factor in self.changes)
        new[new[:, _SHARED] == 0] = 0.0  # not nearly 0: what is left of tau-b is a rounding error
        return old, new

    def additive(self) -> Sums:
        """All sums, those of each pair included, which takes longest."""
        found = self.base
        for change, factor in self.changes:
            found = found + change if factor > 0 else found - change
        return found

    def sums(self) -> Sums:
        """All sums but those of each pair."""
        if not self.changes:
            return self.base
        parts = ((self.base, 1), *self.changes)
        labels = reduce(lambda known, part: united(known, part[0].annotator_labels)[0], parts, np.zeros(0, np.int64))
        of_annotators = np.zeros((labels.size, self.base.of_annotators.shape[1]))
        panels = np.zeros((max(part.panels.shape[0] for part, _factor in parts), 3))
        for part, factor in parts:
            of_annotators[np.searchsorted(labels, part.annotator_labels)] += factor * part.of_annotators
            panels[: part.panels.shape[0]] += factor * part.panels
        squares, taken = np.zeros((2, MEETING_PRODUCTS))
        old, new = self.at(self.pairs)
        ranking_kernels.square_dyads(new, squares)
        ranking_kernels.square_dyads(old, taken)
        added = {name: sum(factor * getattr(part, name) for part, factor in parts) for name in _ADDED}
        return replace(
            self.base,
            annotator_labels=labels,
            of_annotators=of_annotators,
            panels=panels,
            of_dyads=self.base.of_dyads + squares - taken,
            dyads=None,
            **added,
        )


def pairs_of(sums: Sums) -> NDArray[np.int64]:
    """The pairs of annotators who met, sorted."""
    keys, labels = sums.additive_dyads.keys, sums.annotator_labels
    people = max(labels.size, 1)
    return labels[keys // people] * _ROOM + labels[keys % people]


def sums_at(sums: Sums, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, 10) the sums of these pairs; 0 for those who did not meet."""
    found = np.zeros((pairs.size, OF_MEETING))
    dyads, labels = sums.additive_dyads, sums.annotator_labels
    keys = dyads.keys
    if not keys.size:
        return found
    one, other = (np.minimum(np.searchsorted(labels, ids), labels.size - 1) for ids in np.divmod(pairs, _ROOM))
    wanted = one * labels.size + other
    place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    known = (keys[place] == wanted) & (labels[one] * _ROOM + labels[other] == pairs)
    found[known] = dyads.sums[place[known]]
    return found
