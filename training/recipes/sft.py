"""Supervised fine-tuning of a policy on what people wrote or preferred.

The loss is the cross-entropy of the answer's tokens given the prompt; the prompt itself carries none (Ouyang et al.
2022, arXiv 2203.02155, section 3.5; the objective is eq. 1 of Radford et al. 2018 restricted to the answer):

    L(theta) = - 1/T * sum over tokens t of the answer, its end token included, of log p_theta(y_t | x, y_<t)

Trained by TRL's SFTTrainer. The conversations reach it as token ids with a completion mask, made by the same functions
that every other recipe uses, so that what is trained here is token for token what is scored and sampled there; earlier
assistant messages of a conversation are context and carry no loss.

`source` says what to learn from: "demonstrations" (answers that people wrote) or "preferred" (of each ranking the
completions at the best rank, each once; a ranking in which all tie prefers nothing).

Departures from TRL's defaults: no gradient checkpointing, fp32 weights with autocast, no packing (documents would see
each other without flash attention), linear decay, no dropout, and a loss that is not finite stops the run.

    python -m training.recipes.sft --config sft.json
    {"out": "var/runs/sft", "seed": 0, "base": "var/runs/base", "snapshot": "var/snapshots/1f3a"}
"""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from datasets import Dataset
from datasets.utils.logging import disable_progress_bar
from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback
from trl import SFTConfig, SFTTrainer

from training.modelling.artifacts import RecipeError, Result, RunDirectory, hash_input
from training.modelling.batches import pad_batch
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.configs import ExistingPath, ModelSource, run_recipe
from training.modelling.learning import LearningConfig
from training.modelling.likelihoods import token_likelihoods
from training.modelling.models import (
    autocast,
    load_policy,
    parameter_count,
    prepare_process,
    require_context,
    save_model,
    uses_bf16,
)
from training.modelling.reporting import mean_result
from training.modelling.snapshots import Message, Split, read_demonstrations, read_rankings, require_rows

Source = Literal["demonstrations", "preferred"]


@dataclass(frozen=True, kw_only=True)
class SftConfig(LearningConfig):
    """Supervised fine-tuning of a policy on what people wrote or preferred."""

    base: ModelSource
    """The model to start from: a run of the base recipe, a saved model, or a hub id."""
    snapshot: ExistingPath
    """The snapshot to learn from."""
    source: Source = "demonstrations"
    """What to learn: "demonstrations" that people wrote, or the "preferred" completions of the rankings."""
    max_prompt_tokens: int = 384
    """A longer prompt loses its beginning."""
    max_completion_tokens: int = 256
    """A longer answer loses its end, the end token included."""
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
        self.require_above_0("max_prompt_tokens", "max_completion_tokens", "batch_size")


@dataclass(frozen=True)
class Answer:
    """One answer to learn, as token ids."""

    prompt: list[int]
    """Ids up to where the assistant speaks."""
    completion: list[int]
    """The answer's ids, with its end token unless it was cut."""
    prompt_sha256: str
    """What intervals are clustered by."""


