"""Adapters learn instead of the weights, and are part of them afterwards."""

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from training.modelling.adapters import adapted
from training.modelling.artifacts import RunDirectory, read_manifest
from training.modelling.configs import ConfigError, build_config
from training.modelling.memory import config_of, training_memory
from training.modelling.models import load_policy, new_reward_model
from training.modelling.rewards import load_reward
from training.recipes.base import BaseConfig
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.reward import RewardConfig, train_reward
from training.recipes.sft import SftConfig, train_sft

SHORT = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64, "log_every": 1}


def changed(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    """The names of the weights that differ; both have the same ones."""
    assert one.keys() == other.keys()
    return {name for name in one if not torch.equal(one[name], other[name])}


@pytest.mark.parametrize(("recipe", "kind"), [(train_dpo, DpoConfig), (train_sft, SftConfig)])
def test_it_saves_the_merged_model_and_the_adapter_beside_it(base, snapshot, tmp_path, recipe, kind):
    fields = SHORT | {"out": str(tmp_path), "base": str(base), "snapshot": str(snapshot), "lora_rank": 4, "lr": 1e-2}
    recipe(build_config(kind, fields | ({"style_prompts": 0} if kind is SftConfig else {})))
    moved = changed(load_file(base / "model.safetensors"), load_file(tmp_path / "model/model.safetensors"))
    # Two layers of seven linear ones; neither the norms nor the embedding.
    assert len(moved) == 14
    assert not any("norm" in name or "embed" in name for name in moved)
    assert "adapter/adapter_model.safetensors" in read_manifest(tmp_path)["files"]
    adapter = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "adapter")
    model, _ = load_policy(tmp_path)
    ids = torch.tensor([[5, 6, 7]])
    assert torch.allclose(adapter(ids).logits, model(ids).logits, atol=1e-5)


def test_a_reward_model_learns_its_head_beside_the_adapters(base, snapshot, tmp_path):
    fields = {"out": str(tmp_path), "base": str(base), "snapshot": str(snapshot), "lora_rank": 4, "lr": 1e-2}
    train_reward(build_config(RewardConfig, SHORT | fields))
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
