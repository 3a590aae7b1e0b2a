"""One row of every training model, as a night leaves them."""

from dataclasses import dataclass

from django.utils import timezone

from training.models import Checkpoint, Evaluation, Pipeline, Run, RunInput, Snapshot

SHA = "ab" * 32


@dataclass
class Night:
    """A pipeline whose evaluation run is done, and a run beside it that still waits."""

    snapshot: Snapshot
    pipeline: Pipeline
    evaluation: Run
    waiting: Run
    checkpoint: Checkpoint


def add_training_rows() -> Night:
    snapshot = Snapshot.objects.create(
        state="ready", sha256=SHA, selection={"campaigns": ["answers"]}, manifest={"ties": 3}
    )
    now = timezone.now()
    pipeline = Pipeline.objects.create(
        date=timezone.localdate(), trigger="nightly", base_model="embedded", snapshot=snapshot, state="failed"
    )
    ended = {"state": "done", "progress": 1, "started_at": now, "heartbeat_at": now, "ended_at": now}
    of_night = {"snapshot": snapshot, "pipeline": pipeline, **ended}
    dpo = Run.objects.create(recipe="dpo", stage="dpo", config={"beta": 0.2}, **of_night)
    checkpoint = Checkpoint.objects.create(kind="policy", name="dpo", sha256=SHA, location="runs/1", run=dpo)
    evaluation = Run.objects.create(recipe="evaluate", stage="evaluate", config={}, pipeline=pipeline, **ended)
    RunInput.objects.create(run=evaluation, role="policy:dpo", checkpoint=checkpoint)
    Evaluation.objects.create(
        run=evaluation,
        checkpoint=checkpoint,
        name="win_rate",
        subject="dpo",
        against="sft",
        value=0.62,
        lo=0.55,
        hi=0.69,
        n=120,
    )
    waiting = Run.objects.create(recipe="sft", config={}, heartbeat_at=now)
    return Night(snapshot, pipeline, evaluation, waiting, checkpoint)
