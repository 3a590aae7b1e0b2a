"""How the database goes about what every judgement waits for: by index, and with no more work when there is more."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import psycopg
import pytest
from django.db import connection, transaction
from psycopg.client_cursor import ClientCursorMixin

from annotate import queries
from annotate.models import Campaign, User
from annotate.review_queries import returned_to
from annotate.services import choosing
from annotate.services.claiming import claim_ahead, claim_next_task, extend_lease, open_ahead
from annotate.services.corpus import person_as_producer
from annotate.services.daily import done_today
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit_and_go_on, submit_ranking
from annotate.services.people import create_annotator
from annotate.services.progress import count_long_campaigns
from annotate.services.queues import Access, access_of
from annotate.services.releasing import release_assignment, skip_assignment
from annotate.services.setup import change_campaign
from tests.services.crowded import analyse, crowded_campaign, did
from tests.services.test_claiming import lapse
from tests.world import add_guideline

TASKS = 21_000
LARGE = {"annotate_task", "annotate_assignment", "annotate_judgement", "annotate_taskcompletion", "annotate_completion"}
POSTGRES = connection.vendor == "postgresql"


class Statement(NamedTuple):
    """SQL with placeholders, its parameters, and whether PostgreSQL may plan it once for all values."""

    sql: str
    params: Mapping | Sequence | None
    prepared: bool


@pytest.fixture
def person(db) -> User:
    add_guideline("ranking")
    return create_annotator(username="ann")


class Dice:
    """Chance that goes through these numbers over and over."""

    def __init__(self, *numbers: float):
        self.numbers = numbers
        self.thrown = 0

    def random(self) -> float:
        self.thrown += 1
        return self.numbers[(self.thrown - 1) % len(self.numbers)]


def statements_of(call: Callable[[], object]) -> list[Statement]:
    """What the database was asked to read or write."""
    found: list[Statement] = []

    def listen(execute, sql, params, many, context):
        if sql.lstrip("( ").upper().startswith(("SELECT", "UPDATE", "INSERT", "DELETE", "WITH")):
            cursor = context["cursor"].cursor
            prepared = isinstance(cursor, psycopg.Cursor) and not isinstance(cursor, ClientCursorMixin)
            found.append(Statement(sql, params, prepared))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        call()
    return found


def plan(statement: Statement, options: str) -> Iterator[dict]:
    """The nodes of PostgreSQL's plan. Nothing is changed, even where the plan is tried out."""
    sql, params, _ = statement
    if "GENERIC_PLAN" in options:
        names = list(params or ())
        numbers = [f"${number}" for number, _ in enumerate(names, start=1)]
        sql = sql % (dict(zip(names, numbers, strict=True)) if isinstance(params, dict) else tuple(numbers))
        params = None
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}, FORMAT JSON) {sql}", params)
        [[found]] = cursor.fetchall()
        transaction.set_rollback(True)
    nodes = [(json.loads(found) if isinstance(found, str) else found)[0]["Plan"]]
    for node in nodes:
        yield node
        nodes += node.get("Plans", [])


