"""Tasks with a known answer, made by admins: to qualify those who want to join, or among the work to measure skill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.answers import MAX_NOTE, AnswerError, Shown, check_answer
from annotate.errors import DomainError
from annotate.gold import GoldError, score_answer
from annotate.gold_files import GoldItem, read_gold
from annotate.importing import ImportFileError
from annotate.models import Assignment, Campaign, CampaignChange, Completion, Gold, Producer, Task, User
from annotate.services.bulk import RowProblem, RowsRefused
from annotate.services.campaigns import MAX_SMALL, add_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.judging import shown_in
from annotate.services.queues import queue_for
from annotate.services.skills import hold_still, judged, recount

Purpose = Task.Purpose
MIXED_IN, TAKEN_OUT = "gold", "gold_out"
"""How a campaign's record of changes names the two."""


@transaction.atomic
def make_gold(*, task: Task, answer: Mapping[str, Any], explanation: str, by: User | None) -> Gold:
    """Say what the right answer to a task is, and why; a second time replaces the first.

    The answer has the shape that annotators submit, with only what is known. Raises DomainError when it is no answer
    to this task, or says nothing that can be compared. An ordinary task stays one; a qualification task, and one that
    is mixed into the work, is open to everybody from then on.
    """
    gold, changed = _say(task, answer, explanation, by)
    if changed and task.purpose == Purpose.GOLD:
        recount(annotators=judged(tasks=[task]))
    return gold


def _say(task: Task, answer: Mapping[str, Any], explanation: str, by: User | None) -> tuple[Gold, bool]:
    """The gold answer, and whether it is another one than before."""
    known = _check(task, answer, explanation)
    hold_still(task=task)
    if task.purpose != Purpose.WORK:
        Task.objects.filter(pk=task.pk).update(target=MAX_SMALL)
    before = Gold.objects.filter(task=task).values_list("answer", flat=True).first()
    fields = {"answer": known, "explanation": explanation.strip(), "created_by": by}
    gold, _new = Gold.objects.update_or_create(task=task, defaults=fields)
    gold.refresh_from_db(fields=["answer"])
    return gold, gold.answer != before


def _check(task: Task, answer: Mapping[str, Any], explanation: str) -> dict:
    """The answer, normalised, without what it does not say."""
    if not isinstance(answer, Mapping):
        raise DomainError(_("A gold answer must be an object with named fields."))
    order = list(task.task_completions.values_list("completion_id", flat=True))
    shown = shown_in(Assignment(task=task, guideline=task.campaign.guideline, shown_order=order))
    # The form says what annotators must fill in; gold says only what is known for certain.
    whole = dict(answer)
    if answer.get("verdict") or answer.get("decision") in ("edit", "return"):
        whole.setdefault("reason", explanation or "gold")
    try:
        checked = check_answer(whole, _lenient(shown, answer))
        known = {name: checked[name] for name in answer if checked.get(name)}
        score_answer(shown.kind, checked, known)
    except (AnswerError, GoldError) as error:
        raise DomainError(_(error.sentence) % error.values) from error
    return known


def _lenient(shown: Shown, answer: Mapping[str, Any]) -> Shown:
    """What was shown, with a form that requires nothing beyond what the answer says."""
    form = shown.form
    axes = tuple(replace(axis, required=False) for axis in form.axes)
    behaviour = form.behaviour and bool(answer.get("behaviour"))
    return replace(shown, form=replace(form, axes=axes, behaviour=behaviour, rationale="optional"))


@transaction.atomic
def mix_in(*, task: Task, by: User | None) -> Task:
    """Mix an ordinary task with a known answer into everybody's work: each person gets it once, and cannot tell.

    It is no work from then on: what was judged there, before and after, measures skill, and trains nothing.
    Raises DomainError when its answer is not known, it is not an ordinary task, or it reviews what somebody wrote.
    """
    _mix_in(task)
    recount(annotators=judged(tasks=[task]))
    _record(MIXED_IN, [task], by)
    task.refresh_from_db()
    return task


def _mix_in(task: Task) -> None:
    if refusal := why_not_mixed(task):
        raise DomainError(refusal)
    hold_still(task=task)
    queue = queue_for(campaign=task.campaign, prompt=task.prompt, purpose=Purpose.GOLD)
    ordinary = Task.objects.filter(pk=task.pk, purpose=Purpose.WORK, withdrawn=False, gold__isnull=False)
    if not ordinary.update(purpose=Purpose.GOLD, queue=queue, target=MAX_SMALL, raised=0, urgency=0):
        raise DomainError(_("Somebody changed this task meanwhile; look at it again."))


def why_not_mixed(task: Task) -> str:
    """Why this task cannot be mixed into the work as gold; empty when it can."""
    if task.purpose != Purpose.WORK:
        return _("This task is no ordinary work: it is there for %(purpose)s.") % {
            "purpose": task.get_purpose_display().lower()
        }
    if task.campaign.kind == Campaign.Kind.REVIEW:
        return _("A review decides about what somebody wrote, so it is not asked of everybody. Qualify people with it.")
    if not hasattr(task, "gold"):
        return _("Its answer is not known yet: import it with import_gold first.")
    if task.withdrawn:
        return _("It is withdrawn: give it out again first.")
    return ""


