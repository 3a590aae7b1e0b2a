"""Agreement on categories, levels, measurements and flags, with missing data and any number of annotators per item.

A *case* is two judgements of one item by two annotators; d is the distance of its two values, from 0 for the same.

| field | definition | cases weigh | n counts |
|---|---|---|---|
| percent_agreement | share of cases with the same value | alike: an item of m counts m(m-1)/2 times | cases |
| alpha | Krippendorff's alpha 1 - Do/De with the distance of the table's level | 2/(m-1) | judgements that meet |
| ac1 | Gwet's AC1 | 2/(m(m-1)): items alike | items with a case |
| ac2 | Gwet's AC2, quadratic weights | as AC1 | items with a case |
| ac2_ordinal | Gwet's AC2, ordinal weights 1 - j(j+1)/(q(q-1)) for values j steps apart | as AC1 | items with a case |
| fleiss | Fleiss' kappa, for variable numbers of annotators | as AC1 | items with a case |
| positive_agreement | 2 x cases where both say yes / yeses in cases | alike | cases with a yes |

Sources: alpha: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", sections C (nominal: d = 1 where values
differ), E (ordinal: the square of the difference of mean ranks; interval: of values). AC1, AC2: Gwet 2014, "Handbook of
Inter-Rater Reliability", 4th edition, chapters 4 and 5: chance agreement is T/(q(q-1)) sum of p(1-p), T the sum of all
weights, q the categories of the table (name them when some may be unused). Fleiss 1971 has an equal number of
annotators on each item; the form here is Gwet's for any number: chance is the sum of p^2 with p the mean over items
(items of one judgement included) of a category's share of the item, which is Fleiss' own where the numbers are equal.
positive_agreement: Spitzer and Fleiss 1974: having one yes, the chance that another annotator says yes.

Intervals: dyadic cluster-robust over annotators and items, linearised through chance (also through the ranks that
ordinal distances are made of). The variance sums all products of terms that share an annotator (sums over annotators,
less what a repeated pair of them counts twice) or an item: Aronow, Samii and Assenova 2015; Cameron, Gelbach and Miller
2011. Corrections for few annotators are those of `crossing.py`; `./run bench coverage` shows what they cover.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality import value_kernels as kernels
from annotate.quality.cluster_kernels import over_clusters
from annotate.quality.crossing import dyadic_interval, share_interval
from annotate.quality.intervals import NEGLIGIBLE, Estimate, undefined
from annotate.quality.table import TableError
from annotate.quality.values import MOST_CATEGORIES, Level, ValueTable, coded_fast
from annotate.translations import translatable

MEASURES = ("percent_agreement", "alpha", "ac1", "ac2", "ac2_ordinal", "fleiss", "positive_agreement")
"""By the codes of the kernels."""
CORRECTED = {"alpha", "ac1", "ac2", "ac2_ordinal", "fleiss"}

EMPTY = translatable("Nobody has judged anything yet.")
ALONE = translatable("Only one annotator has judged; agreement needs a second opinion on the same items.")
NO_OVERLAP = translatable("No two annotators have judged the same item; raise the overlap of the campaign.")
ONE_VALUE = translatable("Everybody gave the same value to everything, so agreement by chance is complete.")
ONE_CATEGORY = translatable("There is only one category; AC1 and AC2 need the whole scale, unused values included.")
NOT_ORDERED = translatable("AC2 weighs how far values lie apart, and these values have no order.")
MEASUREMENTS = translatable(
    "There are more different values than a scale has: they are taken for measurements, for which only alpha is meant."
)
NOT_A_FLAG = translatable("Agreement on the positive answer needs exactly two categories.")
NOT_ASKED = "This coefficient was not asked for."
NEVER_POSITIVE = translatable("Where two annotators met, nobody gave the positive answer.")
CAUTION = translatable(
    "AC1 is high because one answer is rare, not because annotators agree on when to give it: judge by alpha and by the"
    " agreement on the rare answer."
)
HIGH_AC1, LOW_ALPHA = 0.6, 0.4
"""`caution` is given from this AC1 up and below this alpha (a published flag had AC1 .642 and alpha .061)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How often a category was chosen: its share of all judgements."""

    value: Hashable
    share: Estimate


@dataclass(frozen=True, slots=True)
class ValueAgreement:
    """How far annotators agree; the module's table defines each estimate and what its n counts."""

    level: Level
    n_items: int
    n_annotators: int
    n_judgements: int
    n_pairs: int
    """Cases: two annotators on an item."""
    percent_agreement: Estimate
    alpha: Estimate
    ac1: Estimate
    ac2: Estimate
    ac2_ordinal: Estimate
    fleiss: Estimate
    positive_agreement: Estimate
    positive: Hashable
    """The category that `positive_agreement` is about; None where there are not two."""
    usage: tuple[Usage, ...]
    """One for each category; empty where there are more than 64, or no judgement."""
    caution: str
    """What not to conclude, or nothing: AC1 alone flatters where one answer is rare."""

    def as_dict(self) -> dict:
        """The fields as JSON-ready values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["usage"] = [{"value": one.value, "share": one.share.as_dict()} for one in self.usage]
        return {name: value.as_dict() if isinstance(value, Estimate) else value for name, value in values.items()}


def value_agreement(
    table: ValueTable,
    keep: ArrayLike | None = None,
    *,
    positive: Hashable = None,
    measures: Collection[str] = MEASURES,
) -> ValueAgreement:
    """All agreement measures of a table. Numbers that do not exist are None with a reason.

    `keep` (rows,) of booleans, in the order of the rows that the table was made of, chooses some of them; the scale
    stays that of the whole table. `positive` names the positive one of two categories, the last without it. Fewer
    `measures` take less time.
    Raises TableError when `keep` has another shape, or `positive` is no category.
    """
    rows = None if keep is None else _rows_to_keep(table, keep)
    return _agreement(table, rows, code_of_positive(table, positive), measures)


Columns = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], int]
"""Where items start, (rows,) annotators, (rows,) codes, and how many annotators there are."""


def chosen_columns(table: ValueTable, keep: ArrayLike | None) -> Columns:
    """The columns of the rows to keep, or TableError."""
    return _columns(table, None if keep is None else _rows_to_keep(table, keep))


def _rows_to_keep(table: ValueTable, keep: ArrayLike) -> NDArray[np.int64]:
    """The numbers of the rows to keep, rising, or TableError."""
    kept = table.in_order("rows to keep", keep)
    if kept.dtype != bool:
        raise TableError(f"Which rows to keep is said by true and false, not by {kept.dtype}.")
    return np.flatnonzero(kept)


def _columns(table: ValueTable, rows: NDArray[np.int64] | None) -> Columns:
    """The columns of these rows, ascending, with annotators numbered anew; of all rows without any."""
    if rows is None:
        return table.starts, table.annotator, table.code, table.annotator_labels.size
    return kernels.take(rows, table.item, table.annotator, table.code, table.annotator_labels.size)


def agreement_by_slice(
    table: ValueTable,
    slices: Sequence | None = None,
    *,
    positive: Hashable = None,
    measures: Collection[str] = MEASURES,
) -> dict[Hashable, ValueAgreement]:
    """The agreement within each slice, by its label in sorted order, all in one pass over the sorted rows.

    `slices` (rows,) names the slice of each row, in the order of the rows that the table was made of; without it they
    are the table's groups. Judgements of one item in different slices do not meet.
    Raises TableError when there are neither slices nor groups, or not one for each row.
    """
    if slices is not None:
        labels, codes = coded_fast("slices", table.in_order("slices", slices))
    elif table.group is not None and table.group_labels is not None:
        labels, codes = table.group_labels, table.group
    else:
        raise TableError("The table has no groups; build it with groups, or name the slice of each row.")
    chosen = code_of_positive(table, positive)
    rows, bounds = kernels.rows_of_slices(codes, labels.size)
    return {
        label: _agreement(table, rows[bounds[number] : bounds[number + 1]], chosen, measures)
        for number, label in enumerate(labels.tolist())
    }


def code_of_positive(table: ValueTable, positive: Hashable) -> int:
    """The code of the positive category, -1 where there are not two."""
    known = table.categories.tolist()
    if positive is None:
        return 1 if len(known) == 2 else -1
    if positive not in known:
        raise TableError(f"The positive answer {positive!r} is not among the categories.")
    return known.index(positive) if len(known) == 2 else -1


def measures_for(table: ValueTable, wanted: Collection[str]) -> NDArray[np.int64]:
    """The codes of the coefficients that are wanted and that the values allow."""
    return np.array([code for code, name in enumerate(MEASURES) if name in wanted and not not_for(table, name)])


def not_for(table: ValueTable, name: str) -> str:
    """Why a coefficient is not meant for such values, or nothing."""
    if table.level != "nominal" and table.categories.size > MOST_CATEGORIES and name != "alpha":
        return MEASUREMENTS
    if table.level == "nominal" and name in ("ac2", "ac2_ordinal"):
        return NOT_ORDERED
    if table.categories.size != 2 and name == "positive_agreement":
        return NOT_A_FLAG
    return ""


Shares = list[tuple[float, float, float]]
"""Of each category: its share, and sums of squares of the share's error over items and over judgements (or over
clusters, and over what an annotator said of a cluster)."""


def _agreement(
    table: ValueTable, rows: NDArray[np.int64] | None, positive: int, wanted: Collection[str]
) -> ValueAgreement:
    """What the kernels find in these rows (all without any), as estimates."""
    columns = _columns(table, rows)
    starts, _annotator, code, people = columns
    if not code.size:
        return told(table, positive, wanted, None)
    measures = measures_for(table, wanted)
    found, summed, use, chosen, cases = kernels.measure(
        *columns, measures, get_args(Level).index(table.level), table.positions, positive
    )
    shares = [(share, over_items, share * (1 - share) / code.size) for share, over_items in use.tolist()]
    clusters = starts.size - 1
    if table.cluster is not None:
        clusters, shares = _join_clusters(table, rows, columns, measures, positive, found, use)
    of_people = summed.reshape(people, 3, measures.size)
    counts = Counts(starts.size - 1, people, code.size, cases, clusters)
    return told(table, positive, wanted, Summed(counts, measures, found, of_people, shares, chosen))


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is."""

    items: int
    annotators: int
    judgements: int
    cases: int
    clusters: int


