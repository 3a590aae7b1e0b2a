"""Gold on pages: admins mix it in and take it out; annotators cannot tell it from work."""

import pytest

from annotate.services.claiming import claim_task
from annotate.services.gold import retire
from annotate.services.judging import submit_ranking
from tests.gold import add_gold, set_rules
from tests.services.test_gold import known


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_an_admin_mixes_a_task_in_and_takes_it_out(carol, world):
    task = known(world.ranking_tasks[0])
    address = f"/agreement/tasks/{task.pk}/"
    page = text(carol.get(address))
    assert "It is ordinary work so far." in page
    assert '<dt>A · Rank</dt><dd dir="auto">1</dd><dt>B · Rank</dt><dd dir="auto">2</dd>' in page
    page = carol.post(f"/tasks/{task.pk}/mix-in/", follow=True)
    assert page.redirect_chain == [(address, 302)]
    assert "mixed into the work as gold: each person gets it once." in text(page)
    assert "Take it out when its answer goes around" in text(page)
    page = carol.post(f"/tasks/{task.pk}/retire/", follow=True)
    assert "Taken out: nobody gets it any more." in text(page)
    assert "was taken out" in text(page)
    assert "taken out already" in text(carol.post(f"/tasks/{task.pk}/retire/", follow=True))
    record = text(carol.get("/campaigns/answers/settings/"))
    assert "Tasks mixed in as gold" in record
    assert "Gold taken out" in record


def test_the_page_of_a_task_without_a_known_answer_says_nothing_of_gold(carol, world):
    task = world.ranking_tasks[0]
    assert "answer is known" not in text(carol.get(f"/agreement/tasks/{task.pk}/"))
    assert "Its answer is not known yet" in text(carol.post(f"/tasks/{task.pk}/mix-in/", follow=True))


@pytest.mark.parametrize("action", ["mix-in", "retire"])
def test_only_admins_change_gold(alice, carol, world, action):
    task = known(world.ranking_tasks[0])
    assert alice.post(f"/tasks/{task.pk}/{action}/").status_code == 403
    assert carol.get(f"/tasks/{task.pk}/{action}/").status_code == 405
    assert carol.post(f"/tasks/999999/{action}/").status_code == 404
    task.refresh_from_db()
    assert task.purpose == "work"


def test_the_list_says_what_each_known_answer_is_there_for(carol, world):
    assert "No answer is known yet" in text(carol.get("/campaigns/answers/gold/"))
    mixed, out = add_gold(world, 2)
    retire(task=out, by=world.carol)
    known(world.ranking_tasks[0])
    held = claim_task(task=mixed, annotator=world.bob, guideline=world.ranking.guideline)
    submit_ranking(assignment_id=held.pk, annotator=world.bob, ranks=dict.fromkeys(held.shown_order, 1), seconds=1)
    page = text(carol.get("/campaigns/answers/gold/"))
    assert [page.count(words) for words in ('good">Mixed in<', '"badge warn">Taken out<', '"badge">Work<')] == [1, 1, 1]
    assert "10.0 % of what is handed out is gold" in page
    assert "<strong>50.0 %</strong>" in page
    assert page.count("Nobody has answered it yet.") == 2
    assert f'/agreement/tasks/{mixed.pk}/"' in page
    set_rules(world, gold={"first": 3, "rate": 0.2})
    assert "New people get 3 first; then 20.0" in text(carol.get("/campaigns/answers/gold/"))
    assert "/campaigns/answers/gold/" in text(carol.get("/campaigns/answers/settings/"))


def test_only_admins_see_the_list(alice):
    assert alice.get("/campaigns/answers/gold/").status_code == 403
