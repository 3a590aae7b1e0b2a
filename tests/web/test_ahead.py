"""What the page's script asks for: the task after the one on screen, as a page without its frame."""

from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Assignment, Judgement, Task
from annotate.services.claiming import claim_ahead, claim_task
from annotate.services.corpus import add_prompt
from annotate.services.judging import submit_ranking
from tests.web.conftest import client_of, rank_all
from tests.web.test_ranking_page import lapse, page_of, ranks_form

AHEAD = "/campaigns/answers/ahead/"


@pytest.fixture
def ahead(world, ranking) -> Assignment:
    """What Alice holds for after the task on screen."""
    return claim_ahead(annotator=world.alice, campaign=world.ranking)


def submit(client: Client, assignment: Assignment, *, shown="none", key=":1", ranks=(1, 2, 3, 4), ago="0"):
    """Submit as the script does, which shows the task `shown` by then."""
    headers = {"X-Concord-Shown": str(shown), "X-Concord-Shown-For": ago, "Idempotency-Key": key}
    return client.post(page_of(assignment), ranks_form(assignment, ranks), headers=headers)


def take_all_places(world, task) -> None:
    for user in (world.bob, world.outsider):
        hold = claim_task(task=task, annotator=user, guideline=world.ranking.guideline)
        ranks = dict.fromkeys(hold.shown_order, 1)
        submit_ranking(assignment_id=hold.pk, annotator=user, ranks=ranks, seconds=1)


def test_it_brings_the_next_page_without_its_frame(alice, world, ranking):
    response = alice.post(AHEAD)
    page = response.content.decode()
    assert response.status_code == 200
    assert "Why is the sky blue? (1)" in page
    assert "<main id=" in page
    assert "<html" not in page
    assert Assignment.objects.get(annotator=world.alice, opened_at=None).task == world.ranking_tasks[1]


def test_it_brings_only_the_warning_of_distressing_content(alice, world, ranking):
    add_prompt(messages=world.ranking_tasks[1].prompt.messages, by=world.carol, warnings=["violence"])
    response = alice.post(AHEAD)
    page = response.content.decode()
    held = Assignment.objects.get(annotator=world.alice, opened_at=None)
    assert response.headers["X-Concord-Ahead"] == page_of(held)
    assert "Violence" in page
    assert "data-work" not in page
    assert "sky blue" not in page


def test_it_brings_nothing_when_nothing_is_left(alice, world, ranking):
    Task.objects.filter(campaign=world.ranking).exclude(pk=ranking.task_id).update(withdrawn=True)
    assert alice.post(AHEAD).status_code == 204


def test_one_request_submits_opens_the_task_on_screen_and_brings_the_one_after(alice, world, ranking, ahead):
    page = submit(alice, ranking, shown=ahead.pk).content.decode()
    ahead.refresh_from_db()
    assert Judgement.objects.get().task == ranking.task
    assert ahead.opened_at is not None
    assert "Why is the sky blue? (2)" in page


def test_it_only_takes_what_is_sent_later(alice, world, ranking, ahead):
    response = submit(alice, ranking)
    ahead.refresh_from_db()
    assert (response.status_code, response.content, ahead.opened_at) == (204, b"", None)
    assert Assignment.objects.filter(state="claimed").count() == 1


def test_it_takes_what_is_sent_again_once(alice, ranking, ahead):
    assert submit(alice, ranking, shown=ahead.pk).status_code == 200
    assert submit(alice, ranking).status_code == 204
    assert Judgement.objects.count() == 1


def test_another_tabs_answer_to_the_same_task_is_refused_and_not_taken_for_the_first(alice, ranking, ahead):
    submit(alice, ranking, key=":one")
    response = submit(alice, ranking, key=":other", ranks=(4, 3, 2, 1))
    assert (response.status_code, Judgement.objects.count()) == (422, 1)
    assert "already submitted" in response.content.decode()


