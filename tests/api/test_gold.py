"""Gold over the API: what the admins' page of a campaign's gold shows and does."""

from annotate.models import Task
from annotate.services.claiming import claim_task
from annotate.services.judging import submit_ranking
from tests.api.calls import problem
from tests.gold import add_gold
from tests.services.test_gold import known


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
