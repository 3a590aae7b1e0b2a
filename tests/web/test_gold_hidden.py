"""Nobody can tell gold from work: whatever an annotator sees on the way through a task is the same for both."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone

from annotate.models import Assignment
from annotate.services import claiming
from annotate.services.claiming import claim_next_task, claim_task
from annotate.services.gold import make_gold, mix_in
from annotate.services.judging import submit_ranking
from tests.api.calls import Client as ApiClient
from tests.gold import set_rules
from tests.web.conftest import client_of
from tests.world import World, add_ranking_task

Seen = list[tuple[str, Any]]

MASKS = [
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+\d\d:\d\d)", "WHEN"),
    (r"\b\d\d:\d\d\b", "CLOCK"),
    (r"csrfmiddlewaretoken\" value=\"\w+", "CSRF"),
    (r"name=\"opened\" value=\"[^\"]+", "OPENED"),
    (r"sky blue\? \(\d\)", "CONTENT"),
    (r"Answer \d([a-d])", r"ANSWER \1"),
]


class InTheirOrder:
    """Completions are shown as they were imported: their order is chance, which is not compared."""

    def shuffle(self, items: list) -> None:
        pass


@pytest.fixture
def hidden(world: World, monkeypatch) -> World:
    """The ranking campaign with one task more, which is gold; bob has done it, and the first of the others."""
    monkeypatch.setattr(claiming, "shuffler", InTheirOrder())
    answers = [f"Answer 3{letter} with **weight**." for letter in "abcd"]
    gold = add_ranking_task(
        world.ranking, question="Why is the sky blue? (3)", answers=answers, domain="physics", by=world.carol
    )
    ranks = dict(zip(gold.completions.values_list("pk", flat=True), (1, 2, 3, 4), strict=True))
    make_gold(task=gold, answer={"ranks": ranks}, explanation="Known.", by=None)
    gold.refresh_from_db()
    mix_in(task=gold, by=None)
    for task in (gold, world.ranking_tasks[0]):
        held = claim_task(task=task, annotator=world.bob, guideline=world.ranking.guideline)
        ranks = dict.fromkeys(held.shown_order, 1)
        submit_ranking(assignment_id=held.pk, annotator=world.bob, ranks=ranks, seconds=9)
    return world


def both(world: World, way: Callable[[World], Seen]) -> tuple[Seen, Seen]:
    """What alice sees on this way through an ordinary task, and through gold, each in the same world."""
    found = []
    for rate, purpose in ((0, "work"), (1, "gold")):
        with transaction.atomic():
            set_rules(world, gold={"rate": rate})
            assert claim_next_task(annotator=world.alice, campaign=world.ranking).task.purpose == purpose
            set_rules(world, gold={"rate": 0})
            found.append(way(world))
            transaction.set_rollback(True)
    return found[0], found[1]


def masked(text: str) -> str:
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return text


def page_of(response: HttpResponse) -> tuple[int, dict, str]:
    """Status, headers and bytes; ids within tags are masked, but not the numbers of a progress bar."""
    body = masked(response.content.decode())
    body = re.sub(r"<(?!progress)[^>]*>", lambda tag: re.sub(r"\d+", "N", tag[0]), body)
    return response.status_code, headers_of(response), body


def headers_of(response: HttpResponse) -> dict[str, str]:
    return {name: re.sub(r"\d+", "N", masked(value)) for name, value in response.headers.items()}


def data_of(response: HttpResponse) -> tuple[int, dict, Any]:
    """Status, headers and the document, with the ids of completions and judgements masked."""
    body = json.loads(masked(response.content.decode())) if response.content else None
    return response.status_code, headers_of(response), without_ids(body)


def without_ids(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {"N" if key.isdigit() else key: without_ids(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [without_ids(one) for one in value]
    if name == "detail":
        return re.sub(r"\d+", "N", value)
    return "N" if name in ("id", "judgement") and isinstance(value, int) else value


def differences(work: Seen, gold: Seen) -> list[str]:
    """The steps at which the two differ."""
    assert [step for step, _ in work] == [step for step, _ in gold]
    return [step for (step, one), (_, other) in zip(work, gold, strict=True) if one != other]


def over_the_api(world: World) -> Seen:
    alice = ApiClient()
    alice.force_authenticate(world.alice)
    seen: Seen = []

    def look(step: str, response: HttpResponse) -> dict:
        seen.append((step, data_of(response)))
        for name in ("campaigns", "me"):
            seen.append((f"{name} after {step}", data_of(alice.get(f"/api/v1/{name}/"))))
        return response.json() if response.content else {}

    def at(verb: str = "") -> str:
        return f"/api/v1/assignments/{shown['id']}/{verb}"

    shown = look("next", alice.post("/api/v1/tasks/next/", {"campaign": "answers"}))
    ids = [one["id"] for one in shown["completions"]]
    whole = {"ranks": dict(zip(map(str, ids), (4, 3, 2, 1), strict=True)), "seconds": 8}
    look("assignment", alice.get(at()))
    look("heartbeat", alice.post(at("heartbeat/")))
    look("draft", alice.put(at("draft/"), {"rationale": "So far."}))
    look("ask", alice.post(at("ask/"), {"kind": "question", "text": "Why?"}))
    look("release", alice.post(at("release/")))
    shown = look("next again", alice.post("/api/v1/tasks/next/", {"campaign": "answers"}))
    look("not whole", alice.post(at("submit/"), {"ranks": {str(ids[0]): 1}, "seconds": 8}))
    look("unknown id", alice.post(at("submit/"), {"ranks": {"999999": 1}, "seconds": 8}))
    look("submit", alice.post(at("submit/?next=1"), whole, headers={"Idempotency-Key": "one"}))
    look("submit again", alice.post(at("submit/"), whole, headers={"Idempotency-Key": "one"}))
    look("done already", alice.post(at("submit/"), whole))
    look("skip", alice.post(at("skip/"), {"reason": "Too late."}))
    look("correct", alice.post(at("correct/"), {**whole, "ranks": dict.fromkeys(map(str, ids), 1)}))
    look("done", alice.get(at()))
    return seen


def over_the_api_skipping(world: World) -> Seen:
    alice = ApiClient()
    alice.force_authenticate(world.alice)
    shown = alice.post("/api/v1/tasks/next/", {"campaign": "answers"}).json()
    address = f"/api/v1/assignments/{shown['id']}"
    skipped = alice.post(f"{address}/skip/?next=1", {"reason": "I do not know enough about this."})
    return [
        ("skip", data_of(skipped)),
        ("campaigns", data_of(alice.get("/api/v1/campaigns/"))),
        ("skipped", data_of(alice.get(f"{address}/"))),
        ("heartbeat", data_of(alice.post(f"{address}/heartbeat/"))),
    ]


def over_pages(world: World) -> Seen:
    alice = client_of(world.alice)
    held = Assignment.objects.get(annotator=world.alice, state="claimed")
    address = f"/work/{held.pk}/"
    whole = {f"rank-{pk}": rank for rank, pk in enumerate(held.shown_order, start=1)} | {"seconds": "8"}
    seen: Seen = []

    def look(step: str, response: HttpResponse) -> None:
        seen.append((step, page_of(response)))
        seen.append((f"home after {step}", page_of(alice.get("/"))))

    look("next", alice.post("/campaigns/answers/next/"))
    look("task", alice.get(address))
    look("ahead", alice.post("/campaigns/answers/ahead/", headers={"X-Concord-Shown": str(held.pk)}))
    look("draft", alice.post(f"{address}draft/", {"rationale": "So far."}))
    look("heartbeat", alice.post(f"{address}heartbeat/"))
    look("ask", alice.post(f"{address}ask/", {"kind": "question", "text": "Why?"}))
    look("not whole", alice.post(address, {"seconds": "8"}))
    look("break", alice.get(f"{address}break/"))
    look("release", alice.post(f"{address}release/", follow=True))
    look("lost", alice.get(address))
    look("next again", alice.post("/campaigns/answers/next/"))
    address = f"/work/{Assignment.objects.get(annotator=world.alice, state='claimed').pk}/"
    look("task again", alice.get(address))
    look("submit", alice.post(address, whole))
    look("submitted", alice.get(address))
    look("correction", alice.get(f"{address}correct/"))
    for name in ("", "history/", "feedback/", f"judgements/{address.removeprefix('/work/')}"):
        look(f"me/{name}"[:12], alice.get(f"/me/{name}"))
    Assignment.objects.filter(annotator=world.bob).update(ended_at=timezone.now() - timedelta(days=1))
    look("me once others could not correct", alice.get("/me/"))
    return seen


@pytest.mark.parametrize("way", [over_the_api, over_the_api_skipping, over_pages])
def test_gold_looks_like_work_at_every_step(hidden, way):
    work, gold = both(hidden, way)
    assert differences(work, gold) == []
    shown = json.dumps([work, gold], default=str).lower()
    for word in ("purpose", "lane", "probab", "qualification"):
        assert word not in shown, word


def test_progress_moves_alike_for_who_looks_over_the_shoulder(hidden):
    """What bob sees before and after alice submits."""

    def as_bob_sees(world: World) -> Seen:
        bob = ApiClient()
        bob.force_authenticate(world.bob)
        seen = [("before", data_of(bob.get("/api/v1/campaigns/")))]
        held = Assignment.objects.get(annotator=world.alice, state="claimed")
        submit_ranking(
            assignment_id=held.pk, annotator=world.alice, ranks=dict.fromkeys(held.shown_order, 1), seconds=1
        )
        return [*seen, ("after", data_of(bob.get("/api/v1/campaigns/"))), ("me", data_of(bob.get("/api/v1/me/")))]

    work, gold = both(hidden, as_bob_sees)
    assert differences(work, gold) == []
    (before,) = [row for row in work[0][1][2]["results"] if row["slug"] == "answers"]
    (after,) = [row for row in gold[1][1][2]["results"] if row["slug"] == "answers"]
    assert (before["n_places"], before["n_done_places"], after["n_done_places"]) == (6, 2, 3)
