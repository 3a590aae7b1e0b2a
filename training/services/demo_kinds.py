"""One small campaign of every other kind of work for the demo, so that who starts it can try each.

All but the step labels are about the demo's help desk: the nightly pipeline learns from rankings and texts of its world
only, and people's work here must not take it out of that world. Nobody simulated works in them, but for the texts that
wait for a review, and the ratings that show how far people agree.
"""

from collections.abc import Callable, Sequence

from annotate.models import Campaign, Producer, Task, User
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.reviewing import create_review_campaign
from annotate.steps import join_steps
from training.demo import plan
from training.demo.solutions import SOLUTIONS
from training.exporting import split_of

Kind = Campaign.Kind
HANDFUL = 6
WRITTEN = 3
RATED = 40
"""Tasks that simulated annotators rate, each of them twice."""
AUTHOR = "demo textbook"

# slug: (name, description, kind, completions shown, overlap, form)
HELP_DESK = {
    "demo-pairs": (
        "Help desk: the better of two",
        "Two drafts of a reply. Which is better, and by how much?",
        Kind.RANKING,
        2,
        2,
        {"strength": True},
    ),
    "demo-rating": (
        "Help desk: rate the replies",
        "Two drafts of a reply, each on three scales, with flags and marked passages.",
        Kind.RATING,
        2,
        2,
        {"axes": "hth7", "flags": "instruct", "spans": "errors"},
    ),
    "demo-revision": (
        "Help desk: improve the reply",
        "One draft. Edit it into the reply that the help desk should send.",
        Kind.REVISION,
        1,
        1,
        {},
    ),
}


Judge = Callable[[Sequence[Task], int], int]
"""Lets each task be judged by so many simulated annotators; returns how many judgements that makes."""


def add_kinds(*, chosen: plan.Plan, admin: User, judge: Judge) -> int:
    """Add the campaigns that are missing; returns the judgements of simulated annotators."""
    judged = 0
    for slug, (name, description, kind, shown, overlap, form) in HELP_DESK.items():
        if not Campaign.objects.filter(slug=slug).exists():
            campaign = create_campaign(
                slug=slug, name=name, description=description, kind=kind, guideline_slug=kind, overlap=overlap,
                form=form, by=admin,
            )  # fmt: skip
            rated = RATED if kind == Kind.RATING else 0
            tasks = _fill(campaign, chosen, shown, HANDFUL + rated, admin)
            judged += judge(tasks[HANDFUL:], overlap) if rated else 0
    _add_steps(admin)
    return judged + _add_review(chosen, admin, judge)


def _fill(campaign: Campaign, chosen: plan.Plan, shown: int, most: int, admin: User) -> list[Task]:
    """Some tasks with the drafts of prompts that models learn from; the held-out ones stay held out."""
    tasks: list[Task] = []
    for planned in chosen.ranking:
        prompt = add_prompt(messages=planned.messages, domain=planned.domain, by=admin)
        if split_of(prompt.sha256) != "train":
            continue
        drafts = zip(planned.completions[:shown], planned.producers[:shown], strict=True)
        completions = [
            add_completion(
                prompt=prompt, producer=add_producer(name=name, kind=Producer.Kind.IMPORTED), text=text, by=admin
            )
            for text, name in drafts
        ]
        tasks.append(add_task(campaign=campaign, prompt=prompt, completions=completions)[0])
        if len(tasks) == most:
            break
    return tasks


def _add_steps(admin: User) -> None:
    if Campaign.objects.filter(slug="demo-steps").exists():
        return
    campaign = create_campaign(
        slug="demo-steps",
        name="Textbook: check the solutions",
        description="A solution in steps. Call each good, neutral or bad, down to the first error.",
        kind=Kind.STEPS,
        guideline_slug="steps",
        overlap=2,
        by=admin,
    )
    author = add_producer(name=AUTHOR, kind=Producer.Kind.IMPORTED)
    for question, given in SOLUTIONS:
        prompt = add_prompt(messages=[{"role": "user", "content": question}], domain="textbook", by=admin)
        steps = join_steps(given)
        solution = add_completion(prompt=prompt, producer=author, text="".join(steps), by=admin)
        add_task(campaign=campaign, prompt=prompt, completions=[solution], steps=steps)


def _add_review(chosen: plan.Plan, admin: User, judge: Judge) -> int:
    """A few replies that simulated annotators write, and their review by somebody else."""
    source = Campaign.objects.filter(slug="demo-reviewed").first() or create_campaign(
        slug="demo-reviewed",
        name="Help desk: write a reply that is reviewed",
        description="Somebody else reads what you write, and accepts, edits or returns it.",
        kind=Kind.DEMONSTRATION,
        guideline_slug="demonstration",
        overlap=1,
        by=admin,
    )
    tasks = []
    for planned in chosen.demonstration[-HANDFUL:]:
        prompt = add_prompt(messages=planned.messages, domain=planned.domain, by=admin)
        tasks.append(add_task(campaign=source, prompt=prompt)[0])
    written = judge(tasks[:WRITTEN], 1)
    if not Campaign.objects.filter(slug="demo-review").exists():
        create_review_campaign(
            source=source,
            by=admin,
            slug="demo-review",
            name="Help desk: review what others wrote",
            description="Accept a reply, edit it, or return it with a reason.",
        )
    return written
