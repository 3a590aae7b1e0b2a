"""Agreement between annotators who label the steps of the same solutions.

Two annotators *meet* on a solution when both labelled at least its first step; a *case* is one step that both labelled.
Where labelling stops at the first error, the steps behind it are missing, not unequal.

| field | definition | n counts |
|---|---|---|
| agreement | share of cases with the same label of good, neutral and bad | cases |
| right_or_wrong | share of cases in which both or neither said bad: what the exported labels rest on | cases |
| first_error | share of meetings with the first bad label at the same step, or with none in both | meetings |
| alpha | Krippendorff's nominal alpha over steps (Krippendorff 2011, section C) | labels that meet another |

Alpha is nominal: that neutral lies between good and bad is true of usefulness, not of correctness. Intervals are dyadic
cluster-robust (see `crossing.py`), linearised through the chance agreement of alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from annotate.quality.agreement import CORRELATION, SHARE
from annotate.quality.crossing import Crossing
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.table import TableError, coded

LABELS = ("good", "neutral", "bad")
EMPTY = "Nobody has labelled anything yet."
ALONE = "Only one annotator has labelled; agreement needs a second opinion on the same solutions."
NO_OVERLAP = "No two annotators have labelled the same solution; raise the overlap of the campaign."
ALL_ALIKE = "Every label is the same, so agreement by chance is complete and alpha is undefined."


@dataclass(frozen=True, slots=True)
class StepAgreement:
    """How far annotators agree on steps; the module's table defines each estimate and what its n counts."""

    n_items: int
    n_annotators: int
    n_judgements: int
    n_labels: int
    agreement: Estimate
    right_or_wrong: Estimate
    first_error: Estimate
    alpha: Estimate

    def as_dict(self) -> dict:
        """Counts as whole numbers and estimates as dicts, ready for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value.as_dict() if isinstance(value, Estimate) else value for name, value in values.items()}


@dataclass(frozen=True, eq=False)
class _Solutions:
    """One row a judgement: its item, its annotator, and its labels (judgements, steps), -1 where there is none."""

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    labels: NDArray[np.int64]


def step_agreement(items: Sequence, annotators: Sequence, labels: Sequence[Sequence[str]]) -> StepAgreement:
    """All measures of judgements given as parallel columns: one row each, with the labels of its first steps.

    Raises TableError for a label that is none, lengths that differ, or two judgements of one item by one annotator.
    """
    solutions = _read(items, annotators, labels)
    n_labels = int((solutions.labels >= 0).sum())
    return StepAgreement(
        n_items=np.unique(solutions.item).size,
        n_annotators=np.unique(solutions.annotator).size,
        n_judgements=solutions.item.size,
        n_labels=n_labels,
        **_estimates(solutions),
    )


def _read(items: Sequence, annotators: Sequence, labels: Sequence[Sequence[str]]) -> _Solutions:
    if not len(items) == len(annotators) == len(labels):
        raise TableError("Every judgement needs an item, an annotator and labels.")
    codes = {label: code for code, label in enumerate(LABELS)}
    if unknown := {label for row in labels for label in row} - set(codes):
        raise TableError(f"A label is {min(map(str, unknown))!r}; labels are {', '.join(LABELS)}.")
    item, annotator = coded("items", items)[1], coded("annotators", annotators)[1]
    if len(set(zip(item.tolist(), annotator.tolist(), strict=True))) < len(items):
        raise TableError("An annotator labelled an item twice; keep only the latest version of a judgement.")
    width = max((len(row) for row in labels), default=0)
    table = np.full((len(labels), width), -1, np.int64)
    for place, row in enumerate(labels):
        table[place, : len(row)] = [codes[label] for label in row]
    order = np.lexsort((annotator, item))
    return _Solutions(item[order], annotator[order], table[order])


def _estimates(solutions: _Solutions) -> dict[str, Estimate]:
    left, right = _meetings(solutions)
    if not left.size:
        people = np.unique(solutions.annotator).size
        reason = NO_OVERLAP if people > 1 else ALONE if people else EMPTY
        return dict.fromkeys(["agreement", "right_or_wrong", "first_error", "alpha"], undefined(reason))
    crossing = Crossing(solutions.item, solutions.annotator, left, right)
    one, other = solutions.labels[left], solutions.labels[right]
    both = (one >= 0) & (other >= 0)
    bad = LABELS.index("bad")
    cases = both.sum(axis=1).astype(float)
    same_error = (_first(one == bad) == _first(other == bad)).astype(float)
    return {
        "agreement": _share(crossing, (both & (one == other)).sum(axis=1), cases),
        "right_or_wrong": _share(crossing, (both & ((one == bad) == (other == bad))).sum(axis=1), cases),
        "first_error": _share(crossing, same_error, np.ones(left.size)),
        "alpha": _alpha(solutions, crossing, both & (one != other), both),
    }


def _meetings(solutions: _Solutions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of judgements of one item that share a labelled step."""
    bounds = np.flatnonzero(np.diff(solutions.item)) + 1
    groups = [group for group in np.split(np.arange(solutions.item.size), bounds) if group.size > 1]
    pairs = [group[np.stack(np.triu_indices(group.size, 1))] for group in groups]
    left, right = np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), np.int64)
    shared = ((solutions.labels[left] >= 0) & (solutions.labels[right] >= 0)).any(axis=1)
    return left[shared], right[shared]


