"""Checkpoints of learning that was interrupted: everything that the next step depends on, in one file.

    <out>/checkpoints/[<part>-]step-<n>.pt

A file is complete or not there: it is written beside its place, forced to disk and renamed, and the one before it goes
only after that. It holds the weights that learn, the optimiser's state, how many steps are done, the state of the
order's and of every other random number generator, the lines of metrics so far, and what it was made of: a run goes on
from it only with the same configuration, the same data and as many processes. Read with torch's `weights_only`, so
that a file from elsewhere can run no code.
"""

import dataclasses
import os
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch

from training.modelling import processes
from training.modelling.artifacts import CHECKPOINTS, RecipeError, RunDirectory
from training.modelling.sharding import gathered, share_of

NEITHER_HERE_NOR_THERE = frozenset({"out", "resume_from", "checkpoint_every", "log_every", "threads", "licence"})
"""Fields that may differ between the run that wrote a checkpoint and the one that goes on: weights do not depend on
them (on `threads` by rounding only)."""
_STEP = re.compile(r"step-(\d+)\.pt")


@dataclasses.dataclass(frozen=True)
class Origin:
    """What a checkpoint was made of; its reader must be made of the same."""

    config: Mapping[str, Any]
    """The configuration, without the fields on which no weight depends."""
    inputs: Mapping[str, str]
    """Hashes by role, as in the manifest."""
    size: Mapping[str, int]
    """How many items, steps and processes there are."""

    def require_same(self, other: Mapping[str, Any], file: Path) -> None:
        """Raise RecipeError with what differs from the checkpoint's origin `other`, if anything does."""
        way_out = "choose another `out`, or remove the checkpoint to start over."
        # A field that one of the two versions of the program does not have decides nothing.
        for name in sorted(self.config.keys() & other["config"].keys()):
            was, now = other["config"][name], self.config[name]
            if was != now:
                raise RecipeError(
                    f"{file} was made with another configuration: {name!r} was {was!r} and is {now!r}; set it back,"
                    f" {way_out}"
                )
        for role in sorted({*self.inputs, *other["inputs"]}):
            if other["inputs"].get(role) != self.inputs.get(role):
                raise RecipeError(f"{file} was made of other data: {role!r} has changed since; {way_out}")
        for what in sorted(self.size):
            was, now = other["size"].get(what), self.size[what]
            if was != now:
                raise RecipeError(f"{file} was made with {was} {what}, and now there are {now}; {way_out}")


def origin_of(config: Any, inputs: Mapping[str, str], **size: int) -> Origin:
    """Return the origin that a run of this configuration (a dataclass) writes into its checkpoints."""
    fields = dataclasses.asdict(config)
    return Origin({name: fields[name] for name in fields if name not in NEITHER_HERE_NOR_THERE}, dict(inputs), size)


def save_checkpoint(
    run: RunDirectory,
    part: str,
    *,
    origin: Origin,
    step: int,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    more: Mapping[str, Any],
) -> None:
    """Write the checkpoint of a step, then remove the older ones of that `part` of the run.

    `more` holds plain values and tensors of the caller's. All processes call this, and the first one writes: of a
    sharded model the whole.
    """
    state = learning_state(model, optimizer)
    if not processes.leads():
        return
    folder = run.path / CHECKPOINTS
    folder.mkdir(exist_ok=True)
    place = folder / f"{_prefix(part)}step-{step:08d}.pt"
    content = {
        "origin": dataclasses.asdict(origin),
        "step": step,
        **state,
        "random": random_states(),
        "metrics": (run.path / "metrics.jsonl").read_text(encoding="utf-8"),
        "more": dict(more),
    }
    temporary = place.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(place)
    for older in _checkpoints(run.path, part):
        if older != place:
            older.unlink(missing_ok=True)


def load_checkpoint(
    run: RunDirectory,
    part: str,
    *,
    resume_from: str,
    origin: Origin,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
) -> dict[str, Any] | None:
    """Put everything back as the last checkpoint has it, and return its `step` and `more`; None where there is none.

    The run directory's own checkpoint comes before that of `resume_from`. The lines of metrics become those of the
    checkpoint. Raises RecipeError when it cannot be read or is not of the same origin.
    """
    found = _checkpoints(run.path, part) or (_checkpoints(Path(resume_from), part) if resume_from else [])
    if not found:
        return None
    file = found[-1]
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in as many ways as it has places
        reason = " ".join(str(error).split())[:200]
        raise RecipeError(f"The checkpoint {file} cannot be read; remove it to start over: {reason}") from error
    origin.require_same(content["origin"], file)
    restore_learning_state(content, model, optimizer)
    run.replace_metrics(content["metrics"])
    restore_random_states(content["random"])
    return {"step": content["step"], **content["more"]}


def learning_state(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the weights that learn and the optimiser's state; all processes call this alike. Of a sharded model it is
    the whole, on the first process.
    """
    return gathered({"weights": dict(_learnt(model)), "optimizer": optimizer.state_dict()})


def restore_learning_state(state: Mapping[str, Any], model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put back what `learning_state` returned; each process takes its share."""
    with torch.no_grad():
        for name, parameter in _learnt(model):
            parameter.copy_(share_of(state["weights"][name], parameter))
    optimizer.load_state_dict(_shared(state["optimizer"], optimizer))


def _shared(state: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return an optimiser's whole state as the shares that this process has of its parameters."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    of_each = {
        number: {
            name: share_of(value, parameters[number]) if value.shape == parameters[number].shape else value
            for name, value in values.items()
        }
        for number, values in state["state"].items()
    }
    return {**state, "state": of_each}


def random_states() -> dict[str, Any]:
    """Return the states of Python's, NumPy's and torch's generators, in values that `weights_only` reads."""
    kind, keys, position, has_gauss, cached = numpy.random.get_state()
    states: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": (kind, torch.from_numpy(keys.astype("int64")), int(position), int(has_gauss), float(cached)),
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def restore_random_states(states: Mapping[str, Any]) -> None:
    """Put every generator back where `random_states` found it."""
    random.setstate(states["python"])
    kind, keys, position, has_gauss, cached = states["numpy"]
    numpy.random.set_state((kind, keys.numpy().astype("uint32"), position, has_gauss, cached))
    torch.set_rng_state(states["torch"])
    if torch.cuda.is_available() and "cuda" in states:
        torch.cuda.set_rng_state_all(states["cuda"])


def _learnt(model: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


def _prefix(part: str) -> str:
    return f"{part}-" if part else ""


def _checkpoints(out: Path, part: str) -> list[Path]:
    """The complete checkpoints of a part, oldest first."""
    prefix = _prefix(part)
    files = (out / CHECKPOINTS).glob(f"{prefix}step-*.pt")
    return sorted(file for file in files if _STEP.fullmatch(file.name.removeprefix(prefix)))
