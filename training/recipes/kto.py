"""Kahneman-Tversky optimisation: learn from answers that are good or bad by themselves, without pairs.

Flags and ratings say of one answer whether it is desirable; nobody has to have seen two. With r(x, y) = log pi(y|x) -
log pi_ref(y|x) (Ethayarajh et al. 2024, arXiv 2402.01306, eqs. 7 and 8):

    L(theta) = mean of  lambda_D (1 - sigmoid(beta (r(x, y) - z)))     y desirable
                        lambda_U (1 - sigmoid(beta (z - r(x, y))))     y undesirable
    z = max(0, mean over the rows of a forward pass of r(x, y')),      y' the answer to another row's prompt

Trained by TRL's KTOTrainer on token ids made by the functions that every other recipe uses; the reference is the base,
and its log-probabilities are computed once. `labels` says where good and bad come from: "flags" (a completion with an
undesirable flag is bad, one without any is good, in campaigns where people flag), "ratings" (good and bad ends of one
axis; the middle is left out) or "rankings" (the best and the worst rank; ties of all say nothing). lambda_D and
lambda_U make up for unequal numbers: lambda_D n_D = lambda_U n_U, the lower end of the paper's range [1, 4/3], by
raising the weight of the rarer kind.

The shifts of good and bad answers' log-probabilities are reported apart, on what is held out, too: KTO can lower both.
An alarm watches the good ones (displacement.py), from one line of metrics to the next.

Departures from the paper: rows are shuffled anew in each epoch, the last step is filled up with rows of a further one,
the learning rate falls linearly, and z is estimated over the rows that all processes pass forward at once, so that
`tokens_at_once` times their number should hold a whole step.

    python -m training.recipes.kto --config kto.json
    {"out": "var/runs/kto", "base": "var/runs/sft", "snapshot": "var/snapshots/1f3a", "labels": "flags"}
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from datasets.utils.logging import disable_progress_bar
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from trl import KTOConfig

from training.modelling import processes
from training.modelling.adapters import adapted, recomputing
from training.modelling.artifacts import RecipeError, Result, RunDirectory, hash_input
from training.modelling.batches import pad_batch
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.checkpoints import origin_of
from training.modelling.configs import require, run_recipe
from training.modelling.displacement import Alarm
from training.modelling.learning import SnapshotLearningConfig
from training.modelling.likelihoods import token_likelihoods
from training.modelling.memory import config_of
from training.modelling.models import (
    autocast,
    load_policy,
    load_tokenizer,
    parameter_count,
    prepare_process,
    require_context,
    save_model,
    uses_bf16,
)
from training.modelling.plans import Plan, counted
from training.modelling.previews import learning_plan
from training.modelling.reporting import mean_result
from training.modelling.sharding import sharded
from training.modelling.snapshots import SPLITS, Message, RatingRow, Split, read_rankings, read_ratings, require_rows
from training.modelling.trainers import Keeper, Reporter, guarded, last_checkpoint, saving
from training.modelling.unpaired import Judged, TokensKto, trainer_rows

Labels = Literal["flags", "ratings", "rankings"]


@dataclass(frozen=True, kw_only=True)
class KtoConfig(SnapshotLearningConfig):
    """Learn from answers that are good or bad by themselves (KTO)."""

    labels: Labels = "flags"
    """What says which answers are good: "flags", "ratings" or "rankings"."""
    undesirable_flags: list[str] = field(default_factory=list)
    """Flags that make an answer bad; empty = any. An answer with other flags only is left out."""
    axis: str = "helpful"
    """The axis of "ratings"."""
    desirable_from: int = 5
    """Ratings from here up are good (of 7)."""
    undesirable_to: int = 3
    """Ratings up to here are bad."""
    beta: float = 0.1
    """How strongly the policy is held to the reference (the paper's 0.1)."""
    desirable_weight: float | None = None
    """lambda_D; null = so that both kinds weigh alike."""
    undesirable_weight: float | None = None
    """lambda_U; null = so that both kinds weigh alike."""
    alarm: float = 0.1
    """Nats a token that good answers may lose against the reference, over about the latest 256 of them, before the
    metric `alarm` is 1: at 0.1 each of their tokens has become a tenth less likely."""
    alarm_stops: bool = False
    """Whether the alarm ends the run."""
    batch_size: int = 32
    """Answers in a step (the paper's 32); z needs several."""
    lr: float = 2e-4
    """Peak learning rate of AdamW. 2e-4 suits the embedded million parameters; for hub models use 5e-7 (the paper's) to
    5e-6."""
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises from 0; after that it falls linearly to 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("beta", "alarm")
        require(
            self.batch_size >= 2, "The field 'batch_size' must be 2 or more: z pairs an answer with another's prompt."
        )
        require(self.undesirable_to < self.desirable_from, "'undesirable_to' must be below 'desirable_from'.")
        for name in ("desirable_weight", "undesirable_weight"):
            value = getattr(self, name)
            require(value is None or value > 0, f"The field {name!r} must be above 0, or null.")


def train_kto(config: KtoConfig) -> None:
    """Train and save a policy as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=True)
    disable_progress_bar()
    run.progress(0, 1, "loading the model and the judgements")
    model, tokenizer = load_policy(config.base, device=device)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    judged = {split: read_judged(config, tokenizer, split) for split in ("train", "validation", "test")}
    for good, kind in ((True, "desirable"), (False, "undesirable")):
        rows = [row for row in judged["train"] if row.good == good]
        require_rows(rows, f"{kind} answers by {config.labels}", config.snapshot)
    weights = balance(config, judged["train"])
    print(f"{len(judged['train'])} answers to learn, {parameter_count(model)} parameters; weights {weights}")
    held_out = {split: judged[split] for split in ("validation", "test") if processes.leads()}
    before = {split: _log_probs(config, model, tokenizer, rows) for split, rows in held_out.items()}
    inputs = {"base": hash_input(config.base), "snapshot": hash_input(config.snapshot)}
    alarm = Alarm(config.alarm, stops=config.alarm_stops, remedy="lower 'lr' or raise 'beta'", of="answers")
    _train(config, run, model, tokenizer, judged["train"], weights, alarm, inputs)
    if not processes.leads():
        return
    model.eval()
    save_model(model, tokenizer, run.model)
    results: list[Result] = []
    for split, rows in held_out.items():
        after = _log_probs(config, model, tokenizer, rows)
        results += shifts(split, rows, [new - old for new, old in zip(after, before[split], strict=True)])
    run.write_manifest(
        recipe="kto",
        kind="policy",
        config=config,
        seed=config.seed,
        inputs=inputs,
        results=[*results, *_counts(judged["train"], weights), *alarm.results("kto")],
    )


def read_judged(config: KtoConfig, tokenizer: PreTrainedTokenizerBase, split: Split) -> list[Judged]:
    """Read and encode the good and the bad answers of one split, one row for each judgement."""
    found = {"flags": _by_flags, "ratings": _by_ratings, "rankings": _by_rank}[config.labels](config, split)
    return [
        Judged(
            encode_prompt(tokenizer, prompt, max_tokens=config.max_prompt_tokens),
            encode_completion(tokenizer, text, max_tokens=config.max_completion_tokens),
            good,
            sha256,
        )
        for prompt, text, good, sha256 in found
    ]


_Found = Iterator[tuple[list[Message], str, bool, str]]


def _by_flags(config: KtoConfig, split: Split) -> _Found:
    # Where nobody ever flags, no flag says nothing: such a campaign does not ask for them.
    asking = {row.campaign for row in read_ratings(config.snapshot, "train") if row.flags}
    wanted = set(config.undesirable_flags)
    for row in read_ratings(config.snapshot, split):
        if row.campaign in asking and (not row.flags or not wanted or wanted & set(row.flags)):
            yield row.prompt, row.text, not row.flags, row.prompt_sha256


def _by_ratings(config: KtoConfig, split: Split) -> _Found:
    for row in read_ratings(config.snapshot, split):
        value = _value(row, config.axis)
        if value is not None and not config.undesirable_to < value < config.desirable_from:
            yield row.prompt, row.text, value >= config.desirable_from, row.prompt_sha256


def _value(row: RatingRow, axis: str) -> int | None:
    return next((one["value"] for one in row.ratings if one["axis"] == axis), None)


def _by_rank(config: KtoConfig, split: Split) -> _Found:
    for row in read_rankings(config.snapshot, split):
        best, worst = min(row.ranks), max(row.ranks)
        for text, rank in zip(row.completions, row.ranks, strict=True):
            if best < worst and rank in (best, worst):
                yield row.prompt, text, rank == best, row.prompt_sha256


def balance(config: KtoConfig, rows: Sequence[Judged]) -> tuple[float, float]:
    """Return (lambda_D, lambda_U): as told, else 1 for the more frequent kind and more for the rarer one (eq. 8)."""
    good = sum(row.good for row in rows)
    bad = len(rows) - good
    told = (config.desirable_weight, config.undesirable_weight)
    if told == (None, None):
        return max(1.0, bad / good), max(1.0, good / bad)
    desirable = told[0] if told[0] is not None else told[1] * bad / good
    return desirable, told[1] if told[1] is not None else desirable * good / bad


def rows_at_once(config: KtoConfig, rows: Sequence[Judged]) -> int:
    """Return how many answers a process passes forward at once: a divisor of its share of the batch, two at least, so
    that z has a pair.
    """
    own = config.batch_size // processes.count()
    if own < 2 or own * processes.count() != config.batch_size:
        raise RecipeError(
            f"The field 'batch_size' is {config.batch_size}, which {processes.count()} processes cannot share so that"
            f" each has the same number, two or more; make it a multiple of {processes.count()}, and"
            f" {2 * processes.count()} at least."
        )
    fitting = max(config.tokens_at_once // max(len(row.prompt) + len(row.completion) for row in rows), 2)
    sizes = [size for size in range(2, own + 1) if own % size == 0]
    return max((size for size in sizes if size <= fitting), default=min(sizes))


def trainer_arguments(config: KtoConfig, weights: tuple[float, float], *, bf16: bool, at_once: int) -> KTOConfig:
    """Translate the configuration into TRL's words; nothing is reported but by this recipe."""
    return KTOConfig(
        **saving(config.checkpoint_every, config.log_every, config.out),
        seed=config.seed,
        num_train_epochs=1,  # the rows of all epochs stand one after another
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=config.batch_size // (at_once * processes.count()),
        beta=config.beta,
        desirable_weight=weights[0],
        undesirable_weight=weights[1],
        precompute_ref_log_probs=True,
        learning_rate=config.lr,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        bf16=bf16,
        use_cpu=not torch.cuda.is_available(),
        max_length=None,
        gradient_checkpointing=config.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        logging_steps=config.log_every,
        logging_nan_inf_filter=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
    )


class KtoReporter(Reporter):
    """Tells the shifts of good and bad answers apart, in nats of an answer, and z; and the alarm of the good ones.

    TRL tells their mean since the line before, which counts for as many good answers as so many steps have.
    """

    def __init__(self, run: RunDirectory, config: KtoConfig, rows: Sequence[Judged], alarm: Alarm) -> None:
        super().__init__(run, diverged_at=config.diverged_at)
        self.beta = config.beta
        self.alarm = alarm
        good = [len(row.completion) for row in rows if row.good]
        self.tokens = sum(good) / len(good)
        self.answers = max(1, round(config.log_every * config.batch_size * len(good) / len(rows)))

    def measured(self, logs: dict[str, Any]) -> dict[str, float]:
        """What a line of metrics has beside the loss; a step without good (or bad) answers has no shift of them."""
        found = {"kl": float(logs["kl"])}
        for name, key in (("chosen_shift", "rewards/chosen"), ("rejected_shift", "rewards/rejected")):
            if key in logs:
                found[name] = float(logs[key]) / self.beta
        if "chosen_shift" in found:
            found["alarm"] = float(self.alarm.watch([found["chosen_shift"] / self.tokens] * self.answers))
        return found


def _train(
    config: KtoConfig,
    run: RunDirectory,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Judged],
    weights: tuple[float, float],
    alarm: Alarm,
    inputs: dict[str, str],
) -> None:
    at_once = rows_at_once(config, rows)
    together = {"batch_size": config.batch_size, "at_once": at_once * processes.count()}
    origin = origin_of(config, inputs, rows=len(rows), processes=processes.count())
    with_tokens = guarded(TokensKto, run, lambda ids: {"text": tokenizer.decode(ids).replace(tokenizer.pad_token, "")})
    run.progress(0, 1, "computing the reference's log-probabilities")
    bf16 = uses_bf16(model, config.precision)
    with (
        recomputing(model, config.gradient_checkpointing),
        adapted(model, run, rank=config.lora_rank, alpha=config.lora_alpha) as learner,
    ):
        trainer = with_tokens(
            model=learner,
            args=trainer_arguments(config, weights, bf16=bf16, at_once=at_once),
            train_dataset=trainer_rows(rows, epochs=config.epochs, seed=config.seed, **together),
            processing_class=tokenizer,
            callbacks=[KtoReporter(run, config, rows, alarm), Keeper(run, origin)],
        )
        with sharded(model, config.sharding, bf16=bf16, mean=True) as shards:
            trainer.learn_in(shards, resume_from=last_checkpoint(run, origin, resume_from=config.resume_from))


