"""Runs: queue, execute, cancel, resume, reap. Every arrow of the state machine is one conditional UPDATE.

The arrows name the attempt too. An executor whose row went to the next attempt finds no row to update: it stops its
process and writes nothing.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.models import User
from training.models import Checkpoint, Pipeline, Run, RunInput, Snapshot
from training.services.artifacts import (
    ArtifactError,
    discard_checkpoints,
    record_results,
    resolve_config,
    verify_artifact,
)
from training.services.messages import send
from training.supervise import supervise

State = Run.State
RESEND_AFTER = timedelta(seconds=15)
WAITING = "Waiting for the training worker."
SET_BY_THE_SERVICE = {"out", "seed", "snapshot", "base", "reward", "reference", "policies", "policy"}
SET_BY_THE_SERVICE |= {"rewards", "tasks", "resume_from"}

logger = logging.getLogger(__name__)


class RunTaken(Exception):
    """The row is no longer this attempt's; whatever it still does counts for nothing."""


def create_run(
    *,
    recipe: str,
    config: Mapping[str, Any],
    snapshot: Snapshot | None,
    inputs: Mapping[str, Checkpoint],
    seed: int,
    by: User | None,
    pipeline: Pipeline | None = None,
    stage: str = "",
) -> Run:
    """A queued run of a recipe; a training worker executes it.

    `config` holds fields of the recipe's configuration, without those that the service sets: the run directory, the
    seed, the snapshot and the inputs. `inputs` maps a role to a checkpoint: base, reward, reference, policy,
    `policy:NAME` for each policy to evaluate, or `reward:NUMBER` for each member of an ensemble. `stage` is what the
    pipeline calls the run, where there is one. Raises DomainError for an unknown recipe or a field that is not to be
    set.
    """
    if recipe not in Run.Recipe.values:
        raise DomainError(
            _("There is no recipe %(name)r; choose one of %(known)s.")
            % {"name": recipe, "known": ", ".join(Run.Recipe.values)}
        )
    if forbidden := sorted(SET_BY_THE_SERVICE & set(config)):
        raise DomainError(
            _("The field %(field)r of %(recipe)s follows from the run's row; leave it out.")
            % {"field": forbidden[0], "recipe": recipe}
        )
    with transaction.atomic():
        run = Run.objects.create(
            recipe=recipe,
            config=dict(config),
            snapshot=snapshot,
            pipeline=pipeline,
            stage=stage,
            seed=seed,
            heartbeat_at=timezone.now(),
            message=WAITING,
            created_by=by,
        )
        RunInput.objects.bulk_create(
            RunInput(run=run, role=role, checkpoint=checkpoint) for role, checkpoint in inputs.items()
        )
        send("execute_run", run.pk)
    return run


def execute_run(*, run_id: int, on_progress: Callable[[float, str], None] | None = None) -> None:
    """Execute a queued run in a process of its own, until it ends; blocks meanwhile.

    Anything that is not queued is left alone, so that a message may come twice. `on_progress` hears the fraction done
    and what the recipe says it is doing, about once a second.
    """
    run = _start(run_id)
    if run is None:
        return
    logger.info("Run %s (%s, attempt %s) starts in %s.", run.pk, run.recipe, run.attempt, run.path)
    try:
        outcome = supervise(
            [sys.executable, "-m", f"training.recipes.{run.recipe}", "--config", str(resolve_config(run))],
            run_directory=run.path,
            env={"PYTHONPATH": os.pathsep.join(_python_path()), "PYTHONUNBUFFERED": "1"},
            on_heartbeat=partial(_beat, run, on_progress=on_progress),
            should_cancel=partial(_cancel_requested, run),
            heartbeat_seconds=settings.HEARTBEAT_SECONDS,
        )
        if outcome.state == "done":
            _finish(run)
        else:
            _end(run, outcome.state, message=outcome.message, exit_code=outcome.exit_code)
    except RunTaken:
        logger.warning("Run %s is no longer attempt %s's; that attempt stopped.", run.pk, run.attempt)
    except KeyboardInterrupt:
        _end(run, State.CANCELLED, message="Interrupted from the keyboard.")
        raise
    except Exception as error:
        _end(run, State.FAILED, message=f"The run could not be executed: {error}")
        raise


