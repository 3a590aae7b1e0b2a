"""The parts of `./run bench learning`: the world's judgements as rows, what learns from them, and what gold says."""

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from annotate.quality.intervals import Estimate, clustered_mean, clustered_proportion
from tests.bench._gold_weights import annotator_weights
from training.demo import settings, world
from training.modelling.chat import decode_completion, encode_completion, encode_prompt
from training.modelling.configs import build_config
from training.modelling.contests import wins
from training.modelling.decoding import sample_completions
from training.modelling.models import load_policy
from training.modelling.rewards import load_reward
from training.modelling.snapshots import SPLITS, read_rankings
from training.recipes.dpo import DpoConfig, train_dpo
from training.recipes.reward import RewardConfig, train_reward

LIMITS = {"max_prompt_tokens": 384, "max_completion_tokens": 256}
FRESH = tuple(settings.DRAFTS.values())
ONE_THREAD = settings.ONE_THREAD


@dataclass(frozen=True)
class Sizes:
    """How much is judged, asked and answered."""

    rankings: int
    """Of the train split, that a reward model or policy learns from."""
    prompts: int
    """Held-out prompts that policies answer."""
    samples: int
    """Answers of a policy to each."""
    draws: int = 1
    """Disjoint sets of so many rankings, of each of which every reward arm learns; policies learn the first."""


def write_judgements(source: Path, folder: Path, seed: int, rankings: int, draw: int = 0) -> dict[str, Path]:
    """From a snapshot of the world's rankings: "whole" with the weights that gold gives annotators, and "pairs", where
    every strict pair of the same judgements is a ranking of two. No two draws have a judgement in common."""
    made = {name: folder / name for name in ("whole", "pairs")}
    if (folder / "done").exists():
        return made
    weights = annotator_weights(seed)
    for split in SPLITS:
        table = pq.read_table(source / "rankings" / f"{split}.parquet")
        rows = sorted(table.to_pylist(), key=lambda row: row["judgement"])
        random.Random(f"{split}/{seed}").shuffle(rows)
        rows = rows[draw * rankings : (draw + 1) * rankings] if split == "train" else rows
        rows = [row | {"weight": weights[row["annotator"]]} for row in rows]
        pairs = [pair for row in rows for pair in _as_pairs(row)] if split == "train" else rows
        for name, found in (("whole", rows), ("pairs", pairs)):
            for kind in ("rankings", "comparisons", "demonstrations"):
                file = made[name] / kind / f"{split}.parquet"
                file.parent.mkdir(parents=True, exist_ok=True)
                schema = pq.read_schema(source / kind / f"{split}.parquet")
                pq.write_table(pa.Table.from_pylist(found if kind == "rankings" else [], schema=schema), file)
    (folder / "done").touch()
    return made


def _as_pairs(row: dict) -> Iterator[dict]:
    for one, other in combinations(range(len(row["ranks"])), 2):
        if row["ranks"][one] != row["ranks"][other]:
            both = {
                name: [row[name][one], row[name][other]] for name in ("completions", "completion_sha256", "producers")
            }
            first = row["ranks"][one] < row["ranks"][other]
            yield row | both | {"ranks": [1, 2] if first else [2, 1], "judgement": f"{row['judgement']}-{one}{other}"}


def train(recipe: str, out: Path, fields: dict) -> dict:
    """Run a recipe in this process, unless it has been run; returns its manifest with the CPU seconds it took."""
    if not (out / "MANIFEST.json").exists():
        config_type, run = {"reward": (RewardConfig, train_reward), "dpo": (DpoConfig, train_dpo)}[recipe]
        out.mkdir(parents=True, exist_ok=True)
        started = time.process_time()
        with (out / "log.txt").open("w") as log, contextlib.redirect_stdout(log):
            run(build_config(config_type, {**ONE_THREAD, **LIMITS, **fields, "out": str(out)}))
        (out / "cpu.json").write_text(json.dumps(time.process_time() - started))
    return json.loads((out / "MANIFEST.json").read_text()) | {"cpu": json.loads((out / "cpu.json").read_text())}


def _once(file: Path, measure: Callable[[], list]) -> list:
    """What is measured, read from `file` where it was measured before."""
    if not file.exists():
        file.write_text(json.dumps(measure()))
    return json.loads(file.read_text())


