"""Submitting judgements. A judgement is written whole or not at all, once per idempotency key, and never edited."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from annotate.errors import DomainError, LeaseLost
from annotate.models import Assignment, Campaign, Demonstration, Flag, Judgement, RankedCompletion, Task, User
from annotate.rankings import RankingError, validate_ranks
from annotate.services.claiming import own_assignment, take_place
from annotate.services.corpus import add_completion, person_as_producer

State = Assignment.State
MAX_SECONDS = 86_400
MAX_TEXT = 20_000

Flags = Mapping[int, list[str]]


def submit_ranking(
    *,
    assignment_id: UUID,
    annotator: User,
    ranks: Mapping[int, int],
    seconds: float,
    flags: Flags | None = None,
    rationale: str = "",
    idempotency_key: str = "",
) -> Judgement:
    """Submit ranks (completion id -> rank, 1 = best, equal = tie) for a task that this annotator holds.

    Raises DomainError when the ranking is not complete or the task is done, and LeaseLost when the task went back to
    the queue and its place was taken: the work is then kept as the assignment's draft.
    """
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    _check_kind(assignment, Campaign.Kind.RANKING)
    dense, flags = _check_ranking(assignment, ranks, flags or {})
    draft = {
        "ranks": {str(key): rank for key, rank in ranks.items()},
        "flags": {str(key): names for key, names in flags.items()},
        "rationale": rationale,
    }
    return _submit(
        assignment,
        write=lambda judgement: _write_ranking(judgement, dense, flags),
        draft=draft,
        seconds=seconds,
        rationale=rationale,
        idempotency_key=idempotency_key,
    )


def submit_demonstration(
    *,
    assignment_id: UUID,
    annotator: User,
    text: str,
    seconds: float,
    reasoning: str = "",
    idempotency_key: str = "",
) -> Judgement:
    """Submit a written completion, with optional reasoning, for a task that this annotator holds. Raises as above."""
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    _check_kind(assignment, Campaign.Kind.DEMONSTRATION)
    text = _check_demonstration(text, reasoning)
    return _submit(
        assignment,
        write=lambda judgement: _write_demonstration(judgement, annotator, text, reasoning),
        draft={"text": text, "reasoning": reasoning},
        seconds=seconds,
        rationale="",
        idempotency_key=idempotency_key,
    )


def correct_ranking(
    *,
    judgement_id: int,
    annotator: User,
    ranks: Mapping[int, int],
    seconds: float,
    flags: Flags | None = None,
    rationale: str = "",
    idempotency_key: str = "",
) -> Judgement:
    """Submit a new version of an own ranking, which supersedes the old one. The old one stays on record.

    Raises DomainError when the judgement is not this annotator's, was corrected already, or the ranking is not whole.
    """
    old = _own_judgement(judgement_id, annotator)
    _check_kind(old.assignment, Campaign.Kind.RANKING)
    dense, flags = _check_ranking(old.assignment, ranks, flags or {})
    return _correct(old, lambda judgement: _write_ranking(judgement, dense, flags), seconds, rationale, idempotency_key)


def correct_demonstration(
    *,
    judgement_id: int,
    annotator: User,
    text: str,
    seconds: float,
    reasoning: str = "",
    idempotency_key: str = "",
) -> Judgement:
    """Submit a new version of an own demonstration, which supersedes the old one. Raises as above."""
    old = _own_judgement(judgement_id, annotator)
    _check_kind(old.assignment, Campaign.Kind.DEMONSTRATION)
    text = _check_demonstration(text, reasoning)
    write = partial(_write_demonstration, annotator=annotator, text=text, reasoning=reasoning)
    return _correct(old, write, seconds, "", idempotency_key)


def _own_judgement(judgement_id: int, annotator: User) -> Judgement:
    found = (
        Judgement.objects.filter(pk=judgement_id, annotator=annotator)
        .select_related("assignment__task__campaign", "assignment__task__prompt", "assignment__guideline", "annotator")
        .first()
    )
    if found is None:
        raise DomainError("There is no such judgement of yours to correct.")
    return found


def _correct(
    old: Judgement, write: Callable[[Judgement], None], seconds: float, rationale: str, idempotency_key: str
) -> Judgement:
    _check_seconds(seconds)
    _check_rationale(rationale)
    if earlier := _with_key(old.assignment, idempotency_key):
        return earlier
    try:
        with transaction.atomic():
            new = Judgement.objects.create(
                assignment=old.assignment,
                task_id=old.task_id,
                annotator=old.annotator,
                guideline_id=old.guideline_id,
                version=old.version + 1,
                supersedes=old,
                seconds=seconds,
                rationale=rationale,
                idempotency_key=idempotency_key,
            )
            write(new)
    except IntegrityError as error:
        raise DomainError("This judgement was already corrected; correct its newest version.") from error
    return new


def _check_kind(assignment: Assignment, kind: str) -> None:
    campaign = assignment.task.campaign
    if campaign.kind != kind:
        raise DomainError(
            f"The campaign {campaign.name!r} asks for a {campaign.get_kind_display().lower()}, not a {kind}."
        )


def _check_ranking(assignment: Assignment, ranks: Mapping[int, int], flags: Flags) -> tuple[dict[int, int], Flags]:
    try:
        dense = validate_ranks(ranks, assignment.shown_order)
    except RankingError as error:
        raise DomainError(str(error)) from error
    known = {flag["name"] for flag in assignment.guideline.flags}
    for completion, names in flags.items():
        if completion not in dense:
            raise DomainError(f"A flag is on completion {completion}, which this task does not show.")
        unknown = sorted(set(names) - known)
        if unknown:
            raise DomainError(
                f"The guideline has no flag named {unknown[0]!r}; it has {', '.join(sorted(known)) or 'none'}."
            )
    return dense, {completion: sorted(set(names)) for completion, names in flags.items() if names}


def _check_demonstration(text: str, reasoning: str) -> str:
    """The text without blank ends."""
    text = text.strip()
    if not text:
        raise DomainError("The demonstration is empty; write the answer that you would want to read.")
    for name, value in (("demonstration", text), ("reasoning", reasoning)):
        if len(value) > MAX_TEXT:
            raise DomainError(f"The {name} has {len(value)} characters; at most {MAX_TEXT} are kept. Shorten it.")
    return text


def _check_rationale(rationale: str) -> None:
    if len(rationale) > MAX_TEXT:
        raise DomainError(f"The rationale has {len(rationale)} characters; at most {MAX_TEXT} are kept. Shorten it.")


def _check_seconds(seconds: float) -> None:
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_SECONDS:
        raise DomainError(f"The time spent is {seconds} seconds; it must be from 0 to {MAX_SECONDS}.")


def _write_ranking(judgement: Judgement, dense: Mapping[int, int], flags: Flags) -> None:
    RankedCompletion.objects.bulk_create(
        RankedCompletion(judgement=judgement, completion_id=completion, rank=rank) for completion, rank in dense.items()
    )
    Flag.objects.bulk_create(
        Flag(judgement=judgement, completion_id=completion, name=name)
        for completion, names in flags.items()
        for name in names
    )


def _write_demonstration(judgement: Judgement, annotator: User, text: str, reasoning: str) -> None:
    completion = add_completion(
        prompt=judgement.assignment.task.prompt, producer=person_as_producer(user=annotator), text=text, by=annotator
    )
    Demonstration.objects.create(judgement=judgement, completion=completion, reasoning=reasoning)


def _submit(
    assignment: Assignment,
    *,
    write: Callable[[Judgement], None],
    draft: dict,
    seconds: float,
    rationale: str,
    idempotency_key: str,
) -> Judgement:
    """Take the assignment to `submitted` and write the judgement, in one transaction."""
    _check_seconds(seconds)
    _check_rationale(rationale)
    if earlier := _with_key(assignment, idempotency_key):
        return earlier
    with transaction.atomic():
        if _take_to_submitted(assignment):
            judgement = Judgement.objects.create(
                assignment=assignment,
                task_id=assignment.task_id,
                annotator_id=assignment.annotator_id,
                guideline_id=assignment.guideline_id,
                seconds=seconds,
                rationale=rationale,
                idempotency_key=idempotency_key,
            )
            write(judgement)
            return judgement
    return _explain_refusal(assignment, draft, idempotency_key)


def _take_to_submitted(assignment: Assignment) -> bool:
    """claimed -> submitted; or, when the lease was lost but the place is still free, -> submitted late."""
    mine = Assignment.objects.filter(pk=assignment.pk)
    now = timezone.now()
    if not mine.filter(state=State.CLAIMED).update(state=State.SUBMITTED, ended_at=now, draft=None):
        again = Assignment.objects.filter(
            task_id=assignment.task_id,
            annotator_id=assignment.annotator_id,
            state__in=[State.CLAIMED, State.SUBMITTED, State.SKIPPED],
        )
        lost = mine.filter(state__in=[State.EXPIRED, State.RELEASED])
        if again.exists() or not lost.exists() or not take_place(assignment.task_id):
            return False
        lost.update(state=State.SUBMITTED, ended_at=now, draft=None)
    Task.objects.filter(pk=assignment.task_id).update(submitted=F("submitted") + 1)
    return True


def _explain_refusal(assignment: Assignment, draft: dict, idempotency_key: str) -> Judgement:
    """The same submission may have won in another request; else say why this one cannot be taken, and keep the work."""
    if earlier := _with_key(assignment, idempotency_key):
        return earlier
    assignment.refresh_from_db()
    if assignment.state in (State.EXPIRED, State.RELEASED):
        Assignment.objects.filter(pk=assignment.pk).update(draft=draft)
        raise LeaseLost(
            "The time for this task ran out, and the others have done it since. Your work is kept as a draft;"
            " take the next task."
        )
    raise DomainError(f"This task is already {assignment.state}; take the next one.")


def _with_key(assignment: Assignment, idempotency_key: str) -> Judgement | None:
    if not idempotency_key:
        return None
    found = Judgement.objects.filter(annotator_id=assignment.annotator_id, idempotency_key=idempotency_key).first()
    if found and found.assignment_id != assignment.pk:
        raise DomainError("This idempotency key was used for another task; use a new key for each submission.")
    return found
