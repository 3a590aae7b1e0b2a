"""What is disputed in a campaign, and what experts decided about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from annotate.models import (
    Adjudication,
    AdjudicationHold,
    Adjudicator,
    Campaign,
    Completion,
    ContentWarning,
    Dispute,
    Domain,
    Judgement,
    Task,
    User,
)
from annotate.services.adjudicating import verified_domains
from annotate.services.records import with_answers

STATES = ("open", "decided", "all")
FEW = 5_000
"""Finished tasks that are named in a question. Where there are more, the head of the queue has enough of them."""
BY_COMPLETION = ("ranks", "ratings", "flags", "spans")


def decisions(campaign: Campaign) -> dict[int, dict]:
    """The decided answer of each adjudicated task of the campaign, by task id.

    In the shape that annotators submit (annotate/answers), with completion ids as integers. Nothing else in Concord
    reads a decision as a judgement: agreement, skills and estimates describe what annotators said.
    """
    found = Adjudication.objects.current().filter(task__campaign=campaign).values_list("task", "answer")
    return {task: with_ids(answer) for task, answer in found}


def with_ids(answer: Mapping) -> dict:
    """A stored answer, with completion ids as integers: JSON has only texts for names."""
    keyed = {name: {int(pk): one for pk, one in answer[name].items()} for name in BY_COMPLETION if name in answer}
    return {**answer, **keyed}


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the queue is asked for."""

    state: str = "open"
    cause: str = ""
    domain: str = ""
    """A domain's slug."""
    unfinished: bool = False
    """Also tasks that not everybody has judged yet."""


@dataclass(frozen=True, slots=True)
class Disputed:
    """A task about which annotators disagree, as the queue lists it."""

    task: Task
    score: float
    """0: all say the same, 1: all say the opposite. It describes the judgements there are: an n, no interval."""
    n: int
    decision: Adjudication | None
    held_by: User | None
    """Who is deciding it right now."""

    def as_row(self) -> dict:
        """The columns of the page, for CSV and JSON."""
        return {
            "task": self.task.pk,
            "domain": self.task.prompt.domain.slug if self.task.prompt.domain else "",
            "score": self.score,
            "n": self.n,
            "target": self.task.target,
            "state": "decided" if self.decision else "open",
            "cause": self.decision.cause if self.decision else "",
            "decided_at": self.decision.at.isoformat() if self.decision else None,
        }


def queue(*, campaign: Campaign, filters: Filters) -> QuerySet[Dispute]:
    """The disputed tasks of a campaign, the most disputed first; `listed` makes rows of them.

    Only work: a task with a known answer that is mixed in would be recognised here. services/disputes.py keeps the
    scores.
    """
    rows = Dispute.objects.filter(campaign=campaign) if filters.unfinished else _finished(campaign)
    rows = rows.filter(task__purpose=Task.Purpose.WORK, task__withdrawn=False)
    if filters.state == "open":
        rows = rows.exclude(task__in=_decided(campaign).values("task")).filter(score__gt=0)
    elif filters.state == "decided" or filters.cause:
        decided = _decided(campaign)
        decided = decided.filter(cause=filters.cause) if filters.cause else decided
        rows = rows.filter(task__in=decided.values("task"))
    else:
        standing = Adjudication.objects.current().filter(task=OuterRef("pk"))
        rows = rows.filter(Q(score__gt=0) | Exists(standing), score__gte=0)  # which is always so: for the index
    if filters.domain:
        domain = Domain.objects.filter(slug=filters.domain).values_list("pk", flat=True).first()
        # Not by the domain's index: the most disputed are found from the head of the queue.
        rows = rows.annotate(about=F("task__prompt__domain") + 0).filter(about=domain or 0)
    return rows.select_related("task__prompt__domain").order_by("-score", "task_id")


def _finished(campaign: Campaign) -> QuerySet[Dispute]:
    """Those that everybody judged to whom their task is to go.

    While these are few, they are found by their keys: the head of the queue may be full of others.
    """
    full = campaign.tasks.filter(purpose=Task.Purpose.WORK, withdrawn=False, reserved__gte=F("target"))
    few = list(full.filter(submitted__gte=F("target")).order_by().values_list("pk", flat=True)[: FEW + 1])
    rows = Dispute.objects.filter(task__in=few) if len(few) <= FEW else Dispute.objects.filter(campaign=campaign)
    return rows.filter(task__submitted__gte=F("task__target"))


def _decided(campaign: Campaign) -> QuerySet[Adjudication]:
    """The decisions that stand. Not by the campaign's tasks, which are many: decisions are few."""
    standing = Adjudication.objects.current().annotate(of=F("task__campaign") + 0)
    return standing.filter(of=campaign.pk).order_by()


def below(rows: QuerySet[Dispute], passed: Dispute) -> QuerySet[Dispute]:
    """What of a queue comes after this one, found by index: pages of it cost the same however far down they are."""
    return rows.filter(Q(score__lt=passed.score) | Q(task__gt=passed.task_id), score__lte=passed.score)


