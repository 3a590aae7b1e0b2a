"""Deciding where annotators disagree: who may, one expert at a time, and each decision on record.

A decision is one answer by one expert who has seen the judgements. It changes no judgement and no agreement figure:
those describe the annotators. Whoever wants the decided answers asks adjudication_queries.decisions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.answers import MAX_TEXT
from annotate.errors import DomainError, LeaseLost, NotAllowed, NotFound
from annotate.models import (
    Adjudication,
    AdjudicationDraft,
    AdjudicationHold,
    Adjudicator,
    Assignment,
    Campaign,
    CampaignChange,
    Completion,
    Expertise,
    Judgement,
    Membership,
    Task,
    User,
)
from annotate.services.gold import make_gold
from annotate.services.judging import check_answer_to

ASPECTS = ("verdict", "ranks", "ratings", "flags", "behaviour", "labels", "decision")
"""What of an answer can be a known answer."""
KINDS = (Campaign.Kind.RANKING, Campaign.Kind.RATING, Campaign.Kind.STEPS, Campaign.Kind.REVIEW)
"""Where answers can disagree; what people write is reviewed instead."""
GIVEN, TAKEN = "adjudicator", "adjudicator_out"
"""How a campaign's record of changes names giving and taking the right to decide."""


def may_open(*, user: User, campaign: Campaign) -> bool:
    """Whether this person may see the campaign's disagreements: admins, and those to whom one gave the right."""
    if user.is_admin:
        return True
    suspended = Membership.objects.filter(user=user, campaign=campaign, state=Membership.State.SUSPENDED)
    return Adjudicator.objects.filter(user=user, campaign=campaign).exists() and not suspended.exists()


def check_may_open(*, user: User, campaign: Campaign) -> None:
    """Raises NotAllowed for whoever may not see the campaign's disagreements, DomainError where there can be none."""
    if campaign.kind not in KINDS:
        raise DomainError(
            _("What people write cannot disagree as rankings do; a second person reviews it in a review campaign.")
        )
    if not may_open(user=user, campaign=campaign):
        raise NotAllowed(
            _("Disagreements in “%(campaign)s” are decided by admins and by those to whom an admin gave the right.")
            % {"campaign": campaign.name}
        )


def why_not(*, user: User, task: Task) -> str:
    """Why this person may not decide this task; empty when they may.

    Nobody decides about their own judgement or completion; who is no admin decides only in domains in which an admin
    has verified their expertise.
    """
    if task.purpose != Task.Purpose.WORK or task.withdrawn:
        return _("This task is no ordinary work any more, so there is nothing to decide.")
    if Judgement.objects.filter(task=task, annotator=user).exists():
        return _("You judged this task yourself, so somebody else has to decide it.")
    if _wrote(user, task):
        return _("A completion of this task is yours, so somebody else has to decide it.")
    if Assignment.objects.filter(task=task, annotator=user, state=Assignment.State.CLAIMED).exists():
        return _("You hold this task as an annotator: judge it or give it back; somebody else has to decide it.")
    domain = task.prompt.domain
    if domain is None or user.is_admin or domain.pk in verified_domains(user=user):
        return ""
    return _("Only admins and experts whose knowledge of %(domain)s an admin has verified decide this task.") % {
        "domain": domain.name
    }


def verified_domains(*, user: User) -> set[int]:
    """The domains of which this person is known to know much."""
    known = Expertise.objects.filter(
        user=user, verified_at__isnull=False, level__in=[Expertise.Level.GOOD, Expertise.Level.EXPERT]
    )
    return set(known.values_list("domain", flat=True))


def _wrote(user: User, task: Task) -> bool:
    if Completion.objects.filter(task_completions__task=task, producer__user=user).exists():
        return True
    return Judgement.objects.filter(demonstration=task.demonstration_id, annotator=user).exists()


def take(*, task_id: int, by: User) -> AdjudicationHold:
    """Hold a task while deciding it; for its campaign's lease, and again from now when it is held already.

    Raises NotFound, NotAllowed, and LeaseLost while somebody else holds it.
    """
    task = find_task(task_id, by)
    if refusal := why_not(user=by, task=task):
        raise NotAllowed(refusal)
    now = timezone.now()
    until = now + timedelta(minutes=task.campaign.lease_minutes)
    free = AdjudicationHold.objects.filter(Q(by=by) | Q(expires_at__lte=now), task=task)
    if not free.update(by=by, expires_at=until):
        try:
            with transaction.atomic():
                AdjudicationHold.objects.create(task=task, by=by, expires_at=until)
        except IntegrityError as error:
            raise LeaseLost(_("Somebody else is deciding this task right now. Take another one.")) from error
    return AdjudicationHold(task=task, by=by, expires_at=until)


def find_task(task_id: int, by: User) -> Task:
    """A task whose disagreements this person may see. Raises NotFound, or NotAllowed."""
    found = Task.objects.select_related("campaign__guideline", "prompt__domain").filter(pk=task_id).first()
    if found is None:
        raise NotFound(_("There is no task %(number)s.") % {"number": task_id})
    check_may_open(user=by, campaign=found.campaign)
    return found


def let_go(*, task_id: int, by: User) -> bool:
    """Hold a task no longer, without a decision; returns whether it was held."""
    return bool(AdjudicationHold.objects.filter(task=task_id, by=by).delete()[0])


@dataclass(frozen=True, slots=True)
class AsGold:
    """That the decided answer becomes the task's known answer, and what annotators read about why."""

    explanation: str


