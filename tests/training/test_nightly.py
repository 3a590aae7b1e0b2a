"""`manage.py nightly` and the beat's task."""

import datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from training import tasks
from training.modelling.artifacts import Result
from training.models import Pipeline
from training.services.pipelines import resume_pipeline
from training.supervise import Outcome

pytestmark = pytest.mark.django_db


def nightly(*arguments: str) -> str:
    out = StringIO()
    call_command("nightly", *arguments, stdout=out)
    return out.getvalue()


def test_it_starts_todays_pipeline_and_leaves_the_work_to_the_workers(judged, sent, recipes):
    assert nightly() == f"Pipeline {timezone.localdate():%Y-%m-%d} started.\n"
    assert sent == [("advance_pipeline", Pipeline.objects.get().pk)]
    assert recipes.executed == []


def test_it_says_that_a_date_has_its_pipeline(judged, sent, recipes):
    nightly("--date", "2026-11-20")
    said = nightly("--date", "2026-11-20")
    assert said == "Pipeline 2026-11-20 exists already and is running; --again starts another.\n"
    assert Pipeline.objects.count() == 1


def test_it_does_all_the_work_itself_in_the_foreground(judged, recipes, monkeypatch):
    monkeypatch.setattr("training.services.messages.current_app.send_task", None)
    said = nightly("--date", "2026-11-20", "--foreground", "--seed", "3")
    assert Pipeline.objects.get().state == "done"
    assert recipes.configs["dpo"]["seed"] == 3
    assert "Supervised fine-tuning: done in 0 s" in said
    assert ["win_rate", "ppo", "sft", "0.800", "[0.750,", "0.850]", "100"] in [
        line.split() for line in said.splitlines()
    ]
    assert "PPO is promoted." in said
    assert said.endswith("New tasks: Pipeline 2026-11-20: new answers\n")


def test_it_takes_up_in_the_foreground_what_a_killed_process_left(judged, recipes):
    recipes.before_the_end = lambda: (_ for _ in ()).throw(SystemExit)  # the process ends without a word
    with pytest.raises(SystemExit):
        nightly("--date", "2026-11-20", "--foreground")
    run = Pipeline.objects.get().runs.get()
    assert run.state == "running"
    recipes.before_the_end = lambda: None
    Pipeline.objects.get().runs.update(heartbeat_at=timezone.now() - datetime.timedelta(hours=1))
    nightly("--date", "2026-11-20", "--foreground")
    assert Pipeline.objects.get().state == "done"


def test_it_cancels_on_ctrl_c_and_can_be_resumed(judged, recipes):
    recipes.before_the_end = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(CommandError, match="Stopped. Pipeline 2026-11-20 is cancelled; resume it on its page"):
        nightly("--date", "2026-11-20", "--foreground")
    pipeline = Pipeline.objects.get()
    assert [run.state for run in pipeline.runs.all()] == ["cancelled"]
    recipes.before_the_end = lambda: None
    resume_pipeline(pipeline_id=pipeline.pk, by=judged.carol)
    nightly("--date", "2026-11-20", "--foreground")
    pipeline.refresh_from_db()
    assert pipeline.state == "done"


def test_it_fails_with_the_reason(judged, recipes):
    recipes.outcomes["sft"] = Outcome("failed", 1, "The learning rate must be above 0.")
    with pytest.raises(CommandError, match=r"failed: Run \d+: sft failed: The learning rate must be above 0"):
        nightly("--foreground")


def test_it_refuses_where_nobody_judged(world):
    with pytest.raises(CommandError, match="nobody has judged anything yet"):
        nightly()


def test_it_prints_a_figure_without_an_interval(judged, recipes):
    note = "falls as n grows: no interval"
    recipes.results["base"] = [Result(name="distinct_2", subject="base", value=0.5, n=360, note=note, unit="share")]
    rows = [line.split() for line in nightly("--foreground").splitlines()]
    assert ["distinct_2", "base", "0.500", "share", "360"] in rows


def test_it_starts_by_the_clock_once_a_date(judged, sent):
    for _ in range(3):
        tasks.start_nightly_pipeline()
    pipeline = Pipeline.objects.get()
    assert (pipeline.trigger, pipeline.number, pipeline.date) == ("nightly", 1, timezone.localdate())


def test_it_says_in_the_log_why_it_did_not_start_by_the_clock(world, caplog):
    tasks.start_nightly_pipeline()
    assert "Tonight's pipeline did not start: There is nothing to learn from" in caplog.text
    assert not Pipeline.objects.exists()


def test_it_takes_campaigns_and_what_differs_from_the_defaults(judged, sent, recipes, tmp_path):
    (tmp_path / "config.json").write_text('{"ppo": {"iterations": 30}, "seed": 5}')
    nightly("--campaign", "answers", "--config", str(tmp_path / "config.json"))
    expected = {"ppo": {"iterations": 30}, "seed": 5, "campaigns": ["answers"], "world": False}
    assert Pipeline.objects.get().config == expected


def test_it_takes_candidates(judged, sent):
    nightly("--candidate", "dpo", "--candidate", "raft", "--seed", "5")
    config = Pipeline.objects.get().config
    assert (config["candidates"], config["seed"]) == (["dpo", "raft"], 5)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--campaign=nowhere", "no campaign 'nowhere'"),
        ("--config=/nowhere.json", "cannot be read as JSON"),
        ("--candidate=grpo", "no candidate 'grpo'"),
    ],
)
def test_it_refuses_a_campaign_or_config_that_is_not_there(judged, option, sentence):
    with pytest.raises(CommandError, match=sentence):
        nightly(option)


def test_it_refuses_a_config_that_is_no_object(judged, sent, tmp_path):
    path = tmp_path / "config.json"
    path.write_text("[1]")
    with pytest.raises(CommandError, match="must be a JSON object"):
        nightly("--config", str(path), "--seed", "3")
    assert not Pipeline.objects.exists()
