"""From rankings to sums: every agreement measure is a function of the sums made here, and they are additive over items.

A ranking of K completions expands to K(K-1)/2 preferences in {-1, 0, 1}: which of two completions is better, or a tie.
A *unit* is one pair of completions of one item; a *judgement* is one annotator's ranking of one item, numbered in the
order of the table; a *meeting* is two annotators who both judged a unit of an item.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotate.quality import ranking_kernels
from annotate.quality.ranking_kernels import (
    CHANNELS,
    MEETING_PRODUCTS,
    MOMENTS,
    OF_MEETING,
    PLAIN_JUDGES,
    PLAIN_UNITS,
    PRODUCTS,
)
from annotate.quality.table import RankingTable, TableError, united
from annotate.quality.votes import runs

Keep = NDArray | tuple | list | None
"""Which judgements count: None for all; a mask (judgements,); their numbers, sorted; (codes (judgements,), the wanted
one); or a list of such pairs, all of which must hold."""

_CROWDS = 6
"""Meetings are recorded in 2 ** 6 stretches of memory: each is written in order, and each fits into a cache."""
_SHARED = CHANNELS.index("shared")


def kept(table: RankingTable, keep: Keep = None) -> NDArray[np.int64]:
    """The numbers of the judgements that count, sorted. Raises TableError for a mask or codes of another length."""
    if keep is None:
        return np.arange(table.n_judgements)
    if isinstance(keep, tuple):
        keep = [keep]
    if isinstance(keep, list):
        masks = [np.asarray(codes) == wanted for codes, wanted in keep]
        keep = np.logical_and.reduce(masks) if masks else np.ones(table.n_judgements, bool)
    if keep.dtype == bool:
        if keep.shape != (table.n_judgements,):
            raise TableError(
                f"The mask has {keep.size} entries for {table.n_judgements} judgements; give one for each."
            )
        return np.flatnonzero(keep)
    chosen = np.ascontiguousarray(keep, np.int64)
    if chosen.size and (chosen[0] < 0 or chosen[-1] >= table.n_judgements or (np.diff(chosen) <= 0).any()):
        raise TableError(f"Numbers of judgements must rise, from 0 to {table.n_judgements - 1} at most.")
    return chosen


@dataclass(frozen=True, eq=False)
class Dyads:
    """Sums over the meetings of each two annotators who met: keys (dyads,) sorted, one * annotators + other."""

    keys: NDArray[np.int64]
    sums: NDArray[np.float64]
    """(dyads, 10): the channels of meetings."""

    def recoded(self, codes: NDArray, before: int, after: int) -> Dyads:
        """The same after annotator a of `before` has become codes[a] of `after`; their order has not changed."""
        one, other = codes[self.keys // before].astype(np.int64), codes[self.keys % before]
        return replace(self, keys=one * after + other)

    def plus(self, other: Dyads, factor: float) -> Dyads:
        """These and `factor` times the others, of the same annotators; dyads that share nothing any more are gone."""
        place = np.searchsorted(self.keys, other.keys)
        found = np.zeros(other.keys.size, bool)
        inside = place < self.keys.size
        found[inside] = self.keys[place[inside]] == other.keys[inside]
        sums = self.sums.copy()
        sums[place[found]] += factor * other.sums[found]
        gone = place[found][sums[place[found], _SHARED] == 0]
        keys = self.keys
        if not found.all():
            keys = np.insert(keys, place[~found], other.keys[~found])
            sums = np.insert(sums, place[~found], factor * other.sums[~found], axis=0)
            gone = np.flatnonzero(sums[:, _SHARED] == 0) if gone.size else gone
        return Dyads(np.delete(keys, gone), np.delete(sums, gone, axis=0)) if gone.size else Dyads(keys, sums)


@dataclass(frozen=True, eq=False)
class Sums:
    """What all measures of agreement are made of; additive, so that some items can be replaced without a pass over all.

    `Sums.of(table) - Sums.of(some items as they were) + Sums.of(the same items now)`: an item has to be wholly on one
    side, as meetings between two sides are in neither. CHANNELS and PRODUCTS are those of `ranking_kernels`.
    """

    annotator_labels: NDArray
    of_annotators: NDArray[np.float64]
    """(annotators, 15): channels of the meetings and judgements of each, and how many judgements."""
    of_meetings: NDArray[np.float64]
    """(16,) PRODUCTS of each meeting."""
    of_judgements: NDArray[np.float64]
    """(32,) PRODUCTS of each judgement, with the meetings it is in."""
    of_items: NDArray[np.float64]
    """(32,) PRODUCTS of each item."""
    items: NDArray[np.int64]
    """(5,) items; those with a strict case; with a case; with a tau-b; with a preference."""
    panels: NDArray[np.float64]
    """(judges + 1, 3): items all m judges ranked completely: how many, and sums of Kendall's W and of its square."""
    of_dyads: NDArray[np.float64]
    """(16,) PRODUCTS of each two annotators: follows from `dyads`, and is not additive."""
    dyads: Dyads | None

    @classmethod
    def of(cls, table: RankingTable, keep: Keep = None, *, additive: bool = True) -> Sums:
        """The sums of the judgements that count. `additive=False` leaves out the dyads, and so takes less memory."""
        return cls._of(table, kept(table, keep), additive=additive)

    @classmethod
    def _of(cls, table: RankingTable, chosen: NDArray[np.int64], *, additive: bool) -> Sums:
        """As `of`, from numbers of judgements that are known to be right."""
        people, votes = table.annotator_labels.size, table.votes
        words = votes.start, votes.number, votes.better, votes.worse, votes.tied
        who = table.judgement_annotator
        shift = max(0, (people - 1).bit_length() - _CROWDS)
        begun, seen = np.zeros((people >> shift) + 2, np.int64), np.zeros(people, bool)
        most, widest, meetings = ranking_kernels.survey(
            chosen, table.judgement_item, who, votes.start, votes.number, shift, begun, seen
        )
        # A meeting is recorded in one of the two; pages of memory that are never written are never there.
        plain, records = np.empty((meetings, 5), np.float32), np.empty((meetings, 10), np.float32)
        plain_fill, fill = begun[:-1].copy(), begun[:-1].copy()
        moments = np.zeros((min(most, PLAIN_JUDGES) + 1, PLAIN_UNITS + 1, len(MOMENTS)))
        sums = {
            "of_annotators": np.zeros((people, len(CHANNELS) + 1)),
            "of_meetings": np.zeros(MEETING_PRODUCTS),
            "of_judgements": np.zeros(len(PRODUCTS)),
            "of_items": np.zeros(len(PRODUCTS)),
            "items": np.zeros(5, np.int64),
            # A panel is complete when all annotators judged an item; in sums to come there may be fewer of them.
            "panels": np.zeros((most + 1 if additive or seen.sum() <= most else 0, 3)),
        }
        ranking_kernels.sum_items(
            chosen, table.judgement_item, who, table.row_start, votes.net, *words, widest, shift, plain_fill,
            plain, fill, records, moments, *sums.values(),
        )  # fmt: skip
        for name, of_plain in expanded(moments).items():
            sums[name] += of_plain
        of_dyads = np.zeros(MEETING_PRODUCTS)
        room = min(meetings, people * (people - 1) // 2) if additive else 0
        keys, totals = np.empty(room, np.int64), np.empty((room, OF_MEETING))
        met = ranking_kernels.sum_dyads(people, shift, begun, plain_fill, plain, fill, records, of_dyads, keys, totals)
        if 2 * met < room:  # what was never written was never there, but a view would hold all of it
            keys, totals = keys[:met].copy(), totals[:met].copy()
        dyads = Dyads(keys[:met], totals[:met]) if additive else None
        return cls(annotator_labels=table.annotator_labels, of_dyads=of_dyads, dyads=dyads, **sums)

    @property
    def additive_dyads(self) -> Dyads:
        """The dyads. Raises TypeError where they were left out."""
        if self.dyads is None:
            raise TypeError("Sums without their dyads, such as those made with additive=False, cannot be added.")
        return self.dyads

    def __add__(self, other: Sums) -> Sums:
        return self._plus(other, 1)

    def __sub__(self, other: Sums) -> Sums:
        return self._plus(other, -1)

    def _plus(self, other: Sums, factor: int) -> Sums:
        labels, codes = self.annotator_labels, None
        dyads, others = self.additive_dyads, other.additive_dyads
        if other.annotator_labels is not labels:
            labels, codes = united(self.annotator_labels, other.annotator_labels)
            sizes = self.annotator_labels.size, other.annotator_labels.size
            if labels.size > sizes[0]:
                dyads = dyads.recoded(codes[0], sizes[0], labels.size)
            others = others.recoded(codes[1], sizes[1], labels.size)
        of_annotators = np.zeros((labels.size, self.of_annotators.shape[1]))
        of_annotators[slice(None) if codes is None else codes[0]] += self.of_annotators
        of_annotators[slice(None) if codes is None else codes[1]] += factor * other.of_annotators
        panels = np.zeros((max(self.panels.shape[0], other.panels.shape[0]), 3))
        panels[: self.panels.shape[0]] += self.panels
        panels[: other.panels.shape[0]] += factor * other.panels
        dyads = dyads.plus(others, factor)
        of_dyads = np.zeros(MEETING_PRODUCTS)
        ranking_kernels.square_dyads(dyads.sums, of_dyads)
        added = ("of_meetings", "of_judgements", "of_items", "items")
        return Sums(
            annotator_labels=labels,
            of_annotators=of_annotators,
            panels=panels,
            of_dyads=of_dyads,
            dyads=dyads,
            **{name: getattr(self, name) + factor * getattr(other, name) for name in added},
        )


def expanded(moments: NDArray) -> dict[str, NDArray[np.float64]]:
    """The PRODUCTS of meetings, judgements and items from the `moments` (judges, units, MOMENTS) of plain items.

    Where m judges judged the same U units, all channels of a meeting follow from opposite and u = units - exact:
    distance = (u + opposite)/2, unequal = w u, squared = w (u + 3 opposite), weighted = w U with w = 2/(m-1). The same
    holds for the sums of a judgement, of (m-1) U units, and for those of an item, of m(m-1)/2 U.
    """
    judges, units = np.nonzero(moments[:, :, 0])
    m = dict(zip(MOMENTS, moments[judges, units].T, strict=True))
    size, each = judges.astype(float), units.astype(float)
    meetings = size * (size - 1) / 2
    taus = np.stack([m["tau_tau"], m["tau"], m["has"]])
    found = {"of_meetings": _of_meetings(m["items"] * meetings, each, size, m["o"], m["e"], m, "", taus)}
    for name, prefix, count, shared, judged, times in (
        ("of_judgements", "j_", m["items"] * size, each * (size - 1), each, 2),
        ("of_items", "i_", m["items"], each * meetings, each * size, 1),
    ):
        taus = np.stack([m[prefix + key] for key in ("tau_tau", "tau_has", "has_has")])
        opposite, exact = times * m["o"], times * m["e"]  # a meeting is in two judgements
        own = _of_meetings(count, shared, size, opposite, exact, m, prefix, taus)
        found[name] = np.concatenate([own, _with_own(count, shared, size, opposite, exact, m, prefix, judged)])
    return {name: products.sum(axis=1) for name, products in found.items()}


def _of_meetings(
    count: NDArray, shared: NDArray, size: NDArray, o: NDArray, e: NDArray, m: dict, prefix: str, taus: NDArray
) -> NDArray[np.float64]:
    """(16, n) PRODUCTS of what meetings sum to, for `count` (n,) things of `shared` units each."""
    aa, ao, oo, ee, eo = (m[prefix + key] for key in ("aa", "ao", "oo", "ee", "eo"))
    u, uu, uo = count * shared - e, count * shared**2 - 2 * shared * e + ee, shared * o - eo
    w = _weight(size)
    cases = np.stack([aa, aa + ao, aa + 2 * ao + oo, ee, shared * e, count * shared**2, (uu + 2 * uo + oo) / 4])
    weighted = [count * shared**2, shared * u, uu, shared * (u + 3 * o), uu + 6 * uo + 9 * oo]
    return np.concatenate([cases, [shared * (u + o) / 2], taus, w**2 * np.stack(weighted)])


def _with_own(
    count: NDArray, shared: NDArray, size: NDArray, o: NDArray, e: NDArray, m: dict, prefix: str, judged: NDArray
) -> NDArray[np.float64]:
    """(16, n) PRODUCTS with what a judgement has alone, for `count` (n,) things of `judged` preferences each."""
    ties, e_ties, o_ties, ties_ties = m["ties"], m[prefix + "e_ties"], m[prefix + "o_ties"], m[prefix + "ties_ties"]
    u, u_ties = count * shared - e, shared * ties - e_ties
    distances = [judged * (u + o) / 2, (u_ties + o_ties) / 2]
    own = np.stack([count * judged**2, judged * ties, ties_ties])
    unequal = [judged * u, u_ties, judged * (u + 3 * o), u_ties + 3 * o_ties]
    both = np.stack([count * shared * judged, shared * ties])
    w = _weight(size)
    return np.concatenate([both, distances, own, w * both, w * np.stack(unequal), np.where(size > 1, own, 0.0)])


def _weight(size: NDArray) -> NDArray[np.float64]:
    """Krippendorff's weight 2/(m-1) of a unit that m judged, 0 for one."""
    return np.where(size > 1, 2 / np.maximum(size - 1, 1), 0.0)


@dataclass(frozen=True, eq=False)
class Meetings:
    """One row for each two annotators who judged at least one same unit of an item; sums over the units they share."""

    left: NDArray[np.int64]
    """Judgements, the annotator with the lower code first."""
    right: NDArray[np.int64]
    shared: NDArray[np.float64]
    """Units both judged."""
    strict: NDArray[np.float64]
    """Units on which both preferred one completion."""
    agreeing: NDArray[np.float64]
    """Units on which both preferred the same completion."""
    distance: NDArray[np.float64]
    """Sum of |difference of signs| / 2: 0 same, 1/2 a tie against a preference, 1 opposite."""
    tau_b: NDArray[np.float64]
    """Kendall's tau-b over the shared completions; nan where one of the two tied them all."""


def meet(table: RankingTable, keep: Keep = None) -> Meetings:
    """All meetings of the judgements that count, item by item."""
    chosen = kept(table, keep)
    votes = table.votes
    sizes = np.diff(np.append(runs(table.judgement_item[chosen]), chosen.size))
    room = int((sizes * (sizes - 1) // 2).sum())
    left, right = np.empty((2, room), np.int64)
    counts, tau = np.empty((room, 4), np.int32), np.empty(room)
    words = votes.start, votes.number, votes.better, votes.worse, votes.tied
    found = ranking_kernels.list_meetings(chosen, table.judgement_item, *words, left, right, counts, tau)
    agreeing, opposite, both_tied, one_tied = counts[:found].T.astype(float)
    return Meetings(
        left=left[:found],
        right=right[:found],
        shared=agreeing + opposite + both_tied + one_tied,
        strict=agreeing + opposite,
        agreeing=agreeing,
        distance=opposite + one_tied / 2,
        tau_b=tau[:found],
    )
