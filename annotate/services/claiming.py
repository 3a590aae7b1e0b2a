"""Who holds which task. Every race here is won by a conditional UPDATE and its row count, on every database."""

import random
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from annotate.errors import DomainError, LeaseLost, NotFound
from annotate.models import Assignment, Campaign, ContentWarning, Guideline, Task, TaskCompletion, User
from annotate.services.onboarding import check_may_work

State = Assignment.State
CANDIDATES = 20  # how many open tasks to look at before asking the database again
shuffler = random.SystemRandom()


def claim_next_task(*, annotator: User, campaign: Campaign) -> Assignment | None:
    """The task that this annotator already holds in the campaign, else the next open one, else None.

    A reload or a second tab gets the same assignment. Raises DomainError when the campaign is paused or closed, and
    what `check_may_work` raises when this annotator may not work in it, or has a step to do first.
    """
    check_may_work(user=annotator, campaign=campaign)
    held = _held(annotator, campaign)
    if held:
        return _renew(held)
    if campaign.state != Campaign.State.OPEN:
        raise DomainError(f"The campaign {campaign.name!r} is {campaign.state}; there is nothing to do in it now.")
    while candidates := list(open_tasks(annotator=annotator, campaign=campaign)[:CANDIDATES]):
        for task in candidates:
            try:
                assignment = claim_task(task=task, annotator=annotator, guideline=campaign.guideline)
            except IntegrityError:  # another tab of the same annotator claimed this very task in between
                return _held(annotator, campaign)
            if assignment:
                return assignment
    return None


def open_tasks(*, annotator: User, campaign: Campaign) -> QuerySet[Task]:
    """The tasks with a free place that this annotator has not done or skipped, and whose completions are not theirs.

    Prompts with content that they opted out of are left out.
    """
    theirs = Assignment.objects.filter(
        task=OuterRef("pk"), annotator=annotator, state__in=[State.CLAIMED, State.SUBMITTED, State.SKIPPED]
    )
    own_work = TaskCompletion.objects.filter(task=OuterRef("pk"), completion__producer__user=annotator)
    tasks = (
        Task.objects.filter(campaign=campaign, reserved__lt=F("target"), purpose=Task.Purpose.WORK, withdrawn=False)
        .exclude(Exists(theirs))
        .exclude(Exists(own_work))
        .select_related("campaign")
        .order_by("position")
    )
    if avoided := opt_outs(annotator):
        tasks = tasks.exclude(Exists(ContentWarning.objects.filter(prompt=OuterRef("prompt"), kind__in=avoided)))
    return tasks


def opt_outs(annotator: User) -> list[str]:
    """The kinds of distressing content that this person never wants to be given."""
    profile = getattr(annotator, "profile", None)
    return profile.opt_outs if profile else []


def _held(annotator: User, campaign: Campaign) -> Assignment | None:
    return Assignment.objects.filter(annotator=annotator, task__campaign=campaign, state=State.CLAIMED).first()


def claim_task(*, task: Task, annotator: User, guideline: Guideline) -> Assignment | None:
    """Take one place of this very task, or None when somebody else took the last one.

    Raises IntegrityError when the annotator holds, did or skipped it already.
    """
    with transaction.atomic():
        if not take_place(task.pk):
            return None
        order = list(TaskCompletion.objects.filter(task=task).values_list("completion_id", flat=True))
        shuffler.shuffle(order)
        now = timezone.now()
        return Assignment.objects.create(
            task=task,
            annotator=annotator,
            guideline=guideline,
            shown_order=order,
            claimed_at=now,
            opened_at=now,
            lease_expires_at=now + timedelta(minutes=task.campaign.lease_minutes),
            draft=_kept_draft(task, annotator),
        )


def _kept_draft(task: Task, annotator: User) -> dict | None:
    """The unfinished work of an earlier hold on this task: who lost a lease goes on where they were."""
    earlier = Assignment.objects.filter(task=task, annotator=annotator, draft__isnull=False)
    return earlier.order_by("-claimed_at").values_list("draft", flat=True).first()