def scanned(statement: Statement) -> set[str]:
    """The large tables that a statement reads from one end to the other."""
    if POSTGRES:
        ways = ["COSTS", "GENERIC_PLAN"] if statement.prepared else ["COSTS"]
        nodes = [node for options in ways for node in plan(statement, options)]
        return {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"} & LARGE
    sql, params, _ = statement
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        steps = [row[3].split() for row in cursor.fetchall()]
    tables = {alias: table for table, alias in re.findall(r'"?(annotate_\w+)"?(?: AS)? "?(\w+)"?', sql)}
    return {tables.get(step[1], step[1]) for step in steps if step[0] == "SCAN"} & LARGE


def a_day(person: User, campaign: Campaign) -> None:
    """Whatever an annotator does, once."""
    held = claim_next_task(annotator=person, campaign=campaign)
    claim_next_task(annotator=person, campaign=campaign)
    ahead = claim_ahead(annotator=person, campaign=campaign)
    extend_lease(assignment_id=held.pk, annotator=person)
    ranks = dict.fromkeys(held.shown_order, 1)
    submit_ranking(assignment_id=held.pk, annotator=person, ranks=ranks, seconds=1, idempotency_key=f"{held.pk}")
    open_ahead(assignment_id=ahead.pk, annotator=person)
    skip_assignment(assignment_id=ahead.pk, annotator=person, reason="not my field")
    turn = claim_next_task(annotator=person, campaign=campaign)
    answer = {"ranks": dict.fromkeys(turn.shown_order, 1)}
    submit_and_go_on(assignment_id=turn.pk, annotator=person, answer=answer, seconds=1)
    given_back = claim_next_task(annotator=person, campaign=campaign)
    release_assignment(assignment_id=given_back.pk, annotator=person)
    late = claim_next_task(annotator=person, campaign=campaign)
    lapse(late)
    expire_leases()
    submit_ranking(assignment_id=late.pk, annotator=person, ranks=dict.fromkeys(late.shown_order, 1), seconds=1)


def test_nothing_that_a_judgement_waits_for_reads_a_large_table_from_end_to_end(person, monkeypatch):
    campaign = crowded_campaign(slug="pairs", tasks=TASKS, purposes=("work", "gold"))
    did(person, campaign, 500)
    for number in range(8):
        did(create_annotator(username=f"other-{number}"), campaign, 1_000, reserved=2)
    person_as_producer(user=person)  # who has written something is asked about more
    asked: list[Statement] = []
    for rules, numbers in (
        ({}, (0.99, 0.4)),
        ({"order": "breadth", "random_share": 1.0, "gold": {"rate": 0}}, (0.3, 0.6)),
        ({"gold": {"first": 600, "rate": 0.5}, "first": "uncertainty"}, (0.2, 0.7)),
    ):
        change_campaign(campaign=campaign, by=person, assignment=rules)
        monkeypatch.setattr(choosing, "chance", Dice(*numbers))
        asked += statements_of(lambda: a_day(person, campaign))
    assert set(person.assignments.values_list("lane", flat=True)) == {"", "gold", "random", "ordered"}
    different = {statement.sql: statement for statement in asked}.values()
    for statement in different:  # right after an import PostgreSQL knows little: what looks for a task is right even so
        assert "FROM annotate_queue q" not in statement.sql or not scanned(statement), statement
    analyse()
    for statement in different:
        assert not scanned(statement), statement


def test_the_home_page_reads_no_large_table_from_end_to_end(person):
    campaign = crowded_campaign(slug="pairs", tasks=TASKS)
    analyse()
    for worker in (person, *(create_annotator(username=f"other-{number}") for number in range(8))):
        did(worker, campaign, 600)
    count_long_campaigns()
    analyse()

    def page() -> None:
        assert queries.campaigns_with_progress(annotator=person)[0].n_tasks == TASKS
        assert done_today(annotator=person).n == 600
        queries.last_submitted(annotator=person)
        returned_to(annotator=person)

    for statement in statements_of(page):
        assert not scanned(statement), statement


FEW, MANY = 3_600, int(os.environ.get("PLANS_TASKS", "20000"))
OWN = 2_000


def effort(call: Callable[[], object]) -> int:
    """What it costs the database: pages of tables and indexes on PostgreSQL, hundreds of machine steps on SQLite."""
    with transaction.atomic():
        if POSTGRES:
            asked = statements_of(call)
        else:
            asked, steps = [], []
            connection.connection.set_progress_handler(lambda: steps.append(1), 100)
            call()
            connection.connection.set_progress_handler(None, 0)
        transaction.set_rollback(True)
    if not POSTGRES:
        return len(steps)
    tops = [next(plan(statement, "ANALYZE, BUFFERS, TIMING OFF")) for statement in asked]
    return sum(top["Shared Hit Blocks"] + top["Shared Read Blocks"] for top in tops)


def efforts(campaign: Campaign, people: dict[str, User]) -> dict[str, int]:
    """What it costs to choose a task, in the situations that could be the worst."""
    everything = access_of(annotator=people["new"], campaign=campaign)
    nothing = Access((), everything.gold)
    found = {}
    for situation, who, access, numbers in (
        ("in order", "new", everything, (1 - 1e-9,)),
        ("at random", "new", everything, (0.0, 0.4)),
        ("at random, at the end of the circle", "new", everything, (0.0, 1 - 1e-12)),
        ("gold", "new", everything, (0.0, 0.4)),
        ("in order, for a writer", "writer", everything, (1 - 1e-9,)),
        ("in order, one queue closed", "new", Access(everything.work[1:], ()), (1 - 1e-9,)),
        ("everything closed", "new", nothing, (1 - 1e-9,)),
        (f"in order, {OWN} of their own first", "busy", everything, (1 - 1e-9,)),
        (f"at random, {OWN} of their own first", "busy", everything, (0.0, 0.4)),
    ):
        rules = {"gold": {"rate": 0.5 if situation == "gold" else 0}, "random_share": 0.5}
        change_campaign(campaign=campaign, by=people["new"], assignment=rules)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(choosing, "chance", Dice(*numbers))
            found[situation] = effort(
                lambda who=who, access=access: choosing.take_next(
                    annotator=people[who], campaign=campaign, access=access
                )
            )
    return found


def test_choosing_costs_no_more_when_there_is_more_to_choose_from(person):
    people = {"new": person, "writer": create_annotator(username="ben"), "busy": create_annotator(username="cat")}
    person_as_producer(user=people["writer"])
    campaigns = [crowded_campaign(slug=f"of-{n}", tasks=n, purposes=("work", "gold")) for n in (FEW, MANY)]
    for campaign in campaigns:
        did(people["busy"], campaign, OWN // 2)  # in the first queue
        did(people["busy"], campaign, OWN // 2, skip=campaign.tasks.filter(purpose="work").count() // 2)
    analyse()
    few, many = (efforts(campaign, people) for campaign in campaigns)
    for situation, cost in few.items():
        assert many[situation] <= 1.5 * cost + 20, situation
    assert max(many[situation] for situation in many if "own" not in situation) <= 250
    assert max(many.values()) <= 8 * OWN  # a task of their own is looked up and passed over
