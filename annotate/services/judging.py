"""Submitting judgements. A judgement is written whole or not at all, once per idempotency key, and never edited."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.answers import AnswerError, Shown, check_answer
from annotate.errors import DomainError, DraftOutdated, LeaseLost
from annotate.forms import checklist_of
from annotate.models import Assignment, Campaign, Completion, Judgement, Review, Task, User
from annotate.services import budgets
from annotate.services.claiming import access_without_ado, claim_next_task, give_next
from annotate.services.drafts import Following, outdated, write_draft
from annotate.services.onboarding import check_may_submit_late
from annotate.services.overlap import reconsider
from annotate.services.own import own_assignment, own_turn
from annotate.services.places import FILL, decided_by, fill_place, take_place
from annotate.services.queues import Access
from annotate.services.records import WRITERS, columns_of
from annotate.services.skills import record as record_skill
from annotate.statements import change, insert, inserted, insertion, prepared, run_all, together

State = Assignment.State
LOST = (State.EXPIRED, State.RELEASED)
MAX_SECONDS = 86_400


def submit(
    *,
    assignment_id: UUID,
    annotator: User,
    answer: Mapping[str, Any],
    seconds: float,
    idempotency_key: str = "",
    following: Following | None = None,
) -> Judgement:
    """Submit an answer (see annotate/answers) for a task that this annotator holds.

    Raises DomainError when the answer is not whole or the task is done, and LeaseLost when the task went back to the
    queue and its place was taken: the answer is then kept as the assignment's draft. Where another draft is there,
    which this answer does not follow, DraftOutdated is raised instead, and that one stays.
    """
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    checked = _check(assignment, answer, seconds)
    try:
        with transaction.atomic():
            if judgement := _enter(assignment, checked, seconds=seconds, idempotency_key=idempotency_key):
                budgets.spend(assignment, seconds)
                return judgement
    except IntegrityError:  # the key was used before
        _refuse_other_task(assignment, idempotency_key)
    try:
        return _submit_late(assignment, checked, seconds=seconds, idempotency_key=idempotency_key)
    except LeaseLost:
        draft = {**answer, "seconds": seconds}
        if write_draft(Assignment.objects.filter(pk=assignment.pk, state__in=LOST), draft, following):
            raise
        ran_out = _("The time for this task ran out.")
        raise DraftOutdated(f"{ran_out} {outdated()}") from None


@dataclass(frozen=True, slots=True)
class Turn:
    """A judgement that was submitted, and the assignment that comes next, or why it cannot be had.

    Neither, when there is none for them now.
    """

    judgement: Judgement
    next: Assignment | None
    problem: DomainError | None = None


def submit_and_go_on(*, assignment_id: UUID, annotator: User, **submission: Any) -> Turn:
    """`submit`, and claim the campaign's next task, as a rule in one transaction.

    Raises what `submit` raises. Where the next task cannot be had the judgement counts all the same.
    """
    answer, seconds = submission["answer"], submission["seconds"]
    turn = own_turn(assignment_id=assignment_id, annotator=annotator)
    assignment, checked = turn.assignment, _check(turn.assignment, answer, seconds)
    # Where one of these is raised nothing was written, and each step goes its own way.
    with suppress(_TakeSteps, IntegrityError, OperationalError):
        if access := access_without_ado(turn):
            with together(), transaction.atomic():
                return _enter_and_go_on(assignment, checked, access, seconds, submission.get("idempotency_key", ""))
    judgement = submit(assignment_id=assignment_id, annotator=annotator, **submission)
    try:
        return Turn(judgement, claim_next_task(annotator=annotator, campaign=assignment.campaign))
    except DomainError as error:
        return Turn(judgement, None, error)


class _TakeSteps(Exception):
    """This is no ordinary turn: submitting and claiming are to be done one after the other."""


def _enter_and_go_on(assignment: Assignment, checked: dict, access: Access, seconds: float, key: str) -> Turn:
    judgement = _enter(assignment, checked, seconds=seconds, idempotency_key=key)
    if judgement is None:
        raise _TakeSteps
    if assignment.campaign.guideline_id == assignment.guideline_id:
        assignment.campaign.guideline = assignment.guideline
    following = give_next(annotator=assignment.annotator, campaign=assignment.campaign, access=access, patient=False)
    budgets.spend(assignment, seconds)  # the account comes last: see give_next
    if following is None or not budgets.reserve(assignment.campaign):
        raise _TakeSteps
    return Turn(judgement, following)


def _check(assignment: Assignment, answer: Mapping[str, Any], seconds: float) -> dict:
    """The answer to it, normalised."""
    if assignment.task.purpose == Task.Purpose.QUALIFICATION:
        raise DomainError(_("This is a qualification task: it is answered on its page, and is no judgement."))
    checked = check_answer_to(assignment, answer)
    check_seconds(seconds)
    return checked


def _enter(assignment: Assignment, checked: dict, **fields: Any) -> Judgement | None:
    """Submit what is still held; None when it is not. Call it in a transaction."""
    judgement = _new_judgement(assignment, checked, **fields)
    fill = (FILL, {"task": assignment.task_id})
    task, own, new = run_all(fill, _ending(assignment, [State.CLAIMED]), insertion(judgement))
    if (task.n, own.n) != (1, 1):
        transaction.set_rollback(True)
        return None
    inserted([judgement], new.rows)
    _write_rest(judgement, checked)
    return judgement


def _submit_late(assignment: Assignment, checked: dict, **fields: Any) -> Judgement:
    """The same submission again, or one whose lease was lost while its place is still free; else a refusal."""
    key = fields["idempotency_key"]
    if earlier := _with_key(assignment, key):
        return earlier
    try:
        with transaction.atomic():
            if _take_late(assignment):
                judgement = _write(assignment, checked, **fields)
                budgets.spend(assignment, judgement.seconds)
                return judgement
    except IntegrityError:  # another tab used the key in this moment
        if earlier := _with_key(assignment, key):
            return earlier
        raise
    return _explain_refusal(assignment, key)


def submit_ranking(*, ranks: Mapping[int, int], flags: Mapping[int, list[str]] | None = None, **fields) -> Judgement:
    """`submit` a plain ranking: completion id -> rank, 1 = best, equal = tie. Other fields as there."""
    rationale = fields.pop("rationale", "")
    return submit(answer={"ranks": ranks, "flags": flags or {}, "rationale": rationale}, **fields)


def submit_demonstration(*, text: str, reasoning: str = "", checklist: Sequence[str] = (), **fields) -> Judgement:
    """`submit` a written completion, with optional reasoning and what was ticked. Other fields as there."""
    return submit(answer={"text": text, "reasoning": reasoning, "checklist": list(checklist)}, **fields)


def correct(
    *,
    judgement_id: int,
    annotator: User,
    answer: Mapping[str, Any],
    seconds: float,
    idempotency_key: str = "",
) -> Judgement:
    """Submit a new version of an own judgement, which supersedes the old one. The old one stays on record.

    Raises DomainError when the judgement is not this annotator's, was corrected already, is older than the campaign
    lets people correct, or the answer is not whole. What a reviewer returned may always be corrected.
    """
    old = _own_judgement(judgement_id, annotator)
    checked = check_answer_to(old.assignment, answer)
    check_seconds(seconds)
    if earlier := _with_key(old.assignment, idempotency_key):
        return earlier
    if not may_correct(old):
        raise DomainError(
            _("The time to correct this is over: %(campaign)s allows %(minutes)d minutes after submitting.")
            % {"campaign": old.task.campaign.name, "minutes": old.task.campaign.correction_minutes}
        )
    try:
        with transaction.atomic():
            return _write(
                old.assignment,
                checked,
                seconds=seconds,
                idempotency_key=idempotency_key,
                version=old.version + 1,
                supersedes=old,
            )
    except IntegrityError as error:
        raise DomainError(_("This judgement was already corrected; correct its newest version.")) from error


def may_correct(judgement: Judgement) -> bool:
    """Whether its annotator may still submit a new version."""
    until = judgement.assignment.correctable_until
    if until and timezone.now() < until:
        return True
    return Review.objects.filter(
        demonstration__judgement=judgement, decision=Review.Decision.RETURN, judgement__superseded_by__isnull=True
    ).exists()


def _write(assignment: Assignment, answer: dict, **fields) -> Judgement:
    judgement = _new_judgement(assignment, answer, **fields)
    insert(judgement)
    _write_rest(judgement, answer)
    return judgement


def _new_judgement(assignment: Assignment, answer: dict, **fields) -> Judgement:
    return Judgement(
        assignment=assignment,
        task=assignment.task,
        annotator=assignment.annotator,
        guideline_id=assignment.guideline_id,
        **columns_of(assignment.task.campaign.kind, answer),
        **fields,
    )


def _write_rest(judgement: Judgement, answer: dict) -> None:
    """What belongs to a judgement, and what follows from it."""
    WRITERS[judgement.task.campaign.kind](judgement, answer)
    reconsider(task=judgement.task)
    record_skill(judgement=judgement, answer=answer)


def _own_judgement(judgement_id: int, annotator: User) -> Judgement:
    found = (
        Judgement.objects.filter(pk=judgement_id, annotator=annotator)
        .select_related(
            "task__campaign",
            "assignment__campaign",
            "assignment__task__campaign",
            "assignment__task__prompt",
            "assignment__guideline",
            "assignment__annotator",
        )
        .first()
    )
    if found is None:
        raise DomainError(_("There is no such judgement of yours to correct."))
    return found


def shown_in(assignment: Assignment) -> Shown:
    """What an assignment shows: what its answer is checked against."""
    task = assignment.task
    kind, form = task.campaign.kind, task.campaign.parsed_form
    needs_texts = bool(form.spans) or kind in (Campaign.Kind.REVISION, Campaign.Kind.REVIEW)
    texts = Completion.objects.filter(pk__in=assignment.shown_order).values_list("pk", "text") if needs_texts else ()
    flags = (
        [flag["name"] for flag in assignment.guideline.flags] if form.flags is None else [f.name for f in form.flags]
    )
    return Shown(
        kind=kind,
        completions=tuple(assignment.shown_order),
        texts=dict(texts),
        flags=frozenset(flags),
        checklist=checklist_of(form, assignment.guideline.checklist),
        n_steps=len(task.steps),
        form=form,
    )


def check_answer_to(assignment: Assignment, answer: Mapping[str, Any]) -> dict:
    """The answer, normalised. Raises DomainError when it is no whole answer to what the assignment shows."""
    try:
        return check_answer(answer, shown_in(assignment))
    except AnswerError as error:
        raise DomainError(_(error.sentence) % error.values) from error


def check_seconds(seconds: float) -> None:
    """Refuse active seconds that nobody can have spent."""
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_SECONDS:
        raise DomainError(
            _("The time spent is %(seconds)s seconds; it must be from 0 to %(most)d.")
            % {"seconds": seconds, "most": MAX_SECONDS}
        )


END = """UPDATE annotate_assignment SET state = 'submitted', ended_at = %(now)s, draft = NULL,
opened_at = coalesce(opened_at, claimed_at) WHERE id = %(id)s AND state IN ({states})"""


def _ending(assignment: Assignment, states: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The statement that moves an assignment from one of the states to submitted, if no other request was quicker."""
    key, ended_at = (Assignment._meta.get_field(name) for name in ("id", "ended_at"))
    params = {"id": prepared(key, assignment.pk), "now": prepared(ended_at, timezone.now())}
    return END.format(states=", ".join(f"'{state}'" for state in states)), params


