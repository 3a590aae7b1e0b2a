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
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality import value_kernels as kernels
from annotate.quality.intervals import NEGLIGIBLE, Estimate, bounded, student_t_quantile, undefined, unseen_share
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
NEVER_POSITIVE = translatable("Where two annotators met, nobody gave the positive answer.")
ONE_ANNOTATOR = translatable("One annotator: the interval covers other items, not other annotators.")
CAUTION = translatable(
    "AC1 is high because one answer is rare, not because annotators agree on when to give it: judge by alpha and by the"
    " agreement on the rare answer."
)
HIGH_AC1, LOW_ALPHA = 0.6, 0.4
"""`caution` is given from this AC1 up and below this alpha (a published flag had AC1 .642 and alpha .061)."""

_FEWEST_FOR_DYADIC = 4
_TRIPLE_CORRECTION = 6.0


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


def value_agreement(table: ValueTable, keep: ArrayLike | None = None, *, positive: Hashable = None) -> ValueAgreement:
    """All agreement measures of a table. Numbers that do not exist are None with a reason.

    `keep` (rows,) of booleans, in the order of the rows that the table was made of, chooses some of them; the scale
    stays that of the whole table. `positive` names the positive one of two categories, the last without it.
    Raises TableError when `keep` has another shape, or `positive` is no category.
    """
    if keep is not None:
        kept = table.in_order("rows to keep", keep)
        if kept.dtype != bool:
            raise TableError(f"Which rows to keep is said by true and false, not by {kept.dtype}.")
        return _within(table, np.flatnonzero(kept), positive)
    columns = (table.starts, table.annotator, table.code, table.annotator_labels.size)
    return _agreement(table, columns, _positive(table, positive))


