"""Qualification: tasks with a known answer that a person does before their first real one, with feedback after each.

Their answers are no judgements: they enter no agreement and no training. The assignment goes back to `released` when it
is answered, so that the task is free for others, and for the same person's next attempt.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.errors import DomainError, NotFound
from annotate.gold import GoldScore, score_answer
from annotate.models import Assignment, Campaign, Gold, QualificationAnswer, QualificationAttempt, Task, User
from annotate.quality.intervals import Estimate, wilson
from annotate.services.claiming import claim_task, extend_lease
from annotate.services.judging import check_answer_to, check_seconds
from annotate.services.onboarding import check_may_qualify, settle
from annotate.services.own import own_assignment
from annotate.services.releasing import release_all

State = Assignment.State
ROUNDING = 1e-9
"""Shares are sums of fractions: 0.8 of five tasks must not fail at 0.7999999."""


@dataclass(frozen=True, slots=True)
class Qualifying:
    """How far a person is with a campaign's qualification tasks."""

    wanted: float
    n_tasks: int
    """Tasks of an attempt: what the campaign asks for, or as many as there are."""
    attempt: QualificationAttempt | None
    """The newest attempt."""
    answers: list[QualificationAnswer]
    """Its answers, in their order."""
    retry_at: datetime | None
    """When the next attempt may begin, while that is in the future."""

    @property
    def is_open(self) -> bool:
        """Whether an attempt is under way."""
        return self.attempt is not None and self.attempt.ended_at is None

    @property
    def result(self) -> Estimate:
        """The mean share with Wilson's interval; wider than needed, because tasks are not all right or all wrong."""
        return wilson(sum(answer.share for answer in self.answers), len(self.answers))


def qualifying(*, user: User, campaign: Campaign) -> Qualifying:
    """How far this person is."""
    rules = campaign.onboarding_rules.qualification
    if rules is None:
        raise NotFound(_("This campaign asks for no qualification."))
    attempt = QualificationAttempt.objects.filter(user=user, campaign=campaign).order_by("-number").first()
    retry_at = None
    if attempt and attempt.ended_at and not attempt.passed:
        retry_at = attempt.ended_at + timedelta(hours=rules.retry_hours)
    is_open = attempt is not None and attempt.ended_at is None
    return Qualifying(
        wanted=attempt.wanted if is_open else rules.share,
        n_tasks=attempt.n_tasks if is_open else min(rules.tasks, _tasks(campaign).count()),
        attempt=attempt,
        answers=list(attempt.answers.select_related("assignment__task")) if attempt else [],
        retry_at=retry_at if retry_at and retry_at > timezone.now() else None,
    )


def _tasks(campaign: Campaign) -> QuerySet[Task]:
    return Task.objects.filter(
        campaign=campaign, purpose=Task.Purpose.QUALIFICATION, withdrawn=False, gold__isnull=False
    )


def take_qualification_task(*, user: User, campaign: Campaign) -> Assignment:
    """The next qualification task: the one held, else a new one, in the open attempt or a new attempt.

    Raises DomainError while the pause after a failed attempt lasts, or when there is no task, and what
    `check_may_qualify` raises.
    """
    check_may_qualify(user=user, campaign=campaign)
    attempt = _open_attempt(user, campaign) or _start(user, campaign)
    held = _held(user, campaign).first()
    if held:
        return extend_lease(assignment_id=held.pk, annotator=user)
    # Who had work in hand before this was asked of them gives it back: one task is open at a time.
    work = Assignment.objects.filter(annotator=user, campaign=campaign, state=State.CLAIMED)
    release_all(work.exclude(task__purpose=Task.Purpose.QUALIFICATION).select_related("campaign"))
    task = _next_task(attempt)
    if task is None:
        raise DomainError(_("There is no further qualification task; an admin must add some. Tell them, please."))
    try:
        assignment = claim_task(task=task, annotator=user, guideline=campaign.guideline)
    except IntegrityError:  # another tab has just claimed it
        assignment = _held(user, campaign).first()
    if assignment is None:
        raise DomainError(_("Very many people are at this task just now. Try again in a moment."))
    return assignment


def _held(user: User, campaign: Campaign) -> QuerySet[Assignment]:
    return Assignment.objects.filter(
        annotator=user, campaign=campaign, task__purpose=Task.Purpose.QUALIFICATION, state=State.CLAIMED
    )


def _open_attempt(user: User, campaign: Campaign) -> QualificationAttempt | None:
    return QualificationAttempt.objects.filter(user=user, campaign=campaign, ended_at__isnull=True).first()


