"""Every read that a page, the API or an export needs. One function computes a number, wherever it is shown."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from uuid import UUID

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.forms import Definition, Form, checklist_of
from annotate.models import (
    Assignment,
    Campaign,
    Completion,
    Demonstration,
    Guideline,
    Judgement,
    Task,
    User,
)
from annotate.services import budgets, daily
from annotate.services.anywhere import campaigns_with_work
from annotate.services.onboarding import Standing, standings
from annotate.services.own import own_assignment
from annotate.services.progress import Counts, counts_of

NO_DOMAIN = "no domain"


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """A campaign as an annotator sees it. A place is one annotator's share of one task.

    Nobody can tell gold from work by these numbers: a task with a known answer that somebody submits counts as done,
    too, for everybody who looks. So that they stay within the places, the last place is only done when all are.
    """

    campaign: Campaign
    n_tasks: int
    n_places: int
    n_done_places: int
    n_mine: int
    has_work_for_me: bool
    holds_task: bool
    standing: Standing
    stop: str = ""
    """Why nothing is handed out although tasks wait: the "budget" is used up, or the "daily" limit reached."""

    @property
    def n_steps_done(self) -> int:
        """Of the steps that the campaign asks for before the first task."""
        return len(self.standing.done)

    @property
    def fraction(self) -> float:
        """Done places of all places, 0 to 1."""
        return self.n_done_places / self.n_places if self.n_places else 0.0


def campaigns_with_progress(*, annotator: User) -> list[CampaignProgress]:
    """Every campaign that is not closed and that this annotator may see, oldest first, with progress and their part.

    Admins see those for members, too, but work in them only as members.
    """
    mine = Assignment.objects.filter(campaign=OuterRef("pk"), annotator=annotator).order_by().values("campaign")
    not_closed = Campaign.objects.exclude(state=Campaign.State.CLOSED).select_related("spending", "progress")
    campaigns = not_closed.annotate(
        n_mine=Coalesce(Subquery(mine.filter(state="submitted").annotate(n=Count("pk")).values("n")), 0),
        n_held=Coalesce(Subquery(mine.filter(state="claimed").annotate(n=Count("pk")).values("n")), 0),
    )
    counts = counts_of(campaigns)
    standing = standings(user=annotator, campaigns=campaigns)
    open_to_them = campaigns_with_work(annotator=annotator, campaigns=campaigns)
    stops = dict.fromkeys(daily.stops(annotator=annotator, campaigns=campaigns), "daily")
    stops |= {campaign.pk: "budget" for campaign in campaigns if budgets.used_up(campaign)}
    return [
        _progress(
            campaign,
            counts[campaign.pk],
            standing[campaign.pk],
            campaign.pk in open_to_them,
            stops.get(campaign.pk, ""),
        )
        for campaign in campaigns
        if standing[campaign.pk].is_visible or annotator.is_admin
    ]


def _progress(campaign: Campaign, counts: Counts, standing: Standing, has_work: bool, stop: str) -> CampaignProgress:
    welcome = standing.is_visible and not standing.is_suspended
    open_to_me = welcome and campaign.state == Campaign.State.OPEN
    return CampaignProgress(
        campaign=campaign,
        n_tasks=counts.n_tasks,
        n_places=counts.n_places,
        n_done_places=_done_places(counts),
        n_mine=campaign.n_mine,
        has_work_for_me=open_to_me and has_work and not stop,
        holds_task=welcome and campaign.n_held > 0,
        standing=standing,
        stop=stop,
    )


def _done_places(counts: Counts) -> int:
    if counts.n_done_work >= counts.n_places:
        return counts.n_places
    return min(counts.n_done_work + counts.n_done_gold, counts.n_places - 1)


@dataclass(frozen=True, slots=True)
class WrittenBeside:
    """What was written beside a demonstration, without its author."""

    reasoning: str
    citations: list[dict]
    ticked: list[str]
    """The labels of the checklist's items."""


def written_beside(demonstration: Demonstration) -> WrittenBeside:
    """What came with a demonstration."""
    judgement = demonstration.judgement
    checklist = checklist_of(judgement.task.campaign.parsed_form, judgement.guideline.checklist)
    ticked = [item.label for item in checklist if item.name in demonstration.checklist]
    return WrittenBeside(demonstration.reasoning, demonstration.citations, ticked)


