"""Leaving a campaign and being taken out of it: what a person still holds there goes back to the queue."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.models import Assignment, Campaign, Consent, Membership, User
from annotate.services.releasing import release_all

State = Membership.State


@transaction.atomic
def withdraw_consent(*, user: User, campaign: Campaign) -> None:
    """Take back one's consent: no more work in the campaign. What was judged stays. Raises DomainError without one."""
    given = Consent.objects.filter(user=user, campaign=campaign, withdrawn_at__isnull=True)
    if not given.update(withdrawn_at=timezone.now()):
        raise DomainError(_("There is no consent of yours to withdraw in this campaign."))
    _give_tasks_back(user, campaign)


@transaction.atomic
def suspend(*, membership_id: int) -> Membership:
    """Take a person out of a campaign until an admin reinstates them."""
    working = Membership.objects.filter(pk=membership_id).exclude(state=State.SUSPENDED)
    if not working.update(state=State.SUSPENDED):
        raise DomainError(_("This person is suspended already, or is no member of the campaign."))
    membership = Membership.objects.select_related("user", "campaign").get(pk=membership_id)
    _give_tasks_back(membership.user, membership.campaign)
    return membership


def reinstate(*, membership_id: int) -> Membership:
    """Let a suspended person work again; they are active once every step is done."""
    suspended = Membership.objects.filter(pk=membership_id, state=State.SUSPENDED)
    if not suspended.update(state=State.ONBOARDING):
        raise DomainError(_("This person is not suspended."))
    return Membership.objects.select_related("user", "campaign").get(pk=membership_id)


def _give_tasks_back(user: User, campaign: Campaign) -> None:
    held = Assignment.objects.filter(annotator=user, campaign=campaign, state=Assignment.State.CLAIMED)
    # In one order, so that two who leave at once never wait for each other.
    release_all(held.select_related("campaign").order_by("task"))