def train_sft(config: SftConfig) -> None:
    """Train and save a policy as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads)
    disable_progress_bar()
    run.progress(0, 1, "loading the model and the answers")
    model, tokenizer = load_policy(config.base, device=device)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    answers = read_answers(config, tokenizer, "train")
    what = "demonstrations" if config.source == "demonstrations" else "rankings with a preferred completion"
    require_rows(answers, what, config.snapshot)
    print(f"{len(answers)} answers to learn, {parameter_count(model)} parameters")
    held_out = read_answers(config, tokenizer, "validation")
    results = _held_out_results(config, model, tokenizer, held_out, subject="base")
    _train(config, run, model, tokenizer, answers)
    save_model(model, tokenizer, run.model)
    results += _held_out_results(config, model, tokenizer, held_out, subject="sft")
    run.write_manifest(
        recipe="sft",
        kind="policy",
        config=config,
        seed=config.seed,
        inputs={"base": hash_input(config.base), "snapshot": hash_input(config.snapshot)},
        results=results,
    )


def read_answers(config: SftConfig, tokenizer: PreTrainedTokenizerBase, split: Split) -> list[Answer]:
    """Read and encode what one split of the snapshot offers to learn."""
    if config.source == "demonstrations":
        found = [(row.prompt, row.completion, row.prompt_sha256) for row in read_demonstrations(config.snapshot, split)]
    else:
        found = _preferred(config.snapshot, split)
    return [
        Answer(
            prompt=encode_prompt(tokenizer, prompt, max_tokens=config.max_prompt_tokens),
            completion=encode_completion(tokenizer, text, max_tokens=config.max_completion_tokens),
            prompt_sha256=sha256,
        )
        for prompt, text, sha256 in found
    ]


def _preferred(snapshot: str, split: Split) -> list[tuple[list[Message], str, str]]:
    """Return prompt, text and prompt_sha256 of each completion that some ranking puts first, each once."""
    unique: dict[tuple[str, str], tuple[list[Message], str, str]] = {}
    for row in read_rankings(snapshot, split):
        best = min(row.ranks)
        if max(row.ranks) > best:
            for text, rank in zip(row.completions, row.ranks, strict=True):
                if rank == best:
                    unique.setdefault((row.prompt_sha256, text), (row.prompt, text, row.prompt_sha256))
    return list(unique.values())


def _train(
    config: SftConfig,
    run: RunDirectory,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    answers: Sequence[Answer],
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=model,
            args=trainer_arguments(
                config,
                scratch,
                bf16=uses_bf16(model, config.precision),
                at_once=rows_at_once(config, answers),
            ),
            train_dataset=trainer_rows(answers),
            processing_class=tokenizer,
            callbacks=[Reporter(run)],
        )
        trainer.train()


def trainer_rows(answers: Sequence[Answer]) -> Dataset:
    """Return the answers as the columns that SFTTrainer takes for tokenised data."""
    return Dataset.from_list(
        [
            {
                "input_ids": answer.prompt + answer.completion,
                "completion_mask": [0] * len(answer.prompt) + [1] * len(answer.completion),
            }
            for answer in answers
        ]
    )


def rows_at_once(config: SftConfig, answers: Sequence[Answer]) -> int:
    """Return how many answers one forward pass takes: a divisor of the batch, so that `tokens_at_once` suffices."""
    longest = max(len(answer.prompt) + len(answer.completion) for answer in answers)
    fitting = max(config.tokens_at_once // longest, 1)
    return max(rows for rows in range(1, config.batch_size + 1) if config.batch_size % rows == 0 and rows <= fitting)


def trainer_arguments(config: SftConfig, scratch: str, *, bf16: bool, at_once: int) -> SFTConfig:
    """Translate the configuration into TRL's words; nothing is saved or reported but by this recipe.

    `at_once` of a step's answers are in a forward pass; their gradients add up.
    """
    return SFTConfig(
        output_dir=scratch,
        seed=config.seed,
        num_train_epochs=config.epochs,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=config.batch_size // at_once,
        learning_rate=config.lr,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        bf16=bf16,
        use_cpu=not torch.cuda.is_available(),
        completion_only_loss=True,
        packing=False,
        max_length=None,
        gradient_checkpointing=False,
        logging_steps=config.log_every,
        # The trainer's filter would replace a loss that is not finite by an average of finite ones.
        logging_nan_inf_filter=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        save_strategy="no",
        report_to="none",
    )


class Reporter(TrainerCallback):
    """Writes the trainer's log lines as metrics and progress of the run, and stops it when a number is not finite."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock of the progress."""
        self.run.progress(0, state.max_steps, "training")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Take the lines that carry a training loss; the summary at the end has none."""
        if not logs or "loss" not in logs:
            return
        loss, norm = float(logs["loss"]), float(logs["grad_norm"])
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise RecipeError(
                f"The loss is {loss} and the gradient {norm} at step {state.global_step}; lower the learning rate or "
                "compute in fp32."
            )
        self.run.metrics(
            state.global_step,
            epoch=float(logs["epoch"]),
            loss=loss,
            accuracy=float(logs["mean_token_accuracy"]),
            lr=float(logs["learning_rate"]),
            grad_norm=norm,
        )
        self.run.progress(state.global_step, state.max_steps, f"loss {loss:.3f}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say that the last step is done, which need not be one that is logged."""
        self.run.progress(state.global_step, state.max_steps, "measuring on the validation split")


@torch.no_grad()
def _held_out_results(
    config: SftConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    answers: Sequence[Answer],
    *,
    subject: str,
) -> list[Result]:
    """Loss per token of answers that are not trained on."""
    if not answers:
        return []
    model.eval()
    values: list[float] = []
    clusters: list[str] = []
    for start in range(0, len(answers), config.batch_size):
        some = answers[start : start + config.batch_size]
        prompts, completions = [answer.prompt for answer in some], [answer.completion for answer in some]
        with autocast(model, config.precision):
            likelihoods = token_likelihoods(
                model, pad_batch(prompts, completions, tokenizer.pad_token_id, model.device)
            )
        for answer, log_probs in zip(some, likelihoods.log_probs.tolist(), strict=True):
            values += [-value for value in log_probs[: len(answer.completion)]]
            clusters += [answer.prompt_sha256] * len(answer.completion)
    note = f"{len(answers)} answers of the validation split; n and interval are over prompts"
    return [mean_result("validation_loss", values, clusters, subject=subject, unit="nats/token", note=note)]


if __name__ == "__main__":
    run_recipe(SftConfig, train_sft)
