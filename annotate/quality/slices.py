"""Where annotators disagree: by pair of annotators, by group of items and item by item."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotate.quality import ranking_kernels
from annotate.quality.agreement import (
    CORRELATION,
    NEVER_STRICT,
    SHARE,
    TAU_UNDEFINED,
    RankingAgreement,
    agreement_of,
)
from annotate.quality.counts import Keep, Sums, kept, meet
from annotate.quality.intervals import (
    NEGLIGIBLE,
    Estimate,
    bounded,
    clustered_ratio,
    student_t_quantile,
    undefined,
    unseen_share,
)
from annotate.quality.table import RankingTable, TableError, coded
from annotate.quality.votes import runs

NOBODY_ELSE = "Nobody else has ranked the same completions yet."


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two annotators on the items they share; the intervals speak of other items judged by these two."""

    first: Hashable
    second: Hashable
    n_items: int
    n_pairs: int
    """Pairs of completions both ranked."""
    strict_agreement: Estimate
    tau_b: Estimate


@dataclass(frozen=True, slots=True)
class OwnAgreement:
    """One annotator against the others who ranked the same items."""

    n_items: int
    n_others: int
    strict_agreement: Estimate


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One item's mean distance between its annotators, from 0 (all say the same) to 1 (all opposite).

    It describes the judgements there are, so it has an n and no interval.
    """

    item: Hashable
    score: float
    n: int
    """Cases: annotator pair x completion pair."""
    n_annotators: int
    strict_agreement: float | None
    """Share of agreeing cases among those where both had a preference; None when there is none."""


@dataclass(frozen=True, eq=False)
class AnnotatorMatrix:
    """Strict agreement of every two annotators, as whole numbers; arrays (annotators, annotators) are symmetric."""

    annotators: NDArray
    """(annotators,) labels of the rows and columns."""
    agreeing: NDArray[np.int64]
    """Cases in which both prefer the same completion."""
    n: NDArray[np.int64]
    """Cases in which both prefer one."""

    def strict_agreement(self) -> list[list[float | None]]:
        """The shares, row by row; None where two annotators (or one with themselves) have no strict case."""
        shares = self.agreeing / np.maximum(self.n, 1)
        return [
            [share if n else None for share, n in zip(*row, strict=True)]
            for row in zip(shares.tolist(), self.n.tolist(), strict=True)
        ]


def annotator_matrix(table: RankingTable, keep: Keep = None) -> AnnotatorMatrix:
    """Who agrees with whom, for all pairs of annotators of the table at once."""
    people = table.annotator_labels.size
    cells = np.zeros((people, people, 2), np.int32)
    votes = table.votes
    words = votes.start, votes.number, votes.better, votes.worse, votes.tied
    ranking_kernels.fill_matrix(kept(table, keep), table.judgement_item, table.judgement_annotator, *words, cells)
    agreeing, strict = cells[:, :, 0], cells[:, :, 1]
    return AnnotatorMatrix(table.annotator_labels, agreeing + agreeing.T, strict + strict.T)


def agreement_by_annotator_pair(table: RankingTable, keep: Keep = None) -> list[PairAgreement]:
    """Each two annotators who share an item, those who share most items first; clustered by item, t(items-1)."""
    meetings = meet(table, keep)
    if not meetings.left.size:
        return []
    people = table.annotator_labels.size
    who = table.judgement_annotator
    keys, pair = np.unique(who[meetings.left].astype(np.int64) * people + who[meetings.right], return_inverse=True)
    n_items, shared = np.bincount(pair), np.bincount(pair, meetings.shared)
    defined = np.isfinite(meetings.tau_b)
    strict = ratios_by_group(meetings.agreeing, meetings.strict, pair, keys.size, SHARE, NEVER_STRICT)
    tau_b = ratios_by_group(
        np.where(defined, meetings.tau_b, 0.0), defined * 1.0, pair, keys.size, CORRELATION, TAU_UNDEFINED
    )
    names = table.annotator_labels.tolist()
    pairs = [
        PairAgreement(names[key // people], names[key % people], items, round(cases), one, other)
        for key, items, cases, one, other in zip(
            keys.tolist(), n_items.tolist(), shared.tolist(), strict, tau_b, strict=True
        )
    ]
    return sorted(pairs, key=lambda pair: -pair.n_items)


def ratios_by_group(
    numerators: NDArray, denominators: NDArray, group: NDArray, groups: int, bounds: tuple[float, float], reason: str
) -> list[Estimate]:
    """`clustered_ratio` of each group of rows (n,), each row a cluster; undefined for the `reason` without any."""
    total = np.bincount(group, denominators, minlength=groups)
    value = np.bincount(group, numerators, minlength=groups) / np.maximum(total, 1.0)
    residuals = (numerators - value[group] * denominators) / np.maximum(total, 1.0)[group]
    clusters = np.bincount(group, denominators > 0, minlength=groups)
    squares, furthest = np.bincount(group, np.square(residuals), minlength=groups), np.zeros(groups)
    np.maximum.at(furthest, group, np.abs(residuals))
    errors = np.sqrt(clusters / np.maximum(clusters - 1, 1) * squares)
    found = []
    for at, count in enumerate(clusters.astype(int).tolist()):
        share, n = float(value[at]), round(total[at])
        if not count:
            found.append(undefined(reason))
        elif count < 2 or furthest[at] < NEGLIGIBLE:
            slack = unseen_share(count) * (bounds[1] - bounds[0])
            found.append(bounded(share, 0.0, n=n, bounds=bounds, slack=slack))
        else:
            found.append(bounded(share, student_t_quantile(count - 1) * float(errors[at]), n=n, bounds=bounds))
    return found


def annotator_with_others(
    table: RankingTable, keep: Keep = None, *, people: Collection[Hashable] | None = None
) -> dict[Hashable, OwnAgreement]:
    """How often each annotator, or each of `people`, prefers what another one prefers, over all the items they share
    with anybody.

    Cases are pairs of completions on which both have a preference, and each counts alike. Clustered by item, with
    t(items-1): the interval speaks of other items judged by the same people.
    """
    meetings = meet(table, keep)
    count, wanted = table.annotator_labels.size, None if people is None else set(people)
    both = np.concatenate([meetings.left, meetings.right])
    who = table.judgement_annotator
    others = np.concatenate([who[meetings.right], who[meetings.left]]).astype(np.int64)
    pairs = np.sort(who[both] * np.int64(count) + others)
    n_others = np.bincount(pairs[runs(pairs)] // max(count, 1), minlength=count)
    agreeing, strict = (
        np.bincount(both, np.tile(column, 2), minlength=table.n_judgements)
        for column in (meetings.agreeing, meetings.strict)
    )
    met = np.bincount(both, minlength=table.n_judgements) > 0
    judgements = np.flatnonzero(met)
    order = judgements[np.argsort(who[judgements], kind="stable")]
    bounds = np.searchsorted(who[order], np.arange(count + 1)).tolist()
    found = {}
    for code, label in enumerate(table.annotator_labels.tolist()):
        if wanted is not None and label not in wanted:
            continue
        mine = order[bounds[code] : bounds[code + 1]]
        found[label] = OwnAgreement(
            n_items=mine.size,
            n_others=int(n_others[code]),
            strict_agreement=_own_strict(agreeing[mine], strict[mine]),
        )
    return found


def _own_strict(agreeing: NDArray, strict: NDArray) -> Estimate:
    """The share over one annotator's judgements (n,), each of another item."""
    if not strict.size:
        return undefined(NOBODY_ELSE)
    if not strict.any():
        return undefined(NEVER_STRICT)
    return clustered_ratio(agreeing, strict, np.arange(strict.size), n=round(strict.sum()), bounds=SHARE)


