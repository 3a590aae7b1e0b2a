"""How much of the known answers people got right under a version of a guideline, or in some time."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db.models import QuerySet

from annotate.gold import SCORED_KINDS, score_answer
from annotate.models import Guideline, Judgement, Task
from annotate.quality.intervals import Estimate, clustered_ratio, undefined
from annotate.services.records import answer_of, with_answers
from annotate.translations import translatable

NEWEST = 400
"""Answers that are looked at: enough for an interval of a few points, and soon done."""
NO_GOLD = translatable("Nobody has answered a task with a known answer here yet.")


def right_on_gold(guideline: Guideline) -> Estimate:
    """The share of known answers that people got right under it, of the newest; by person, n counts answers.

    What counts is what counts for each person's skill: tasks of which people do not know that the answer is known.
    """
    if guideline.kind not in SCORED_KINDS:
        return undefined(NO_GOLD)
    return _right(_known([guideline.kind]).filter(guideline=guideline))


def right_on_gold_between(first: datetime, end: datetime) -> Estimate:
    """The same of what was answered from one moment to before another, in campaigns of any kind."""
    return _right(_known(SCORED_KINDS).filter(created_at__gte=first, created_at__lt=end))


def _known(kinds: Sequence[str]) -> QuerySet[Judgement]:
    """What was answered to tasks with a known answer."""
    gold = Task.objects.filter(purpose=Task.Purpose.GOLD, gold__isnull=False, campaign__kind__in=kinds).values_list(
        "pk", flat=True
    )
    return Judgement.objects.current().filter(task__in=list(gold.order_by()))


def _right(answers: QuerySet[Judgement]) -> Estimate:
    newest = with_answers(answers).select_related("task__gold", "task__campaign").order_by("-pk")[:NEWEST]
    right: dict[int, list[float]] = {}
    for one in newest:
        share = score_answer(one.task.campaign.kind, answer_of(one), one.task.gold.answer).share
        right.setdefault(one.annotator_id, []).append(share)
    if not right:
        return undefined(NO_GOLD)
    sums, n = (np.array([of(shares) for shares in right.values()], float) for of in (sum, len))
    return clustered_ratio(sums, n, np.arange(n.size), n=round(n.sum()))
