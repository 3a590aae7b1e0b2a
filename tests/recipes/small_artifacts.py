"""The smallest artifacts that a recipe accepts, of the demo's world: random models, and a snapshot of rankings."""

import json
import random
import runpy
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from tests.recipes.snapshots import SPLITS, ranking, write_snapshot
from training.demo import world
from training.modelling.models import new_reward_model, save_model
from training.modelling.rewards import save_normalisation
from training.modelling.tiny import new_llama, train_tokenizer


def make_policy(path: Path, *, seed: int = 0, context: int = 256) -> Path:
    """A run directory with a random policy of some ten thousand weights; every seed has the same tokenizer."""
    dialogues = world.corpus(random.Random(0), 60)
    texts = [message["content"] for dialogue in dialogues for message in dialogue]
    tokenizer = train_tokenizer(texts, vocab_size=400, context=context)
    torch.manual_seed(seed)
    save_model(new_llama(tokenizer, hidden_size=32, layers=1, heads=2, context=context), tokenizer, path / "model")
    return path


def make_reward(path: Path, base: Path, *, seed: int = 0) -> Path:
    """A run directory with a random reward model on the trunk of `base`."""
    torch.manual_seed(seed)
    model, tokenizer = new_reward_model(base)
    save_model(model, tokenizer, path / "model")
    save_normalisation(path / "model", torch.tensor([-1.0, 0.0, 1.0]))
    return path


def make_snapshot(path: Path, *, prompts: dict[str, int], annotators: int = 1, noise: float = 0.0) -> Path:
    """A snapshot with `prompts` rankings per split and annotator: three replies in the order of gold plus noise."""
    rng = random.Random(1)
    rankings = {}
    for split in SPLITS:
        asked = world.prompts(0, split)[: prompts[split]]
        drawn = [(messages, distinct_replies(rng, messages)) for messages in asked]
        rankings[split] = [
            row_of(messages, replies, noisy_ranks(rng, messages, replies, noise), f"annotator-{number}")
            for messages, replies in drawn
            for number in range(annotators)
        ]
    return write_snapshot(path, rankings=rankings)


def distinct_replies(rng: random.Random, messages: world.Messages) -> list[str]:
    """Three replies whose gold scores differ."""
    case, found = world.parse(messages), {}
    while len(found) < 3:
        text = world.reply(rng, case, rng.random())
        found[world.gold(messages, text)] = text
    return list(found.values())


def noisy_ranks(rng: random.Random, messages: world.Messages, replies: list[str], noise: float) -> list[int]:
    """Ranks 1, 2, 3 by gold plus normal noise of that standard deviation."""
    worth = [world.gold(messages, text) + noise * rng.gauss(0, 1) for text in replies]
    return [1 + sum(other > mine for other in worth) for mine in worth]


def row_of(messages: world.Messages, replies: list[str], ranks: list[int], annotator: str) -> dict:
    """A row of the rankings table."""
    known = {"prompt_sha256": world.prompt_sha256(messages), "annotator": annotator}
    return ranking(messages[0]["content"], replies, ranks) | known | {"domain": world.parse(messages).domain}


def run_program(recipe: str, config, tmp_path: Path) -> dict:
    """Run `python -m training.recipes.<recipe>` as the product does, and return its manifest.

    In this process: loading torch and trl anew takes longer than the training.
    """
    file = tmp_path / f"{recipe}.json"
    file.write_text(json.dumps(config if isinstance(config, dict) else asdict(config)))
    run_module(f"training.recipes.{recipe}", "--config", str(file))
    out = config["out"] if isinstance(config, dict) else config.out
    return json.loads((Path(out) / "MANIFEST.json").read_text())


def run_module(module: str, *arguments: str) -> None:
    """What `python -m module arguments` does, in this process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", [module, *arguments])
        patched.delitem(sys.modules, module, raising=False)  # else runpy warns that it runs it twice
        runpy.run_module(module, run_name="__main__", alter_sys=True)
