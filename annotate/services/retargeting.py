"""How many people do a task that is there already, when an admin says so."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Greatest, Least
from django.utils.translation import gettext as _

from annotate.errors import DomainError, NotFound
from annotate.models import Campaign, CampaignChange, Task, User
from annotate.services.campaigns import MAX_SMALL
from annotate.services.queues import hold_campaign

TASK = "target "
"""In the record: `target 12` is the target of task 12, `targets` are those of all tasks."""


@dataclass(frozen=True, slots=True)
class Retargeted:
    """What became of it. A task is never set below the places that are taken: then those are its target."""

    target: int
    """What was asked for."""
    n_tasks: int
    n_kept: int
    """Of these, the tasks that have more places taken than that."""


@transaction.atomic
def retarget(*, task_id: int, target: int, by: User) -> tuple[Task, Retargeted]:
    """Have so many people do this task. Raises NotFound, or DomainError for a number or a task that has no target."""
    task = Task.objects.select_related("campaign").filter(pk=task_id).first()
    if task is None:
        raise NotFound(_("There is no such task."))
    if task.purpose != Task.Purpose.WORK:
        raise DomainError(_("This task has a known answer: it goes to everybody once, and has no target of its own."))
    before = task.target
    found = _set(Task.objects.filter(pk=task_id, purpose=Task.Purpose.WORK), target)
    task.refresh_from_db(fields=["target", "raised", "reserved", "submitted"])
    _record(task.campaign, by, f"{TASK}{task_id}", before, task.target)
    return task, found


@transaction.atomic
def retarget_all(*, campaign: Campaign, target: int, by: User) -> Retargeted:
    """Have so many people do each of the campaign's tasks that are there already. Raises DomainError for a number."""
    hold_campaign(campaign)
    tasks = Task.objects.filter(campaign=campaign, purpose=Task.Purpose.WORK)
    before = tasks.order_by("target").values_list("target", flat=True).distinct()
    before = ", ".join(map(str, before))
    found = _set(tasks, target)
    _record(campaign, by, "targets", before, str(target))
    return found


def _set(tasks: QuerySet[Task], target: int) -> Retargeted:
    """One UPDATE, so that a place that is being taken counts; of what disagreement added, what is taken stays so."""
    if not 1 <= target <= MAX_SMALL:
        raise DomainError(
            _("A task goes to between 1 and %(most)d people; %(target)d is none of these.")
            % {"most": MAX_SMALL, "target": target}
        )
    beyond = Greatest(F("reserved") - Value(target), Value(0))
    n = tasks.update(target=Greatest(F("reserved"), Value(target)), raised=Least(F("raised"), beyond))
    return Retargeted(target=target, n_tasks=n, n_kept=tasks.filter(target__gt=target).count())


def _record(campaign: Campaign, by: User, field: str, old: object, new: object) -> None:
    if old != new:
        CampaignChange.objects.create(campaign=campaign, by=by, field=field, old=old, new=new)