def _python_path() -> list[str]:
    inherited = os.environ.get("PYTHONPATH")
    return [str(settings.BASE_DIR), *([inherited] if inherited else [])]


def _start(run_id: int) -> Run | None:
    """queued -> running; None when somebody else did that, or it is not queued."""
    run = Run.objects.filter(pk=run_id, state=State.QUEUED).select_related("snapshot", "pipeline").first()
    now = timezone.now()
    started = {"state": State.RUNNING, "started_at": now, "heartbeat_at": now, "message": "Starting."}
    if run is None or not _rows(run, State.QUEUED).update(**started):
        return None
    return run


def _rows(run: Run, *states: str) -> QuerySet[Run]:
    """The run's row, as long as it is this attempt's and in one of the states."""
    return Run.objects.filter(pk=run.pk, attempt=run.attempt, state__in=states)


def _beat(run: Run, progress: Mapping[str, Any], *, on_progress: Callable[[float, str], None] | None = None) -> None:
    """Say on the row that the run is alive and how far it is. Raises RunTaken when the row is no longer its own."""
    fields: dict[str, Any] = {"heartbeat_at": timezone.now()}
    if progress:
        fields["progress"] = min(max(float(progress.get("fraction", 0)), 0.0), 1.0)
        fields["message"] = str(progress.get("message", ""))
    try:
        mine = _rows(run, State.RUNNING).update(**fields)
    except DatabaseError as error:
        # A busy or restarting database must not end hours of training: the next beat comes in a second, and if none
        # comes through for long enough the reaper gives the row away, which a later beat will find out.
        logger.warning("Run %s could not report: %s", run.pk, error)
        connection.close()
        return
    if not mine:
        raise RunTaken
    if on_progress and progress:
        on_progress(fields["progress"], fields["message"])


def _cancel_requested(run: Run) -> bool:
    try:
        return _rows(run, State.RUNNING).filter(cancel_requested_at__isnull=False).exists()
    except DatabaseError as error:
        logger.warning("Run %s could not ask whether to stop: %s", run.pk, error)
        connection.close()
        return False


def _finish(run: Run) -> None:
    """running -> done, together with the checkpoint and the figures; or -> failed when the artifact is not whole."""
    try:
        manifest = verify_artifact(run, on_file=partial(_beat, run, {}))
    except ArtifactError as error:
        _end(run, State.FAILED, message=str(error), exit_code=0)
        return
    with transaction.atomic():
        now = timezone.now()
        done = {"state": State.DONE, "progress": 1, "message": "", "exit_code": 0, "ended_at": now, "heartbeat_at": now}
        if not _rows(run, State.RUNNING).update(**done):
            raise RunTaken
        record_results(run, manifest)
        _tell_pipeline(run)
    discard_checkpoints(run)


def _end(run: Run, state: str, *, message: str, exit_code: int | None = None) -> None:
    with transaction.atomic():
        now = timezone.now()
        ended = {"state": state, "message": message, "exit_code": exit_code, "ended_at": now, "heartbeat_at": now}
        if _rows(run, State.RUNNING).update(**ended):
            _tell_pipeline(run)


def _tell_pipeline(run: Run) -> None:
    if run.pipeline_id:
        send("advance_pipeline", run.pipeline_id)


def cancel_run(*, run_id: int, by: User | None) -> Run:
    """Cancel a queued run at once, a running one within about three seconds.

    Raises DomainError when the run has ended.
    """
    run = _get(run_id)
    now = timezone.now()
    whose = f"Cancelled by {by}." if by else "Cancelled."
    row = Run.objects.filter(pk=run_id)
    with transaction.atomic():
        if row.filter(state=State.QUEUED).update(state=State.CANCELLED, message=whose, ended_at=now):
            _tell_pipeline(run)
        elif not row.filter(state=State.RUNNING).update(cancel_requested_at=now):
            run.refresh_from_db()
            raise DomainError(
                _("Run %(number)s is %(state)s; only a queued or running one can be cancelled.")
                % {"number": run.pk, "state": run.get_state_display().lower()}
            )
    run.refresh_from_db()
    return run


