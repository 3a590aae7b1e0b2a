"""PPO as a whole: it learns what is rewarded, refuses to go on when its assumptions break, and leaves its artifact."""

import copy
import json

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

from tests.recipes.small_artifacts import make_policy, make_reward, make_snapshot, run_program
from training.modelling.artifacts import RecipeError, hash_directory, read_manifest
from training.modelling.batches import pad_batch
from training.modelling.configs import ConfigError, build_config
from training.modelling.likelihoods import token_likelihoods
from training.recipes.ppo import (
    Networks,
    PPOConfig,
    answer_values,
    calibrate,
    collect_rollouts,
    endless_batches,
    improve,
    load_networks,
    optimise,
    train_ppo,
)

PAD, END, WANTED = 0, 1, 7
PROMPTS = [[3, 4, 5], [6, 2], [8, 9, 10, 11]]


class Marks:
    """All that sampling asks of a tokenizer."""

    pad_token_id = PAD
    eos_token_id = END


def count_of_wanted(prompts, answers):
    return torch.tensor([float(answer.count(WANTED)) for answer in answers])


def toy_networks(score=count_of_wanted, **extra):
    shape = {
        "vocab_size": 12,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "pad_token_id": PAD,
        "eos_token_id": END,
        "bos_token_id": None,
    } | extra
    torch.manual_seed(0)
    policy = LlamaForCausalLM(LlamaConfig(**shape))
    value = LlamaForSequenceClassification(LlamaConfig(**shape, num_labels=1))
    return Networks(policy=policy, reference=copy.deepcopy(policy), value=value, score=score, tokenizer=Marks)


def toy_config(**changes):
    values = {
        "out": "unused",
        "base": "unused",
        "reward": "unused",
        "snapshot": "unused",
        "iterations": 20,
        "epochs": 2,
        "prompts_per_iteration": 32,
        "max_completion_tokens": 8,
        "lr": 3e-3,
        "value_lr": 3e-3,
        "kl_coefficient": 0.02,
        "missing_end_penalty": 0.0,
    } | changes
    return PPOConfig(**values)


def run_toy(networks, config):
    history = []
    rollouts = optimise(networks, PROMPTS, config, lambda iteration, metrics: history.append((iteration, metrics)))
    return rollouts, [metrics for _, metrics in history]


@pytest.fixture(scope="module")
def learnt():
    return run_toy(toy_networks(), toy_config())[1]


def test_it_learns_to_say_what_is_rewarded(learnt):
    """A random policy says the wanted token half a time an answer; PPO makes it most of the answer's 8 tokens."""
    assert learnt[0]["score"] < 1.0
    assert learnt[-1]["score"] > 3.5


def test_it_pays_in_kl_for_what_it_learns(learnt):
    assert learnt[0]["kl"] == pytest.approx(0, abs=1e-4)
    assert learnt[-1]["kl"] > 2
    # Two estimates of one number, each from 32 answers.
    assert learnt[-1]["kl_k3"] == pytest.approx(learnt[-1]["kl"], rel=0.3)


def test_it_stays_nearer_to_the_reference_under_a_larger_coefficient(learnt):
    _, held = run_toy(toy_networks(), toy_config(kl_coefficient=2.0))
    assert held[-1]["kl"] < 0.25 * learnt[-1]["kl"]


def test_it_learns_to_end_when_a_missing_end_costs():
    networks = toy_networks(score=lambda prompts, answers: torch.zeros(len(answers)))
    _, history = run_toy(networks, toy_config(missing_end_penalty=2.0))
    assert history[0]["end_rate"] < 0.6
    assert history[-1]["end_rate"] > 0.9


def test_it_anneals_the_learning_rate_to_zero(learnt):
    rates = [metrics["lr"] for metrics in learnt]
    assert rates == pytest.approx([3e-3 * (1 - done / 20) for done in range(20)])


def test_it_stops_when_the_policy_has_gone_too_far():
    _, history = run_toy(toy_networks(), toy_config(stop_kl=1.0))
    assert len(history) < 20
    assert history[-1]["kl"] > 1.0
    assert all(metrics["kl"] <= 1.0 for metrics in history[:-1])


def test_it_raises_the_coefficient_while_the_kl_is_above_its_target():
    _, history = run_toy(toy_networks(), toy_config(kl_target=0.5, kl_horizon=100.0))
    for now, following in zip(history, history[1:], strict=False):
        change = min(max(now["kl"] / 0.5 - 1, -0.2), 0.2) * 32 / 100
        assert following["kl_coefficient"] == pytest.approx(now["kl_coefficient"] * (1 + change))
    assert history[-1]["kl_coefficient"] > 0.02


