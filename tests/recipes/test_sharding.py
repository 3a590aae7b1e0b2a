"""Two processes that hold half of the model each learn what one does that holds all of it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.recipes.small_artifacts import make_reward
from tests.recipes.snapshots import write_snapshot
from tests.recipes.test_process_reward import solutions
from training.modelling.artifacts import CHECKPOINTS, OFFENDING, RecipeError, read_manifest
from training.modelling.configs import build_config
from training.recipes.base import BaseConfig, train_base
from training.recipes.control import ControlConfig, train_control
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.kto import KtoConfig, train_kto
from training.recipes.process_reward import ProcessRewardConfig, train_process_reward
from training.recipes.raft import RaftConfig, train_raft
from training.recipes.reward import RewardConfig, train_reward
from training.recipes.sft import SftConfig, train_sft

ROOT = Path(__file__).parents[2]
RECIPES = {
    "base": (BaseConfig, train_base),
    "control": (ControlConfig, train_control),
    "dpo": (DpoConfig, train_dpo),
    "kto": (KtoConfig, train_kto),
    "process_reward": (ProcessRewardConfig, train_process_reward),
    "raft": (RaftConfig, train_raft),
    "reward": (RewardConfig, train_reward),
    "sft": (SftConfig, train_sft),
}
ALL_OF_THEM = """
import json, os, sys
from pathlib import Path
import torch
from tests.recipes.test_sharding import RECIPES
from training.modelling import learning, trainers
from training.modelling.artifacts import RecipeError
from training.modelling.configs import build_config
from training.modelling.trainers import Reporter

held, update, on_log, broken = {}, learning.update, Reporter.on_log, {}

def count(model, optimizer):
    moments = [values["exp_avg"] for values in optimizer.state.values()]
    held["all"] = sum(parameter.numel() for parameter in model.parameters())
    held["learnt"] = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    held["weights"] = sum(parameter.to_local().numel() for parameter in model.parameters())
    held["moments"] = sum(moment.to_local().numel() for moment in moments)

def counted(model, optimizer, losses, *, step, **fields):
    if broken.get("interrupted") == step:
        raise InterruptedError
    if broken.get("no number") == step and rank == "1":
        losses = (loss * float("nan") for loss in losses)
    found = update(model, optimizer, losses, step=step, **fields)
    count(model, optimizer)
    return found

def counted_by_trl(self, args, state, control, logs=None, **found):
    if broken.get("interrupted") == state.global_step:
        raise InterruptedError
    on_log(self, args, state, control, logs, **found)
    if found["optimizer"].state:
        count(found["model"], found["optimizer"])

def broken_loss(self, *args, **found):
    loss = computed(self, *args, **found)
    return loss * float("nan") if broken.get("no number") == self.state.global_step and rank == "1" else loss

computed, rank = trainers._InShares.compute_loss, os.environ["RANK"]
trainers._InShares.compute_loss = broken_loss
learning.update, Reporter.on_log = counted, counted_by_trl
for name, (recipe, fields) in json.loads(Path(sys.argv[1]).read_text()).items():
    kind, train = RECIPES[recipe]
    broken = fields.pop("broken", {})
    try:
        train(build_config(kind, fields))
    except InterruptedError:
        continue
    except RecipeError as error:
        held["error"] = str(error)
    (Path(sys.argv[1]).parent / f"{name}-{os.environ['RANK']}.json").write_text(json.dumps(held))
