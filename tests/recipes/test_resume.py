"""A run that was interrupted goes on from its last checkpoint, to the very same weights and metrics."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from training.modelling import learning
from training.modelling.artifacts import CHECKPOINTS, RecipeError, read_manifest
from training.modelling.checkpoints import random_states, restore_random_states
from training.modelling.configs import build_config
from training.modelling.displacement import WATCHED_PAIRS, Alarm
from training.modelling.trainers import Reporter
from training.recipes.base import BaseConfig, train_base
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.reward import RewardConfig, train_reward
from training.recipes.sft import SftConfig, train_sft

ROOT = Path(__file__).parents[2]
KILLED_AFTER_A_CHECKPOINT = """
import os, signal
from training.modelling import learning
from training.recipes.dpo import DpoConfig, train_dpo
from training.modelling.configs import run_recipe

save = learning.save_checkpoint
def save_and_die(run, part, **fields):
    save(run, part, **fields)
    (run.path / "checkpoints" / "step-00000099.1.tmp").write_bytes(b"half a checkpoint")
    os.kill(os.getpid(), signal.SIGKILL)
learning.save_checkpoint = save_and_die
run_recipe(DpoConfig, train_dpo)
"""


class Interrupted(Exception):
    """Stands for whatever ends a program."""


@pytest.fixture
def recipes(base, snapshot) -> dict[str, tuple[Callable, type, dict[str, Any]]]:
    """Recipe, configuration's type and fields of runs of a dozen steps."""
    short = {"threads": 1, "log_every": 1, "checkpoint_every": 2}
    cut = {"max_prompt_tokens": 64, "max_completion_tokens": 64}
    ranked = short | cut | {"base": str(base), "snapshot": str(snapshot), "batch_rankings": 4}
    small = {"hidden_size": 32, "layers": 1, "heads": 2, "corpus": str(snapshot), "batch_size": 8, "epochs": 2}
    return {
        "reward": (train_reward, RewardConfig, ranked | {"epochs": 2}),
        "dpo": (train_dpo, DpoConfig, ranked | {"epochs": 2}),
        "base": (train_base, BaseConfig, short | small),
    }


def interrupted_at(step: int, monkeypatch) -> list[int]:
    """Let the next run end before it takes this step; the list holds the steps that were taken, from 0."""
    taken: list[int] = []
    update = learning.update

    def counted(*args, step: int, **fields):
        if step == stop[0]:
            stop[0] = -1
            raise Interrupted
        taken.append(step)
        return update(*args, step=step, **fields)

    stop = [step]
    monkeypatch.setattr(learning, "update", counted)
    return taken