def test_it_repeats_itself_for_the_same_seed_only():
    runs = [run_toy(toy_networks(), toy_config(iterations=2, seed=seed))[1][-1] for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_it_takes_the_same_step_however_rows_are_grouped():
    """Padding and grouping must not change the gradient: equal metrics to 1e-4 after three updates."""
    whole, grouped = (run_toy(toy_networks(), toy_config(iterations=3, rows_per_forward=size))[1] for size in (32, 5))
    for left, right in zip(whole, grouped, strict=True):
        assert left == pytest.approx(right, abs=1e-4)


def test_it_ends_with_a_sentence_when_the_first_ratio_is_not_one():
    networks, config = toy_networks(), toy_config()
    generator = torch.Generator().manual_seed(0)
    rollouts = collect_rollouts(networks, PROMPTS, config, generator)
    rollouts.log_probs[1, 0] += 0.01
    optimizer = torch.optim.AdamW(networks.policy.parameters())
    with pytest.raises(RecipeError, match="probability ratio is 0.00995 away from 1"):
        improve(networks, optimizer, rollouts, config, 0.1, generator)


def test_it_ends_with_a_sentence_before_a_bad_reward_reaches_the_weights():
    networks = toy_networks(score=lambda prompts, answers: torch.full((len(answers),), float("nan")))
    before = copy.deepcopy(networks.policy.state_dict())
    with pytest.raises(RecipeError, match="The gradient of the policy is nan, which is not finite"):
        run_toy(networks, toy_config())
    assert all(torch.equal(weights, before[name]) for name, weights in networks.policy.state_dict().items())


def test_it_trains_without_dropout():
    """With dropout left on, the ratio before the first step would differ from 1 and the run would end."""
    networks = toy_networks(attention_dropout=0.5)
    for network in (networks.policy, networks.reference, networks.value):
        network.train()
    _, history = run_toy(networks, toy_config(iterations=2))
    assert history[0]["kl"] == pytest.approx(0, abs=1e-4)


def test_it_reads_log_probs_and_entropy_at_the_temperature_it_samples_with():
    policy = toy_networks().policy
    prompts, answers = [[3, 4, 5], [6, 2]], [[7, 8, END], [9, 10, 11, 5, 6]]
    found = token_likelihoods(policy, pad_batch(prompts, answers, PAD), temperature=0.7)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        with torch.no_grad():
            logits = policy(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1] / 0.7
        expected = torch.distributions.Categorical(logits=logits)
        places = slice(0, len(answer))
        torch.testing.assert_close(
            found.log_probs[row, places], expected.log_prob(torch.tensor(answer)), atol=1e-5, rtol=1e-5
        )
        torch.testing.assert_close(found.entropy[row, places], expected.entropy(), atol=1e-5, rtol=1e-5)
        assert found.mask[row].sum() == len(answer)
        assert (found.log_probs[row, len(answer) :] == 0).all()


def test_it_values_each_token_by_what_comes_before_it():
    networks = toy_networks()
    networks.value_shift, networks.value_scale = 0.5, 2.0
    prompts, answers = [[3, 4, 5], [6, 2]], [[7, 8, END], [9, 10, 11, 5, 6]]
    with torch.no_grad():
        values = answer_values(networks, pad_batch(prompts, answers, PAD))
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            for step in range(len(answer)):
                ids = torch.tensor([prompt + answer[:step]])
                raw = networks.value(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.item()
                assert values[row, step].item() == pytest.approx((raw - 0.5) / 2.0, abs=1e-5)


def test_it_asks_every_prompt_once_before_any_comes_again():
    batches = endless_batches([[index] for index in range(5)], 2, torch.Generator().manual_seed(0))
    asked = [prompt[0] for _ in range(5) for prompt in next(batches)]
    assert sorted(asked[:5]) == sorted(asked[5:]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"iterations": 0}, "'iterations' is 0; it must be above 0"),
        ({"gae_lambda": 1.5}, "'gae_lambda' is 1.5; it must be in 0..1"),
        ({"stop_kl": -1.0}, "'stop_kl' is -1.0; it must be above 0, or null"),
        ({"kl_coefficient": -0.1}, "must not be negative"),
        ({"calibration_answers": 1}, "needs 2 or more"),
    ],
)
def test_it_refuses_a_configuration_that_makes_no_sense(tmp_path, change, sentence):
    paths = {name: str(tmp_path) for name in ("out", "base", "reward", "snapshot")}
    with pytest.raises(ConfigError, match=sentence):
        build_config(PPOConfig, paths | change)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    root = tmp_path_factory.mktemp("artifacts")
    base = make_policy(root / "sft")
    reward = make_reward(root / "reward", base)
    snapshot = make_snapshot(root / "snapshot", prompts={"train": 12, "validation": 2, "test": 2})
    return {"base": str(base), "reward": str(reward), "snapshot": str(snapshot)}


