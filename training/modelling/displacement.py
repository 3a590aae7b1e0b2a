"""Likelihood displacement: DPO can make the preferred answers less likely, and its loss does not show it.

**Before training.** Razin et al. 2024 (arXiv 2410.08847) show that what pushes the preferred answer y+ down is how
alike its hidden embeddings are to those of the other answer y-. With h_k the last hidden state (what the head reads)
from which token k of an answer to x is predicted, their centered hidden embedding similarity is (definition 2)

    CHES(y+, y-) = < sum_k h_k(y+), sum_k h_k(y-) > - | sum_k h_k(y+) |^2

and its length-normalised variant, by which they filter data, takes the mean of each instead of the sum:

    CHES'(y+, y-) = < mean_k h_k(y+), mean_k h_k(y-) > - | mean_k h_k(y+) |^2

The higher, the more y+ is expected to fall. Both follow from the K x K inner products of a ranking's sums, which the
pass that computes the reference's log-probabilities yields along the way. |y| counts the end token. The scale of either
is the model's own: scores of different models are not comparable, only the order within one.

**While training.** `Alarm` watches the preferred answers' log-probability apart from the rejected ones'.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from annotate.quality.intervals import clustered_proportion
from training.modelling.artifacts import Result
from training.modelling.errors import RecipeError
from training.modelling.rankings import EncodedRanking
from training.modelling.snapshots import RankingRow

CHES_FILE = "ches.json"
REPORTED_SHARES = (0.05, 0.1, 0.25, 0.5)
"""Shares of the pairs of which the report says what leaving them out would drop, whatever is asked for."""
EXAMPLES = 20
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
WATCHED_PAIRS = 256
"""Strict pairs, the latest ones, over whose mean the alarm judges: one step of a small batch says little."""
REMEDY = "set 'nll' to 1 or 'ches_drop' to 0.25, lower 'lr'"
"""What helps preferred answers that fall in DPO."""


@dataclass(frozen=True)
class ScoredPair:
    """A strict pair of a ranking, and how much its preferred completion is expected to fall."""

    ranking: int
    """Which of the rankings."""
    better: int
    worse: int
    """Which of the ranking's completions."""
    score: float


def ches_matrix(products: torch.Tensor, tokens: torch.Tensor, *, normalised: bool) -> torch.Tensor:
    """CHES of every pair of K completions, [K, K] float64: row = preferred, column = rejected.

    `products` is [K, K]: the inner products of the completions' summed hidden states; `tokens` is [K].
    """
    products = products.double()
    if normalised:
        products = products / (tokens[:, None] * tokens[None]).double()
    return products - products.diagonal()[:, None]


def score_pairs(
    rankings: Sequence[EncodedRanking], products: Sequence[torch.Tensor], *, normalised: bool
) -> list[ScoredPair]:
    """Score the strict pairs of rankings; `products` has the inner products of each, as for `ches_matrix`.

    What is not finite is left out: a model that is damaged is found out by its loss.
    """
    scored = []
    for number, (ranking, of) in enumerate(zip(rankings, products, strict=True)):
        tokens = torch.tensor([len(completion) for completion in ranking.completions])
        scores = ches_matrix(of, tokens, normalised=normalised).tolist()
        for better, worse in ranking.pairs:
            if math.isfinite(scores[better][worse]):
                scored.append(ScoredPair(number, better, worse, scores[better][worse]))
    return scored


def highest(pairs: Sequence[ScoredPair], share: float) -> list[ScoredPair]:
    """The `share` of the pairs with the highest scores, highest first, rounded down; of equals the first ones."""
    return sorted(pairs, key=lambda pair: -pair.score)[: int(share * len(pairs) + 1e-9)]


def ches_report(
    rows: Sequence[RankingRow], pairs: Sequence[ScoredPair], *, share: float, normalised: bool
) -> dict[str, Any]:
    """What is known of the scores of the train split, and what leaving out the highest ones drops, as JSON.

    * score: which of the two; quantiles: {"0.5": median, ...} over pairs; n_pairs; n_prompts
    * left_out: what was left out, and would_leave_out: [what any of REPORTED_SHARES would]; each is
      {share, n_pairs, threshold: the lowest score among them, domains: {domain: {n_pairs, left_out, share: Estimate}},
      rank_distance: {ranks between the two: the same}}; intervals are by prompt
    * examples: the highest, {prompt_sha256, judgement, domain, better, worse: places in `completions`, score, ranks}
    """
    scores = np.array([pair.score for pair in pairs])
    points = np.quantile(scores, QUANTILES) if len(pairs) else []
    return {
        "score": "length-normalised CHES" if normalised else "CHES",
        "n_pairs": len(pairs),
        "n_prompts": len({rows[pair.ranking].prompt_sha256 for pair in pairs}),
        "quantiles": {str(q): float(point) for q, point in zip(QUANTILES, points, strict=False)},
        "left_out": _left_out(rows, pairs, share),
        "would_leave_out": [_left_out(rows, pairs, each) for each in REPORTED_SHARES],
        "examples": [_example(rows[pair.ranking], pair) for pair in highest(pairs, 1.0)[:EXAMPLES]],
    }


