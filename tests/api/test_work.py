"""Annotating over HTTP: one behaviour each."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Assignment, Flag, Judgement, RankedCompletion
from annotate.services.claiming import claim_next_task
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit_ranking
from tests.api.calls import address, problem, ranking

NEXT = "/api/v1/tasks/next/"


def lose_the_place(world, assignment):
    """Let the lease run out, and two others do the task meanwhile."""
    Assignment.objects.filter(pk=assignment.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    expire_leases()
    for other in (world.bob, world.outsider):
        theirs = claim_next_task(annotator=other, campaign=world.ranking)
        assert theirs.task_id == assignment.task_id
        ranks = dict(zip(theirs.shown_order, (1, 2, 3, 4), strict=True))
        submit_ranking(assignment_id=theirs.pk, annotator=other, ranks=ranks, seconds=1)


def test_it_hands_out_an_assignment_with_everything_to_show(world, alice):
    shown = alice.post(NEXT, {"campaign": "answers"}).json()
    assignment = Assignment.objects.get(pk=shown["id"])
    assert [row["id"] for row in shown["completions"]] == assignment.shown_order
    assert shown["prompt"] == [{"role": "user", "content": "Why is the sky blue? (0)"}]
    assert shown["campaign"] == {"slug": "answers", "name": "Rank answers", "kind": "ranking"}
    assert {name: shown["guideline"][name] for name in ("slug", "version", "title", "body")} == {
        "slug": "ranking",
        "version": 1,
        "title": "How to do ranking",
        "body": "# ranking\n\nPrefer what is true.",
    }
    assert shown["guideline"]["sha256"] == assignment.guideline.sha256
    assert [flag["name"] for flag in shown["guideline"]["flags"]] == ["hallucination"]
    assert (shown["state"], shown["draft"]) == ("claimed", None)
    assert shown["lease_expires_at"] > shown["claimed_at"]


def test_it_shows_completions_without_their_producers(world, alice):
    response = alice.post(NEXT, {"campaign": "answers"})
    assert set(response.json()["completions"][0]) == {"id", "text"}
    assert "model-0" not in response.content.decode()


def test_it_hands_out_the_same_assignment_again(alice, world):
    first, second = (alice.post(NEXT, {"campaign": "answers"}).json()["id"] for _ in range(2))
    assert first == second


def test_it_answers_204_when_there_is_nothing_left(world, alice):
    for _ in world.ranking_tasks:
        assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
        alice.post(address(assignment, "submit"), ranking(assignment))
    response = alice.post(NEXT, {"campaign": "answers"})
    assert (response.status_code, response.content) == (204, b"")


def test_it_answers_404_for_an_unknown_campaign(world, alice):
    assert "'nowhere'" in problem(alice.post(NEXT, {"campaign": "nowhere"}), 404)["detail"]


def test_it_takes_a_ranking(held, alice):
    flagged = held.shown_order[0]
    body = ranking(held, 1, 2, 2, 3, flags={str(flagged): ["hallucination"]}, rationale="The first is right.")
    response = alice.post(address(held, "submit"), body)
    assert response.status_code == 201
    judgement = Judgement.objects.get(pk=response.json()["judgement"])
    assert (judgement.seconds, judgement.rationale) == (30.0, "The first is right.")
    stored = dict(RankedCompletion.objects.filter(judgement=judgement).values_list("completion_id", "rank"))
    assert stored == dict(zip(held.shown_order, (1, 2, 2, 3), strict=True))
    assert list(Flag.objects.values_list("completion_id", "name")) == [(flagged, "hallucination")]


def test_it_takes_a_demonstration(world, alice):
    assignment = claim_next_task(annotator=world.alice, campaign=world.writing)
    body = {"text": "Purse your lips.", "reasoning": "It is short.", "seconds": 12.5}
    response = alice.post(address(assignment, "submit"), body)
    written = Judgement.objects.get(pk=response.json()["judgement"]).demonstration
    assert (written.completion.text, written.reasoning) == ("Purse your lips.", "It is short.")


def test_submitting_twice_with_the_same_key_is_one_judgement(held, alice):
    answers = [alice.post(address(held, "submit"), ranking(held), headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Judgement.objects.count() == 1


def test_submitting_twice_without_a_key_is_refused(held, alice):
    alice.post(address(held, "submit"), ranking(held))
    assert "already submitted" in problem(alice.post(address(held, "submit"), ranking(held)), 422)["detail"]
    assert Judgement.objects.count() == 1


def test_after_a_lost_lease_it_answers_409_and_keeps_the_draft(world, held, alice):
    lose_the_place(world, held)
    response = alice.post(address(held, "submit"), ranking(held, 4, 3, 2, 1, rationale="Mine."))
    assert "kept as a draft" in problem(response, 409)["detail"]
    shown = alice.get(address(held)).json()
    assert shown["state"] == "expired"
    assert shown["draft"]["rationale"] == "Mine."
    assert shown["draft"]["ranks"] == ranking(held, 4, 3, 2, 1)["ranks"]


def test_an_incomplete_ranking_is_refused_whole(held, alice):
    body = ranking(held)
    body["ranks"].popitem()
    assert "No rank for" in problem(alice.post(address(held, "submit"), body), 422)["detail"]
    assert Judgement.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ranks": {"x": 1}}, "ranks"),
        ({"ranks": {"1": "first"}}, "ranks.1"),
        ({"ranks": [1, 2]}, "ranks"),
        ({"seconds": None}, "seconds"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": "nan"}, "seconds"),
        ({"flag": {}}, "flag"),
        ({"rationale": "with a \x00 in it"}, "rationale"),
    ],
)
def test_it_names_the_field_that_is_wrong(held, alice, change, field):
    document = problem(alice.post(address(held, "submit"), {**ranking(held), **change}), 400)
    assert [error["field"] for error in document["errors"]] == [field]
    assert Judgement.objects.count() == 0


def test_it_wants_the_fields_of_the_campaigns_kind(held, alice):
    problem(alice.post(address(held, "submit"), ["neither"]), 400)
    assert "No rank for" in problem(alice.post(address(held, "submit"), {"seconds": 1}), 422)["detail"]
    document = problem(alice.post(address(held, "submit"), {**ranking(held), "text": "Both."}), 422)
    assert "no field 'text'" in document["detail"]


def test_it_refuses_an_overlong_key(held, alice):
    response = alice.post(address(held, "submit"), ranking(held), headers={"Idempotency-Key": "k" * 101})
    assert problem(response, 400)["errors"][0]["field"] == "Idempotency-Key"


def test_it_skips_with_a_reason(held, alice):
    assert alice.post(address(held, "skip"), {"reason": "Not my field."}).json()["state"] == "skipped"
    assert Assignment.objects.get(pk=held.pk).skip_reason == "Not my field."


def test_it_does_not_skip_without_a_reason(held, alice):
    problem(alice.post(address(held, "skip"), {"reason": " "}), 400)
    assert Assignment.objects.get(pk=held.pk).state == "claimed"


def test_it_releases(held, alice):
    assert alice.post(address(held, "release")).json()["state"] == "released"


def test_a_heartbeat_extends_the_lease(held, alice):
    later = alice.post(address(held, "heartbeat")).json()["lease_expires_at"]
    assert Assignment.objects.get(pk=held.pk).lease_expires_at > held.lease_expires_at
    assert later > held.lease_expires_at.isoformat()


def test_a_heartbeat_after_a_lost_lease_is_a_409(world, held, alice):
    lose_the_place(world, held)
    assert "draft is kept" in problem(alice.post(address(held, "heartbeat")), 409)["detail"]


def test_it_keeps_a_draft(world, held, alice):
    draft = {"ranks": {str(held.shown_order[0]): 1}, "rationale": "So far."}
    assert alice.put(address(held, "draft"), draft).status_code == 200
    assert alice.post(NEXT, {"campaign": "answers"}).json()["draft"] == draft


def test_an_older_draft_does_not_overwrite_a_newer_one(world, held, alice):
    first, second = {"rationale": "One."}, {"rationale": "One, two."}
    shown = alice.post(NEXT, {"campaign": "answers"}).json()["draft_name"]
    tag = alice.put(address(held, "draft"), first, headers={"If-Match": f'"{shown}"'})["ETag"]
    assert alice.put(address(held, "draft"), second, headers={"If-Match": tag}).status_code == 200
    refused = problem(alice.put(address(held, "draft"), first, headers={"If-Match": tag}), 412)
    assert (refused["type"], "Both are kept" in refused["detail"]) == ("urn:concord:problem:draft-outdated", True)
    assert alice.post(NEXT, {"campaign": "answers"}).json()["draft"] == second
    problem(alice.put(address(held, "draft"), first, headers={"If-Match": "nonsense"}), 422)


def test_it_refuses_a_draft_that_no_page_could_read(held, alice):
    problem(alice.put(address(held, "draft"), {"ranks": "high"}), 400)
    problem(alice.put(address(held, "draft"), {"unknown": 1}), 400)
    assert Assignment.objects.get(pk=held.pk).draft is None


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("submit", {"ranks": {"1": 1}, "seconds": 1}),
        ("skip", {"reason": "No."}),
        ("release", {}),
        ("heartbeat", {}),
        ("draft", {"rationale": "Mine now."}),
        ("", None),
    ],
)
def test_another_ones_assignment_does_not_exist(world, held, as_user, verb, body):
    bob = as_user(world.bob)
    send = {"draft": bob.put, "": bob.get}.get(verb, bob.post)
    problem(send(address(held, verb), body), 404)
    held.refresh_from_db()
    assert (held.state, held.draft) == ("claimed", None)


def test_it_lists_campaigns_with_progress(world, held, alice):
    alice.post(address(held, "submit"), ranking(held))
    listed = alice.get("/api/v1/campaigns/").json()
    assert listed["count"] == 2
    row = listed["results"][0]
    numbers = {name: row[name] for name in ("n_tasks", "n_places", "n_done_places", "n_mine")}
    assert (row["slug"], numbers) == ("answers", {"n_tasks": 3, "n_places": 6, "n_done_places": 1, "n_mine": 1})
    assert (row["has_work_for_me"], row["holds_task"]) == (True, False)


def test_a_correction_is_a_new_version(alice, held):
    alice.post(address(held, "submit"), ranking(held))
    response = alice.post(address(held, "correct"), ranking(held))
    assert response.status_code == 201
    assert list(Judgement.objects.order_by("version").values_list("version", flat=True)) == [1, 2]
    assert Judgement.objects.current().get().version == 2


def test_there_is_nothing_to_correct_before_a_submission(alice, held):
    response = alice.post(address(held, "correct"), ranking(held))
    assert "nothing to correct" in problem(response, 422)["detail"]


def test_nobody_corrects_another_ones_submission(world, alice, as_user, held):
    alice.post(address(held, "submit"), ranking(held))
    assert as_user(world.bob).post(address(held, "correct"), ranking(held)).status_code == 404
    assert Judgement.objects.count() == 1


def test_it_refuses_json_that_is_nested_too_deep(alice, held):
    response = alice.generic("POST", address(held, "submit"), b"[" * 100_000, content_type="application/json")
    assert problem(response, 400)["detail"] == "JSON parse error - the brackets are nested too deep."


def test_a_correction_sent_twice_with_a_key_is_one_judgement(alice, held):
    alice.post(address(held, "submit"), ranking(held))
    for _ in range(2):
        response = alice.post(address(held, "correct"), ranking(held), headers={"Idempotency-Key": "fix"})
        assert response.status_code == 201
    assert Judgement.objects.current().get().version == 2
