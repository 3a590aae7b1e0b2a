"""The demo's data: accounts, two campaigns, and the judgements of simulated annotators, all through people's services.

Everything here may be done again: what is already there stays, and what is missing is added.
"""

import ipaddress
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.conf import settings as product
from django.db import transaction
from django.db.models import F, Sum

from annotate.models import Assignment, Campaign, Completion, Judgement, Producer, Prompt, Task, User
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.claiming import claim_next_task, claim_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.gold import make_gold, mix_in
from annotate.services.judging import submit, submit_demonstration, submit_ranking
from annotate.services.people import create_admin, create_annotator
from training.demo import plan, settings, simulated, world
from training.services.demo_kinds import add_kinds
from training.services.stages import LEARNED, is_world

RANKING = "demo-ranking"
DEMONSTRATION = "demo-writing"
ADMIN = "admin"
PEOPLE = ("anna", "ben")
AT_ONCE = 25
"""Tasks or judgements in one transaction: enough to be quick, few enough that nobody at a browser waits for it."""

T = TypeVar("T")
Progress = Callable[[int, int, str], None]
"""Called with the steps done, all steps, and what is going on."""


@dataclass(frozen=True)
class Seeded:
    """What the seeding added, and how the demo's accounts are opened (empty when they were there already)."""

    tasks: int
    judgements: int
    passwords: dict[str, str]


def accounts_file() -> Path:
    """Where the demo's accounts are written down, for whoever starts the product the next time."""
    return product.VAR_DIR / "demo-accounts.txt"


def seed_demo(*, progress: Progress = lambda done, total, message: None) -> Seeded:
    """Bring the demo's plan into the database. Raises DomainError when the guidelines are not there yet."""
    chosen = plan.make_plan()
    passwords = _create_people()
    admin = User.objects.get(username=ADMIN)
    tasks_before = Task.objects.count()
    rankings_due = sum(len(planned.judges) for planned in chosen.to_rank)
    writings_due = sum(planned.writer is not None for planned in chosen.demonstration)
    counter = _Counter(progress, len(chosen.to_rank) + len(chosen.demonstration) + rankings_due + writings_due)
    to_rank = zip(_add_ranking_tasks(chosen, admin, counter), chosen.to_rank, strict=True)
    to_write = zip(_add_writing_tasks(chosen, admin, counter), chosen.demonstration, strict=True)
    rankings = [(task, person) for task, planned in to_rank for person in planned.judges]
    writings = [(task, planned.writer) for task, planned in to_write if planned.writer]
    judgements = _judge(rankings, counter, "simulated annotators rank")
    judgements += _judge(writings, counter, "simulated annotators write")
    judgements += add_kinds(chosen=chosen, admin=admin, judge=_judge_some)
    return Seeded(Task.objects.count() - tasks_before, judgements, passwords)


def _judge_some(tasks: Sequence[Task], times: int) -> int:
    """Let each task be judged by so many simulated annotators, in turn: too few to speak of progress."""
    people = simulated.ANNOTATORS
    work = [
        (task, people[(number + 3 * turn) % len(people)]) for number, task in enumerate(tasks) for turn in range(times)
    ]
    return _judge(work, _Counter(lambda *_: None, 0), "")


class _Counter:
    """Counts steps and tells who wants to know."""

    def __init__(self, progress: Progress, total: int):
        self._progress, self._total, self._done = progress, total, 0

    def advance(self, steps: int, message: str) -> None:
        self._done += steps
        self._progress(self._done, self._total, message)


def _create_people() -> dict[str, str]:
    """The admin, two people who can log in, and the simulated annotators, who cannot; returns new passwords."""
    known = set(User.objects.values_list("username", flat=True))
    new = {name: _password(name) for name in (ADMIN, *PEOPLE) if name not in known}
    for name, password in new.items():
        if name == ADMIN:
            create_admin(username=name, password=password, first_name="Admin")
        else:
            create_annotator(username=name, password=password, first_name=name.title())
    for person in simulated.ANNOTATORS:
        if person.username not in known:
            create_annotator(username=person.username, first_name=person.username.title(), simulated=True)
    if new:
        accounts = [f"  {name:<8} {password}" for name, password in new.items()]
        accounts_file().write_text("\n".join(["Demo accounts (name, password):", *accounts, ""]))
        accounts_file().chmod(0o600)
    return new


def _password(name: str) -> str:
    """One that is easy to type where only this machine can reach the product, and one that nobody guesses elsewhere."""
    return f"demo-{name}" if _only_this_machine() else secrets.token_urlsafe(12)


def _only_this_machine() -> bool:
    if product.HOST == "localhost":
        return True
    try:
        return ipaddress.ip_address(product.HOST).is_loopback
    except ValueError:
        return False


def _campaign(slug: str, **fields) -> Campaign:
    return Campaign.objects.filter(slug=slug).first() or create_campaign(slug=slug, **fields)


def _add_ranking_tasks(chosen: plan.Plan, admin: User, counter: _Counter) -> list[Task]:
    """The tasks of the ranking campaign, in the order of the plan."""
    campaign = _campaign(
        RANKING,
        name="Help desk: rank the replies",
        description="Four drafts of a reply to one customer. Which would you like to get?",
        kind=Campaign.Kind.RANKING,
        guideline_slug="ranking",
        overlap=settings.TARGET["train"],
        by=admin,
    )
    producers = {name: add_producer(name=name, kind=Producer.Kind.IMPORTED) for name in settings.DRAFTS}
    tasks = []
    for group in _groups(chosen.to_rank):
        with transaction.atomic():
            for planned in group:
                prompt = add_prompt(messages=planned.messages, domain=planned.domain, by=admin)
                completions = [
                    add_completion(prompt=prompt, producer=producers[name], text=text, by=admin)
                    for text, name in zip(planned.completions, planned.producers, strict=True)
                ]
                task = add_task(campaign=campaign, prompt=prompt, completions=completions, target=planned.target)[0]
                if planned in chosen.gold and task.purpose == Task.Purpose.WORK:
                    _know(task, completions, admin)
                tasks.append(task)
        counter.advance(len(group), "adding tasks to rank")
    return tasks


