"""Agreement between annotators who rank the same completions.

Every pair of completions that two annotators both ranked is one *case*; s and s' in {-1, 0, 1} are their preferences.

| field | definition | n counts |
|---|---|---|
| strict_agreement | share of s = s' among cases with s, s' != 0 (InstructGPT reports 72.6 %) | strict cases |
| exact_agreement | share of cases with s = s', a tie being an answer like the others | cases |
| half_credit | mean of 1 - |s - s'|/2: a tie against a preference earns a half | cases |
| tie_rate | share of ties among all preferences, those of a lone annotator included | preferences |
| alpha | Krippendorff's nominal alpha over units and their A/B mirror images | preferences that meet |
| alpha_interval | the same with the squared difference of s and s' as the distance | preferences that meet |
| alpha_rank | 1 - Do/De, Do = 1 - half_credit, De = (1-t)^2/2 + t(1-t) with t = tie_rate | cases |
| tau_b | mean over meetings of Kendall's tau-b on the completions both ranked, where it is defined | meetings |
| kendall_w | mean of Kendall's W, with ties, over the items that every annotator ranked completely | such items |

Weights: strict, exact, half_credit and alpha_rank weigh every case alike, so an item with m annotators and K
completions counts m(m-1)/2 x K(K-1)/2 times; alpha weighs a unit by its m preferences, as Krippendorff does; tau_b
weighs every meeting of two annotators on an item alike, whatever its K, and leaves out those where one tied everything.
Which completion is called the first is arbitrary, so alpha counts each unit twice, once mirrored, which makes its
chance agreement free of that choice. De of alpha_rank is the expected distance of two preferences drawn independently
with tie rate t, either completion being as likely to win; as t is that of all preferences, alpha_rank may fall below -1
where only a few, untypical ones meet. Source of both alphas: Krippendorff 2011, "Computing
Krippendorff's Alpha-Reliability", section C (any number of observers, missing data). Kendall's W of m annotators:
Kendall and Babington Smith 1939, with ties as in Kendall 1948 ("Rank Correlation Methods", eq. 6.8). With net_ij,
completions that annotator j ranked behind i less those before i, it is sum_i (sum_j net_ij)^2 / (m sum_ij net_ij^2).
Without any agreement W is 1/m on average, not 0.

Intervals are dyadic cluster-robust (see `crossing.py`), linearised through De where there is one; that of kendall_w is
over items, for the same annotators. Everything is computed from `counts.Sums`, where variances are quadratic forms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from annotate.quality.counts import Keep, Sums
from annotate.quality.crossing import dyadic_interval, share_interval
from annotate.quality.intervals import (
    NEGLIGIBLE,
    Estimate,
    bounded,
    student_t_quantile,
    undefined,
    unseen_share,
)
from annotate.quality.ranking_kernels import CHANNELS, OF_MEETING, PRODUCTS
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
NO_PANEL = translatable("There is no item that every annotator ranked completely, which Kendall's W needs.")

_CODE = {name: code for code, name in enumerate(CHANNELS)}
_PAIRED = np.array(PRODUCTS)


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
    alpha_interval: Estimate
    alpha_rank: Estimate
    tau_b: Estimate
    kendall_w: Estimate

    def as_dict(self) -> dict:
        """Counts as whole numbers and estimates as dicts, ready for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value.as_dict() if isinstance(value, Estimate) else value for name, value in values.items()}


def ranking_agreement(table: RankingTable, keep: Keep = None) -> RankingAgreement:
    """All agreement measures of the judgements that count. Numbers that do not exist are None with a reason."""
    return agreement_of(Sums.of(table, keep, additive=False))


def agreement_of(sums: Sums) -> RankingAgreement:
    """All agreement measures from sums over items."""
    totals = sums.of_annotators.sum(axis=0)
    totals[:OF_MEETING] /= 2  # a meeting is in the sums of two annotators
    annotators = int((sums.of_annotators[:, -1] > 0).sum())
    return RankingAgreement(
        n_items=int(sums.items[0]),
        n_annotators=annotators,
        n_judgements=round(totals[-1]),
        n_pairs=round(totals[_CODE["shared"]]),
        kendall_w=_kendall_w(sums, annotators),
        **_estimates(sums, totals[: len(CHANNELS)], annotators),
    )