def _first(marked: NDArray) -> NDArray[np.int64]:
    """(rows,) the first marked step of each row, or -1."""
    return np.where(marked.any(axis=1), marked.argmax(axis=1), -1)


def _share(crossing: Crossing, numerator: NDArray, denominator: NDArray) -> Estimate:
    """sum(numerator) / sum(denominator) over meetings with its dyadic interval; n is the denominator."""
    total = denominator.sum()
    value = numerator.sum() / total
    influence = (numerator - value * denominator) / total
    return crossing.estimate(value, influence=influence, weight=denominator, n=round(total), bounds=SHARE, spread=1.0)


def _alpha(solutions: _Solutions, crossing: Crossing, unequal: NDArray, both: NDArray) -> Estimate:
    """1 - Do/De. De = (n^2 - sum of n_c^2) / (n(n-1)), whose slope in the share of label c is -2 p_c n/(n-1).

    A step labelled by m annotators weighs 2/(m-1) in each of its m(m-1)/2 meetings, so that it counts m times.
    """
    labelled = solutions.labels >= 0
    judges = np.zeros((int(solutions.item.max()) + 1, labelled.shape[1]))
    np.add.at(judges, solutions.item, labelled)
    judges = judges[solutions.item]
    met = labelled & (judges > 1)
    counts = np.stack([(met & (solutions.labels == code)).sum(axis=1) for code in range(len(LABELS))], axis=1)
    n = counts.sum()
    shares = counts.sum(axis=0) / n
    finite = n / (n - 1)
    expected = (1 - np.square(shares).sum()) * finite
    if expected <= 0:
        return undefined(ALL_ALIKE, int(n))
    weight = np.divide(2.0, judges - 1, out=np.zeros(judges.shape), where=judges > 1)[crossing.left]
    numerator, denominator = (weight * unequal).sum(axis=1), (weight * both).sum(axis=1)
    observed = numerator.sum() / denominator.sum()
    slope = (-2 * shares * finite * (counts - shares * counts.sum(axis=1, keepdims=True))).sum(axis=1) / n
    return crossing.estimate(
        1 - observed / expected,
        influence=-(numerator - observed * denominator) / denominator.sum() / expected,
        judgement_influence=observed / expected**2 * slope,
        weight=denominator,
        n=int(n),
        bounds=CORRELATION,
        spread=1 / expected,
    )
