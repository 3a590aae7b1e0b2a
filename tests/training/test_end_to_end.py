"""The whole chain with the real recipes, tiny: from rankings of the demo's world to a campaign of new answers.

The recipes run in this process: loading torch and trl anew for each takes longer than the training. That the product
starts them as processes, and reads how they end, is in test_celery.py and tests/clock/test_supervise.py.
"""

import datetime
import json
import random
from pathlib import Path

import pytest

from annotate.models import Task
from annotate.services.campaigns import add_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from tests.recipes.small_artifacts import run_module
from tests.training.conftest import rank, write
from training.demo import world as desk
from training.models import Evaluation, Run
from training.queries import pipeline_report, run_report, stages
from training.services import runs
from training.services.foreground import work_off
from training.services.messages import no_messages
from training.services.pipelines import start_pipeline
from training.supervise import Outcome, read_progress

pytestmark = pytest.mark.django_db

TINY = {
    "base": {"documents": 120, "vocab_size": 320, "hidden_size": 32, "layers": 1, "heads": 2, "batch_size": 16},
    "sft": {"epochs": 1},
    "reward": {"epochs": 1},
    "dpo": {"epochs": 1},
    "ppo": {"iterations": 2, "prompts_per_iteration": 8, "max_completion_tokens": 24, "calibration_answers": 16},
    "evaluate": {"samples_per_prompt": 1, "max_completion_tokens": 24},
    "sample": {"max_completion_tokens": 24},
    "publish": {"prompts": 3, "k": 2, "overlap": 2},
}


def judge_some_of_the_demos_world(world) -> None:
    rng = random.Random(5)
    producer = add_producer(name="grammar", kind="imported")
    cases = [case for split in ("train", "validation", "test") for case in desk.cases() if case.split == split]
    by_split = {split: [case for case in cases if case.split == split][:count] for split, count in SIZES.items()}
    for case in [case for found in by_split.values() for case in found]:
        prompt = add_prompt(messages=desk.prompt(case), domain=case.domain, by=world.carol)
        texts = [desk.reply(rng, case, 0.9), f"{desk.reply(rng, case, 0.1)} Goodbye.", "This is your own fault."]
        completions = [add_completion(prompt=prompt, producer=producer, text=text, by=world.carol) for text in texts]
        task, _ = add_task(campaign=world.ranking, prompt=prompt, completions=completions)
        rank(world.alice, task, [1, 2, 3])
        rank(world.bob, task, [1, 2, 2])
    written_for = [case for case in cases if case.split == "train"][20:28]
    for case in written_for:
        prompt = add_prompt(messages=desk.prompt(case), domain=case.domain, by=world.carol)
        write(world.alice, add_task(campaign=world.writing, prompt=prompt)[0], desk.reply(rng, case, 1.0))


SIZES = {"train": 16, "validation": 3, "test": 4}


@pytest.fixture
def desk_world(world):
    """The shared world's people, with campaigns of nothing but the demo's prompts."""
    Task.objects.all().delete()
    judge_some_of_the_demos_world(world)
    return world


def in_this_process(argv: list[str], *, run_directory: Path, on_heartbeat, **options) -> Outcome:
    """What `supervise` does with `python -m training.recipes.NAME --config FILE` that goes well."""
    assert argv[1] == "-m"
    run_directory.mkdir(parents=True, exist_ok=True)
    run_module(*argv[2:])
    on_heartbeat(read_progress(run_directory))
    return Outcome("done", 0, "")


def test_it_turns_rankings_into_a_policy_and_new_tasks(desk_world, monkeypatch):
    monkeypatch.setattr(runs, "supervise", in_this_process)
    lines: list[str] = []
    with no_messages():
        pipeline, _ = start_pipeline(
            date=datetime.date(2026, 11, 20), trigger="person", by=desk_world.carol, config=TINY
        )
        pipeline = work_off(pipeline_id=pipeline.pk, say=lines.append)
    print("\n".join(lines), pipeline_report(pipeline=pipeline), sep="\n")
    assert pipeline.state == "done", pipeline.reason
    assert [stage.state for stage in stages(pipeline=pipeline)] == ["ready"] + ["done"] * 9
    assert pipeline.config["world"] is True
    win_rate = Evaluation.objects.get(name="win_rate", subject="ppo", against="sft")
    assert (win_rate.n, win_rate.checkpoint.run.recipe) == (SIZES["validation"] + SIZES["test"], "ppo")
    tasks = list(pipeline.next_campaign.tasks.all())
    assert 1 <= len(tasks) <= 3
    assert {task.target for task in tasks} == {2}
    for run in Run.objects.all():
        assert json.loads((run.path / "config.json").read_text())["seed"] == 1
    report = run_report(run_id=Run.objects.get(recipe="ppo").pk)
    assert {series.name for series in report.series} >= {"kl", "entropy"}
    for task in tasks:
        assert desk.parse(task.prompt.messages).domain == task.prompt.domain.slug
        assert task.prompt.tasks.get() == task, "a prompt that was in use already"
