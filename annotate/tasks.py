"""Celery tasks: each calls one service."""

from celery import shared_task

from annotate.ledger.live import ledger
from annotate.services import expiring, overlap, progress, reviewing


@shared_task
def expire_leases() -> None:
    expiring.expire_leases()


@shared_task
def fill_review_campaigns() -> None:
    reviewing.fill_review_campaigns()


@shared_task
def count_long_campaigns() -> None:
    progress.count_long_campaigns()


@shared_task
def reconsider_what_waits() -> None:
    overlap.reconsider_what_waits()


@shared_task
def check_ledger() -> None:
    ledger().check()
