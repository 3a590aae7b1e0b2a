"""The life of a run: started once, cancelled, resumed, lost, and never written by two."""

import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from annotate.errors import DomainError
from tests.training.conftest import figure
from training import supervise as supervision
from training.models import Checkpoint, Evaluation, Run
from training.services import runs
from training.services.runs import cancel_run, create_run, execute_run, reap_runs, resume_run
from training.supervise import Outcome

pytestmark = pytest.mark.django_db


def queued(recipe: str = "base", **fields) -> Run:
    config = {"corpus": "world"} if recipe == "base" else {}
    return create_run(
        **{"recipe": recipe, "config": config, "snapshot": None, "inputs": {}, "seed": 7, "by": None, **fields}
    )


def outside_checkpoint(name: str = "owner/model", kind: str = "policy") -> Checkpoint:
    return Checkpoint.objects.create(kind=kind, name=name, sha256="a" * 64, location=name)


def silent_for(run: Run, seconds: float, **fields) -> None:
    """Put the row's last sign of life so far back."""
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=seconds), **fields)


def test_it_sends_a_message_with_the_id_when_a_run_is_queued(sent):
    run = queued()
    assert sent == [("execute_run", run.pk)]


def test_it_refuses_an_unknown_recipe(sent):
    with pytest.raises(DomainError, match="no recipe 'sgd'; choose one of base, sft"):
        queued("sgd")


def test_it_refuses_a_field_that_follows_from_the_row(sent):
    with pytest.raises(DomainError, match="'out' of base follows from the run's row"):
        queued(config={"out": "/tmp"})


def test_it_resolves_paths_only_when_it_executes(sent, recipes, settings):
    base, reward = outside_checkpoint(), outside_checkpoint("owner/reward", "reward")
    run = queued("ppo", config={"iterations": 3}, inputs={"base": base, "reward": reward})
    execute_run(run_id=run.pk)
    expected = {"iterations": 3, "base": "owner/model", "reward": "owner/reward", "seed": 7}
    assert recipes.configs["ppo"] == {**expected, "out": str(settings.RUN_DIR / f"{run.pk}/attempt-1")}
    assert Run.objects.get(pk=run.pk).config == {"iterations": 3}


def test_it_hands_named_policies_to_an_evaluation(sent, recipes):
    inputs = {"reference": outside_checkpoint("sft"), "policy:dpo": outside_checkpoint("d")}
    execute_run(run_id=queued("evaluate", inputs=inputs).pk)
    assert recipes.configs["evaluate"]["policies"] == {"dpo": "d"}
    assert recipes.configs["evaluate"]["reference"] == "sft"


def test_it_hands_the_prompts_of_a_sampling_run_as_a_file(sent, recipes):
    prompt = {"prompt": [{"role": "user", "content": "Wie geht’s?"}], "prompt_sha256": "b" * 64, "domain": ""}
    run = queued("sample", config={"k": 4, "prompts": [prompt]}, inputs={"policy": outside_checkpoint()})
    execute_run(run_id=run.pk)
    (line,) = Path(recipes.configs["sample"]["prompts"]).read_text().splitlines()
    assert json.loads(line) == prompt


def test_it_makes_a_checkpoint_of_what_the_recipe_left(sent, recipes, settings):
    run = queued()
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    made = run.checkpoint
    assert (run.state, run.progress, run.exit_code) == ("done", 1.0, 0)
    assert (made.kind, made.location) == ("policy", f"runs/{run.pk}/attempt-1")
    assert made.manifest == json.loads((run.path / "MANIFEST.json").read_text())
    assert made.sha256 == made.manifest["sha256"]


def test_it_records_each_figure_with_its_interval_under_its_checkpoint(sent, recipes):
    recipes.results["evaluate"] = [figure("win_rate", "dpo", 0.6, against="sft"), figure("gold", "sft", 1.0)]
    sft, dpo = outside_checkpoint("s"), outside_checkpoint("d")
    execute_run(run_id=queued("evaluate", inputs={"reference": sft, "policy:dpo": dpo}).pk)
    win, gold = Evaluation.objects.all()
    assert (win.checkpoint, win.value, win.lo, win.hi, win.n) == (
        dpo,
        0.6,
        pytest.approx(0.55),
        pytest.approx(0.65),
        100,
    )
    assert gold.checkpoint == sft


