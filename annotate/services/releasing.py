"""Who gives a task back: skipped for good, or released for anybody; by conditional UPDATEs, as in claiming.py."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.errors import DomainError, LeaseLost
from annotate.models import Assignment, Campaign, Task, User
from annotate.services import budgets
from annotate.services.own import own_assignment
from annotate.services.places import give_place_back, put_place_back

State = Assignment.State


def skip_assignment(*, assignment_id: UUID, annotator: User, reason: str) -> Assignment:
    """Give the task back for good, with a reason: it never comes back to this annotator.

    Skipping it again for the same reason changes nothing. Raises LeaseLost when it is not held any more.
    """
    if not reason.strip():
        raise DomainError(_("Say in a few words why you skip this task; the admins read it."))
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    if assignment.task.purpose == Task.Purpose.QUALIFICATION:
        raise DomainError(_("A qualification task cannot be skipped. Give it back to stop for now, and go on later."))
    _end(assignment, State.SKIPPED, skip_reason=reason.strip())
    return assignment


def release_assignment(*, assignment_id: UUID, annotator: User) -> Assignment:
    """Give the task back, and with it the one ahead: this annotator stops. Both may come again.

    Releasing it again changes nothing. Raises LeaseLost when it is done, or its time ran out.
    """
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    if not _end(assignment, State.RELEASED):
        return assignment
    for ahead in ahead_of(assignment):
        release_ahead(assignment_id=ahead.pk, annotator=annotator)
    return assignment


def release_all(assignments: Iterable[Assignment]) -> None:
    """Send these back to the queue, as far as they are still held."""
    with transaction.atomic():
        budgets.give_back(*[one for one in assignments if _leave_claimed(one, State.RELEASED)])


def release_what_is_ahead(*, campaign: Campaign) -> int:
    """Send what nobody has seen yet back to the queue; returns how many. What is open stays with whoever has it."""
    ahead = Assignment.objects.filter(campaign=campaign, state=State.CLAIMED, opened_at__isnull=True)
    return sum(_release_unseen(one) for one in ahead.select_related("campaign"))


def _release_unseen(assignment: Assignment) -> bool:
    with transaction.atomic():
        gone = _leave_claimed(assignment, State.RELEASED, only_ahead=True)
        if gone:
            budgets.give_back(assignment)
    return gone


def release_ahead(*, assignment_id: UUID, annotator: User) -> bool:
    """Give a task that was leased ahead back, unless it was opened meanwhile; whether it went back."""
    return _release_unseen(own_assignment(assignment_id=assignment_id, annotator=annotator))


def _end(assignment: Assignment, state: str, **fields: str) -> bool:
    """Move claimed -> `state`; False when the same request did so before: what is sent again changes nothing."""
    with transaction.atomic():
        moved = _leave_claimed(assignment, state, **fields)
        if moved:
            budgets.give_back(assignment)
    assignment.refresh_from_db()
    wanted = {"state": state, **fields}
    if not moved and any(getattr(assignment, name) != value for name, value in wanted.items()):
        raise LeaseLost(
            _("You no longer hold this task: it is done, or its time ran out and it went back to the queue.")
        )
    return moved


def _leave_claimed(assignment: Assignment, state: str, *, only_ahead: bool = False, **fields) -> bool:
    """Move claimed -> `state` and free the place; False when somebody else moved it first, or opened what was ahead."""
    held = Assignment.objects.filter(pk=assignment.pk, state=State.CLAIMED)
    if only_ahead:
        held = held.filter(opened_at__isnull=True)
    if not give_place_back(assignment.task_id):
        return False
    if held.update(state=state, ended_at=timezone.now(), **fields):
        return True
    put_place_back(assignment.task_id)  # this one was not held any more: it is somebody else's place
    return False


def ahead_of(assignment: Assignment) -> QuerySet[Assignment]:
    """The task of the same campaign that the same annotator holds ahead, if any."""
    return Assignment.objects.filter(
        annotator=assignment.annotator_id,
        campaign=assignment.campaign_id,
        state=State.CLAIMED,
        opened_at__isnull=True,
    )
