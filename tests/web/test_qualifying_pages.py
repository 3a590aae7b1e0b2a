"""The pages of the qualification: begin, answer, learn, and try again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Assignment, QualificationAttempt
from tests.web.conftest import client_of
from tests.world import ask_for_qualification, set_onboarding

PAGE = "/campaigns/answers/onboarding/qualification/"


def text(response) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def testing(world):
    ask_for_qualification(world, made=2, tasks=2)
    return world


def answer(client, *, right: bool = True):
    """Take the next task from the qualification's page and answer it; the response to that."""
    address = client.post(PAGE).url
    assignment = Assignment.objects.get(pk=address.split("/")[2])
    order = sorted(assignment.shown_order, reverse=not right)
    ranks = {f"rank-{completion}": rank for rank, completion in enumerate(order, start=1)}
    return client.post(address, {**ranks, "verdict": "", "seconds": "4"})


def test_it_goes_from_the_card_to_the_feedback_and_on(alice, testing):
    assert alice.post("/campaigns/answers/next/").url == PAGE
    assert "2 tasks with known answers" in text(alice.get(PAGE))
    response = answer(alice, right=False)
    assert response.url.startswith(PAGE)
    page = text(alice.get(response.url))
    assert "Task 1 of 2</h2>" not in page
    assert "Task 1 of 2: 0.0" in page
    assert "Because of 0." in page
    assert "0 of 3 right" in page
    assert "Differs" in page
    assert "Next task" in page
    assert "1 of 2 tasks done" in text(alice.get(PAGE))


def test_a_task_that_is_answered_shows_its_feedback_again(alice, testing):
    address = answer(alice).url
    work = f"/work/{address.split('/')[-2]}/"
    assert alice.get(work).url == address
    assert alice.post(work, {}).url == address


def test_it_says_which_completion_has_no_rank(alice, testing):
    address = alice.post(PAGE).url
    page = text(alice.get(address))
    assert "Qualification: feedback comes when you submit" in page
    assert 'popovertarget="skip"' not in page
    response = alice.post(address, {"verdict": ""})
    assert (response.status_code, "No rank yet for A, B, C" in text(response)) == (422, True)


def test_it_stops_for_now_and_goes_on_later(alice, testing):
    address = alice.post(PAGE).url
    alice.post(f"{address}release/")
    assert alice.post(PAGE).url.startswith("/work/")
    assert QualificationAttempt.objects.count() == 1


def test_who_passes_begins_to_work(alice, testing):
    answer(alice)
    page = text(alice.get(answer(alice).url))
    assert "See the result" in page
    assert "Passed" in text(alice.get(PAGE))
    assert alice.post("/campaigns/answers/next/").url.startswith("/work/")


def test_who_fails_is_told_why_and_when_to_try_again(alice, testing):
    answer(alice)
    answer(alice, right=False)
    page = text(alice.get(PAGE))
    assert "Not passed this time" in page
    assert "50.0 %" in page
    assert "n = 2 tasks" in page
    assert "You can try again from" in page
    assert "Try again <kbd" not in page
    assert "You can try again from" in text(alice.post(PAGE, follow=True))
    QualificationAttempt.objects.update(ended_at=timezone.now() - timedelta(hours=25))
    assert "Try again <kbd" in text(alice.get(PAGE))


def test_it_says_when_there_is_no_task(alice, world):
    set_onboarding(campaign=world.ranking, onboarding={"qualification": {}}, access="everyone")
    assert "no qualification tasks yet" in text(alice.get(PAGE))
    assert "no qualification tasks yet" in text(alice.post(PAGE, follow=True))


def test_feedback_is_for_its_own_person(alice, testing):
    address = answer(alice).url
    assert client_of(testing.bob).get(address).status_code == 404
    assert alice.get(address.replace("answers", "writing")).status_code == 404


def test_the_api_answers_no_qualification_task(alice, testing):
    address = alice.post(PAGE).url
    response = alice.post(
        address.replace("/work/", "/api/v1/assignments/") + "submit/",
        {"ranks": {"1": 1}, "seconds": 1},
        content_type="application/json",
    )
    assert response.status_code == 422
    assert "answered on its page" in response.json()["detail"]
