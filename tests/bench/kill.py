"""The kill -9 proof: every part of the product is killed while people judge over HTTP and a pipeline runs.

    ./run bench kill [--annotators 4] [--servers] [--json]

One after the other, it kills (SIGKILL) the web server, its worker, the workers, the clock, a recipe and the
supervisor, each time waits until the product is whole again, and counts at the end: every judgement that was answered
is there once, no task has more judgements than it asked for, no two recipes ever ran at a time, every stage of the
pipeline is done once. A recipe that dies alone has failed; its pipeline says so, and is resumed as a person would.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench._kill_people import Annotator
from tests.bench._product import inside, running_servers
from tests.product import Product, command, wait_until

RECIPE = "-m training.recipes."
PARTS = {"gunicorn": 3, "-Q default": 1, "-Q train": 1, " beat ": 1}
SETTLE_SECONDS = 4.0
"""How long people work undisturbed between two kills."""
PATIENCE_SECONDS = 40.0
"""How long to wait for a stage of the pipeline that nothing was killed in yet."""
TASKS = 400
LOST_AFTER = 5


@dataclass(frozen=True)
class Kill:
    """What to kill: `find` gives its process id, or None while it is not there."""

    name: str
    find: Callable[[Product], int | None]
    while_training: bool = False
    """Whether to wait for a recipe, if possible one that runs for the first time."""


@dataclass
class Row:
    """One kill and what came of it."""

    killed: str
    stage: str
    """Recipes that were running when it was killed."""
    whole_again_s: float
    answered_before: int
    note: str = ""


def oldest(word: str) -> Callable[[Product], int | None]:
    return lambda product: next(iter(parents_first(product, word)), None)


def youngest(word: str) -> Callable[[Product], int | None]:
    return lambda product: next(reversed(parents_first(product, word)), None)


KILLS = (
    Kill("trainer", oldest("-Q train"), while_training=True),
    Kill("web server", oldest("gunicorn")),
    Kill("worker", oldest("-Q default"), while_training=True),
    Kill("a recipe", lambda product: next(iter(recipes(product)), None), while_training=True),
    Kill("web worker", youngest("gunicorn")),
    Kill("trainer", oldest("-Q train"), while_training=True),
    Kill("clock", oldest(" beat ")),
    Kill("supervisor", lambda product: product.process.pid, while_training=True),
)


def parents_first(product: Product, word: str) -> list[int]:
    found = product.processes(word)
    return sorted(found, key=lambda pid: (parent_of(pid) in found, pid))


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:
        return 0


def recipes(product: Product) -> list[int]:
    """The recipes that run now, without the processes that they started themselves."""
    found = product.processes(RECIPE)
    return [pid for pid in found if parent_of(pid) not in found]


def stage(product: Product) -> str:
    """The name of the recipe that runs now, if one does."""
    return ", ".join(command(pid).partition(RECIPE)[2].partition(" ")[0] for pid in recipes(product))


class Witness(threading.Thread):
    """Looks again and again how many recipes run at a time, and whether torch came into a process where it must not."""

    def __init__(self, product: Product):
        super().__init__(daemon=True)
        self.product = product
        self.done = threading.Event()
        self.most_recipes = 0
        self.looks = 0
        self.with_torch: set[str] = set()

    def run(self) -> None:
        while not self.done.wait(0.5):
            self.looks += 1
            self.most_recipes = max(self.most_recipes, len(recipes(self.product)))
            for pid in self.product.processes():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    if RECIPE not in command(pid) and "libtorch" in Path(f"/proc/{pid}/maps").read_text():
                        self.with_torch.add(command(pid))


class Proof:
    """One product, its people, and the kills."""

    def __init__(self, var: Path, annotators: int, servers: Mapping[str, str]):
        env = {**servers, "LOST_AFTER_SECONDS": str(LOST_AFTER), "MAX_ATTEMPTS": "10", "OMP_NUM_THREADS": "1"}
        self.product = Product(var, env=env)
        self.product.start_all()
        self.inside(f"prepare(annotators={annotators}, tasks={TASKS})")
        self.people = [Annotator(f"annotator-{n}", url=self.product.url, pause=0.8) for n in range(annotators)]
        self.witness = Witness(self.product)
        self.rows: list[Row] = []

    def inside(self, call: str):
        """Calls a function of _kill_inside in the product's own Django, and returns the JSON that it printed."""
        return inside(self.product, "_kill_inside", call)

    def answered(self) -> int:
        return sum(len(person.acknowledged) for person in self.people)

    def problems(self) -> str:
        return "; ".join(person.problem for person in self.people if person.problem)

    def whole(self) -> bool:
        counts = all(len(self.product.processes(word)) == count for word, count in PARTS.items())
        return counts and self.product.get("/healthz") == 200

    def run(self) -> dict:
        for thread in (*self.people, self.witness):
            thread.start()
        self.inside("start()")
        for kill in KILLS:
            time.sleep(SETTLE_SECONDS)
            self.rows.append(self.strike(kill))
            print_row(self.rows[-1])
        self.wait_for_the_pipeline()
        for person in self.people:
            person.done.set()
        for person in self.people:
            person.join()
        self.witness.done.set()
        self.witness.join()
        return self.inside("report()")

    def strike(self, kill: Kill) -> Row:
        self.keep_the_pipeline_running()
        if kill.while_training:
            self.wait_for_a_recipe()
        wait_until(lambda: kill.find(self.product) is not None, within=60, what=f"{kill.name} to be there")
        during, before = stage(self.product) or "between runs", self.answered()
        victim = kill.find(self.product)
        os.kill(victim, signal.SIGKILL)
        struck = time.monotonic()
        wait_until(lambda: victim not in self.product.processes(), within=10, what=f"{kill.name} to die")
        note = self.start_again() if kill.name == "supervisor" else ""
        wait_until(self.whole, within=90, what=lambda: f"the product to be whole again:\n{self.product.said()}")
        seconds = time.monotonic() - struck
        wait_until(lambda: self.answered() > before, within=90, what=lambda: f"a judgement; {self.problems()}")
        return Row(kill.name, during, round(seconds, 1), before, note)

    def wait_for_a_recipe(self) -> None:
        hit = {row.stage for row in self.rows}
        patient = time.monotonic() + PATIENCE_SECONDS
        while not (now := stage(self.product)) or (now in hit and time.monotonic() < patient):
            time.sleep(0.2)
            if time.monotonic() > patient + PATIENCE_SECONDS:
                self.keep_the_pipeline_running()
                patient = time.monotonic()

    def start_again(self) -> str:
        """As a person does after the supervisor is gone; first, nothing may be left of it."""
        killed = time.monotonic()
        self.product.process.wait()
        wait_until(lambda: not self.product.processes(), within=15, what="every process to end with the supervisor")
        gone = time.monotonic() - killed
        self.product.launch()
        return f"nothing left after {gone:.1f} s; started again by hand"

    def keep_the_pipeline_running(self) -> None:
        state = self.inside("state()")
        if state["state"] == "failed":
            if "killed from outside" not in state["reason"]:
                raise AssertionError(f"the pipeline failed by itself: {state['reason']}")
            print(f"  pipeline no. {state['number']} failed: {state['reason']}\n  resumed by hand")
            self.inside("resume()")
        elif state["state"] == "done":
            print(f"  pipeline no. {state['number']} is done; another one is started")
            self.inside("start()")

    def wait_for_the_pipeline(self) -> None:
        deadline = time.monotonic() + 900
        while (state := self.inside("state()"))["state"] != "done":
            if state["state"] == "failed":
                self.keep_the_pipeline_running()
            if time.monotonic() > deadline:
                raise AssertionError(f"the pipeline did not end: {state}")
            time.sleep(3)


