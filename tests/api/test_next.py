"""The next assignment over HTTP: of one campaign, anywhere, and along with what was done."""

import pytest

from annotate.models import Assignment, Campaign, Judgement
from annotate.services.campaigns import set_campaign_state
from annotate.services.claiming import claim_next_task
from tests.api.calls import address, problem, ranking
from tests.world import set_onboarding

NEXT = "/api/v1/tasks/next/"


def submit(client, assignment, wanted="", **options):
    return client.post(address(assignment, "submit") + wanted, ranking(assignment), **options)


def prefer_writing(world) -> None:
    Campaign.objects.filter(pk=world.writing.pk).update(priority=5)


@pytest.mark.parametrize("body", [{}, {"campaign": None}, None])
def test_without_a_campaign_it_gives_the_most_needed_task(world, alice, body):
    prefer_writing(world)
    assert alice.post(NEXT, body).json()["campaign"]["slug"] == "writing"


def test_without_a_campaign_it_answers_204_when_there_is_nothing_anywhere(world, alice):
    for campaign in (world.ranking, world.writing):
        set_campaign_state(campaign=campaign, state="paused")
    assert alice.post(NEXT, {}).status_code == 204


def test_without_a_campaign_it_names_the_step_before_the_only_work(world, alice):
    set_campaign_state(campaign=world.writing, state="paused")
    set_onboarding(campaign=world.ranking, onboarding={"acknowledge": True}, access="everyone")
    document = problem(alice.post(NEXT, {}), 403)
    assert (document["step"], document["campaign"]) == ("guideline", "answers")
    assert "“Rank answers”" in document["detail"]


@pytest.mark.parametrize("campaign", ["", 7, ["answers"], {"slug": "answers"}, "a b", "x\x00y"])
def test_it_refuses_what_is_no_campaign(alice, campaign):
    problem(alice.post(NEXT, {"campaign": campaign}), 404 if campaign == 7 else 400)


def test_a_submit_brings_the_campaigns_next_assignment(world, held, alice):
    prefer_writing(world)
    answer = submit(alice, held, "?next=1").json()
    shown = answer["next"]
    assert (shown["campaign"]["slug"], answer["next_problem"]) == ("answers", None)
    assert shown["completions"]
    assert (
        Assignment.objects.get(state="claimed").pk == claim_next_task(annotator=world.alice, campaign=world.ranking).pk
    )


def test_a_submit_brings_the_most_needed_assignment_anywhere(world, held, alice):
    prefer_writing(world)
    assert submit(alice, held, "?next=any").json()["next"]["campaign"]["slug"] == "writing"


def test_a_submit_without_next_brings_none(held, alice):
    assert set(submit(alice, held).json()) == {"judgement", "version", "created_at"}


def test_after_the_last_task_of_a_campaign_its_next_is_null(world, alice):
    for _ in world.ranking_tasks:
        answer = submit(alice, claim_next_task(annotator=world.alice, campaign=world.ranking), "?next=1").json()
    assert (answer["next"], answer["next_problem"]) == (None, None)


def test_what_was_sent_counts_and_the_answer_says_why_no_next_is_given(world, held, alice):
    set_campaign_state(campaign=world.ranking, state="paused")
    response = submit(alice, held, "?next=1")
    assert (response.status_code, response.json()["next"]) == (201, None)
    assert response.json()["next_problem"]["type"] == "urn:concord:problem:refused"
    assert "is paused" in response.json()["next_problem"]["detail"]
    assert Judgement.objects.count() == 1


def test_it_names_the_step_before_the_next(world, held, alice):
    set_onboarding(campaign=world.ranking, onboarding={"acknowledge": True}, access="everyone")
    said = submit(alice, held, "?next=1").json()["next_problem"]
    assert (said["type"], said["step"]) == ("urn:concord:problem:step-missing", "guideline")


@pytest.mark.parametrize("verb", ["submit", "skip"])
@pytest.mark.parametrize("wanted", ["2", "yes", "", "ANY", "1,any"])
def test_an_unknown_next_is_refused_before_anything_is_done(held, alice, verb, wanted):
    body = ranking(held) if verb == "submit" else {"reason": "Not mine."}
    document = problem(alice.post(f"{address(held, verb)}?next={wanted}", body), 400)
    assert document["errors"][0]["field"] == "next"
    held.refresh_from_db()
    assert held.state == "claimed"


def test_a_submit_sent_twice_with_a_key_brings_the_same_next(world, held, alice):
    one, other = (submit(alice, held, "?next=1", headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (one.status_code, other.status_code) == (201, 201)
    assert one.json()["judgement"] == other.json()["judgement"]
    assert one.json()["next"]["id"] == other.json()["next"]["id"]
    assert Assignment.objects.filter(state="claimed").count() == 1


def test_a_skip_brings_the_next_assignment(world, held, alice):
    answer = alice.post(f"{address(held, 'skip')}?next=1", {"reason": "Not mine."}).json()
    assert (answer["id"], answer["state"]) == (str(held.pk), "skipped")
    assert answer["next"]["campaign"]["slug"] == "answers"
    assert answer["next"]["id"] != str(held.pk)


def test_a_skip_sent_twice_is_one(world, held, alice):
    answers = [alice.post(f"{address(held, 'skip')}?next=1", {"reason": " Not mine. "}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["next"]["id"] == answers[1].json()["next"]["id"]
    held.task.refresh_from_db()
    assert held.task.reserved == 0


def test_a_second_skip_for_another_reason_is_a_409(held, alice):
    alice.post(address(held, "skip"), {"reason": "Not mine."})
    assert "no longer hold" in problem(alice.post(address(held, "skip"), {"reason": "Broken."}), 409)["detail"]


def test_a_release_sent_twice_is_one_and_gives_back_nothing_that_was_taken_since(world, held, alice):
    assert alice.post(address(held, "release")).status_code == 200
    again = claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert alice.post(address(held, "release")).json()["state"] == "released"
    again.refresh_from_db()
    assert again.state == "claimed"


@pytest.mark.parametrize(
    ("first", "then"), [("submit", "skip"), ("submit", "release"), ("submit", "heartbeat"), ("skip", "release"),
                        ("skip", "heartbeat"), ("release", "skip"), ("release", "heartbeat")]
)  # fmt: skip
def test_what_was_done_is_not_done_otherwise(held, alice, first, then):
    bodies = {"submit": ranking(held), "skip": {"reason": "Not mine."}}
    assert alice.post(address(held, first), bodies.get(first)).status_code in (200, 201)
    problem(alice.post(address(held, then), bodies.get(then)), 409)
