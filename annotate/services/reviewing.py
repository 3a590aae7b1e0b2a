"""Reviews: a second person looks at what somebody wrote. Their tasks appear by themselves."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from annotate.models import Campaign, Demonstration, Task, User
from annotate.services.campaigns import add_task, create_campaign


def create_review_campaign(*, source: Campaign, by: User | None, **fields: Mapping[str, Any]) -> Campaign:
    """A campaign that reviews what people write in `source`, with a task for what is there already.

    `fields` are those of `create_campaign`. Raises DomainError as that does.
    """
    fields = {"kind": Campaign.Kind.REVIEW, "guideline_slug": "review", "overlap": 1, **fields}
    with transaction.atomic():
        campaign = create_campaign(source=source, by=by, **fields)
        add_review_tasks(campaign=campaign)
    return campaign


def add_review_tasks(*, campaign: Campaign) -> int:
    """Add a review task for each demonstration of the source that counts and has none yet; returns how many."""
    missing = Demonstration.objects.filter(
        judgement__task__campaign=campaign.source, judgement__superseded_by__isnull=True
    ).exclude(review_tasks__campaign=campaign)
    return sum(_add_review_task(campaign, one) for one in missing.select_related("completion__prompt").order_by("pk"))


def fill_review_campaigns() -> int:
    """`add_review_tasks` for every campaign that is not closed: for one that was made while somebody submitted, or by
    the Django admin."""
    reviewing = Campaign.objects.filter(kind=Campaign.Kind.REVIEW).exclude(state=Campaign.State.CLOSED)
    return sum(add_review_tasks(campaign=campaign) for campaign in reviewing.select_related("source"))


def send_to_review(*, demonstration: Demonstration) -> None:
    """Ask for a review of a demonstration that was just written, in every campaign that reviews its campaign.

    The version that it replaces, if any, need not be reviewed any more.
    """
    judgement = demonstration.judgement
    if judgement.supersedes_id:
        Task.objects.filter(demonstration__judgement=judgement.supersedes_id).update(withdrawn=True)
    for campaign in judgement.task.campaign.reviewed_in.exclude(state=Campaign.State.CLOSED):
        _add_review_task(campaign, demonstration)


def _add_review_task(campaign: Campaign, demonstration: Demonstration) -> bool:
    completion = demonstration.completion
    return add_task(campaign=campaign, prompt=completion.prompt, completions=[completion], demonstration=demonstration)[
        1
    ]
