"""What a task costs to hand out and to take back: trips through the HTTP API of the product as shipped.

    ./run bench assignment [--rounds 3] [--seconds 8] [--json]
    ./run bench assignment [--throughput] [--sizes] [--race] [--kill] [--all]

A *trip* is getting the next task with its content and storing the judgement: pairs of 60 to 180 words each under a
prompt of 25, two judgements a task, 1,000 tasks, and so many annotators with a token who never pause. It runs on SQLite
(as `./run` starts) and on PostgreSQL with Redis (that keep what they promise: nothing is switched off for speed), in
rounds that alternate between everything that is compared, so that noise hits all alike. The figures are medians over
the rounds. CPU is that of every process of the product, its database and its broker; the load itself, one light
process on the same cores, is counted apart.

--sizes: 8 annotators in campaigns of 1,000, 100,000 and 1,000,000 tasks of one PostgreSQL database. --race: few tasks,
one judgement each, everybody at once, again and again. --kill: the web server is killed (SIGKILL) under load.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Sequence

from tests.bench import _assignment_parts as parts
from tests.bench._served import DATABASES, Served, Window, median, serving

TASKS = 1000
OVERLAP = 2
ANNOTATORS = (1, 8, 32)
REFERENCES = {
    "Potato 2.12.1": {"trips_per_s": 23.7, "p95_ms": 467.0, "cpu_ms_per_trip": 37.0},
    "Label Studio 1.23.2, PostgreSQL": {"trips_per_s": 8.8, "p95_ms": 1158.0, "cpu_ms_per_trip": 69.0},
}
"""At 8 annotators, by the same method, measured earlier on another machine with 2 cores."""

Cell = tuple[str, int, int]
"""Database, annotators, requests per trip."""


def slug(annotators: int, requests: int, number: int) -> str:
    return f"pairs-{annotators}-{requests}-{number}"


def throughput(rounds: int, seconds: float, annotators: Sequence[int]) -> dict:
    """Trips per second and their cost on both databases, in alternating rounds."""
    windows: dict[Cell, list[Window]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        everywhere = [stack.enter_context(serving(name, annotators=max(annotators))) for name in DATABASES]
        ways = ways_of(everywhere)
        names = {slug(n, way, number): TASKS for n in annotators for way in ways for number in range(rounds)}
        for served in everywhere:
            served.inside(f"fill({names!r}, overlap={OVERLAP})")
        for number in range(rounds):
            for n in annotators:
                for way in ways:
                    for served in everywhere:
                        window = served.measure(slug(n, way, number), n, seconds, one_request=way == 1)
                        windows[served.database, n, way].append(window)
                        parts.say(f"round {number + 1}, {DATABASES[served.database]}, {n} at a time: {window.summary}")
        reports = {served.database: served.report() for served in everywhere}
    rows = [row(cell, found, reports[cell[0]]) for cell, found in windows.items()]
    rows.sort(key=lambda one: (list(DATABASES).index(one["database"]), one["annotators"]))
    best = min(ways)
    return {
        "rows": [one for one in rows if one["way"] == best],
        "rows_other_way": [one for one in rows if one["way"] != best],
    }


def ways_of(everywhere: Sequence[Served]) -> tuple[int, ...]:
    """How many requests a trip can take: two always, one where a submission is answered with the next task."""
    for served in everywhere:
        served.inside(f"fill({ {'warm-up': 100}!r}, overlap=1)")
        served.drain("warm-up", 4)
    return (1, 2) if all(served.gives_next for served in everywhere) else (2,)


def row(cell: Cell, windows: Sequence[Window], report: dict) -> dict:
    """Medians over the rounds, sums of what must not be."""
    database, annotators, way = cell
    found = [report[slug(annotators, way, number)] for number in range(len(windows))]
    rates = [window.trips_per_s for window in windows]
    return {
        "database": database,
        "annotators": annotators,
        "tasks": TASKS,
        "trips_per_s": median(rates),
        "p50_ms": median([window.percentile(0.5) for window in windows]),
        "p95_ms": median([window.percentile(0.95) for window in windows]),
        "cpu_ms_per_trip": median([window.cpu_ms_per_trip for window in windows], 2),
        "errors": sum(len(window.errors) for window in windows) + sum(one["lost"] for one in found),
        "beyond_overlap": sum(one["beyond_overlap"] for one in found),
        "duplicates": sum(one["duplicates"] for one in found),
        "way": way,
        "requests_per_trip": median([window.requests_per_trip for window in windows], 2),
        "rounds": len(windows),
        "n_trips": sum(window.trips for window in windows),
        "trips_per_s_min": round(min(rates), 1),
        "trips_per_s_max": round(max(rates), 1),
        "cpu_ms_parts": {part: median([window.cpu_ms[part] for window in windows], 2) for part in windows[0].cpu_ms},
        "client_cpu_ms_per_trip": median([window.client_cpu_ms_per_trip for window in windows], 2),
        "others_cores": median([window.others_cores for window in windows], 2),
        "said": sorted({error for window in windows for error in window.errors})[:3],
    }


COLUMNS = {
    "annotators": "annotators",
    "requests_per_trip": "requests",
    "trips_per_s": "trips/s",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "cpu_ms_per_trip": "CPU ms",
    "client_cpu_ms_per_trip": "load's",
    "others_cores": "others",
    "errors": "errors",
    "beyond_overlap": "beyond",
    "duplicates": "doubled",
}


def print_throughput(result: dict) -> None:
    print(f"{'':<12}" + "".join(f"{title:>11}" for title in COLUMNS.values()) + "   trips/s over the rounds")
    for one in result["rows"] + result["rows_other_way"]:
        print(
            f"{DATABASES[one['database']]:<12}"
            + "".join(f"{one[key]:>11}" for key in COLUMNS)
            + f"   {one['trips_per_s_min']} to {one['trips_per_s_max']}, {one['n_trips']} trips in {one['rounds']};"
            f" CPU: {', '.join(f'{part} {ms}' for part, ms in one['cpu_ms_parts'].items())}"
        )
        for said in one["said"]:
            print(f"{'':<12}  {said}")
    print("\nOthers: cores of this machine that were busy with other things meanwhile. CPU ms: per trip, all processes")
    print("of the product, its database and its broker; the load's own apart.")
    for one in result["rows"]:
        if one["annotators"] == 8:
            print(f"\nConcord on {DATABASES[one['database']]} against, at 8 annotators:")
            for name, figures in REFERENCES.items():
                print(f"  {name:<32}{against(one, figures)}")
    print("\nThe others were measured earlier, by the same method, on another machine with 2 cores; Label Studio's CPU")
    print("is without its database's.")


def against(one: dict, figures: dict) -> str:
    """How many times the other's trips per second, and what part of its wait and of its CPU."""
    more = one["trips_per_s"] / figures["trips_per_s"]
    wait = figures["p95_ms"] / one["p95_ms"]
    cpu = figures["cpu_ms_per_trip"] / one["cpu_ms_per_trip"]
    return (
        f"{more:.1f}x its {figures['trips_per_s']} trips/s; p95 1/{wait:.1f} of its {figures['p95_ms']:.0f} ms;"
        f" CPU 1/{cpu:.1f} of its {figures['cpu_ms_per_trip']:.0f} ms"
    )


