"""Loading the shipped safety set as a campaign whose expected behaviour is gold."""

from dataclasses import dataclass

from django.db import transaction

from annotate.models import Campaign, Gold, Producer, User
from annotate.safety_set import safety_prompts
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.corpus import add_completion, add_producer, add_prompt

SLUG = "safety"
ANSWERING, DECLINING = "safety set: answers", "safety set: declines"


@dataclass(frozen=True, slots=True)
class Seeded:
    """The campaign, and how many of its tasks are new."""

    campaign: Campaign
    new_tasks: int


def seed_safety(*, by: User | None = None, slug: str = SLUG, overlap: int = 3) -> Seeded:
    """Make the safety campaign, or add to it what is missing. Again adds nothing.

    Each task asks what the assistant should do and which of two completions is better; both are known.
    Raises DomainError when there is no guideline for ranking, or the slug is taken by a campaign of another kind.
    """
    campaign = Campaign.objects.filter(slug=slug).first() or create_campaign(
        slug=slug,
        name="Safety: answer, with care, or not",
        description="Some of these prompts only sound dangerous. What should the assistant do?",
        kind=Campaign.Kind.RANKING,
        guideline_slug="ranking",
        overlap=overlap,
        form={"behaviour": True},
        by=by,
    )
    producers = [add_producer(name=name, kind=Producer.Kind.IMPORTED) for name in (ANSWERING, DECLINING)]
    new_tasks = 0
    with transaction.atomic():
        for one in safety_prompts():
            messages = [{"role": "user", "content": one.prompt}]
            prompt = add_prompt(messages=messages, domain="safety", warnings=one.warnings, by=by)
            texts = zip(producers, one.completions, strict=True)
            added = [
                (add_completion(prompt=prompt, producer=producer, text=text, by=by), rank)
                for producer, (text, rank) in texts
            ]
            task, new = add_task(campaign=campaign, prompt=prompt, completions=[completion for completion, _ in added])
            ranks = {str(completion.pk): rank for completion, rank in added}
            gold = {"answer": {"ranks": ranks, "behaviour": one.behaviour}, "explanation": one.why, "created_by": by}
            Gold.objects.get_or_create(task=task, defaults=gold)
            new_tasks += new
    return Seeded(campaign, new_tasks)
