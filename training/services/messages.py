"""Messages to the workers: a task's name and ids, sent when the transaction commits.

The row is the truth. A message that is lost, or a broker that is down, delays the work until the reaper sends another;
a message that comes twice changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from celery import current_app
from django.db import transaction

_silent = ContextVar("silent", default=False)


def send(task: str, row_id: int, *, expires: float | None = None) -> None:
    """Ask a worker to run `training.tasks.<task>` on a row once the transaction has committed.

    `expires` (seconds) keeps a repeated message from piling up behind a busy worker.
    """
    if _silent.get():
        return

    def post() -> None:
        current_app.send_task(f"training.tasks.{task}", args=[row_id], expires=expires)

    # Robust: a broker that is down is logged, and must not turn into an error what is committed already.
    transaction.on_commit(post, robust=True)


@contextmanager
def no_messages() -> Iterator[None]:
    """Send nothing inside: for a process that does the work itself."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)
