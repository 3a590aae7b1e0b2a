"""The plans of recipes that learn in steps, or answer prompts: what `--dry-run` shows of them."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from training.modelling.chat import encode_prompt
from training.modelling.learning import LearningConfig, RankingLearningConfig
from training.modelling.memory import FP32, config_of, parameters_of, training_memory
from training.modelling.models import load_tokenizer
from training.modelling.plans import Count, Plan, counted
from training.modelling.processes import asked_for
from training.modelling.rankings import EncodedRanking, encode_rankings
from training.modelling.snapshots import SPLITS, Message, RankingRow, Split


def learning_plan(
    config: LearningConfig,
    architecture: Any,
    counts: Sequence[Count],
    *,
    batch_size: int,
    steps: int | None = None,
    language_model: bool = True,
    **parts: int | None,
) -> Plan:
    """Return the plan of learning the first of `counts`, `batch_size` of its rows in a step.

    `architecture` is the model's configuration, and `parts` what a reward model has beside it (see training_memory). A
    pass over more than a step has is never made.
    """
    learnt = counts[0]
    at_once = max(min(config.tokens_at_once, batch_size * learnt.longest), learnt.longest)
    shards = asked_for() if config.sharding == "full" else 1
    memory = training_memory(
        architecture,
        tokens=at_once,
        precision=config.precision,
        language_model=language_model,
        lora_rank=config.lora_rank,
        recomputed=config.gradient_checkpointing,
        shards=shards,
        **parts,
    )
    notes = [f"{at_once:,} tokens at once at most"]
    if config.sharding == "full":
        whole = FP32 * parameters_of(architecture, head=0) / 2**20
        notes += [
            f"memory is that of each of {shards} processes while they learn; torchrun's WORLD_SIZE says how many",
            f"before and after it each holds the whole model, {whole:,.1f} MiB and its head",
        ]
    taken = config.epochs * -(-learnt.rows // batch_size) if steps is None else steps
    return Plan(counts, taken, memory, notes)


def rankings_plan(
    config: RankingLearningConfig,
    *,
    language_model: bool,
    read: Callable[[Split], Sequence[RankingRow]],
    check: Callable[[Sequence[EncodedRanking]], None],
    **parts: int | None,
) -> Plan:
    """Return the plan of learning rankings, which `read` reads of a split; `check` raises where nothing is to learn.

    `parts` are those of `learning_plan`.
    """
    tokenizer = load_tokenizer(config.base)
    counts = []
    for split in SPLITS:
        rankings = encode_rankings(
            tokenizer,
            read(split),
            max_prompt_tokens=sys.maxsize,
            max_completion_tokens=sys.maxsize,
            weights=config.weights,
            ties=config.ties != "none" and split == "train",
            margin_by=config.margin_by if split == "train" else "ranks",
        )
        rows = [
            [(len(one.prompt), config.max_prompt_tokens)]
            + [(len(completion), config.max_completion_tokens) for completion in one.completions]
            for one in rankings
        ]
        counts.append(counted(split, rows))
        if split == "train":
            check(rankings)
    return learning_plan(
        config,
        config_of(config.base),
        counts,
        batch_size=config.batch_rankings,
        language_model=language_model,
        **parts,
    )


def prompts_count(
    tokenizer: PreTrainedTokenizerBase, name: str, prompts: Iterable[Sequence[Message]], most: int
) -> Count:
    """Count prompts of which at most `most` tokens are read."""
    return counted(name, [[(len(encode_prompt(tokenizer, messages)), most)] for messages in prompts])