def test_it_does_nothing_on_a_second_delivery(sent, recipes):
    run = queued()
    for _ in range(3):
        execute_run(run_id=run.pk)
    assert recipes.executed == ["base"]
    assert Checkpoint.objects.count() == 1


def test_it_does_nothing_for_a_run_that_does_not_exist(recipes):
    execute_run(run_id=12345)
    assert recipes.executed == []


@pytest.mark.django_db(transaction=True)
def test_it_starts_once_when_eight_deliveries_come_at_the_same_moment(sent, recipes):
    run = queued()
    together = threading.Barrier(8)

    def deliver() -> None:
        together.wait()
        execute_run(run_id=run.pk)
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        for delivery in [pool.submit(deliver) for _ in range(8)]:
            delivery.result()
    assert recipes.executed == ["base"]


def test_it_keeps_the_last_lines_of_a_failure(sent, recipes):
    recipes.outcomes["base"] = Outcome("failed", 1, "The process ended with exit code 1.\nThe corpus is empty.")
    run = queued()
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.exit_code) == ("failed", 1)
    assert run.message.endswith("The corpus is empty.")


def test_it_fails_a_run_that_left_no_manifest(sent, recipes, monkeypatch):
    monkeypatch.setattr(runs, "supervise", lambda *args, **options: Outcome("done", 0, ""))
    run = queued()
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "has no MANIFEST.json" in run.message


def test_it_fails_a_run_whose_weights_are_not_what_the_manifest_says(sent, recipes, monkeypatch):
    leave = runs.supervise

    def spoil(argv, *, run_directory, **options):
        outcome = leave(argv, run_directory=run_directory, **options)
        (run_directory / "model" / "weights").write_text("others")
        return outcome

    monkeypatch.setattr(runs, "supervise", spoil)
    run = queued()
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "weights is not what the manifest says" in run.message
    assert not Checkpoint.objects.exists()


def test_it_cancels_a_queued_run_at_once(sent, recipes, world):
    run = cancel_run(run_id=queued().pk, by=world.carol)
    execute_run(run_id=run.pk)
    assert (run.state, run.message) == ("cancelled", "Cancelled by carol.")
    assert recipes.executed == []


def test_it_asks_a_running_run_to_stop(sent, recipes, world):
    run = queued()
    recipes.before_the_end = lambda: cancel_run(run_id=run.pk, by=world.carol)
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.message) == ("cancelled", "Cancelled on request.")
    assert not Checkpoint.objects.exists()


def test_it_refuses_to_cancel_what_has_ended(sent, recipes, world):
    run = queued()
    execute_run(run_id=run.pk)
    with pytest.raises(DomainError, match="is done; only a queued or running one"):
        cancel_run(run_id=run.pk, by=world.carol)


@pytest.mark.django_db(transaction=True)
def test_it_stops_a_real_process_within_three_seconds(sent, monkeypatch, world, settings):
    """From the click to the row saying so; the process is a Python that sleeps and ignores nothing."""
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(runs, "supervise", lambda argv, **options: supervision.supervise(sleep, **options))
    run = queued()
    clicked: list[float] = []

    def click() -> None:
        while Run.objects.get(pk=run.pk).state != "running":
            time.sleep(0.02)
        clicked.append(time.monotonic())
        cancel_run(run_id=run.pk, by=world.carol)
        connection.close()

    clicker = threading.Thread(target=click)
    clicker.start()
    execute_run(run_id=run.pk)
    took = time.monotonic() - clicked[0]
    clicker.join()
    assert Run.objects.get(pk=run.pk).state == "cancelled"
    assert took < 3.0


@pytest.mark.parametrize("state", ["failed", "cancelled", "lost"])
def test_it_resumes_as_the_next_attempt_in_a_folder_of_its_own(sent, recipes, world, state):
    run = queued()
    Run.objects.filter(pk=run.pk).update(state=state, cancel_requested_at=timezone.now())
    resumed = resume_run(run_id=run.pk, by=world.carol)
    assert (resumed.state, resumed.attempt, resumed.cancel_requested_at) == ("queued", 2, None)
    execute_run(run_id=run.pk)
    resumed.refresh_from_db()
    assert (resumed.state, resumed.path.name) == ("done", "attempt-2")