def take_place(task_id: int) -> bool:
    """Reserve one of the task's places; False when there is none."""
    return Task.objects.filter(pk=task_id, reserved__lt=F("target")).update(reserved=F("reserved") + 1) == 1


def give_place_back(task_id: int) -> None:
    """Free a reserved place that nobody submitted in."""
    Task.objects.filter(pk=task_id).update(reserved=F("reserved") - 1)


def _renew(assignment: Assignment) -> Assignment:
    expires = timezone.now() + timedelta(minutes=assignment.task.campaign.lease_minutes)
    if not Assignment.objects.filter(pk=assignment.pk, state=State.CLAIMED).update(lease_expires_at=expires):
        raise LeaseLost("The time for this task ran out and it went back to the queue. Your draft is kept.")
    assignment.lease_expires_at = expires
    return assignment


def own_assignment(*, assignment_id: UUID, annotator: User) -> Assignment:
    """This annotator's assignment. Raises NotFound when it does not exist or is somebody else's."""
    found = (
        Assignment.objects.filter(pk=assignment_id, annotator=annotator)
        .select_related("task__campaign", "task__prompt", "guideline", "annotator")
        .first()
    )
    if found is None:
        raise NotFound("There is no such assignment of yours; take the next task from the campaign's page.")
    return found


def extend_lease(*, assignment_id: UUID, annotator: User) -> Assignment:
    """Hold the task for another lease from now. Raises LeaseLost when it is no longer held."""
    return _renew(own_assignment(assignment_id=assignment_id, annotator=annotator))


def save_draft(*, assignment_id: UUID, annotator: User, draft: dict) -> Assignment:
    """Keep unfinished work with the assignment, also after its lease was lost. Raises DomainError once it is done."""
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    open_states = [State.CLAIMED, State.EXPIRED, State.RELEASED]
    if not Assignment.objects.filter(pk=assignment.pk, state__in=open_states).update(draft=draft):
        raise DomainError("This task is already submitted or skipped; a draft would change nothing.")
    assignment.draft = draft
    return assignment


def skip_assignment(*, assignment_id: UUID, annotator: User, reason: str) -> Assignment:
    """Give the task back for good, with a reason: it never comes back to this annotator."""
    if not reason.strip():
        raise DomainError("Say in a few words why you skip this task; the admins read it.")
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    _end(assignment, State.SKIPPED, skip_reason=reason.strip())
    return assignment


def release_assignment(*, assignment_id: UUID, annotator: User) -> Assignment:
    """Give the task back; it may come again."""
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    _end(assignment, State.RELEASED)
    return assignment


def release_all(assignments: QuerySet[Assignment]) -> None:
    """Send these back to the queue, as far as they are still held."""
    for assignment in assignments:
        with transaction.atomic():
            _leave_claimed(assignment, State.RELEASED)


def _end(assignment: Assignment, state: str, **fields) -> None:
    with transaction.atomic():
        if not _leave_claimed(assignment, state, **fields):
            raise LeaseLost(
                "You no longer hold this task: it is done, or its time ran out and it went back to the queue."
            )
    assignment.refresh_from_db()


def _leave_claimed(assignment: Assignment, state: str, **fields) -> bool:
    """Move claimed -> `state` and free the place; False when somebody else moved it first."""
    held = Assignment.objects.filter(pk=assignment.pk, state=State.CLAIMED)
    if state == State.EXPIRED:
        held = held.filter(lease_expires_at__lt=timezone.now())
    if not held.update(state=state, ended_at=timezone.now(), **fields):
        return False
    give_place_back(assignment.task_id)
    return True


def expire_leases() -> int:
    """Send every task whose lease ran out back to the queue; returns how many."""
    lapsed = Assignment.objects.filter(state=State.CLAIMED, lease_expires_at__lt=timezone.now())
    expired = 0
    for assignment in lapsed.iterator():
        with transaction.atomic():
            expired += _leave_claimed(assignment, State.EXPIRED)
    return expired
