"""Who holds which task. Every race here is won by a conditional UPDATE and its row count, on every database."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.errors import DomainError, DraftOutdated, LeaseLost, NotOpen
from annotate.models import Assignment, Campaign, Completion, Guideline, Membership, Queue, Task, User
from annotate.services import budgets, daily
from annotate.services.choosing import take_next
from annotate.services.drafts import DraftName, Following, outdated, write_draft
from annotate.services.given_back import take_back
from annotate.services.onboarding import check_may_work
from annotate.services.own import PROMPT, OwnTurn, joined, own_assignment
from annotate.services.places import decided_by, give_place_back, take_place
from annotate.services.queues import Access, access_by, access_of
from annotate.services.releasing import ahead_of, release_all
from annotate.statements import Columns, insert_unread, run

State = Assignment.State
ATTEMPTS = 5  # how often other tabs and devices of the same annotator may be quicker
MAX_AGO = 86_400.0  # seconds
shuffler = random.SystemRandom()


def claim_next_task(*, annotator: User, campaign: Campaign) -> Assignment | None:
    """The task that this annotator has open in the campaign, else the one leased ahead, else a new one, else None.

    A reload or a second tab gets the same assignment. Raises NotOpen when the campaign is paused or closed and nothing
    is open, and what `check_may_work` raises when this annotator may not work in it, or has a step to do first.
    """
    check_may_work(user=annotator, campaign=campaign)
    for _attempt in range(ATTEMPTS):
        held = _held(annotator, campaign)
        if held.opened and held.opened.task.purpose == Task.Purpose.QUALIFICATION:  # it is asked for no longer
            release_all([held.opened])
            continue
        if held.opened:
            if _renewed(held.opened):
                return held.opened
            continue  # another tab submitted it, or gave it back
        check_open(campaign)
        if held.ahead:
            if _open(held.ahead, timezone.now()):
                return held.ahead
            continue
        try:
            return _claim_new(annotator, campaign, opened=True)
        except IntegrityError:  # another tab or device was quicker: what it claimed is the open one
            continue
    raise DomainError(_("Several of your tabs or devices ask for the next task at once. Ask again in a moment."))


def claim_ahead(*, annotator: User, campaign: Campaign) -> Assignment | None:
    """The task that comes after the open one, held for this annotator; None when there is none for them now.

    Raises what `check_may_work` raises.
    """
    check_may_work(user=annotator, campaign=campaign)
    if campaign.state != Campaign.State.OPEN:
        return None
    for _attempt in range(ATTEMPTS):
        if ahead := _held(annotator, campaign).ahead:
            if _renewed(ahead):
                return ahead
            continue
        try:
            return _claim_new(annotator, campaign, opened=False)
        except IntegrityError:
            continue
    return None


def check_open(campaign: Campaign) -> None:
    """Raises NotOpen when the campaign hands nothing out."""
    if campaign.state == Campaign.State.PAUSED:
        sentence = _(
            "“%(campaign)s” is paused: nothing new is handed out until an admin reopens it. What you have on screen can"
            " be submitted."
        )
        raise NotOpen(sentence % {"campaign": campaign.name})
    if campaign.state == Campaign.State.CLOSED:
        sentence = _("“%(campaign)s” is closed: there is nothing to do in it any more.")
        raise NotOpen(sentence % {"campaign": campaign.name})


def _claim_new(annotator: User, campaign: Campaign, *, opened: bool) -> Assignment | None:
    if not daily.may_take_more(annotator=annotator, campaign=campaign, holding=0 if opened else 1):
        return None
    access = access_of(annotator=annotator, campaign=campaign)
    with transaction.atomic():
        given = give_next(annotator=annotator, campaign=campaign, access=access, opened=opened)
        if given is None or not budgets.reserve(campaign):
            transaction.set_rollback(True)
            return None
        return given


def access_without_ado(turn: OwnTurn) -> Access | None:
    """What the annotator may take from after this assignment, where no question is open.

    None when another one is held ahead, the campaign is not open, or `check_may_work` has to look closer; and when this
    is gold where a skill is needed: how it is answered decides about the next one.
    """
    annotator, campaign = turn.assignment.annotator, turn.assignment.campaign
    if turn.assignment.task.purpose == Task.Purpose.GOLD and campaign.assignment_rules.needs.skill:
        return None
    if turn.membership is None:
        welcome = campaign.access == Campaign.Access.EVERYONE and (annotator.is_simulated or not campaign.onboarding)
    else:
        welcome = turn.membership == Membership.State.ACTIVE and not campaign.onboarding
    if turn.has_another or not welcome or campaign.state != Campaign.State.OPEN:
        return None
    if not daily.may_take_more(annotator=annotator, campaign=campaign, holding=1):
        return None
    return access_by(annotator=annotator, campaign=campaign, rows=turn.queues)


def give_next(
    *, annotator: User, campaign: Campaign, access: Access, opened: bool = True, patient: bool = True
) -> Assignment | None:
    """A new hold on the task that comes next for this annotator; None when there is none for them.

    Call it in a transaction, and at its end `budgets.reserve`: whoever waits for another tab of theirs to be done must
    not keep everybody from the campaign's account. `patient` waits for places that others are just taking: see
    `take_next`.
    Raises IntegrityError when another tab of theirs was quicker.
    """
    to_whom = {"annotator": annotator, "campaign": campaign, "access": access}
    taken = take_back(**to_whom) or take_next(**to_whom, patient=patient)
    if taken is None:
        return None
    task = Task.from_db(DEFAULT_DB_ALIAS, ["id", "campaign_id"], [taken.task_id, campaign.pk])
    task.campaign = campaign
    content = _load_content(task, annotator)
    return _hold(
        task, content, annotator, campaign.guideline, opened=opened, lane=taken.lane, probability=taken.probability
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """What an annotator holds in a campaign: the constraints allow one of each."""

    opened: Assignment | None = None
    ahead: Assignment | None = None


def _held(annotator: User, campaign: Campaign) -> _Held:
    held = Assignment.objects.filter(annotator=annotator, campaign=campaign, state=State.CLAIMED)
    return _Held(
        **{"ahead" if one.opened_at is None else "opened": one for one in held.select_related("campaign", "task")}
    )


def claim_task(*, task: Task, annotator: User, guideline: Guideline, opened: bool = True) -> Assignment | None:
    """Take one place of this very task, or None when somebody else took the last one, or this person decided it.

    Raises IntegrityError when the annotator holds, did or skipped it already, or holds another of the campaign so.
    """
    with transaction.atomic():
        if not take_place(task.pk, annotator.pk):
            return None
        return _hold(task, _load_content(task, annotator), annotator, guideline, opened=opened)


QUEUE = Columns(Queue, "q", "id", "warnings")
COMPLETION = Columns(Completion, "c", "id", "text", "sha256")
RULES = Columns(Campaign, "ca", "id", "assignment")
CONTENT = f"""SELECT t.prompt_id, t.queue_id, EXISTS (SELECT 1 FROM annotate_assignment a
WHERE a.task_id = t.id AND a.annotator_id = %(annotator)s), {RULES.sql}, {PROMPT.sql}, {QUEUE.sql}, {COMPLETION.sql}
FROM annotate_task t JOIN annotate_campaign ca ON ca.id = t.campaign_id JOIN annotate_prompt p ON p.id = t.prompt_id
LEFT JOIN annotate_queue q ON q.id = t.queue_id
LEFT JOIN annotate_taskcompletion tc ON tc.task_id = t.id LEFT JOIN annotate_completion c ON c.id = tc.completion_id
WHERE t.id = %(task)s ORDER BY tc.position"""


@dataclass(frozen=True, slots=True)
class _Content:
    """What a task shows, in its canonical order."""

    completions: list[Completion]
    had_before: bool
    """Whether this annotator had the task in hand before."""


def _load_content(task: Task, annotator: User) -> _Content:
    """Read what the task shows, and the campaign's rules as they are now that a place of the task is held."""
    completions = []
    for row in run(CONTENT, {"task": task.pk, "annotator": annotator.pk}):
        values = iter(row)
        task.prompt_id, task.queue_id, had_before = islice(values, 3)
        task.campaign.assignment = RULES.read(values).assignment
        task.prompt, queue = PROMPT.read(values), QUEUE.read(values)
        if task.queue_id is not None:
            task.queue = queue
        if row[-1] is not None:
            completions.append(COMPLETION.read(values))
    return _Content(completions, bool(had_before))