def test_a_refusal_is_a_sentence_and_keeps_the_work(alice, ranking, ahead):
    response = submit(alice, ranking, shown=ahead.pk, ranks=(1, 2, 3))
    ranking.refresh_from_db()
    assert response.status_code == 422
    assert response.content.decode() == "No rank yet for D. Rank every completion; equal ranks are ties."
    assert len(ranking.draft["ranks"]) == 3


def test_a_lost_lease_is_a_409_with_the_sentence(alice, world, ranking, ahead):
    lapse(ranking)
    take_all_places(world, ranking.task)
    response = submit(alice, ranking, shown=ahead.pk)
    ranking.refresh_from_db()
    assert response.status_code == 409
    assert "Your work is kept as a draft" in response.content.decode()
    assert len(ranking.draft["ranks"]) == 4


def test_it_says_when_the_task_on_screen_is_lost(alice, world, ranking, ahead):
    lapse(ahead)
    take_all_places(world, ahead.task)
    response = submit(alice, ranking, shown=ahead.pk)
    assert "The time for this task ran out" in unquote(response.headers["X-Concord-Lost"])
    assert "Why is the sky blue? (2)" in response.content.decode()


@pytest.mark.parametrize("shown", ["none", "1", "x" * 300, "00000000-0000-0000-0000-000000000000"])
def test_it_survives_any_header(alice, ranking, shown):
    assert submit(alice, ranking, shown=shown, ago="soon", key="k" * 5000).status_code in (200, 204)
    assert Judgement.objects.count() == 1


def test_the_time_counts_from_when_the_task_was_shown(alice, ranking, ahead):
    Assignment.objects.update(claimed_at=timezone.now() - timedelta(minutes=5))
    submit(alice, ranking, shown=ahead.pk, ago="30.5")
    ahead.refresh_from_db()
    assert 30 <= (timezone.now() - ahead.opened_at).total_seconds() < 35


def test_it_skips_and_brings_the_one_after(alice, ranking, ahead):
    headers = {"X-Concord-Shown": str(ahead.pk)}
    page = alice.post(f"{page_of(ranking)}skip/", {"reason": "Another reason"}, headers=headers).content.decode()
    ranking.refresh_from_db()
    assert ranking.state == "skipped"
    assert "Why is the sky blue? (2)" in page


def test_without_script_the_one_ahead_is_the_next(alice, ranking, ahead):
    response = alice.post(page_of(ranking), ranks_form(ranking, [1, 2, 3, 4]))
    ahead.refresh_from_db()
    assert response.url == page_of(ahead)
    assert ahead.opened_at is not None


def test_looking_at_it_opens_it(alice, world, ranking, ahead):
    submit(alice, ranking)
    assert alice.get(page_of(ahead)).status_code == 200
    ahead.refresh_from_db()
    assert ahead.opened_at is not None


def test_closing_the_tab_releases_it(alice, ranking, ahead):
    assert alice.post(f"{page_of(ahead)}release-ahead/").status_code == 204
    assert alice.post(f"{page_of(ranking)}release-ahead/").status_code == 204
    assert set(Assignment.objects.values_list("pk", "state")) == {(ahead.pk, "released"), (ranking.pk, "claimed")}


def test_nobody_releases_anothers(world, ahead):
    assert client_of(world.bob).post(f"{page_of(ahead)}release-ahead/").status_code == 404


def test_a_script_without_a_session_is_sent_to_the_login(ranking, ahead):
    assert submit(Client(), ranking).url.startswith("/login/")
    assert not Judgement.objects.exists()


def test_the_home_page_offers_to_undo_the_last_answer_while_it_may_be_corrected(alice, world):
    last = rank_all(world.alice, world)[-1]
    link = f'href="/work/{last.assignment_id}/correct/"'
    assert link in alice.get("/").content.decode()
    Assignment.objects.update(ended_at=timezone.now() - timedelta(minutes=61))
    assert link not in alice.get("/").content.decode()
