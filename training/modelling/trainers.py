"""What our recipes add to TRL's trainers: lines of metrics, progress, checkpoints to go on from, guards, and sharding.

A trainer's checkpoint is a folder of many files, `<out>/checkpoints/checkpoint-<n>`; it counts as soon as it holds
`complete.json`, which is written last and says what the checkpoint was made of. The one before is removed after that.
"""

import contextlib
import dataclasses
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from transformers import PrinterCallback, TrainerCallback

from training.modelling import collectives, processes
from training.modelling.artifacts import CHECKPOINTS, RecipeError, RunDirectory, write_json
from training.modelling.checkpoints import Origin, learning_state, restore_learning_state
from training.modelling.guards import Divergence, GoneWrongError, NotFiniteError, save_offending
from training.modelling.sharding import Sharded

COMPLETE = "complete.json"
_FOLDER = "checkpoint-"
_LEARNT, _SCHEDULE = "learnt.pt", "schedule.pt"
"""What a checkpoint of a sharded model has in the place of the trainer's own files."""


class Reporter(TrainerCallback):
    """Writes the trainer's log lines as metrics and progress of the run, and stops it when it goes wrong."""

    def __init__(self, run: RunDirectory, *, diverged_at: float = 0.0) -> None:
        """A run whose logged losses are above `diverged_at` times their running median stops; 0 never does."""
        self.run = run
        self.divergence = Divergence(diverged_at)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock of the progress."""
        said = f"going on after step {state.global_step}" if state.global_step else "training"
        self.run.progress(state.global_step, state.max_steps, said)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Take the lines that carry a training loss; the summary at the end has none."""
        if not logs or "loss" not in logs:
            return
        loss, norm = float(logs["loss"]), float(logs["grad_norm"])
        if not math.isfinite(loss):
            raise NotFiniteError(step=state.global_step, loss=loss)
        if not math.isfinite(norm):
            raise NotFiniteError(step=state.global_step, loss=loss, norm=norm)
        self.run.metrics(
            state.global_step,
            epoch=float(logs["epoch"]),
            loss=loss,
            **self.measured(logs),
            lr=float(logs["learning_rate"]),
            grad_norm=norm,
        )
        self.run.progress(state.global_step, state.max_steps, f"loss {loss:.3f}")
        self.divergence.see(loss, state.global_step, norm)

    def measured(self, logs: dict[str, Any]) -> dict[str, float]:
        """What a line of metrics has of `logs` beside the loss."""
        return {"accuracy": float(logs["mean_token_accuracy"])}

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say that the last step is done, which need not be one that is logged."""
        self.run.progress(state.global_step, state.max_steps, "measuring on the validation split")


class Keeper(TrainerCallback):
    """Completes the trainer's checkpoints, and removes those before."""

    def __init__(self, run: RunDirectory, origin: Origin) -> None:
        self.run = run
        self.origin = origin

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say that the checkpoint is whole; the trainer has just written its last file."""
        if processes.count() > 1:
            # Each process writes the state of its own random generators.
            distributed.barrier()
        if not processes.leads():
            return
        folder = self.run.path / CHECKPOINTS / f"{_FOLDER}{state.global_step}"
        metrics = (self.run.path / "metrics.jsonl").read_text(encoding="utf-8")
        write_json(folder / COMPLETE, {"origin": dataclasses.asdict(self.origin), "metrics": metrics})
        for other in folder.parent.glob(f"{_FOLDER}*"):
            if other != folder:
                shutil.rmtree(other)


def saving(every: int, log_every: int, out: str) -> dict[str, Any]:
    """Return the trainer's arguments that write a checkpoint every so many steps, into the run directory `out`.

    The trainer forgets what it has summed for the next line of metrics; it saves where a line has just been written.
    """
    strategy = {"save_strategy": "steps", "save_steps": -(-every // log_every) * log_every} if every else {}
    return {"output_dir": str(Path(out) / CHECKPOINTS), "save_strategy": "no"} | strategy


def last_checkpoint(run: RunDirectory, origin: Origin, *, resume_from: str) -> str | None:
    """Return the folder of the last whole checkpoint or None, and put the metrics back as it has them.

    The run directory's own comes before that of `resume_from`. Raises RecipeError when it is of another origin.
    """
    found = _whole(run.path) or (_whole(Path(resume_from)) if resume_from else [])
    if not found:
        return None
    kept = json.loads((found[-1] / COMPLETE).read_text(encoding="utf-8"))
    origin.require_same(kept["origin"], found[-1])
    run.replace_metrics(kept["metrics"])
    return str(found[-1])


def _whole(out: Path) -> list[Path]:
    folders = [file.parent for file in (out / CHECKPOINTS).glob(f"{_FOLDER}*/{COMPLETE}")]
    return sorted(folders, key=lambda folder: int(folder.name.removeprefix(_FOLDER)))


class _InShares:
    """Lets a trainer learn a model of which each process holds a share.

    What accelerate has for that does nothing on CPUs: there its FSDP plugin is ignored, without a word, and every
    process holds the whole model. So the model is sharded as for every other recipe, and the trainer takes it for one
    that was sharded when it was loaded, which it neither wraps nor moves. It keeps no checkpoints of such models; this
    does.
    """

    shards: Sharded | None = None

    def learn_in(self, shards: Sharded | None, *, resume_from: str | None) -> None:
        """Take all steps; with `shards` each process holds its share of the model."""
        self.shards = shards
        self.is_distributed_loading_by_transformers = shards is not None
        self.train(resume_from_checkpoint=resume_from)
        self.shards = None

    def compute_loss(self, *args: Any, **fields: Any) -> Any:
        compute = partial(super().compute_loss, *args, **fields)
        return compute() if self.shards is None else self.shards(compute)

    @contextlib.contextmanager
    def _defer_fsdp_gradient_reduction(self) -> Iterator[None]:
        """Defer nothing: a part's gradients are summed at once, as whole ones would need a whole model's memory."""
        yield

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        if self.shards is None:
            super().save_model(output_dir, _internal_call)
            return
        state = learning_state(self.model, self.optimizer)
        if processes.leads():
            Path(output_dir).mkdir(parents=True, exist_ok=True)
            torch.save(state, Path(output_dir) / _LEARNT)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.shards is None:
            super()._save_optimizer_and_scheduler(output_dir)
        elif processes.leads():
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / _SCHEDULE)

    def _load_from_checkpoint(self, checkpoint: str, model: Any = None) -> None:
        if self.shards is None:  # else the weights come with the optimiser's state, which is not there yet
            super()._load_from_checkpoint(checkpoint, model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self.shards is None or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        state = torch.load(Path(checkpoint) / _LEARNT, map_location="cpu", weights_only=True)
        restore_learning_state(state, self.model, self.optimizer)
        self.lr_scheduler.load_state_dict(torch.load(Path(checkpoint) / _SCHEDULE, weights_only=True))


def guarded(
    trainer: type[Any], run: RunDirectory, described: Callable[[Sequence[int]], Mapping[str, Any]]
) -> type[Any]:
    """Return a subclass of a TRL trainer that leaves the rows at which a run stopped because it went wrong.

    A loss that is not finite stops it before any weight has changed.

    `described` says of a row's token ids what a person needs to find it.
    """

    class Guarded(_InShares, trainer):
        def __init__(self, *args: Any, **fields: Any) -> None:
            super().__init__(*args, **fields)
            self.remove_callback(PrinterCallback)  # the run itself says on the terminal how far it is

        def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
            self.last_ids = inputs["input_ids"].tolist()
            loss = super().training_step(model, inputs, num_items_in_batch)
            # A loss for which one process must not go on stops all of them.
            value = collectives.total(loss.item())
            if not math.isfinite(value):
                raise NotFiniteError(step=self.state.global_step, loss=value)
            return loss

        def train(self, *args: Any, **fields: Any) -> Any:
            try:
                return super().train(*args, **fields)
            except GoneWrongError as error:
                rows = [described(ids) for ids in self.last_ids]
                numbers = {"step": self.state.global_step, "loss": error.loss, "grad_norm": error.norm}
                raise RecipeError(save_offending(run, error, rows, **numbers)) from error

    Guarded.__name__ = trainer.__name__
    return Guarded
