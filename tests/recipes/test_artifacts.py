"""A run directory tells the truth about an unfinished, a repeated and a finished run."""

import hashlib
import json

import pytest

from training.modelling import artifacts
from training.modelling.artifacts import RecipeError, Result, RunDirectory, hash_directory, hash_input, read_manifest


def finish(run: RunDirectory, **inputs: str) -> dict:
    return run.write_manifest(recipe="r", kind="policy", config={"lr": 1.0}, seed=3, inputs=inputs, results=[])


def test_it_appends_metrics_as_lines_with_step_and_time(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.metrics(1, loss=0.5)
    run.metrics(2, loss=0.25)
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [(1, 0.5), (2, 0.25)]
    assert all(line["time"] > 1.7e9 for line in lines)


def test_it_refuses_a_metric_that_is_not_finite(tmp_path):
    with pytest.raises(RecipeError, match="Step 4 produced a number that is not finite"):
        RunDirectory(tmp_path).metrics(4, loss=float("nan"))


@pytest.mark.parametrize("out", ["", " "])
def test_it_makes_no_run_of_the_directory_where_it_was_started(out):
    with pytest.raises(RecipeError, match="The field 'out' is empty"):
        RunDirectory(out)


def test_it_says_its_figures_with_n_and_interval_at_the_end(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    results = [
        Result(name="accuracy", subject="reward", value=0.75, lo=0.5, hi=0.9, n=24),
        Result(name="kl", subject="dpo", against="sft", value=2, n=1, unit="nats", note="a single prompt"),
    ]
    run = RunDirectory(tmp_path / "run")
    run.write_manifest(recipe="r", kind="policy", config={}, seed=3, inputs={}, results=results)
    assert capsys.readouterr().out == (
        "reward: accuracy 0.750 [0.500, 0.900] (n = 24)\n"
        "dpo against sft: kl 2.000 nats (n = 1)\n"
        f"r is done: {tmp_path / 'run'}\n"
    )


def test_it_estimates_the_time_left_from_the_pace(tmp_path, monkeypatch):
    clock = iter([100.0, 110.0])
    monkeypatch.setattr(artifacts.time, "monotonic", lambda: next(clock))
    run = RunDirectory(tmp_path)
    run.progress(0, 8, "start")
    run.progress(2, 8, "going")
    state = json.loads((tmp_path / "progress.json").read_text())
    assert state == {"fraction": 0.25, "step": 2, "steps": 8, "message": "going", "eta_s": 30.0}


def test_it_starts_a_new_pace_when_the_number_of_steps_changes(tmp_path, monkeypatch):
    clock = iter([0.0, 100.0, 101.0])
    monkeypatch.setattr(artifacts.time, "monotonic", lambda: next(clock))
    run = RunDirectory(tmp_path)
    run.progress(0, 1, "loading")
    run.progress(1, 10, "training")
    run.progress(2, 10, "training")
    assert json.loads((tmp_path / "progress.json").read_text())["eta_s"] == 8.0


def test_it_hashes_the_artifact_and_not_the_records_of_the_run(tmp_path):
    manifests = []
    for name in ("one", "two"):
        run = RunDirectory(tmp_path / name)
        run.model.mkdir()
        (run.model / "weights").write_bytes(b"abc")
        run.metrics(1, loss=len(name))
        (run.path / "log.txt").write_text(name)
        manifests.append(finish(run))
    weights = hashlib.sha256(b"abc").hexdigest()
    assert manifests[0]["files"] == {"model/weights": weights}
    assert manifests[0]["sha256"] == manifests[1]["sha256"]
    assert manifests[0]["sha256"] == hashlib.sha256(f"model/weights\0{weights}\n".encode()).hexdigest()


def test_it_clears_what_an_interrupted_attempt_left_but_keeps_its_log(tmp_path):
    first = RunDirectory(tmp_path)
    first.metrics(1, loss=1.0)
    first.model.mkdir()
    (first.model / "half").write_text("x")
    (tmp_path / "log.txt").write_text("kept")
    RunDirectory(tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == ""
    assert not first.model.exists()
    assert (tmp_path / "log.txt").read_text() == "kept"


def test_it_never_removes_a_model_that_no_run_made(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/weights").write_text("precious")
    with pytest.raises(RecipeError, match="was not made by a run"):
        RunDirectory(tmp_path)
    assert (tmp_path / "model/weights").read_text() == "precious"


def test_it_never_overwrites_a_finished_run(tmp_path):
    finish(RunDirectory(tmp_path))
    with pytest.raises(RecipeError, match="already holds a finished run"):
        RunDirectory(tmp_path)


def test_it_says_that_a_directory_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecipeError, match="cannot be written: Not a directory"):
        RunDirectory(tmp_path / "file" / "run")


def test_it_changes_the_hash_of_a_directory_with_a_name_or_a_byte(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a").write_bytes(b"1")
    hashes = [hash_directory(tmp_path / "d")]
    (tmp_path / "d/a").rename(tmp_path / "d/b")
    hashes.append(hash_directory(tmp_path / "d"))
    (tmp_path / "d/b").write_bytes(b"2")
    hashes.append(hash_directory(tmp_path / "d"))
    assert len(set(hashes)) == 3


def test_it_identifies_an_input_by_the_hash_that_its_parent_states(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.model.mkdir()
    (run.model / "weights").write_text("w")
    stated = finish(run)["sha256"]
    assert hash_input(tmp_path / "run") == hash_input(tmp_path / "run/model") == stated
    assert hash_input("owner/name") == "hub:owner/name"


def test_it_refuses_a_manifest_without_a_hash(tmp_path):
    (tmp_path / "MANIFEST.json").write_text("{}")
    with pytest.raises(RecipeError, match="has no sha256"):
        hash_input(tmp_path)


def test_it_reads_no_manifest_of_an_unfinished_run(tmp_path):
    with pytest.raises(RecipeError, match="is not a finished run"):
        read_manifest(tmp_path)


def test_it_wants_a_reason_for_a_result_without_an_interval():
    with pytest.raises(ValueError, match="say why in its note"):
        Result(name="x", value=1.0, n=1)
    with pytest.raises(ValueError, match="half an interval"):
        Result(name="x", value=1.0, n=1, lo=0.5)
