"""What the export's weights are worth: a reward model trained on weighted comparisons against one on unweighted ones.

    ./run bench weights [--seeds 20] [--json]

Planted noise: 60 annotators rank 1,500 tasks of four completions, three of them each task. A quarter choose nearly at
random; the others differ in skill (Gumbel noise, so that a ranking is Plackett and Luce's; log-normal slopes). Each has
ranked eight gold tasks. From these and the rankings the product's own code makes weights and posteriors; a linear
Bradley-Terry reward model is fitted to each kind of export, and its error is the share of held-out pairs that it puts
in the wrong order (the truth is known, so of all pairs there can be). The interval is over seeds: each draws people,
tasks and truth anew.

| export | what is learnt from |
|---|---|
| unweighted | one row for each annotator-pair |
| weighted | the same rows with the snapshot's weights |
| posterior | one row for each pair, with the soft posterior as its target |
| majority | one row for each pair: what most say |
| true accuracy | as weighted, had gold been without end |
"""

import argparse
import json
import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from annotate.quality.gold_accuracy import gold_accuracy
from annotate.quality.intervals import student_t_quantile
from annotate.quality.weights import effective_trials
from training.weighing import Votes

K = 4
ONE, OTHER = np.array(list(combinations(range(K), 2))).T
ARMS = ("unweighted", "weighted", "posterior", "majority", "true accuracy")
TARGET = 0.15
RIDGE = 1.0


@dataclass(frozen=True)
class Scale:
    """How large the simulated campaign is."""

    tasks: int = 1500
    overlap: int = 3
    annotators: int = 60
    guessing: float = 0.25
    gold: int = 8
    features: int = 32


@dataclass(frozen=True, eq=False)
class Campaign:
    """Judged tasks with what is known of them and of the people."""

    truth: NDArray
    features: NDArray
    """(tasks, K, features)"""
    who: NDArray
    """(tasks, overlap) annotators."""
    ranks: NDArray
    """(tasks, overlap, K)"""
    gold: NDArray
    """(annotators, gold) share of each gold ranking's pairs that are right."""
    slopes: NDArray
    """(annotators,)"""


def simulate(seed: int, scale: Scale) -> Campaign:
    """A campaign with planted noise."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=scale.features)
    truth /= np.linalg.norm(truth)
    slopes = 2.0 * np.exp(0.5 * rng.normal(size=scale.annotators) - 0.125)
    slopes[rng.permutation(scale.annotators)[: round(scale.guessing * scale.annotators)]] = 0.1
    features = rng.normal(size=(scale.tasks, K, scale.features))
    who = rng.random((scale.tasks, scale.annotators)).argsort(axis=1)[:, : scale.overlap]
    ranks = _rank(rng, (features @ truth)[:, None], slopes[who])
    known = rng.normal(size=(scale.annotators, scale.gold, K))
    said = _rank(rng, known, np.repeat(slopes[:, None], scale.gold, axis=1))
    right = (said[..., ONE] < said[..., OTHER]) == (known[..., ONE] > known[..., OTHER])
    return Campaign(truth, features, who, ranks, right.mean(axis=-1), slopes)


def _rank(rng: np.random.Generator, quality: NDArray, slopes: NDArray) -> NDArray:
    """(..., K) ranks, 1 = best, by people who see slope * quality + Gumbel noise."""
    seen = slopes[..., None] * quality + rng.gumbel(size=(*slopes.shape, K))
    return (-seen).argsort(axis=-1).argsort(axis=-1) + 1


def errors(campaign: Campaign) -> dict[str, float]:
    """The held-out error of the model that each export teaches."""
    votes = _votes(campaign, _shrunk(campaign))
    ideal = _votes(campaign, dict(enumerate(_true_accuracy(campaign.slopes))))
    differences = campaign.features[:, ONE] - campaign.features[:, OTHER]
    sign = np.sign(campaign.ranks[..., OTHER] - campaign.ranks[..., ONE])
    rows = (differences[:, None] * sign[..., None]).reshape(-1, campaign.truth.size)
    each = differences.reshape(-1, campaign.truth.size)
    chance = expit(votes.weights.scale * votes.margin)
    majority = np.sign(sign.sum(axis=1)).ravel()
    weights = {"weighted": votes, "true accuracy": ideal}
    pairs = math.comb(K, 2)
    models = {
        "unweighted": fit(rows, np.ones(len(rows))),
        **{arm: fit(rows, np.repeat(of.weights.weight[campaign.who], pairs)) for arm, of in weights.items()},
        "posterior": fit(np.concatenate([each, -each]), np.concatenate([chance, 1 - chance])),
        "majority": fit(each * majority[:, None], np.abs(majority)),
    }
    return {arm: held_out_error(models[arm], campaign.truth) for arm in ARMS}


def held_out_error(model: NDArray, truth: NDArray) -> float:
    """The share of all pairs that the model puts in the wrong order: its angle to the truth over pi, as no direction of
    the features is likelier than another."""
    return math.acos(model @ truth / np.linalg.norm(model) / np.linalg.norm(truth)) / math.pi


def _shrunk(campaign: Campaign) -> dict[int, float]:
    """Each annotator's accuracy by their gold, as a snapshot has it."""
    people, n = campaign.gold.shape
    right, trials = effective_trials(campaign.gold.ravel(), np.repeat(np.arange(people), n), math.comb(K, 2))
    return {one: found.value for one, found in enumerate(gold_accuracy(right, trials))}


