"""Where annotators disagree: by pair of annotators, by group of items and item by item."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotate.quality.agreement import (
    CORRELATION,
    NEVER_STRICT,
    SHARE,
    TAU_UNDEFINED,
    RankingAgreement,
    ranking_agreement,
)
from annotate.quality.counts import Meetings, expand_preferences, meet
from annotate.quality.intervals import Estimate, clustered_ratio, undefined
from annotate.quality.table import RankingTable, TableError, coded

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


def agreement_by_annotator_pair(table: RankingTable) -> list[PairAgreement]:
    """Each two annotators who share an item, those who share most items first; clustered by item, t(items-1)."""
    preferences = expand_preferences(table)
    meetings = meet(preferences)
    if not meetings.left.size:
        return []
    people = table.annotator_labels.size
    keys, pair = np.unique(
        preferences.judgement_annotator[meetings.left] * people + preferences.judgement_annotator[meetings.right],
        return_inverse=True,
    )
    rows = np.split(np.argsort(pair, kind="stable"), np.cumsum(np.bincount(pair))[:-1])
    names = table.annotator_labels.tolist()
    pairs = [
        _pair_agreement(names[key // people], names[key % people], meetings, chosen)
        for key, chosen in zip(keys.tolist(), rows, strict=True)
    ]
    return sorted(pairs, key=lambda pair: -pair.n_items)


def _pair_agreement(first: Hashable, second: Hashable, meetings: Meetings, rows: NDArray) -> PairAgreement:
    """The agreement in the meetings `rows`, all of the same two annotators and so each on another item."""
    items = np.arange(rows.size)
    strict, tau = meetings.strict[rows], meetings.tau_b[rows]
    defined = np.isfinite(tau)
    return PairAgreement(
        first=first,
        second=second,
        n_items=rows.size,
        n_pairs=round(meetings.shared[rows].sum()),
        strict_agreement=clustered_ratio(meetings.agreeing[rows], strict, items, n=round(strict.sum()), bounds=SHARE)
        if strict.any()
        else undefined(NEVER_STRICT),
        tau_b=clustered_ratio(
            np.where(defined, tau, 0.0), defined.astype(float), items, n=int(defined.sum()), bounds=CORRELATION
        )
        if defined.any()
        else undefined(TAU_UNDEFINED),
    )


def agreement_with_others(table: RankingTable, annotator: Hashable) -> OwnAgreement:
    """How often an annotator prefers what another one prefers, over all the items they share with anybody.

    Cases are pairs of completions on which both have a preference, and each counts alike. Clustered by item, with
    t(items-1): the interval speaks of other items judged by the same people.
    """
    preferences = expand_preferences(table)
    meetings = meet(preferences)
    codes = np.flatnonzero(table.annotator_labels == annotator)
    people = preferences.judgement_annotator
    left, right = people[meetings.left], people[meetings.right]
    mine = np.isin(left, codes) | np.isin(right, codes)
    if not mine.any():
        return OwnAgreement(0, 0, undefined(NOBODY_ELSE))
    item = preferences.judgement_item[meetings.left][mine]
    others = np.setdiff1d(np.concatenate([left[mine], right[mine]]), codes)
    agreeing, strict = meetings.agreeing[mine], meetings.strict[mine]
    return OwnAgreement(
        n_items=int(np.unique(item).size),
        n_others=int(others.size),
        strict_agreement=clustered_ratio(agreeing, strict, item, n=round(strict.sum()), bounds=SHARE)
        if strict.any()
        else undefined(NEVER_STRICT),
    )


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
    group_of_row = table.group[table.item]
    return {
        label: ranking_agreement(_rows(table, group_of_row == code))
        for code, label in enumerate(table.group_labels.tolist())
    }


def _with_groups(table: RankingTable, groups: Mapping[Hashable, Hashable]) -> RankingTable:
    """The table with the groups of a mapping, or TableError naming an item that the mapping lacks."""
    items = table.item_labels.tolist()
    missing = [item for item in items if item not in groups]
    if missing:
        raise TableError(f"Item {missing[0]} has no group; give each of the {len(items)} items one.")
    labels, codes = coded("groups", [groups[item] for item in items])
    return replace(table, group=codes, group_labels=labels)


def _rows(table: RankingTable, chosen: NDArray) -> RankingTable:
    """The table with the chosen rows (rows,) only; labels and codes stay."""
    return replace(
        table,
        item=table.item[chosen],
        annotator=table.annotator[chosen],
        completion=table.completion[chosen],
        rank=table.rank[chosen],
    )


def disagreements(table: RankingTable) -> list[Disagreement]:
    """Every item that two annotators share, the most disputed first; of equal scores the one with more cases first."""
    preferences = expand_preferences(table)
    meetings = meet(preferences)
    item = preferences.judgement_item[meetings.left]
    count = table.item_labels.size
    cases = np.bincount(item, meetings.shared, minlength=count)
    distance = np.bincount(item, meetings.distance, minlength=count)
    strict = np.bincount(item, meetings.strict, minlength=count)
    agreeing = np.bincount(item, meetings.agreeing, minlength=count)
    met = np.unique(np.concatenate([meetings.left, meetings.right]))
    people = np.bincount(preferences.judgement_item[met], minlength=count)
    score = np.divide(distance, cases, out=np.zeros(count), where=cases > 0)
    names = table.item_labels.tolist()
    return [
        Disagreement(
            item=names[code],
            score=float(score[code]),
            n=round(cases[code]),
            n_annotators=int(people[code]),
            strict_agreement=float(agreeing[code] / strict[code]) if strict[code] else None,
        )
        for code in np.lexsort((-cases, -score)).tolist()
        if cases[code]
    ]
