"""How well accuracy and truth are recovered, and how fast: gold, annotator x domain, Dawid-Skene.

    ./run bench expertise [--seeds 10] [--labels 1000000] [--no-crowd-kit] [--json]

Planted worlds (tests/quality/label_worlds.py): error and coverage of accuracy on gold and by domain, Dawid-Skene
against the majority at 10 to 300 labels an annotator, and the time for `--labels` labels of 1,000 annotators,
four an item, beside crowd-kit's DawidSkene in the same process. Seconds are CPU seconds.
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from scipy.special import expit

from annotate.quality.dawid_skene import dawid_skene, majority
from annotate.quality.expertise import domain_accuracy
from annotate.quality.gold_accuracy import gold_accuracy
from tests.quality.label_worlds import PAIR_KINDS, World, class_world, pair_world


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when Dawid-Skene is nowhere below the majority on average, 1 when it is."""
    parser = argparse.ArgumentParser(prog="./run bench expertise", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--labels", type=int, default=1_000_000, help="for the time (default: a million)")
    parser.add_argument("--no-crowd-kit", action="store_true", help="leave crowd-kit out")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    gold = gold_table(arguments.seeds)
    domains = domain_table(arguments.seeds)
    truths = truth_table(arguments.seeds)
    speed = speed_of(arguments.labels, crowd_kit=not arguments.no_crowd_kit)
    held = all(row["dawid_skene"] >= row["majority"] for row in truths)
    print(f"\nDawid-Skene is {'' if held else 'NOT '}at or above the majority in the mean of every row.")
    if arguments.json:
        whole = {"benchmark": "expertise", "gold": gold, "domains": domains, "truths": truths, **speed, "held": held}
        print(json.dumps(whole))
    return 0 if held else 1


def printed(title: str, rows: list[dict]) -> list[dict]:
    """The rows, printed as a table."""
    print(f"\n{title}\n  " + "".join(f"{name:>15}" for name in rows[0]))
    for row in rows:
        cells = [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row.values()]
        print("  " + "".join(f"{cell:>15}" for cell in cells), flush=True)
    return rows


def rmse(found: np.ndarray, truth: np.ndarray) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.square(found - truth).mean()))


def gold_table(seeds: int) -> list[dict]:
    """1,000 annotators, accuracy Beta(13, 4): error of the raw share and of the estimate, coverage and width."""
    rows = []
    for n in (3, 10, 20, 100):
        rng = np.random.default_rng(n)
        truth = rng.beta(13, 4, (seeds, 1000))
        right = rng.binomial(n, truth)
        found = np.array(
            [[(one.value, one.lo, one.hi) for one in gold_accuracy(row, np.full(1000, n))] for row in right]
        )
        value, lo, hi = np.moveaxis(found, -1, 0)
        inside = float(((lo <= truth) & (truth <= hi)).mean())
        row = {"gold": n, "raw": rmse(right / n, truth), "shrunk": rmse(value, truth)}
        rows.append({**row, "coverage": inside, "width": float((hi - lo).mean())})
    return printed("Accuracy on gold, 1,000 annotators", rows)


def domain_table(seeds: int) -> list[dict]:
    """1,000 annotators x 8 domains: raw, one share an annotator, each domain shrunk by itself, crossed."""
    rows = []
    for n in (3, 5, 10, 30):
        found = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            logit = (
                1.4 + 0.65 * rng.normal(size=(1000, 1)) + 0.3 * rng.normal(size=8) + 0.55 * rng.normal(size=(1000, 8))
            )
            truth, shape = expit(logit), np.full((1000, 8), n)
            right = rng.binomial(n, truth)
            crossed = domain_accuracy(right, shape)
            lo, hi = crossed.interval
            alone = np.array([[one.value for one in gold_accuracy(column, shape[:, 0])] for column in right.T]).T
            pooled = (right.sum(axis=1) / shape.sum(axis=1))[:, None]
            errors = [rmse(each, truth) for each in (right / n, pooled, alone, crossed.value)]
            found.append([*errors, ((lo <= truth) & (truth <= hi)).mean()])
        names = ("raw", "pooled", "by domain", "crossed", "coverage")
        rows.append({"gold a cell": n, **dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))})
    return printed("Accuracy in each domain, 1,000 annotators x 8 domains", rows)


