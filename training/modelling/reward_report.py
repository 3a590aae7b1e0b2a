"""What a reward model's held-out accuracy hides: the ceiling, where it errs, how sure it is, and what length explains.

`reward_report` takes the rankings of one split that was not trained on, with the K raw rewards of each, and gives the
JSON of `<run>/report.json`. Every estimate is {value, lo, hi, n, reason}: 95 % intervals, clustered by prompt, n counts
prompts (where the key says nothing else); `n_pairs` counts strict pairs of annotators.

* split, n_rankings, n_prompts, n_pairs
* accuracy: share of the strict pairs that the reward orders as the annotator did, ties half
* ceiling: agreement (how often two annotators agree on a pair on which both have a preference; dyadic interval, n
  counts such meetings), and on pairs that others judged, too: leave_one_out (how often an annotator says what most of
  the others say, half where these are divided), accuracy_on_the_same (the reward's), n_pairs. The first is what a
  reward would reach that is one more annotator; who always says what most say can be above it
* domains: {domain: {n_pairs, accuracy}}; rank_distance: {ranks between the two: {n_pairs, accuracy}};
  margins: [{lo, hi, n_pairs, accuracy}], fifths of the pairs by the distance of their rewards
* calibration: bins [{lo, hi, n_pairs, confidence, accuracy}] of the chance sigmoid(distance) that the model gives the
  answer which it prefers; ece (sum over bins of their share times |accuracy - confidence|; interval from 1,000 samples
  of prompts, and biased upwards where bins are small; Naeini et al. 2015), nll (nats a pair) and brier (both of the
  chance given to what the annotator preferred; for a coin .693 and .25)
* length, in characters: correlation of reward and length within prompts (interval: jackknife over prompts, in Fisher's
  z); longer_preferred (how often people prefer the longer one), accuracy_where_longer and accuracy_where_shorter (of
  the pairs where they do, and do not), length_balanced (their mean: accuracy in a world where length says nothing), and
  equal_length (accuracy on pairs whose lengths differ by a tenth at most) with n_equal_length pairs
* best_of_n: [{n, reward, longer, oracle}]: how good the best of n completions drawn without replacement from a prompt's
  K is, chosen by the reward, by length, or by the annotators themselves. Good = the share of the prompt's other
  completions that annotators rank below, ties half, so .5 at n = 1. The estimate over the K is unbiased: the i-th from
  below is the best of a draw with chance C(i - 1, n - 1) / C(K, n) (Nakano et al. 2021, arXiv 2112.09332, section 3)

Of a model with several axes the score is their sum, which is no log-odds: it has no calibration. `axes` has what each
axis says of its own pairs: [{name, weight, n_pairs, n_prompts, accuracy, calibration, length}]. Where people only rate,
n_rankings is 0, and nothing stands there but `split` and `axes`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotate.quality.intervals import (
    NOTHING_COUNTED,
    ONE_CLUSTER,
    Estimate,
    clustered_mean,
    clustered_proportion,
    student_t_quantile,
    undefined,
)
from annotate.translations import translatable
from training.modelling.agreement import agreement_on
from training.modelling.artifacts import Result, write_json
from training.modelling.snapshots import RankingRow

REPORT = "report.json"
BINS = 10
"""Bins of the chance from 1/2 to 1, equally wide."""
MARGIN_BINS = 5
ALIKE = 0.1
"""Pairs whose lengths differ by this share of the longer one, at most, are of equal length."""
RESAMPLES = 1000
CONSTANT = translatable("Rewards or lengths do not differ within prompts.")


@dataclass(frozen=True)
class AxisScores:
    """What one axis of several says of the rankings that have a strict pair on it."""

    name: str
    weight: float
    """In the sum."""
    rows: Sequence[RankingRow]
    """Their ranks are those on the axis, None where a completion has none."""
    scores: Sequence[Sequence[float]]
    """The K raw rewards of each."""


def reward_report(
    rows: Sequence[RankingRow],
    scores: Sequence[Sequence[float]],
    *,
    split: str,
    log_odds: bool = True,
    axes: Sequence[AxisScores] = (),
) -> dict[str, Any]:
    """The report of these rankings, every one with a strict pair, and the K rewards of each: raw ones, which are
    `log_odds`, or sums of several axes, which are not."""
    found: dict[str, Any] = {"split": split, "n_rankings": len(rows)}
    if rows:
        pairs = _Pairs(rows, scores)
        found |= _on_pairs(rows, scores, pairs, log_odds=log_odds) | {
            "ceiling": _ceiling(rows, pairs),
            "domains": _by(pairs, [row.domain for row in pairs.rows]),
            "rank_distance": _by(pairs, pairs.distance),
            "margins": _margin_bins(pairs),
            "best_of_n": best_of_n(rows, scores),
        }
    if axes:
        found["axes"] = [
            {"name": one.name, "weight": one.weight}
            | _on_pairs(one.rows, one.scores, _Pairs(one.rows, one.scores), log_odds=True)
            for one in axes
        ]
    return found


def write_report(folder: Path, report: dict[str, Any]) -> list[Result]:
    """Write `<folder>/report.json` and return what of it stands in the manifest."""
    write_json(folder / REPORT, report)
    return report_results(report)


def _on_pairs(
    rows: Sequence[RankingRow], scores: Sequence[Sequence[float]], pairs: _Pairs, *, log_odds: bool
) -> dict[str, Any]:
    """How well these pairs are ordered, how surely, and what length has to do with it."""
    return {
        "n_prompts": len(set(pairs.prompts)),
        "n_pairs": len(pairs.correct),
        "accuracy": pairs.share(pairs.correct).as_dict(),
        **({"calibration": _calibration(pairs)} if log_odds else {}),
        "length": _length(rows, scores, pairs),
    }


class _Pairs:
    """All strict pairs of the rankings, as parallel arrays."""

    def __init__(self, rows: Sequence[RankingRow], scores: Sequence[Sequence[float]]) -> None:
        places = [(row, of, *pair) for row, of in zip(rows, scores, strict=True) for pair in row.pairs]
        self.rows = [row for row, *_ in places]
        self.prompts = [row.prompt_sha256 for row in self.rows]
        self.texts = [(row.completions[better], row.completions[worse]) for row, _, better, worse in places]
        self.distance = [row.ranks[worse] - row.ranks[better] for row, _, better, worse in places]
        self.margin = np.array([of[better] - of[worse] for _, of, better, worse in places], dtype=float)
        """Reward of the preferred one less that of the other, in log-odds."""
        self.correct = (np.sign(self.margin) + 1) / 2
        self.longer = np.array([len(better) - len(worse) for better, worse in self.texts])
        """Characters by which the preferred one is longer."""

    def share(self, values: NDArray, keep: NDArray | None = None) -> Estimate:
        """The mean of values in [0, 1], of the pairs to keep."""
        return self._mean(clustered_proportion, values, keep)

    def mean(self, values: NDArray, keep: NDArray | None = None) -> Estimate:
        """The mean of any values."""
        return self._mean(clustered_mean, values, keep)

    def _mean(self, estimate: Callable[..., Estimate], values: NDArray, keep: NDArray | None) -> Estimate:
        places = np.arange(len(values)) if keep is None else np.flatnonzero(keep)
        if not places.size:
            return undefined(NOTHING_COUNTED)
        return estimate(np.asarray(values, dtype=float)[places], [self.prompts[place] for place in places])


def _by(pairs: _Pairs, keys: Sequence[Any]) -> dict[str, Any]:
    keys = np.array([str(key) for key in keys])
    return {
        str(key): {
            "n_pairs": int((keys == key).sum()),
            "accuracy": pairs.share(pairs.correct, keys == key).as_dict(),
        }
        for key in np.unique(keys)
    }


def _margin_bins(pairs: _Pairs) -> list[dict[str, Any]]:
    distance = np.abs(pairs.margin)
    edges = np.unique(np.quantile(distance, np.linspace(0, 1, MARGIN_BINS + 1)))
    number = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, max(len(edges) - 2, 0))
    return [
        {
            "lo": float(edges[place]),
            "hi": float(edges[min(place + 1, len(edges) - 1)]),
            "n_pairs": int((number == place).sum()),
            "accuracy": pairs.share(pairs.correct, number == place).as_dict(),
        }
        for place in range(max(len(edges) - 1, 1))
        if (number == place).any()
    ]


def _ceiling(rows: Sequence[RankingRow], pairs: _Pairs) -> dict[str, Any]:
    """The annotators' agreement, and each against the others beside the reward on the same pairs."""
    votes: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    cases = [
        (f"{row.campaign}/{row.prompt_sha256}", better, worse)
        for row, (better, worse) in zip(pairs.rows, pairs.texts, strict=True)
    ]
    for case, row in zip(cases, pairs.rows, strict=True):
        votes[case].add(row.annotator)
    said = np.full(len(cases), np.nan)
    for number, ((prompt, better, worse), row) in enumerate(zip(cases, pairs.rows, strict=True)):
        others = votes[prompt, better, worse] - {row.annotator}
        against = votes.get((prompt, worse, better), set()) - {row.annotator}
        if others or against:
            said[number] = (np.sign(len(others) - len(against)) + 1) / 2
    shared = ~np.isnan(said)
    return {
        "agreement": agreement_on(rows).strict_agreement.as_dict(),
        "leave_one_out": pairs.share(said, shared).as_dict(),
        "accuracy_on_the_same": pairs.share(pairs.correct, shared).as_dict(),
        "n_pairs": int(shared.sum()),
    }


