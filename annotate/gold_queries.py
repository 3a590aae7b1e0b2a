"""What admins read about gold: the tasks of a campaign whose answer is known, and how people did on them."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from annotate.gold_shares import scored
from annotate.models import Campaign, Gold, Judgement, Task
from annotate.quality.intervals import Estimate, clustered_proportion

FEW = 5_000
"""Tasks that are named in a question."""
NOBODY = gettext_noop("Nobody has answered it yet.")


@dataclass(frozen=True, slots=True)
class KnownTask:
    """A task whose answer is known, and the mean score of those who answered it; n counts people."""

    task: Task
    score: Estimate

    @property
    def stands(self) -> str:
        """What it is there for: its purpose, or "retired" when it was taken out."""
        return "retired" if self.task.purpose == Task.Purpose.GOLD and self.task.withdrawn else self.task.purpose


def known_tasks(*, campaign: Campaign) -> QuerySet[Task]:
    """The tasks of a campaign whose answer is known: gold first, then qualification, then ordinary work.

    While few answers are known, in all campaigns, they are found by their keys: a campaign has very many tasks.
    """
    few = list(Gold.objects.order_by().values_list("task_id", flat=True)[: FEW + 1])
    known = Q(pk__in=few) if len(few) <= FEW else Q(gold__isnull=False)
    return campaign.tasks.filter(known).order_by("purpose", "withdrawn", "position")


def with_scores(tasks: Iterable[Task], *, campaign: Campaign) -> list[KnownTask]:
    """These tasks of the campaign, in their order, with the scores of the judgements that count."""
    known = {task.pk: task for task in tasks}
    judgements = dict(Judgement.objects.current().filter(task__in=known).order_by().values_list("pk", "task_id"))
    answers = {pk: json.dumps(task.gold.answer, sort_keys=True) for pk, task in known.items()}
    shares: dict[int, dict[int, float]] = defaultdict(dict)
    for one in scored(judgements=judgements, answers=answers).values():
        shares[one.task][one.person] = one.share
    return [KnownTask(task, _mean(shares[pk])) for pk, task in known.items()]


def _mean(shares: dict[int, float]) -> Estimate:
    if not shares:
        return Estimate(None, None, None, 0, NOBODY)
    return clustered_proportion(list(shares.values()), list(shares))