@torch.no_grad()
def _log_probs(
    config: KtoConfig, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Judged]
) -> list[float]:
    """log pi(y|x) of each row, in nats."""
    model.eval()
    found: list[float] = []
    for start in range(0, len(rows), config.batch_size):
        some = rows[start : start + config.batch_size]
        batch = pad_batch(
            [row.prompt for row in some], [row.completion for row in some], tokenizer.pad_token_id, model.device
        )
        with autocast(model, config.precision):
            found += token_likelihoods(model, batch, entropy=False).log_probs.sum(-1).tolist()
    return found


def shifts(split: str, rows: Sequence[Judged], moved: Sequence[float]) -> list[Result]:
    """How far the log-probabilities of good and of bad held-out answers moved, each by itself."""
    results = []
    for name, good in (("chosen_shift", True), ("rejected_shift", False)):
        kept = [(value, row.prompt_sha256) for value, row in zip(moved, rows, strict=True) if row.good == good]
        if kept:
            values, clusters = zip(*kept, strict=True)
            kind = "desirable" if good else "undesirable"
            note = f"{len(values)} {kind} answers; n and interval are over prompts"
            results.append(
                mean_result(f"{split}_{name}", values, clusters, subject="kto", unit="nats/answer", note=note)
            )
    return results


def _counts(rows: Sequence[Judged], weights: tuple[float, float]) -> list[Result]:
    """How many answers of each kind were learnt, and with which weight."""
    found = []
    for kind, good, weight in (("desirable", True, weights[0]), ("undesirable", False, weights[1])):
        n = sum(row.good == good for row in rows)
        note = f"each with weight {weight:.3g}; counted, no interval"
        found.append(Result(name="data_answers", subject=kind, value=float(n), n=n, unit="answers", note=note))
    return found


def plan(config: KtoConfig) -> Plan:
    """Say what a run would do."""
    tokenizer = load_tokenizer(config.base)
    whole = replace(config, max_prompt_tokens=sys.maxsize, max_completion_tokens=sys.maxsize)
    counts = []
    for split in SPLITS:
        rows = read_judged(whole, tokenizer, split)
        limits = (config.max_prompt_tokens, config.max_completion_tokens)
        lengths = [list(zip((len(row.prompt), len(row.completion)), limits, strict=True)) for row in rows]
        counts.append(counted(split, lengths))
    require_rows(range(counts[0].rows), f"answers judged by {config.labels}", config.snapshot)
    return learning_plan(config, config_of(config.base), counts, batch_size=config.batch_size)


if __name__ == "__main__":
    run_recipe(KtoConfig, train_kto, plan=plan)