def _calibration(pairs: _Pairs) -> dict[str, Any]:
    confidence = 1 / (1 + np.exp(-np.abs(pairs.margin)))
    number = np.minimum(((confidence - 0.5) * 2 * BINS).astype(int), BINS - 1)
    codes = np.unique(pairs.prompts, return_inverse=True)[1]
    sums = np.zeros((codes.max() + 1, BINS))
    np.add.at(sums, (codes, number), pairs.correct - confidence)
    chance = np.exp(-np.logaddexp(0, -pairs.margin))
    return {
        "bins": [
            {
                "lo": 0.5 + place / (2 * BINS),
                "hi": 0.5 + (place + 1) / (2 * BINS),
                "n_pairs": int((number == place).sum()),
                "confidence": float(confidence[number == place].mean()),
                "accuracy": pairs.share(pairs.correct, number == place).as_dict(),
            }
            for place in range(BINS)
            if (number == place).any()
        ],
        "ece": _ece(sums, np.bincount(codes)).as_dict(),
        "nll": pairs.mean(np.logaddexp(0, -pairs.margin)).as_dict(),
        "brier": pairs.share((1 - chance) ** 2).as_dict(),
    }


def _ece(sums: NDArray, counts: NDArray) -> Estimate:
    """Of (prompts, bins) sums of correct - confidence and (prompts,) pairs: the value and a percentile interval."""
    prompts = len(counts)
    value = float(np.abs(sums.sum(axis=0)).sum() / counts.sum())
    if prompts < 2:
        return Estimate(value, None, None, prompts, ONE_CLUSTER)
    drawn = np.random.default_rng(0).multinomial(prompts, np.full(prompts, 1 / prompts), size=RESAMPLES)
    found = np.abs(drawn @ sums).sum(axis=1) / (drawn @ counts)
    lo, hi = np.quantile(found, [0.025, 0.975])
    return Estimate(value, min(value, float(lo)), max(value, float(hi)), prompts)


