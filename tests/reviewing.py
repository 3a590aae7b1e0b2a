"""Campaigns that revise and review, and short ways to do their work: for tests of services, pages and snapshots."""

from annotate.models import Assignment, Campaign, Judgement, User
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.judging import correct, submit
from annotate.services.reviewing import create_review_campaign
from tests.world import World, add_guideline

ORIGINAL = "Put your lips together, and than blow hard."
EDITED = "Put your lips together, then blow **gently**."


def revision_campaign(world: World, **writing) -> Campaign:
    """A campaign with two completions to improve, by one annotator each."""
    add_guideline("revision")
    campaign = create_campaign(
        slug="improving",
        name="Improve answers",
        kind="revision",
        guideline_slug="revision",
        overlap=1,
        by=world.carol,
        form={"writing": writing},
    )
    for number in range(2):
        prompt = add_prompt(messages=[{"role": "user", "content": f"How do I whistle? ({number})"}], by=world.carol)
        original = add_completion(
            prompt=prompt, producer=add_producer(name="model-0", kind="imported"), text=ORIGINAL, by=world.carol
        )
        add_task(campaign=campaign, prompt=prompt, completions=[original])
    return campaign


def brief_campaign(world: World, **writing) -> Campaign:
    """A campaign with one brief, for which annotators write prompt and answer both, in up to two turns."""
    campaign = create_campaign(
        slug="inventing",
        name="Invent conversations",
        kind="demonstration",
        guideline_slug="demonstration",
        overlap=2,
        by=world.carol,
        form={"writing": {"prompt": "written", "turns": 2, **writing}},
    )
    add_task(
        campaign=campaign,
        prompt=add_prompt(messages=[{"role": "user", "content": "Somebody asks about music."}], by=world.carol),
    )
    return campaign


def review_campaign(world: World, source: Campaign, **fields) -> Campaign:
    """A campaign that reviews `source`."""
    add_guideline("review")
    return create_review_campaign(source=source, by=world.carol, slug="reviewing", name="Review answers", **fields)


def do_next(annotator: User, campaign: Campaign, **answer) -> Judgement:
    """Submit this answer for the annotator's next task of the campaign."""
    assignment = claim_next_task(annotator=annotator, campaign=campaign)
    assert assignment is not None, f"nothing to do for {annotator} in {campaign}"
    return submit(assignment_id=assignment.pk, annotator=annotator, answer=answer, seconds=60.0)


def correct_with(judgement: Judgement, **answer) -> Judgement:
    """Correct a judgement as its annotator."""
    return correct(judgement_id=judgement.pk, annotator=judgement.annotator, answer=answer, seconds=9.0)


def held(annotator: User, campaign: Campaign) -> Assignment | None:
    """The annotator's next task of the campaign, or None."""
    return claim_next_task(annotator=annotator, campaign=campaign)
