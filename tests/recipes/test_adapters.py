"""Adapters learn instead of the weights, and are part of them afterwards."""

import warnings
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.recipes.small_artifacts import make_reward
from tests.recipes.snapshots import write_snapshot
from tests.recipes.test_process_reward import solutions
from training.modelling.adapters import adapted
from training.modelling.artifacts import RunDirectory, read_manifest
from training.modelling.configs import ConfigError, build_config
from training.modelling.memory import config_of, training_memory
from training.modelling.models import load_policy, new_reward_model
from training.modelling.rewards import load_reward
from training.recipes.base import BaseConfig
from training.recipes.control import ControlConfig, train_control
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.kto import KtoConfig, train_kto
from training.recipes.process_reward import ProcessRewardConfig, train_process_reward
from training.recipes.raft import RaftConfig, train_raft
from training.recipes.reward import RewardConfig, train_reward
from training.recipes.sft import SftConfig, train_sft

SHORT = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64, "log_every": 1}


def changed(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    """The names of the weights that differ; both have the same ones."""
    assert one.keys() == other.keys()
    return {name for name in one if not torch.equal(one[name], other[name])}


def adapting(base, snapshot, out) -> dict[str, Any]:
    """The fields of a run that learns adapters."""
    return SHORT | {"out": str(out), "base": str(base), "snapshot": str(snapshot), "lora_rank": 4, "lr": 1e-2}


@pytest.mark.parametrize(
    ("recipe", "kind", "more"),
    [
        (train_dpo, DpoConfig, {}),
        (train_sft, SftConfig, {"style_prompts": 0}),
        (train_kto, KtoConfig, {"labels": "rankings", "gradient_checkpointing": True}),
    ],
)
def test_it_saves_the_merged_model_and_the_adapter_beside_it(base, snapshot, tmp_path, recipe, kind, more):
    recipe(build_config(kind, adapting(base, snapshot, tmp_path) | more))
    moved = changed(load_file(base / "model.safetensors"), load_file(tmp_path / "model/model.safetensors"))
    # Two layers of seven linear ones; neither the norms nor the embedding.
    assert len(moved) == 14
    assert not any("norm" in name or "embed" in name for name in moved)
    assert "adapter/adapter_model.safetensors" in read_manifest(tmp_path)["files"]
    adapter = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "adapter")
    model, _ = load_policy(tmp_path)
    ids = torch.tensor([[5, 6, 7]])
    assert torch.allclose(adapter(ids).logits, model(ids).logits, atol=1e-5)


def test_control_tokens_learn_beside_the_adapters(base, snapshot, tmp_path):
    train_control(build_config(ControlConfig, adapting(base, snapshot, tmp_path) | {"max_completion_tokens": 32}))
    before, after = (load_file(path / "model.safetensors") for path in (base, tmp_path / "model"))
    known, learnt = (weights.pop("model.embed_tokens.weight") for weights in (before, after))
    assert len(changed(before, after)) == 14
    assert torch.equal(learnt[:-2], known)
    assert (learnt[-2:] - known.mean(dim=0)).abs().amin(dim=1).gt(0).all()
    kept = load_file(tmp_path / "adapter/adapter_model.safetensors")
    (tokens,) = (value for name, value in kept.items() if "trainable_tokens" in name)
    assert torch.equal(tokens, learnt[-2:])
    plain = AutoModelForCausalLM.from_pretrained(base)
    plain.resize_token_embeddings(len(learnt), mean_resizing=False)
    adapter = PeftModel.from_pretrained(plain, tmp_path / "adapter")
    model, _ = load_policy(tmp_path)
    ids = torch.tensor([[5, 6, len(learnt) - 1, 7, len(learnt) - 2]])
    assert torch.allclose(adapter(ids).logits, model(ids).logits, atol=1e-5)