def flawless(one: dict) -> bool:
    return not (one["errors"] or one["beyond_overlap"] or one["duplicates"])


PARTS = {
    "throughput": "trips per second and what one costs (what runs when nothing else is asked for)",
    "sizes": "the same in campaigns of 1,000, 100,000 and 1,000,000 tasks, on PostgreSQL",
    "race": "few tasks, everybody at once: exactly as many judgements as were asked for",
    "kill": "SIGKILL of the web server under load: nothing acknowledged is lost, no task is stuck",
}


def run_parts(wanted: Sequence[str], arguments: argparse.Namespace) -> tuple[dict, bool]:
    """The figures of these parts, printed too, and whether all was exact and nothing went wrong."""
    result: dict = {"benchmark": "assignment"}
    rows: list[dict] = []
    held = True
    if "throughput" in wanted:
        found = throughput(arguments.rounds, arguments.seconds, [int(n) for n in arguments.annotators.split(",")])
        print_throughput(found)
        rows += found["rows"] + found["rows_other_way"]
        result |= found
    if "sizes" in wanted:
        found = parts.sizes(arguments.rounds, arguments.seconds)
        parts.print_sizes(found)
        rows += found["sizes"]
        result |= found
    if "race" in wanted:
        result["races"] = parts.races(arguments.repeats)
        parts.print_races(result["races"])
        rows += result["races"]
        held = held and all(parts.exact(one) for one in result["races"])
    if "kill" in wanted:
        result["kills"] = parts.kills()
        parts.print_kills(result["kills"])
        rows += result["kills"]
        held = held and not any(one["unfinished"] for one in result["kills"])
    return result, held and all(flawless(one) for one in rows)


def main(argv: list[str] | None = None) -> int:
    """Run it; 0 when nothing went wrong, nothing was beyond the overlap, doubled or lost. Speed never decides."""
    parser = argparse.ArgumentParser(prog="./run bench assignment", description=__doc__.split("\n")[0])
    for part, what in PARTS.items():
        parser.add_argument(f"--{part}", action="store_true", help=what)
    parser.add_argument("--all", action="store_true", help="all of these")
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement (default 3)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each round (default 8)")
    parser.add_argument("--annotators", default=",".join(map(str, ANNOTATORS)), help="at a time (default 1,8,32)")
    parser.add_argument("--repeats", type=int, default=20, help="of the race (default 20)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers must not outlive a run that somebody ends
    asked = [part for part in PARTS if arguments.all or getattr(arguments, part)]
    result, held = run_parts(asked or ["throughput"], arguments)
    cores, load = os.cpu_count(), round(os.getloadavg()[0], 1)
    verdict = "yes" if held else "NO"
    print(f"\n{cores} cores, load {load}; nothing lost, doubled or beyond the overlap, no errors: {verdict}")
    if arguments.json:
        print(json.dumps({**result, "held": held, "cores": cores, "load": load}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
