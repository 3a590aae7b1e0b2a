"""Supervised fine-tuning of a policy on what people wrote or preferred.

The loss is the cross-entropy of the answer's tokens given the prompt; the prompt itself carries none (Ouyang et al.
2022, arXiv 2203.02155, section 3.5; the objective is eq. 1 of Radford et al. 2018 restricted to the answer):

    L(theta) = - 1/T * sum over tokens t of the answer, its end token included, of log p_theta(y_t | x, y_<t)

Trained by TRL's SFTTrainer. The conversations reach it as token ids with a mask, made by the same functions that every
other recipe uses, so that what is trained here is token for token what is scored and sampled there. Of a conversation,
the last answer is learnt, or with `turns` every assistant's turn; a written answer's `reasoning` is dropped or learnt
between think tags (conversations.py).

`source` says what to learn from: "demonstrations" (answers that people wrote) or "preferred" (of each ranking the
completions at the best rank, each once; a ranking in which all tie prefers nothing). The second is the baseline that
asks what rankings give beyond more good answers: "preferred-only SFT" (Rafailov et al. 2023, arXiv 2305.18290, section
6, "Preferred-FT"; filtered behaviour cloning elsewhere).

`sources` mixes in more snapshots and .jsonl files, with `mixture` in shares, and `safety_share` keeps a share of safety
data (mixtures.py); what a pass then holds, by source, is in the manifest and in report.json.

`knowledge` asks the base for the facts that answers state, and reports, weighs down or drops answers whose facts it
does not know (knowledge.py); knowledge.json then has each fact.

Departures from TRL's defaults: no gradient checkpointing, fp32 weights with autocast, no packing unless asked for (and
then only where it is shown that documents do not see each other, packing.py), linear decay, no dropout, and a loss that
is not finite stops the run.

    python -m training.recipes.sft --config sft.json
    {"out": "var/runs/sft", "seed": 0, "base": "var/runs/base", "snapshot": "var/snapshots/1f3a"}
    {"out": "var/runs/sft", "base": "hub/model", "snapshot": "var/snapshots/1f3a", "turns": "all", "packing": true,
     "sources": {"chats": "chats.jsonl", "safe": "refusals.jsonl"}, "safety": ["safe"], "safety_share": 0.1}
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from datasets import Dataset
from datasets.utils.logging import disable_progress_bar
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl import SFTConfig, SFTTrainer

from training.modelling import processes
from training.modelling.adapters import adapted, recomputing
from training.modelling.artifacts import RecipeError, Result, RunDirectory, write_json
from training.modelling.checkpoints import origin_of
from training.modelling.configs import require, run_recipe
from training.modelling.knowledge import KnowledgeConfig, examine
from training.modelling.memory import config_of
from training.modelling.models import (
    load_policy,
    load_tokenizer,
    parameter_count,
    prepare_process,
    require_context,
    save_model,
    uses_bf16,
)
from training.modelling.plans import Count, Plan, counted
from training.modelling.previews import learning_plan
from training.modelling.prompts import read_prompts
from training.modelling.sharding import sharded
from training.modelling.supervised.conversations import Conversation, Example
from training.modelling.supervised.fitting import held_out_loss
from training.modelling.supervised.mixtures import thinned
from training.modelling.supervised.packing import require_isolation
from training.modelling.supervised.reading import SNAPSHOT, count_split, encode_all, mix_pass, read_split
from training.modelling.supervised.style import TOLD, one_a_prompt, sampled, style_results, written
from training.modelling.trainers import Keeper, Reporter, guarded, last_checkpoint, saving


@dataclass(frozen=True, kw_only=True)
class SftConfig(KnowledgeConfig):
    """Supervised fine-tuning of a policy on what people wrote or preferred."""

    packing: bool = False
    """Pack several conversations into a row (best fit decreasing); refused where they would see each other."""
    pack_tokens: int = 1024
    """Tokens of a packed row. `batch_size` then counts such rows."""
    style_prompts: int = 64
    """Held-out prompts that the trained model answers for the report on length and style; 0 = no such report."""
    epochs: int = 3
    """Passes over the answers."""
    batch_size: int = 16
    """Answers in a step."""
    lr: float = 5e-4
    """Peak learning rate of AdamW. 5e-4 suits the embedded million parameters; for hub models use 2e-5 (up to 1 billion
    parameters, full fine-tuning) to 1e-5 (7 billion)."""
    weight_decay: float = 0.01
    """AdamW's decoupled decay of weight matrices."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("batch_size")
        require(self.style_prompts >= 0, "The field 'style_prompts' must not be below 0.")
        longest = self.max_prompt_tokens + self.max_completion_tokens
        said = f"max_prompt_tokens + max_completion_tokens ({longest})"
        fits = not self.packing or self.pack_tokens >= longest
        require(fits, f"The field 'pack_tokens' is {self.pack_tokens}; it must not be below {said}.")


