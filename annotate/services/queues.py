"""Queues: which tasks ask the same of a person, and which of them this person may take from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Expression, F, FloatField, Value
from django.db.models.functions import Cast, Coalesce

from annotate.assignment_rules import AssignmentRules
from annotate.models import Campaign, Prompt, Queue, Task, User

SCORES = {"disagreement": "disagreement", "uncertainty": "uncertainty"}


def queue_for(*, campaign: Campaign, prompt: Prompt, purpose: str = Task.Purpose.WORK) -> Queue | None:
    """The queue of a task with this prompt, made if it is new; None for a qualification task, which waits in none."""
    if purpose == Task.Purpose.QUALIFICATION:
        return None
    warnings = sorted(prompt.content_warnings.values_list("kind", flat=True))
    gold = purpose == Task.Purpose.GOLD
    key = "|".join([str(prompt.domain_id or ""), prompt.language, ",".join(warnings), "gold" if gold else ""])
    fields = {"domain_id": prompt.domain_id, "language": prompt.language, "warnings": warnings, "gold": gold}
    fields["step"] = _step(campaign.assignment_rules, gold)
    return Queue.objects.get_or_create(campaign=campaign, key=key, defaults=fields)[0]


def _step(rules: AssignmentRules, gold: bool) -> int:
    return 0 if gold else rules.step  # gold is always drawn


def requeue(*, prompt: Prompt) -> None:
    """Move the tasks of a prompt whose domain, language or warnings changed to the queues where they belong now."""
    for task in Task.objects.filter(prompt=prompt, queue__isnull=False).select_related("campaign"):
        queue = queue_for(campaign=task.campaign, prompt=prompt, purpose=task.purpose)
        if queue.pk != task.queue_id:
            Task.objects.filter(pk=task.pk).update(queue=queue)


@transaction.atomic
def reorder(*, campaign: Campaign) -> None:
    """Bring the urgencies of a campaign's tasks in line with its rules, which have changed."""
    rules = campaign.assignment_rules
    for gold in (False, True):
        campaign.queues.filter(gold=gold).update(step=_step(rules, gold))
    tasks = Task.objects.filter(campaign=campaign, queue__isnull=False, queue__gold=False)
    tasks.update(urgency=urgency(rules))


def urgency(rules: AssignmentRules, **scores: Expression) -> Cast:
    """The urgency of a task under these rules, as an expression over its row.

    `scores` gives a score that the same UPDATE sets, by its name: the row still has the old one.
    """
    score = scores.get(rules.first, F(SCORES[rules.first])) if rules.first else Value(0.0)
    return Cast(Coalesce(score, Value(0.0)) * Task.URGENT + rules.step * F("reserved"), FloatField())


@dataclass(frozen=True, slots=True)
class Closed:
    """A queue that a person may not take from, and why: {"opt_out": [...]}, ..."""

    queue: Queue
    why: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Access:
    """What a person may take from in a campaign: ids of queues."""

    work: tuple[int, ...]
    gold: tuple[int, ...]
    closed: tuple[Closed, ...] = ()


def access_of(*, annotator: User, campaign: Campaign) -> Access:
    """Which of the campaign's queues this annotator may take from."""
    return access_to(annotator=annotator, campaign=campaign, queues=campaign.queues.all())


def access_to(*, annotator: User, campaign: Campaign, queues: Iterable[Queue]) -> Access:
    """`access_of` where the campaign's queues are at hand."""
    avoided = set(opt_outs(annotator))
    work, gold, closed = [], [], []
    for queue in queues:
        if unwanted := avoided.intersection(queue.warnings):
            closed.append(Closed(queue, {"opt_out": sorted(unwanted)}))
        else:
            (gold if queue.gold else work).append(queue.pk)
    return Access(tuple(work), tuple(gold), tuple(closed))


def opt_outs(annotator: User) -> list[str]:
    """The kinds of distressing content that this person never wants to be given."""
    profile = getattr(annotator, "profile", None)
    return profile.opt_outs if profile else []
