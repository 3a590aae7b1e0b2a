"""How far campaigns are: exactly, and without reading all of a very long one for each page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Campaign, Progress, Task
from annotate.queries import campaigns_with_progress
from annotate.services import progress
from annotate.services.progress import Counts, count_long_campaigns, counts_of


@pytest.fixture
def long(world, monkeypatch):
    """The ranking campaign, whose three tasks are very many here."""
    monkeypatch.setattr(progress, "LONG", 3)
    return world.ranking


def counted(campaign) -> Counts:
    """What a page would find now."""
    campaign = Campaign.objects.get(pk=campaign.pk)
    return counts_of([campaign])[campaign.pk]


def done_places(world, campaign) -> int:
    return next(row.n_done_places for row in campaigns_with_progress(annotator=world.alice) if row.campaign == campaign)


def submit_one(campaign) -> None:
    Task.objects.filter(campaign=campaign, position=0).update(reserved=1, submitted=1)


def test_only_long_campaigns_are_counted_in_the_background(world, long):
    assert count_long_campaigns() == 1
    assert list(Progress.objects.values_list("campaign", flat=True)) == [long.pk]


def test_it_counts_the_tasks_the_places_and_what_is_done(long):
    submit_one(long)
    Task.objects.filter(campaign=long, position=1).update(withdrawn=True)
    assert counted(long) == Counts(n_tasks=2, n_places=4, n_done_work=1)


def test_the_count_in_the_background_is_the_same(long):
    submit_one(long)
    now = counted(long)
    count_long_campaigns()
    assert counted(long) == now


def test_pages_show_what_was_counted(world, long):
    count_long_campaigns()
    submit_one(long)
    assert done_places(world, long) == 0
    count_long_campaigns()
    assert done_places(world, long) == 1


def test_what_nobody_counts_any_more_is_counted_at_once(world, long):
    count_long_campaigns()
    submit_one(long)
    Progress.objects.update(counted_at=timezone.now() - timedelta(minutes=11))
    assert done_places(world, long) == 1


def test_a_campaign_without_tasks_has_counts_too(world):
    Task.objects.filter(campaign=world.ranking).delete()
    assert counted(world.ranking) == Counts()
