"""The decisions of experts that a snapshot exports in the place of what annotators had said."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from annotate.models import Adjudication, Campaign, Judgement, Task
from training.services.rows import COMPLETIONS

DECISIONS_AT_A_TIME = 500


class Decisions:
    """The decisions that stood at `until` in some campaigns, and what they stand in for.

    A decided task's judgements give no rows; the decision does, once. Where a task reviews a demonstration, the
    decision stands in for its reviews. Tasks with a known answer measure people and train nothing, decided or not.
    """

    def __init__(self, *, campaigns: Collection[str], until: datetime):
        standing = Adjudication.objects.current(until).filter(task__purpose=Task.Purpose.WORK)
        standing = standing.select_related("by", "guideline", "task__campaign", "task__prompt__domain").order_by("pk")
        reviews = {"task__campaign__kind": Campaign.Kind.REVIEW}
        written = {"task__demonstration__judgement__task__campaign__slug__in": list(campaigns)}
        self._of_tasks: QuerySet[Adjudication] = standing.filter(task__campaign__slug__in=campaigns).exclude(**reviews)
        self._tasks = set(self._of_tasks.order_by().values_list("task", flat=True))
        self._of_reviews = {one.task.demonstration_id: one for one in standing.filter(**reviews, **written)}
        self._ranked: defaultdict[int, list[int]] = defaultdict(list)
        self._n_judgements = 0
        self._causes: Counter[str] = Counter(one.cause for one in self._of_reviews.values())
        self._experts = {one.by_id for one in self._of_reviews.values()}

    def replace(self, judgement: Judgement) -> bool:
        """Whether a decision stands in for this judgement. It is remembered for what the decision weighs."""
        if judgement.task_id not in self._tasks:
            return False
        self._n_judgements += 1
        if judgement.ranked.all():
            self._ranked[judgement.task_id].append(judgement.annotator_id)
        return True

    def of_review(self, judgement: Judgement) -> Adjudication | None:
        """The decision about the reviews of what a judgement wrote."""
        written = getattr(judgement, "demonstration", None)
        return self._of_reviews.get(written.pk) if written else None

    def batches(self) -> Iterator[list[tuple[Adjudication, list[int]]]]:
        """The decisions about tasks, oldest first, each with the annotators whose rankings it stands in for."""
        last, rest = 0, self._of_tasks.prefetch_related(COMPLETIONS)
        while batch := list(rest.filter(pk__gt=last)[:DECISIONS_AT_A_TIME]):
            self._causes.update(one.cause for one in batch)
            self._experts.update(one.by_id for one in batch)
            yield [(one, self._ranked.get(one.task_id, [])) for one in batch]
            last = batch[-1].pk

    def described(self) -> dict[str, Any]:
        """What the manifest says about them, after `batches`."""
        return {
            "tasks": self._causes.total(),
            "judgements_replaced": self._n_judgements,
            "experts": len(self._experts),
            "causes": {cause: self._causes[cause] for cause in Adjudication.Cause.values},
        }
