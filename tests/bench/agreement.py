"""Agreement, truth and scores of a million judgements, beside the packages that do a part of the same.

    ./run bench agreement [--judgements 1000000] [--rounds 5] [--json]

CPU milliseconds of one thread, medians of interleaved rounds; columns are whole numbers and a table is made before the
clock starts. Ours are all measures, each with its interval. What a library does of it:

| library | its job here |
|---|---|
| krippendorff | nominal alpha alone, from counts that one adds up oneself: no interval |
| irrCAC | Gwet's AC1 with its interval, from a DataFrame of items x 4 |
| crowd-kit | Dawid-Skene: labels; its own rule of when to stop |
| choix | Bradley-Terry without ties and intervals, from a matrix of wins (numpy's bincount included) |
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import choix
import krippendorff
import numpy as np
import pandas
from crowdkit.aggregation import DawidSkene
from irrCAC.raw import CAC

from annotate.quality.agreement import ranking_agreement
from annotate.quality.dawid_skene import dawid_skene
from annotate.quality.scores import bradley_terry
from annotate.quality.table import RankingTable
from annotate.quality.value_agreement import value_agreement
from annotate.quality.values import ValueTable

OVERLAP, ANNOTATORS, MODELS = 4, 1_000, 200
DOMAINS, VERSIONS, WEEKS = 8, 4, 25
SIZES = (2, 3, 4, 5, 6)
"""Completions of a ranking; 3.75 on average."""
CHANCES = (0.2, 0.3, 0.2, 0.15, 0.15)
AIMS = {
    "all_measures_ms": 50,
    "slice_ms": 5,
    "rankings_ms": 100,
    "dawid_skene_s": 2,
    "bradley_terry_ms": 50,
    "style_control_ms": 250,
}


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when every aim is reached, else 1."""
    parser = argparse.ArgumentParser(prog="./run bench agreement", description=__doc__.split("\n")[0])
    parser.add_argument("--judgements", type=int, default=1_000_000, help="(default 1000000)")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement (default 5)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    options = parser.parse_args(argv)
    rng = np.random.default_rng(0)
    found = values(rng, options.judgements, options.rounds)
    found |= rankings(rng, options.judgements, options.rounds)
    found |= scores(rng, options.judgements, options.rounds)
    ratios = {
        "krippendorff": found["krippendorff_ms"] / found["all_measures_ms"],
        "irrCAC": found["irrcac_ms"] / found["all_measures_ms"],
        "crowd-kit": found["crowd_kit_s"] / found["dawid_skene_s"],
        "choix": found["choix_ms"] / found["bradley_terry_without_ties_ms"],
    }
    print(
        f"{options.judgements:,} judgements, {ANNOTATORS:,} annotators; CPU time, medians of {options.rounds} rounds\n"
    )
    for name, value in found.items():
        aim = f"   aim: at most {AIMS[name]}" if name in AIMS else ""
        print(f"{name:<32}{value:>10.2f}{aim}")
    print("\nTimes as long as ours: " + ", ".join(f"{name} {ratio:.1f}" for name, ratio in ratios.items()))
    if options.json:
        print(json.dumps({"benchmark": "agreement", **found, "ratios": ratios}))
    return 0 if all(found[name] <= aim for name, aim in AIMS.items()) else 1