def _left_out(rows: Sequence[RankingRow], pairs: Sequence[ScoredPair], share: float) -> dict[str, Any]:
    found = highest(pairs, share)
    gone = {(pair.ranking, pair.better, pair.worse) for pair in found}
    by_domain, by_distance = defaultdict(list), defaultdict(list)
    for pair in pairs:
        row = rows[pair.ranking]
        case = (float((pair.ranking, pair.better, pair.worse) in gone), row.prompt_sha256)
        by_domain[row.domain].append(case)
        by_distance[row.ranks[pair.worse] - row.ranks[pair.better]].append(case)
    return {
        "share": share,
        "n_pairs": len(found),
        "threshold": found[-1].score if found else None,
        "domains": {domain: _share_of(cases) for domain, cases in sorted(by_domain.items())},
        "rank_distance": {str(distance): _share_of(cases) for distance, cases in sorted(by_distance.items())},
    }


def _share_of(cases: Sequence[tuple[float, str]]) -> dict[str, Any]:
    dropped, prompts = zip(*cases, strict=True)
    share = clustered_proportion(dropped, prompts).as_dict()
    return {"n_pairs": len(cases), "left_out": int(sum(dropped)), "share": share}


def _example(row: RankingRow, pair: ScoredPair) -> dict[str, Any]:
    return {
        "prompt_sha256": row.prompt_sha256,
        "judgement": row.judgement,
        "domain": row.domain,
        "better": pair.better,
        "worse": pair.worse,
        "ranks": [row.ranks[pair.better], row.ranks[pair.worse]],
        "score": pair.score,
    }


def ches_results(
    rows: Sequence[RankingRow], pairs: Sequence[ScoredPair], dropped: Sequence[ScoredPair]
) -> list[Result]:
    """How many of the train split's pairs were left out, as the manifest says it."""
    if not dropped:
        return []
    gone = {(pair.ranking, pair.better, pair.worse) for pair in dropped}
    cases = [float((pair.ranking, pair.better, pair.worse) in gone) for pair in pairs]
    prompts = [rows[pair.ranking].prompt_sha256 for pair in pairs]
    found = clustered_proportion(cases, prompts)
    note = f"{len(dropped)} of {len(pairs)} strict pairs, those with the highest scores; {CHES_FILE} says which"
    return [
        Result(name="ches_left_out", subject="pairs", value=found.value, lo=found.lo, hi=found.hi, n=found.n, note=note)
    ]


class Alarm:
    """Rings when the preferred completions lose more than `threshold` nats a token against the reference.

    Judged over the latest `WATCHED_PAIRS` strict pairs, once there are so many. With `stops` it ends the run, and says
    what to do about it: `remedy`. `of` is what it counts, where that is not pairs.
    """

    def __init__(self, threshold: float, *, stops: bool, remedy: str = REMEDY, of: str = "pairs") -> None:
        self.threshold = threshold
        self.stops = stops
        self.remedy = remedy
        self.of = of
        self.lowest: float | None = None
        """The lowest mean so far, in nats a token."""
        self.rang_after: int | None = None
        """How many pairs had been seen when it rang first."""
        self._seen = 0
        self._latest: deque[float] = deque(maxlen=WATCHED_PAIRS)

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {
            "lowest": self.lowest,
            "rang_after": self.rang_after,
            "seen": self._seen,
            "latest": list(self._latest),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self.lowest, self.rang_after, self._seen = state["lowest"], state["rang_after"], state["seen"]
        self._latest = deque(state["latest"], maxlen=WATCHED_PAIRS)

    def watch(self, shifts: Iterable[float]) -> bool:
        """Take note of what some preferred completions have moved, in nats a token; says whether it rings now.

        Raises RecipeError when it rings and `stops`.
        """
        shifts = list(shifts)
        self._latest.extend(shifts)
        self._seen += len(shifts)
        if len(self._latest) < WATCHED_PAIRS:
            return False
        mean = float(np.mean(self._latest))
        self.lowest = mean if self.lowest is None else min(self.lowest, mean)
        rings = mean < -self.threshold
        if rings and self.rang_after is None:
            self.rang_after = self._seen
        if rings and self.stops:
            raise RecipeError(
                f"The preferred answers have become less likely by {-mean:.3f} nats a token, more than the"
                f" {self.threshold:g} of the field 'alarm'; {self.remedy}, or set 'alarm_stops' to false."
            )
        return rings

    def results(self, subject: str) -> list[Result]:
        """What it saw, for the manifest; nothing where there were too few pairs to judge."""
        if self.lowest is None:
            return []
        when = "it did not ring" if self.rang_after is None else f"it rang first after {self.rang_after} {self.of}"
        mean = f"lowest mean of {WATCHED_PAIRS} {self.of} in a row while training"
        note = f"{mean}; the alarm is at -{self.threshold:g}: {when}"
        return [
            Result(
                name="lowest_chosen_shift",
                subject=subject,
                against="reference",
                value=self.lowest,
                n=self._seen,
                unit="nats/token",
                note=f"{note}; n counts {self.of}, as often as learnt; no interval, as it is a lowest value",
            )
        ]
