"""How many queries working costs at most, without rules and with all of them: what is not asked for costs nothing.

When a number falls, write the lower one here.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import Assignment, Skill, Task
from annotate.services.claiming import claim_next_task
from annotate.services.expiring import expire_leases
from annotate.services.queues import queue_for
from annotate.services.setup import change_campaign
from tests.api.calls import address, ranking
from tests.services.test_claiming import lapse
from tests.world import add_ranking_task

RULES = {
    "gold": {"first": 0, "rate": 0.5},
    "overlap": {"ceiling": 4},
    "needs": {"domain": "declared", "language": True, "skill": 0.5},
    "budget": {"judgements": 1000, "hours": 100},
    "daily": {"judgements": 100, "hours": 10},
}
MOST = {
    "plain": {
        "next, for the first time": 12,
        "next, again": 8,
        "submit and next": 13,
        "submit again and next": 20,
        "skip and next": 17,
        "heartbeat": 3,
        "submit": 7,
        "next": 11,
        "release": 10,
        "submit late": 18,
    },
    "with every rule": {
        "next, for the first time": 19,
        "next, again": 8,
        "submit and next": 23,
        "submit again and next": 20,
        "skip and next": 25,
        "heartbeat": 3,
        "submit": 10,
        "next": 18,
        "release": 11,
        "submit late": 22,
    },
}


@pytest.mark.parametrize("which", MOST)
def test_working_costs_no_more_queries_than_before(world, alice, which):
    for number in range(8):
        add_ranking_task(world.ranking, question=f"More? ({number})", answers=list("abcd"), by=world.carol)
    if which != "plain":
        known = Task.objects.filter(campaign=world.ranking).order_by("-position").first()
        queue = queue_for(campaign=world.ranking, prompt=known.prompt, purpose="gold")
        Task.objects.filter(pk=known.pk).update(purpose="gold", queue=queue)
        Skill.objects.create(annotator=world.alice, domain=None, n=20, right=19)
        change_campaign(campaign=world.ranking, by=world.carol, assignment=RULES)
    costs = {}

    def measure(name: str, call) -> dict:
        with CaptureQueriesContext(connection) as queries:
            answer = call()
        assert answer.status_code in (200, 201), answer.content
        costs[name] = len(queries)
        return answer.json()

    def held() -> Assignment:
        return claim_next_task(annotator=world.alice, campaign=world.ranking)

    measure("next, for the first time", lambda: alice.post("/api/v1/tasks/next/", {"campaign": "answers"}))
    measure("next, again", lambda: alice.post("/api/v1/tasks/next/", {"campaign": "answers"}))
    first = held()

    def submit_and_next():
        key = {"Idempotency-Key": "1"}
        return alice.post(address(first, "submit") + "?next=1", ranking(first), headers=key)

    assert measure("submit and next", submit_and_next)["next"]
    measure("submit again and next", submit_and_next)
    second = held()
    measure("skip and next", lambda: alice.post(address(second, "skip") + "?next=1", {"reason": "not my field"}))
    third = held()
    measure("heartbeat", lambda: alice.post(address(third, "heartbeat")))
    measure("submit", lambda: alice.post(address(third, "submit"), ranking(third)))
    measure("next", lambda: alice.post("/api/v1/tasks/next/", {"campaign": "answers"}))
    measure("release", lambda: alice.post(address(held(), "release")))
    late = held()
    lapse(late)
    expire_leases()
    measure("submit late", lambda: alice.post(address(late, "submit"), ranking(late)))
    assert {name: cost for name, cost in costs.items() if cost > MOST[which][name]} == {}