def _length(rows: Sequence[RankingRow], scores: Sequence[Sequence[float]], pairs: _Pairs) -> dict[str, Any]:
    longer, shorter = pairs.longer > 0, pairs.longer < 0
    longest = np.array([max(len(better), len(worse), 1) for better, worse in pairs.texts])
    alike = np.abs(pairs.longer) <= ALIKE * longest
    where_longer, where_shorter = (pairs.share(pairs.correct, side) for side in (longer, shorter))
    return {
        "correlation": length_correlation(rows, scores).as_dict(),
        "longer_preferred": pairs.share(longer, longer | shorter).as_dict(),
        "accuracy_where_longer": where_longer.as_dict(),
        "accuracy_where_shorter": where_shorter.as_dict(),
        "length_balanced": _balanced(pairs, longer, shorter).as_dict(),
        "equal_length": pairs.share(pairs.correct, alike).as_dict(),
        "n_equal_length": int(alike.sum()),
    }


def _balanced(pairs: _Pairs, longer: NDArray, shorter: NDArray) -> Estimate:
    """The mean of the accuracy where the longer, and where the shorter one is preferred; linearised by prompt."""
    if not longer.any() or not shorter.any():
        return undefined(NOTHING_COUNTED)
    means = [pairs.correct[side].mean() for side in (longer, shorter)]
    error = np.zeros(len(pairs.correct))
    for side, mean in zip((longer, shorter), means, strict=True):
        error[side] = (pairs.correct[side] - mean) / (2 * side.sum())
    differ = longer | shorter
    codes = np.unique(np.array(pairs.prompts)[differ], return_inverse=True)[1]
    by_prompt = np.bincount(codes, error[differ])
    value, groups = float(np.mean(means)), len(by_prompt)
    if groups < 2:
        return Estimate(value, None, None, groups, ONE_CLUSTER)
    half = student_t_quantile(groups - 1) * math.sqrt(groups / (groups - 1) * float(by_prompt @ by_prompt))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), groups)


