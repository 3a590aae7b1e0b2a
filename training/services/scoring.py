"""Which tasks the reward models are unsure of: a run that scores a campaign's open tasks with an ensemble of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.models import Campaign, User
from training.models import Checkpoint, Run
from training.services.artifacts import MEMBER
from training.services.open_tasks import FEWEST, open_tasks
from training.services.runs import create_run

MEMBERS = 5
"""The newest reward models of which an ensemble is made, unless somebody names others."""


def score_uncertainty(
    *,
    campaign: Campaign,
    by: User | None,
    checkpoints: Sequence[int] = (),
    config: Mapping[str, Any] | None = None,
) -> Run:
    """Queue a run that scores the campaign's open tasks; when it is done, their uncertainty is stored.

    `checkpoints` are ids of reward models (other seeds, other nights); `config` has fields of the recipe that differ
    from its defaults. Raises DomainError when there are not two different reward models, or nothing to score.
    """
    members = _named(checkpoints) if checkpoints else newest_rewards()
    if len(members) < FEWEST:
        raise DomainError(
            _("There are %(n)d reward models to compare, and it takes two that are different: train another one.")
            % {"n": len(members)}
        )
    if not open_tasks(campaign.slug).exists():
        raise DomainError(
            _("In %(campaign)s no task is open that shows two completions or more; there is nothing to score.")
            % {"campaign": campaign.name}
        )
    return create_run(
        recipe=Run.Recipe.UNCERTAINTY,
        config={**(config or {}), "campaign": campaign.slug},
        snapshot=None,
        inputs={f"{MEMBER}{number}": member for number, member in enumerate(members)},
        seed=0,
        by=by,
    )


def score_where_uncertainty_comes_first(*, config: Mapping[str, Any]) -> list[Run]:
    """Queue such a run for every open campaign whose rules put uncertainty first, if there are enough reward models."""
    if len(newest_rewards()) < FEWEST:
        return []
    campaigns = Campaign.objects.filter(state=Campaign.State.OPEN, assignment__first="uncertainty").order_by("pk")
    return [
        score_uncertainty(campaign=campaign, by=None, config=config)
        for campaign in campaigns
        if open_tasks(campaign.slug).exists()
    ]


def newest_rewards() -> list[Checkpoint]:
    """The newest reward models that differ from each other, MEMBERS at most."""
    found: dict[str, Checkpoint] = {}
    for checkpoint in Checkpoint.objects.filter(kind=Checkpoint.Kind.REWARD).order_by("-pk").iterator():
        found.setdefault(checkpoint.sha256, checkpoint)
        if len(found) == MEMBERS:
            break
    return list(found.values())


def _named(ids: Sequence[int]) -> list[Checkpoint]:
    rewards = Checkpoint.objects.filter(kind=Checkpoint.Kind.REWARD).in_bulk(set(ids))
    if missing := sorted(set(ids) - set(rewards)):
        raise DomainError(_("Checkpoint %(number)s is no reward model that is there.") % {"number": missing[0]})
    return list({rewards[number].sha256: rewards[number] for number in ids}.values())
