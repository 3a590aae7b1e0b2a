"""What the pages for setting campaigns up read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.forms import WRITING
from annotate.models import (
    Assignment,
    Campaign,
    CampaignChange,
    Completion,
    Guideline,
    Judgement,
    Prompt,
    Queue,
    Reconsideration,
    Spending,
    StepLabel,
    Task,
)
from annotate.quality.intervals import Estimate
from annotate.quality.sampling import HandOuts, mean_over_tasks
from annotate.quality.steps import StepAgreement, step_agreement
from annotate.queries import NO_DOMAIN, AssignmentView
from annotate.rankings import MIN_COMPLETIONS
from annotate.services import budgets
from annotate.steps import split_steps
from annotate.waiting import Asked, who_is_missing

CHANGES_SHOWN = 50
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Spent:
    """How much of a part of the budget is used up."""

    spent: Decimal | float | int
    limit: float | int | None
    """None: this part has no limit."""

    @property
    def fraction(self) -> float:
        """Of the limit, 0 to 1."""
        return min(1.0, float(self.spent) / self.limit) if self.limit else 1.0


@dataclass(frozen=True, slots=True)
class SpendingFigures:
    """What a campaign with a budget has used up of it. Judgements count from when they are handed out."""

    judgements: Spent
    hours: Spent
    money: Spent
    currency: str
    n_submitted: int
    """The judgements that hours and money are of."""
    n_in_hand: int
    """Handed out, and not submitted yet."""
    used_up: str
    """Which part is used up: "judgements", "hours", "money", or "" while something is left of each."""

    @property
    def limited(self) -> dict[str, Spent]:
        """The parts that have a limit, by name."""
        parts = {"judgements": self.judgements, "hours": self.hours, "money": self.money}
        return {name: part for name, part in parts.items() if part.limit is not None}


def spending_of(*, campaign: Campaign) -> SpendingFigures | None:
    """What is spent of a campaign's budget; None where it has none. Page and API show what this returns."""
    found = Spending.objects.filter(campaign=campaign).first() if budgets.has_budget(campaign) else None
    if found is None:
        return None
    budget = campaign.assignment_rules.budget
    in_hand = Assignment.objects.filter(campaign=campaign, state=Assignment.State.CLAIMED).exclude(lane="").count()
    campaign.spending = found
    return SpendingFigures(
        judgements=Spent(found.judgements, budget.judgements),
        hours=Spent(found.seconds / HOUR, budget.hours),
        money=Spent(found.money, budget.money),
        currency=campaign.currency,
        n_submitted=max(0, found.judgements - in_hand),
        n_in_hand=in_hand,
        used_up=budgets.used_up(campaign),
    )


def campaigns_overview() -> QuerySet[Campaign]:
    """Every campaign, newest first, with `n_tasks`, `n_places`, `n_done` of them, and `n_people` who did them.

    Tasks are those of work here: gold and qualification are open to everybody, and would drown them.
    """
    work = Task.objects.filter(campaign=OuterRef("pk"), purpose=Task.Purpose.WORK, withdrawn=False)
    tasks = work.order_by().values("campaign")
    people = Judgement.objects.filter(task__campaign=OuterRef("pk")).order_by().values("task__campaign")
    return (
        Campaign.objects.select_related("guideline", "spending")
        .annotate(
            n_tasks=Coalesce(Subquery(tasks.annotate(n=Count("pk")).values("n")), 0),
            n_places=Coalesce(Subquery(tasks.annotate(n=Sum("target")).values("n")), 0),
            n_done=Coalesce(Subquery(tasks.annotate(n=Sum("submitted")).values("n")), 0),
            n_people=Coalesce(Subquery(people.annotate(n=Count("annotator", distinct=True)).values("n")), 0),
        )
        .order_by("-created_at", "-pk")
    )


@dataclass(frozen=True, slots=True)
class NewRules:
    """Assignment rules that changed, and how many of the tasks follow them."""

    n_done: int
    n_tasks: int
    asked_at: datetime
    done_at: datetime | None
    """None: under way."""


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """What the settings page shows beside the settings themselves."""

    campaign: Campaign
    has_answers: bool
    """Whether somebody has submitted an answer, which fixes the form."""
    n_tasks: int
    changes: list[CampaignChange]
    """The newest first."""
    spending: SpendingFigures | None
    asked: list[Asked]
    """What waiting tasks ask of people, where the campaign has needs."""
    new_rules: NewRules | None
    """How far tasks follow the assignment rules; None while these have never changed."""