"""


def started(folder: Path, runs: Mapping[str, tuple[str, dict]]) -> None:
    """Run recipes one after another in two processes."""
    (folder / "recipes.py").write_text(ALL_OF_THEM)
    (folder / "runs.json").write_text(json.dumps(runs))
    ended = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
        + [str(folder / "recipes.py"), str(folder / "runs.json")],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr[-5000:]


def metrics(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def fields(base, snapshot, tmp_path_factory) -> dict[str, dict]:
    """Runs of five or so steps: five rankings in a step go to processes as three and two, in unequal parts."""
    reward = make_reward(tmp_path_factory.mktemp("reward"), base)
    short = {"threads": 1, "log_every": 1}
    of = short | {"base": str(base), "snapshot": str(snapshot), "max_prompt_tokens": 64, "max_completion_tokens": 32}
    ranked = of | {"batch_rankings": 5, "tokens_at_once": 100, "epochs": 1}
    labelled = {split: solutions(split, count) for split, count in (("train", 11), ("test", 4))}
    steps = write_snapshot(tmp_path_factory.mktemp("steps"), steps=labelled)
    small = {"hidden_size": 32, "layers": 2, "heads": 2, "corpus": str(snapshot), "batch_size": 7, "epochs": 1}
    return {
        "base": short | small | {"vocab_size": 301, "tokens_at_once": 120},
        # Of 47 answers in a step the last step has one, which leaves one process with none.
        "control": of | {"batch_size": 47, "tokens_at_once": 150, "epochs": 1},
        "dpo": ranked | {"checkpoint_every": 2},
        "reward": ranked | {"gradient_checkpointing": True},
        "raft": of | {"reward": str(reward), "rounds": 2, "prompts_per_round": 9, "n": 8, "batch_size": 4},
        "reward in bf16": ranked | {"precision": "bf16"},
        "reward by adapters": ranked | {"lora_rank": 4},
        "reward of members": ranked | {"ensemble": 3},
        "process_reward": of | {"snapshot": str(steps), "batch_solutions": 5, "tokens_at_once": 100},
        # Two answers at once, and so two parts of a step in each process.
        "sft": of | {"batch_size": 8, "tokens_at_once": 60, "style_prompts": 0, "epochs": 2, "checkpoint_every": 2},
        "sft in bf16": of | {"batch_size": 8, "style_prompts": 0, "epochs": 1, "precision": "bf16"},
        "kto by adapters": of | {"labels": "rankings", "batch_size": 10, "lora_rank": 4},
        "control by adapters": of | {"batch_size": 47, "tokens_at_once": 150, "epochs": 1, "lora_rank": 4},
    }


@pytest.fixture(scope="module")
def ran(fields, tmp_path_factory) -> Path:
    """Where one process (in one/) and two with half of the model each (in two/) have learnt the same."""
    path = tmp_path_factory.mktemp("sharded")
    runs = {}
    for name, of in fields.items():
        recipe = name.split()[0]
        kind, train = RECIPES[recipe]
        train(build_config(kind, of | {"out": str(path / "one" / name)}))
        runs[name] = (recipe, of | {"out": str(path / "two" / name), "sharding": "full"})
    for recipe in ("dpo", "sft"):
        again = fields[recipe] | {"out": str(path / "two" / f"{recipe} again"), "sharding": "full"}
        runs[f"{recipe} interrupted"] = (recipe, again | {"broken": {"interrupted": 3}})
        runs[f"{recipe} again"] = (recipe, again)
        wrong = fields[recipe] | {"out": str(path / "two" / f"{recipe} wrong"), "sharding": "full"}
        runs[f"{recipe} wrong"] = (recipe, wrong | {"broken": {"no number": 1}})
    started(path, runs)
    return path


def held(ran: Path, name: str) -> list[dict]:
    """What each process held in a run."""
    return [json.loads((ran / f"{name}-{rank}.json").read_text()) for rank in (0, 1)]


RUNS = (
    "base",
    "control",
    "control by adapters",
    "dpo",
    "kto by adapters",
    "process_reward",
    "raft",
    "reward",
    "reward by adapters",
    "reward in bf16",
    "reward of members",
    "sft",
    "sft in bf16",
)


@pytest.mark.parametrize("name", RUNS)
def test_half_a_model_each_learns_what_a_whole_one_does(ran, name):
    one, two = ran / "one" / name, ran / "two" / name
    assert read_manifest(two)["processes"] == 2
    # In bf16 the norms' weights are rounded, too, and gradients are so before they are summed.
    rounded = "bf16" in name
    alone, together = (load_file(out / "model/model.safetensors") for out in (one, two))
    assert alone.keys() == together.keys()
    for weight, value in alone.items():
        # RAFT has one step a round, in which AdamW makes a gradient of 1e-8 count as much as any, rounding and all.
        smallest = 5e-6 if name == "raft" else 1e-6
        close = {"rtol": 0.05, "atol": 2e-3} if rounded else {"rtol": 1e-5, "atol": smallest}
        assert torch.allclose(together[weight], value, **close), weight
    for line, other in zip(metrics(one), metrics(two), strict=True):
        assert line.keys() == other.keys()
        names = line.keys() & {"loss"} if rounded else line.keys() - {"time"}
        assert all(other[key] == pytest.approx(line[key], rel=0.02 if rounded else 1e-3, abs=1e-5) for key in names)


@pytest.mark.parametrize("name", RUNS)
def test_each_process_holds_half_of_weights_and_moments(ran, name):
    both = held(ran, name)
    assert sum(process["weights"] for process in both) == both[0]["all"]
    assert all(0.45 < process["weights"] / process["all"] < 0.55 for process in both)
    of_moments = [process["moments"] / process["learnt"] for process in both]
    assert all(0.4 < share < 0.6 for share in of_moments)
    assert sum(of_moments) == pytest.approx(1)


@pytest.mark.parametrize("name", ["dpo", "sft"])
def test_an_interrupted_run_goes_on_to_the_same_weights(ran, name):
    whole, again = ran / "two" / name, ran / "two" / f"{name} again"
    assert read_manifest(again)["sha256"] == read_manifest(whole)["sha256"]
    lines = [[line | {"time": 0} for line in metrics(out)] for out in (again, whole)]
    assert lines[0] == lines[1]
    assert not (again / CHECKPOINTS).exists()


@pytest.mark.parametrize("name", ["dpo", "sft"])
def test_all_stop_where_the_loss_of_one_is_no_number(ran, name):
    for process in held(ran, f"{name} wrong"):
        assert process["error"].startswith("The loss is nan at step 1; lower the learning rate or compute in fp32.")
    rows = json.loads((ran / "two" / f"{name} wrong" / OFFENDING).read_text())["rows"]
    # Of our loop the step's, of which each process had two; of TRL's what the first process had at once.
    assert len(rows) == {"dpo": 4, "sft": 2}[name]


def test_it_refuses_to_shard_in_one_process(fields, tmp_path):
    with pytest.raises(RecipeError, match="there is one process; start several with torchrun, or set it to"):
        train_base(build_config(BaseConfig, fields["base"] | {"out": str(tmp_path), "sharding": "full"}))
