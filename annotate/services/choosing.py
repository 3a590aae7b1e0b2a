"""Which task an annotator is given, and with what chance. Index work only: its cost does not grow with the queue.

A task is given in one of three lanes: gold (mixed in at the campaign's rate), at random (a share of the rest, so that
estimates over the campaign can be unbiased), or in the campaign's order. Random tasks are drawn on a circle: every task
has a fixed random place on it (`Task.draw`), and the first that is free for this person after a random point is taken.
So its chance is the arc between it and the one before, which is known exactly and is stored with the assignment.

The statements are written out: they are the ones that every judgement waits for, and the query compiler would take
longer than the database. They are the same on SQLite and PostgreSQL, but for the hint that lets PostgreSQL pass over
rows that somebody else is just taking. Exactness never rests on that hint: it rests on the conditional UPDATE.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection, transaction

from annotate.models import Assignment, Campaign, User
from annotate.services.queues import Access
from annotate.statements import run

Lane = Assignment.Lane
chance = random.SystemRandom()
"""Whatever is left to chance here: lanes and points of the circle."""

FREE = """t.queue_id = q.id AND t.reserved < t.target AND NOT t.withdrawn
AND NOT EXISTS (SELECT 1 FROM annotate_assignment a WHERE a.task_id = t.id AND a.annotator_id = %(annotator)s
    AND a.state IN ('claimed', 'submitted', 'skipped') LIMIT 1 OFFSET 0)
AND NOT (EXISTS (SELECT 1 FROM annotate_producer p WHERE p.user_id = %(annotator)s)
    AND EXISTS (SELECT 1 FROM annotate_taskcompletion tc JOIN annotate_completion c ON c.id = tc.completion_id
        JOIN annotate_producer p ON p.id = c.producer_id WHERE tc.task_id = t.id AND p.user_id = %(annotator)s
        LIMIT 1 OFFSET 0))
AND NOT (EXISTS (SELECT 1 FROM annotate_adjudication d WHERE d.by_id = %(annotator)s)
    AND EXISTS (SELECT 1 FROM annotate_adjudication d WHERE d.task_id = t.id AND d.by_id = %(annotator)s
        LIMIT 1 OFFSET 0))"""
"""Which tasks `t` of a queue `q` may be given to the annotator: a place is free, not theirs yet, not their own work,
and they did not decide it as an expert, who has seen what others said.

The OFFSETs change nothing but PostgreSQL's plan. It would turn NOT EXISTS into joins over the whole queue and sort what
they leave; so it walks along an index of open tasks, asks of one after the other, and stops at the first that is free.
Whether the annotator has written or decided anything at all is asked once, and most have not.
"""

PASS_OVER = " FOR NO KEY UPDATE OF t SKIP LOCKED"


@dataclass(frozen=True, slots=True)
class _Order:
    """What is first in a queue, and what is first of the first of several queues."""

    within: str
    among: str


IN_ORDER = _Order("ORDER BY t.urgency DESC, t.position LIMIT 1", "ORDER BY t.urgency DESC, t.position LIMIT 1")
FROM_POINT = _Order("AND t.draw >= %(point)s ORDER BY t.draw LIMIT 1", "ORDER BY t.draw LIMIT 1")


def _heads(column: str, within: str, hint: str = "") -> str:
    """For each queue, a column of its first task."""
    return (
        f"SELECT (SELECT t.{column} FROM annotate_task t WHERE {FREE} {within}{hint}) AS head"
        " FROM annotate_queue q WHERE q.id IN ({queues})"
    )


def _first(order: _Order, hint: str = "") -> str:
    """The id of the first task of all the queues."""
    return f"""WITH heads AS MATERIALIZED ({_heads("id", order.within, hint)})
SELECT t.id FROM heads JOIN annotate_task t ON t.id = heads.head {order.among}"""


def _before(point: str) -> str:
    """Where the free task before a point of the circle lies; it is below 0 when that is on the other side of 0."""
    nearest = _heads("draw", f"AND t.draw < {point} ORDER BY t.draw DESC LIMIT 1")
    farthest = _heads("draw", f"AND t.draw > {point} ORDER BY t.draw DESC LIMIT 1")
    return f"""coalesce((SELECT max(head) FROM ({nearest}) AS nearest),
(SELECT max(head) - 1 FROM ({farthest}) AS farthest), {point} - 1)"""


def _take(order: _Order, hint: str = "") -> str:
    """Reserve a place of the first task; its id, and the arc of the circle that leads to it."""
    return f"""UPDATE annotate_task SET reserved = reserved + 1,
