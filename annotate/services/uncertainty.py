"""What reward models are unsure of: a number for each task, by which tasks can come first."""

import math
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import Case, FloatField, Value, When
from django.utils.translation import gettext as _

from annotate.models import Campaign, Task
from annotate.services.bulk import RowProblem, RowsRefused
from annotate.services.queues import hold_campaign, urgency

AT_ONCE = 200
"""Tasks in one statement."""


@transaction.atomic
def set_uncertainty(*, campaign: Campaign, values: Mapping[int, float] | Sequence[tuple[int, float]]) -> int:
    """Store the uncertainty (0 to 1) of these tasks, by task id, and bring their urgency in line; returns how many.

    Raises RowsRefused, which names every bad row by its place, for a number outside of 0 to 1, a task that is not in
    the campaign, and one that is named twice; then nothing is written.
    """
    hold_campaign(campaign)
    rows = list(values.items() if isinstance(values, Mapping) else values)
    _refuse_bad(campaign, rows)
    rules = campaign.assignment_rules
    for start in range(0, len(rows), AT_ONCE):
        some = dict(rows[start : start + AT_ONCE])
        uncertainty = Case(
            *(When(pk=task, then=Value(float(value))) for task, value in some.items()), output_field=FloatField()
        )
        tasks = Task.objects.filter(pk__in=list(some))
        tasks.update(uncertainty=uncertainty, urgency=urgency(rules, uncertainty=uncertainty))
    return len(rows)


def _refuse_bad(campaign: Campaign, rows: Sequence[tuple[int, float]]) -> None:
    tasks = Task.objects.filter(campaign=campaign, purpose=Task.Purpose.WORK, pk__in=[task for task, _value in rows])
    known = set(tasks.values_list("pk", flat=True))
    seen: set[int] = set()
    problems = []
    for place, (task, value) in enumerate(rows, start=1):
        if not (math.isfinite(value) and 0 <= value <= 1):
            problems.append(RowProblem(place, _("An uncertainty is a number from 0 to 1."), "value"))
        elif task not in known:
            no_such = _("There is no task %(number)s in this campaign, or its answer is known.")
            problems.append(RowProblem(place, no_such % {"number": task}, "task"))
        elif task in seen:
            problems.append(RowProblem(place, _("Task %(number)s is named twice.") % {"number": task}, "task"))
        seen.add(task)
    if problems:
        raise RowsRefused(problems)