def _take_late(assignment: Assignment) -> bool:
    """When the lease was lost but the place is still free: expired or released -> submitted.

    Too late it is when the place is taken, the campaign is closed or its budget used up, or the annotator has decided
    the task as an expert since.
    """
    campaign = assignment.task.campaign
    check_may_submit_late(user=assignment.annotator, campaign=campaign)
    again = Assignment.objects.filter(
        task_id=assignment.task_id,
        annotator_id=assignment.annotator_id,
        state__in=[State.CLAIMED, State.SUBMITTED, State.SKIPPED],
    )
    if campaign.state == Campaign.State.CLOSED or again.exists():
        return False
    if not take_place(assignment.task_id, assignment.annotator_id):
        return False
    try:
        with transaction.atomic():
            taken = change(*_ending(assignment, [State.EXPIRED, State.RELEASED])) == 1
    except IntegrityError:  # another tab was given the same task in this moment
        taken = False
    if taken and budgets.reserve(campaign):
        return fill_place(assignment.task_id)
    transaction.set_rollback(True)
    return False


def _explain_refusal(assignment: Assignment, idempotency_key: str) -> Judgement:
    """The same submission may have won in another request; else say why this one cannot be taken."""
    if earlier := _with_key(assignment, idempotency_key):
        return earlier
    assignment.refresh_from_db()
    if assignment.state in LOST:
        raise LeaseLost(_why_too_late(assignment))
    raise DomainError(
        _("This task is already %(state)s; take the next one.") % {"state": assignment.get_state_display().lower()}
    )