def small_config(artifacts, out, **changes):
    sizes = {"iterations": 2, "prompts_per_iteration": 6, "max_completion_tokens": 10, "calibration_answers": 16}
    sizes |= {"max_prompt_tokens": 128, "threads": 1}
    return PPOConfig(out=str(out), **artifacts, **sizes, **changes)


@pytest.fixture(scope="module")
def finished(artifacts, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "ppo"
    train_ppo(small_config(artifacts, out))
    return out


def test_it_leaves_a_policy_that_loads_and_differs_from_the_base(finished, artifacts):
    trained = AutoModelForCausalLM.from_pretrained(finished / "model").state_dict()
    base = AutoModelForCausalLM.from_pretrained(f"{artifacts['base']}/model").state_dict()
    assert trained.keys() == base.keys()
    assert any(not torch.equal(trained[name], base[name]) for name in base)


def test_it_writes_a_line_of_metrics_for_each_iteration(finished):
    lines = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    watched = {"score", "kl", "kl_k3", "length", "end_rate", "entropy", "clip_fraction", "value_loss", "kl_coefficient"}
    assert watched <= lines[0].keys()
    assert json.loads((finished / "progress.json").read_text())["fraction"] == 1.0


def test_it_names_its_inputs_by_hash_and_its_results_with_intervals(finished, artifacts):
    manifest = json.loads((finished / "MANIFEST.json").read_text())
    assert (manifest["recipe"], manifest["kind"]) == ("ppo", "policy")
    assert manifest["inputs"] == {
        "base": hash_directory(artifacts["base"]),
        "reward": hash_directory(artifacts["reward"]),
        "snapshot": read_manifest(artifacts["snapshot"])["sha256"],
    }
    results = {result["name"]: result for result in manifest["results"]}
    assert results.keys() == {"train_score", "train_kl", "train_length", "train_end_rate"}
    assert all(result["lo"] <= result["value"] <= result["hi"] and result["n"] == 6 for result in results.values())


def test_it_scores_reference_answers_with_mean_zero_and_deviation_one(artifacts, tmp_path):
    config = small_config(artifacts, tmp_path / "ppo")
    networks, _ = load_networks(config, torch.device("cpu"))
    prompts = [[5, 6, 7, 8], [9, 10, 11]]
    calibrate(networks, prompts, PPOConfig(**{**vars(config), "calibration_answers": 400}))
    rollouts = collect_rollouts(networks, prompts * 100, config, torch.Generator().manual_seed(5))
    # 200 fresh answers: standard errors .07 and .05, and the calibration's own are .05 and .035.
    assert rollouts.scores.mean().item() == pytest.approx(0, abs=0.25)
    assert rollouts.scores.std().item() == pytest.approx(1, abs=0.25)


def test_a_reward_model_with_another_tokenizer_reads_the_answers_as_text(artifacts, tmp_path):
    other = make_policy(tmp_path / "other")
    tokenizer_file = other / "model" / "tokenizer.json"
    tokenizer = json.loads(tokenizer_file.read_text())
    tokenizer["model"]["merges"].pop()
    removed = max(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    del tokenizer["model"]["vocab"][removed]
    tokenizer_file.write_text(json.dumps(tokenizer))
    train_ppo(small_config({**artifacts, "base": str(other)}, tmp_path / "ppo"))
    assert read_manifest(tmp_path / "ppo")["results"]
    networks, _ = load_networks(small_config({**artifacts, "base": str(other)}, tmp_path / "ppo"), torch.device("cpu"))
    # The value network cannot be the reward model: it is the policy with a head of zeros.
    assert not networks.value.score.weight.any()
    assert (networks.value_shift, networks.value_scale, networks.value_is_reward) == (0.0, 1.0, False)


def test_it_refuses_a_snapshot_without_training_prompts(artifacts, tmp_path):
    empty = make_snapshot(tmp_path / "empty", prompts={"train": 0, "validation": 0, "test": 1})
    with pytest.raises(RecipeError, match="no training prompts"):
        train_ppo(small_config({**artifacts, "snapshot": str(empty)}, tmp_path / "ppo"))


def test_it_runs_as_a_program_and_gives_the_same_policy(artifacts, finished, tmp_path):
    """Another process, the same seed: the weights are equal to the last bit."""
    manifest = run_program("ppo", small_config(artifacts, tmp_path / "ppo"), tmp_path)
    files = json.loads((finished / "MANIFEST.json").read_text())["files"]
    assert manifest["files"]["model/model.safetensors"] == files["model/model.safetensors"]
