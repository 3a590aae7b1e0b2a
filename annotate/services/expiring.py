"""Leases that ran out go back to the queue: many at once, in batches."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.utils import timezone

from annotate.models import Assignment, Task
from annotate.services import budgets
from annotate.services.places import give_places_back
from annotate.statements import prepared, run

BATCH = 500
LAPSED = "state = 'claimed' AND lease_expires_at < %(now)s"
EXPIRE = f"""UPDATE annotate_assignment SET state = 'expired', ended_at = %(now)s WHERE {LAPSED} AND id IN
(SELECT id FROM annotate_assignment WHERE {LAPSED} AND task_id IN ({{tasks}}) {{hint}}) RETURNING id, task_id"""


def expire_leases() -> int:
    """Send every task whose lease ran out back to the queue; returns how many."""
    expired = 0
    lapsed = Assignment.objects.filter(state=Assignment.State.CLAIMED).order_by("lease_expires_at")
    lapsed = lapsed.values_list("task_id", flat=True)
    while tasks := lapsed.filter(lease_expires_at__lt=timezone.now())[:BATCH]:
        if not (ended := _expire(sorted(set(tasks)))):
            break  # other requests are at all that is left
        expired += ended
    return expired


@transaction.atomic
def _expire(tasks: Sequence[int]) -> int:
    """Expire what lapsed of these, in one conditional UPDATE: what is renewed or submitted meanwhile stays as it is.

    Tasks are locked first (see places.py), in order. An assignment that another request moves just now is not waited
    for: its lease is looked at again in a minute.
    """
    list(Task.objects.filter(pk__in=tasks).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    hint = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    now = prepared(Assignment._meta.get_field("ended_at"), timezone.now())
    ended = run(EXPIRE.format(tasks=", ".join(map(str, tasks)), hint=hint), {"now": now})
    give_places_back(task for _, task in ended)
    with_budget = Assignment.objects.filter(pk__in=[pk for pk, _ in ended], campaign__spending__isnull=False)
    budgets.give_back(*with_budget.select_related("campaign"))
    return len(ended)