def train_sft(config: SftConfig) -> None:
    """Train and save a policy as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=True)
    disable_progress_bar()
    run.progress(0, 1, "loading the model and the answers")
    model, tokenizer = load_policy(config.base, device=device)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    learnt, held_out = read_split(config, "train"), read_split(config, "validation")
    if config.packing:
        require_isolation(model)
    report: dict[str, Any] = {}
    results: list[Result] = []
    if config.knowledge != "off":
        run.progress(0, 1, "asking the base for the facts of the answers")
        gate = examine(config, model, tokenizer, learnt)
        learnt, results, report["knowledge"] = gate.kept, gate.results(), gate.as_dict()
        write_json(run.path / "knowledge.json", gate.lines)
    mixture = mix_pass(config, encode_all(config, tokenizer, learnt))
    print(f"{len(mixture.rows)} answers to learn, {parameter_count(model)} parameters")
    examples = encode_all(config, tokenizer, held_out)
    results += held_out_loss(config, model, tokenizer, examples, subject="base", batch_size=config.batch_size)
    inputs = config.hash_inputs()
    _train(config, run, model, tokenizer, mixture.rows, inputs)
    if not processes.leads():
        return
    save_model(model, tokenizer, run.model)
    results += held_out_loss(config, model, tokenizer, examples, subject="sft", batch_size=config.batch_size)
    style = _style(config, model, tokenizer, learnt, held_out)
    report |= {"data": mixture.as_dict(), "style": [result.as_dict() for result in style]}
    write_json(run.path / "report.json", report)
    run.write_manifest(
        recipe="sft",
        kind="policy",
        config=config,
        seed=config.seed,
        inputs=inputs,
        results=[*results, *mixture.results(), *(row for row in style if row.name in TOLD)],
    )


def _style(
    config: SftConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    learnt: Sequence[Conversation],
    held_out: Sequence[Conversation],
) -> list[Result]:
    """Length and style of what was learnt, of what people answer to held-out prompts, and of what the model answers."""
    asked = one_a_prompt(held_out or unanswered(config.snapshot), config.style_prompts)
    if not asked:
        return []
    answered = sampled(
        model,
        tokenizer,
        asked,
        max_prompt_tokens=config.max_prompt_tokens,
        max_completion_tokens=config.max_completion_tokens,
        seed=config.seed,
    )
    taught = written(tokenizer, learnt, config.reasoning)
    by_people = written(tokenizer, asked if held_out else [], config.reasoning)
    return [
        *style_results(taught, subject="learnt", note="all that is learnt, each once"),
        *style_results(by_people, subject="held out", note="to held-out prompts"),
        *style_results(answered, subject="sft", note="sampled at temperature 1, to held-out prompts"),
    ]


def unanswered(snapshot: str) -> list[Conversation]:
    """The validation split's prompts of every kind, without answers: where only other judgements are held out."""
    silence = {"role": "assistant", "content": ""}
    return [
        Conversation([*prompt.messages, silence], prompt.sha256, SNAPSHOT)
        for prompt in read_prompts(snapshot, ["validation"])
    ]


