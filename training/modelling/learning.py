"""Learning in steps: the fields that recipes share, and the one loop that takes their steps.

A recipe brings its items, how long each is, and a function that yields the losses of some of them. The loop does what
is the same for all: batches of like length in an order that the seed decides, the learning rate's schedule, the
optimiser, lines of metrics, progress with the time left, checkpoints, and the guards against a loss that is not a
number or runs away.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch

from training.modelling import collectives, processes
from training.modelling.adapters import adapted, recomputing
from training.modelling.artifacts import RecipeError, RunDirectory
from training.modelling.batches import shuffled_batches
from training.modelling.checkpoints import load_checkpoint, origin_of, save_checkpoint
from training.modelling.configs import ExistingPath, ModelSource, require
from training.modelling.guards import Divergence, GoneWrongError, save_offending
from training.modelling.models import Precision, uses_bf16
from training.modelling.optimisation import build_optimizer, linear_schedule, update
from training.modelling.rankings import Edits, Encoding, Labels, MarginBy, Ties, Weights
from training.modelling.sharding import Sharded, Sharding, sharded
from training.modelling.snapshots import RankingRow, Split, read_edits, read_rankings, read_soft_rankings

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class LearningConfig:
    """What every recipe that learns in steps can be told; a recipe's own defaults stand in its own class."""

    out: str
    """The run directory."""
    seed: int = 0
    """Seeds the order."""
    threads: int = 0
    """CPU threads; 0 lets torch choose."""
    epochs: int = 1
    """Passes over what is learnt."""
    tokens_at_once: int = 16_384
    """Tokens of one forward pass. A step that has more is computed in parts; its gradient is the same."""
    lr: float
    """Peak learning rate of AdamW."""
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises from 0; after that it falls linearly to 0."""
    weight_decay: float = 0.0
    """AdamW's decoupled decay of weight matrices."""
    max_grad_norm: float = 1.0
    """The gradient is scaled down to this norm when it is longer."""
    precision: Precision = "auto"
    """Of the computation, over fp32 weights: "auto", "fp32" or "bf16"."""
    lora_rank: int = 0
    """Learn low-rank adapters of this rank beside every linear layer (LoRA), merged afterwards; 0 = all weights. 8 to
    64 is usual, with ten times the learning rate of full fine-tuning."""
    lora_alpha: float = 16.0
    """An adapter counts alpha / rank."""
    gradient_checkpointing: bool = False
    """Compute a layer's inner numbers again in the backward pass instead of keeping them: less memory, and 10 to 25 %
    slower."""
    sharding: Sharding = "none"
    """What each of torchrun's processes holds while it learns: "none" = the whole model, "full" = its share of the
    weights, gradients and AdamW's moments (FSDP), for models whose training no single GPU holds."""
    log_every: int = 5
    """Steps between lines of metrics.jsonl."""
    checkpoint_every: int = 100
    """Steps between checkpoints, from which an interrupted run goes on to the very same weights; 0 writes none."""
    resume_from: str = ""
    """The run directory of an earlier attempt at the same, whose last checkpoint is gone on from where this one has
    none. Empty = none."""
    licence: str = "unknown"
    """Of the model, as its card says; an identifier of the hub's such as "apache-2.0"."""
    diverged_at: float = 5.0
    """A run stops when its loss is above this many times its running median five times in a row, and above what it
    began with; 0 never."""

    def __post_init__(self) -> None:
        self.require_above_0("epochs", "tokens_at_once", "lr", "max_grad_norm", "log_every", "lora_alpha")
        for name in ("checkpoint_every", "diverged_at", "lora_rank", "weight_decay"):
            require(getattr(self, name) >= 0, f"The field {name!r} must not be below 0.")
        resumed = self.resume_from
        require(
            not resumed or Path(resumed).is_dir(), f"The field 'resume_from' names {resumed!r}, which is no directory."
        )
        require(0 <= self.warmup < 1, "The field 'warmup' is a share of the steps, from 0 to below 1.")

    def require_above_0(self, *names: str) -> None:
        """Raise ConfigError unless these fields are above 0."""
        for name in names:
            require(getattr(self, name) > 0, f"The field {name!r} must be above 0.")