def truth_table(seeds: int) -> list[dict]:
    """Share of items whose label is right by majority and by Dawid-Skene, and coverage of annotators' accuracy."""
    worlds: dict[str, Callable[..., World]] = {
        f"pairs, {kind}": lambda rng, kind=kind, **size: pair_world(rng, kind, **size) for kind in PAIR_KINDS
    }
    worlds |= {f"{k} classes": lambda rng, k=k, **size: class_world(rng, k, **size) for k in (2, 3, 5)}
    rows = []
    for name, build in worlds.items():
        for labels in (10, 30, 100, 300):
            found = []
            for seed in range(seeds):
                world = build(np.random.default_rng(seed), annotators=1000, labels=labels)
                judged = dawid_skene(world.items, world.annotators, world.values, pairs=name.startswith("pairs"))
                voted = majority(world.items, world.values, seed=seed)[1]
                inside = [one.lo <= true <= one.hi for one, true in zip(judged.accuracy, world.accuracy, strict=True)]
                hits = [(each == world.truth).mean() for each in (voted, judged.labels)]
                found.append([*hits, hits[1] - hits[0], np.mean(inside)])
            vote, ours, _, inside = np.mean(found, axis=0).tolist()
            row = {"labels each": labels, "majority": vote, "dawid_skene": ours}
            rows.append({"world": name[:14], **row, "least gain": float(np.min(found, axis=0)[2]), "coverage": inside})
    return printed("Truth from labels alone, 1,000 annotators, 4 labels an item", rows)


def speed_of(labels: int, *, crowd_kit: bool) -> dict:
    """CPU seconds for so many labels of three classes by 1,000 annotators."""
    world = class_world(np.random.default_rng(0), 3, annotators=1000, labels=labels // 1000)
    columns = (world.items, world.annotators, world.values)
    dawid_skene(*(column[:400] for column in columns))  # compiles
    judged, ours = _timed(lambda: dawid_skene(*columns))
    share = float((judged.labels == world.truth).mean())
    print(f"\n{world.values.size:,} labels: {ours:.2f} s, {judged.n_steps} steps, {share:.4f} right")
    right, n = np.random.default_rng(1).binomial(20, 0.8, (2, 1000, 8)).max(axis=0), np.full((1000, 8), 20)
    gold = min(_timed(lambda: gold_accuracy(right[:, 0], n[:, 0]))[1] for _ in range(9))
    crossed = min(_timed(lambda: domain_accuracy(right, n))[1] for _ in range(9))
    print(f"gold accuracy of 1,000: {gold * 1e3:.2f} ms; 1,000 x 8 domains: {crossed * 1e3:.2f} ms")
    found = {"dawid_skene_s": ours, "gold_ms": gold * 1e3, "domains_ms": crossed * 1e3, "ratios": {}}
    if crowd_kit:
        theirs, share = _crowd_kit(world)
        print(f"crowd-kit DawidSkene: {theirs:.2f} s, {share:.4f} right; {theirs / ours:.1f} times as long")
        found["ratios"] = {"crowd-kit": theirs / ours}
    return found


def _crowd_kit(world: World) -> tuple[float, float]:
    """(CPU seconds, share right) of crowd-kit on the same labels."""
    import pandas  # noqa: PLC0415  test-only, and slow to import
    from crowdkit.aggregation import DawidSkene  # noqa: PLC0415

    frame = pandas.DataFrame({"task": world.items, "worker": world.annotators, "label": world.values})
    labels, seconds = _timed(lambda: DawidSkene().fit_predict(frame))
    return seconds, float((labels.sort_index().to_numpy() == world.truth).mean())


def _timed(call: Callable) -> tuple:
    started = time.process_time()
    result = call()
    return result, time.process_time() - started


if __name__ == "__main__":
    raise SystemExit(main())
