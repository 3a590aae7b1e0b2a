"""Adaptive overlap: tasks about which people disagree go to more of them, until enough is known or the ceiling.

What a task's judgements say is weighed (annotate/overlap.py) each time one is added, while the task's row is locked: so
of two that arrive at once the later sees both, and neither raises the target for what the other has answered already.
The target itself moves by a conditional UPDATE, so that submitted <= reserved <= target <= ceiling whatever happens at
the same time. (What was put above the ceiling by hand, or by the campaign's overlap, stays there and is not raised.)

New rules hold for all tasks that are there, which may be very many. So whoever changes them waits for the first
AT_ONCE positions only, and the rest is marked (Reconsideration) for the clock. A batch is one transaction, which holds
the campaign, moves the mark by a conditional UPDATE and brings its tasks in line: of two that do the same one nothing
is done twice, one that is cut off leaves the mark where it was, and rules that change again begin from the start.
"""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Case, F, FloatField, Max, Q, QuerySet, Value, When
from django.db.models.functions import Greatest
from django.utils import timezone

from annotate.assignment_rules import AssignmentRules
from annotate.models import Campaign, Reconsideration, Task
from annotate.overlap import wants_more
from annotate.overlap_queries import standings_of
from annotate.services.queues import hold_campaign, reorder, urgency

AT_ONCE = 200
"""Tasks in one transaction, and in one statement."""
BATCHES = 50
"""Of so many tasks, in one run of the clock's task: some ten seconds."""
PAIR = 2
"""Judgements that can disagree."""


def reconsider(*, task: Task) -> None:
    """Weigh a task's judgements after one was added or corrected, if its campaign's rules ask for that.

    Call it in the transaction that writes the judgement.
    """
    rules = task.campaign.assignment_rules
    if task.purpose == Task.Purpose.WORK and _asked_for(rules):
        _reconsider(task.campaign, rules, [task.pk])


def _asked_for(rules: AssignmentRules) -> bool:
    return rules.overlap is not None or rules.first == "disagreement"


@transaction.atomic
def reconsider_all(*, campaign: Campaign) -> bool:
    """Bring the tasks of a campaign whose rules have changed in line with them; returns whether all are already.

    Call it in the transaction that changes the rules. The first tasks are done at once, others soon, by the clock.
    """
    now = timezone.now()
    fields = {"position": 0, "asked_at": now, "done_at": None}
    mark, _new = Reconsideration.objects.update_or_create(campaign=campaign, defaults=fields)
    mark.campaign = campaign  # with the rules that are being saved
    return _bring_in_line(mark)


def reconsider_what_waits(*, batches: int = BATCHES) -> int:
    """Go on with every campaign whose tasks do not all follow its rules yet; returns how many batches that took.

    At most so many, the campaign that has waited longest first: others wait for the same clock. Call it again soon.
    """
    done = 0
    waiting = Reconsideration.objects.filter(done_at__isnull=True).order_by("asked_at", "pk")
    while done < batches and (mark := waiting.first()):
        with transaction.atomic():
            hold_campaign(mark.campaign)
            mark = waiting.filter(pk=mark.pk).select_related("campaign").first()  # with the rules as they are now
            if mark:
                _bring_in_line(mark)
        done += 1
    return done


def _bring_in_line(mark: Reconsideration) -> bool:
    """Bring the tasks at the next AT_ONCE positions in line with the rules; returns whether none is left.

    A lower ceiling, or none, takes back what was added and nobody has taken; a place that is reserved stays. Every
    task that is complete is weighed (where disagreement comes first: every task with two judgements): in four
    statements, a little under a millisecond a task with three rankings of four.
    """
    campaign, begin = mark.campaign, mark.position
    end = begin + AT_ONCE
    last = Task.objects.filter(campaign=campaign).aggregate(last=Max("position"))["last"]
    left = last is not None and last >= end
    own = Reconsideration.objects.filter(pk=mark.pk, position=begin, asked_at=mark.asked_at, done_at__isnull=True)
    if not own.update(position=end, done_at=None if left else Greatest(Value(timezone.now()), F("asked_at"))):
        return False  # somebody else did it, or the rules changed again
    rules = campaign.assignment_rules
    tasks = Task.objects.filter(campaign=campaign, position__gte=begin, position__lt=end)
    list(tasks.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    reorder(tasks, rules)
    tasks = tasks.filter(purpose=Task.Purpose.WORK)
    ceiling = rules.overlap.ceiling if rules.overlap else 0
    kept = Greatest(F("reserved"), Value(ceiling), F("target") - F("raised"))
    tasks.filter(raised__gt=0, target__gt=kept).update(raised=F("raised") - (F("target") - kept), target=kept)
    if _asked_for(rules):
        enough = Q(submitted__gte=PAIR) if rules.first == "disagreement" else Q(submitted__gte=F("target"))
        if ids := list(tasks.filter(enough).order_by("pk").values_list("pk", flat=True)):
            _reconsider(campaign, rules, ids)
    return not left


def _reconsider(campaign: Campaign, rules: AssignmentRules, task_ids: Collection[int]) -> None:
    locked = Task.objects.select_for_update(no_key=True).filter(pk__in=task_ids).order_by("pk")
    targets = dict(locked.values_list("pk", "target"))
    found = standings_of(campaign=campaign, task_ids=task_ids)
    known = {task: one.disagreement for task, one in found.items() if one.n >= PAIR}
    if known:
        disagreement = Case(
            *(When(pk=task, then=Value(value)) for task, value in known.items()), output_field=FloatField()
        )
        _rows(known).update(disagreement=disagreement, urgency=urgency(rules, disagreement=disagreement))
    if rules.overlap is None:
        return
    wanting: dict[int, list[int]] = {}
    for task, one in found.items():
        if wants_more(one, target=targets[task], rules=rules.overlap):
            wanting.setdefault(targets[task], []).append(task)
    for seen, tasks in wanting.items():
        still = _rows(tasks).filter(target=seen, target__lt=rules.overlap.ceiling)
        still.update(target=F("target") + 1, raised=F("raised") + 1)


def _rows(task_ids: Collection[int]) -> QuerySet[Task]:
    return Task.objects.filter(pk__in=list(task_ids))