def test_each_round_of_raft_learns_an_adapter_of_its_own(base, snapshot, tmp_path):
    reward = make_reward(tmp_path / "reward", base)
    rounds = {"reward": str(reward), "rounds": 2, "prompts_per_round": 9, "n": 8, "max_completion_tokens": 32}
    train_raft(build_config(RaftConfig, adapting(base, snapshot, tmp_path / "raft") | rounds))
    model = AutoModelForCausalLM.from_pretrained(base)
    for number in (1, 2):
        folder = tmp_path / f"raft/adapter-round-{number}"
        model = PeftModel.from_pretrained(model, folder).merge_and_unload()
    learnt, _ = load_policy(tmp_path / "raft")
    ids = torch.tensor([[5, 6, 7]])
    assert torch.allclose(model(ids).logits, learnt(ids).logits, atol=1e-5)
    assert not torch.allclose(load_policy(base)[0](ids).logits, learnt(ids).logits, atol=1e-3)


def test_a_process_reward_model_learns_its_head_beside_the_adapters(base, tmp_path):
    steps = write_snapshot(tmp_path / "steps", steps={"train": solutions("train", 12), "test": solutions("test", 4)})
    train_process_reward(build_config(ProcessRewardConfig, adapting(base, steps, tmp_path / "run") | {"epochs": 6}))
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "run/model/model.safetensors")
    after.pop("score.weight")
    assert len(changed(before, after)) == 14
    assert "adapter/adapter_model.safetensors" in read_manifest(tmp_path / "run")["files"]
    found = {(one["name"], one["subject"]): one["value"] for one in read_manifest(tmp_path / "run")["results"]}
    assert found["test_step_accuracy", "process reward"] > 0.9


def test_nothing_is_warned_of_where_a_model_has_no_head_of_a_reward(base, tmp_path):
    models = [load_policy(base)[0], new_reward_model(base)[0], new_reward_model(base, members=2)[0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for number, model in enumerate(models):
            (tmp_path / str(number)).mkdir()
            with adapted(model, RunDirectory(tmp_path / str(number)), rank=2, alpha=4):
                assert any("lora_" in name for name, _ in model.named_parameters())
                assert not any("lora_" in name and "score" in name for name, _ in model.named_parameters())


def test_a_reward_model_learns_its_head_beside_the_adapters(base, snapshot, tmp_path):
    train_reward(build_config(RewardConfig, adapting(base, snapshot, tmp_path)))
    found = {(one["name"], one["subject"]): one["value"] for one in read_manifest(tmp_path)["results"]}
    assert found["test_accuracy", "reward"] > 0.9
    assert load_reward(tmp_path)


def test_only_adapters_and_heads_have_a_gradient(base, tmp_path):
    model, _ = new_reward_model(base)
    with adapted(model, RunDirectory(tmp_path), rank=2, alpha=4):
        learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name for name in learning if "lora_" not in name} == {"score.weight"}
    assert len(learning) == 1 + 2 * 14
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_base_model_has_nothing_to_adapt():
    with pytest.raises(ConfigError, match="'lora_rank' must be 0"):
        build_config(BaseConfig, {"out": "nowhere", "lora_rank": 4})


def test_recomputing_changes_no_weight(base, snapshot, tmp_path):
    hashes = []
    for name, wanted in (("kept", False), ("recomputed", True)):
        fields = {"out": str(tmp_path / name), "base": str(base), "snapshot": str(snapshot)}
        train_dpo(build_config(DpoConfig, SHORT | fields | {"gradient_checkpointing": wanted}))
        hashes.append(read_manifest(tmp_path / name)["files"]["model/model.safetensors"])
    assert hashes[0] == hashes[1]


def test_memory_is_less_with_adapters_and_when_recomputed(base):
    told = {"tokens": 64, "precision": "fp32", "language_model": True}
    whole = training_memory(config_of(base), **told)
    less = training_memory(config_of(base), **told, lora_rank=4, recomputed=True)
    assert less["optimizer"] < whole["optimizer"]
    assert less["activations"] < whole["activations"]
    with adapted(load_policy(base)[0], RunDirectory(base.parent / "unused"), rank=4, alpha=4) as model:
        learnt = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert less["gradients"] == 4 * learnt
