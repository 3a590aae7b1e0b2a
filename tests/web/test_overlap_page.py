"""How many people do the tasks: the admins' page, and the action on a task's own page."""

import pytest

from annotate.models import CampaignChange, Task
from tests.assignment.test_adaptive import hold, set_rules
from tests.web.conftest import rank_all

pytestmark = pytest.mark.django_db
PAGE = "/campaigns/answers/overlap/"


def test_it_shows_what_adaptive_overlap_did(world, carol):
    set_rules(world, overlap={"ceiling": 3})
    rank_all(world.alice, world)
    rank_all(world.bob, world, reverse=True)
    shown = carol.get(PAGE).content.decode()
    assert "or 3 people have done it" in shown
    assert "3 of 3" in shown
    assert "none is finished yet" in shown


def test_the_agreement_page_says_that_disputed_tasks_weigh_more(world, carol):
    rank_all(world.alice, world)
    rank_all(world.bob, world, reverse=True)
    assert "agreement over the campaign is higher" not in carol.get("/agreement/answers/").content.decode()
    set_rules(world, overlap={"ceiling": 3})
    shown = carol.get("/agreement/answers/").content.decode()
    assert "3 tasks went to more people because those before disagreed." in shown
    assert PAGE in shown
    assert carol.get("/agreement/answers/figures.json").json()["n_raised"] == 3


def test_it_is_reached_from_the_settings(world, carol):
    assert PAGE in carol.get("/campaigns/answers/settings/").content.decode()


def test_it_sets_all_tasks_and_says_which_keep_more(world, carol):
    for person in (world.alice, world.bob):
        hold(world.ranking_tasks[0], person)
    shown = carol.post("/campaigns/answers/target/", {"target": "1"}, follow=True).content.decode()
    assert "Set for 3 tasks. 1 of them keeps the places that are taken" in shown
    settings = carol.get("/campaigns/answers/settings/").content.decode()
    assert "People for the tasks that are there" in settings


def test_it_sets_one_task_on_its_page(world, carol):
    task = world.ranking_tasks[0]
    shown = carol.post(f"/tasks/{task.pk}/target/", {"target": "4"}, follow=True).content.decode()
    assert "The task goes to 4 people." in shown
    assert 'name="target" value="4"' in shown
    assert f"People for task {task.pk}" in carol.get("/campaigns/answers/settings/").content.decode()


@pytest.mark.parametrize("target", ["", "0", "-1", "many", "²", "9" * 30, "40000"])
def test_it_says_what_is_wrong_with_a_number(world, carol, target):
    for address in ("/campaigns/answers/target/", f"/tasks/{world.ranking_tasks[0].pk}/target/"):
        shown = carol.post(address, {"target": target}, follow=True).content.decode()
        assert "as a whole number." in shown or "between 1 and 32767" in shown
    assert set(Task.objects.filter(campaign=world.ranking).values_list("target", flat=True)) == {2}
    assert not CampaignChange.objects.exists()


def test_it_is_for_admins(world, alice, carol):
    task = world.ranking_tasks[0]
    assert alice.get(PAGE).status_code == 403
    assert alice.post("/campaigns/answers/target/", {"target": 3}).status_code == 403
    assert alice.post(f"/tasks/{task.pk}/target/", {"target": 3}).status_code == 403
    assert carol.post("/tasks/999999999/target/", {"target": 3}).status_code == 404
