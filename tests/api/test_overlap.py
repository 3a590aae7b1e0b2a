"""How many people do a task, over the API: reading, setting, and what is uncertain."""

import pytest

from annotate.models import Task
from tests.api.calls import problem
from tests.assignment.test_adaptive import set_rules
from tests.web.conftest import rank_all

pytestmark = pytest.mark.django_db
CAMPAIGN = "/api/v1/campaigns/answers"


def test_it_shows_how_many_people_tasks_go_to(world, admin):
    found = admin.get(f"{CAMPAIGN}/overlap/").json()
    assert found["targets"] == [{"target": 2, "n_tasks": 3, "n_complete": 0, "n_raised": 0}]
    assert (found["campaign"], found["ceiling"], found["mean_judgements"]) == ("answers", None, None)


def test_it_sets_the_target_of_one_task_and_of_all(world, admin):
    task = world.ranking_tasks[1]
    one = admin.post(f"/api/v1/tasks/{task.pk}/target/", {"target": 5}).json()
    assert one == {"id": task.pk, "target": 5, "raised": 0, "reserved": 0, "submitted": 0}
    assert admin.post(f"{CAMPAIGN}/target/", {"target": 4}).json() == {"target": 4, "n_tasks": 3, "n_kept": 0}


@pytest.mark.parametrize("target", [0, 40_000, 10**30])
def test_it_refuses_a_target_that_is_none(world, admin, target):
    task = world.ranking_tasks[1]
    for address in (f"/api/v1/tasks/{task.pk}/target/", f"{CAMPAIGN}/target/"):
        assert "between 1 and 32767" in problem(admin.post(address, {"target": target}), 422)["detail"]
        problem(admin.post(address, {"target": "many"}), 400)


def test_there_is_no_such_task(world, admin):
    problem(admin.post("/api/v1/tasks/999999999/target/", {"target": 2}), 404)
    problem(admin.post(f"/api/v1/tasks/{10**30}/target/", {"target": 2}), 404)


def test_it_takes_uncertainties_as_rows(world, admin):
    rows = [{"task": task.pk, "value": 0.25} for task in world.ranking_tasks]
    assert admin.put(f"{CAMPAIGN}/uncertainty/", rows).json() == {"n_tasks": 3}
    assert set(Task.objects.filter(campaign=world.ranking).values_list("uncertainty", flat=True)) == {0.25}


@pytest.mark.parametrize(
    ("row", "field"), [({"task": 10**9, "value": 0.5}, "task"), ({"value": 2}, "value"), ({"value": "much"}, "value")]
)
def test_it_refuses_uncertainties_whole_and_names_the_row(world, admin, row, field):
    rows = [{"task": world.ranking_tasks[0].pk, "value": 0.5}, {"task": world.ranking_tasks[1].pk, **row}]
    refused = problem(admin.put(f"{CAMPAIGN}/uncertainty/", rows), 422)
    assert [(error["row"], error["field"]) for error in refused["errors"]] == [(2, field)]
    assert not Task.objects.filter(uncertainty__isnull=False).exists()


def test_judgements_say_how_their_task_was_chosen_and_what_it_began_with(world, admin):
    set_rules(world, overlap={"ceiling": 3})
    rank_all(world.alice, world)
    rank_all(world.bob, world, reverse=True)
    rows = admin.get("/api/v1/judgements/").json()["results"]
    assert {(row["lane"], row["began_with"]) for row in rows} == {("ordered", 2)}
    assert all(0 < row["probability"] <= 1 for row in rows)
    assert admin.get("/api/v1/agreement/", {"campaign": "answers"}).json()["n_raised"] == 3


def test_all_of_it_is_for_admins(world, alice):
    problem(alice.get(f"{CAMPAIGN}/overlap/"), 403)
    problem(alice.post(f"{CAMPAIGN}/target/", {"target": 4}), 403)
    problem(alice.post(f"/api/v1/tasks/{world.ranking_tasks[0].pk}/target/", {"target": 4}), 403)
    problem(alice.put(f"{CAMPAIGN}/uncertainty/", []), 403)