def new_rules_of(*, campaign: Campaign) -> NewRules | None:
    """How far a campaign's tasks follow its assignment rules. Page and API show what this returns."""
    mark = Reconsideration.objects.filter(campaign=campaign).first()
    if not mark:
        return None
    tasks = campaign.tasks.aggregate(there=Count("pk"), done=Count("pk", filter=Q(position__lt=mark.position)))
    return NewRules(tasks["there"] if mark.done_at else tasks["done"], tasks["there"], mark.asked_at, mark.done_at)


def campaign_settings(*, campaign: Campaign) -> CampaignSettings:
    """A campaign with what bears on changing it."""
    return CampaignSettings(
        campaign=campaign,
        has_answers=Judgement.objects.filter(task__campaign=campaign).exists(),
        n_tasks=campaign.tasks.count(),
        changes=list(campaign.changes.select_related("by")[:CHANGES_SHOWN]),
        spending=spending_of(campaign=campaign),
        asked=who_is_missing(campaign=campaign),
        new_rules=new_rules_of(campaign=campaign),
    )


@dataclass(frozen=True, slots=True)
class CampaignQueues:
    """What waits in a campaign, and how what was judged came to people."""

    campaign: Campaign
    queues: list[Queue]
    """With n_tasks, n_open of them, n_places that are free there, and n_done judgements; of gold no places."""
    lanes: dict[str, int]
    """Judgements by the lane of their task: gold, random, ordered; none for imports and qualification."""
    seconds: Estimate
    """The mean active seconds of a judgement over all tasks, from those that were drawn at random."""
    seconds_so_far: float | None
    """The mean of all judgements so far: it speaks of what came first."""
    n_so_far: int


def campaign_queues(*, campaign: Campaign) -> CampaignQueues:
    """The queues of a campaign, its lanes, and one estimate from random tasks. Page and API show what this returns."""
    there = Q(tasks__withdrawn=False)
    free = there & Q(tasks__reserved__lt=F("tasks__target"))
    queues = (
        campaign.queues.select_related("domain")
        .annotate(
            n_tasks=Count("tasks", filter=there),
            n_open=Count("tasks", filter=free),
            n_places=Coalesce(Sum(F("tasks__target") - F("tasks__reserved"), filter=free), 0),
            n_done=Coalesce(Sum("tasks__submitted"), 0),
        )
        .order_by("gold", F("domain__slug").asc(nulls_first=True), "language", "pk")
    )
    found = list(queues)
    for queue in found:
        if queue.gold:  # everybody gets each of them once
            queue.n_places = None
    submitted = campaign.assignments.filter(state=Assignment.State.SUBMITTED).order_by().values_list("lane")
    counts = dict(submitted.annotate(Count("pk")))
    lanes = {lane or "none": counts.get(lane, 0) for lane in (*Assignment.Lane.values, "")}
    return CampaignQueues(campaign, found, lanes, *_seconds(campaign))


def _seconds(campaign: Campaign) -> tuple[Estimate, float | None, int]:
    """The mean seconds over all tasks; over the judgements so far, and how many these are."""
    tasks = Task.objects.filter(campaign=campaign, purpose=Task.Purpose.WORK, withdrawn=False)
    given = Judgement.objects.current().filter(task__in=tasks).order_by("pk")
    rows = list(given.values_list("seconds", "task_id", "annotator_id", "assignment__claimed_at", "assignment__lane"))
    at_random = [row[4] == Assignment.Lane.RANDOM for row in rows]
    columns = ([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])
    estimate = mean_over_tasks(
        HandOuts(*columns, [row[3].timestamp() for row in rows], at_random),
        done=set(tasks.filter(submitted__gte=F("target")).values_list("pk", flat=True)),
        n_tasks=tasks.count(),
    )
    return estimate, sum(columns[0]) / len(rows) if rows else None, len(rows)