def test_it_goes_on_from_the_last_attempt_that_left_a_checkpoint(sent, recipes, settings):
    run = queued("sft", inputs={"base": outside_checkpoint()})
    for number in (1, 2):
        left = settings.RUN_DIR / f"{run.pk}/attempt-{number}/checkpoints"
        left.mkdir(parents=True)
        (left / "step-00000100.pt").touch()
    Run.objects.filter(pk=run.pk).update(attempt=4)
    execute_run(run_id=run.pk)
    assert recipes.configs["sft"]["resume_from"] == str(settings.RUN_DIR / f"{run.pk}/attempt-2")
    assert Run.objects.get(pk=run.pk).state == "done"
    assert not list((settings.RUN_DIR / str(run.pk)).rglob("checkpoints"))


def test_it_starts_over_where_no_attempt_left_a_checkpoint(sent, recipes, world):
    run = queued()
    Run.objects.filter(pk=run.pk).update(attempt=2)
    execute_run(run_id=run.pk)
    assert "resume_from" not in recipes.configs["base"]


def test_it_refuses_to_resume_what_is_done(sent, recipes, world):
    run = queued()
    execute_run(run_id=run.pk)
    with pytest.raises(DomainError, match="is done; only a failed, cancelled or lost one"):
        resume_run(run_id=run.pk, by=world.carol)


def test_it_gives_a_run_whose_worker_died_to_the_next_attempt(sent, recipes, settings):
    run = queued()
    silent_for(run, settings.LOST_AFTER_SECONDS + 1, state="running", started_at=timezone.now())
    sent.clear()
    reap_runs()
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("queued", 2)
    assert "Its worker died" in run.message
    assert sent == [("execute_run", run.pk)]


def test_it_leaves_a_run_alone_whose_heart_beats(sent, settings):
    run = queued()
    silent_for(run, settings.LOST_AFTER_SECONDS - 5, state="running", started_at=timezone.now())
    reap_runs()
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("running", 1)


def test_it_leaves_a_run_lost_after_the_last_attempt(sent, settings):
    run = queued()
    gone = settings.LOST_AFTER_SECONDS + 1
    silent_for(run, gone, state="running", started_at=timezone.now(), attempt=settings.MAX_ATTEMPTS)
    reap_runs()
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("lost", settings.MAX_ATTEMPTS)
    assert "not tried again by itself" in run.message


def test_it_cancels_instead_of_retrying_when_the_worker_died_while_stopping(sent, settings):
    run = queued()
    gone = settings.LOST_AFTER_SECONDS + 1
    silent_for(run, gone, state="running", started_at=timezone.now(), cancel_requested_at=timezone.now())
    reap_runs()
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("cancelled", 1)


def test_it_repeats_the_message_of_a_queued_run_every_fifteen_seconds(sent):
    run = queued()
    sent.clear()
    reap_runs()
    assert sent == []
    silent_for(run, 16)
    reap_runs()
    reap_runs()
    assert sent == [("execute_run", run.pk)]


def test_it_writes_nothing_when_the_row_went_to_the_next_attempt(sent, recipes):
    run = queued()
    recipes.before_the_end = lambda: Run.objects.filter(pk=run.pk).update(attempt=2, state="queued", message="mine")
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempt, run.message) == ("queued", 2, "mine")
    assert not Checkpoint.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_kills_its_process_when_the_row_went_to_the_next_attempt(sent, monkeypatch, tmp_path):
    mark = tmp_path / "pid"
    program = f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(60)"
    argv = [sys.executable, "-c", program]
    monkeypatch.setattr(runs, "supervise", lambda _, **options: supervision.supervise(argv, **options))
    run = queued()
    beat = runs._beat

    def taken_away(*args, **options):
        if mark.exists():
            Run.objects.filter(pk=run.pk).update(attempt=2, state="queued")
        beat(*args, **options)

    monkeypatch.setattr(runs, "_beat", taken_away)
    execute_run(run_id=run.pk)
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), signal.SIGCONT)


def test_it_survives_a_database_that_is_away_for_a_moment(sent, recipes, monkeypatch):
    run = queued()
    real, calls = runs._rows, []

    def away(*args):
        calls.append(args)
        if len(calls) == 2:  # the first is the start, the second the first heartbeat
            raise OperationalError("server closed the connection unexpectedly")
        return real(*args)

    monkeypatch.setattr(runs, "_rows", away)
    monkeypatch.setattr(runs.connection, "close", lambda: None)  # the test's own transaction lives in it
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == "done"
