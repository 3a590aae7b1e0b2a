"""How far campaigns are. Those with very many tasks are counted in the background, so that no page waits for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from annotate.models import Campaign, Progress, Task

LONG = 5_000
"""Tasks from which on a campaign is counted in the background."""
FRESH = timedelta(minutes=10)
"""How old such a count may be: older ones mean that nobody counts in the background, and it is counted at once."""
OF_WORK = Q(purpose=Task.Purpose.WORK, withdrawn=False)


@dataclass(frozen=True, slots=True)
class Counts:
    """The tasks of a campaign that make up its work, their places, and what was submitted in these and in gold."""

    n_tasks: int = 0
    n_places: int = 0
    n_done_work: int = 0
    n_done_gold: int = 0


def counts_of(campaigns: Iterable[Campaign]) -> dict[int, Counts]:
    """By campaign id: as of now; of campaigns with LONG tasks or more as of the last minute."""
    known = {campaign.pk: getattr(campaign, "progress", None) for campaign in campaigns}
    oldest = timezone.now() - FRESH
    found = {
        campaign: Counts(one.n_tasks, one.n_places, one.n_done_work, one.n_done_gold)
        for campaign, one in known.items()
        if one and one.counted_at >= oldest
    }
    return found | _count(known.keys() - found.keys())


def count_long_campaigns() -> int:
    """Count the tasks of each long campaign that is not closed; returns how many campaigns these are."""
    # Positions count from 0, and the last one is found by index.
    last = Task.objects.filter(campaign=OuterRef("pk")).order_by("-position").values("position")[:1]
    campaigns = Campaign.objects.exclude(state=Campaign.State.CLOSED).annotate(last=Subquery(last))
    counts = _count(campaigns.filter(last__gte=LONG - 1).values_list("pk", flat=True))
    for campaign, found in counts.items():
        fields = {name: getattr(found, name) for name in Counts.__dataclass_fields__}
        Progress.objects.update_or_create(campaign_id=campaign, defaults={**fields, "counted_at": timezone.now()})
    return len(counts)


def _count(campaign_ids: Iterable[int]) -> dict[int, Counts]:
    campaign_ids = list(campaign_ids)
    if not campaign_ids:
        return {}
    rows = (
        Task.objects.filter(campaign__in=campaign_ids)
        .order_by()
        .values("campaign")
        .annotate(
            n_tasks=Count("pk", filter=OF_WORK),
            n_places=Sum("target", filter=OF_WORK, default=0),
            n_done_work=Sum("submitted", filter=OF_WORK, default=0),
            n_done_gold=Sum("submitted", filter=Q(purpose=Task.Purpose.GOLD), default=0),
        )
    )
    counted = {row.pop("campaign"): Counts(**row) for row in rows}
    return {campaign: counted.get(campaign, Counts()) for campaign in campaign_ids}
