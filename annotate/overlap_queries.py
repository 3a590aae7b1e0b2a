"""What people said about tasks, as far as it can be compared, and what adaptive overlap made of it."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Count, F, Q, QuerySet, Sum

from annotate.models import Campaign, Judgement, Rating, Task
from annotate.overlap import Answer, Standing, standing

LEVELS_APART = 2
"""An axis of so many levels has none that lie near each other."""
SAID_IN = {
    Campaign.Kind.RANKING: ("ranked__completion_id", "ranked__rank"),
    Campaign.Kind.RATING: (),
    Campaign.Kind.STEPS: ("step_labels__step", "step_labels__label"),
    Campaign.Kind.REVIEW: ("review__decision",),
}
"""Where a judgement of each kind says what can be compared; nothing can where people write."""


def standings_of(*, campaign: Campaign, task_ids: Collection[int] | QuerySet) -> dict[int, Standing]:
    """How these tasks of the campaign stand by the judgements that count; left out are those with nothing to compare.

    One query, and one for the ratings where the campaign has axes.
    """
    if campaign.kind not in SAID_IN:
        return {}
    exact = {axis.name for axis in campaign.parsed_form.axes if len(axis.levels) <= LEVELS_APART}
    answers = _answers(campaign, task_ids)
    found = {task: standing(campaign.kind, list(said.values()), exact_axes=exact) for task, said in answers.items()}
    return {task: one for task, one in found.items() if one}


def _answers(campaign: Campaign, task_ids: Collection[int] | QuerySet) -> Mapping[int, Mapping[int, Answer]]:
    """What can be compared of the answers, by task and judgement."""
    columns = SAID_IN[campaign.kind]
    # Sorted here: SQLite would walk all judgements by their keys rather than look up some hundred tasks and sort them.
    counted = Judgement.objects.current().filter(task__in=task_ids).order_by()
    found = counted.values_list("task_id", "pk", "verdict", "behaviour", *columns)
    answers: dict[int, dict[int, dict]] = defaultdict(dict)
    for task, judgement, verdict, behaviour, *row in sorted(
        found, key=lambda one: (one[1], *(part or 0 for part in one[4:5]))
    ):
        empty = {"verdict": verdict, "behaviour": behaviour, "ranks": {}, "ratings": {}, "labels": []}
        answer = answers[task].setdefault(judgement, empty)
        if campaign.kind == Campaign.Kind.RANKING and row[0] is not None:
            answer["ranks"][row[0]] = row[1]
        elif campaign.kind == Campaign.Kind.STEPS and row[0] is not None:
            answer["labels"].append(row[1])
        elif campaign.kind == Campaign.Kind.REVIEW:
            answer["decision"] = row[0]
    if campaign.parsed_form.axes:
        rows = Rating.objects.filter(judgement__task__in=task_ids, judgement__superseded_by__isnull=True)
        said = ("judgement__task_id", "judgement_id", "completion_id", "axis", "value")
        for task, judgement, completion, axis, value in rows.values_list(*said):
            answers[task][judgement]["ratings"].setdefault(completion, {})[axis] = value
    return answers


@dataclass(frozen=True, slots=True)
class TargetCount:
    """The tasks with one target: how many there are, how many of them have all their judgements, were raised."""

    target: int
    n_tasks: int
    n_complete: int
    n_raised: int


@dataclass(frozen=True, slots=True)
class OverlapFigures:
    """How many people the tasks of a campaign go to. These are counts of all its tasks of work, not estimates."""

    campaign: Campaign
    ceiling: int | None
    """None: the overlap is fixed."""
    targets: list[TargetCount]
    n_tasks: int
    n_raised: int
    """Tasks that went to more people because those before disagreed."""
    n_complete: int
    """Tasks that have all the judgements that they are to have."""
    mean_judgements: float | None
    """Judgements of a complete task, over `n_complete`; None while there is none."""
    n_at_ceiling: int
    """Complete tasks that could not go to anybody more."""
    n_unsettled: int
    """Of these, the ones whose leading answer is less sure than the campaign wants."""


def overlap_figures(*, campaign: Campaign) -> OverlapFigures:
    """What adaptive overlap did in a campaign, or what the fixed one is. Page and API show what this returns."""
    rules = campaign.assignment_rules.overlap
    tasks = Task.objects.filter(campaign=campaign, purpose=Task.Purpose.WORK, withdrawn=False)
    complete = Q(submitted__gte=F("target"))
    counts = {
        "tasks_": Count("pk"),
        "complete": Count("pk", filter=complete),
        "raised_": Count("pk", filter=Q(raised__gt=0)),
        "judgements_": Sum("submitted", filter=complete),
    }
    rows = list(tasks.order_by("target").values("target").annotate(**counts).values_list("target", *counts))
    targets = [TargetCount(*row[:4]) for row in rows]
    n_complete = sum(one.n_complete for one in targets)
    standings = {}
    if rules:
        at_ceiling = tasks.filter(complete, target__gte=rules.ceiling).order_by().values("pk")
        standings = standings_of(campaign=campaign, task_ids=at_ceiling)
    return OverlapFigures(
        campaign=campaign,
        ceiling=rules.ceiling if rules else None,
        targets=targets,
        n_tasks=sum(one.n_tasks for one in targets),
        n_raised=sum(one.n_raised for one in targets),
        n_complete=n_complete,
        mean_judgements=sum(row[4] or 0 for row in rows) / n_complete if n_complete else None,
        n_at_ceiling=sum(one.n_complete for one in targets if rules and one.target >= rules.ceiling),
        n_unsettled=sum(one.confidence < rules.confidence for one in standings.values()) if rules else 0,
    )