def _hold(
    task: Task, content: _Content, annotator: User, guideline: Guideline, *, opened: bool, **chosen: str | float
) -> Assignment:
    """The assignment for a place that is reserved, with all there is to show at hand."""
    now = timezone.now()
    fields = {
        "guideline": guideline,
        "claimed_at": now,
        "opened_at": now if opened else None,
        "lease_expires_at": now + timedelta(minutes=task.campaign.lease_minutes),
        **chosen,
    }
    if content.had_before:
        fields["draft"] = _kept_draft(task, annotator)
        if again := _take_again(task, annotator, fields):
            return again
    shown = content.completions
    shuffler.shuffle(shown)
    order = [completion.pk for completion in shown]
    assignment = Assignment(task=task, annotator=annotator, campaign=task.campaign, shown_order=order, **fields)
    assignment.completions = shown
    insert_unread(assignment)
    return assignment


def _take_again(task: Task, annotator: User, fields: dict) -> Assignment | None:
    """The hold of this task that this annotator had before and never saw, held again: another tab may still show it."""
    unseen = Assignment.objects.filter(
        task=task, annotator=annotator, opened_at__isnull=True, state__in=[State.RELEASED, State.EXPIRED]
    ).first()
    mine = Assignment.objects.filter(pk=unseen.pk, state=unseen.state) if unseen else None
    if not mine or not mine.update(state=State.CLAIMED, ended_at=None, **fields):
        return None
    unseen.refresh_from_db()
    return joined(unseen, task, task.campaign, fields["guideline"], annotator)