def _know(task: Task, completions: Sequence[Completion], admin: User) -> None:
    """Mix a task into the work as gold: the world knows how good each reply is."""
    quality = {one.pk: round(world.gold(task.prompt.messages, one.text), 6) for one in completions}
    best_first = sorted(set(quality.values()), reverse=True)
    ranks = {pk: best_first.index(value) + 1 for pk, value in quality.items()}
    case = world.parse(task.prompt.messages)
    why = f"What helps here: “{case.fix}” Blame, repetition and advice for something else make a reply worse."
    make_gold(task=task, answer={"ranks": ranks}, explanation=why, by=admin)
    mix_in(task=Task.objects.select_related("campaign", "prompt").get(pk=task.pk), by=admin)


def _add_writing_tasks(chosen: plan.Plan, admin: User, counter: _Counter) -> list[Task]:
    """The tasks of the demonstration campaign, in the order of the plan."""
    campaign = _campaign(
        DEMONSTRATION,
        name="Help desk: write the reply",
        description="One customer with a problem. Write the reply that the help desk should send.",
        kind=Campaign.Kind.DEMONSTRATION,
        guideline_slug="demonstration",
        overlap=1,
        by=admin,
    )
    tasks = []
    for group in _groups(chosen.demonstration):
        with transaction.atomic():
            for planned in group:
                prompt = add_prompt(messages=planned.messages, domain=planned.domain, by=admin)
                tasks.append(add_task(campaign=campaign, prompt=prompt)[0])
        counter.advance(len(group), "adding prompts to write for")
    return tasks


def _judge(work: Sequence[tuple[Task, simulated.Annotator]], counter: _Counter, message: str) -> int:
    """Let simulated annotators do the tasks that they have not done; returns how many that were."""
    users = _simulated_users()
    done = set(Judgement.objects.filter(annotator__in=users.values()).values_list("task_id", "annotator_id"))
    added = 0
    for group in _groups(work):
        with transaction.atomic():
            for task, person in group:
                user = users[person.username]
                if (task.pk, user.pk) in done:
                    continue
                assignment = claim_task(task=task, annotator=user, guideline=task.campaign.guideline)
                if assignment:  # None: people were quicker, and the task has all that it needs
                    _submit(assignment, user)
                    added += 1
        counter.advance(len(group), message)
    return added


def _submit(assignment: Assignment, user: User) -> None:
    """Judge as the simulated annotator would, and submit it as people do."""
    task, person = assignment.task, simulated.annotator(user.username)
    if task.campaign.kind == Campaign.Kind.DEMONSTRATION:
        written = simulated.demonstrate(person, task.prompt.messages)
        submit_demonstration(
            assignment_id=assignment.pk,
            annotator=user,
            text=written.text,
            reasoning=written.reasoning,
            checklist=[item["name"] for item in assignment.guideline.checklist],
            seconds=written.seconds,
        )
        return
    texts = dict(task.completions.values_list("pk", "text"))
    if task.campaign.kind == Campaign.Kind.RATING:
        rating = simulated.rate(person, task.prompt.messages, list(texts.values()))
        answer = {
            "ratings": dict(zip(texts, rating.ratings, strict=True)),
            "flags": dict(zip(texts, rating.flags, strict=True)),
        }
        submit(assignment_id=assignment.pk, annotator=user, answer=answer, seconds=rating.seconds)
        return
    ranking = simulated.rank(person, task.prompt.messages, list(texts.values()))
    submit_ranking(
        assignment_id=assignment.pk,
        annotator=user,
        ranks=dict(zip(texts, ranking.ranks, strict=True)),
        seconds=ranking.seconds,
    )


def demo_campaigns() -> list[Campaign]:
    """The campaigns whose prompts are all of the demo's world: what the demo's pipeline learns from."""
    campaigns = Campaign.objects.filter(kind__in=LEARNED)
    prompts = {campaign: Prompt.objects.filter(tasks__campaign=campaign) for campaign in campaigns}
    return [campaign for campaign, asked in prompts.items() if asked.exists() and is_world(asked.iterator())]


def simulate_judgements(*, campaign: Campaign, progress: Progress = lambda done, total, message: None) -> int:
    """Let the simulated annotators do a campaign's open tasks, each taking the next one in turn; returns how many.

    Raises NotOfThisWorld when a prompt of the campaign is not the demo world's: nobody simulated can judge it.
    """
    work = campaign.tasks.filter(purpose=Task.Purpose.WORK)
    places = work.aggregate(open=Sum(F("target") - F("reserved")))["open"] or 0
    counter, busy, added = _Counter(progress, places), list(_simulated_users().values()), 0
    while busy:
        for user in tuple(busy):
            with transaction.atomic():
                assignment = claim_next_task(annotator=user, campaign=campaign)
                if assignment:
                    _submit(assignment, user)
            if assignment:
                added += 1
                counter.advance(1, "simulated annotators judge")
            else:
                busy.remove(user)
    return added


def _simulated_users() -> dict[str, User]:
    names = [person.username for person in simulated.ANNOTATORS]
    return {user.username: user for user in User.objects.filter(username__in=names, is_simulated=True)}


def _groups(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
