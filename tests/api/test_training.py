"""What models learned, over HTTP."""

import pytest

from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_ranking
from tests.api.calls import problem
from tests.api.training_rows import SHA, add_training_rows
from training.models import Pipeline, Run
from training.services import pipelines, runs

WIN_RATE = {
    "name": "win_rate",
    "subject": "dpo",
    "against": "sft",
    "value": 0.62,
    "lo": 0.55,
    "hi": 0.69,
    "n": 120,
    "unit": "",
    "note": "",
}


@pytest.fixture
def night(world):
    return add_training_rows()


@pytest.fixture
def sent(monkeypatch) -> list[tuple[str, int]]:
    """The messages to workers, instead of sending them."""
    found: list[tuple[str, int]] = []
    for module in (pipelines, runs):
        monkeypatch.setattr(module, "send", lambda task, pk, **options: found.append((task, pk)))
    return found


def test_it_lists_snapshots(night, admin):
    row = admin.get("/api/v1/snapshots/").json()["results"][0]
    assert (row["sha256"], row["state"], row["manifest"]) == (SHA, "ready", {"ties": 3})


def test_it_shows_a_run_with_its_inputs_and_results(night, admin):
    shown = admin.get(f"/api/v1/runs/{night.evaluation.pk}/").json()
    assert (shown["recipe"], shown["state"], shown["checkpoint"]) == ("evaluate", "done", None)
    assert shown["inputs"] == [{"role": "policy:dpo", "checkpoint": night.checkpoint.pk, "sha256": SHA}]
    assert shown["results"] == [WIN_RATE]


def test_it_shows_a_checkpoint_with_what_it_was_found_to_do(night, admin):
    shown = admin.get(f"/api/v1/checkpoints/{night.checkpoint.pk}/").json()
    assert (shown["kind"], shown["run"], shown["results"]) == ("policy", night.checkpoint.run_id, [WIN_RATE])


def test_it_shows_a_pipeline_with_its_runs_and_results(night, admin):
    shown = admin.get(f"/api/v1/pipelines/{night.pipeline.pk}/").json()
    assert [(run["stage"], run["results"]) for run in shown["runs"]] == [("dpo", []), ("evaluate", [WIN_RATE])]
    assert shown["candidates"] == ["dpo", "ppo"]
    assert shown["next_campaign"] is None


def test_it_cancels_a_run(night, world, admin, sent):
    assert admin.post(f"/api/v1/runs/{night.waiting.pk}/cancel/").json()["state"] == "cancelled"
    assert "carol" in Run.objects.get(pk=night.waiting.pk).message


def test_it_does_not_cancel_a_run_that_has_ended(night, admin, sent):
    document = problem(admin.post(f"/api/v1/runs/{night.evaluation.pk}/cancel/"), 422)
    assert "only a queued or running one" in document["detail"]


@pytest.mark.parametrize("path", ["runs/999/", "runs/99999999999999999999999/", "pipelines/999/"])
def test_it_answers_404_for_what_does_not_exist(night, admin, path):
    problem(admin.get(f"/api/v1/{path}"), 404)


def test_it_cancels_no_run_that_does_not_exist(night, admin):
    problem(admin.post("/api/v1/runs/999/cancel/"), 404)


def test_annotators_cancel_nothing(night, alice):
    problem(alice.post(f"/api/v1/runs/{night.waiting.pk}/cancel/"), 403)
    assert Run.objects.get(pk=night.waiting.pk).state == "queued"


def rank_something(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    ranks = dict.fromkeys(assignment.shown_order, 1)
    submit_ranking(assignment_id=assignment.pk, annotator=world.alice, ranks=ranks, seconds=1)


def test_it_starts_a_pipeline(world, admin, sent):
    rank_something(world)
    response = admin.post("/api/v1/pipelines/", {})
    assert response.status_code == 201
    started = Pipeline.objects.get(pk=response.json()["id"])
    assert (started.trigger, started.created_by, started.number) == ("person", world.carol, 1)
    assert sent == [("advance_pipeline", started.pk)]


def test_asking_twice_starts_one_pipeline(world, admin, sent):
    rank_something(world)
    answers = [admin.post("/api/v1/pipelines/", {}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()


def test_it_starts_another_one_when_asked_again(world, night, admin, sent):
    rank_something(world)
    response = admin.post("/api/v1/pipelines/", {"again": True})
    assert (response.status_code, response.json()["number"]) == (201, 2)


def test_it_starts_a_pipeline_with_other_candidates(world, admin, sent):
    rank_something(world)
    shown = admin.post("/api/v1/pipelines/", {"candidates": ["dpo", "raft"]}).json()
    assert shown["candidates"] == shown["config"]["candidates"] == ["dpo", "raft"]


@pytest.mark.parametrize(
    ("candidates", "status", "words"),
    [(["grpo"], 422, "dpo, ppo, raft"), ([], 422, "dpo, ppo, raft"), ("dpo", 400, "list"), ([[]], 400, "valid string")],
)
def test_it_refuses_candidates_that_there_are_not(world, admin, candidates, status, words):
    rank_something(world)
    found = problem(admin.post("/api/v1/pipelines/", {"candidates": candidates}), status)
    assert words in str(found)
    assert not Pipeline.objects.exists()


def test_it_starts_no_pipeline_without_judgements(world, admin, sent):
    assert "nobody has judged" in problem(admin.post("/api/v1/pipelines/", {}), 422)["detail"]