urgency = urgency + (SELECT q.step FROM annotate_queue q WHERE q.id = queue_id)
WHERE id = ({_first(order, hint)}) AND reserved < target AND NOT withdrawn
RETURNING id, draw - {_before("annotate_task.draw")}"""


WITH_WORK = f"""SELECT q.id FROM annotate_queue q
WHERE q.id IN ({{queues}}) AND EXISTS (SELECT 1 FROM annotate_task t WHERE {FREE})"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A task of which a place is reserved now; the chance is that of this task among all that could have been given."""

    task_id: int
    lane: str
    probability: float | None
    """None where a person was led to a task otherwise."""


def take_next(*, annotator: User, campaign: Campaign, access: Access, patient: bool = True) -> Taken | None:
    """Reserve a place of the task that this annotator gets next; None when there is none for them.

    Call it in a transaction, with what is made of it. Tasks that somebody else is just taking are passed over; when
    there is no other, `patient` waits for them. A transaction that holds rows already must not: two could wait for
    each other.
    """
    rules = campaign.assignment_rules
    work, gold = _Queues(annotator, access.work, patient), _Queues(annotator, access.gold, patient)
    gold_share = _gold_share(annotator, campaign, access, work, gold)
    if gold_share and chance.random() < gold_share and (drawn := gold.draw()):
        return Taken(drawn.id, Lane.GOLD, gold_share * drawn.arc)
    at_random = chance.random() < rules.drawn_share
    first = work.first(IN_ORDER) if at_random else None
    taken = work.draw() if at_random else work.take(IN_ORDER)
    if taken is None:
        return None
    among = rules.drawn_share * taken.arc
    if not at_random or taken.id == first:
        among += 1 - rules.drawn_share
    return Taken(taken.id, Lane.RANDOM if at_random else Lane.ORDERED, (1 - gold_share) * among)


def queues_with_work(*, annotator: User, queues: Sequence[int]) -> set[int]:
    """Which of these queues have a task for this annotator."""
    return {row[0] for row in _Queues(annotator, queues).run(WITH_WORK)}


def _gold_share(annotator: User, campaign: Campaign, access: Access, work: _Queues, gold: _Queues) -> float:
    """The chance that a task with a known answer comes next: 0 where there is none, or nothing else to do.

    Whose skill has yet to be measured is given nothing else.
    """
    rules = campaign.assignment_rules.gold
    if not (access.gold and (access.unmeasured or rules.first or rules.rate)) or gold.first(IN_ORDER) is None:
        return 0.0
    if access.unmeasured:
        return 1.0
    if work.first(IN_ORDER) is None:
        return 0.0
    given = Assignment.objects.filter(annotator=annotator, campaign=campaign, lane=Lane.GOLD)
    given = given.filter(state__in=[Assignment.State.CLAIMED, Assignment.State.SUBMITTED])
    return 1.0 if rules.first and given.count() < rules.first else rules.rate


class _Row(NamedTuple):
    id: int
    arc: float
    """The chance that `draw` takes this one."""


class _Queues:
    """What an annotator can be given out of some queues."""

    def __init__(self, annotator: User, ids: Sequence[int], patient: bool = True):
        self.annotator = annotator
        self.ids = ids
        self.patient = patient

    def first(self, order: _Order) -> int | None:
        """The id of the first task that is free for them."""
        found = self.run(_first(order))
        return found[0][0] if found else None

    def take(self, order: _Order, **params: float) -> _Row | None:
        """Reserve a place of it."""
        if not self.ids:
            return None
        if not connection.features.has_select_for_update_skip_locked:  # then nobody else writes meanwhile
            return self._reserve(order, "", params)
        taken = self._try(order, PASS_OVER, params)
        while taken is None and self.patient and self.run(_first(order), **params):
            taken = self._try(order, "", params)  # what was passed over may have another place: wait for it
        return taken

    def _try(self, order: _Order, hint: str, params: Mapping[str, float]) -> _Row | None:
        """One attempt. Where it fails, what it locked is let go again.

        A row that changed while the statement ran is locked before PostgreSQL finds that it no longer fits, and stays
        so. With such a row in hand, going on to wait for another one would let two wait for each other.
        """
        savepoint = transaction.savepoint() if self.patient else None
        taken = self._reserve(order, hint, params)
        if savepoint and taken is None:
            transaction.savepoint_rollback(savepoint)
        return taken

    def _reserve(self, order: _Order, hint: str, params: Mapping[str, float]) -> _Row | None:
        taken = self.run(_take(order, hint), **params)
        return _Row(*taken[0]) if taken else None

    def draw(self) -> _Row | None:
        """Reserve a place of the first one after a random point of the circle."""
        return self.take(FROM_POINT, point=chance.random()) or self.take(FROM_POINT, point=0.0)

    def run(self, statement: str, **params: float) -> list[tuple]:
        """The rows of a statement over these queues."""
        if not self.ids:
            return []
        queues = ", ".join(map(str, self.ids))
        return run(statement.format(queues=queues), {"annotator": self.annotator.pk, **params})