def resume_run(*, run_id: int, by: User | None) -> Run:
    """Queue a failed, cancelled or lost run again, as its next attempt, which goes on from the last checkpoint.

    Raises DomainError when the run is in no such state, or belongs to a pipeline that is not running.
    """
    run = _get(run_id)
    if run.pipeline and run.pipeline.state != Pipeline.State.RUNNING:
        raise DomainError(
            _("Run %(number)s belongs to %(pipeline)s, which is %(state)s: resume that.")
            % {"number": run.pk, "pipeline": run.pipeline, "state": run.pipeline.get_state_display().lower()}
        )
    if not requeue_run(run):
        run.refresh_from_db()
        raise DomainError(
            _("Run %(number)s is %(state)s; only a failed, cancelled or lost one can be resumed.")
            % {"number": run.pk, "state": run.get_state_display().lower()}
        )
    logger.info("Run %s was resumed by %s.", run.pk, by)
    run.refresh_from_db()
    return run


def requeue_run(run: Run, *, message: str = WAITING) -> bool:
    """failed | cancelled | lost -> queued, as the next attempt; False when the run is in none of these states."""
    fresh = {
        "state": State.QUEUED,
        "attempt": F("attempt") + 1,
        "progress": 0,
        "message": message,
        "heartbeat_at": timezone.now(),
        "cancel_requested_at": None,
        "exit_code": None,
        "started_at": None,
        "ended_at": None,
    }
    with transaction.atomic():
        if not _rows(run, State.FAILED, State.CANCELLED, State.LOST).update(**fresh):
            return False
        send("execute_run", run.pk)
    return True


def _get(run_id: int) -> Run:
    run = Run.objects.filter(pk=run_id).select_related("pipeline").first()
    if run is None:
        raise DomainError(_("There is no run %(number)s; look at the list of runs.") % {"number": run_id})
    return run


def reap_runs() -> None:
    """Mark runs without a heartbeat as lost and queue their next attempt; repeat messages that nobody fetched."""
    now = timezone.now()
    lost_before = now - timedelta(seconds=settings.LOST_AFTER_SECONDS)
    for run in Run.objects.filter(state=State.RUNNING, heartbeat_at__lt=lost_before):
        _reap(run, lost_before)
    for run in Run.objects.filter(state=State.QUEUED, heartbeat_at__lt=now - RESEND_AFTER):
        unheard = _rows(run, State.QUEUED).filter(heartbeat_at=run.heartbeat_at)
        if unheard.update(heartbeat_at=now):
            send("execute_run", run.pk, expires=2 * RESEND_AFTER.total_seconds())


def _reap(run: Run, lost_before: datetime) -> None:
    """running -> lost, or -> cancelled where that was asked for; lost -> queued while attempts remain."""
    stale = _rows(run, State.RUNNING).filter(heartbeat_at__lt=lost_before)
    now = timezone.now()
    message = f"Its worker died, or lost the database for {settings.LOST_AFTER_SECONDS} s, in attempt {run.attempt}."
    with transaction.atomic():
        stopped = stale.filter(cancel_requested_at__isnull=False)
        if stopped.update(state=State.CANCELLED, message="Cancelled; its worker died meanwhile.", ended_at=now):
            _tell_pipeline(run)
            return
        if run.attempt >= settings.MAX_ATTEMPTS:
            message += (
                f" After {run.attempt} attempts it is not tried again by itself: see the worker's log and resume."
            )
        if not stale.update(state=State.LOST, message=message, ended_at=now):
            return
        logger.warning("Run %s is lost. %s", run.pk, message)
        if run.attempt < settings.MAX_ATTEMPTS:
            requeue_run(run, message=f"{message} Waiting for the training worker.")
        else:
            _tell_pipeline(run)