@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """What estimates are made of."""

    counts: Counts
    measures: NDArray[np.int64]
    """(Q,) codes of the coefficients."""
    found: NDArray[np.float64]
    """(Q, kernels.COLUMNS)"""
    of_people: NDArray[np.float64]
    """(A, 3, Q) what each annotator's cases, and their judgements through the margins, add to the error; their load."""
    shares: Shares
    chosen: NDArray[np.float64]
    """(A, K) how often each annotator chose each category; no columns where there are many."""


def told(scale: ValueTable, positive: int, wanted: Collection[str], summed: Summed | None) -> ValueAgreement:
    """The estimates on a scale, of which only level and categories count; without sums, that there is nothing."""
    estimates = {name: undefined(not_for(scale, name) or EMPTY) for name in wanted}
    estimates |= {name: undefined(NOT_ASKED) for name in MEASURES if name not in wanted}
    counts, usage = Counts(0, 0, 0, 0, 0), []
    if summed:
        counts = summed.counts
        nothing = "" if counts.cases else NO_OVERLAP if counts.annotators > 1 else ALONE
        for at, (measure, row) in enumerate(zip(summed.measures, summed.found.tolist(), strict=True)):
            name = MEASURES[measure]
            of_people = summed.of_people[:, :, at]
            estimates[name] = undefined(nothing) if nothing else _estimate(scale, name, row, of_people)
        judged = summed.chosen.sum(axis=1)
        named = zip(scale.categories.tolist(), summed.shares, summed.chosen.T, strict=bool(summed.shares))
        usage = [Usage(value, _share(*share, own, judged, counts.clusters)) for value, share, own in named]
    return ValueAgreement(
        level=scale.level,
        n_items=counts.items,
        n_annotators=counts.annotators,
        n_judgements=counts.judgements,
        n_pairs=counts.cases,
        **estimates,
        positive=scale.categories.tolist()[positive] if positive >= 0 else None,
        usage=tuple(usage),
        caution=_caution(estimates["alpha"], estimates["ac1"]),
    )


