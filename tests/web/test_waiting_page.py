"""The page for when there is nothing to do, the day's limit on the work page, and what admins see of budgets."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Assignment, Membership, Task
from annotate.services.claiming import claim_next_task
from annotate.services.onboarding import join
from annotate.services.setup import change_campaign, move_campaign
from tests.services.test_needs import declare, need
from tests.web.conftest import client_of, rank_all
from tests.web.test_ranking_page import page_of, ranks_form
from tests.world import set_onboarding

PAGE = "/campaigns/answers/waiting/"


def rules(world, **rules) -> None:
    change_campaign(campaign=world.ranking, by=world.carol, assignment=rules)


def text(response) -> str:
    return response.content.decode()


def test_the_last_task_leads_to_it(alice, world, ranking):
    Task.objects.exclude(pk=ranking.task_id).filter(campaign=world.ranking).update(withdrawn=True)
    response = alice.post(page_of(ranking), ranks_form(ranking, [1, 2, 3, 4]))
    assert (response.status_code, response["Location"]) == (302, PAGE)


def test_it_says_why_and_leads_to_work_elsewhere(alice, world):
    need(world, domain="verified")
    page = text(alice.get(PAGE))
    assert "2 tasks wait for someone with Physics, verified." in page
    assert "/campaigns/writing/next/" in page
    assert page.count("autofocus") == 1


def test_it_leads_to_where_one_says_what_one_knows(alice, world):
    set_onboarding(campaign=world.ranking, onboarding={"expertise": True}, access="everyone")
    join(user=world.alice, campaign=world.ranking)
    Membership.objects.update(expertise_declared_at=timezone.now())
    need(world, domain="verified")
    assert "/campaigns/answers/onboarding/expertise/" in text(alice.get(PAGE))


def test_it_says_so_when_there_is_work_again(alice, world):
    page = text(alice.get(PAGE))
    assert "There is work for you" in page
    assert 'action="/campaigns/answers/next/"' in page


def test_the_last_answer_can_still_be_undone(alice, world):
    rank_all(world.alice, world)
    last = Assignment.objects.filter(annotator=world.alice).order_by("-ended_at").first()
    assert f"/work/{last.pk}/correct/" in text(alice.get(PAGE))
    Assignment.objects.update(ended_at=timezone.now() - timedelta(days=1))
    assert "/correct/" not in text(alice.get(PAGE))


@pytest.mark.parametrize("state", ["paused", "closed"])
def test_a_stopped_campaign_leads_to_it(alice, world, state):
    move_campaign(campaign=world.ranking, state=state, by=world.carol)
    page = text(alice.post("/campaigns/answers/next/", follow=True))
    assert "An admin has paused this campaign" in page or "This campaign is closed" in page
    assert ("Look again" in page) == (state == "paused")


def test_outsiders_do_not_learn_of_a_campaign_for_members(alice, world):
    change_campaign(campaign=world.ranking, by=world.carol, access="members")
    assert alice.get(PAGE).status_code == 404


def test_the_first_page_asks_why(alice, world):
    rank_all(world.alice, world)
    assert f'href="{PAGE}"' in text(alice.get("/"))


def test_the_first_page_says_that_the_budget_is_used_up(alice, world):
    rules(world, budget={"judgements": 0})
    page = text(alice.get("/"))
    assert "The budget is used up." in page
    assert "/campaigns/answers/next/" not in page


def test_the_first_page_says_that_the_day_is_done(alice, world):
    rules(world, daily={"judgements": 3})
    rank_all(world.alice, world)
    Task.objects.update(target=4)
    assert "You have done today’s share." in text(alice.get("/"))
    assert "You have done today’s share." not in text(client_of(world.bob).get("/"))


def test_the_work_page_counts_towards_the_days_limits(alice, world):
    rules(world, daily={"judgements": 5, "hours": 6})
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    page = text(alice.get(page_of(held)))
    assert "0 of 5 today" in page
    assert "0.0 of 6 h" in page
    assert 'data-daily="5"' in page


def test_admins_see_what_is_spent(carol, world):
    rules(world, budget={"judgements": 4, "hours": 2})
    rank_all(world.alice, world)
    claim_next_task(annotator=world.bob, campaign=world.ranking)
    page = text(carol.get("/campaigns/answers/settings/"))
    assert "4 of 4" in page
    assert "0.0 of 2 h" in page
    assert "n = 3 submitted, 1 in people’s hands" in page
    assert "Budget used up" in text(carol.get("/campaigns/"))


def test_admins_see_who_is_missing(carol, world):
    need(world, domain="verified")
    declare(world.alice, "physics", "expert", verified_by=world.carol)
    page = text(carol.get("/campaigns/answers/settings/"))
    assert "Physics, verified" in page
    assert page.count(">Nobody<") == 1


def test_a_task_on_screen_says_that_the_campaign_was_paused(alice, world, ranking):
    ahead = alice.post("/campaigns/answers/ahead/").headers["X-Concord-Ahead"]
    move_campaign(campaign=world.ranking, state="paused", by=world.carol)
    shown = ahead.split("/")[-2]
    response = alice.post(
        page_of(ranking), ranks_form(ranking, [1, 2, 3, 4]), headers={"X-Concord-Shown": shown, "Idempotency-Key": ":1"}
    )
    assert response.status_code == 204
    assert "is%20paused" in response.headers["X-Concord-Lost"]
