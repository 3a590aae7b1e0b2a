"""How well annotators who lean are found, whether the intervals hold, and what a million judgements cost.

1. 200 annotators with known tastes judge 20, 50, 100 and 300 pairs each: correlation of the length coefficient with
   the truth, AUC for the top tenth of length-lovers, coverage of the 95 % intervals of people and of the pool.
2. A pool whose shared taste for length grows, c = 0 to 3: alpha, accuracy on known answers, and whether the audit says
   that agreement cannot tell.
3. Rankings of K texts, whose comparisons are dependent: coverage with and without `ranking_weight`.
4. 4 coefficients x 1,000 annotators on 1,000,000 judgements: CPU seconds, compiled beforehand.

Run: ./run bench bias [--seeds 20] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import combinations

import numpy as np

from annotate.quality.agreement import ranking_agreement
from annotate.quality.bias import Bias, annotator_bias, ranking_weight
from annotate.quality.intervals import clustered_proportion
from annotate.quality.shared_bias import shared_bias_warning
from annotate.quality.table import RankingTable
from tests.quality.biased import Crowd, area_under_curve, crowd, judge, top_tenth

EACH = (20, 50, 100, 300)
TASTES = (0.0, 1.0, 2.0, 3.0)
COEFFICIENTS = ("quality", "length", "lists", "position")
POOL = (1.0, 0.3, 0.2, 0.0)


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when length-lovers are found as promised (AUC >= .94 at 100 judgements each)."""
    parser = argparse.ArgumentParser(prog="./run bench bias", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="simulated pools per row (default: 20)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    found = {
        "found": [recovery(each, arguments.seeds) for each in EACH],
        "planted": [planted(taste, arguments.seeds) for taste in TASTES],
        "rankings": [rankings(k, arguments.seeds) for k in (2, 4, 7)],
        "million": million(),
    }
    found["holds"] = found["found"][EACH.index(100)]["auc_top_tenth"] >= 0.94
    _print(found)
    if arguments.json:
        print(json.dumps({"benchmark": "bias", "seeds": arguments.seeds, **found}))
    return 0 if found["holds"] else 1


def recovery(each: int, seeds: int) -> dict:
    """Means over seeds at so many judgements for each annotator."""
    rows = []
    for seed in range(seeds):
        drawn = judge(seed=seed, each=each)
        bias = annotator_bias(**drawn.columns)
        length = values(bias, "length")
        rows.append(
            {
                "r": float(np.corrcoef(length, drawn.truth[:, 1])[0, 1]),
                "auc_top_tenth": area_under_curve(length, top_tenth(drawn.truth[:, 1])),
                "coverage": coverage(bias, drawn.truth),
                "pool_coverage": pool_coverage(bias),
                "pool_length": bias.pool["length"].value,
                "cpu_s": _cpu(drawn.columns),
            }
        )
    return {"judgements": each, **{name: float(np.mean([row[name] for row in rows])) for name in rows[0]}}


def values(bias: Bias, name: str) -> np.ndarray:
    """(A,) a coefficient of everybody."""
    return np.array([found.value for found in bias.annotators[name]])


def coverage(bias: Bias, truth: np.ndarray) -> float:
    """The share of people's intervals that hold the truth, over all coefficients."""
    held = [
        [found.lo <= true <= found.hi for found, true in zip(bias.annotators[name], truth[:, at], strict=True)]
        for at, name in enumerate(COEFFICIENTS)
    ]
    return float(np.mean(held))


def pool_coverage(bias: Bias) -> float:
    """The share of the pool's intervals that hold what the pool was drawn around."""
    return float(
        np.mean(
            [bias.pool[name].lo <= true <= bias.pool[name].hi for name, true in zip(COEFFICIENTS, POOL, strict=True)]
        )
    )


def planted(taste: float, seeds: int) -> dict:
    """A pool with a shared taste: what agreement says, what known answers say, and how often the audit warns."""
    rows = [audit(crowd(taste=taste, seed=seed)) for seed in range(seeds)]
    return {"taste": taste, **{name: float(np.mean([row[name] for row in rows])) for name in rows[0]}}


