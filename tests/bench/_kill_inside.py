"""What the kill benchmark does inside the product: it runs there through `manage.py shell -c`, and prints JSON."""

import datetime
import json
import random
from collections import Counter

from annotate.models import Assignment, Campaign, Judgement, Task
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.judging import submit_demonstration, submit_ranking
from annotate.services.people import create_admin, create_annotator
from tests.bench._kill_people import PASSWORD
from training.demo import world
from training.models import Checkpoint, Pipeline, Run, Snapshot
from training.services.pipelines import resume_pipeline, start_pipeline

JUDGED = {"train": 16, "validation": 3, "test": 4}
"""Tasks, by split, that are judged before anything is killed: what the pipeline learns from."""
SMALL = {
    "base": {"documents": 400, "vocab_size": 320, "hidden_size": 32, "layers": 1, "heads": 2, "batch_size": 16},
    "sft": {"epochs": 1},
    "reward": {"epochs": 1},
    "dpo": {"epochs": 1},
    "ppo": {"iterations": 2, "prompts_per_iteration": 8, "max_completion_tokens": 24, "calibration_answers": 16},
    "evaluate": {"samples_per_prompt": 1, "max_completion_tokens": 24},
    "sample": {"max_completion_tokens": 24},
    "publish": {"prompts": 3, "k": 2, "overlap": 2},
}
"""Recipes small enough that starting a process, not training, takes the time: the kills should hit every stage."""


def prepare(*, annotators: int, tasks: int) -> None:
    """People, a judged campaign to learn from, and the campaign that is judged while things are killed."""
    rng = random.Random(3)
    carol = create_admin(username="carol", password=PASSWORD)
    people = [create_annotator(username=f"annotator-{n}", password=PASSWORD) for n in range(annotators)]
    learn, live, write = (
        create_campaign(slug=slug, name=slug, kind=kind, guideline_slug=kind, overlap=overlap, by=carol)
        for slug, kind, overlap in (("learn", "ranking", 2), ("live", "ranking", 3), ("write", "demonstration", 1))
    )
    cases = {split: [case for case in world.cases() if case.split == split] for split in JUDGED}
    for case in [case for split, count in JUDGED.items() for case in cases[split][:count]]:
        _ranking_task(rng, learn, case, carol)
        for person in people[:2]:
            _rank(person, learn)
    for case in cases["train"][20:28]:
        add_task(campaign=write, prompt=add_prompt(messages=world.prompt(case), domain=case.domain, by=carol))
        assignment = claim_next_task(annotator=people[0], campaign=write)
        submit_demonstration(
            assignment_id=assignment.pk, annotator=people[0], text=world.reply(rng, case, 1.0), seconds=30
        )
    for case in cases["train"][40 : 40 + tasks]:
        _ranking_task(rng, live, case, carol)


def _ranking_task(rng: random.Random, campaign: Campaign, case: world.Case, by) -> None:
    prompt = add_prompt(messages=world.prompt(case), domain=case.domain, by=by)
    producer = add_producer(name="grammar", kind="imported")
    texts = [world.reply(rng, case, 0.9), f"{world.reply(rng, case, 0.1)} Goodbye.", "This is your own fault."]
    add_task(
        campaign=campaign,
        prompt=prompt,
        completions=[add_completion(prompt=prompt, producer=producer, text=text, by=by) for text in texts],
    )


def _rank(annotator, campaign: Campaign) -> None:
    assignment = claim_next_task(annotator=annotator, campaign=campaign)
    ids = sorted(assignment.shown_order)
    ranks = {completion: rank for rank, completion in enumerate(ids, start=1)}
    submit_ranking(assignment_id=assignment.pk, annotator=annotator, ranks=ranks, seconds=10)


def start() -> None:
    """Start a pipeline on the judged campaigns, as the button does."""
    campaigns = Campaign.objects.filter(slug__in=["learn", "write"])
    today = datetime.date.today()
    start_pipeline(date=today, trigger="person", again=True, config=SMALL, campaigns=campaigns)


def resume() -> None:
    """Resume the newest pipeline, as the button does."""
    resume_pipeline(pipeline_id=Pipeline.objects.order_by("-pk").first().pk, by=None)


def state() -> None:
    """How far the newest pipeline is."""
    pipeline = Pipeline.objects.order_by("-pk").first()
    runs = {run.recipe: [run.state, run.attempt] for run in pipeline.runs.order_by("pk")}
    print(json.dumps({"number": pipeline.number, "state": pipeline.state, "reason": pipeline.reason, "runs": runs}))


def report() -> None:
    """Everything that could have been lost or doubled."""
    live = Judgement.objects.filter(task__campaign__slug="live")
    judgements = [
        {"id": judgement.pk, "key": judgement.idempotency_key, "ranked": judgement.ranked.count()} for judgement in live
    ]
    print(
        json.dumps(
            {
                "judgements": judgements,
                "doubled": [
                    [task, annotator]
                    for (task, annotator), n in Counter(live.values_list("task_id", "annotator_id")).items()
                    if n > 1
                ],
                "tasks": [places(task) for task in Task.objects.filter(campaign__slug="live")],
                "pipelines": [_pipeline(pipeline) for pipeline in Pipeline.objects.order_by("pk")],
            }
        )
    )


def places(task: Task) -> dict[str, int]:
    """A task's places as the task counts them, and as its assignments and judgements do."""
    held = Counter(Assignment.objects.filter(task=task).values_list("state", flat=True))
    return {
        "target": task.target,
        "reserved": task.reserved,
        "submitted": task.submitted,
        "assignments held": held["claimed"] + held["submitted"],
        "assignments submitted": held["submitted"],
        "judgements": task.judgements.count(),
    }


def _pipeline(pipeline: Pipeline) -> dict:
    runs = list(Run.objects.filter(pipeline=pipeline).order_by("pk"))
    done = [run for run in runs if run.state == Run.State.DONE]
    return {
        "name": str(pipeline),
        "state": pipeline.state,
        "decision": pipeline.decision,
        "runs": [[run.recipe, run.state, run.attempt] for run in runs],
        "manifests of done runs": sum((run.path / "MANIFEST.json").exists() for run in done),
        "checkpoints": Checkpoint.objects.filter(run__in=runs).count(),
        "snapshots": Snapshot.objects.filter(pipelines=pipeline).count(),
        "new tasks": pipeline.next_campaign.tasks.count() if pipeline.next_campaign else 0,
    }
