"""Celery tasks: each takes an id and calls one service. All may come twice."""

import logging

from celery import shared_task
from django.utils import timezone

from annotate.errors import DomainError
from training.services import pipelines, runs, snapshots

logger = logging.getLogger(__name__)


@shared_task
def freeze_snapshot(snapshot_id: int) -> None:
    snapshots.freeze_snapshot(snapshot_id=snapshot_id)
    pipelines.advance_running_pipelines()


@shared_task
def execute_run(run_id: int) -> None:
    runs.execute_run(run_id=run_id)


@shared_task
def advance_pipeline(pipeline_id: int) -> None:
    pipelines.advance_pipeline(pipeline_id=pipeline_id)


@shared_task
def start_nightly_pipeline() -> None:
    try:
        pipelines.start_pipeline(date=timezone.localdate(), trigger="nightly")
    except DomainError as error:
        logger.warning("Tonight's pipeline did not start: %s", error)


@shared_task
def reap() -> None:
    runs.reap_runs()
    snapshots.reap_snapshots()
    pipelines.advance_running_pipelines()