def agreement_with_others(table: RankingTable, annotator: Hashable) -> OwnAgreement:
    """The same for one annotator."""
    mine = np.isin(table.judgement_annotator, np.flatnonzero(table.annotator_labels == annotator))
    shared = np.zeros(table.item_labels.size, bool)
    shared[table.judgement_item[mine]] = True
    meetings = meet(table, shared[table.judgement_item])
    sides = [(meetings.left, meetings.right), (meetings.right, meetings.left)]
    rows = [np.flatnonzero(mine[own]) for own, _other in sides]
    own, others = (np.concatenate([side[at][row] for side, row in zip(sides, rows, strict=True)]) for at in (0, 1))
    met, judgement = np.unique(own, return_inverse=True)
    agreeing, strict = (
        np.bincount(judgement, column[np.concatenate(rows)], minlength=met.size)
        for column in (meetings.agreeing, meetings.strict)
    )
    n_others = np.unique(table.judgement_annotator[others]).size
    return OwnAgreement(n_items=met.size, n_others=n_others, strict_agreement=_own_strict(agreeing, strict))


def agreement_by_slice(table: RankingTable, slices: NDArray, n_slices: int) -> list[RankingAgreement]:
    """The agreement within each slice of judgements, in one pass over all: `slices` (judgements,) are codes.

    Judgements with a code below 0 are in no slice; a meeting counts where both judgements are in the same one.
    Raises TableError when there is not one code for each judgement.
    """
    codes = np.asarray(slices)
    if codes.shape != (table.n_judgements,) or (codes.size and codes.max() >= n_slices):
        raise TableError(f"Give each of the {table.n_judgements} judgements a slice from 0 to {n_slices - 1}, or -1.")
    small = codes.astype(np.int16) if n_slices < np.iinfo(np.int16).max else codes  # 16 bits are sorted by radix
    order = np.argsort(small, kind="stable")
    bounds = np.searchsorted(small[order], np.arange(n_slices + 1, dtype=small.dtype))
    return [
        agreement_of(Sums.of(table, order[bounds[code] : bounds[code + 1]], additive=False)) for code in range(n_slices)
    ]