def _kept_draft(task: Task, annotator: User) -> dict | None:
    """The unfinished work of an earlier hold on this task: who lost a lease goes on where they were."""
    earlier = Assignment.objects.filter(task=task, annotator=annotator, draft__isnull=False)
    return earlier.order_by("-claimed_at").values_list("draft", flat=True).first()


def _renewed(assignment: Assignment) -> bool:
    """Whether it is still held: then for another lease from now (in a closed campaign this one is the last)."""
    if assignment.campaign.state == Campaign.State.CLOSED:
        return _still_claimed(assignment)
    expires = _lease_end(assignment)
    if not Assignment.objects.filter(pk=assignment.pk, state=State.CLAIMED).update(lease_expires_at=expires):
        return False
    assignment.lease_expires_at = expires
    return True


def _lease_end(assignment: Assignment) -> datetime:
    return timezone.now() + timedelta(minutes=assignment.campaign.lease_minutes)


def open_ahead(*, assignment_id: UUID, annotator: User, seconds_ago: float = 0.0) -> Assignment:
    """Say that a task that was leased ahead is on screen, since so many seconds: its time counts from then.

    One that went back to the queue meanwhile is taken again where its place is free. Raises LeaseLost where it is not,
    NotOpen where the campaign was paused or closed since, and what `check_may_work` raises. While another task of the
    campaign is open, this one stays ahead.
    """
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    opened_at = max(assignment.claimed_at, timezone.now() - timedelta(seconds=min(seconds_ago, MAX_AGO)))
    if not (_open(assignment, opened_at) or _still_claimed(assignment) or _open_again(assignment, opened_at)):
        if decided_by(assignment.task_id, annotator.pk):
            raise LeaseLost(_("You have decided this task as an expert since. Take the next one."))
        raise LeaseLost(_("The time for this task ran out, and others have done it since. Take the next one."))
    return assignment


