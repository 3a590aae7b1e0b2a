"""Fixtures of the training tests: folders of their own, recorded messages, judged tasks, and a stand-in for recipes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from annotate.models import Judgement, Task, User
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_demonstration, submit_ranking
from tests.keeping import Kept, keep_on
from tests.world import World, add_ranking_task
from training.modelling.artifacts import Result, RunDirectory
from training.services import messages, runs
from training.supervise import Outcome


@pytest.fixture(autouse=True)
def var(tmp_path, settings) -> Path:
    """Snapshots and runs go to the test's own folder."""
    settings.VAR_DIR = tmp_path
    settings.SNAPSHOT_DIR = tmp_path / "snapshots"
    settings.RUN_DIR = tmp_path / "runs"
    return tmp_path


@pytest.fixture
def sent(monkeypatch, settings) -> list[tuple[str, int]]:
    """The messages (task, id) that were sent, instead of sending them."""
    found: list[tuple[str, int]] = []

    def record(task: str, row_id: int, *, expires: float | None = None) -> None:
        found.append((task, row_id))

    for module in (messages, runs, "training.services.snapshots", "training.services.pipelines"):
        monkeypatch.setattr(f"{getattr(module, '__name__', module)}.send", record)
    return found


def rank(annotator: User, task: Task, ranks: list[int], *, seconds: float = 12.5) -> Judgement:
    """Submit these ranks, one for each of the task's completions in their order, for the next task of the campaign."""
    assignment = claim_next_task(annotator=annotator, campaign=task.campaign)
    assert assignment.task_id == task.pk, "the campaign hands out its tasks in order: judge them in order"
    ids = list(task.completions.order_by("task_completions__position").values_list("pk", flat=True))
    return submit_ranking(
        assignment_id=assignment.pk,
        annotator=annotator,
        ranks=dict(zip(ids, ranks, strict=True)),
        seconds=seconds,
    )


def write(annotator: User, task: Task, text: str, *, reasoning: str = "") -> Judgement:
    """Submit a demonstration for the next task of the campaign."""
    assignment = claim_next_task(annotator=annotator, campaign=task.campaign)
    return submit_demonstration(
        assignment_id=assignment.pk, annotator=annotator, text=text, reasoning=reasoning, seconds=60.0
    )


def judge_everything(world: World) -> None:
    """Twenty more ranking tasks, so that every split has some; alice and bob rank all, alice writes both answers."""
    added = [
        add_ranking_task(
            world.ranking,
            question=f"How do I boil an egg? ({number})",
            answers=[f"Egg answer {number}{letter}." for letter in "abcd"],
            by=world.carol,
        )
        for number in range(20)
    ]
    for number, task in enumerate([*world.ranking_tasks, *added]):
        rank(world.alice, task, [1, 2, 3, 4])
        rank(world.bob, task, [1, 2, 2, 3] if number % 2 else [2, 1, 3, 4])
    for task in world.writing_tasks:
        write(world.alice, task, f"Purse your lips, then blow. {task.pk}", reasoning="That is how I learnt it.")


@pytest.fixture(scope="session")
def kept_judgements(kept_world: Kept[World], django_db_blocker) -> Kept[None]:
    """What judging everything adds to the world."""
    with django_db_blocker.unblock():
        return keep_on(kept_world, judge_everything)


@pytest.fixture
def judged(world: World, kept_judgements: Kept[None]) -> World:
    assert not Judgement.objects.exists()  # the kept ones' ids may be others' by then: take this fixture first
    kept_judgements.put_back()
    return world


@dataclass
class Recipes:
    """What the stand-in does for each recipe; by default it leaves a whole artifact and results that pass the gate."""

    executed: list[str] = field(default_factory=list)
    configs: dict[str, dict] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    results: dict[str, list[Result]] = field(default_factory=dict)
    before_the_end: Callable[[], None] = lambda: None


def figure(name: str, subject: str, value: float, *, against: str = "", half: float = 0.05) -> Result:
    return Result(name=name, subject=subject, against=against, value=value, lo=value - half, hi=value + half, n=100)


PASSING = [
    *(figure(name, who, 1.0) for name in ("entropy", "distinct_2", "end_rate") for who in ("sft", "dpo", "ppo")),
    *(figure("kl", who, 5.0, against="sft") for who in ("dpo", "ppo")),
    figure("pair_accuracy", "reward", 0.65, against="annotators"),
    figure("win_rate", "dpo", 0.60, against="sft"),
    figure("win_rate", "ppo", 0.80, against="sft"),
]


@pytest.fixture
def recipes(monkeypatch) -> Recipes:
    """In the place of the training subprocess: leaves at once what a recipe leaves after minutes."""
    plan = Recipes(results={"evaluate": PASSING})

    def stand_in(argv: list[str], *, run_directory: Path, on_heartbeat, should_cancel, **options) -> Outcome:
        recipe = argv[2].rpartition(".")[2]
        config = json.loads(Path(argv[4]).read_text())
        plan.executed.append(recipe)
        plan.configs[recipe] = config
        on_heartbeat({"fraction": 0.5, "message": "half way"})
        plan.before_the_end()
        if should_cancel():
            return Outcome("cancelled", -15, "Cancelled on request.")
        if recipe in plan.outcomes:
            return plan.outcomes[recipe]
        leave_artifact(run_directory, recipe, config, plan.results.get(recipe, []))
        on_heartbeat({"fraction": 1.0, "message": "finished"})
        return Outcome("done", 0, "")

    monkeypatch.setattr(runs, "supervise", stand_in)
    return plan


def leave_artifact(folder: Path, recipe: str, config: dict, results: list[Result]) -> None:
    """The files and the manifest of a finished run."""
    kinds = {"reward": "reward", "evaluate": "evaluation", "sample": "samples"}
    artifact = RunDirectory(folder)
    artifact.metrics(1, loss=0.5)
    artifact.model.mkdir()
    (artifact.model / "weights").write_text(f"weights of {recipe}")
    if recipe == "sample":
        rows = [json.loads(line) for line in Path(config["prompts"]).read_text().splitlines()]
        with (folder / "completions.jsonl").open("w") as file:
            for row in rows:
                answers = [f"Answer {number}." for number in range(config["k"])]
                file.write(json.dumps({"prompt_sha256": row["prompt_sha256"], "completions": answers}) + "\n")
    artifact.write_manifest(
        recipe=recipe,
        kind=kinds.get(recipe, "policy"),
        config=config,
        seed=config["seed"],
        inputs={},
        results=results,
    )