def _why_too_late(assignment: Assignment) -> str:
    campaign = assignment.task.campaign
    names = {"campaign": campaign.name}
    if decided_by(assignment.task_id, assignment.annotator_id):
        return _("You have decided this task as an expert since, so you do not judge it. Your work is kept as a draft.")
    if campaign.state == Campaign.State.CLOSED:
        sentence = _("The time for this task ran out, and “%(campaign)s” is closed. Your work is kept as a draft.")
    elif budgets.used_up(campaign):
        sentence = _(
            "The time for this task ran out, and the budget of “%(campaign)s” has been used up since. Your work is kept"
            " as a draft."
        )
    else:
        return _(
            "The time for this task ran out, and the others have done it since. Your work is kept as a draft;"
            " take the next task."
        )
    return sentence % names


def _with_key(assignment: Assignment, idempotency_key: str) -> Judgement | None:
    if not idempotency_key:
        return None
    _refuse_other_task(assignment, idempotency_key)
    return _of_key(assignment, idempotency_key).first()


def _refuse_other_task(assignment: Assignment, idempotency_key: str) -> None:
    if _of_key(assignment, idempotency_key).exclude(assignment=assignment.pk).exists():
        raise DomainError(_("This idempotency key was used for another task; use a new key for each submission."))


def _of_key(assignment: Assignment, idempotency_key: str) -> QuerySet[Judgement]:
    return Judgement.objects.filter(annotator_id=assignment.annotator_id, idempotency_key=idempotency_key)
