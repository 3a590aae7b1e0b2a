"""Reads of pipelines and runs, for pages, API and commands."""

import datetime
import json

import pytest

from training.models import Run
from training.queries import evaluations, pipelines, read_metrics, read_tail, run_report, stages
from training.services.foreground import work_off
from training.services.pipelines import start_pipeline
from training.services.runs import create_run, execute_run

pytestmark = pytest.mark.django_db


def write_metrics(path, count: int) -> None:
    path.write_text("".join(json.dumps({"step": n, "time": 1.0, "loss": n / 10}) + "\n" for n in range(count)))


def test_it_reads_each_metric_as_a_series(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "time": 5.0, "loss": 0.5}\n{"step": 2, "time": 6.0, "loss": 0.25, "kl": 3, "at": "x"}\n'
    )
    assert [(series.name, series.points) for series in read_metrics(path)] == [
        ("loss", [(1, 0.5), (2, 0.25)]),
        ("kl", [(2, 3)]),
    ]


def test_it_passes_over_a_line_that_is_being_written(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "time": 5.0, "loss": 0.5}\n{"step": 2, "ti')
    assert read_metrics(path)[0].points == [(1, 0.5)]


def test_it_thins_a_long_series_and_keeps_its_last_point(tmp_path):
    write_metrics(tmp_path / "metrics.jsonl", 1001)
    (series,) = read_metrics(tmp_path / "metrics.jsonl")
    assert len(series.points) == 334  # every third of 1001
    assert series.points[-1] == (1000, 100.0)
    assert series.points == sorted(series.points)


def test_it_reads_the_end_of_a_log_from_the_start_of_a_line(tmp_path):
    (tmp_path / "log.txt").write_text("first line\nsecond line\nthird\n")
    assert read_tail(tmp_path / "log.txt", 12) == "third\n"
    assert read_tail(tmp_path / "log.txt", 1000) == "first line\nsecond line\nthird\n"
    assert read_tail(tmp_path / "absent.txt", 12) == ""


def test_it_reports_a_run_with_its_metrics_figures_and_artifact(sent, recipes):
    run = create_run(recipe="base", config={}, snapshot=None, inputs={}, seed=1, by=None)
    execute_run(run_id=run.pk)
    report = run_report(run_id=run.pk)
    assert [(series.name, series.points) for series in report.series] == [("loss", [(1, 0.5)])]
    assert (report.checkpoint.run, report.manifest["recipe"]) == (run, "base")
    assert report.eta_seconds is None


def test_it_reports_a_run_that_has_not_begun(sent):
    run = create_run(recipe="base", config={}, snapshot=None, inputs={}, seed=1, by=None)
    report = run_report(run_id=run.pk)
    assert (report.series, report.log, report.checkpoint, report.manifest) == ([], "", None, {})


def test_it_reports_no_run_where_there_is_none():
    assert run_report(run_id=4711) is None


def test_it_shows_every_stage_of_a_pipeline_that_has_just_started(judged, sent):
    pipeline, _ = start_pipeline(date=datetime.date(2026, 11, 20), trigger="person")
    names = ["snapshot", "base", "sft", "reward", "dpo", "ppo", "evaluate", "gate", "sample", "publish"]
    assert [(stage.name, stage.state) for stage in stages(pipeline=pipeline)] == [(name, "waiting") for name in names]


def test_it_reads_pipelines_with_all_stages_in_a_fixed_number_of_queries(
    judged, sent, recipes, django_assert_num_queries
):
    for day in (20, 21, 22):
        pipeline, _ = start_pipeline(date=datetime.date(2026, 11, day), trigger="person")
        work_off(pipeline_id=pipeline.pk, say=lambda line: None)
    with django_assert_num_queries(2):
        found = [stages(pipeline=pipeline) for pipeline in pipelines()]
    assert [len(steps) for steps in found] == [10, 10, 10]


def test_it_lists_the_figures_of_the_evaluation_first(judged, sent, recipes):
    recipes.results["sft"] = recipes.results["evaluate"][:1]
    pipeline, _ = start_pipeline(date=datetime.date(2026, 11, 20), trigger="person")
    work_off(pipeline_id=pipeline.pk, say=lambda line: None)
    found = [row.run.recipe for row in evaluations(pipeline=pipeline)]
    assert found == ["evaluate"] * 14 + ["sft"]
    assert Run.objects.filter(pipeline=pipeline).count() == 7


@pytest.mark.parametrize(("alarm", "fell"), [("0.0", False), ("1.0", True)])
def test_it_says_that_the_preferred_answers_became_less_likely(sent, alarm, fell):
    run = create_run(recipe="base", config={}, snapshot=None, inputs={}, seed=1, by=None)
    run.path.mkdir(parents=True, exist_ok=True)
    lines = f'{{"step": 5, "time": 1.0, "alarm": 0.0}}\n{{"step": 10, "time": 2.0, "alarm": {alarm}}}\n'
    (run.path / "metrics.jsonl").write_text(lines)
    assert run_report(run_id=run.pk).chosen_fell is fell