def guidelines_for(*, kind: str, campaign: Campaign | None = None) -> list[Guideline]:
    """The guidelines that a campaign of this kind can be put under: the newest versions, and the one it is under."""
    newest = Guideline.objects.filter(slug=OuterRef("slug")).order_by("-version").values("version")[:1]
    found = list(Guideline.objects.filter(kind=kind, version=Subquery(newest)).exclude(slug="judged-elsewhere"))
    if campaign and campaign.guideline not in found:
        found.append(campaign.guideline)
    return found


def reviewable_campaigns() -> QuerySet[Campaign]:
    """The campaigns whose demonstrations can be reviewed."""
    return Campaign.objects.filter(kind__in=WRITING).order_by("name")


SAMPLE_ANSWERS = (
    "First: 17 is a prime, because no number from 2 to 4 divides it.\n\nSecond: 51 is 3 · 17.\n\nSo 51 is no prime.",
    "51 is a prime. It ends in 1, and such numbers are.",
    "No: $51 = 3 \\cdot 17$.",
)


def preview(*, campaign: Campaign) -> AssignmentView:
    """The campaign's first task as somebody would see it, or a sample where it has none. Nothing is claimed."""
    task = campaign.tasks.select_related("prompt", "demonstration").filter(withdrawn=False).order_by("position").first()
    if task:
        task.campaign = campaign
        completions = list(task.completions.only("id", "text", "sha256").order_by("task_completions__position"))
    else:
        task, completions = _sample(campaign)
    now = timezone.now()
    assignment = Assignment(
        task=task,
        guideline=campaign.guideline,
        shown_order=[completion.pk for completion in completions],
        claimed_at=now,
        opened_at=now,
        revealed_at=now,
        lease_expires_at=now + timedelta(minutes=campaign.lease_minutes),
    )
    return AssignmentView(
        assignment=assignment,
        campaign=campaign,
        guideline=campaign.guideline,
        messages=task.prompt.messages,
        completions=completions,
    )


def _sample(campaign: Campaign) -> tuple[Task, list[Completion]]:
    """A task that is not in the database."""
    many = {Campaign.Kind.RANKING: MIN_COMPLETIONS + 1, Campaign.Kind.RATING: MIN_COMPLETIONS, "demonstration": 0}
    texts = SAMPLE_ANSWERS[: many.get(campaign.kind, 1)]
    completions = [Completion(pk=place, text=text) for place, text in enumerate(texts, start=1)]
    prompt = Prompt(messages=[{"role": "user", "content": _("A sample: is 51 a prime number? Say why.")}])
    steps = split_steps(texts[0]) if campaign.kind == Campaign.Kind.STEPS else []
    return Task(campaign=campaign, prompt=prompt, steps=steps, k=len(completions)), completions


@dataclass(frozen=True, slots=True)
class CampaignStepAgreement:
    """How far the annotators of a steps campaign agree: over all, and for each domain."""

    campaign: Campaign
    overall: StepAgreement
    by_domain: dict[str, StepAgreement]


def campaign_step_agreement(*, campaign: Campaign) -> CampaignStepAgreement:
    """The agreement of a steps campaign. The page, the API and the downloads all show what this returns."""
    rows = (
        StepLabel.objects.filter(judgement__task__campaign=campaign, judgement__superseded_by__isnull=True)
        .filter(judgement__task__purpose=Task.Purpose.WORK)
        .order_by("judgement_id", "step")
        .values_list(
            "judgement_id",
            "judgement__task_id",
            "judgement__annotator__username",
            "judgement__task__prompt__domain__slug",
            "label",
        )
    )
    judgements: dict[int, tuple[int, str, str, list[str]]] = {}
    for judgement, task, annotator, domain, label in rows:
        judgements.setdefault(judgement, (task, annotator, domain or NO_DOMAIN, []))[3].append(label)
    domains: dict[str, list] = {}
    for row in judgements.values():
        domains.setdefault(row[2], []).append(row)
    return CampaignStepAgreement(
        campaign=campaign,
        overall=_step_agreement(list(judgements.values())),
        by_domain={domain: _step_agreement(found) for domain, found in sorted(domains.items())},
    )


def _step_agreement(rows: list[tuple[int, str, str, list[str]]]) -> StepAgreement:
    tasks, annotators, _domains, labels = zip(*rows, strict=True) if rows else ((), (), (), ())
    return step_agreement(tasks, annotators, labels)
