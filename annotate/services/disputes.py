"""How far each task's judgements disagree, kept up to date for the queue of disagreements.

Submitting does not pay for it: whoever reads a queue first has the judgements weighed that came since. A judgement may
be committed after one with a higher number, so the last STRAGGLERS are looked at again each time, which is cheap where
nothing is new.
"""

from django.db import transaction
from django.db.models import Count, F, Max, Q

from annotate.models import Campaign, Dispute, Judgement, Task
from annotate.overlap_queries import standings_of

STRAGGLERS = 200
AT_ONCE = 500
"""Judgements that a visit looks at: about a tenth of a second where each is of another task."""


def weigh(*, campaign: Campaign, at_once: int = AT_ONCE) -> int:
    """Weigh the tasks that were judged since the last time; returns how many judgements are still to be looked at."""
    seen = Dispute.objects.filter(campaign=campaign).aggregate(last=Max("last"))["last"] or 0
    # Not by the campaign's index: whatever is new is found from the end of the judgements.
    judgements = Judgement.objects.annotate(of=F("task__campaign") + 0).filter(of=campaign.pk).order_by("pk")
    new = list(judgements.filter(pk__gt=seen).values_list("pk", "task")[: at_once + 1])
    late = judgements.filter(pk__gt=seen - STRAGGLERS, pk__lte=seen).values_list("task", flat=True)
    tasks = {task for _pk, task in new[:at_once]} | set(late)
    horizon = new[at_once - 1][0] if len(new) > at_once else None
    if tasks:
        _weigh(campaign, tasks, horizon)
    return judgements.filter(pk__gt=horizon).count() if horizon else 0


def _weigh(campaign: Campaign, tasks: set[int], horizon: int | None) -> None:
    """What lies beyond the horizon is looked at by the next call: no row may claim to have seen it."""
    rows = Task.objects.filter(pk__in=tasks).values("pk").order_by("pk")
    counted = rows.annotate(
        n=Count("judgements", filter=Q(judgements__superseded_by__isnull=True)), last=Max("judgements")
    )
    known = dict(Dispute.objects.filter(task__in=tasks).values_list("task", "last"))
    changed = {row["pk"]: row for row in counted if known.get(row["pk"]) != row["last"]}
    standings = standings_of(campaign=campaign, task_ids=list(changed))
    disputes = [
        Dispute(
            task_id=pk,
            campaign=campaign,
            score=standings[pk].disagreement if pk in standings else 0.0,
            n=row["n"],
            last=min(row["last"], horizon or row["last"]),
        )
        for pk, row in changed.items()
    ]
    with transaction.atomic():
        Dispute.objects.bulk_create(
            disputes, update_conflicts=True, unique_fields=["task"], update_fields=["score", "n", "last"]
        )