def _true_accuracy(slopes: NDArray) -> list[float]:
    """How often somebody of this slope is right about a pair, over pairs like the campaign's."""
    apart = np.abs(np.random.default_rng(0).normal(scale=math.sqrt(2), size=20_000))
    return [float(expit(slope * apart).mean()) for slope in slopes]


def _votes(campaign: Campaign, accuracy: dict[int, float]) -> Votes:
    """The campaign's votes as the export counts them."""
    task, place, completion = np.indices(campaign.ranks.shape)
    judgement = task * campaign.who.shape[1] + place
    who = np.broadcast_to(campaign.who[..., None], campaign.ranks.shape)
    columns = (judgement, who, task, completion, campaign.ranks)
    return Votes.of(np.stack([column.ravel() for column in columns], axis=1), accuracy)


def fit(rows: NDArray, weights: NDArray) -> NDArray:
    """(features,) that maximise sum of weight * log sigmoid(row @ model), less RIDGE/2 of its square: Newton."""
    model = np.zeros(rows.shape[1])
    for _ in range(30):
        wrong = expit(-(rows @ model))
        slope = rows.T @ (weights * wrong) - RIDGE * model
        curvature = (rows * (weights * wrong * (1 - wrong))[:, None]).T @ rows + RIDGE * np.eye(rows.shape[1])
        step = np.linalg.solve(curvature, slope)
        model += step
        if np.abs(step).max() < 1e-8:
            break
    return model


def compare(seeds: int, scale: Scale) -> dict:
    """Errors of every export over seeds, and how much lower each is than the unweighted one's, with 95 % intervals."""
    found = [errors(simulate(seed, scale)) for seed in range(seeds)]
    lower = {arm: _interval([1 - one[arm] / one["unweighted"] for one in found]) for arm in ARMS[1:]}
    return {"seeds": seeds, "error": {arm: _interval([one[arm] for one in found]) for arm in ARMS}, "lower": lower}


def _interval(values: list[float]) -> dict[str, float]:
    mean, half = float(np.mean(values)), student_t_quantile(len(values) - 1) * float(np.std(values, ddof=1))
    half /= math.sqrt(len(values))
    return {"mean": mean, "lo": mean - half, "hi": mean + half}


def _shown(one: dict[str, float]) -> str:
    return f"{one['mean']:.2%} [{one['lo']:.2%}, {one['hi']:.2%}]"


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when the weighted export's error is at least 15 % lower, 1 when it is not."""
    parser = argparse.ArgumentParser(prog="./run bench weights", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many worlds (default: 20)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    found = compare(max(arguments.seeds, 2), Scale())
    print(f"{'export':<16}{'held-out error':<28}lower than unweighted (mean and 95 % interval, {found['seeds']} seeds)")
    for arm in ARMS:
        lower = found["lower"].get(arm)
        print(f"{arm:<16}{_shown(found['error'][arm]):<28}{_shown(lower) if lower else ''}")
    passed = found["lower"]["weighted"]["mean"] >= TARGET
    print(f"\nThe weighted export's error is {'' if passed else 'NOT '}at least {TARGET:.0%} lower.")
    if arguments.json:
        print(json.dumps({"benchmark": "weights", "passed": passed, **found}))
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