@dataclass(frozen=True, slots=True)
class _Measure:
    """A measure as value, linearised error and what its interval needs to know."""

    name: str
    value: float
    slope: NDArray
    """(channels,): what a channel adds to the error of the value."""
    weight: str
    """The channel that is its denominator."""
    n: float
    items: int
    """Which of `Sums.items` have a denominator."""
    bounds: tuple[float, float] = SHARE
    spread: float = 1.0


def _estimates(sums: Sums, totals: NDArray, annotators: int) -> dict[str, Estimate]:
    """All estimates with dyadic intervals, and the tie rate, by field name."""
    measures: list[_Measure] = []
    found: dict[str, Estimate] = {}
    if not totals[_CODE["shared"]]:
        reason = NO_OVERLAP if annotators > 1 else ALONE if annotators else EMPTY
        names = ("strict_agreement", "exact_agreement", "half_credit", "alpha", "alpha_interval", "alpha_rank", "tau_b")
        found |= dict.fromkeys(names, undefined(reason))
    else:
        for one in (*_shares(totals), *_corrected(totals)):
            if isinstance(one, _Measure):
                measures.append(one)
            else:
                found |= one
    if totals[_CODE["judged"]]:
        measures.append(_ratio("tie_rate", totals, {"ties": 1.0}, "judged", items=4))
    else:
        found["tie_rate"] = undefined(EMPTY)
    return found | _with_intervals(sums, measures)


def _ratio(
    name: str, totals: NDArray, numerator: dict[str, float], weight: str, *, items: int, bounds=SHARE
) -> _Measure:
    """The combination of channels `numerator` over the channel `weight`."""
    total = totals[_CODE[weight]]
    value = sum(factor * totals[_CODE[channel]] for channel, factor in numerator.items()) / total
    slope = np.zeros(len(CHANNELS))
    for channel, factor in numerator.items():
        slope[_CODE[channel]] += factor / total
    slope[_CODE[weight]] -= value / total
    return _Measure(name, value, slope, weight, total, items, bounds, bounds[1] - bounds[0])


def _shares(totals: NDArray) -> Sequence[_Measure | dict[str, Estimate]]:
    """What is a mean over cases or over meetings, or why it is not."""
    return (
        _ratio("strict_agreement", totals, {"agreeing": 1.0}, "strict", items=1)
        if totals[_CODE["strict"]]
        else {"strict_agreement": undefined(NEVER_STRICT)},
        _ratio("exact_agreement", totals, {"exact": 1.0}, "shared", items=2),
        _ratio("half_credit", totals, {"shared": 1.0, "distance": -1.0}, "shared", items=2),
        _ratio("tau_b", totals, {"tau_b": 1.0}, "has_tau_b", items=3, bounds=CORRELATION)
        if totals[_CODE["has_tau_b"]]
        else {"tau_b": undefined(TAU_UNDEFINED)},
    )


def _corrected(totals: NDArray) -> Sequence[_Measure | dict[str, Estimate]]:
    """What is corrected for chance, or why it is not.

    alpha_rank: De = (1 - t^2)/2, whose slope in t is -t. Both alphas are of mirrored units, so n = 2 x preferences that
    meet, a share t of them ties and (1-t)/2 either preference. Nominal: De = (n^2 - sum of n_c^2) / (n(n-1)) =
    (1 - t^2 - (1-t)^2/2) n/(n-1), slope (1 - 3t) n/(n-1). Interval: the mean is 0, De = 2 (1-t) n/(n-1).
    """
    met = totals[_CODE["met"]]
    finite = 2 * met / (2 * met - 1)
    t, t_met = totals[_CODE["ties"]] / totals[_CODE["judged"]], totals[_CODE["met_ties"]] / met
    nominal, interval = (1 - t_met**2 - (1 - t_met) ** 2 / 2) * finite, 2 * (1 - t_met) * finite
    weighted, of_met = ("weighted", met), ("met_ties", "met")
    return (
        _chance("alpha", totals, "unequal", weighted, nominal, (1 - 3 * t_met) * finite, of_met),
        _chance("alpha_interval", totals, "squared", weighted, interval, -2 * finite, of_met, furthest=4.0),
        _chance(
            "alpha_rank",
            totals,
            "distance",
            ("shared", totals[_CODE["shared"]]),
            (1 - t * t) / 2,
            -t,
            ("ties", "judged"),
        ),
    )


