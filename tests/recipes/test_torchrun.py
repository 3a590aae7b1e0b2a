"""Two processes learn what one does, and say so; what cannot be shared is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.recipes.snapshots import write_snapshot
from tests.recipes.test_process_reward import solutions
from training.modelling import collectives, processes
from training.modelling.artifacts import RecipeError, read_manifest
from training.modelling.configs import build_config
from training.modelling.models import prepare_process
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.kto import KtoConfig, rows_at_once, train_kto
from training.recipes.process_reward import ProcessRewardConfig, train_process_reward
from training.recipes.reward import RewardConfig, train_reward
from training.recipes.sft import SftConfig, train_sft

ROOT = Path(__file__).parents[2]
RECIPES = {
    "reward": (RewardConfig, train_reward),
    "dpo": (DpoConfig, train_dpo),
    "sft": (SftConfig, train_sft),
    "kto": (KtoConfig, train_kto),
    "process_reward": (ProcessRewardConfig, train_process_reward),
}
ALL_OF_THEM = """
import json, sys
from tests.recipes.test_torchrun import RECIPES
from training.modelling.configs import build_config
for name, fields in json.loads(open(sys.argv[1]).read()).items():
    kind, train = RECIPES[name]
    train(build_config(kind, fields))
"""


def metrics(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_take_the_steps_of_one(base, snapshot, tmp_path):
    fields = {"base": str(base), "snapshot": str(snapshot), "threads": 1, "log_every": 1}
    fields |= {"max_prompt_tokens": 64, "max_completion_tokens": 64}
    # 24 rankings, five in a step: shares of three and two, and a last step of four.
    ranked = fields | {"batch_rankings": 5, "tokens_at_once": 100, "checkpoint_every": 3}
    labelled = {split: solutions(split, count) for split, count in (("train", 11), ("test", 4))}
    steps = str(write_snapshot(tmp_path / "steps", steps=labelled))
    configs = {
        "reward": ranked | {"epochs": 1},
        "dpo": ranked,
        "sft": fields | {"batch_size": 4, "style_prompts": 0},
        # 48 answers, ten in a step: the last step is filled up.
        "kto": fields | {"labels": "rankings", "batch_size": 10},
        # Weights that differ, of solutions of two steps and of three, and a last step of one.
        "process_reward": fields | {"snapshot": steps, "batch_solutions": 5, "bad_weight": 3.0, "tokens_at_once": 100},
    }
    for name, (kind, train) in RECIPES.items():
        train(build_config(kind, configs[name] | {"out": str(tmp_path / "one" / name)}))
    (tmp_path / "recipes.py").write_text(ALL_OF_THEM)
    shared = {name: fields | {"out": str(tmp_path / "two" / name)} for name, fields in configs.items()}
    (tmp_path / "configs.json").write_text(json.dumps(shared))
    ended = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
        + [str(tmp_path / "recipes.py"), str(tmp_path / "configs.json")],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    for name in RECIPES:
        one, two = tmp_path / "one" / name, tmp_path / "two" / name
        assert (read_manifest(one)["processes"], read_manifest(two)["processes"]) == (1, 2)
        alone, together = (load_file(path / "model/model.safetensors") for path in (one, two))
        for weight, value in alone.items():
            assert torch.allclose(together[weight], value, rtol=1e-5, atol=1e-6), f"{name} {weight}"
        for alone, together in zip(*(metrics(path) for path in (one, two)), strict=True):
            assert alone.keys() == together.keys()
            assert all(together[key] == pytest.approx(alone[key], rel=1e-3, abs=1e-5) for key in alone if key != "time")


@pytest.mark.parametrize(
    ("batch_size", "said"), [(7, "a multiple of 2, and 4 at least"), (2, "each has the same number")]
)
def test_kto_refuses_a_batch_of_which_a_process_has_no_pair(base, snapshot, monkeypatch, batch_size, said):
    monkeypatch.setattr(processes, "_proven", 2)
    with pytest.raises(RecipeError, match=said):
        rows_at_once(KtoConfig(out="x", base=str(base), snapshot=str(snapshot), batch_size=batch_size), [])


def test_it_refuses_to_learn_alone_what_several_should(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(RecipeError, match="WORLD_SIZE is 2, but RANK is not set, .* torchrun --nproc_per_node 2 -m"):
        prepare_process(seed=0, threads=1, parallel=True)


def test_it_refuses_a_group_that_is_smaller_than_the_environment_says(monkeypatch):
    given = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(collectives.distributed, "init_process_group", lambda *args, **fields: None)
    monkeypatch.setattr(collectives.distributed, "all_reduce", lambda tensor: tensor)
    monkeypatch.setattr(collectives.atexit, "register", lambda function: None)
    with pytest.raises(RecipeError, match="WORLD_SIZE is 2, but 1 processes are in the group; start with torchrun"):
        prepare_process(seed=0, threads=1, parallel=True)
    assert processes.count() == 1


def test_a_recipe_that_runs_in_one_process_says_so(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RecipeError, match="this recipe runs in one process; start it without torchrun"):
        prepare_process(seed=0, threads=1)


@pytest.mark.parametrize("said", ["many", "0", "-1"])
def test_it_names_a_number_of_processes_that_is_none(monkeypatch, said):
    monkeypatch.setenv("WORLD_SIZE", said)
    with pytest.raises(RecipeError, match="must be a number of processes"):
        processes.asked_for()