@transaction.atomic
def retire(*, task: Task, by: User | None, reason: str = "") -> Task:
    """Take gold out of the work, because its answer went around or is wrong: nobody gets it any more.

    What people answered still counts for their skill, and who took it out, when and why stays with it. Raises
    DomainError when it is not mixed into the work.
    """
    if len(reason) > MAX_NOTE:
        raise DomainError(_("The reason must have at most %(most)d characters.") % {"most": MAX_NOTE})
    mixed = Task.objects.filter(pk=task.pk, purpose=Purpose.GOLD, withdrawn=False)
    if not mixed.update(withdrawn=True):
        raise DomainError(_("This task is not mixed into the work, or was taken out already."))
    Gold.objects.filter(task=task).update(retired_at=timezone.now(), retired_by=by, retired_reason=reason.strip())
    _record(TAKEN_OUT, [task], by)
    task.refresh_from_db()
    return task


def _record(field: str, tasks: Sequence[Task], by: User | None) -> None:
    """Put on the campaign's record which tasks became gold, or ended as such."""
    if tasks:
        numbers = [task.pk for task in tasks]
        CampaignChange.objects.create(campaign=tasks[0].campaign, by=by, field=field, new=numbers)


@dataclass(slots=True)
class GoldReport:
    """What an import did."""

    n_items: int
    new_tasks: int
    new_gold: int
    """Of the new tasks, those that are mixed into the work."""
    mixed_in: int
    """Tasks that were ordinary work before."""


def import_gold(*, path: Path, campaign: Campaign, by: User | None) -> GoldReport:
    """Add tasks with their gold answers from a file (annotate/gold_files.py). Again, it adds no task twice.

    Raises DomainError that names each bad row; then nothing at all is written.
    """
    try:
        items = read_gold(path)
    except ImportFileError as error:
        raise DomainError(str(error)) from error
    bad: list[RowProblem] = []
    added: list[_Added] = []
    with transaction.atomic():
        for item in items:
            try:
                with transaction.atomic():
                    added.append(_add(item, campaign, by))
            except DomainError as error:
                bad.append(RowProblem(item.row, str(error)))
        if bad:
            raise RowsRefused(bad)
        new_gold = [one.task for one in added if one.new and one.task.purpose == Purpose.GOLD]
        mixed_in = [one.task for one in added if one.mixed_in]
        recount(annotators=judged(tasks=mixed_in + [one.task for one in added if one.changed]))
        _record(MIXED_IN, new_gold + mixed_in, by)
    return GoldReport(len(items), sum(one.new for one in added), len(new_gold), len(mixed_in))


@dataclass(frozen=True, slots=True)
class _Added:
    task: Task
    new: bool
    mixed_in: bool
    changed: bool
    """It is gold, and its answer another than before."""


def _add(item: GoldItem, campaign: Campaign, by: User | None) -> _Added:
    prompt = add_prompt(messages=item.messages, domain=item.domain, language=item.language, by=by)
    completions = [
        add_completion(prompt=prompt, producer=add_producer(name=name, kind=Producer.Kind.IMPORTED), text=text, by=by)
        for text, name in item.completions
    ]
    task, new = add_task(
        campaign=campaign, prompt=prompt, completions=completions, steps=item.steps, purpose=item.purpose
    )
    becomes_gold = (task.purpose, item.purpose) == (Purpose.WORK, Purpose.GOLD)
    if task.purpose != item.purpose and not becomes_gold:
        raise DomainError(
            _("The campaign has this task already, as %(purpose)s.") % {"purpose": task.get_purpose_display().lower()}
        )
    _gold, changed = _say(task, _by_id(item.answer, completions), item.explanation, by)
    if becomes_gold:
        _mix_in(task)
    return _Added(task, new, becomes_gold, changed and task.purpose == Purpose.GOLD)


def _by_id(answer: Mapping[str, Any], completions: Sequence[Completion]) -> dict[str, Any]:
    """The answer with completion ids for the places (from 1) by which a file names completions."""
    places = {str(place): completion.pk for place, completion in enumerate(completions, start=1)}
    return {name: _with_ids(name, value, places) for name, value in answer.items()}


def _with_ids(name: str, value: Any, places: Mapping[str, int]) -> Any:
    if name not in ("ranks", "ratings", "flags", "spans"):
        return value
    if isinstance(value, list):
        value = {str(place): one for place, one in enumerate(value, start=1)}
    if not isinstance(value, Mapping):
        raise DomainError(_("The field %(name)s must be a list or an object by place.") % {"name": name})
    for place in value:
        if str(place) not in places:
            raise DomainError(
                _("The field %(name)s speaks of completion %(place)s; there are %(n)d, counted from 1.")
                % {"name": name, "place": place, "n": len(places)}
            )
    return {places[str(place)]: one for place, one in value.items()}