def _chance(
    name: str,
    totals: NDArray,
    distance: str,
    weight: tuple[str, float],
    expected: float,
    expected_slope: float,
    tie_rate: tuple[str, str],
    *,
    furthest: float = 1.0,
) -> _Measure | dict[str, Estimate]:
    """1 - Do/De with Do = distance/weight, linearised in Do and in De, whose slope in the tie rate is given."""
    if expected <= 0:
        return {name: undefined(ALL_TIES, round(weight[1]))}
    observed = _ratio(name, totals, {distance: 1.0}, weight[0], items=2)
    chance = _ratio(name, totals, {tie_rate[0]: 1.0}, tie_rate[1], items=2)
    return _Measure(
        name,
        1 - observed.value / expected,
        -observed.slope / expected + observed.value / expected**2 * expected_slope * chance.slope,
        weight[0],
        weight[1],
        2,
        CORRELATION,
        furthest / expected,
    )


def _with_intervals(sums: Sums, measures: list[_Measure]) -> dict[str, Estimate]:
    """The measures as estimates, by name: variances as quadratic forms of their slopes."""
    if not measures:
        return {}
    slopes = np.stack([measure.slope for measure in measures], axis=1)
    residuals = sums.of_annotators[:, :OF_MEETING] @ slopes[:OF_MEETING]
    margins = sums.of_annotators[:, OF_MEETING : len(CHANNELS)] @ slopes[OF_MEETING:]
    kinds = ("of_meetings", "of_dyads", "of_judgements", "of_items")
    squares = {kind: _quadratic(getattr(sums, kind), slopes) for kind in kinds}
    scale = _quadratic(sums.of_items, np.eye(len(CHANNELS)))
    estimates = {}
    for at, measure in enumerate(measures):
        weight = _CODE[measure.weight]
        of_meetings = squares["of_meetings"][at]
        basis = squares["of_judgements"][at] if measure.name == "tie_rate" else of_meetings
        alike = basis <= NEGLIGIBLE * scale[weight] * measure.slope[weight] ** 2
        shared = {
            "loads": np.where(sums.of_annotators[:, weight] > NEGLIGIBLE, sums.of_annotators[:, weight], 0.0),
            "item_squares": 0.0 if alike else squares["of_items"][at],
            "items": int(sums.items[measure.items]),
            "n": round(measure.n),
        }
        if measure.name == "tie_rate":
            estimates[measure.name] = share_interval(
                measure.value, annotators=margins[:, at], judgement_squares=basis, **shared
            )
        else:
            estimates[measure.name] = dyadic_interval(
                measure.value,
                annotators=residuals[:, at],
                margins=margins[:, at],
                dyad_squares=squares["of_dyads"][at],
                both_squares=squares["of_judgements"][at] - of_meetings,
                bounds=measure.bounds,
                spread=measure.spread,
                **shared,
            )
    return estimates


def _quadratic(products: NDArray, slopes: NDArray) -> NDArray[np.float64]:
    """(measures,): the sum of squares of the combinations `slopes` (channels, measures) of what `products` sum."""
    first, second = _PAIRED[: products.size].T
    gram = np.zeros((len(CHANNELS), len(CHANNELS)))
    gram[first, second] = gram[second, first] = products
    return np.maximum(((gram @ slopes) * slopes).sum(axis=0), 0.0)


def _kendall_w(sums: Sums, annotators: int) -> Estimate:
    """The mean of W over the items of the complete panel, and its interval over items, t(items-1)."""
    if annotators < 2:
        return undefined(ALONE if annotators else EMPTY)
    count, total, squares = sums.panels[annotators] if annotators < sums.panels.shape[0] else (0.0, 0.0, 0.0)
    items = round(count)
    if not items:
        return undefined(NO_PANEL)
    value = total / items
    deviations = max(squares - items * value * value, 0.0)
    if items < 2 or deviations <= NEGLIGIBLE * items:
        return bounded(value, 0.0, n=items, bounds=SHARE, slack=unseen_share(items))
    half = student_t_quantile(items - 1) * math.sqrt(deviations / (items - 1) / items)
    return bounded(value, half, n=items, bounds=SHARE)
