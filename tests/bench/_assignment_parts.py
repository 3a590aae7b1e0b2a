"""The parts of the assignment benchmark beside the throughput: sizes of a campaign, races, the killed web server."""

import os
import signal
import sys
import time

from tests.bench._served import DATABASES, Served, Window, median, serving
from tests.product import wait_until

SIZES = (1_000, 100_000, 1_000_000)
SIZE_ANNOTATORS = 8
RACE_TASKS = 40
RACE_ANNOTATORS = (8, 32)
KILL_TASKS = 500
KILL_ANNOTATORS = 8
KILLS = 2
KILL_PAUSE_SECONDS = 3.0
KILL_PAUSE_TRIPS = 200
"""How long people work undisturbed before each kill, and after the last: so long, or so many trips at most."""
ANSWERS_WITHIN = 90.0
LATE_SECONDS = 0.3
"""For answers that were on their way when the server was killed."""
LEASE_SECONDS = 60
REAPED_WITHIN = LEASE_SECONDS + 90
"""A lease, and what the clock and a busy machine may take to notice that it ran out."""


def say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


# --- Sizes ------------------------------------------------------------------------------------------------------------


def sizes(rounds: int, seconds: float) -> dict:
    """The same load in campaigns of 1,000 to 1,000,000 tasks of one PostgreSQL database, in alternating rounds.

    Each round of the smallest has a campaign of its own: one would be done before the rounds are.
    """
    smallest, *larger = SIZES
    windows: dict[int, list[Window]] = {size: [] for size in SIZES}
    with serving("postgresql", annotators=SIZE_ANNOTATORS) as served:
        names = {f"size-{smallest}-{number}": smallest for number in range(rounds)}
        names |= {f"size-{size}": size for size in larger}
        took = served.inside(f"fill({names!r}, overlap=2)")
        say(f"{sum(names.values()):,} tasks made in {took} s")
        for number in range(rounds):
            for size in SIZES:
                campaign = f"size-{size}-{number}" if size == smallest else f"size-{size}"
                window = served.measure(campaign, SIZE_ANNOTATORS, seconds, one_request=True)
                windows[size].append(window)
                say(f"round {number + 1}, {size:,} tasks: {window.summary}")
        report = served.report()
    rows = [_size_row(size, found, report) for size, found in windows.items()]
    each = [
        large.percentile(0.95) / small.percentile(0.95)
        for small, large in zip(windows[SIZES[0]], windows[SIZES[-1]], strict=True)
    ]
    ratio = rows[-1]["p95_ms"] / rows[0]["p95_ms"]
    return {
        "sizes": rows,
        "p95_largest_over_smallest": round(ratio, 2),
        "p95_largest_over_smallest_by_round": [round(one, 2) for one in each],
        "fill_s": took,
    }


def _size_row(size: int, windows: list[Window], report: dict) -> dict:
    found = [one for slug, one in report.items() if slug == f"size-{size}" or slug.startswith(f"size-{size}-")]
    p95 = [window.percentile(0.95) for window in windows]
    return {
        "database": "postgresql",
        "annotators": SIZE_ANNOTATORS,
        "tasks": size,
        "trips_per_s": median([window.trips_per_s for window in windows]),
        "p50_ms": median([window.percentile(0.5) for window in windows]),
        "p95_ms": median(p95),
        "p95_ms_min": round(min(p95), 1),
        "p95_ms_max": round(max(p95), 1),
        "cpu_ms_per_trip": median([window.cpu_ms_per_trip for window in windows], 2),
        "cpu_ms_database": median([window.cpu_ms["database"] for window in windows], 2),
        "others_cores": median([window.others_cores for window in windows], 2),
        "n_trips": sum(window.trips for window in windows),
        "errors": sum(len(window.errors) for window in windows) + sum(one["lost"] for one in found),
        "beyond_overlap": sum(one["beyond_overlap"] for one in found),
        "duplicates": sum(one["duplicates"] for one in found),
    }


SIZE_COLUMNS = {
    "trips_per_s": "trips/s",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p95_ms_min": "least",
    "p95_ms_max": "most",
    "cpu_ms_per_trip": "CPU ms",
    "cpu_ms_database": "database's",
    "others_cores": "others",
    "errors": "errors",
    "n_trips": "trips",
}


def print_sizes(result: dict) -> None:
    print(f"\n{'tasks in the campaign':<22}" + "".join(f"{title:>11}" for title in SIZE_COLUMNS.values()))
    for one in result["sizes"]:
        print(f"{one['tasks']:<22,}" + "".join(f"{one[name]:>11}" for name in SIZE_COLUMNS))
    each = ", ".join(map(str, result["p95_largest_over_smallest_by_round"]))
    print(f"p95 in the largest over p95 in the smallest: {result['p95_largest_over_smallest']} (by round: {each})")
    print(f"PostgreSQL, {SIZE_ANNOTATORS} annotators, one database with all of them; aim: at most 1.3")


# --- Race -------------------------------------------------------------------------------------------------------------


