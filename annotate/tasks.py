"""Celery tasks: each calls one service."""

from celery import shared_task

from annotate.services import claiming


@shared_task
def expire_leases() -> None:
    claiming.expire_leases()
