"""Each recipe run as its user runs it: a program with a JSON file, seconds on a tiny model."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.recipes.small_artifacts import run_program
from tests.recipes.snapshots import comparison, ranking, write_snapshot
from training.modelling.artifacts import RECORDS, RecipeError, hash_directory, hash_files, read_manifest
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.configs import ConfigError, build_config
from training.modelling.models import load_policy
from training.modelling.rewards import load_reward
from training.recipes.base import BaseConfig, train_base
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.reward import RewardConfig, train_reward

ROOT = Path(__file__).parents[2]
SHORT = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64, "log_every": 1}
QUESTION = [{"role": "user", "content": "My lamp test 40 is broken."}]


def start(recipe: str, config: dict, tmp_path: Path) -> subprocess.Popen:
    file = tmp_path / f"{recipe}.json"
    file.write_text(json.dumps(config))
    return subprocess.Popen(
        [sys.executable, "-m", f"training.recipes.{recipe}", "--config", str(file)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(recipe: str, config: dict, tmp_path: Path) -> dict:
    """Run a recipe to its end and return its manifest, whose files must be those on disk."""
    manifest = run_program(recipe, config, tmp_path)
    out = Path(config["out"])
    assert manifest["files"] == hash_files(out, exclude=RECORDS)
    assert json.loads((out / "config.json").read_text()) == manifest["config"]
    assert manifest["config"].items() >= config.items()
    assert json.loads((out / "progress.json").read_text())["fraction"] == 1.0
    return manifest


def metrics(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def results(manifest: dict) -> dict[tuple[str, str], dict]:
    return {(result["name"], result["subject"]): result for result in manifest["results"]}


def assert_intervals(manifest: dict, n: int) -> None:
    assert manifest["results"]
    for result in manifest["results"]:
        if result["name"] == "lowest_chosen_shift":  # of training, not of held-out prompts
            continue
        assert result["n"] == n
        assert result["lo"] <= result["value"] <= result["hi"]


def test_it_trains_a_base_model_of_a_snapshot_from_scratch(snapshot, tmp_path):
    config = {"out": str(tmp_path / "base"), "corpus": str(snapshot), "vocab_size": 300, "hidden_size": 32, "layers": 1}
    config |= {"heads": 2, "context": 128, "epochs": 4, "batch_size": 8, "lr": 0.01, "threads": 1, "log_every": 1}
    manifest = finish("base", config, tmp_path)
    assert (manifest["recipe"], manifest["kind"]) == ("base", "policy")
    assert manifest["inputs"] == {"corpus": json.loads((snapshot / "MANIFEST.json").read_text())["sha256"]}
    losses = [line["loss"] for line in metrics(tmp_path / "base")]
    # ln 300 = 5.7 nats for a model that knows nothing; the corpus is a handful of sentences.
    assert losses[0] > 5
    assert losses[-1] < 2
    model, tokenizer = load_policy(tmp_path / "base")
    assert model.config.vocab_size == len(tokenizer) <= 300


def test_it_fine_tunes_on_demonstrations(base, snapshot, tmp_path):
    config = SHORT | {
        "out": str(tmp_path / "sft"),
        "base": str(base),
        "snapshot": str(snapshot),
        "epochs": 20,
        "batch_size": 8,
        "lr": 0.01,
    }
    manifest = finish("sft", config, tmp_path)
    assert (manifest["recipe"], manifest["kind"]) == ("sft", "policy")
    assert manifest["inputs"]["base"] == hash_directory(base)
    found = results(manifest)
    assert found["data_rows", "snapshot"]["value"] == found["style_words", "learnt"]["n"] == 24
    measured = [row for row in manifest["results"] if row["subject"] in ("base", "sft", "held out")]
    assert_intervals({"results": measured}, n=6)
    assert found["validation_loss", "sft"]["hi"] < 0.5 < 4 < found["validation_loss", "base"]["lo"]
    model, tokenizer = load_policy(tmp_path / "sft")
    prompt = encode_prompt(tokenizer, QUESTION)
    answer = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=30)[0, len(prompt) :]
    assert tokenizer.decode(answer) == "Please send it back. Thank you.<|end|>"
    # It answers about as long as it was taught to: six words.
    report = json.loads((tmp_path / "sft/report.json").read_text())
    style = {(row["name"], row["subject"]): row["value"] for row in report["style"]}
    assert style["style_words", "learnt"] == style["style_words", "held out"] == 6
    assert 4 < style["style_words", "sft"] < 8


def test_it_learns_the_order_of_the_rankings(base, snapshot, tmp_path):
    config = SHORT | {"out": str(tmp_path / "reward"), "base": str(base), "snapshot": str(snapshot), "lr": 0.01}
    manifest = finish("reward", config, tmp_path)
    assert (manifest["recipe"], manifest["kind"]) == ("reward", "reward")
    assert_intervals(manifest, n=6)
    found = results(manifest)
    assert found["test_accuracy", "reward"]["value"] == 1.0
    # "Please send it back." is longer than "Send it back.", which is longer than "Go away.": length explains it all.
    assert found["test_accuracy", "longer answer"]["value"] == 1.0
    reward = load_reward(tmp_path / "reward")
    prompt = encode_prompt(reward.tokenizer, QUESTION)
    texts = ["Please send it back.", "Send it back.", "Go away."]
    scores = reward.score([prompt] * 3, [encode_completion(reward.tokenizer, text) for text in texts])
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    # The six validation prompts have too few completions, so the reference is the train split.
    assert json.loads((tmp_path / "reward/model/reward_normalisation.json").read_text())["n"] == 24 * 3


def test_it_moves_the_preferred_answers_above_the_rejected_ones(base, snapshot, tmp_path):
    config = SHORT | {
        "out": str(tmp_path / "dpo"),
        "base": str(base),
        "snapshot": str(snapshot),
        "lr": 0.003,
        "epochs": 4,
    }
    manifest = finish("dpo", config, tmp_path)
    assert (manifest["recipe"], manifest["kind"]) == ("dpo", "policy")
    assert_intervals(manifest, n=6)
    found = results(manifest)
    assert found["test_accuracy", "dpo"]["value"] > 0.9
    assert found["test_chosen_shift", "dpo"]["lo"] > found["test_rejected_shift", "dpo"]["hi"]
    lines = metrics(tmp_path / "dpo")
    # Before the first step the policy is the reference: no shift, and a loss of ln 2.
    assert lines[0]["loss"] == pytest.approx(0.693147, abs=1e-4)
    assert lines[0]["chosen_shift"] == pytest.approx(0, abs=1e-3)
    assert lines[-1]["margin"] > lines[0]["margin"]


def test_it_refuses_a_bad_configuration_in_one_sentence(tmp_path):
    process = start("base", {"out": str(tmp_path / "run"), "learning_rate": 0.1}, tmp_path)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert printed.startswith("The configuration has an unknown field 'learning_rate'; ")
    assert printed.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_it_leaves_no_manifest_when_it_is_terminated(snapshot, tmp_path):
    out = tmp_path / "run"
    config = {"out": str(out), "corpus": str(snapshot), "epochs": 100_000, "threads": 1, "log_every": 1}
    process = start("base", config, tmp_path)
    deadline = time.monotonic() + 60
    while not ((out / "metrics.jsonl").exists() and (out / "metrics.jsonl").stat().st_size):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=3) == -signal.SIGTERM
    assert not (out / "MANIFEST.json").exists()


def test_it_makes_the_same_weights_from_the_same_seed_and_others_from_another(base, snapshot, tmp_path):
    hashes = {}
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        where = {"base": str(base), "snapshot": str(snapshot), "seed": seed, **SHORT}
        train_reward(build_config(RewardConfig, {"out": str(tmp_path / name / "reward"), "epochs": 1, **where}))
        train_dpo(build_config(DpoConfig, {"out": str(tmp_path / name / "dpo"), **where}))
        small = {"hidden_size": 32, "layers": 1, "heads": 2, "threads": 1, "seed": seed, "corpus": str(snapshot)}
        train_base(build_config(BaseConfig, {"out": str(tmp_path / name / "base"), **small}))
        hashes[name] = [
            json.loads((tmp_path / name / recipe / "MANIFEST.json").read_text())["sha256"]
            for recipe in ("reward", "dpo", "base")
        ]
    assert hashes["one"] == hashes["two"]
    assert all(one != three for one, three in zip(hashes["one"], hashes["three"], strict=True))


def test_it_stops_when_the_loss_is_no_number(base, snapshot, tmp_path):
    broken, tokenizer = load_policy(base)
    with torch.no_grad():
        broken.model.norm.weight.fill_(float("nan"))
    broken.save_pretrained(tmp_path / "broken")
    tokenizer.save_pretrained(tmp_path / "broken")
    config = {"out": str(tmp_path / "run"), "base": str(tmp_path / "broken"), "snapshot": str(snapshot), **SHORT}
    with pytest.raises(RecipeError, match="The loss is nan at step 0"):
        train_dpo(build_config(DpoConfig, config))
    assert not (tmp_path / "run/MANIFEST.json").exists()


def test_it_says_that_a_snapshot_has_nothing_to_learn(base, tmp_path):
    write_snapshot(tmp_path / "ties", rankings={"train": [ranking("Why?", ["a", "b"], [1, 1])]})
    config = {"out": str(tmp_path / "run"), "base": str(base), "snapshot": str(tmp_path / "ties"), **SHORT}
    with pytest.raises(RecipeError, match="no rankings with a strict pair in its train split"):
        train_reward(build_config(RewardConfig, config))


def test_it_saves_what_any_transformers_program_reads(base, snapshot, tmp_path):
    config = {"out": str(tmp_path / "run"), "base": str(base), "snapshot": str(snapshot), **SHORT}
    train_dpo(build_config(DpoConfig, config))
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "run/model")
    assert (model.config.pad_token_id, model.config.eos_token_id) == (0, 1)


@pytest.mark.parametrize("fields", [{"loss": "plackett_luce", "centring": 0.01}, {"ties": "davidson", "margin": 0.5}])
def test_rewards_are_learnt_of_whole_rankings_and_of_ties(base, tmp_path, fields):
    rows = [ranking(f"Why {n}?", ["Go away.", "Please wait.", "Please, wait."], [2, 1, 1]) for n in range(12)]
    snapshot = write_snapshot(tmp_path / "snapshot", rankings={"train": rows, "validation": rows[:4]})
    config = {"out": str(tmp_path / "run"), "base": str(base), "snapshot": str(snapshot), **SHORT}
    train_reward(build_config(RewardConfig, config | {"epochs": 6, "batch_rankings": 4, "lr": 3e-3} | fields))
    results = {one["name"]: one["value"] for one in read_manifest(tmp_path / "run")["results"]}
    assert results["validation_accuracy"] > 0.9


def test_two_recipes_learn_soft_labels_and_margins_of_strength(base, tmp_path):
    """Votes at odds make a pair even, whoever said what; a pair that is sure is learnt at the distance it was given."""
    even = [ranking(f"Why {n}?", ["Go away.", "Please wait."], [1 + n % 2, 2 - n % 2]) for n in range(8)]
    sure = [ranking(f"How {n}?", ["Go away.", "Please, wait."], [2, 1], strength=3) for n in range(8)]
    pairs = [comparison(row, *((0, 1) if row["ranks"] == [1, 2] else (1, 0)), 0.5) for row in even]
    pairs += [comparison(row, 1, 0, 0.99) for row in sure]
    tables = {"rankings": {"train": [*even, *sure], "test": sure[:4]}, "comparisons": {"train": pairs}}
    snapshot = write_snapshot(tmp_path / "snapshot", **tables)
    config = SHORT | {"base": str(base), "snapshot": str(snapshot), "labels": "soft", "lr": 3e-3, "epochs": 4}
    config |= {"batch_rankings": 4, "margin": 0.1, "margin_by": "strength"}
    for name, kind, recipe in (("reward", RewardConfig, train_reward), ("dpo", DpoConfig, train_dpo)):
        recipe(build_config(kind, config | {"out": str(tmp_path / name)}))
        found = results(read_manifest(tmp_path / name))
        assert found["test_accuracy", name]["value"] == 1.0


def test_the_reward_recipe_goes_through_the_rankings_once_unless_it_is_told(base, snapshot):
    assert build_config(RewardConfig, {"out": "nowhere", "base": str(base), "snapshot": str(snapshot)}).epochs == 1


def test_it_says_that_nobody_said_how_much_better(base, snapshot, tmp_path):
    config = SHORT | {"out": str(tmp_path / "run"), "base": str(base), "snapshot": str(snapshot), "margin": 0.1}
    with pytest.raises(RecipeError, match="says how much better the better one is"):
        train_reward(build_config(RewardConfig, config | {"margin_by": "strength"}))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"labels": "soft", "loss": "plackett_luce"}, "'labels' must be \"hard\" with the loss"),
        ({"labels": "soft", "ties": "davidson"}, "where ties are learnt"),
        ({"labels": "soft", "axes": {"helpful": 1.0}}, "leave them out where 'axes'"),
        ({"margin_by": "strength"}, "does nothing without a 'margin'"),
        ({"loss": "plackett_luce", "ties": "davidson"}, 'with the loss "bradley_terry" only'),
        ({"loss": "plackett_luce", "margin": 1.0}, "'margin' does nothing"),
        ({"nu": 1.0}, "needs 'ties' to be"),
        ({"centring": -1.0}, "'centring' must not be below 0"),
    ],
)
def test_the_reward_recipe_refuses_what_would_do_nothing(base, snapshot, fields, said):
    with pytest.raises(ConfigError, match=said):
        build_config(RewardConfig, {"out": "nowhere", "base": str(base), "snapshot": str(snapshot), **fields})