def races(repeats: int) -> list[dict]:
    """Few tasks, one judgement each, everybody at once: how many judgements there are in the end."""
    rows = []
    for database in DATABASES:
        with serving(database, annotators=max(RACE_ANNOTATORS)) as served:
            names = {f"race-{n}-{number}": RACE_TASKS for n in RACE_ANNOTATORS for number in range(repeats)}
            served.inside(f"fill({names!r}, overlap=1)")
            errors = {slug: _race(served, slug) for slug in names}
            report = served.report()
        for n in RACE_ANNOTATORS:
            found = [(report[slug], errors[slug]) for slug in names if slug.startswith(f"race-{n}-")]
            rows.append(
                {
                    "database": database,
                    "annotators": n,
                    "tasks": RACE_TASKS,
                    "repeats": repeats,
                    "judgements": [one["judgements"] for one, _errors in found],
                    "beyond_overlap": sum(one["beyond_overlap"] for one, _errors in found),
                    "duplicates": sum(one["duplicates"] for one, _errors in found),
                    "errors": sum(len(wrong) + one["lost"] for one, wrong in found),
                    "said": sorted({said for _one, wrong in found for said in wrong})[:3],
                }
            )
    return rows


def _race(served: Served, slug: str) -> list[str]:
    tally = served.drain(slug, int(slug.split("-")[1]))
    return tally.errors + ["a broken connection"] * tally.broken


def print_races(rows: list[dict]) -> None:
    print(f"\nRace: {RACE_TASKS} tasks, one judgement each")
    for one in rows:
        counts = ", ".join(f"{n} judgements {one['judgements'].count(n)} times" for n in sorted(set(one["judgements"])))
        print(
            f"  {DATABASES[one['database']]:<12}{one['annotators']:>4} annotators, {one['repeats']} repeats: {counts};"
            f" {one['beyond_overlap']} beyond the overlap, {one['duplicates']} doubled, {one['errors']} errors"
        )
        for said in one["said"]:
            print(f"    {said}")


def exact(row: dict) -> bool:
    """Whether each repeat of the race ended with one judgement a task."""
    return set(row["judgements"]) == {row["tasks"]}


# --- Kill -------------------------------------------------------------------------------------------------------------


def kills() -> list[dict]:
    """SIGKILL of the whole web server under load, on both databases; then every task must still get done."""
    rows = []
    for database in DATABASES:
        with serving(database, annotators=KILL_ANNOTATORS) as served:
            served.inside(f"fill({ {'kill': KILL_TASKS}!r}, overlap=2, lease_minutes={LEASE_SECONDS // 60})")
            rows.append(_kill(served))
    return rows


def _kill(served: Served) -> dict:
    load = served.load("kill", KILL_ANNOTATORS)
    load.begin()
    load.run(KILL_PAUSE_SECONDS, most=KILL_PAUSE_TRIPS)
    whole_again = []
    for _kill in range(KILLS):
        for pid in served.product.processes("gunicorn"):
            os.kill(pid, signal.SIGKILL)
        struck = time.monotonic()
        load.run(LATE_SECONDS)
        before = len(load.tally.trips)
        load.run(ANSWERS_WITHIN, most=1)
        if len(load.tally.trips) == before:
            raise AssertionError(f"no trip for {ANSWERS_WITHIN:.0f} s; the product said:\n{served.product.said()}")
        whole_again.append(round(time.monotonic() - struck, 1))
        load.run(KILL_PAUSE_SECONDS, most=KILL_PAUSE_TRIPS)
    load.abandon()  # everybody is gone for good, with a task in hand
    served.remember("kill", load.tally)
    say(f"{DATABASES[served.database]}: killed {KILLS} times, {len(load.tally.acknowledged)} judgements acknowledged")
    held, began = served.inside("held('kill')"), time.monotonic()
    wait_until(lambda: served.inside("held('kill')") == 0, within=REAPED_WITHIN, what="every lease to run out")
    reaped = round(time.monotonic() - began)
    acknowledged = len(load.tally.acknowledged)
    last = served.drain("kill", KILL_ANNOTATORS, within=600)
    report = served.report()["kill"]
    return {
        "database": served.database,
        "annotators": KILL_ANNOTATORS,
        "kills": KILLS,
        "answering_again_s": whole_again,
        "broken_requests": load.tally.broken,
        "acknowledged_under_fire": acknowledged,
        "held_by_nobody_there": held,
        "back_in_the_queue_after_s": reaped,
        "judgements": report["judgements"],
        "lost": report["lost"],
        "unfinished": len(served.inside("unfinished('kill')")),
        "beyond_overlap": report["beyond_overlap"],
        "duplicates": report["duplicates"],
        "errors": len(load.tally.errors) + len(last.errors) + last.broken + report["lost"],
        "said": sorted({*load.tally.errors, *last.errors})[:3],
    }


def print_kills(rows: list[dict]) -> None:
    print(f"\nWeb server killed (SIGKILL, master and workers), {KILLS} times under {KILL_ANNOTATORS} annotators")
    for one in rows:
        print(
            f"  {DATABASES[one['database']]:<12}{one['acknowledged_under_fire']} judgements acknowledged meanwhile,"
            f" {one['lost']} lost, {one['duplicates']} doubled, {one['beyond_overlap']} beyond the overlap;\n"
            f"  {'':<12}answers again after {one['answering_again_s']} s; {one['held_by_nobody_there']} tasks whose"
            f" annotators were gone came back after {one['back_in_the_queue_after_s']} s;\n"
            f"  {'':<12}in the end {one['judgements']} judgements of {2 * KILL_TASKS}, {one['unfinished']} tasks"
            f" unfinished, {one['errors']} errors"
        )
        for said in one["said"]:
            print(f"    {said}")
