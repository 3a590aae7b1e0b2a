"""Rating campaigns for tests: two completions with markup, rated on the presets."""

from annotate.forms import parse_form
from annotate.models import Campaign, Guideline, Task, User
from annotate.services.campaigns import create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit
from tests.world import World, add_guideline, add_ranking_task

ANSWERS = [
    "The sky is **blue**. It is made of [air](https://air.example/blue) and $\\alpha$ particles. 😀 Done.",
    "Air scatters *blue* light.\n\n| colour | share |\n|---|---|\n| blue | most |\n",
]
FORM = {"axes": "hth7", "flags": "instruct", "spans": "errors"}


def add_rating_campaign(
    world: World, *, kind: str = "rating", form: dict | None = None, answers: list[str] | None = None, tasks: int = 2
) -> Campaign:
    """A campaign named `Rate them`, with tasks that show these answers."""
    if not Guideline.objects.filter(slug=kind).exists():
        add_guideline(kind)
    campaign = create_campaign(
        slug="rate", name="Rate them", kind=kind, guideline_slug=kind, overlap=2, by=world.carol, form=form or FORM
    )
    for number in range(tasks):
        add_ranking_task(campaign, question=f"Why? ({number})", answers=answers or ANSWERS, by=world.carol)
    return campaign


def values_for(campaign: Campaign, task: Task, value: int = 3) -> dict:
    """The same value on every axis for every completion of the task."""
    axes = parse_form(campaign.kind, campaign.form).axes
    return {pk: {axis.name: value for axis in axes} for pk in task.completions.values_list("pk", flat=True)}


def rate(annotator: User, campaign: Campaign, **answer):
    """Submit a rating of the annotator's next task: all 3, beside what is given."""
    held = claim_next_task(annotator=annotator, campaign=campaign)
    return submit(
        assignment_id=held.pk,
        annotator=annotator,
        answer={"ratings": values_for(campaign, held.task), **answer},
        seconds=9.0,
    )
