"""Gold over the API: what the admins' page of a campaign's gold shows and does."""

from annotate.models import Task
from annotate.services.claiming import claim_task
from annotate.services.judging import submit_ranking
from tests.api.calls import problem
from tests.gold import add_gold
from tests.services.test_gold import known
from tests.web.conftest import rank_all


def answered(task: Task, person, *, right: bool) -> None:
    held = claim_task(task=task, annotator=person, guideline=task.campaign.guideline)
    ranks = {pk: place if right else 5 - place for place, pk in enumerate(sorted(held.shown_order), 1)}
    submit_ranking(assignment_id=held.pk, annotator=person, ranks=ranks, seconds=1)


def test_it_lists_known_answers_with_how_people_did(world, admin):
    [gold] = add_gold(world)
    work = known(world.ranking_tasks[1])
    answered(gold, world.alice, right=True)
    answered(gold, world.bob, right=False)
    listed = admin.get("/api/v1/campaigns/answers/gold/").json()["results"]
    assert [(one["task"], one["stands"]) for one in listed] == [(gold.pk, "gold"), (work.pk, "work")]
    assert (listed[0]["score"]["value"], listed[0]["score"]["n"]) == (0.5, 2)
    assert 0 <= listed[0]["score"]["lo"] < 0.5 < listed[0]["score"]["hi"] <= 1
    assert (listed[1]["score"]["value"], listed[1]["score"]["reason"]) == (None, "Nobody has answered it yet.")
    assert listed[0]["answer"] == gold.gold.answer


def test_it_mixes_in_and_takes_out(world, admin):
    task = known(world.ranking_tasks[0])
    assert admin.post(f"/api/v1/tasks/{task.pk}/mix-in/").json()["stands"] == "gold"
    assert admin.post(f"/api/v1/tasks/{task.pk}/retire/").json()["stands"] == "retired"
    assert "taken out already" in problem(admin.post(f"/api/v1/tasks/{task.pk}/retire/"), 422)["detail"]
    problem(admin.post("/api/v1/tasks/999999/mix-in/"), 404)
    assert world.ranking.changes.first().by == world.carol


def test_only_admins_know_about_gold(world, alice):
    task = known(world.ranking_tasks[0])
    for call in ("mix-in", "retire"):
        problem(alice.post(f"/api/v1/tasks/{task.pk}/{call}/"), 403)
    problem(alice.get("/api/v1/campaigns/answers/gold/"), 403)


def test_who_asks_learns_no_number_of_the_task(alice, held):
    asked = alice.post(f"/api/v1/assignments/{held.pk}/ask/", {"kind": "question", "text": "Why?"}).json()
    assert set(asked) == {"id", "kind", "reason", "text", "created_at"}


def test_it_lists_and_accepts_proposals(world, admin):
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    address = "/api/v1/campaigns/answers/gold/proposals/"
    assert admin.get(address).json() == []
    listed = admin.get(address, {"least": 2}).json()
    assert [(one["task"], one["n"], one["skill"]["n"]) for one in listed] == [
        (task.pk, 2, 0) for task in world.ranking_tasks
    ]
    first, second, third = (one["task"] for one in listed)
    assert admin.post(address, {"tasks": [first], "least": 2}).json() == {"tasks": [first]}
    accepted = admin.post(address, {"tasks": [second], "least": 2, "mix_in": True, "explanation": "So."})
    assert accepted.status_code == 201
    assert Task.objects.get(pk=second).purpose == "gold"
    refused = admin.post(address, {"tasks": [first, third], "least": 2})
    assert f"Not proposed any more: {first}" in problem(refused, 422)["detail"]
    for wrong in ({"tasks": []}, {"tasks": ["x"]}, {"tasks": [10**30]}, {"tasks": [third], "least": 1}, {}, {"who": 1}):
        problem(admin.post(address, wrong), 400)
    problem(admin.get(address, {"least": "x"}), 400)


def test_it_lists_signals_and_keeps_the_reason_of_what_is_taken_out(world, admin):
    [gold] = add_gold(world)
    answered(gold, world.alice, right=True)
    [item] = admin.get("/api/v1/campaigns/answers/gold/leaks/").json()
    assert (item["task"], item["standing_out"], item["score"]["value"]) == (gold.pk, [], 1.0)
    assert (item["rise"]["value"], item["rise"]["n"]) == (None, 1)
    assert "too few" in item["rise"]["reason"]
    problem(admin.post(f"/api/v1/tasks/{gold.pk}/retire/", {"reason": "x" * 1001}), 400)
    admin.post(f"/api/v1/tasks/{gold.pk}/retire/", {"reason": "In a forum."})
    gold.gold.refresh_from_db()
    assert gold.gold.retired_reason == "In a forum."
    assert admin.get("/api/v1/campaigns/answers/gold/leaks/").json() == []


def test_only_admins_keep_gold(world, alice):
    for path in ("proposals", "leaks"):
        problem(alice.get(f"/api/v1/campaigns/answers/gold/{path}/"), 403)
    problem(alice.post("/api/v1/campaigns/answers/gold/proposals/", {"tasks": [1]}), 403)
