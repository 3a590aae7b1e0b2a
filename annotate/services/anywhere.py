"""The next task over all campaigns: by priority, and by share where priorities are equal."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Q
from django.utils.translation import gettext as _

from annotate.errors import DomainError, StepMissing
from annotate.models import Assignment, Campaign, Queue, Task, User
from annotate.services.choosing import queues_with_work
from annotate.services.claiming import claim_next_task
from annotate.services.onboarding import Standing, standings
from annotate.services.person import Person
from annotate.services.queues import access_to

chance = random.SystemRandom()


def claim_anywhere(*, annotator: User) -> Assignment | None:
    """The task that this annotator has open in any campaign (the newest), else the most needed one, else None.

    Of the open campaigns that they may work in and that have work for them, the highest `priority` comes first; one of
    equal priority is chosen by chance, in proportion to `share`. Raises StepMissing when there is only work that a step
    comes before, and else what the most needed campaign refused with.
    """
    held = _campaigns_held_in(annotator)
    campaigns = Campaign.objects.filter(Q(state=Campaign.State.OPEN) | Q(pk__in=held))
    campaigns = list(campaigns.select_related("guideline"))
    standing = standings(user=annotator, campaigns=campaigns)
    with_work = campaigns_with_work(annotator=annotator, campaigns=campaigns)
    welcome = [one for one in standing.values() if one.is_visible and not one.is_suspended]
    ready = {one.campaign.pk: one.campaign for one in welcome if one.next_step is None}
    refusals = []
    for campaign in [
        *(ready[pk] for pk in held if pk in ready),
        *by_need(campaign for pk, campaign in ready.items() if pk in with_work and pk not in held),
    ]:
        try:
            if claimed := claim_next_task(annotator=annotator, campaign=campaign):
                return claimed
        except DomainError as refusal:  # it was paused meanwhile, or today's share of it is done: another may have work
            refusals.append(refusal)
    _name_missing_steps([one for one in welcome if one.next_step and one.campaign.pk in with_work])
    if refusals:
        raise refusals[0]
    return None


def _campaigns_held_in(annotator: User) -> list[int]:
    """The ids of the campaigns in which they have a task open, the newest first."""
    held = Assignment.objects.filter(annotator=annotator, state=Assignment.State.CLAIMED, opened_at__isnull=False)
    held = held.exclude(task__purpose=Task.Purpose.QUALIFICATION)
    return list(held.order_by("-opened_at").values_list("campaign_id", flat=True))


def campaigns_with_work(*, annotator: User, campaigns: Iterable[Campaign]) -> set[int]:
    """The ids of those in which a task waits for this annotator; whether they may work there is another question."""
    waiting = defaultdict(list)
    for queue in Queue.objects.filter(campaign__in=[one.pk for one in campaigns]).select_related("domain"):
        waiting[queue.campaign_id].append(queue)
    person = Person(annotator)
    campaign_of = {
        queue: campaign.pk
        for campaign in campaigns
        for queue in access_to(person=person, campaign=campaign, queues=waiting[campaign.pk]).waiting
    }
    return {campaign_of[queue] for queue in queues_with_work(annotator=annotator, queues=list(campaign_of))}


def by_need(campaigns: Iterable[Campaign]) -> list[Campaign]:
    """The highest priority first; among equal ones each is the next with a chance in proportion to its share.

    Sorting by u^(1/share) with u uniform draws without replacement in proportion to the shares: P. S. Efraimidis and
    P. G. Spirakis, Weighted random sampling with a reservoir, Information Processing Letters 97 (2006), algorithm A.
    """
    return sorted(campaigns, key=lambda one: (one.priority, chance.random() ** (1 / one.share)), reverse=True)


def _name_missing_steps(waiting: Sequence[Standing]) -> None:
    """Raise StepMissing for the most needed of these, if there are any, and name them all."""
    if not waiting:
        return
    first, *others = sorted(waiting, key=lambda one: -one.campaign.priority)
    names = ", ".join(f"“{one.campaign.name}”" for one in [first, *others])
    sentence = _("There is work for you in %(campaigns)s, after a step that comes first; in the first it is: %(step)s.")
    raise StepMissing(
        sentence % {"campaigns": names, "step": first.next_step}, step=first.next_step, campaign=first.campaign.slug
    )