def _open(assignment: Assignment, opened_at: datetime) -> bool:
    """Ahead -> open; False when it is not ahead (any more), or another one is open."""
    ahead = Assignment.objects.filter(pk=assignment.pk, state=State.CLAIMED, opened_at__isnull=True)
    return _update_alone(ahead, assignment, opened_at=opened_at, lease_expires_at=_lease_end(assignment))


def _open_again(assignment: Assignment, opened_at: datetime) -> bool:
    """Released or expired -> open, where the place is still free and the annotator may still work."""
    annotator, campaign = assignment.annotator, assignment.campaign
    check_may_work(user=annotator, campaign=campaign)
    check_open(campaign)
    holding = Assignment.objects.filter(annotator=annotator, campaign=campaign, state=State.CLAIMED).count()
    if not daily.may_take_more(annotator=annotator, campaign=campaign, holding=holding):
        raise LeaseLost(_("The time for this task ran out, and you have done today's share since. Go on tomorrow."))
    lost = Assignment.objects.filter(
        pk=assignment.pk, state__in=[State.RELEASED, State.EXPIRED], opened_at__isnull=True
    )
    fields = {"state": State.CLAIMED, "ended_at": None, "opened_at": opened_at}
    with transaction.atomic():
        if not take_place(assignment.task_id, annotator.pk):
            return False
        if not _update_alone(lost, assignment, lease_expires_at=_lease_end(assignment), **fields):
            give_place_back(assignment.task_id)
            return False
        if not budgets.reserve(campaign):
            raise LeaseLost(_("The time for this task ran out, and the budget of the campaign has been used up since."))
        return True


def _update_alone(rows: QuerySet[Assignment], assignment: Assignment, **fields) -> bool:
    """Move this one row; False when it had moved, or a constraint says that there is another like it."""
    try:
        with transaction.atomic():
            moved = rows.update(**fields) == 1
    except IntegrityError:
        return False
    if moved:
        for name, value in fields.items():
            setattr(assignment, name, value)
    return moved


def _still_claimed(assignment: Assignment) -> bool:
    return Assignment.objects.filter(pk=assignment.pk, state=State.CLAIMED).exists()


def extend_lease(*, assignment_id: UUID, annotator: User) -> Assignment:
    """Hold the task, and the one ahead, for another lease from now.

    Raises LeaseLost when it is no longer held, and NotOpen when the campaign is closed: its leases are the last.
    """
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    if not _renewed(assignment):
        raise LeaseLost(_("The time for this task ran out and it went back to the queue. Your draft is kept."))
    if assignment.campaign.state == Campaign.State.CLOSED:
        until = timezone.localtime(assignment.lease_expires_at).strftime("%H:%M")
        raise NotOpen(
            _("“%(campaign)s” is closed. This is your last task there; it can be submitted until %(time)s.")
            % {"campaign": assignment.campaign.name, "time": until}
        )
    ahead_of(assignment).update(lease_expires_at=assignment.lease_expires_at)
    return assignment


def save_draft(*, assignment_id: UUID, annotator: User, draft: dict, following: Following | None = None) -> Assignment:
    """Keep unfinished work with the assignment, also after its lease was lost.

    Raises DraftOutdated when a draft that it does not follow is there (see services/drafts.py), and DomainError once
    the task is done.
    """
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    open_states = [State.CLAIMED, State.EXPIRED, State.RELEASED]
    rows = Assignment.objects.filter(pk=assignment.pk, state__in=open_states)
    if not write_draft(rows, draft, following):
        if rows.exists():
            raise DraftOutdated(outdated())
        raise DomainError(_("This task is already submitted or skipped; a draft would change nothing."))
    name = following.name if following else DraftName(assignment.draft_number + 1, "")
    assignment.draft_number, assignment.draft_tab = name.number, name.tab
    assignment.draft = draft
    return assignment
