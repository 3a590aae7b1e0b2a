"""Keeping gold in order: making gold of what everybody agrees on."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.gold_review_queries import LEAST, proposals
from annotate.models import Campaign, Task, User
from annotate.services.disputes import weigh
from annotate.services.gold import make_gold, mix_in
from annotate.services.skills import hold_still

AT_ONCE = 100
"""Proposals that are accepted in one go."""
MOST = 1_000


@transaction.atomic
def accept_proposals(
    *,
    campaign: Campaign,
    task_ids: Sequence[int],
    by: User,
    least: int = LEAST,
    explanation: str = "",
    mixed_in: bool = False,
) -> list[Task]:
    """Make gold of tasks on which at least `least` people gave exactly the same answer; of all of them, or of none.

    With `mixed_in` they are mixed into the work at once. Raises DomainError that names those that are no proposal any
    more: somebody judged, asked or decided meanwhile.
    """
    wanted = list(dict.fromkeys(task_ids))
    check_least(least)
    if not wanted:
        raise DomainError(_("Choose at least one task."))
    if len(wanted) > AT_ONCE:
        raise DomainError(
            _("These are %(n)d tasks; accept at most %(most)d at once.") % {"n": len(wanted), "most": AT_ONCE}
        )
    for task in campaign.tasks.filter(pk__in=wanted).order_by("pk"):
        hold_still(task=task)
    weigh(campaign=campaign)
    found = {one.task.pk: one for one in proposals(campaign=campaign, least=least, task_ids=wanted)}
    if gone := [pk for pk in wanted if pk not in found]:
        raise DomainError(
            _("Not proposed any more: %(tasks)s. Somebody judged or asked meanwhile; look at the list again.")
            % {"tasks": ", ".join(map(str, gone))}
        )
    made = []
    for pk in sorted(wanted):
        one = found[pk]
        one.task.gold = make_gold(task=one.task, answer=one.answer, explanation=explanation, by=by)
        made.append(mix_in(task=one.task, by=by) if mixed_in else one.task)
    return made


def check_least(least: int) -> int:
    """How many must agree. Raises DomainError for a number that makes no proposal."""
    if not 2 <= least <= MOST:
        raise DomainError(
            _("%(least)d is no number of annotators who agree; it must be from 2 to %(most)d.")
            % {"least": least, "most": MOST}
        )
    return least
