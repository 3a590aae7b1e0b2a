"""Train a tokenizer and a tiny Llama from scratch: the base model of a machine that has none.

The loss is next-token cross-entropy over the whole text, prompts included (Radford et al. 2018, "Improving Language
Understanding by Generative Pre-Training", eq. 1):

    L(theta) = - 1/T * sum_t log p_theta(x_t | x_1 .. x_{t-1})

Departures: documents are not packed into one long row, so that none is read as the continuation of another; a batch
holds documents of like length instead. The last batch counts its own tokens. No dropout. Byte-level BPE, so that any
text can be written with the vocabulary. For real work start from a pretrained model instead: this recipe exists so
that the whole loop runs where nothing can be downloaded.

    python -m training.recipes.base --config base.json
    {"out": "var/runs/base", "seed": 0, "corpus": "world"}
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from training.modelling import processes
from training.modelling.artifacts import Result, RunDirectory, hash_input
from training.modelling.batches import runs_within, within
from training.modelling.configs import ExistingPath, require, run_recipe
from training.modelling.corpora import WORLD, read_corpus
from training.modelling.learning import LearningConfig, PartLoss, learn
from training.modelling.models import autocast, parameter_count, prepare_process, save_model
from training.modelling.plans import Plan, counted
from training.modelling.previews import learning_plan
from training.modelling.reporting import mean_result
from training.modelling.tiny import new_llama, train_tokenizer

HELD_OUT_EVERY = 50


@dataclass(frozen=True, kw_only=True)
class BaseConfig(LearningConfig):
    """Train a tokenizer and a tiny Llama from scratch."""

    seed: int = 0
    """Seeds weights, order and the world's dialogues."""
    corpus: Literal["world"] | ExistingPath = "world"
    """ "world" (the demo), a snapshot directory (its train split), or a .txt or .jsonl file of one text a line."""
    documents: int = 14_000
    """Dialogues to draw when the corpus is "world"; ignored for files and snapshots."""
    vocab_size: int = 1024
    """Tokens of the vocabulary, of which 5 are special and 256 are bytes."""
    hidden_size: int = 128
    """Width of the model; with 4 layers and 1,024 tokens about 0.9 million parameters."""
    layers: int = 4
    """Number of transformer blocks."""
    heads: int = 4
    """Attention heads; divides hidden_size."""
    context: int = 1024
    """Tokens that the model can read; longer documents are cut here."""
    batch_size: int = 32
    """Documents in a step."""
    lr: float = 2e-3
    """Peak learning rate of AdamW. 2e-3 suits a million parameters from scratch; 100 million want 3e-4 to 6e-4."""
    weight_decay: float = 0.01
    """AdamW's decoupled decay of weight matrices."""
    log_every: int = 10
    """Steps between lines of metrics.jsonl."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(not self.lora_rank, "The field 'lora_rank' must be 0: random weights have nothing to adapt.")
        require(self.vocab_size >= 261, "The field 'vocab_size' must be at least 261: 5 special tokens and 256 bytes.")
        require(self.hidden_size % (2 * self.heads) == 0, "The field 'hidden_size' must be a multiple of 2 * heads.")
        self.require_above_0("documents", "layers", "heads", "context", "batch_size")


def train_base(config: BaseConfig) -> None:
    """Train and save a base model as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=True)
    run.progress(0, 1, "reading the corpus and training the tokenizer")
    tokenizer, documents = _read(config)
    rows = [document[: config.context] for document in documents]
    held_out, rows = rows[: len(rows) // HELD_OUT_EVERY], rows[len(rows) // HELD_OUT_EVERY :]
    model = _new_model(config, tokenizer).to(device)
    print(f"{len(rows)} documents, {sum(map(len, rows))} tokens, {parameter_count(model)} parameters")
    inputs = {} if config.corpus == WORLD else {"corpus": hash_input(config.corpus)}
    learn(
        config,
        run,
        model,
        rows,
        lengths=[len(row) for row in rows],
        batch_size=config.batch_size,
        losses=partial(_losses, config, model, tokenizer.pad_token_id),
        passes=lambda some: runs_within(config.tokens_at_once, [len(row) for row in some]),
        described=lambda row: {"text": tokenizer.decode(row)},
        inputs=inputs,
        weigh=lambda some: sum(len(row) - 1 for row in some),
    )
    if not processes.leads():
        return
    run.progress(1, 1, "saving the model and measuring on held-out documents")
    save_model(model, tokenizer, run.model)
    results = _results(config, model, held_out, tokenizer.pad_token_id)
    run.write_manifest(recipe="base", kind="policy", config=config, seed=config.seed, inputs=inputs, results=results)


def _read(config: BaseConfig) -> tuple[PreTrainedTokenizerBase, list[list[int]]]:
    """Return a new tokenizer and all documents in the order of which the first are held out, uncut."""
    documents = read_corpus(config.corpus, documents=config.documents, seed=config.seed)
    tokenizer = train_tokenizer(
        (text for document in documents for text in document.texts()),
        vocab_size=config.vocab_size,
        context=config.context,
    )
    rows = [row for document in documents if len(row := document.encode(tokenizer)) > 1]
    random.Random(config.seed).shuffle(rows)
    return tokenizer, rows


def _new_model(config: BaseConfig, tokenizer: PreTrainedTokenizerBase) -> LlamaForCausalLM:
    return new_llama(
        tokenizer,
        hidden_size=config.hidden_size,
        layers=config.layers,
        heads=config.heads,
        context=config.context,
    )


def plan(config: BaseConfig) -> Plan:
    """Say what a run would do."""
    tokenizer, rows = _read(config)
    held_out = len(rows) // HELD_OUT_EVERY
    counts = [
        counted(name, [[(len(row), config.context)] for row in some])
        for name, some in (("train", rows[held_out:]), ("held out", rows[:held_out]))
    ]
    with torch.device("meta"):
        architecture = _new_model(config, tokenizer).config
    return learning_plan(config, architecture, counts, batch_size=config.batch_size)


def _losses(config: BaseConfig, model: torch.nn.Module, pad: int, rows: Sequence[list[int]]) -> Iterator[PartLoss]:
    """Yield the loss of each part of a step: its share of the mean over all tokens."""
    tokens = sum(len(row) - 1 for row in rows)
    for first, last in within(config.tokens_at_once, [len(row) for row in rows]):
        with autocast(model, config.precision):
            losses = token_losses(model, rows[first:last], pad)
        yield PartLoss(losses.sum() / tokens)


def token_losses(model: torch.nn.Module, rows: Sequence[list[int]], pad: int) -> torch.Tensor:
    """Return the loss of each next token in nats, [N, T-1] fp32, 0 at padding."""
    device = next(model.parameters()).device
    width = max(len(row) for row in rows)
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows], device=device)
    # Padding on the right is invisible to every real token, so that attention needs no mask.
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
    targets = ids[:, 1:].masked_fill(ids[:, 1:] == pad, -100)
    return cross_entropy(logits.transpose(1, 2), targets, reduction="none")


@torch.no_grad()
def _results(config: BaseConfig, model: torch.nn.Module, held_out: list[list[int]], pad: int) -> list[Result]:
    """Held-out loss per token over documents that were not trained on (one in fifty)."""
    model.eval()
    values, clusters = [], []
    for start in range(0, len(held_out), config.batch_size):
        rows = held_out[start : start + config.batch_size]
        with autocast(model, config.precision):
            losses = token_losses(model, rows, pad)
        for number, (row, of_tokens) in enumerate(zip(rows, losses.tolist(), strict=True), start=start):
            values += of_tokens[: len(row) - 1]
            clusters += [number] * (len(row) - 1)
    if not values:
        return []
    note = "documents that were not trained on; n and interval are over documents"
    return [mean_result("held_out_loss", values, clusters, subject="base", unit="nats/token", note=note)]


if __name__ == "__main__":
    run_recipe(BaseConfig, train_base, plan=plan)
