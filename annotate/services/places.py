"""Places: how many annotators a task still needs. Taken and given back by conditional UPDATEs, on every database.

Whoever moves a task and an assignment of it in one transaction moves the task first. With one order for all, nobody
waits for somebody who waits for them: PostgreSQL would end one of the two with an error.
"""

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from annotate.models import Queue, Task

STEP = Coalesce(Subquery(Queue.objects.filter(pk=OuterRef("queue_id")).values("step")[:1]), 0)
"""A task grows more or less urgent with every place taken, as its campaign's order wants it."""


def take_place(task_id: int) -> bool:
    """Reserve one of the task's places; False when there is none."""
    free = Task.objects.filter(pk=task_id, reserved__lt=F("target"))
    return free.update(reserved=F("reserved") + 1, urgency=F("urgency") + STEP) == 1


def give_place_back(task_id: int) -> bool:
    """Free a reserved place that nobody submitted in; False when there is none, so that nobody holds the task."""
    held = Task.objects.filter(pk=task_id, submitted__lt=F("reserved"))
    return held.update(reserved=F("reserved") - 1, urgency=F("urgency") - STEP) == 1


def fill_place(task_id: int) -> bool:
    """Turn a reserved place into a submitted one; False when there is none, so that nobody holds the task."""
    held = Task.objects.filter(pk=task_id, submitted__lt=F("reserved"))
    return held.update(submitted=F("submitted") + 1) == 1


def empty_place(task_id: int) -> None:
    """Undo `fill_place`, in its transaction."""
    Task.objects.filter(pk=task_id).update(submitted=F("submitted") - 1)