def left_by(out: Path) -> tuple[str, list[dict]]:
    """The hash of a run's artifact and its metrics, without when they were written."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return read_manifest(out)["sha256"], [{name: line[name] for name in line if name != "time"} for line in lines]


@pytest.mark.parametrize("name", ["reward", "dpo", "base"])
def test_it_goes_on_to_the_same_weights_and_metrics(recipes, tmp_path, monkeypatch, name):
    train, kind, fields = recipes[name]
    train(build_config(kind, fields | {"out": str(tmp_path / "whole")}))
    config = build_config(kind, fields | {"out": str(tmp_path / "run")})
    taken = interrupted_at(5, monkeypatch)
    with pytest.raises(Interrupted):
        train(config)
    assert [file.name for file in (tmp_path / "run" / CHECKPOINTS).iterdir()] == ["step-00000004.pt"]
    taken.clear()
    train(config)
    assert taken[0] == 4
    assert left_by(tmp_path / "run") == left_by(tmp_path / "whole")
    assert not (tmp_path / "run" / CHECKPOINTS).exists()


def test_it_goes_on_where_an_epoch_ended_at_a_checkpoint(recipes, tmp_path, monkeypatch):
    """Its six steps an epoch end at a checkpoint, which is made before and after the validation."""
    train, kind, fields = recipes["reward"]
    train(build_config(kind, fields | {"out": str(tmp_path / "whole")}))
    config = build_config(kind, fields | {"out": str(tmp_path / "run")})
    interrupted_at(6, monkeypatch)
    with pytest.raises(Interrupted):
        train(config)
    train(config)
    assert left_by(tmp_path / "run") == left_by(tmp_path / "whole")


def test_fine_tuning_by_trl_goes_on_to_the_same_weights_and_metrics(base, snapshot, tmp_path, monkeypatch):
    fields = {"base": str(base), "snapshot": str(snapshot), "threads": 1, "log_every": 2, "checkpoint_every": 3}
    fields |= {"max_prompt_tokens": 64, "max_completion_tokens": 64, "batch_size": 4, "epochs": 2, "style_prompts": 0}
    train_sft(build_config(SftConfig, fields | {"out": str(tmp_path / "whole")}))
    config = build_config(SftConfig, fields | {"out": str(tmp_path / "run")})
    logged, report = [], Reporter.on_log

    def interrupted(self, args, state, control, logs=None, **kwargs):
        report(self, args, state, control, logs, **kwargs)
        logged.append(state.global_step)
        if logged == [2, 4, 6, 8]:
            raise Interrupted

    monkeypatch.setattr(Reporter, "on_log", interrupted)
    with pytest.raises(Interrupted):
        train_sft(config)
    # Every three steps, but where a line has just been written.
    kept = tmp_path / "run" / CHECKPOINTS
    assert [folder.name for folder in kept.glob("checkpoint-*")] == ["checkpoint-4"]
    (kept / "checkpoint-8").mkdir()  # begun, and not complete
    train_sft(config)
    assert logged[4] == 6
    assert left_by(tmp_path / "run") == left_by(tmp_path / "whole")
    assert not (tmp_path / "run" / CHECKPOINTS).exists()


def test_it_goes_on_after_it_was_killed(recipes, tmp_path):
    train, kind, fields = recipes["dpo"]
    train(build_config(kind, fields | {"out": str(tmp_path / "whole")}))
    file = tmp_path / "config.json"
    file.write_text(json.dumps(fields | {"out": str(tmp_path / "run")}))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER_A_CHECKPOINT, "--config", str(file)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    train(build_config(kind, fields | {"out": str(tmp_path / "run")}))
    assert left_by(tmp_path / "run") == left_by(tmp_path / "whole")


def test_it_goes_on_from_the_folder_of_an_earlier_attempt(recipes, tmp_path, monkeypatch):
    train, kind, fields = recipes["reward"]
    train(build_config(kind, fields | {"out": str(tmp_path / "whole")}))
    taken = interrupted_at(5, monkeypatch)
    with pytest.raises(Interrupted):
        train(build_config(kind, fields | {"out": str(tmp_path / "attempt-1")}))
    taken.clear()
    second = fields | {"out": str(tmp_path / "attempt-2"), "resume_from": str(tmp_path / "attempt-1")}
    train(build_config(kind, second))
    assert taken[0] == 4
    assert left_by(tmp_path / "attempt-2") == left_by(tmp_path / "whole")


def test_it_refuses_a_checkpoint_of_another_configuration_or_of_other_data(recipes, snapshot, tmp_path, monkeypatch):
    train, kind, fields = recipes["dpo"]
    config = build_config(kind, fields | {"out": str(tmp_path / "run")})
    interrupted_at(3, monkeypatch)
    with pytest.raises(Interrupted):
        train(config)
    with pytest.raises(RecipeError, match=r"another configuration: 'lr' was 0.0002 and is 0.1; set it back, choose"):
        train(dataclasses.replace(config, lr=0.1))
    manifest = snapshot / "MANIFEST.json"
    known = manifest.read_text()
    try:
        manifest.write_text(json.dumps({"format": 1, "sha256": "another"}))
        with pytest.raises(RecipeError, match="was made of other data: 'snapshot' has changed since"):
            train(config)
    finally:
        manifest.write_text(known)


def test_it_names_a_checkpoint_that_cannot_be_read(recipes, tmp_path, monkeypatch):
    train, kind, fields = recipes["dpo"]
    config = build_config(kind, fields | {"out": str(tmp_path / "run")})
    interrupted_at(3, monkeypatch)
    with pytest.raises(Interrupted):
        train(config)
    (tmp_path / "run" / CHECKPOINTS / "step-00000002.pt").write_bytes(b"half")
    with pytest.raises(RecipeError, match=r"step-00000002.pt cannot be read; remove it to start over"):
        train(config)


def test_it_puts_every_random_generator_back():
    def drawn() -> list[float]:
        return [random.random(), numpy.random.random(), numpy.random.normal(), torch.rand(()).item()]

    drawn()
    states = random_states()
    first = drawn()
    restore_random_states(states)
    assert drawn() == first


def test_the_alarm_of_dpo_goes_on_from_what_it_had_seen():
    whole, again = (Alarm(0.1, stops=False) for _ in range(2))
    for shift in (0.1, -0.5):
        whole.watch([shift] * WATCHED_PAIRS)
    again.restore(whole.state)
    assert again.state == whole.state
    assert [alarm.watch([0.6] * (WATCHED_PAIRS // 2)) for alarm in (whole, again)] == [False, False]
    assert again.results("dpo") == whole.results("dpo")