def _start(user: User, campaign: Campaign) -> QualificationAttempt:
    found = qualifying(user=user, campaign=campaign)
    if found.retry_at:
        at = timezone.localtime(found.retry_at)
        raise DomainError(
            _("You can try again from %(day)s, %(time)s. Use the pause to read the explanations.")
            % {"day": at.date().isoformat(), "time": at.strftime("%H:%M")}
        )
    if not found.n_tasks:
        raise DomainError(_("This campaign has no qualification tasks yet; an admin must add some. Tell them, please."))
    attempts = QualificationAttempt.objects.filter(user=user, campaign=campaign)
    try:
        with transaction.atomic():
            return attempts.create(
                user=user,
                campaign=campaign,
                number=(attempts.aggregate(last=Max("number"))["last"] or 0) + 1,
                n_tasks=found.n_tasks,
                wanted=found.wanted,
                started_at=timezone.now(),
            )
    except IntegrityError:  # another tab has just begun it
        return attempts.get(ended_at__isnull=True)


def _next_task(attempt: QualificationAttempt) -> Task | None:
    """Of the tasks not yet answered in this attempt one that the person has seen least often."""
    seen = Count("assignments__qualification_answer", filter=Q(assignments__annotator=attempt.user_id))
    tasks = _tasks(attempt.campaign).exclude(pk__in=attempt.answers.values("assignment__task"))
    return tasks.select_related("campaign").annotate(seen=seen).order_by("seen", "position").first()


@transaction.atomic
def answer_qualification(
    *, assignment_id: UUID, user: User, answer: Mapping[str, Any], seconds: float
) -> QualificationAnswer:
    """Answer a qualification task; it is compared with the gold at once. A second click gives the first answer back.

    The attempt ends with its last task: passed, or failed until the campaign's pause is over. Raises DomainError when
    the answer is not whole, or there is no attempt that it belongs to.
    """
    assignment = own_assignment(assignment_id=assignment_id, annotator=user)
    if earlier := QualificationAnswer.objects.filter(assignment=assignment).first():
        return earlier
    check_may_qualify(user=user, campaign=assignment.task.campaign)
    check_seconds(seconds)
    checked = check_answer_to(assignment, answer)
    attempt = _lock_attempt(user, assignment.task.campaign)
    if earlier := QualificationAnswer.objects.filter(assignment=assignment).first():
        return earlier
    if attempt is None or attempt.answers.filter(assignment__task=assignment.task_id).exists():
        raise DomainError(_("This task is answered, or its attempt is over. Go back to the qualification's page."))
    gold = Gold.objects.get(task=assignment.task_id)
    score = score_answer(assignment.task.campaign.kind, checked, gold.answer)
    release_all(Assignment.objects.filter(pk=assignment.pk))
    Assignment.objects.filter(task=assignment.task_id, annotator=user).update(draft=None)
    given = QualificationAnswer.objects.create(
        attempt=attempt,
        assignment=assignment,
        answer=checked,
        gold=gold.answer,
        explanation=gold.explanation,
        share=score.share,
        seconds=seconds,
    )
    _end_if_complete(attempt)
    return given


def _lock_attempt(user: User, campaign: Campaign) -> QualificationAttempt | None:
    """The open attempt, its row locked by an UPDATE that changes nothing: two tabs answer one after the other."""
    mine = QualificationAttempt.objects.filter(user=user, campaign=campaign, ended_at__isnull=True)
    return mine.select_related("campaign", "user").first() if mine.update(n_tasks=F("n_tasks")) else None


def _end_if_complete(attempt: QualificationAttempt) -> None:
    shares = list(attempt.answers.values_list("share", flat=True))
    if len(shares) < attempt.n_tasks:
        return
    share = math.fsum(shares) / len(shares)
    passed = share >= attempt.wanted - ROUNDING
    QualificationAttempt.objects.filter(pk=attempt.pk).update(
        ended_at=timezone.now(), share=min(1.0, share), passed=passed
    )
    release_all(_held(attempt.user, attempt.campaign))
    settle(user=attempt.user, campaign=attempt.campaign)


@dataclass(frozen=True, slots=True)
class Feedback:
    """An answer beside the gold."""

    given: QualificationAnswer
    score: GoldScore
    attempt: QualificationAttempt
    n_answered: int


def feedback(*, assignment_id: UUID, user: User) -> Feedback:
    """What a person's own answer got right. Raises NotFound when they have not answered there."""
    given = (
        QualificationAnswer.objects.filter(assignment=assignment_id, attempt__user=user)
        .select_related("attempt", "assignment__task__campaign", "assignment__task__prompt", "assignment__guideline")
        .first()
    )
    if given is None:
        raise NotFound(_("You have not answered this task, so there is nothing to say about it yet."))
    score = score_answer(given.assignment.task.campaign.kind, given.answer, given.gold)
    n_answered = QualificationAnswer.objects.filter(attempt=given.attempt_id, pk__lte=given.pk).count()
    return Feedback(given, score, given.attempt, n_answered)