def _train(
    config: SftConfig,
    run: RunDirectory,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    inputs: dict[str, str],
) -> None:
    if any(example.weight < 1 for example in examples):
        config, examples = replace(config, epochs=1), thinned(examples, config.epochs, config.seed)
    known = {tuple(one.ids): one.prompt_sha256 for one in examples}

    def described(ids: Sequence[int]) -> dict[str, str]:
        text = tokenizer.decode(ids).replace(tokenizer.pad_token, "")
        own = tuple(token for token in ids if token != tokenizer.pad_token_id)
        return {"prompt_sha256": known.get(own, ""), "text": text}

    origin = origin_of(config, inputs, rows=len(examples), processes=processes.count())
    bf16 = uses_bf16(model, config.precision)
    with (
        recomputing(model, config.gradient_checkpointing),
        adapted(model, run, rank=config.lora_rank, alpha=config.lora_alpha) as learner,
    ):
        trainer = guarded(SFTTrainer, run, described)(
            model=learner,
            args=trainer_arguments(config, bf16=bf16, at_once=rows_at_once(config, examples)),
            train_dataset=trainer_rows(examples),
            processing_class=tokenizer,
            callbacks=[Reporter(run, diverged_at=config.diverged_at), Keeper(run, origin)],
        )
        with sharded(model, config.sharding, bf16=bf16, mean=True) as shards:
            trainer.learn_in(shards, resume_from=last_checkpoint(run, origin, resume_from=config.resume_from))


def trainer_rows(examples: Sequence[Example]) -> Dataset:
    """Return the rows as the columns that SFTTrainer takes for tokenised data."""
    return Dataset.from_list([{"input_ids": one.ids, "completion_mask": one.mask} for one in examples])


def rows_at_once(config: SftConfig, examples: Sequence[Example]) -> int:
    """Return how many answers one forward pass takes: a divisor of the batch, so that `tokens_at_once` suffices.

    Packed rows go one by one: in one forward pass they would become a single long row, and attention costs its square.
    """
    longest = config.tokens_at_once if config.packing else max(len(one.ids) for one in examples)
    fitting = max(config.tokens_at_once // longest, 1)
    own = config.batch_size // processes.count()
    if own * processes.count() != config.batch_size:
        raise RecipeError(
            f"The field 'batch_size' is {config.batch_size}, which {processes.count()} processes cannot share; make it"
            " a multiple of their number."
        )
    return max(rows for rows in range(1, own + 1) if own % rows == 0 and rows <= fitting)


def trainer_arguments(config: SftConfig, *, bf16: bool, at_once: int) -> SFTConfig:
    """Translate the configuration into TRL's words; nothing is reported but by this recipe.

    `at_once` of a step's answers are in a forward pass; their gradients add up.
    """
    return SFTConfig(
        **saving(config.checkpoint_every, config.log_every, config.out),
        seed=config.seed,
        num_train_epochs=config.epochs,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=config.batch_size // (at_once * processes.count()),
        learning_rate=config.lr,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        bf16=bf16,
        use_cpu=not torch.cuda.is_available(),
        completion_only_loss=True,
        packing=config.packing,
        packing_strategy="bfd",
        max_length=config.pack_tokens if config.packing else None,
        gradient_checkpointing=config.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        logging_steps=config.log_every,
        # The trainer's filter would replace a loss that is not finite by an average of finite ones.
        logging_nan_inf_filter=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
    )


def plan(config: SftConfig) -> Plan:
    """Say what a run would do."""
    tokenizer = load_tokenizer(config.base)
    (train, rows), (validation, _) = (count_split(config, tokenizer, split) for split in ("train", "validation"))
    mixed = mix_pass(config, rows).rows
    learnt = counted("a pass", [[(len(one.ids), len(one.ids))] for one in mixed])
    if config.packing:
        # Best fit decreasing wastes little: about as many rows as the tokens fill.
        packed = -(-learnt.tokens // config.pack_tokens)
        learnt = Count("a pass", packed, learnt.tokens, config.pack_tokens, 0)
    return learning_plan(config, config_of(config.base), [learnt, train, validation], batch_size=config.batch_size)


if __name__ == "__main__":
    run_recipe(SftConfig, train_sft, plan=plan)