def length_correlation(rows: Sequence[RankingRow], scores: Sequence[Sequence[float]]) -> Estimate:
    """Pearson's r of reward and characters, both less their mean over the prompt's different completions."""
    known: dict[str, dict[str, float]] = defaultdict(dict)
    for row, of in zip(rows, scores, strict=True):
        known[row.prompt_sha256].update(zip(row.completions, of, strict=True))
    sums = []  # of each prompt: of squares of rewards, of squares of lengths, of their products
    for found in known.values():
        reward, length = np.array(list(found.values())), np.array([len(text) for text in found], dtype=float)
        reward, length = reward - reward.mean(), length - length.mean()
        sums.append([reward @ reward, length @ length, reward @ length])
    table = np.array(sums)
    total = table.sum(axis=0)
    if min(total[:2]) <= 1e-12:
        return undefined(CONSTANT, len(table))
    value = float(total[2] / math.sqrt(total[0] * total[1]))
    left = total - table
    usable = (left[:, :2] > 1e-12).all()
    if len(table) < 3 or not usable or abs(value) > 1 - 1e-9:
        return Estimate(value, None, None, len(table), ONE_CLUSTER)
    without = np.arctanh(np.clip(left[:, 2] / np.sqrt(left[:, 0] * left[:, 1]), -1 + 1e-12, 1 - 1e-12))
    n = len(table)
    half = student_t_quantile(n - 1) * math.sqrt((n - 1) / n * float(np.square(without - without.mean()).sum()))
    return Estimate(value, math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half), n)