@dataclass(frozen=True)
class AssignmentView:
    """Everything that a page or a client shows for an assignment. `completions` are in this annotator's order."""

    assignment: Assignment
    campaign: Campaign
    guideline: Guideline
    messages: list[dict]
    completions: list[Completion]

    @property
    def is_qualification(self) -> bool:
        """Whether it is a task with a known answer that is done before the first real one."""
        return self.assignment.task.purpose == Task.Purpose.QUALIFICATION

    @property
    def was_qualified(self) -> bool:
        """Whether it is one, and answered."""
        return self.is_qualification and hasattr(self.assignment, "qualification_answer")

    @property
    def form(self) -> Form:
        """What the campaign asks beyond its kind."""
        return self.campaign.parsed_form

    @property
    def flags(self) -> list[dict[str, str]]:
        """The flags that can be set: the campaign's own, else the guideline's, as {name, label, meaning}."""
        own = self.form.flags
        return self.guideline.flags if own is None else [asdict(flag) for flag in own]

    @property
    def brief(self) -> bool:
        """Whether the prompt is a brief, for which the annotator writes the conversation, too."""
        return self.form.writing.prompt == "written"

    @property
    def checklist(self) -> tuple[Definition, ...]:
        """What is to be ticked before submitting."""
        return checklist_of(self.form, self.guideline.checklist)

    @cached_property
    def written_beside(self) -> "WrittenBeside | None":
        """What came with the demonstration that a review task shows."""
        if self.campaign.kind != Campaign.Kind.REVIEW:
            return None
        found = Demonstration.objects.select_related("judgement__guideline", "judgement__task__campaign")
        written = found.filter(review_tasks=self.assignment.task_id).first()
        return written_beside(written) if written else None  # a preview of a campaign without tasks has none

    @property
    def warnings(self) -> list[str]:
        """The kinds of distressing content that the prompt warns of."""
        task = self.assignment.task
        if task.queue_id is not None:
            return task.queue.warnings
        return sorted(task.prompt.content_warnings.values_list("kind", flat=True))

    @property
    def draft(self) -> dict | None:
        """The unfinished work that was saved, if any."""
        return self.assignment.draft


def assignment_to_show(*, assignment_id: UUID, annotator: User) -> AssignmentView:
    """An annotator's own assignment with its content, without the producers: annotators judge blind.

    Raises DomainError when there is no such assignment of theirs.
    """
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator, to_show=True)
    by_id = Completion.objects.only("id", "text", "sha256").in_bulk(assignment.shown_order)
    assignment.completions = [by_id[completion] for completion in assignment.shown_order]
    return view_of(assignment)


def view_of(assignment: Assignment) -> AssignmentView:
    """`assignment_to_show` for one that was just claimed: what is at hand is not read again."""
    if assignment.completions is None:
        return assignment_to_show(assignment_id=assignment.pk, annotator=assignment.annotator)
    return AssignmentView(
        assignment=assignment,
        campaign=assignment.campaign,
        guideline=assignment.guideline,
        messages=assignment.task.prompt.messages,
        completions=assignment.completions,
    )


def newest_judgement(*, assignment_id: UUID, annotator: User) -> Judgement | None:
    """The judgement that counts of an own assignment, with what it says; None while there is none."""
    return (
        Judgement.objects.current()
        .filter(assignment=assignment_id, annotator=annotator)
        .select_related("task__campaign", "demonstration__completion__prompt", "review")
        .prefetch_related("ranked", "ratings", "flags", "spans", "step_labels")
        .first()
    )


def last_submitted(*, annotator: User, campaign: Campaign | None = None) -> Assignment | None:
    """What this annotator submitted last (in this campaign) while it may be corrected; None when there is nothing."""
    mine = Assignment.objects.filter(annotator=annotator, state=Assignment.State.SUBMITTED)
    if campaign:
        mine = mine.filter(campaign=campaign)
    last = mine.select_related("campaign").order_by("-ended_at").first()
    return last if last and timezone.now() < last.correctable_until else None


def current_guidelines() -> list[Guideline]:
    """The newest version of each guideline."""
    newest = Guideline.objects.filter(slug=OuterRef("slug")).order_by("-version").values("version")[:1]
    return list(Guideline.objects.filter(version=Subquery(newest)))


def task_prompts(*, task_ids: Iterable[int]) -> dict[int, str]:
    """What the user last says in the prompt of each task, by task id: enough to tell tasks apart in a list."""
    found = Task.objects.filter(pk__in=list(task_ids)).values_list("pk", "prompt__messages")
    return {pk: messages[-1]["content"] for pk, messages in found}


@dataclass(frozen=True, slots=True)
class JudgedTask:
    """A task with what everybody said about it, for an admin who looks into a disagreement."""

    task: Task
    completions: list[Completion]
    judgements: list[Judgement]

    def rank(self, judgement: Judgement, completion: Completion) -> int | None:
        """The rank that a judgement gave a completion."""
        return next((ranked.rank for ranked in judgement.ranked.all() if ranked.completion_id == completion.pk), None)


WRITTEN = ("review", "demonstration__completion__prompt", "demonstration__revision__original")


def judged_task(*, task_id: int) -> JudgedTask:
    """A task, its completions with their producers, and the judgements that count. Raises DomainError if unknown."""
    task = Task.objects.filter(pk=task_id).select_related("campaign__guideline", "prompt__domain", "gold").first()
    if task is None:
        raise DomainError(_("There is no task %(number)s.") % {"number": task_id})
    judgements = task.judgements.current().select_related("annotator", "guideline", "assignment", *WRITTEN)
    return JudgedTask(
        task=task,
        completions=list(task.completions.select_related("producer").order_by("task_completions__position")),
        judgements=list(judgements.prefetch_related("ranked", "ratings", "flags", "spans")),
    )
