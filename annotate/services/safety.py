"""Protecting people from distressing content: showing it only when they say so, and breaks."""

from uuid import UUID

from django.utils import timezone

from annotate.models import Assignment, User
from annotate.services.claiming import extend_lease
from annotate.services.own import own_assignment
from annotate.services.releasing import release_assignment


def reveal(*, assignment_id: UUID, annotator: User) -> Assignment:
    """The annotator wants to see what they were warned of; the first time counts. Raises NotFound."""
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    Assignment.objects.filter(pk=assignment.pk, revealed_at__isnull=True).update(revealed_at=timezone.now())
    assignment.refresh_from_db(fields=["revealed_at"])
    return assignment


def take_break(*, assignment_id: UUID, annotator: User, keep: bool) -> Assignment:
    """Stop for a while: keep the task for another lease, or give it back. Raises LeaseLost when it is not held."""
    act = extend_lease if keep else release_assignment
    return act(assignment_id=assignment_id, annotator=annotator)