def decide(
    *,
    task_id: int,
    by: User,
    answer: Mapping[str, Any],
    cause: str,
    note: str = "",
    gold: AsGold | None = None,
    supersedes: int | None = None,
    idempotency_key: str = "",
) -> Adjudication:
    """Decide a task: an answer as annotators submit it, and why they disagreed. The hold on the task ends, and the
    expert's draft goes.

    `supersedes` names the decision that stood when the expert looked (None: none), so that nobody replaces one that
    they have not seen. Raises NotFound, NotAllowed, LeaseLost while somebody else holds it, and DomainError for what is
    no whole answer, or where somebody decided meanwhile.
    """
    task = find_task(task_id, by)
    if earlier := _with_key(task, by, idempotency_key):
        return earlier
    if cause not in Adjudication.Cause.values:
        raise DomainError(
            _("Say why they disagreed: the cause is %(cause)r, and must be one of %(known)s.")
            % {"cause": str(cause)[:40], "known": ", ".join(Adjudication.Cause.values)}
        )
    checked = check_answer_to(as_shown(task), answer)
    fields = {"answer": checked, "cause": cause, "note": _checked_note(note), "idempotency_key": idempotency_key}
    try:
        with transaction.atomic():
            take(task_id=task_id, by=by)
            decided = _write(task, by, supersedes, **fields)
            if gold is not None:
                make_gold(task=task, answer=_known(checked), explanation=gold.explanation, by=by)
            let_go(task_id=task_id, by=by)
            AdjudicationDraft.objects.filter(task=task, by=by).delete()
            return decided
    except (IntegrityError, DomainError) as error:  # the same request at the same moment, or another decision
        if earlier := _with_key(task, by, idempotency_key):
            return earlier
        raise error if isinstance(error, DomainError) else DomainError(_decided_meanwhile()) from error


def take_back(*, adjudication_id: int, by: User, note: str, idempotency_key: str = "") -> Adjudication:
    """Take a decision back: the task is open again, and both stay on record. One's own; admins anybody's.

    A known answer that was made of it stays: it is changed or taken out on the pages about gold.
    """
    found = Adjudication.objects.select_related("task").filter(pk=adjudication_id).first()
    if found is None:
        raise NotFound(_("There is no decision %(number)s.") % {"number": adjudication_id})
    task = find_task(found.task_id, by)
    if earlier := _with_key(task, by, idempotency_key):
        return earlier
    if found.by_id != by.pk and not by.is_admin:
        raise NotAllowed(_("This decision is somebody else's; they or an admin take it back, or you decide anew."))
    if not (said := _checked_note(note)):
        raise DomainError(_("Say why you take it back; it stays on record."))
    try:
        with transaction.atomic():
            return _write(task, by, found.pk, answer=None, note=said, idempotency_key=idempotency_key)
    except IntegrityError as error:
        raise DomainError(_decided_meanwhile()) from error


def _decided_meanwhile() -> str:
    return _("Somebody decided this task meanwhile. Look at the decision first; then you may replace it.")


def _write(task: Task, by: User, supersedes: int | None, **fields: Any) -> Adjudication:
    newest, standing = decisions_of(task)
    if (standing.pk if standing else None) != supersedes:
        raise DomainError(_decided_meanwhile())
    return Adjudication.objects.create(
        task=task,
        by=by,
        guideline=task.campaign.guideline,
        version=newest.version + 1 if newest else 1,
        supersedes=newest,
        **fields,
    )


def decisions_of(task: Task) -> tuple[Adjudication | None, Adjudication | None]:
    """The newest entry on a task's record, which may take a decision back; and the decision that stands."""
    newest = task.adjudications.order_by("-version").first()
    return newest, newest if newest and newest.answer is not None else None


def as_shown(task: Task) -> Assignment:
    """The task as an expert sees it: an assignment that nobody holds, with the completions in the canonical order."""
    order = list(task.task_completions.order_by("position").values_list("completion_id", flat=True))
    return Assignment(task=task, campaign=task.campaign, guideline=task.campaign.guideline, shown_order=order)


def _known(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ASPECTS if answer.get(name)}


def _checked_note(note: str) -> str:
    if not isinstance(note, str) or "\0" in note or len(note) > MAX_TEXT:
        raise DomainError(_("The note must be a text of at most %(most)d characters.") % {"most": MAX_TEXT})
    return note.strip()


def _with_key(task: Task, by: User, key: str) -> Adjudication | None:
    found = Adjudication.objects.filter(by=by, idempotency_key=key).first() if key else None
    if found and found.task_id != task.pk:
        raise DomainError(_("This idempotency key was used for another task; use a new key for each decision."))
    return found


@transaction.atomic
def allow(*, campaign: Campaign, username: str, by: User) -> Adjudicator:
    """Give somebody the right to decide disagreements in a campaign; a second time changes nothing.

    Raises NotFound for an unknown name, DomainError for an account that nobody can use.
    """
    user = User.objects.filter(username=username).first()
    if user is None:
        raise NotFound(_("There is nobody named %(name)r.") % {"name": username[:150]})
    if user.is_simulated or not user.is_active:
        raise DomainError(_("Nobody can log in as %(name)s, so they can decide nothing.") % {"name": username})
    right, new = Adjudicator.objects.get_or_create(user=user, campaign=campaign, defaults={"given_by": by})
    if new:
        CampaignChange.objects.create(campaign=campaign, by=by, field=GIVEN, new=username)
    return right


@transaction.atomic
def disallow(*, campaign: Campaign, username: str, by: User) -> None:
    """Take the right away. What was decided stays. Raises NotFound when there is none."""
    rights = Adjudicator.objects.filter(campaign=campaign, user__username=username)
    if not rights.delete()[0]:
        raise NotFound(_("%(name)s has no right to decide here.") % {"name": username[:150]})
    AdjudicationHold.objects.filter(task__campaign=campaign, by__username=username).delete()
    CampaignChange.objects.create(campaign=campaign, by=by, field=TAKEN, old=username)
