"""What a person did today, and where a campaign stops for them for the day.

The day begins at midnight in the product's time zone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from annotate.assignment_rules import Daily
from annotate.models import Campaign, Judgement, User

HOUR = 3600


@dataclass(frozen=True, slots=True)
class DoneToday:
    """What an annotator did since midnight: how many judgements, and how many active seconds."""

    n: int
    seconds: float

    @property
    def hours(self) -> float:
        """The active hours."""
        return self.seconds / HOUR


def midnight() -> datetime:
    """When today began."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def next_midnight() -> datetime:
    """When tomorrow begins. (A day may have 23 or 25 hours.)"""
    noon_tomorrow = midnight().replace(tzinfo=None) + timedelta(days=1, hours=12)
    return timezone.make_aware(noon_tomorrow).replace(hour=0)


def done_today(*, annotator: User, campaign: Campaign | None = None) -> DoneToday:
    """What this annotator submitted since midnight (in this campaign). Corrections are not another judgement."""
    mine = Judgement.objects.filter(annotator=annotator, version=1, created_at__gte=midnight())
    if campaign:
        mine = mine.filter(task__campaign=campaign)
    found = mine.aggregate(n=Count("pk"), seconds=Coalesce(Sum("seconds"), 0.0))
    return DoneToday(found["n"], found["seconds"])


def has_limits(campaign: Campaign) -> bool:
    """Whether the campaign stops anybody for the day."""
    return campaign.assignment_rules.daily != Daily()


def may_take_more(*, annotator: User, campaign: Campaign, holding: int) -> bool:
    """Whether the daily limits let this person take another task while they hold so many of the campaign."""
    if not has_limits(campaign):
        return True
    limits = campaign.assignment_rules.daily
    return not reached(limits, done_today(annotator=annotator, campaign=campaign), holding=holding)


def stops(*, annotator: User, campaigns: Iterable[Campaign]) -> set[int]:
    """The ids of those whose limit this person has reached, in one query, and none where none has limits."""
    limited = {campaign.pk: campaign.assignment_rules.daily for campaign in campaigns if has_limits(campaign)}
    if not limited:
        return set()
    mine = Judgement.objects.filter(annotator=annotator, version=1, created_at__gte=midnight())
    found = mine.filter(task__campaign__in=limited).order_by().values_list("task__campaign")
    done = {pk: DoneToday(n, seconds) for pk, n, seconds in found.annotate(n=Count("pk"), spent=Sum("seconds"))}
    return {pk for pk, limits in limited.items() if reached(limits, done.get(pk, DoneToday(0, 0.0)))}


def reached(limits: Daily, done: DoneToday, *, holding: int = 0) -> str:
    """Which limit is reached: "judgements" or "hours"; "" while something is left of each."""
    if limits.judgements is not None and done.n + holding >= limits.judgements:
        return "judgements"
    if limits.hours is not None and done.seconds >= limits.hours * HOUR:
        return "hours"
    return ""