def best_of_n(rows: Sequence[RankingRow], scores: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """How good the best of n of a prompt's completions is, for n from 1 to the largest K; see the module."""
    prompts: dict[tuple[str, tuple[str, ...]], list[tuple[list[float], Sequence[float]]]] = defaultdict(list)
    for row, of in zip(rows, scores, strict=True):
        order = sorted(range(len(row.completions)), key=lambda place: row.completions[place])
        worth = _beaten([-rank for rank in row.ranks])
        texts = tuple(row.completions[place] for place in order)
        prompts[row.prompt_sha256, texts].append(([worth[place] for place in order], [of[place] for place in order]))
    curve = []
    for n in range(1, max(len(row.completions) for row in rows) + 1):
        found: dict[str, list[float]] = {"reward": [], "longer": [], "oracle": []}
        clusters = []
        for (prompt, texts), judged in prompts.items():
            if len(texts) < n:
                continue
            worth = np.mean([one for one, _ in judged], axis=0)
            for name, chosen_by in (
                ("reward", judged[0][1]),
                ("longer", [len(text) for text in texts]),
                ("oracle", worth),
            ):
                found[name].append(expected_best(worth, chosen_by, n))
            clusters.append(prompt)
        estimates = {name: _clipped(clustered_mean(values, clusters)).as_dict() for name, values in found.items()}
        curve.append({"n": n, **estimates})
    return curve


def _clipped(found: Estimate) -> Estimate:
    """A share's interval inside [0, 1]; where all prompts are alike, as at n = 1, it has no width."""
    if found.lo is None:
        return found
    return replace(found, lo=max(0.0, found.lo), hi=min(1.0, found.hi))


def _beaten(values: Sequence[float]) -> list[float]:
    """Of each value the share of the others that are below it, ties half."""
    others = max(len(values) - 1, 1)
    return [
        (sum(other < value for other in values) + (sum(other == value for other in values) - 1) / 2) / others
        for value in values
    ]


def expected_best(worth: Sequence[float], chosen_by: Sequence[float], n: int) -> float:
    """The mean worth of what has the highest `chosen_by` among n of K drawn without replacement, over all draws.

    Among equals the choice is by chance.
    """
    worth, chosen_by = np.asarray(worth, dtype=float), np.asarray(chosen_by, dtype=float)
    order = np.argsort(chosen_by, kind="stable")
    ordered = chosen_by[order]
    # Equals take any of their places alike, so each of the places is worth what they are on average.
    means = [worth[order][ordered == value].mean() for value in ordered]
    draws = math.comb(len(worth), n)
    return float(sum(math.comb(place, n - 1) * mean for place, mean in enumerate(means)) / draws)


def report_results(report: dict[str, Any]) -> list[Result]:
    """The figures of a report that stand in the manifest; what is undefined is left out."""
    listed = _of_pairs("reward", report) if report["n_rankings"] else []
    if ceiling := report.get("ceiling"):
        of_ceiling = f"{ceiling['n_pairs']} strict pairs that others judged, too; n and interval are over prompts"
        meetings = "n counts pairs on which two annotators had a preference"
        listed += [
            ("agreement", "annotators", ceiling["agreement"], meetings),
            ("leave_one_out", "annotators", ceiling["leave_one_out"], of_ceiling),
            ("leave_one_out", "reward", ceiling["accuracy_on_the_same"], of_ceiling),
        ]
    for axis in report.get("axes", []):
        listed += _of_pairs(axis["name"], axis)
    return [
        Result(
            name=f"{report['split']}_{name}",
            subject=subject,
            value=found["value"],
            lo=found["lo"],
            hi=found["hi"],
            n=found["n"],
            note=said if found["lo"] is not None else f"{said}; {found['reason']}",
        )
        for name, subject, found, said in listed
        if found["value"] is not None
    ]


def _of_pairs(subject: str, part: dict[str, Any]) -> list[tuple[str, str, dict[str, Any], str]]:
    """(name, subject, estimate, note) of the reward, or of one axis."""
    note = f"{part['n_pairs']} strict pairs; n and interval are over prompts"
    calibration, length = part.get("calibration"), part["length"]
    of_equals = f"{length['n_equal_length']} strict pairs; n and interval are over prompts"
    listed = [
        ("length_correlation", subject, length["correlation"], "n and interval are over prompts"),
        ("length_balanced", subject, length["length_balanced"], note),
        ("equal_length", subject, length["equal_length"], of_equals),
    ]
    if calibration:
        listed += [
            ("ece", subject, calibration["ece"], f"{note}; interval by resampling prompts"),
            ("brier", subject, calibration["brier"], note),
        ]
    return listed