def listed(rows: Iterable[Dispute]) -> list[Disputed]:
    """The rows of a page of the queue."""
    rows = list(rows)
    tasks = [row.task_id for row in rows]
    decided = {one.task_id: one for one in Adjudication.objects.current().filter(task__in=tasks)}
    held = AdjudicationHold.objects.filter(task__in=tasks, expires_at__gt=timezone.now()).select_related("by")
    by = {hold.task_id: hold.by for hold in held}
    return [Disputed(row.task, row.score, row.n, decided.get(row.task_id), by.get(row.task_id)) for row in rows]


def next_open(*, campaign: Campaign, user: User, filters: Filters, after: int | None = None) -> int | None:
    """The most disputed open task that this person may decide and nobody holds; after one, those below it first."""
    rows = queue(campaign=campaign, filters=filters).filter(*_for(user))
    passed = Dispute.objects.filter(task=after).first() if after else None
    if passed and (found := below(rows, passed).values_list("task", flat=True).first()):
        return found
    return rows.exclude(task=after).values_list("task", flat=True).first()


def _for(user: User) -> list[Q]:
    """What services.adjudicating.why_not says of one task, for all of them at once; and what nobody else holds."""
    opted_out = user.profile.opt_outs if hasattr(user, "profile") else []
    others = AdjudicationHold.objects.filter(task=OuterRef("pk"), expires_at__gt=timezone.now()).exclude(by=user)
    mine = [
        Judgement.objects.filter(task=OuterRef("pk"), annotator=user),
        Completion.objects.filter(task_completions__task=OuterRef("pk"), producer__user=user),
        Judgement.objects.filter(demonstration=OuterRef("task__demonstration"), annotator=user),
        user.assignments.filter(task=OuterRef("pk"), state="claimed").order_by(),
        ContentWarning.objects.filter(prompt=OuterRef("task__prompt"), kind__in=opted_out),
        others,
    ]
    rules = [~Exists(rows) for rows in mine]
    if not user.is_admin:
        rules.append(Q(task__prompt__domain=None) | Q(task__prompt__domain__in=verified_domains(user=user)))
    return rules


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that an expert sees of a disputed task. `judgements` are in the order in which they came."""

    task: Task
    completions: list[Completion]
    """In the canonical order."""
    judgements: list[Judgement]
    dispute: Dispute | None
    history: list[Adjudication]
    """Every decision, the newest first."""
    hold: AdjudicationHold | None

    @property
    def decision(self) -> Adjudication | None:
        """The decision that stands."""
        newest = self.history[0] if self.history else None
        return newest if newest and newest.answer is not None else None


def evidence(*, task: Task) -> Evidence:
    """What annotators said about a task, and what was decided."""
    judgements = with_answers(task.judgements.current()).select_related(
        "annotator", "guideline", "assignment__guideline", "review"
    )
    found = list(judgements.order_by("pk"))
    for judgement in found:
        judgement.task = task
    return Evidence(
        task=task,
        completions=list(task.completions.order_by("task_completions__position")),
        judgements=found,
        dispute=Dispute.objects.filter(task=task).first(),
        history=list(task.adjudications.select_related("by").order_by("-version")),
        hold=AdjudicationHold.objects.filter(task=task, expires_at__gt=timezone.now()).select_related("by").first(),
    )


def last_decided(*, user: User, campaign: Campaign) -> Adjudication | None:
    """What this person decided last in the campaign, while it stands."""
    return Adjudication.objects.current().filter(by=user, task__campaign=campaign).order_by("-pk").first()


def adjudicators(*, campaign: Campaign) -> QuerySet[Adjudicator]:
    """Who may decide in the campaign besides admins, with the domains in which their expertise is verified."""
    return campaign.adjudicators.select_related("user", "given_by").prefetch_related(
        Prefetch("user__expertise", _verified(), to_attr="verified")
    )


def _verified() -> QuerySet:
    verified = User._meta.get_field("expertise").related_model.objects
    return verified.filter(verified_at__isnull=False, level__in=["good", "expert"]).select_related("domain")


def to_decide(*, user: User) -> list[Campaign]:
    """The campaigns in which an admin gave this person the right to decide, that are not closed."""
    return list(Campaign.objects.filter(adjudicators__user=user).exclude(state=Campaign.State.CLOSED).order_by("name"))


def counts(*, campaign: Campaign) -> dict[str, int]:
    """How many tasks are open and decided, and how many decisions name each cause."""
    named = list(_decided(campaign).values_list("cause", flat=True))
    return {"decided": len(named)} | {cause: named.count(cause) for cause in Adjudication.Cause.values}


def history_of(*, campaign: Campaign) -> QuerySet[Adjudication]:
    """Every decision in a campaign, those that were superseded or taken back too, oldest first."""
    newest = Adjudication.objects.filter(supersedes=OuterRef("pk")).values("pk")[:1]
    return (
        Adjudication.objects.filter(task__campaign=campaign)
        .select_related("by", "task")
        .annotate(successor=Subquery(newest))
        .order_by("pk")
    )
