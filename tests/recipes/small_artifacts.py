"""The smallest artifacts that a recipe accepts: random models of some ten thousand weights, a snapshot of the world."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import torch

from training.demo import world
from training.modelling.models import new_reward_model, save_model
from training.modelling.rewards import save_normalisation
from training.modelling.snapshots import SPLITS
from training.modelling.tiny import new_llama, train_tokenizer

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
SCHEMAS = {
    "rankings": {"prompt": MESSAGES, "completions": pa.list_(pa.string()), "ranks": pa.list_(pa.int64())},
    "comparisons": {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES},
    "demonstrations": {"messages": MESSAGES},
}
COMMON = ("prompt_sha256", "judgement", "annotator", "domain", "campaign")


def make_policy(path: Path, *, seed: int = 0, hidden_size: int = 32) -> Path:
    """A run directory with a random policy; every seed has the same tokenizer."""
    dialogues = world.corpus(random.Random(0), 60)
    texts = [message["content"] for dialogue in dialogues for message in dialogue]
    tokenizer = train_tokenizer(texts, vocab_size=400, context=256)
    torch.manual_seed(seed)
    model = new_llama(tokenizer, hidden_size=hidden_size, layers=1, heads=2, context=256)
    save_model(model, tokenizer, path / "model")
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
    for split in SPLITS:
        tables: dict[str, list[dict]] = {"rankings": [], "comparisons": [], "demonstrations": []}
        for number, messages in enumerate(world.prompts(0, split)[: prompts[split]]):
            replies = distinct_replies(rng, messages)
            for annotator in range(annotators):
                seen = sorted(replies, key=lambda text: -world.gold(messages, text) + noise * rng.gauss(0, 1))
                common = {
                    "prompt_sha256": world.prompt_sha256(messages),
                    "judgement": f"{split}-{number}-{annotator}",
                    "annotator": f"annotator-{annotator}",
                    "domain": world.parse(messages).domain,
                    "campaign": "world",
                }
                ranks = [seen.index(text) + 1 for text in replies]
                tables["rankings"].append({"prompt": messages, "completions": replies, "ranks": ranks, **common})
                for better in range(len(seen)):
                    for worse in range(better + 1, len(seen)):
                        pair = {"chosen": said(seen[better]), "rejected": said(seen[worse])}
                        tables["comparisons"].append({"prompt": messages, **pair, **common})
        for table, rows in tables.items():
            write_table(path / table / f"{split}.parquet", table, rows)
    (path / "MANIFEST.json").write_text(json.dumps({"format": 1, "sha256": "0" * 64}))
    return path


def distinct_replies(rng: random.Random, messages: world.Messages) -> list[str]:
    """Three replies whose gold scores differ."""
    case, found = world.parse(messages), {}
    while len(found) < 3:
        text = world.reply(rng, case, rng.random())
        found[world.gold(messages, text)] = text
    return list(found.values())


def said(text: str) -> list[dict[str, str]]:
    """A text as one assistant message."""
    return [{"role": "assistant", "content": text}]


def write_table(file: Path, table: str, rows: list[dict]) -> None:
    """Write one table of a snapshot, also when it has no rows."""
    file.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([*SCHEMAS[table].items(), *((name, pa.string()) for name in COMMON)])
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema=schema), file)