def values(rng: np.random.Generator, n: int, rounds: int) -> dict[str, float]:
    """Labels of three classes, four an item."""
    items = n // OVERLAP
    item = np.repeat(np.arange(items), OVERLAP)
    annotator = several(rng, items)
    truth = rng.integers(0, 3, items)
    skill = rng.beta(6, 2, ANNOTATORS)
    said = np.where(rng.random(item.size) < skill[annotator], truth[item], rng.integers(0, 3, item.size))
    table = ValueTable.from_arrays(item, annotator, said)
    kept = one_slice(rng, items)[item]
    wide = pandas.DataFrame(said.reshape(items, OVERLAP))
    long = pandas.DataFrame({"task": item, "worker": annotator, "label": said})
    counts = np.bincount(item * 3 + said, minlength=items * 3).reshape(items, 3)
    ms = interleaved(
        rounds,
        all_measures_ms=lambda: value_agreement(table),
        slice_ms=lambda: value_agreement(table, keep=kept),
        krippendorff_ms=lambda: krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"),
        irrcac_ms=lambda: CAC(wide).gwet(),
    )
    whole = interleaved(
        max(1, rounds // 2),
        dawid_skene_s=lambda: dawid_skene(item, annotator, said),
        crowd_kit_s=lambda: DawidSkene().fit_predict(long),
    )
    return ms | {name: value / 1_000 for name, value in whole.items()}


def rankings(rng: np.random.Generator, n: int, rounds: int) -> dict[str, float]:
    """Rankings of two to six completions with ties, four an item."""
    items = n // OVERLAP
    sizes = rng.choice(SIZES, size=items, p=CHANCES)
    judged = np.repeat(sizes, OVERLAP)
    rows = int(judged.sum())
    judgement = np.repeat(np.arange(judged.size), judged)
    completion = np.arange(rows) - np.repeat(np.cumsum(judged) - judged, judged)
    item = judgement // OVERLAP
    worth = rng.normal(size=(items, max(SIZES)))
    seen = worth[item, completion] + rng.normal(size=rows)
    rank = 1 + np.clip(np.floor(2 - seen), 0, 5).astype(int)  # coarse, so that there are ties
    table = RankingTable.from_arrays(item, several(rng, items)[judgement], completion, rank)
    kept = one_slice(rng, items)[np.repeat(np.arange(items), OVERLAP)]
    return interleaved(
        rounds,
        rankings_ms=lambda: ranking_agreement(table),
        rankings_slice_ms=lambda: ranking_agreement(table, keep=kept),
    )


def scores(rng: np.random.Generator, n: int, rounds: int) -> dict[str, float]:
    """Comparisons of 200 models with ties, and with four features of style."""
    truth = rng.normal(0, 0.8, MODELS)
    left = rng.integers(0, MODELS, n)
    right = (left + rng.integers(1, MODELS, n)) % MODELS
    gap = truth[left] - truth[right]
    styles = {name: rng.normal(size=n) for name in ("length", "lists", "bold", "headers")}
    plain, styled = outcomes(rng, gap), outcomes(rng, gap + 0.8 * styles["length"] - 0.3 * styles["lists"])
    strict = plain != 0.5
    one, other, won = left[strict], right[strict], plain[strict]
    return interleaved(
        rounds,
        bradley_terry_ms=lambda: bradley_terry(left, right, plain),
        style_control_ms=lambda: bradley_terry(left, right, styled, covariates=styles),
        bradley_terry_without_ties_ms=lambda: bradley_terry(one, other, won),
        choix_ms=lambda: choix.ilsr_pairwise_dense(wins(one, other, won), alpha=1e-6),
    )


def wins(left: np.ndarray, right: np.ndarray, won: np.ndarray) -> np.ndarray:
    """(models, models) how often one won against the other."""
    cells = np.where(won == 1, left, right) * MODELS + np.where(won == 1, right, left)
    return np.bincount(cells, minlength=MODELS**2).reshape(MODELS, MODELS).astype(float)


def several(rng: np.random.Generator, items: int) -> np.ndarray:
    """(items x overlap,) different annotators for each item."""
    first = rng.integers(0, ANNOTATORS, items)
    steps = rng.integers(1, ANNOTATORS // OVERLAP, (items, OVERLAP)).cumsum(axis=1)
    return ((first[:, None] + steps) % ANNOTATORS).ravel()


def one_slice(rng: np.random.Generator, items: int) -> np.ndarray:
    """(items,) which items are in one domain, version and week."""
    return rng.integers(0, DOMAINS * VERSIONS * WEEKS, items) == 0


def outcomes(rng: np.random.Generator, gap: np.ndarray, nu: float = 0.4) -> np.ndarray:
    """1, 0.5 or 0 by Davidson's model."""
    high, low = np.exp(gap / 2), np.exp(-gap / 2)
    whole = high + low + nu
    drawn = rng.random(gap.size) * whole
    return np.where(drawn < high, 1.0, np.where(drawn < high + nu, 0.5, 0.0))


def interleaved(rounds: int, **jobs: Callable[[], object]) -> dict[str, float]:
    """The median CPU milliseconds of each job, run in turn, after a first run that compiles."""
    for job in jobs.values():
        job()
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            taken[name].append((time.process_time() - start) * 1_000)
    return {name: statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    raise SystemExit(main())
