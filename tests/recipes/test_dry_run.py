"""What a run would do is said before it does it, and nothing is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, LlamaForCausalLM

from tests.recipes.small_artifacts import make_policy, make_reward, make_snapshot
from tests.recipes.snapshots import demonstration, ranking, rating, step_labels, write_snapshot
from training.modelling.batches import pad_batch
from training.modelling.configs import run_recipe
from training.modelling.memory import training_memory
from training.modelling.models import load_policy, new_reward_model, parameter_count, save_model
from training.recipes import base as base_recipe
from training.recipes import (
    control,
    dpo,
    evaluate,
    instant_reward,
    kto,
    midtrain,
    ppo,
    process_reward,
    raft,
    reward,
    sample,
    sft,
    uncertainty,
)

PROGRAMS: dict[Any, tuple[type, Callable]] = {
    base_recipe: (base_recipe.BaseConfig, base_recipe.train_base),
    control: (control.ControlConfig, control.train_control),
    dpo: (dpo.DpoConfig, dpo.train_dpo),
    kto: (kto.KtoConfig, kto.train_kto),
    raft: (raft.RaftConfig, raft.train_raft),
    evaluate: (evaluate.EvaluateConfig, evaluate.evaluate),
    instant_reward: (instant_reward.InstantRewardConfig, instant_reward.fit_instant_reward),
    midtrain: (midtrain.MidtrainConfig, midtrain.midtrain),
    ppo: (ppo.PPOConfig, ppo.train_ppo),
    process_reward: (process_reward.ProcessRewardConfig, process_reward.train_process_reward),
    reward: (reward.RewardConfig, reward.train_reward),
    sample: (sample.SampleConfig, sample.sample),
    sft: (sft.SftConfig, sft.train_sft),
    uncertainty: (uncertainty.UncertaintyConfig, uncertainty.score_uncertainty),
}


@pytest.fixture
def dry(tmp_path, capsys) -> Callable[..., str]:
    """What `--dry-run` of a recipe prints for some fields, after looking that nothing was written."""

    def run(recipe: Any, fields: dict[str, Any], *more: str) -> str:
        file = tmp_path / "config.json"
        file.write_text(json.dumps({name: str(v) if isinstance(v, Path) else v for name, v in fields.items()}))
        before = sorted(tmp_path.rglob("*"))
        kind, program = PROGRAMS[recipe]
        given = ["--config", str(file), "--out", str(tmp_path / "run"), "--dry-run", *more]
        run_recipe(kind, program, given, plan=recipe.plan)
        assert sorted(tmp_path.rglob("*")) == before
        return capsys.readouterr().out

    return run


def test_it_counts_rows_tokens_and_steps_of_rankings(base, tokenizer, tmp_path, dry):
    rows = [ranking(f"Why {n}?", ["Go away.", "Please wait for us."], [2, 1]) for n in range(5)]
    snapshot = write_snapshot(tmp_path / "s", rankings={"train": rows, "test": rows[:1]})
    fields = {"base": base, "snapshot": snapshot, "batch_rankings": 2, "epochs": 3, "max_completion_tokens": 4}
    found = json.loads(dry(reward, fields, "--json"))
    prompt = [len(tokenizer(f"<|user|>Why {n}?<|end|><|assistant|>")["input_ids"]) for n in range(5)]
    assert found["counts"] == [
        {"name": "train", "rows": 5, "tokens": sum(prompt) + 5 * 8, "longest": max(prompt) + 8, "truncated": 5},
        {"name": "validation", "rows": 0, "tokens": 0, "longest": 0, "truncated": 0},
        {"name": "test", "rows": 1, "tokens": prompt[0] + 8, "longest": prompt[0] + 8, "truncated": 1},
    ]
    assert found["steps"] == 3 * 3
    assert found["notes"] == [f"{2 * (max(prompt) + 8)} tokens at once at most"]
    assert found["config"]["lr"] == 1e-3
    model, _ = load_policy(base)
    # The language model's own head is its embedding; a reward model has one of a single output.
    assert found["memory"]["weights"] == 4 * (parameter_count(model) + 32)
    assert found["memory"]["optimizer"] == 2 * found["memory"]["gradients"] == 2 * found["memory"]["weights"]


def test_it_prints_the_configuration_and_a_table_for_people(base, snapshot, dry):
    printed = dry(dpo, {"base": base, "snapshot": snapshot, "beta": 0.3})
    assert "beta: 0.3\n" in printed
    assert "nll: 0.0\n" in printed
    assert "steps: 2\n" in printed
    assert "\n  optimizer " in printed
    assert printed.endswith("Nothing was written.\n")


def test_it_counts_what_fine_tuning_learns(base, tmp_path, dry):
    rows = [demonstration(f"Why {n}?", "Because. " * (n + 1)) for n in range(6)]
    snapshot = write_snapshot(tmp_path / "s", demonstrations={"train": rows})
    fields = {"base": base, "snapshot": snapshot, "batch_size": 4, "epochs": 2, "max_completion_tokens": 12}
    found = json.loads(dry(sft, fields, "--json"))
    assert [(one["name"], one["rows"]) for one in found["counts"]] == [("a pass", 6), ("train", 6), ("validation", 0)]
    assert 0 < found["counts"][1]["truncated"] < 6
    assert found["steps"] == 4


def test_it_counts_documents_of_a_base_model(snapshot, dry):
    fields = {"corpus": snapshot, "context": 16, "vocab_size": 300, "hidden_size": 32, "heads": 2, "layers": 1}
    train, held_out = json.loads(dry(base_recipe, fields, "--json"))["counts"]
    assert train["rows"] + held_out["rows"] == 24 * 4
    assert (train["longest"], train["truncated"]) == (16, train["rows"])


def test_every_other_recipe_says_what_it_would_do(dry, tmp_path_factory):
    world = tmp_path_factory.mktemp("world")
    policy = make_policy(world / "policy")
    judge = make_reward(world / "reward", policy)
    snapshot = make_snapshot(world / "snapshot", prompts={"train": 4, "validation": 2, "test": 2})
    asked = [{"role": "user", "content": "Why?"}]
    solutions = [step_labels(f"Why {n}?", ["One.", "Two."], [True, False]) for n in range(3)]
    labelled = write_snapshot(world / "labelled", steps={"train": solutions})
    prompts, tasks = world / "prompts.jsonl", world / "tasks.jsonl"
    prompts.write_text(json.dumps({"prompt": asked, "prompt_sha256": "a" * 64, "domain": ""}) + "\n")
    tasks.write_text(json.dumps({"task": 1, "messages": asked, "prompt": asked, "completions": ["Yes.", "No."]}) + "\n")
    fields = {
        ppo: {"base": policy, "reward": judge, "snapshot": snapshot},
        sample: {"policy": policy, "prompts": prompts},
        evaluate: {"reference": policy, "reward": judge, "snapshot": snapshot},
        uncertainty: {"rewards": [str(judge)] * 2, "tasks": tasks},
        instant_reward: {"snapshot": snapshot},
        control: {"base": policy, "snapshot": snapshot},
        raft: {"base": policy, "reward": judge, "snapshot": snapshot},
        kto: {"base": policy, "snapshot": snapshot, "labels": "rankings"},
        midtrain: {"base": policy, "corpus": snapshot, "snapshot": snapshot, "source": "preferred"},
        process_reward: {"base": policy, "snapshot": labelled, "batch_solutions": 2},
    }
    said = {
        ppo: "40 iterations of 64 answers",
        sample: "4 answers of at most 256 tokens",
        evaluate: "answers of at most",
        uncertainty: "4 scores by 2 reward models",
        instant_reward: "train: 4 rankings",
        control: "tokens at once at most",
        raft: "3 rounds of 32 answers, of which 4 are learnt",
        kto: "tokens at once at most",
        midtrain: "tokens at once at most",
        process_reward: "steps: 4\n",  # two passes over three solutions
    }
    for recipe, sentence in said.items():
        assert sentence in dry(recipe, fields[recipe])


def test_it_counts_what_the_axes_of_a_reward_model_learn(base, tmp_path, dry):
    rows = [rating(f"Why {n}?", text, helpful=value) for n in range(3) for text, value in (("Yes.", 5), ("No.", 2))]
    snapshot = write_snapshot(tmp_path / "s", ratings={"train": rows})
    file = {"base": base, "snapshot": snapshot, "axes": {"helpful": 1}}
    found = json.loads(dry(reward, file, "--json"))
    assert (found["counts"][0]["rows"], found["steps"]) == (3, 1)


def kept_by(model: torch.nn.Module, loss: Callable[[], torch.Tensor]) -> int:
    """The bytes that are kept for the backward pass of a loss, but for the weights."""
    kept = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss()
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    return sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in weights)


def test_its_estimate_of_activations_is_near_what_a_pass_keeps():
    config = LlamaConfig(
        hidden_size=128, num_hidden_layers=4, intermediate_size=344, vocab_size=1024, num_attention_heads=4
    )
    model = LlamaForCausalLM(config)
    ids = torch.randint(0, 1024, (8, 64), generator=torch.Generator().manual_seed(0))

    def loss() -> torch.Tensor:
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
        return torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:])

    measured = kept_by(model, loss)
    estimate = training_memory(config, tokens=8 * 64, precision="fp32", language_model=True)
    assert measured / 1.5 < estimate["activations"] < measured * 1.5
    assert estimate["weights"] == 4 * parameter_count(model)


def test_a_share_of_a_sharded_model_takes_a_share_of_the_memory(base, snapshot, dry, monkeypatch):
    fields = {"base": str(base), "snapshot": str(snapshot), "max_prompt_tokens": 64, "max_completion_tokens": 64}
    whole = json.loads(dry(dpo, fields, "--json"))
    monkeypatch.setenv("WORLD_SIZE", "4")
    shared = json.loads(dry(dpo, fields | {"sharding": "full"}, "--json"))
    for name in ("weights", "gradients", "optimizer"):
        assert shared["memory"][name] == whole["memory"][name] // 4
    assert 0 < shared["memory"]["gathered"] <= 2 * whole["memory"]["weights"]
    assert shared["memory"]["activations"] == whole["memory"]["activations"]
    assert "each of 4 processes" in shared["notes"][1]


@pytest.mark.parametrize("family", [LlamaConfig, GPT2Config])
def test_it_counts_what_members_have_of_their_own(family, tokenizer, snapshot, tmp_path, dry):
    small = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 64}
    model = AutoModelForCausalLM.from_config(family(vocab_size=len(tokenizer), num_key_value_heads=2, **small))
    save_model(model, tokenizer, tmp_path / "base")
    fields = {"base": tmp_path / "base", "snapshot": snapshot}
    one, three = (json.loads(dry(reward, fields | {"ensemble": members}, "--json"))["memory"] for members in (1, 3))
    network, _ = new_reward_model(tmp_path / "base", members=3)
    assert three["weights"] == three["gradients"] == 4 * parameter_count(network)
    assert three["optimizer"] == 8 * parameter_count(network)
    assert three["activations"] > one["activations"] or family is GPT2Config


def test_its_estimate_of_members_activations_is_near_what_a_pass_keeps(tokenizer, tmp_path):
    config = LlamaConfig(
        hidden_size=128, num_hidden_layers=6, intermediate_size=344, vocab_size=len(tokenizer), num_attention_heads=4
    )
    save_model(LlamaForCausalLM(config), tokenizer, tmp_path)
    network, _ = new_reward_model(tmp_path, members=5)
    batch = pad_batch([[5] * 40] * 8, [[6] * 24] * 8, 0)
    measured = kept_by(network, lambda: network.rewards(batch).sum())
    estimate = training_memory(config, tokens=8 * 64, precision="fp32", language_model=False, members=5)
    assert measured / 1.5 < estimate["activations"] < measured * 1.5


def test_json_alone_is_refused(capsys):
    with pytest.raises(SystemExit):
        run_recipe(dpo.DpoConfig, dpo.train_dpo, ["--config", "x", "--json"])
    assert "--json says how --dry-run speaks" in capsys.readouterr().err
