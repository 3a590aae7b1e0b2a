"""What somebody gave back, or let lapse, comes to them first when they go on, where gold is mixed into the work.

Else giving a task back and asking for the next would tell the two apart: an ordinary task is still the first of its
queue and comes again, and gold, which is drawn, does not.
"""

from django.db.models import Exists, F, OuterRef

from annotate.models import Assignment, Campaign, User
from annotate.services.choosing import Taken, queues_with_work
from annotate.services.places import take_place
from annotate.services.queues import Access

State = Assignment.State


def take_back(*, annotator: User, campaign: Campaign, access: Access) -> Taken | None:
    """Reserve a place of the task that this annotator held last and neither did nor skipped; None where there is none.

    It was chosen when it was handed out first, so it keeps that lane and that chance.
    """
    if not access.gold:
        return None
    left = Assignment.objects.filter(
        annotator=annotator,
        campaign=campaign,
        state__in=[State.RELEASED, State.EXPIRED],
        task__queue__in=[*access.work, *access.gold],
        task__withdrawn=False,
    )
    same = Assignment.objects.filter(task=OuterRef("task"), annotator=annotator)
    left = left.exclude(task__in=annotator.adjudications.order_by().values("task"))
    left = left.exclude(Exists(same.filter(state__in=[State.CLAIMED, State.SUBMITTED, State.SKIPPED])))
    last = left.select_related("task").order_by(F("opened_at").desc(nulls_last=True), "-claimed_at").first()
    if last is None or (last.task.queue_id in access.gold and not _has_work(annotator, access)):
        return None
    return Taken(last.task_id, last.lane, last.probability) if take_place(last.task_id, annotator.pk) else None


def _has_work(annotator: User, access: Access) -> bool:
    return bool(queues_with_work(annotator=annotator, queues=access.waiting))
