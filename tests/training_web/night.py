"""A finished night, written as rows and files, for the pages that show it."""

import json
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from tests.world import World
from training.models import Checkpoint, Evaluation, Pipeline, Run, RunInput, Snapshot

SHA = "ab" * 32
COUNTS = {"train": 8, "validation": 1, "test": 2}


@dataclass
class Night:
    """A pipeline that promoted its DPO policy, with the runs that the pages show."""

    pipeline: Pipeline
    snapshot: Snapshot
    dpo: Run
    evaluation: Run


def build_night(world: World) -> Night:
    """Make the night in the database and in the folders that the settings name."""
    (settings.SNAPSHOT_DIR / SHA / "rankings").mkdir(parents=True)
    (settings.SNAPSHOT_DIR / SHA / "rankings" / "train.parquet").write_bytes(b"PAR1")
    snapshot = Snapshot.objects.create(
        state="ready",
        sha256=SHA,
        selection={"campaigns": ["answers"], "until": "2026-11-20T00:00:00+00:00"},
        message="11 rankings",
        manifest={
            "counts": {"rankings": COUNTS},
            "guidelines": [{"slug": "ranking", "version": 1, "sha256": SHA}],
            "ties": 3,
            "code_version": "0.1.0",
        },
        created_by=world.carol,
    )
    pipeline = Pipeline.objects.create(
        date=timezone.localdate(), trigger="person", base_model="embedded", snapshot=snapshot, created_by=world.carol
    )
    now = timezone.now()
    ended = {"state": "done", "progress": 1, "started_at": now, "heartbeat_at": now, "ended_at": now}
    of_night = {"snapshot": snapshot, "pipeline": pipeline, **ended}
    dpo = Run.objects.create(recipe="dpo", stage="dpo", config={"beta": 0.2}, seed=7, **of_night)
    dpo.path.mkdir(parents=True)
    steps = [{"step": step, "time": 0.0, "loss": 0.7 - step / 10} for step in range(1, 5)]
    (dpo.path / "metrics.jsonl").write_text("\n".join(map(json.dumps, steps)) + "\n")
    (dpo.path / "log.txt").write_text("step 1 <b>not bold</b>\n")
    policy = Checkpoint.objects.create(kind="policy", name="dpo of tonight", sha256=SHA, location="x", run=dpo)
    evaluation = Run.objects.create(recipe="evaluate", stage="evaluate", config={}, pipeline=pipeline, **ended)
    RunInput.objects.create(run=evaluation, role="policy:dpo", checkpoint=policy)
    for name, subject, value, lo, hi in (
        ("win_rate", "dpo", 0.62, 0.55, 0.69),
        ("win_rate", "ppo", 0.71, 0.63, 0.78),
        ("kl", "dpo", -1.25, -1.5, -1.0),
    ):
        Evaluation.objects.create(
            run=evaluation, name=name, subject=subject, against="sft", value=value, lo=lo, hi=hi, n=120
        )
    evaluation.path.mkdir(parents=True)
    sample = {"prompt_sha256": "p", "prompt": [{"role": "user", "content": "My kettle leaks."}], "gold": None}
    rows = [{**sample, "policy": name, "completion": f"Answer of {name}.", "score": 0.5} for name in ("sft", "dpo")]
    (evaluation.path / "samples.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    Pipeline.objects.filter(pk=pipeline.pk).update(
        state="done", decision="promoted", promoted=policy, reason="DPO is promoted.", ended_at=now
    )
    Checkpoint.objects.filter(pk=policy.pk).update(promoted_at=now)
    pipeline.refresh_from_db()
    return Night(pipeline, snapshot, dpo, evaluation)