def _estimate(table: ValueTable, name: str, row: Sequence[float], of_people: NDArray) -> Estimate:
    """One coefficient with its interval, from its row of the kernel's columns and its sums (A, 3) of annotators."""
    value, n = row[kernels.VALUE], int(row[kernels.N])
    if math.isnan(value):
        return undefined(why_undefined(table, name), n)
    return dyadic_interval(
        value,
        annotators=of_people[:, 0],
        margins=of_people[:, 1],
        loads=of_people[:, 2],
        item_squares=0.0 if row[kernels.LARGEST] < NEGLIGIBLE else row[kernels.OVER_ITEMS],
        dyad_squares=row[kernels.OF_PAIRS],
        both_squares=row[kernels.OVER_BOTH],
        items=int(row[kernels.ITEMS]),
        n=n,
        bounds=(-1.0, 1.0) if name in CORRECTED else (0.0, 1.0),
        spread=row[kernels.SPREAD],
    )


def why_undefined(table: ValueTable, name: str) -> str:
    """Why a coefficient does not exist although annotators met."""
    if name == "positive_agreement":
        return NEVER_POSITIVE
    return ONE_CATEGORY if table.categories.size < 2 and name.startswith("ac") else ONE_VALUE


def _join_clusters(
    table: ValueTable,
    rows: NDArray[np.int64] | None,
    columns: Columns,
    measures: NDArray[np.int64],
    positive: int,
    found: NDArray,
    use: NDArray,
) -> tuple[int, Shares]:
    """Puts sums over clusters in the place of those over items in `found`; how many clusters there are, and shares."""
    starts, annotator, code, people = columns
    cluster = table.cluster[starts[:-1] if rows is None else rows[starts[:-1]]]
    order = np.argsort(cluster, kind="stable")
    bounds = np.append(np.flatnonzero(np.diff(cluster[order], prepend=-1)), order.size)
    terms = kernels.terms(starts, code, measures, get_args(Level).index(table.level), table.positions, positive)
    specific = measures == MEASURES.index("positive_agreement")
    share = np.ascontiguousarray(use[:, 0])
    joined, errors = over_clusters(starts, annotator, code, order, bounds, people, terms, specific, positive, share)
    found[:, kernels.OVER_ITEMS], found[:, kernels.OVER_BOTH] = joined[:, 0], joined[:, 1]
    found[:, kernels.ITEMS] = joined[:, 2]
    return bounds.size - 1, [(one, *pair) for one, pair in zip(share.tolist(), errors.tolist(), strict=True)]


def _share(
    share: float, over_items: float, over_judgements: float, own: NDArray, judged: NDArray, items: int
) -> Estimate:
    """The share of a category that annotators (A,) chose `own` times of those they `judged`."""
    n = int(judged.sum())
    return share_interval(
        share,
        annotators=(own - share * judged) / n,
        loads=judged,
        item_squares=over_items if 0 < share < 1 else 0.0,
        judgement_squares=over_judgements,
        items=items,
        n=n,
    )


def _caution(alpha: Estimate, ac1: Estimate) -> str:
    """AC1 is high, and alpha low or, where everybody says the same, undefined."""
    if ac1.value is None or ac1.value < HIGH_AC1 or (alpha.value is not None and alpha.value >= LOW_ALPHA):
        return ""
    return CAUTION