def agreement_by_group(
    table: RankingTable, groups: Mapping[Hashable, Hashable] | None = None
) -> dict[Hashable, RankingAgreement]:
    """The agreement within each group of items, by group label in sorted order.

    `groups` names the group of each item label; without it the table's own groups are used.
    Raises TableError when an item has no group or the table has no groups.
    """
    if groups is not None:
        table = _with_groups(table, groups)
    if table.group is None or table.group_labels is None:
        raise TableError("The table has no groups; build it with groups or pass a group for each item.")
    labels = table.group_labels.tolist()
    found = agreement_by_slice(table, table.group[table.judgement_item], len(labels))
    return dict(zip(labels, found, strict=True))


def _with_groups(table: RankingTable, groups: Mapping[Hashable, Hashable]) -> RankingTable:
    """The table with the groups of a mapping, or TableError naming an item that the mapping lacks."""
    items = table.item_labels.tolist()
    missing = [item for item in items if item not in groups]
    if missing:
        raise TableError(f"Item {missing[0]} has no group; give each of the {len(items)} items one.")
    labels, codes = coded("groups", [groups[item] for item in items])
    return replace(table, group=codes, group_labels=labels)


def disagreements(table: RankingTable, keep: Keep = None, *, limit: int | None = None) -> list[Disagreement]:
    """Every item that two annotators share, the most disputed first; of equal scores the one with more cases first.

    `limit` stops after so many.
    """
    meetings = meet(table, keep)
    item = table.judgement_item[meetings.left]
    count = table.item_labels.size
    cases, distance, strict, agreeing = (
        np.bincount(item, column, minlength=count)
        for column in (meetings.shared, meetings.distance, meetings.strict, meetings.agreeing)
    )
    met = np.zeros(table.n_judgements, bool)
    met[meetings.left] = met[meetings.right] = True
    people = np.bincount(table.judgement_item[met], minlength=count)
    score = np.divide(distance, cases, out=np.zeros(count), where=cases > 0)
    disputed = np.flatnonzero(cases)
    order = disputed[np.lexsort((-cases[disputed], -score[disputed]))]
    return [
        Disagreement(
            item=table.item_labels[code].item(),
            score=float(score[code]),
            n=round(cases[code]),
            n_annotators=int(people[code]),
            strict_agreement=float(agreeing[code] / strict[code]) if strict[code] else None,
        )
        for code in order[:limit].tolist()
    ]
