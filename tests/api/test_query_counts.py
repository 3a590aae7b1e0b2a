"""How many queries each call costs. Rows do not matter: the world has several of each.

A count that grows is a fault; one that fell is good news, to be written into query_counts.json.
"""

import json
from collections.abc import Callable
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.ledger.live import ledger
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_demonstration, submit_ranking
from tests.api.calls import address, ranking
from tests.api.training_rows import add_training_rows

BASELINE = json.loads(Path(__file__).with_name("query_counts.json").read_text())
LISTS = ["campaigns", "prompts", "completions", "judgements", "annotators"]
LISTS += ["snapshots", "runs", "checkpoints", "pipelines"]


def _work(world) -> None:
    for annotator in (world.alice, world.bob):
        for _ in range(2):
            held = claim_next_task(annotator=annotator, campaign=world.ranking)
            ranks = dict(zip(held.shown_order, (1, 2, 3, 4), strict=True))
            submit_ranking(assignment_id=held.pk, annotator=annotator, ranks=ranks, seconds=1)
        held = claim_next_task(annotator=annotator, campaign=world.writing)
        submit_demonstration(assignment_id=held.pk, annotator=annotator, text="Blow.", seconds=1)


def test_each_call_costs_as_many_queries_as_before(world, admin, alice):
    _work(world)
    add_training_rows()
    costs = {}

    def measure(name: str, call: Callable) -> None:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert call().status_code in (200, 201)
        costs[name] = len(queries)

    for name in LISTS:
        measure(name, lambda name=name: admin.get(f"/api/v1/{name}/"))
    ledger().look()  # the first look of a process may have more to read
    measure("agreement", lambda: admin.get("/api/v1/agreement/", {"campaign": "answers"}))
    audit = f"/api/v1/annotators/{world.alice.pk}/audit/"
    admin.get(audit)  # the first request looks at the texts
    measure("annotator_audit", lambda: admin.get(audit))
    measure("queues", lambda: admin.get("/api/v1/campaigns/answers/queues/"))
    measure("next", lambda: alice.post("/api/v1/tasks/next/", {"campaign": "answers"}))
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    measure("assignment", lambda: alice.get(address(held)))
    measure("draft", lambda: alice.put(address(held, "draft"), {"rationale": "So far."}))
    measure("heartbeat", lambda: alice.post(address(held, "heartbeat")))
    measure("submit", lambda: alice.post(address(held, "submit"), ranking(held)))
    if connection.vendor == "postgresql":
        costs["next"] -= 1  # a savepoint: an attempt in vain lets go of what it locked
    assert costs == BASELINE
