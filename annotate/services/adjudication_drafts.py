"""What an expert has not decided yet: their unfinished decision and their hold on the task are kept while they work."""

from typing import Any

from django.utils.translation import gettext as _

from annotate.errors import DomainError, DraftOutdated, LeaseLost
from annotate.models import AdjudicationDraft, AdjudicationHold, User
from annotate.services.adjudicating import decisions_of, find_task, take
from annotate.services.drafts import Following, outdated, write_draft


def renew_hold(*, task_id: int, by: User, seen: int | None) -> AdjudicationHold:
    """Hold a task for another lease from now, also when the hold had lapsed and nobody else took the task.

    `seen` is the decision that stood when the expert looked. Raises LeaseLost when somebody else holds the task, or
    decided it since, and what `take` raises.
    """
    task = find_task(task_id, by)
    newest, standing = decisions_of(task)
    if (standing.pk if standing else None) != seen:
        if newest.by_id == by.pk:
            raise LeaseLost(_("You have decided this task since, in another tab. Reload the page to see it."))
        raise LeaseLost(
            _(
                "Somebody else decided this task since you opened it, or took a decision back. Your draft is kept:"
                " reload the page to see what they did, and decide anew if you differ."
            )
        )
    try:
        return take(task_id=task_id, by=by)
    except LeaseLost as error:
        raise LeaseLost(
            _("Your time for this task ran out, and somebody else is deciding it now. Your draft is kept.")
        ) from error


def keep_draft(
    *,
    task_id: int,
    by: User,
    draft: dict[str, Any],
    seen: int | None,
    following: Following | None = None,
    idempotency_key: str = "",
) -> None:
    """Keep an unfinished decision, also while somebody else holds the task or has decided it since.

    What comes after the decision that it became, whose key it has, changes nothing. Raises DomainError when the expert
    themselves decided it since, DraftOutdated where a newer draft is there, and what `find_task` raises.
    """
    task = find_task(task_id, by)
    _newest, standing = decisions_of(task)
    if standing is not None and standing.by_id == by.pk and standing.idempotency_key == idempotency_key != "":
        return
    if standing is not None and standing.by_id == by.pk and standing.pk != seen:
        raise DomainError(_("You have decided this task since; a draft would change nothing."))
    AdjudicationDraft.objects.get_or_create(task=task, by=by)
    seen = seen if task.adjudications.filter(pk=seen).exists() else None
    if not write_draft(AdjudicationDraft.objects.filter(task=task, by=by), draft, following, seen=seen):
        raise DraftOutdated(outdated())


def draft_of(*, task_id: int, by: User) -> AdjudicationDraft | None:
    """This expert's unfinished decision about a task."""
    return AdjudicationDraft.objects.filter(task=task_id, by=by, draft__isnull=False).first()
