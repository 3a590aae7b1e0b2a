"""Scores of producers: a million comparisons of 200 models, beside choix and crowd-kit where they do the same job.

    ./run bench scores [--comparisons 1000000] [--models 200] [--json]

CPU milliseconds, the best of several runs, on columns of whole numbers. Ratios are the other library's CPU time over
ours. choix and crowd-kit have no ties, and no intervals, so ties are left out for them and for the plain fit beside
them, whose time includes its intervals. choix takes comparisons as a list (`choix`), or a matrix of wins that one adds
up oneself (`choix_dense`, numpy's bincount included).
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from annotate.quality.scores import bradley_terry, win_rates
from annotate.quality.triads import intransitive_triads
from tests.quality.comparisons import outcomes, pairs

NU, STYLE = 0.4, {"length": 0.8, "lists": -0.3, "bold": 0.1, "headers": 0.2}


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when the planted scores and style are found, 1 when they are not."""
    parser = argparse.ArgumentParser(prog="./run bench scores", description=__doc__.split("\n")[0])
    parser.add_argument("--comparisons", type=int, default=1_000_000, help="rows (default: 1000000)")
    parser.add_argument("--models", type=int, default=200, help="models (default: 200)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    found = measure(arguments.comparisons, arguments.models)
    for name, value in found.items():
        print(f"{name:<34}{value}" if not isinstance(value, dict) else f"{name:<34}{json.dumps(value)}")
    if arguments.json:
        print(json.dumps({"benchmark": "scores", **found}))
    return 0 if found["planted_found"] else 1


def measure(n: int, models: int) -> dict:
    """All figures, by name."""
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 0.8, models)
    truth -= truth.mean()
    left, right = pairs(rng, models, n)
    styles = {name: rng.normal(size=n) for name in STYLE}
    gap = truth[left] - truth[right]
    said = outcomes(rng, gap, NU)
    styled = outcomes(rng, gap + sum(slope * styles[name] for name, slope in STYLE.items()), NU)
    items, people = np.repeat(np.arange(n // 4 + 1), 4)[:n], rng.integers(0, 1000, n)
    plain_ms, plain = cpu_ms(lambda: bradley_terry(left, right, said))
    style_ms, style = cpu_ms(lambda: bradley_terry(left, right, styled, covariates=styles))
    strict = said != 0.5
    strict_ms, strictly = cpu_ms(lambda: bradley_terry(left[strict], right[strict], said[strict]))
    figures = {
        "comparisons": n,
        "models": models,
        "bradley_terry_ms": plain_ms,
        "clustered_by_items_ms": cpu_ms(lambda: bradley_terry(left, right, said, clusters=items))[0],
        "clustered_by_both_ms": cpu_ms(lambda: bradley_terry(left, right, said, clusters=(items, people)))[0],
        "style_control_ms": style_ms,
        "without_ties_ms": strict_ms,
        "triads_of_20_ms": cpu_ms(lambda: intransitive_triads(_matrix(left % 20, right % 20, said, 20)))[0],
        "win_rates_20_models_805_items_ms": _win_rates_ms(rng),
        "planted_found": _planted_found(style, truth),
        "nu": round(style.nu.value, 4),
    }
    ours = np.array([score.value for score in strictly.scores])
    figures["ratios"] = {}
    rows = left[strict], right[strict], said[strict], models
    for name, other in (("choix", _choix), ("choix_dense", _choix_dense), ("crowd-kit", _crowd_kit)):
        ms, scores = cpu_ms(lambda other=other: other(*rows), times=1)
        figures["ratios"][name] = round(ms / strict_ms, 1)
        figures[f"{name}_ms"] = ms
        figures[f"{name}_correlation"] = round(float(np.corrcoef(ours, scores)[0, 1]), 5)
    return figures


def cpu_ms(work: Callable, times: int = 5) -> tuple[float, object]:
    """The least CPU milliseconds of several runs after a first one, which compiles, and the result."""
    result = work()
    taken = []
    for _ in range(times):
        start = time.process_time()
        result = work()
        taken.append((time.process_time() - start) * 1000)
    return round(min(taken), 1), result


def _planted_found(found, truth) -> bool:
    """Whether style is within its intervals (widened to 99.7 %), and the scores are where they were planted."""
    near = all(
        abs(found.coefficients[name].value / found.scales[name] - slope)
        <= 1.5 * (found.coefficients[name].hi - found.coefficients[name].value)
        for name, slope in STYLE.items()
    )
    return near and float(np.corrcoef([score.value for score in found.scores], truth)[0, 1]) > 0.99


def _matrix(left, right, said, models: int) -> np.ndarray:
    """(models, models) wins."""
    strict = said != 0.5
    winner, loser = np.where(said == 1, left, right)[strict], np.where(said == 1, right, left)[strict]
    return np.bincount(winner * models + loser, minlength=models**2).reshape(models, models).astype(float)


def _choix(left, right, said, models: int) -> np.ndarray:
    import choix  # noqa: PLC0415  what is compared with is loaded for its own measurement

    rows = zip(np.where(said == 1, left, right).tolist(), np.where(said == 1, right, left).tolist(), strict=True)
    return choix.ilsr_pairwise(models, list(rows), alpha=1e-6)


def _choix_dense(left, right, said, models: int) -> np.ndarray:
    import choix  # noqa: PLC0415

    return choix.ilsr_pairwise_dense(_matrix(left, right, said, models), alpha=1e-6)


def _crowd_kit(left, right, said, models: int) -> np.ndarray:
    import pandas  # noqa: PLC0415
    from crowdkit.aggregation import BradleyTerry  # noqa: PLC0415

    label = np.where(said == 1, left, right)
    rows = pandas.DataFrame({"worker": 0, "left": left, "right": right, "label": label})
    return np.log(BradleyTerry(n_iter=100).fit_predict(rows).sort_index().to_numpy())


def _win_rates_ms(rng) -> float:
    models, items = np.repeat(np.arange(20), 805), np.tile(np.arange(805), 20)
    said, length = rng.random(models.size).round(), rng.normal(300, 90, models.size)
    return cpu_ms(lambda: win_rates(models, items, said, {"length": (np.full(length.size, 300.0), length)}))[0]