def gold_pairs(seed: int) -> list[tuple[world.Messages, list[str]]]:
    """[(messages, replies)] that nobody judged: to every held-out prompt one reply of each draft quality."""
    rng = random.Random(f"fresh/{seed}")
    asked = [world.parse(messages) for split in ("validation", "test") for messages in world.prompts(seed, split)]
    return [(world.prompt(case), [world.reply(rng, case, quality) for quality in FRESH]) for case in asked]


def seed_of_draw(seed: int, draw: int) -> int:
    """What a reward model of a draw starts and shuffles by; that of the first draw is the world's."""
    return seed + 1000 * draw


def gold_accuracy_of(reward: Path, seed: int) -> list[tuple[str, float]]:
    """(prompt, right) for each pair of replies of different gold: 1 where the reward prefers the better, ties 0.5."""
    return _once(reward / "gold.json", lambda: _gold_accuracy_of(reward, seed))


def _gold_accuracy_of(reward: Path, seed: int) -> list[tuple[str, float]]:
    model = load_reward(reward)
    asked = gold_pairs(seed)
    prompts = [encode_prompt(model.tokenizer, messages) for messages, replies in asked for _ in replies]
    replies = [encode_completion(model.tokenizer, text) for _, texts in asked for text in texts]
    scores = iter(model.score(prompts, replies).tolist())
    found = []
    for messages, texts in asked:
        worth = [(world.gold(messages, text), next(scores)) for text in texts]
        for (one, mine), (other, theirs) in combinations(worth, 2):
            if one != other:
                right = 0.5 if mine == theirs else float((mine > theirs) == (one > other))
                found.append((f"{seed}/{world.prompt_sha256(messages)}", right))
    return found


def gold_of_answers(policy: Path, sizes: Sizes, seed: int) -> list[tuple[str, float]]:
    """(prompt, gold) of a policy's answers to held-out prompts, prompt by prompt; every policy draws alike."""
    return _once(policy / f"gold-{sizes.prompts}-{sizes.samples}.json", lambda: _gold_of_answers(policy, sizes, seed))


def _gold_of_answers(policy: Path, sizes: Sizes, seed: int) -> list[tuple[str, float]]:
    model, tokenizer = load_policy(policy)
    asked = [messages for messages in world.prompts(seed, "test")[: sizes.prompts] for _ in range(sizes.samples)]
    prompts = [encode_prompt(tokenizer, messages) for messages in asked]
    generator = torch.Generator().manual_seed(seed)
    answers = sample_completions(model.eval(), tokenizer, prompts, LIMITS["max_completion_tokens"], 1.0, generator)
    return [
        (
            f"{seed}/{world.prompt_sha256(messages)}",
            world.gold(messages, decode_completion(tokenizer, ids), ids[-1] == tokenizer.eos_token_id),
        )
        for messages, ids in zip(asked, answers, strict=True)
    ]


def win_rate(mine: Sequence[tuple[str, float]], theirs: Sequence[tuple[str, float]], samples: int) -> list:
    """(prompt, 1, 0.5 or 0) for each pair of one of my answers and one of theirs to the same prompt, by gold."""
    prompts = [prompt for prompt, _ in mine]
    shares, clusters = wins([gold for _, gold in mine], [gold for _, gold in theirs], prompts, samples)
    return list(zip(clusters, shares, strict=True))


def mean(found: Sequence[tuple[str, float]]) -> Estimate:
    """The mean with its interval by prompt."""
    clusters, values = zip(*found, strict=True)
    return clustered_mean(values, clusters)


def share(found: Sequence[tuple[str, float]]) -> Estimate:
    """The same of shares."""
    clusters, values = zip(*found, strict=True)
    return clustered_proportion(values, clusters)


def difference(mine: Sequence[tuple[str, float]], theirs: Sequence[tuple[str, float]]) -> Estimate:
    """The mean of mine less theirs, of parallel lists, with its interval by prompt."""
    assert [prompt for prompt, _ in mine] == [prompt for prompt, _ in theirs]
    values = np.array([value for _, value in mine]) - np.array([value for _, value in theirs])
    return clustered_mean(values, [prompt for prompt, _ in mine])


def difference_of_models(mine: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """The mean of what my models are better by than theirs that learnt the same draws, with its interval over draws."""
    return clustered_mean(np.array(mine) - np.array(theirs), range(len(mine)))


def strict_pairs_of_a_ranking(snapshot: Path) -> float:
    """How many strict pairs a ranking of the train split has on average."""
    rows = read_rankings(snapshot, "train")
    return sum(len(row.pairs) for row in rows) / len(rows)
