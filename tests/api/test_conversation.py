"""Questions and reports over the API."""

from tests.api.calls import address, problem


def test_it_asks_and_answers(world, alice, admin, held):
    asked = alice.post(address(held, "ask"), {"kind": "report", "reason": "mismatch", "text": "Another prompt?"})
    assert asked.status_code == 201
    (listed,) = admin.get("/api/v1/questions/").json()["results"]
    assert (listed["id"], listed["resolved"]) == (asked.json()["id"], False)
    assert listed["asked_by"] == f"annotator-{world.alice.pk}"
    answered = admin.post(f"/api/v1/questions/{listed['id']}/answer/", {"text": "It is withdrawn now."})
    assert (answered.json()["resolved"], answered.json()["answer"]) == (True, "It is withdrawn now.")
    assert "their answer stands" in problem(admin.post(f"/api/v1/questions/{listed['id']}/answer/", {}), 422)["detail"]


def test_it_refuses_what_says_nothing(alice, held):
    problem(alice.post(address(held, "ask"), {"kind": "poem"}), 400)
    problem(alice.post(address(held, "ask"), {"kind": "question"}), 422)
    problem(alice.post(address(held, "ask"), {"kind": "question", "words": "?"}), 400)


def test_only_admins_read_and_answer(alice, held):
    problem(alice.get("/api/v1/questions/"), 403)
    problem(alice.post("/api/v1/questions/1/answer/", {"text": "Hm."}), 403)


def test_it_does_not_know_what_is_not_there(admin, as_user, world, held):
    problem(admin.post("/api/v1/questions/999999/answer/", {"text": "Hm."}), 404)
    problem(as_user(world.bob).post(address(held, "ask"), {"kind": "question", "text": "?"}), 404)