def findings(proof: Proof, report: dict) -> dict[str, tuple[bool, str]]:
    """What must hold -> (whether it does, the figures)."""
    answered = {key: pk for person in proof.people for key, pk in person.acknowledged.items()}
    kept = {judgement["key"]: judgement["id"] for judgement in report["judgements"]}
    lost = [key for key, pk in answered.items() if kept.get(key) != pk]
    more = len(report["judgements"]) - len(answered)
    repeated = sum(person.repeated for person in proof.people)
    unanswered = sum(person.unanswered for person in proof.people)
    partial = [judgement for judgement in report["judgements"] if judgement["ranked"] != 3]
    wrong_places = [
        task
        for task in report["tasks"]
        if task["reserved"] != task["assignments held"]
        or not task["submitted"] == task["assignments submitted"] == task["judgements"]
        or task["reserved"] > task["target"]
    ]
    n = len(report["judgements"])
    runs = [run for pipeline in report["pipelines"] for run in pipeline["runs"]]
    stages = [len(pipeline["runs"]) for pipeline in report["pipelines"]]
    whole = all(
        pipeline["state"] == "done"
        and all(state == "done" for _, state, _ in pipeline["runs"])
        and len({recipe for recipe, _, _ in pipeline["runs"]}) == len(pipeline["runs"])
        and pipeline["manifests of done runs"] == len(pipeline["runs"])
        and pipeline["snapshots"] == 1
        and pipeline["new tasks"] > 0
        for pipeline in report["pipelines"]
    )
    attempts = {recipe: attempt for recipe, _, attempt in runs if attempt > 1}
    return {
        "every answered judgement is kept": (not lost, f"{len(answered)} answered, {len(lost)} lost"),
        "none is there twice": (
            more == 0 and not report["doubled"],
            f"{n} kept, {more} more than answered; {repeated} sent twice, {unanswered} sent again unanswered",
        ),
        "each is whole": (not partial, f"{n} rankings, {len(partial)} with ranks missing"),
        "places add up": (not wrong_places, f"{len(report['tasks'])} tasks, {len(wrong_places)} where they do not"),
        "every answer was understood": (not proof.problems(), proof.problems() or "no 4xx, nobody gave up"),
        "pipelines are done, each stage once": (whole, f"{len(stages)} pipelines, {stages} runs, again: {attempts}"),
        "one recipe at a time": (
            proof.witness.most_recipes == 1,
            f"at most {proof.witness.most_recipes} in {proof.witness.looks} looks",
        ),
        "no torch in web, workers, clock": (
            not proof.witness.with_torch,
            "; ".join(proof.witness.with_torch) or f"{proof.witness.looks} looks",
        ),
    }


