"""Places: how many annotators a task still needs. Taken and given back by conditional UPDATEs, on every database."""

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from annotate.models import Queue, Task

STEP = Coalesce(Subquery(Queue.objects.filter(pk=OuterRef("queue_id")).values("step")[:1]), 0)
"""A task grows more or less urgent with every place taken, as its campaign's order wants it."""


def take_place(task_id: int) -> bool:
    """Reserve one of the task's places; False when there is none."""
    free = Task.objects.filter(pk=task_id, reserved__lt=F("target"))
    return free.update(reserved=F("reserved") + 1, urgency=F("urgency") + STEP) == 1


def give_place_back(task_id: int) -> None:
    """Free a reserved place that nobody submitted in."""
    Task.objects.filter(pk=task_id).update(reserved=F("reserved") - 1, urgency=F("urgency") - STEP)
