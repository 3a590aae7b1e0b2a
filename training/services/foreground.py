"""A pipeline's work in this process, without workers: for `manage.py nightly --foreground` and for tests."""

import time
from collections.abc import Callable

from training.models import Pipeline, Run, Snapshot
from training.services.pipelines import advance_pipeline
from training.services.runs import execute_run, reap_runs
from training.services.snapshots import freeze_snapshot, reap_snapshots

SAY_EVERY = 5.0


def work_off(*, pipeline_id: int, say: Callable[[str], None]) -> Pipeline:
    """Advance a pipeline and do everything that it queues, until it ends; returns it.

    Work that a worker has taken meanwhile is left to the worker. `say` hears a line about every five seconds.
    """
    while True:
        advance_pipeline(pipeline_id=pipeline_id)
        pipeline = Pipeline.objects.select_related("snapshot").get(pk=pipeline_id)
        if pipeline.state != Pipeline.State.RUNNING:
            return pipeline
        if pipeline.snapshot and pipeline.snapshot.state == Snapshot.State.QUEUED:
            freeze_snapshot(snapshot_id=pipeline.snapshot_id)
            pipeline.snapshot.refresh_from_db()
            say(f"snapshot: {pipeline.snapshot.message}")
        elif run := pipeline.runs.filter(state=Run.State.QUEUED).order_by("pk").first():
            execute(run, say)
        else:
            reap_runs()
            reap_snapshots()
            time.sleep(1)


def execute(run: Run, say: Callable[[str], None]) -> None:
    """Execute a queued run here; `say` hears how far it is, and how it ended."""
    label, said = run.label, 0.0

    def on_progress(fraction: float, message: str) -> None:
        nonlocal said
        if time.monotonic() - said >= SAY_EVERY:
            said = time.monotonic()
            say(f"{label}: {fraction:4.0%} {message}")

    execute_run(run_id=run.pk, on_progress=on_progress)
    run.refresh_from_db()
    took = f" in {(run.ended_at - run.started_at).total_seconds():.0f} s" if run.ended_at and run.started_at else ""
    say(f"{label}: {run.state}{took}")