def agreement_by_slice(
    table: ValueTable, slices: Sequence | None = None, *, positive: Hashable = None
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
    rows, bounds = kernels.rows_of_slices(codes, labels.size)
    return {
        label: _within(table, rows[bounds[number] : bounds[number + 1]], positive)
        for number, label in enumerate(labels.tolist())
    }


def _within(table: ValueTable, rows: NDArray[np.int64], positive: Hashable) -> ValueAgreement:
    """The agreement in these rows of the table, ascending."""
    columns = kernels.take(rows, table.item, table.annotator, table.code, table.annotator_labels.size)
    return _agreement(table, columns, _positive(table, positive))


def _positive(table: ValueTable, positive: Hashable) -> int:
    """The code of the positive category, -1 where there are not two."""
    known = table.categories.tolist()
    if positive is None:
        return 1 if len(known) == 2 else -1
    if positive not in known:
        raise TableError(f"The positive answer {positive!r} is not among the categories.")
    return known.index(positive) if len(known) == 2 else -1


def _measures(table: ValueTable) -> NDArray[np.int64]:
    """The codes of the coefficients that the values allow."""
    return np.array([code for code, name in enumerate(MEASURES) if not _not_for(table, name)])


def _not_for(table: ValueTable, name: str) -> str:
    """Why a coefficient is not meant for such values, or nothing."""
    if table.level != "nominal" and table.categories.size > MOST_CATEGORIES and name != "alpha":
        return MEASUREMENTS
    if table.level == "nominal" and name in ("ac2", "ac2_ordinal"):
        return NOT_ORDERED
    if table.categories.size != 2 and name == "positive_agreement":
        return NOT_A_FLAG
    return ""


def _agreement(table: ValueTable, columns: tuple[NDArray, NDArray, NDArray, int], positive: int) -> ValueAgreement:
    """What the kernels find in (starts, annotators, codes, number of annotators), as estimates."""
    starts, _annotator, code, annotators = columns
    found, use, effective, cases = kernels.measure(
        *columns, _measures(table), get_args(Level).index(table.level), table.positions, positive
    )
    found, use = found.tolist(), use.tolist()
    items, judgements = starts.size - 1, code.size
    nothing = "" if cases else NO_OVERLAP if annotators > 1 else ALONE if annotators else EMPTY
    rows = iter(found)
    estimates = {}
    for name in MEASURES:
        reason = _not_for(table, name)
        estimates[name] = undefined(reason) if reason else _estimate(table, name, next(rows), nothing)
    known = table.categories.tolist()
    return ValueAgreement(
        level=table.level,
        n_items=items,
        n_annotators=annotators,
        n_judgements=judgements,
        n_pairs=cases,
        **estimates,
        positive=known[positive] if positive >= 0 else None,
        usage=tuple(
            Usage(value, _share(one, effective, (items, annotators, judgements)))
            for value, one in zip(known, use, strict=bool(use))
        ),
        caution=_caution(estimates["alpha"], estimates["ac1"]),
    )


def _caution(alpha: Estimate, ac1: Estimate) -> str:
    """AC1 is high, and alpha low or, where everybody says the same, undefined."""
    if ac1.value is None or ac1.value < HIGH_AC1 or (alpha.value is not None and alpha.value >= LOW_ALPHA):
        return ""
    return CAUTION


def _estimate(table: ValueTable, name: str, row: Sequence[float], nothing: str) -> Estimate:
    """One coefficient with its interval, from its row of the kernel's columns."""
    value, n = float(row[kernels.VALUE]), int(row[kernels.N])
    if nothing:
        return undefined(nothing, 0)
    if math.isnan(value):
        few = table.categories.size < 2 and name.startswith("ac")
        return undefined(NEVER_POSITIVE if name == "positive_agreement" else ONE_CATEGORY if few else ONE_VALUE, n)
    bounds = (-1.0, 1.0) if name in CORRECTED else (0.0, 1.0)
    quantile = student_t_quantile(max(row[kernels.EFFECTIVE] - 1, 1.0))
    items = row[kernels.ITEMS]
    if items < 2 or row[kernels.LARGEST] < NEGLIGIBLE:
        unseen = unseen_share(int(items), z=quantile)
        return bounded(value, unseen * row[kernels.SPREAD], n=n, bounds=bounds)
    return bounded(value, quantile * math.sqrt(_variance(row)), n=n, bounds=bounds)


def _variance(row: Sequence[float]) -> float:
    """The sum of products of terms that share an annotator or an item, corrected for few annotators."""
    items, effective = row[kernels.ITEMS], row[kernels.EFFECTIVE]
    over_items = row[kernels.OVER_ITEMS] * items / (items - 1)
    if row[kernels.PEOPLE] < _FEWEST_FOR_DYADIC:
        return max(over_items, _TRIPLE_CORRECTION * row[kernels.OF_PAIRS] if row[kernels.PEOPLE] == 3 else 0.0)
    a = max(effective, float(_FEWEST_FOR_DYADIC))
    correction = a * (a - 1) / ((a - 2) * (a - 3))
    return max(over_items, correction * row[kernels.OVER_ANNOTATORS] + row[kernels.OVER_ITEMS] - row[kernels.OVER_BOTH])


def _share(row: Sequence[float], effective: float, sizes: Sequence[int]) -> Estimate:
    """The share of a category among all judgements, clustered by annotator and by item, t(A-1)."""
    items, annotators, judgements = sizes
    share = float(row[kernels.SHARE])
    alone = annotators == 1
    reason = ONE_ANNOTATOR if alone else ""
    quantile = student_t_quantile(max((items if alone else effective) - 1, 1.0))
    if items < 2 or share in (0.0, 1.0):
        return bounded(share, unseen_share(items, z=quantile), n=judgements, bounds=(0.0, 1.0), reason=reason)
    variance = over_items = row[kernels.USE_OVER_ITEMS] * items / (items - 1)
    if not alone:
        over_annotators = row[kernels.USE_OVER_ANNOTATORS] * annotators / (annotators - 1)
        variance = max(over_items, over_annotators + over_items - share * (1 - share) / judgements)
    return bounded(share, quantile * math.sqrt(variance), n=judgements, bounds=(0.0, 1.0), reason=reason)
