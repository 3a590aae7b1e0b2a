"""Agreement between annotators who rank the same completions.

Every pair of completions that two annotators both ranked is one *case*; s and s' in {-1, 0, 1} are their preferences.

| field | definition | n counts |
|---|---|---|
| strict_agreement | share of s = s' among cases with s, s' != 0 (InstructGPT reports 72.6 %) | strict cases |
| exact_agreement | share of cases with s = s', a tie being an answer like the others | cases |
| half_credit | mean of 1 - |s - s'|/2: a tie against a preference earns a half | cases |
| tie_rate | share of ties among all preferences, those of a lone annotator included | preferences |
| alpha | Krippendorff's nominal alpha over units and their A/B mirror images | preferences that meet |
| alpha_rank | 1 - Do/De, Do = 1 - half_credit, De = (1-t)^2/2 + t(1-t) with t = tie_rate | cases |
| tau_b | mean over meetings of Kendall's tau-b on the completions both ranked, where it is defined | meetings |

Weights: strict, exact, half_credit and alpha_rank weigh every case alike, so an item with m annotators and K
completions counts m(m-1)/2 x K(K-1)/2 times; alpha weighs a unit by its m preferences, as Krippendorff does; tau_b
weighs every meeting of two annotators on an item alike, whatever its K, and leaves out those where one tied everything.
Which completion is called the first is arbitrary, so alpha counts each unit twice, once mirrored, which makes its
chance agreement free of that choice. De of alpha_rank is the expected distance of two preferences drawn independently
with tie rate t, either completion being as likely to win; as t is that of all preferences, alpha_rank may fall below -1
where only a few, untypical ones meet. Source of alpha: Krippendorff 2011, "Computing
Krippendorff's Alpha-Reliability", section C (nominal data, any number of observers, missing data).

Intervals are dyadic cluster-robust (see `crossing.py`), linearised through De where there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from annotate.quality.counts import Meetings, Preferences, count_units, expand_preferences, meet
from annotate.quality.crossing import Crossing, share_over_judgements
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.table import RankingTable
from annotate.translations import translatable

SHARE = (0.0, 1.0)
CORRELATION = (-1.0, 1.0)

EMPTY = translatable("Nobody has ranked anything yet.")
ALONE = translatable("Only one annotator has ranked; agreement needs a second opinion on the same completions.")
NO_OVERLAP = translatable("No two annotators have ranked the same completions; raise the overlap of the campaign.")
NEVER_STRICT = translatable("There is no comparison on which two annotators both expressed a preference.")
ALL_TIES = translatable("Every preference is a tie, so agreement by chance is complete and alpha is undefined.")
TAU_UNDEFINED = translatable(
    "In every meeting one of the two annotators tied all completions, which leaves tau-b undefined."
)


@dataclass(frozen=True, slots=True)
class RankingAgreement:
    """How far annotators agree; the module's table defines each estimate and what its n counts."""

    n_items: int
    n_annotators: int
    n_judgements: int
    """One annotator's ranking of one item."""
    n_pairs: int
    """Cases: annotator pair x completion pair."""
    strict_agreement: Estimate
    exact_agreement: Estimate
    half_credit: Estimate
    tie_rate: Estimate
    alpha: Estimate
    alpha_rank: Estimate
    tau_b: Estimate

    def as_dict(self) -> dict:
        """Counts as whole numbers and estimates as dicts, ready for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value.as_dict() if isinstance(value, Estimate) else value for name, value in values.items()}


def ranking_agreement(table: RankingTable) -> RankingAgreement:
    """All agreement measures of a table. Numbers that do not exist are None with a reason."""
    preferences = expand_preferences(table)
    meetings = meet(preferences)
    return RankingAgreement(
        n_items=int(np.unique(table.item).size),
        n_annotators=int(np.unique(table.annotator).size),
        n_judgements=int(preferences.judgement_item.size),
        n_pairs=int(meetings.shared.sum()),
        tie_rate=_tie_rate(preferences),
        **_estimates(table, preferences, meetings),
    )


def _estimates(table: RankingTable, preferences: Preferences, meetings: Meetings) -> dict[str, Estimate]:
    """The estimates that need two annotators, by field name."""
    measures: dict[str, Callable[[Preferences, Meetings], Estimate]] = {
        "strict_agreement": _strict,
        "exact_agreement": _exact,
        "half_credit": _half_credit,
        "alpha": _alpha,
        "alpha_rank": _alpha_rank,
        "tau_b": _tau_b,
    }
    if not meetings.left.size:
        people = np.unique(table.annotator).size
        reason = NO_OVERLAP if people > 1 else ALONE if people else EMPTY
        return dict.fromkeys(measures, undefined(reason))
    return {name: measure(preferences, meetings) for name, measure in measures.items()}


def _ratio(
    preferences: Preferences,
    meetings: Meetings,
    numerator: NDArray,
    denominator: NDArray,
    bounds: tuple[float, float] = SHARE,
) -> Estimate:
    """sum(numerator) / sum(denominator) over meetings with its dyadic interval; n is the denominator."""
    total = denominator.sum()
    value = numerator.sum() / total
    return Crossing.of(preferences, meetings).estimate(
        value,
        influence=(numerator - value * denominator) / total,
        weight=denominator,
        n=round(total),
        bounds=bounds,
        spread=bounds[1] - bounds[0],
    )


def _strict(preferences: Preferences, meetings: Meetings) -> Estimate:
    if not meetings.strict.any():
        return undefined(NEVER_STRICT)
    return _ratio(preferences, meetings, meetings.agreeing, meetings.strict)


def _exact(preferences: Preferences, meetings: Meetings) -> Estimate:
    return _ratio(preferences, meetings, meetings.exact, meetings.shared)


def _half_credit(preferences: Preferences, meetings: Meetings) -> Estimate:
    return _ratio(preferences, meetings, meetings.shared - meetings.distance, meetings.shared)


def _tau_b(preferences: Preferences, meetings: Meetings) -> Estimate:
    defined = np.isfinite(meetings.tau_b)
    if not defined.any():
        return undefined(TAU_UNDEFINED)
    tau = np.where(defined, meetings.tau_b, 0.0)
    return _ratio(preferences, meetings, tau, defined.astype(float), CORRELATION)


def _tie_rate(preferences: Preferences) -> Estimate:
    if not preferences.sign.size:
        return undefined(EMPTY)
    judged, ties = _preferences_and_ties(preferences, np.ones(preferences.sign.size, bool))
    return share_over_judgements(
        ties,
        judged,
        item=preferences.judgement_item,
        annotator=preferences.judgement_annotator,
        n=preferences.sign.size,
    )


def _preferences_and_ties(preferences: Preferences, counted: NDArray) -> tuple[NDArray, NDArray]:
    """(judgements,) how many of the counted preferences (preferences,) each judgement holds, and how many are ties."""
    judgements = preferences.judgement_item.size
    judged = np.bincount(preferences.judgement[counted], minlength=judgements).astype(float)
    tied = counted & (preferences.sign == 0)
    return judged, np.bincount(preferences.judgement[tied], minlength=judgements).astype(float)


def _alpha_rank(preferences: Preferences, meetings: Meetings) -> Estimate:
    """Observed distance over the expected one, (1-t)^2/2 + t(1-t) = (1-t^2)/2, whose slope in t is -t."""
    judged, ties = _preferences_and_ties(preferences, np.ones(preferences.sign.size, bool))
    t = ties.sum() / judged.sum()
    return _chance_corrected(
        preferences,
        meetings,
        numerator=meetings.distance,
        denominator=meetings.shared,
        expected=(1 - t * t) / 2,
        expected_influence=-t * (ties - t * judged) / judged.sum(),
        n=round(meetings.shared.sum()),
    )


def _alpha(preferences: Preferences, meetings: Meetings) -> Estimate:
    """Krippendorff's alpha of mirrored units: n = 2 x preferences that meet, n_tie of them ties, the rest halved.

    De = (n^2 - sum of n_c^2) / (n(n-1)) = (1 - t^2 - (1-t)^2/2) n/(n-1) with t = n_tie/n; its slope in t is
    (1 - 3t) n/(n-1).
    """
    judges = count_units(preferences).sum(axis=1)
    judged, ties = _preferences_and_ties(preferences, judges[preferences.unit] > 1)
    met = judged.sum()
    t = ties.sum() / met
    finite = 2 * met / (2 * met - 1)
    return _chance_corrected(
        preferences,
        meetings,
        numerator=meetings.weighted_unequal,
        denominator=meetings.weighted,
        expected=(1 - t * t - (1 - t) ** 2 / 2) * finite,
        expected_influence=(1 - 3 * t) * finite * (ties - t * judged) / met,
        n=round(met),
    )


def _chance_corrected(
    preferences: Preferences,
    meetings: Meetings,
    *,
    numerator: NDArray,
    denominator: NDArray,
    expected: float,
    expected_influence: NDArray,
    n: int,
) -> Estimate:
    """1 - Do/De with Do = sum(numerator) / sum(denominator) over meetings; linearised in Do and in De.

    `expected_influence` (judgements,) is what each judgement adds to the error of De.
    """
    if expected <= 0:
        return undefined(ALL_TIES, n)
    total = denominator.sum()
    observed = numerator.sum() / total
    return Crossing.of(preferences, meetings).estimate(
        1 - observed / expected,
        influence=-(numerator - observed * denominator) / total / expected,
        judgement_influence=observed / expected**2 * expected_influence,
        weight=denominator,
        n=n,
        bounds=CORRELATION,
        spread=1 / expected,
    )