@dataclass(frozen=True, kw_only=True)
class SnapshotLearningConfig(LearningConfig):
    """What every recipe that goes on from a model, and learns from a snapshot, can be told besides."""

    base: ModelSource
    """The model to start from: a run (of sft, say), a saved model, or a hub id. Where there is a reference, it is
    this one."""
    snapshot: ExistingPath
    """The snapshot to learn from."""
    max_prompt_tokens: int = 384
    """A longer prompt loses its beginning."""
    max_completion_tokens: int = 256
    """A longer completion loses its end, the end token included."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("max_prompt_tokens", "max_completion_tokens")


@dataclass(frozen=True, kw_only=True)
class RankingLearningConfig(SnapshotLearningConfig):
    """What every recipe that learns rankings can be told besides."""

    ties: Ties = "none"
    """Whether tied completions make no pair, or are learnt to be alike (Davidson's model)."""
    nu: float | None = None
    """How likely ties are between equals, nu / (2 + nu); null = so that it is the share of tied pairs in the train
    split."""
    weights: Weights = "none"
    """What a ranking weighs in the loss: "none" = all alike, "annotator" = what the snapshot says of its annotator, by
    what they have shown on gold. What is measured on held-out rankings is never weighted."""
    labels: Labels = "hard"
    """What a strict pair is learnt as: "hard" = what its annotator said, "soft" = right with the chance that all votes
    on it together give (`posterior` in the snapshot, weighted by what annotators have shown)."""
    margin_by: MarginBy = "ranks"
    """What `margin` is a multiple of: "ranks" = those between two completions, "strength" = how much better the
    annotator said that the better of two is, 1 to 3; where they were not asked, ranks again."""
    edits: Edits = "learn"
    """What an edited text teaches: "learn" = that it is better than the text that it was made of, a ranking of the two
    (Llama 3 learnt so, arXiv 2407.21783, section 4.2.1); "leave" = nothing. Axes learn nothing from it."""
    batch_rankings: int = 8
    """Rankings in a step; each brings its K completions."""
    encoding: Encoding = "auto"
    """How a ranking is encoded: "shared" = its prompt once for all completions, "once" = in a row for each completion,
    "auto" = shared where the model gives the same numbers so (decoders do, encoders do not)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("batch_rankings")
        require(self.nu is None or self.nu > 0, "The field 'nu' must be above 0.")
        require(self.ties == "davidson" or self.nu is None, "The field 'nu' needs 'ties' to be \"davidson\".")
        require(
            self.labels == "hard" or self.ties == "none",
            "The field 'labels' must be \"hard\" where ties are learnt: no vote says how sure a tie is.",
        )


def read_learnt(config: RankingLearningConfig, split: Split) -> list[RankingRow]:
    """Read the rankings of a split; those that are learnt with what the configuration wants to know of their pairs.

    What is learnt has edited texts, too. They are not among what is held out: who edits a text always prefers the
    result, so they would make an accuracy look better than people agree.
    """
    if split != "train":
        return read_rankings(config.snapshot, split)
    soft = config.labels == "soft"
    rankings = (read_soft_rankings if soft else read_rankings)(config.snapshot, split)
    edits = read_edits(config.snapshot, split) if config.edits == "learn" else []
    return rankings + (edits if soft else [replace(row, sure=None) for row in edits])


@dataclass(frozen=True)
class PartLoss:
    """What one part of a step gives."""

    loss: torch.Tensor
    """A scalar; the loss of the step is the sum of its parts'."""
    measured: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """Numbers by name, [P] each, one for each pair, say; their mean over the step becomes a metric."""
    seen: Callable[[], Mapping[str, torch.Tensor]] = dict
    """Tells a watcher what the part shows, and measures more of it; asked once, and only where the part counts: of
    sharded models parts are computed that count nothing, because other processes have more of them."""


class Watcher(Protocol):
    """Something that a recipe's losses tell what they saw, and that must know it again after an interruption."""

    @property
    def state(self) -> dict[str, Any]:
        """Plain values: numbers, texts, lists."""

    def restore(self, state: dict[str, Any]) -> None:
        """Know again what `state` says."""


def learn(
    config: LearningConfig,
    run: RunDirectory,
    model: torch.nn.Module,
    items: Sequence[T],
    *,
    lengths: Sequence[int],
    batch_size: int,
    losses: Callable[[Sequence[T]], Iterable[PartLoss]],
    after_epoch: Callable[[], Mapping[str, float]] | None = None,
    described: Callable[[T], Mapping[str, Any]] | None = None,
    inputs: Mapping[str, str] | None = None,
    part: str = "",
    batches: Callable[[random.Random], Iterable[list[T]]] | None = None,
    schedule: Callable[[int, int], float] | None = None,
    weigh: Callable[[Sequence[T]], float] = len,
    passes: Callable[[Sequence[T]], int] | None = None,
    watcher: Watcher | None = None,
    new_tokens: Sequence[int] = (),
) -> None:
    """Train `model` in place on `items`, whose `lengths` are in tokens, `batch_size` of them in a step.

    `losses` is given the items of a step and yields its parts one after another, each when the one before it has gone
    backward, so that only one is in memory. What `after_epoch` returns becomes a line of metrics; it is called with the
    model in evaluation mode. `described` says of an item what a person needs to find it, for the file that a run leaves
    when its loss is no number. `inputs` are the manifest's: a checkpoint made of others is refused. `part` tells the
    checkpoints of several calls in one run apart. `batches` gives the batches of an epoch in their order, where it
    matters, and `schedule` the factor on the learning rate at a step (from 0) of so many. `weigh` says what the loss of
    some items is divided by, which is how much a process's share of a step counts. `passes` says how many parts
    `losses` makes of some items: with `sharding` all processes must make as many. Raises RecipeError when the loss is
    not finite, or runs away. What a `watcher` has seen is kept in checkpoints. With `lora_rank` adapters learn, beside
    the embeddings of `new_tokens`, and are merged into the model at the end.
    """
    batches = batches or (lambda rng: shuffled_batches(items, lengths, batch_size, rng))
    schedule = schedule or (lambda step, steps: linear_schedule(step, steps, config.warmup))
    with (
        adapted(model, run, rank=config.lora_rank, alpha=config.lora_alpha, part=part, new_tokens=new_tokens),
        recomputing(model, config.gradient_checkpointing),
        sharded(model, config.sharding, bf16=uses_bf16(model, config.precision)) as shards,
    ):
        _Loop(
            config=config,
            run=run,
            model=model,
            items=items,
            batches=batches,
            schedule=schedule,
            losses=losses,
            after_epoch=after_epoch,
            described=described,
            inputs=inputs or {},
            part=part,
            weigh=weigh,
            passes=passes,
            watcher=watcher,
            shards=shards,
        ).go()


@dataclass
class _Loop(Generic[T]):
    """One call of `learn`, whose arguments these are."""

    config: LearningConfig
    run: RunDirectory
    model: torch.nn.Module
    items: Sequence[T]
    batches: Callable[[random.Random], Iterable[list[T]]]
    schedule: Callable[[int, int], float]
    losses: Callable[[Sequence[T]], Iterable[PartLoss]]
    after_epoch: Callable[[], Mapping[str, float]] | None
    described: Callable[[T], Mapping[str, Any]] | None
    inputs: Mapping[str, str]
    part: str
    weigh: Callable[[Sequence[T]], float]
    passes: Callable[[Sequence[T]], int] | None
    watcher: Watcher | None
    shards: Sharded | None

    def go(self) -> None:
        """Take all steps that are left, and leave the model in evaluation mode."""
        config = self.config
        self.optimizer = build_optimizer(self.model, lr=config.lr, weight_decay=config.weight_decay)
        self.steps = config.epochs * sum(1 for _ in self.batches(random.Random(config.seed)))
        size = {"items": len(self.items), "steps": self.steps, "processes": processes.count()}
        self.origin = origin_of(config, self.inputs, **size)
        done = self._resume()
        rng = random.Random(config.seed)
        step = 0
        for epoch in range(1, config.epochs + 1):
            self.model.train()
            for some in self.batches(rng):
                step += 1
                # What was done before the interruption is passed over, which leaves the order as it was.
                if step > done:
                    self._step(step, epoch, some)
            if step > done or (step == done and not self.measured):
                self._measure(step, epoch)
        self.model.eval()

    def _resume(self) -> int:
        """Return how many steps are done already."""
        found = load_checkpoint(
            self.run,
            self.part,
            resume_from=self.config.resume_from,
            origin=self.origin,
            model=self.model,
            optimizer=self.optimizer,
        )
        found = found or {"step": 0, "measured": False, "losses": [], "first": None}
        self.measured = found["measured"]
        self.divergence = Divergence(self.config.diverged_at, found["losses"], found["first"])
        if self.watcher and "watched" in found:
            self.watcher.restore(found["watched"])
        said = f"going on after step {found['step']}" if found["step"] else "training"
        self.run.progress(found["step"], self.steps, said)
        return found["step"]

    def _step(self, step: int, epoch: int, some: Sequence[T]) -> None:
        config, before = self.config, step - 1
        lr = config.lr * self.schedule(before, self.steps)
        measured: dict[str, list[torch.Tensor]] = {}
        choices = {"step": before, "lr": lr, "max_grad_norm": config.max_grad_norm, "sharded": self.shards is not None}
        try:
            loss, norm = update(self.model, self.optimizer, self._parts(some, measured), **choices)
            if step % config.log_every == 0 or step == self.steps:
                means = _means(measured)
                self.run.metrics(step, epoch=epoch, loss=loss, **means, lr=lr, grad_norm=norm)
                self.run.progress(step, self.steps, _in_words(loss, means))
            self.divergence.see(loss, before, norm)
        except GoneWrongError as error:
            describe = self.described or (lambda item: {"item": repr(item)})
            rows, numbers = [describe(item) for item in some], {"loss": error.loss, "grad_norm": error.norm, "lr": lr}
            raise RecipeError(save_offending(self.run, error, rows, step=before, **numbers)) from error
        if config.checkpoint_every and step % config.checkpoint_every == 0:
            self._save(step, measured=False)

    def _parts(self, some: Sequence[T], measured: dict[str, list[torch.Tensor]]) -> Iterable[torch.Tensor]:
        """The losses of this process's share of a step, as much as they count."""
        mine = processes.share(some)
        counts = self.weigh(mine) / self.weigh(some) if mine else 0.0
        parts = _noted(self.losses(mine), measured, counts) if mine else iter(())
        if self.shards is None:
            return parts
        by_process = [self.passes(share) if share else 0 for share in processes.shares(some)]
        stand_in = (mine or some)[:1]
        return self.shards.passes(
            parts,
            by_process[processes.rank()],
            max(by_process),
            # What counts nothing must still be computed: its layers are gathered with the others'.
            lambda: next(iter(self.losses(stand_in))).loss * 0.0,
        )

    def _measure(self, step: int, epoch: int) -> None:
        """Measure after an epoch, and keep what was measured where the epoch ended at a checkpoint."""
        self.model.eval()
        found = None
        if self.after_epoch and self.shards:
            found = self.shards.measure(self.after_epoch)
        elif self.after_epoch and processes.leads():
            found = self.after_epoch()
        if found:
            self.run.metrics(step, epoch=epoch, **found)
        if self.config.checkpoint_every and step % self.config.checkpoint_every == 0:
            self._save(step, measured=True)

    def _save(self, step: int, *, measured: bool) -> None:
        watched = {"watched": self.watcher.state} if self.watcher else {}
        save_checkpoint(
            self.run,
            self.part,
            origin=self.origin,
            step=step,
            model=self.model,
            optimizer=self.optimizer,
            more={"measured": measured, **self.divergence.state} | watched,
        )


def _noted(parts: Iterable[PartLoss], measured: dict[str, list[torch.Tensor]], counts: float) -> Iterator[torch.Tensor]:
    """Pass on the losses of the parts, as much as they count, and add what was measured to `measured`."""
    for part in parts:
        for name, values in {**part.measured, **part.seen()}.items():
            measured.setdefault(name, []).append(values.detach())
        yield part.loss if counts == 1 else part.loss * counts


def _means(measured: Mapping[str, Sequence[torch.Tensor]]) -> dict[str, float]:
    """Return the means of what the parts of a step measured, in all processes."""
    together = {name: torch.cat(list(values)).float() for name, values in measured.items()}
    if processes.count() == 1:
        return {name: values.mean().item() for name, values in together.items()}
    sums: dict[str, torch.Tensor] = {}
    for found in collectives.gathered({name: (v.sum().item(), len(v)) for name, v in together.items()}):
        for name, row in found.items():
            sums[name] = sums.get(name, torch.zeros(2, dtype=torch.float64)) + torch.tensor(row)
    return {name: (row[0] / row[1]).item() for name, row in sums.items()}


def _in_words(loss: float, means: Mapping[str, float]) -> str:
    pairs = f", pairs in the right order {means['accuracy']:.2f}" if "accuracy" in means else ""
    return f"loss {loss:.3f}{pairs}"