def audit(drawn: Crowd) -> dict:
    """The figures of an audit of such a pool, as pages would show them."""
    columns = (drawn.annotators, drawn.left_preferred, drawn.length[drawn.pairs][:, None])
    bias = annotator_bias(*columns, names=["length"])
    informed = annotator_bias(*columns, names=["length"], quality=drawn.quality[drawn.pairs])
    agreement = ranking_agreement(as_rankings(drawn)).alpha
    accuracy = clustered_proportion(drawn.right, list(drawn.annotators))
    lovers = np.arange(values(bias, "length").size) < 20
    return {
        "alpha": agreement.value,
        "accuracy": accuracy.value,
        "pool_length": bias.pool["length"].value,
        "auc_lovers": area_under_curve(values(bias, "length"), lovers),
        "auc_lovers_with_quality": area_under_curve(values(informed, "length"), lovers),
        "warns": bool(shared_bias_warning(bias.pool, agreement, accuracy)),
    }


def as_rankings(drawn: Crowd) -> RankingTable:
    """The same judgements as rankings of two."""
    first = np.where(drawn.left_preferred > 0.5, 1, 2)
    both = np.ones(drawn.pairs.size, int)
    return RankingTable.from_arrays(
        np.tile(drawn.pairs, 2),
        np.tile(drawn.annotators, 2),
        np.concatenate([both * 0, both]),
        np.concatenate([first, 3 - first]),
    )


def rankings(k: int, seeds: int) -> dict:
    """Coverage of people's intervals from 60 rankings of `k` each by 100 people, plain and weighted."""
    plain, weighted = [], []
    for seed in range(seeds):
        annotators, left, features, truth = _ranked(k, seed)
        for weight, held in ((1.0, plain), (ranking_weight(k), weighted)):
            bias = annotator_bias(annotators, left, features, weights=np.full(left.size, weight))
            found = [
                [
                    one.lo <= t <= one.hi
                    for one, t in zip(bias.annotators[f"feature_{at + 1}"], truth[:, at], strict=True)
                ]
                for at in range(3)
            ]
            held.append(np.mean(found))
    return {"k": k, "coverage_plain": float(np.mean(plain)), "coverage_weighted": float(np.mean(weighted))}


def _ranked(k: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    truth = np.array([1.0, 0.5, 0.2]) + rng.normal(size=(100, 3)) * (0.3, 0.5, 0.3)
    who = np.repeat(np.arange(100), 60)
    texts = rng.normal(size=(who.size, k, 3))
    liked = (texts * truth[who][:, None]).sum(axis=2) + rng.gumbel(size=(who.size, k))
    pairs = [(i, j) if rng.random() < 0.5 else (j, i) for i, j in combinations(range(k), 2)]
    left = [(liked[:, i] > liked[:, j]).astype(float) for i, j in pairs]
    features = [texts[:, i] - texts[:, j] for i, j in pairs]
    return np.tile(who, len(pairs)), np.concatenate(left), np.concatenate(features), truth


def million() -> dict:
    """4 coefficients (with quality, lists and position) x 1,000 annotators on 1,000,000 judgements."""
    drawn = judge(seed=0, people=1000, each=1000)
    seconds = [_cpu(drawn.columns) for _ in range(3)]
    return {"judgements": 1_000_000, "annotators": 1000, "coefficients": 4, "cpu_s": min(seconds)}


def _cpu(columns: dict) -> float:
    started = time.process_time()
    annotator_bias(**columns)
    return time.process_time() - started


def _print(found: dict) -> None:
    print("judgements each    r    AUC top tenth   coverage people / pool   pool's length (0.30)   CPU s")
    for row in found["found"]:
        print(
            f"{row['judgements']:>15} {row['r']:>6.3f} {row['auc_top_tenth']:>12.3f} {row['coverage']:>15.3f}"
            f" / {row['pool_coverage']:.3f} {row['pool_length']:>18.3f} {row['cpu_s']:>15.3f}"
        )
    print("\nshared taste   alpha   accuracy   pool's length   AUC of the lovers   with quality   audit warns")
    for row in found["planted"]:
        print(
            f"{row['taste']:>12} {row['alpha']:>7.3f} {row['accuracy']:>10.3f} {row['pool_length']:>15.2f}"
            f" {row['auc_lovers']:>19.3f} {row['auc_lovers_with_quality']:>14.3f} {row['warns']:>13.0%}"
        )
    print("\nK of rankings   coverage plain   weighted 3/(K+1)")
    for row in found["rankings"]:
        print(f"{row['k']:>13} {row['coverage_plain']:>16.3f} {row['coverage_weighted']:>18.3f}")
    print(f"\n1,000,000 judgements, 1,000 annotators, 4 coefficients: {found['million']['cpu_s']:.2f} CPU s")


if __name__ == "__main__":
    raise SystemExit(main())
