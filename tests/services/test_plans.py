"""What handing out and taking back a task reads: a few rows by index, however long the queue is."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from annotate.models import Campaign, Completion, Prompt, Task, TaskCompletion, User
from annotate.services import choosing
from annotate.services.campaigns import MAX_SMALL, create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_producer
from annotate.services.judging import submit_ranking
from annotate.services.people import create_annotator
from annotate.services.queues import queue_for
from annotate.services.releasing import release_assignment
from annotate.services.setup import change_campaign
from tests.world import add_guideline

TASKS = 3_000
MOST = 40
"""Rows of a table that one statement may touch."""
LONG = ("annotate_task", "annotate_taskcompletion", "annotate_completion", "annotate_prompt")
"""The tables that are long here; of the others a planner rightly reads all."""


@pytest.fixture
def campaign(db) -> Campaign:
    """A campaign of many pairs, whose tables the database has looked at."""
    add_guideline("ranking")
    campaign = create_campaign(slug="pairs", name="Pairs", kind="ranking", guideline_slug="ranking", by=None)
    model = add_producer(name="model", kind="imported")
    messages = [{"role": "user", "content": "Which?"}]
    prompts = Prompt.objects.bulk_create(Prompt(sha256=f"prompt {n}", messages=messages) for n in range(TASKS))
    queue = queue_for(campaign=campaign, prompt=prompts[0])
    completions = Completion.objects.bulk_create(
        Completion(prompt=prompt, producer=model, text=text, sha256=text) for prompt in prompts for text in "ab"
    )
    tasks = Task.objects.bulk_create(
        Task(campaign=campaign, prompt=prompt, queue=queue, content_sha256=prompt.sha256, position=n, k=2, target=2)
        for n, prompt in enumerate(prompts)
    )
    TaskCompletion.objects.bulk_create(
        TaskCompletion(task=tasks[n // 2], completion=completion, position=n % 2)
        for n, completion in enumerate(completions)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return campaign


def trip(person: User, campaign: Campaign) -> None:
    """Get a task and submit a judgement."""
    assignment = claim_next_task(annotator=person, campaign=campaign)
    submit_ranking(
        assignment_id=assignment.pk, annotator=person, ranks=dict.fromkeys(assignment.shown_order, 1), seconds=1
    )


@pytest.mark.parametrize("order", ["depth", "breadth", "random"])
def test_it_reads_a_few_rows_however_long_the_queue_is(campaign, order, monkeypatch):
    monkeypatch.setattr(choosing, "chance", random.Random(1))
    change_campaign(campaign=campaign, by=None, assignment={"order": order})
    check_reads(create_annotator(username="worker"), campaign)


def test_it_reads_as_few_rows_for_gold(campaign):
    gold = Task.objects.filter(position__lt=TASKS // 3)
    queue = queue_for(campaign=campaign, prompt=gold[0].prompt, purpose=Task.Purpose.GOLD)
    gold.update(purpose=Task.Purpose.GOLD, queue=queue, target=MAX_SMALL)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    change_campaign(campaign=campaign, by=None, assignment={"gold": {"rate": 1}})
    person = create_annotator(username="worker")
    held = claim_next_task(annotator=person, campaign=campaign)
    release_assignment(assignment_id=held.pk, annotator=person)
    check_reads(person, campaign)
    assert set(person.assignments.values_list("task__purpose", flat=True)) == {"gold"}


def check_reads(person: User, campaign: Campaign) -> None:
    """One trip, after a few, touches few rows with each of its statements."""
    for _ in range(5):
        trip(person, campaign)
    statements: list[tuple] = []

    def note(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):  # the log of queries does not know those that PostgreSQL has prepared
        trip(person, campaign)
    reading = [one for one in statements if one[0].lstrip().startswith(("SELECT", "UPDATE", "WITH"))]
    touched = [one for one in reading if any(table in one[0] for table in LONG)]
    assert len(touched) >= 4  # take, hold, show, count
    for sql, params in touched:
        read = rows_read(sql, params) if connection.vendor == "postgresql" else scanned(sql, params)
        assert all(rows <= MOST for rows in read.values()), (read, sql)


def rows_read(sql: str, params: Any) -> dict[str, float]:
    """By table: rows that PostgreSQL looks at to run this."""
    read: dict[str, float] = {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        [[plan]] = cursor.fetchall()
        transaction.set_rollback(True)
    for node in nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]):
        if node.get("Relation Name") in LONG and "Scan" in node["Node Type"]:
            looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            read[node["Relation Name"]] = read.get(node["Relation Name"], 0) + looked_at * node["Actual Loops"]
    return read


def nodes(plan: dict) -> Iterator[dict]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def scanned(sql: str, params: Any) -> dict[str, float]:
    """What SQLite reads from end to end to run this."""
    aliases = {"annotate_task", "annotate_taskcompletion", "annotate_completion", "annotate_prompt", "t", "tc", "c"}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        steps = [row[3].split() for row in cursor.fetchall()]
    return {step[1]: TASKS for step in steps if step[0] == "SCAN" and step[1] in aliases}
