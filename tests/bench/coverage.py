"""How often a nominal 95 % interval covers the truth: studies drawn at random, whose truth is known.

    ./run bench coverage [--times 2000] [--annotators 8,20,60,200] [--json]

Annotators and items are drawn anew for each study, and the truth is the agreement among endlessly many of both.
Intervals over annotators and items (`value_agreement`, `ranking_agreement`) stand beside the usual bootstrap over
items. +- is twice the Monte-Carlo error. It ends with 1 where the former cover less than 93 % or more than 97 % from 20
annotators up, beyond that error.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence

import numpy as np

from tests.bench._coverage_worlds import WORLDS, World

FEWEST, LOW, HIGH = 20, 0.93, 0.97
HOLDS = "annotators and items"


def cover(world: World, annotators: Sequence[int], times: int, seed: int = 0) -> list[dict]:
    """One row for each measure, number of annotators and way to make intervals."""
    truth = world.truth(np.random.default_rng(seed))
    rows = []
    for people in annotators:
        covered: dict[tuple[str, str], list[bool]] = {}
        halves: dict[tuple[str, str], list[float]] = {}
        for number in range(times):
            study = world.draw(np.random.default_rng([seed, people, number]), people)
            for way, intervals in world.ways.items():
                for measure, estimate in intervals(study, number).items():
                    if estimate.value is not None:
                        key = (measure, way)
                        covered.setdefault(key, []).append(estimate.lo <= truth[measure] <= estimate.hi)
                        halves.setdefault(key, []).append((estimate.hi - estimate.lo) / 2)
        rows += [
            _row(world, measure, way, people, truth[measure], seen, halves[measure, way])
            for (measure, way), seen in covered.items()
        ]
    return rows


def _row(
    world: World, measure: str, way: str, people: int, truth: float, seen: Sequence[bool], halves: Sequence[float]
) -> dict:
    share = float(np.mean(seen))
    return {
        "world": world.name,
        "measure": measure,
        "way": way,
        "annotators": people,
        "truth": round(truth, 4),
        "coverage": round(share, 4),
        "error": round(math.sqrt(max(share * (1 - share), 1 / len(seen)) / len(seen)), 4),
        "half_width": round(float(np.mean(halves)), 4),
        "n_studies": len(seen),
    }


def holds(row: dict) -> bool:
    """Whether an interval over annotators and items covers what it says, as far as the simulation can tell."""
    slack = 2 * row["error"]
    return (
        row["way"] != "annotators and items"
        or row["annotators"] < FEWEST
        or LOW - slack <= row["coverage"] <= HIGH + slack
    )


def print_table(rows: Sequence[dict]) -> None:
    sizes = sorted({row["annotators"] for row in rows})
    for world in dict.fromkeys(row["world"] for row in rows):
        print(f"\n{world}\n  {'annotators':<44}" + "".join(f"{people:>20}" for people in sizes))
        own = [row for row in rows if row["world"] == world]
        for measure, way, truth in dict.fromkeys((row["measure"], row["way"], row["truth"]) for row in own):
            found = {row["annotators"]: row for row in own if (row["measure"], row["way"]) == (measure, way)}
            cells = "".join(f"{_cell(found.get(people)):>20}" for people in sizes)
            print(f"  {measure + ' (' + format(truth, '.3f') + '), ' + way:<44}{cells}")
    print("\nCoverage in %, +- twice its Monte-Carlo error, and the mean half-width of the intervals.")


def _cell(row: dict | None) -> str:
    if row is None:
        return "-"
    return f"{100 * row['coverage']:.1f} +- {200 * row['error']:.1f}  {row['half_width']:.3f}"


def main(argv: list[str] | None = None) -> int:
    """Run it; 1 where an interval that must hold does not."""
    parser = argparse.ArgumentParser(prog="./run bench coverage", description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=2000, help="studies of each kind (default 2000)")
    parser.add_argument("--annotators", default="8,20,60,200", help="in a study (default 8,20,60,200)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    started, used = time.perf_counter(), time.process_time()
    rows = []
    for world in WORLDS:
        rows += cover(world, [int(people) for people in arguments.annotators.split(",")], arguments.times)
    print_table(rows)
    held = all(holds(row) for row in rows)
    seconds, cpu = round(time.perf_counter() - started, 1), round(time.process_time() - used, 1)
    print(f"{arguments.times} studies a column, {seconds} s, {cpu} s of CPU, load {os.getloadavg()[0]:.1f};")
    print(f"93 to 97 % from {FEWEST} annotators up: {'yes' if held else 'NO'}")
    if arguments.json:
        print(json.dumps({"benchmark": "coverage", "rows": rows, "held": held, "seconds": seconds, "cpu_s": cpu}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
