"""Disagreements over the API: the queue, decisions, who may, and what comes back to hostile input."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import Adjudication, Task
from annotate.services.adjudicating import allow
from annotate.services.people import create_admin
from tests.api.calls import Client, problem
from tests.services.test_adjudicating import verify
from tests.web.conftest import rank_all
from tests.world import World

QUEUE = "/api/v1/campaigns/answers/disagreements/"
TAKE = f"{QUEUE}take/"
DECISIONS = "/api/v1/campaigns/answers/adjudications/"
PEOPLE = "/api/v1/campaigns/answers/adjudicators/"


@pytest.fixture
def disputed(world) -> World:
    rank_all(world.alice, world)
    rank_all(world.bob, world, reverse=True)
    return world


def decision(task: Task, **fields) -> dict:
    ids = task.completions.order_by("pk").values_list("pk", flat=True)
    answer = {"ranks": {str(pk): rank for rank, pk in enumerate(ids, 1)}}
    return {"task": task.pk, "answer": answer, "cause": "factual", **fields}


def test_it_lists_takes_and_decides(disputed, admin):
    listed = admin.get(QUEUE).json()["results"]
    assert [(one["score"], one["n"], one["state"], one["cause"]) for one in listed] == [(1.0, 2, "open", "")] * 3
    task = Task.objects.get(pk=listed[0]["task"])
    assert admin.post(TAKE, {}).json()["task"] == task.pk
    made = admin.post(DECISIONS, decision(task, note="A.", gold=True, explanation="So."))
    assert made.status_code == 201
    body = made.json()
    assert (body["version"], body["cause"], body["note"], body["stands"]) == (1, "factual", "A.", True)
    assert body["by"] == disputed.carol.pseudonym
    assert body["answer"]["ranks"] == decision(task)["answer"]["ranks"]
    assert task.gold.explanation == "So."
    assert len(admin.get(QUEUE).json()["results"]) == 2
    assert [one["task"] for one in admin.get(QUEUE, {"cause": "factual"}).json()["results"]] == [task.pk]


def test_it_lists_by_parts_and_counts_nothing(disputed, admin):
    whole = [one["task"] for one in admin.get(QUEUE).json()["results"]]
    assert admin.get(QUEUE).json()["next"] is None
    seen, address = [], f"{QUEUE}?limit=2&unfinished=true"
    while address:
        with CaptureQueriesContext(connection) as asked:
            part = admin.get(address).json()
        assert not any("COUNT(*)" in query["sql"] for query in asked)
        seen.append([one["task"] for one in part["results"]])
        address = part["next"]
    assert seen == [whole[:2], whole[2:]]
    problem(admin.get(QUEUE, {"after": 999_999}), 400)
    problem(admin.get(QUEUE, {"limit": 0}), 400)


def test_it_shows_what_annotators_said_without_names(disputed, admin, alice, as_user):
    task = disputed.ranking_tasks[0]
    address = f"{QUEUE}{task.pk}/"
    shown = admin.get(address)
    body = shown.json()
    assert [one["id"] for one in body["completions"]] == list(map(int, decision(task)["answer"]["ranks"]))
    ranks = [sorted(one["answer"]["ranks"].items(), key=lambda row: int(row[0])) for one in body["judgements"]]
    assert [[rank for _pk, rank in row] for row in ranks] == [[1, 2, 3, 4], [4, 3, 2, 1]]
    assert (body["score"], body["decision"], body["may_not"]) == (1.0, None, "")
    assert not any(name in shown.content.decode() for name in ("alice", "bob", "annotator-", "model-"))
    admin.post(DECISIONS, decision(task))
    assert admin.get(address).json()["decision"]["stands"]
    problem(alice.get(address), 403)
    allow(campaign=disputed.ranking, username="alice", by=disputed.carol)
    assert "judged this task yourself" in alice.get(address).json()["may_not"]
    for wrong in (disputed.writing_tasks[0].pk, 999_999):
        assert admin.get(f"{QUEUE}{wrong}/").status_code in (404, 422)


def test_it_replaces_and_takes_back_on_record(disputed, admin):
    task = disputed.ranking_tasks[0]
    first = admin.post(DECISIONS, decision(task)).json()
    assert "meanwhile" in problem(admin.post(DECISIONS, decision(task)), 422)["detail"]
    second = admin.post(DECISIONS, decision(task, supersedes=first["id"], cause="style")).json()
    back = admin.post(f"/api/v1/adjudications/{second['id']}/take-back/", {"note": "No."})
    assert (back.status_code, back.json()["answer"]) == (201, None)
    assert [one["stands"] for one in admin.get(DECISIONS).json()["results"]] == [False, False, False]


def test_the_same_key_is_one_decision(disputed, admin):
    body = decision(disputed.ranking_tasks[0])
    ids = {admin.post(DECISIONS, body, headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(2)}
    assert len(ids) == 1
    problem(admin.post(DECISIONS, body, headers={"Idempotency-Key": "k" * 101}), 400)


def test_only_one_holds_a_task(disputed, admin, as_user):
    other = as_user(create_admin(username="dora", password="correct horse battery"))
    task = disputed.ranking_tasks[0]
    assert admin.post(TAKE, {"task": task.pk}).status_code == 200
    problem(other.post(TAKE, {"task": task.pk}), 409)
    problem(other.post(DECISIONS, decision(task)), 409)
    assert other.post(TAKE, {}).json()["task"] != task.pk
    assert admin.post(f"/api/v1/tasks/{task.pk}/let-go/").status_code == 204
    assert other.post(DECISIONS, decision(task)).status_code == 201


def test_nothing_left_is_a_204(world, admin):
    assert admin.post(TAKE, {}).status_code == 204


def test_annotators_see_and_decide_nothing(disputed, alice):
    for call in (alice.get(QUEUE), alice.get(DECISIONS), alice.post(TAKE, {}), alice.get(PEOPLE)):
        problem(call, 403)
    problem(alice.post(DECISIONS, decision(disputed.ranking_tasks[0])), 403)
    problem(alice.post(PEOPLE, {"username": "alice"}), 403)
    problem(alice.post(f"/api/v1/tasks/{disputed.ranking_tasks[0].pk}/let-go/"), 403)
    problem(Client().get(QUEUE), 401)
    assert not Adjudication.objects.exists()


def test_an_expert_with_the_right_decides_in_verified_domains(disputed, admin, as_user):
    expert = as_user(disputed.outsider)
    verify(disputed, disputed.outsider, "physics")
    given = admin.post(PEOPLE, {"username": "outsider"})
    assert (given.status_code, given.json()["domains"]) == (201, ["physics"])
    physics, art = disputed.ranking_tasks[:2]
    assert expert.post(DECISIONS, decision(physics)).status_code == 201
    assert "Art" in problem(expert.post(DECISIONS, decision(art)), 403)["detail"]
    assert admin.post(f"{PEOPLE}disallow/", {"username": "outsider"}).status_code == 204
    problem(expert.get(QUEUE), 403)
    problem(admin.post(f"{PEOPLE}disallow/", {"username": "outsider"}), 404)
    problem(admin.post(PEOPLE, {"username": "nobody"}), 404)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"cause": "mood"}, 400),
        ({"task": 10**30}, 400),
        ({"task": "x"}, 400),
        ({"task": 999_999}, 400),
        ({"answer": []}, 400),
        ({"answer": {"ranks": {"1x": 1}}}, 400),
        ({"answer": {"ranks": {}}}, 422),
        ({"answer": {"text": "Blow."}}, 422),
        ({"explanation": "Why."}, 400),
        ({"note": "\0"}, 400),
        ({"supersedes": 10**30}, 400),
        ({"who": "me"}, 400),
    ],
)
def test_nonsense_is_refused_with_a_sentence(disputed, admin, change, status):
    problem(admin.post(DECISIONS, decision(disputed.ranking_tasks[0]) | change), status)
    assert not Adjudication.objects.exists()


@pytest.mark.parametrize(
    "query", [{"state": "closed"}, {"cause": "mood"}, {"domain": "a b"}, {"unfinished": "perhaps"}]
)
def test_it_refuses_unknown_filters(disputed, admin, query):
    problem(admin.get(QUEUE, query), 400)


def test_what_people_write_has_no_disagreements(world, admin):
    assert "cannot disagree" in problem(admin.get(QUEUE.replace("answers", "writing")), 422)["detail"]
    problem(admin.get(QUEUE.replace("answers", "nowhere")), 404)