def print_row(row: Row) -> None:
    print(f"  {row.killed:<16} {row.stage:<14} {row.whole_again_s:>6.1f} s  {row.answered_before:>6}  {row.note}")
    sys.stdout.flush()


def main(argv: list[str] | None = None) -> int:
    """Run the proof; 0 when everything held, 1 when something did not."""
    parser = argparse.ArgumentParser(prog="./run bench kill", description=__doc__.split("\n")[0])
    parser.add_argument("--annotators", type=int, default=4, help="people who judge at the same time (default 4)")
    parser.add_argument(
        "--servers", action="store_true", help="on PostgreSQL and Redis instead of the embedded default"
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        servers = stack.enter_context(running_servers(Path(folder), database="kill")) if arguments.servers else {}
        proof = Proof(Path(folder) / "var", arguments.annotators, servers)
        try:
            print(f"  {'killed':<16} {'while':<14} {'whole again':>8}  judgements answered before")
            started = time.monotonic()
            found = findings(proof, proof.run())
        finally:
            proof.product.stop()
    print()
    for what, (holds, figures) in found.items():
        print(f"  {'yes' if holds else 'NO':<4} {what:<38} {figures}")
    held = all(holds for holds, _ in found.values())
    print(f"\nNothing was lost and nothing doubled: {'yes' if held else 'NO'} ({time.monotonic() - started:.0f} s)")
    if arguments.json:
        print(json.dumps({"benchmark": "kill", "held": held, "kills": [asdict(row) for row in proof.rows]}))
    return 0 if held else 1
