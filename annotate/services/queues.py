"""Queues: which tasks ask the same of a person, and which of them this person may take from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Expression, F, FloatField, QuerySet, Value
from django.db.models.functions import Cast, Coalesce

from annotate.assignment_rules import AssignmentRules, Needs
from annotate.models import Campaign, Domain, Prompt, Queue, Task, User
from annotate.services.person import Person
from annotate.statements import Columns, run

ROUNDING = 1e-9
"""Skills are sums of fractions: 0.7 must not fail at 0.6999999."""
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


def set_steps(*, campaign: Campaign) -> None:
    """Bring the steps of a campaign's queues in line with its rules, which have changed."""
    rules = campaign.assignment_rules
    for gold in (False, True):
        campaign.queues.filter(gold=gold).update(step=_step(rules, gold))


def reorder(tasks: QuerySet[Task], rules: AssignmentRules) -> None:
    """Bring the urgencies of these tasks in line with the rules of their campaign."""
    tasks.filter(queue__isnull=False, queue__gold=False).update(urgency=urgency(rules))


def hold_campaign(campaign: Campaign) -> None:
    """Let nobody else change many tasks of this campaign until the transaction ends.

    Two that did would each wait for rows that the other has. (Who changes one task waits for one row, and holds none.)
    """
    Campaign.objects.select_for_update(no_key=True).only("pk").get(pk=campaign.pk)


def urgency(rules: AssignmentRules, **scores: Expression) -> Cast:
    """The urgency of a task under these rules, as an expression over its row.

    `scores` gives a score that the same UPDATE sets, by its name: the row still has the old one.
    """
    score = scores.get(rules.first, F(SCORES[rules.first])) if rules.first else Value(0.0)
    return Cast(Coalesce(score, Value(0.0)) * Task.URGENT + rules.step * F("reserved"), FloatField())


@dataclass(frozen=True, slots=True)
class Closed:
    """A queue that a person may not take from, and the first reason why not.

    {"opt_out": [kinds]} | {"language": "de"} | {"domain": Domain, "level": "declared" | "verified"}
    | {"skill": 0.7, "mean": float | None, "n": int, "measured": 5, "domain": Domain | None}

    A skill's domain is the one that it was measured in, None for all; its mean is None while it is not measured.
    """

    queue: Queue
    why: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Access:
    """What a person may take from in a campaign: ids of queues."""

    work: tuple[int, ...]
    gold: tuple[int, ...]
    closed: tuple[Closed, ...] = ()
    unmeasured: bool = False
    """The campaign wants a skill that nobody knows yet of this person: gold comes first, and alone."""

    @property
    def waiting(self) -> tuple[int, ...]:
        """The queues in which something for this person may wait."""
        return self.gold if self.unmeasured else self.work


QUEUE = Columns(Queue, "q")
DOMAIN = Columns(Domain, "d")
QUEUES = f"""SELECT {QUEUE.sql}, {DOMAIN.sql} FROM annotate_queue q LEFT JOIN annotate_domain d ON d.id = q.domain_id
WHERE q.campaign_id = %(campaign)s ORDER BY q.id"""


def access_of(*, annotator: User, campaign: Campaign) -> Access:
    """Which of the campaign's queues this annotator may take from."""
    return access_by(annotator=annotator, campaign=campaign, rows=run(QUEUES, {"campaign": campaign.pk}))


def access_by(*, annotator: User, campaign: Campaign, rows: Iterable[tuple]) -> Access:
    """`access_of` where the rows of QUEUES are at hand."""
    return access_to(person=Person(annotator), campaign=campaign, queues=map(_read_queue, rows))


def _read_queue(row: tuple) -> Queue:
    values = iter(row)
    queue, domain = QUEUE.read(values), DOMAIN.read(values)
    queue.domain = domain if queue.domain_id else None
    return queue


def access_to(*, person: Person, campaign: Campaign, queues: Iterable[Queue]) -> Access:
    """`access_of` where the campaign's queues, with their domains, are at hand; for many campaigns, too.

    Work asks for all that the campaign needs. Gold asks for no skill, since it is what measures it.
    """
    needs = campaign.assignment_rules.needs
    work, gold, closed = [], [], []
    for queue in queues:
        if why := _closed_because(person, needs, queue):
            closed.append(Closed(queue, why))
        else:
            (gold if queue.gold else work).append(queue.pk)
    unmeasured = any("skill" in one.why and one.why["mean"] is None for one in closed)
    return Access(tuple(work), tuple(gold), tuple(closed), unmeasured)


def _closed_because(person: Person, needs: Needs, queue: Queue) -> dict[str, object] | None:
    if unwanted := person.opt_outs.intersection(queue.warnings):
        return {"opt_out": sorted(unwanted)}
    if needs.language and queue.language and not person.reads(queue.language):
        return {"language": queue.language}
    if needs.domain and queue.domain_id and not person.knows(queue.domain_id, verified=needs.domain == "verified"):
        return {"domain": queue.domain, "level": needs.domain}
    return _too_little_skill(person, needs, queue) if needs.skill and not queue.gold else None


def _too_little_skill(person: Person, needs: Needs, queue: Queue) -> dict[str, object] | None:
    found = person.skill(queue.domain_id, measured=needs.measured)
    if found.mean is not None and found.mean >= needs.skill - ROUNDING:
        return None
    domain = queue.domain if found.domain_id else None
    return {"skill": needs.skill, "mean": found.mean, "n": found.n, "measured": needs.measured, "domain": domain}
