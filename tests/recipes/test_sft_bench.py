"""The bench of the baselines: who ranks also flags, and every arm is called with what its recipe takes."""

import importlib
import json

from tests.bench import demo, sft
from training.demo import plan, settings
from training.modelling.artifacts import read_manifest
from training.modelling.configs import build_config

TYPES = {"sft": "SftConfig", "control": "ControlConfig", "raft": "RaftConfig", "kto": "KtoConfig"}
TYPES |= {"base": "BaseConfig", "reward": "RewardConfig"}


def test_every_arm_is_a_run_that_its_recipe_accepts(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "RANKING_TASKS", {"train": 4, "validation": 1, "test": 1})
    monkeypatch.setattr(settings, "DEMONSTRATIONS", 3)
    called = []

    def run_stage(out, recipe, config):
        module = importlib.import_module(f"training.recipes.{recipe}")
        build_config(getattr(module, TYPES[recipe]), {"out": str(out), **config})
        out.mkdir()
        (out / "MANIFEST.json").write_text(json.dumps({"sha256": out.name}))
        called.append(out.name)

    monkeypatch.setattr(demo, "run_stage", run_stage)
    monkeypatch.setattr(sft, "measure", lambda folder, names, snapshot, seed: {})
    sft.run_seed(tmp_path, 0, list(sft.ARMS))
    assert called == [*sft.BEFORE, *sft.ARMS]
    counts = read_manifest(tmp_path / "judged")["counts"]
    assert sum(counts["ratings"].values()) > 0


def test_who_ranks_also_rates_and_flags():
    task = plan.make_plan(0).ranking[0]
    one = sft.judged(task, task.judges[0], 0, "ranking-0")
    assert one.ranked == demo.ranking_of(task, task.judges[0], 0, "ranking-0").ranked
    assert [rated.text for rated in one.rated] == list(task.completions)
