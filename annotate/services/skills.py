"""Skill: how much of gold a person gets right, in each domain and in all. Sums that submitting keeps up to date.

Counted are the current judgements of tasks whose purpose is gold. Work whose answer became known later is not: admins
look up what is disputed, so it is harder than the rest, and not everybody meets it.

A sum is exact at every moment, whoever submits while a gold answer changes: the task's row is locked by whoever
submits (its counter moves), and by `hold_still` before the answer changes; the person's sum in all domains is locked
before their judgements are added up.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from annotate.gold import SCORED_KINDS, score_answer
from annotate.models import Gold, Judgement, Skill, Task
from annotate.services.records import answer_of, with_answers


def record(*, judgement: Judgement, answer: Mapping[str, Any]) -> None:
    """Count a new judgement, if it is of a gold task, in place of what it supersedes. Call it in their transaction."""
    task = judgement.task
    if task.purpose != Task.Purpose.GOLD:
        return
    gold = Gold.objects.filter(task=judgement.task_id).first()
    if gold is None:
        return
    if judgement.supersedes_id:
        return recount(annotators=[judgement.annotator_id])
    share = score_answer(task.campaign.kind, answer, gold.answer).share
    for domain in dict.fromkeys((None, task.prompt.domain_id)):
        _add(judgement.annotator_id, domain, share)


def _add(annotator: int, domain: int | None, share: float) -> None:
    rows = Skill.objects.filter(annotator=annotator, domain=domain)
    more = {"n": F("n") + 1, "right": F("right") + share}
    if rows.update(**more):
        return
    try:
        with transaction.atomic():
            Skill.objects.create(annotator_id=annotator, domain_id=domain, n=1, right=share)
    except IntegrityError:  # another campaign's gold was quicker
        rows.update(**more)


def hold_still(*, task: Task) -> None:
    """Let nobody submit this task until the transaction ends: its gold answer changes."""
    Task.objects.filter(pk=task.pk).update(target=F("target"))


def judged(*, tasks: Iterable[Task]) -> set[int]:
    """The ids of everybody whose skill rests on these tasks."""
    return set(Judgement.objects.current().filter(task__in=list(tasks)).values_list("annotator", flat=True))


def recount(*, annotators: Iterable[int]) -> None:
    """Add the skills of these people up anew, from their judgements: gold has changed, or was retired."""
    for annotator in sorted(set(annotators)):
        with transaction.atomic():
            _recount(annotator)


def _recount(annotator: int) -> None:
    mine = Skill.objects.filter(annotator=annotator)
    in_all, _ = Skill.objects.get_or_create(annotator_id=annotator, domain=None)
    mine.filter(pk=in_all.pk).update(n=F("n"))
    sums = defaultdict(list)
    for domain, share in _shares(annotator):
        for place in dict.fromkeys((None, domain)):
            sums[place].append(share)
    for row in mine:
        shares = sums.pop(row.domain_id, [])
        mine.filter(pk=row.pk).update(n=len(shares), right=sum(shares))
    Skill.objects.bulk_create(
        Skill(annotator_id=annotator, domain_id=domain, n=len(shares), right=sum(shares))
        for domain, shares in sums.items()
    )
    mine.filter(n=0).delete()


def _shares(annotator: int) -> list[tuple[int | None, float]]:
    """(domain, share right) of each gold answer that counts."""
    counted = Judgement.objects.current().filter(
        annotator=annotator,
        task__purpose=Task.Purpose.GOLD,
        task__gold__isnull=False,
        task__campaign__kind__in=SCORED_KINDS,
    )
    return [
        (one.task.prompt.domain_id, score_answer(one.task.campaign.kind, answer_of(one), one.task.gold.answer).share)
        for one in with_answers(counted).select_related("task__campaign", "task__prompt", "task__gold").order_by("pk")
    ]
