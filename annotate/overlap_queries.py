"""What people said about tasks, as far as it can be compared, and what adaptive overlap made of it."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from annotate.models import Campaign, Judgement, Rating
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


def standings_of(*, campaign: Campaign, task_ids: Collection[int]) -> dict[int, Standing]:
    """How these tasks of the campaign stand by the judgements that count; left out are those with nothing to compare.

    One query, and one for the ratings where the campaign has axes.
    """
    if campaign.kind not in SAID_IN:
        return {}
    exact = {axis.name for axis in campaign.parsed_form.axes if len(axis.levels) <= LEVELS_APART}
    answers = _answers(campaign, task_ids)
    found = {task: standing(campaign.kind, list(said.values()), exact_axes=exact) for task, said in answers.items()}
    return {task: one for task, one in found.items() if one}


def _answers(campaign: Campaign, task_ids: Collection[int]) -> Mapping[int, Mapping[int, Answer]]:
    """What can be compared of the answers, by task and judgement."""
    columns = SAID_IN[campaign.kind]
    counted = Judgement.objects.current().filter(task__in=task_ids).order_by("pk", *columns[:1])
    answers: dict[int, dict[int, dict]] = defaultdict(dict)
    for task, judgement, verdict, behaviour, *row in counted.values_list(
        "task_id", "pk", "verdict", "behaviour", *columns
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
