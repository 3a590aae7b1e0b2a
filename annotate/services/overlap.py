"""Adaptive overlap: tasks about which people disagree go to more of them, until enough is known or the ceiling.

What a task's judgements say is weighed (annotate/overlap.py) each time one is added, while the task's row is locked: so
of two that arrive at once the later sees both, and neither raises the target for what the other has answered already.
The target itself moves by a conditional UPDATE, so that submitted <= reserved <= target <= ceiling whatever happens at
the same time. (What was put above the ceiling by hand, or by the campaign's overlap, stays there and is not raised.)
"""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Case, F, FloatField, Q, QuerySet, Value, When
from django.db.models.functions import Greatest

from annotate.assignment_rules import AssignmentRules
from annotate.models import Campaign, Task
from annotate.overlap import wants_more
from annotate.overlap_queries import standings_of
from annotate.services.queues import urgency

AT_ONCE = 200
"""Tasks in one statement."""
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
def reconsider_all(*, campaign: Campaign) -> None:
    """Bring the tasks of a campaign whose rules have changed in line with them.

    A lower ceiling, or none, takes back what was added and nobody has taken; a place that is reserved stays. Then every
    task that is complete is weighed (where disagreement comes first: every task with two judgements), AT_ONCE in four
    statements: a little under a millisecond a task with three rankings of four.
    """
    rules = campaign.assignment_rules
    tasks = Task.objects.filter(campaign=campaign, purpose=Task.Purpose.WORK)
    ceiling = rules.overlap.ceiling if rules.overlap else 0
    kept = Greatest(F("reserved"), Value(ceiling), F("target") - F("raised"))
    tasks.filter(raised__gt=0, target__gt=kept).update(raised=F("raised") - (F("target") - kept), target=kept)
    if not _asked_for(rules):
        return
    enough = Q(submitted__gte=PAIR) if rules.first == "disagreement" else Q(submitted__gte=F("target"))
    ids = list(tasks.filter(enough).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        _reconsider(campaign, rules, ids[start : start + AT_ONCE])


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
