"""One small world for every test that touches the database: two annotators, an admin, an outsider, two campaigns."""

from dataclasses import dataclass

import pytest

from annotate.models import Campaign, Guideline, Task, User
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.gold import make_gold
from annotate.services.people import create_admin, create_annotator
from annotate.services.setup import change_campaign
from tests.keeping import Kept

FLAGS = [{"name": "hallucination", "label": "Hallucination", "meaning": "States as fact what is not so."}]
PASSWORD = "correct horse battery"


@dataclass
class World:
    """Who and what is there. `ranking` has three tasks of four completions, `writing` two prompts; overlap is two."""

    alice: User
    bob: User
    carol: User
    outsider: User
    ranking: Campaign
    writing: Campaign
    ranking_tasks: list[Task]
    writing_tasks: list[Task]


def add_guideline(kind: str, *, version: int = 1) -> Guideline:
    """A guideline of this kind, named after it."""
    return Guideline.objects.create(
        slug=kind,
        version=version,
        sha256=f"{kind}-{version}".ljust(64, "0"),
        kind=kind,
        title=f"How to do {kind}",
        body=f"# {kind}\n\nPrefer what is true.",
        flags=FLAGS,
    )


def add_ranking_task(campaign: Campaign, *, question: str, answers: list[str], domain: str = "", by: User) -> Task:
    """A task to rank these answers to this question."""
    prompt = add_prompt(messages=[{"role": "user", "content": question}], domain=domain, by=by)
    completions = [
        add_completion(prompt=prompt, producer=add_producer(name=f"model-{n}", kind="imported"), text=text, by=by)
        for n, text in enumerate(answers)
    ]
    return add_task(campaign=campaign, prompt=prompt, completions=completions)[0]


def build_world() -> World:
    """Make the world in the database."""
    for kind in ("ranking", "demonstration"):
        add_guideline(kind)
    alice, bob = (
        create_annotator(username=name, password=PASSWORD, first_name=name.title()) for name in ("alice", "bob")
    )
    carol = create_admin(username="carol", password=PASSWORD)
    outsider = create_annotator(username="outsider", password=PASSWORD)
    ranking = create_campaign(
        slug="answers", name="Rank answers", kind="ranking", guideline_slug="ranking", overlap=2, by=carol
    )
    writing = create_campaign(
        slug="writing", name="Write answers", kind="demonstration", guideline_slug="demonstration", overlap=1, by=carol
    )
    ranking_tasks = [
        add_ranking_task(
            ranking,
            question=f"Why is the sky blue? ({number})",
            answers=[f"Answer {number}{letter} with **weight**." for letter in "abcd"],
            domain=("physics", "art")[number % 2],
            by=carol,
        )
        for number in range(3)
    ]
    writing_tasks = [
        add_task(
            campaign=writing,
            prompt=add_prompt(messages=[{"role": "user", "content": f"How do I whistle? ({number})"}], by=carol),
        )[0]
        for number in range(2)
    ]
    return World(alice, bob, carol, outsider, ranking, writing, ranking_tasks, writing_tasks)


def set_onboarding(*, campaign: Campaign, onboarding: dict, access: str) -> Campaign:
    """The campaign, which asks for this from now on."""
    change_campaign(campaign=campaign, by=campaign.created_by, onboarding=onboarding, access=access)
    return campaign


def ask_for_qualification(world: World, *, made: int = 4, **rules) -> None:
    """The ranking campaign asks for `rules`; there are `made` tasks in which the answers are right in their order."""
    for number in range(made):
        prompt = add_prompt(messages=[{"role": "user", "content": f"Known {number}?"}], by=world.carol)
        model = add_producer(name="model-0", kind="imported")
        completions = [
            add_completion(prompt=prompt, producer=model, text=f"{number}{letter}", by=world.carol) for letter in "abc"
        ]
        task, _ = add_task(campaign=world.ranking, prompt=prompt, completions=completions, purpose="qualification")
        ranks = {completion.pk: rank for rank, completion in enumerate(completions, start=1)}
        make_gold(task=task, answer={"ranks": ranks}, explanation=f"Because of {number}.", by=world.carol)
    rules = {"pass": 0.8, "tasks": 3, "retry_hours": 24, **rules}
    world.ranking = set_onboarding(campaign=world.ranking, onboarding={"qualification": rules}, access="everyone")


@pytest.fixture(scope="session")
def kept_world(django_db_setup, django_db_blocker, quick_passwords, in_order) -> Kept[World]:
    """The world as the services make it, before any test changes how they do that."""
    with django_db_blocker.unblock():
        return Kept(build_world)


@pytest.fixture
def world(db, kept_world: Kept[World]) -> World:
    return kept_world.put_back()


@pytest.fixture
def committed_world(transactional_db, kept_world: Kept[World]) -> World:
    """The same world, visible to other connections: for tests with threads and processes."""
    return kept_world.put_back()
