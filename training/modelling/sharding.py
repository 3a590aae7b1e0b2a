"""Sharding: each process holds a share of every weight, of its gradient and of AdamW's moments, and no more.

A layer's weights are gathered when the layer is computed, forward and again backward, and given up after it; gradients
are summed where their share lies (Rajbhandari et al. 2020, ZeRO, arXiv 1910.02054, stage 3; Zhao et al. 2023, FSDP,
arXiv 2304.11277). It is torch's `fully_shard`, for each layer of the trunk, and for all else (embedding, last norm,
heads) together. In bf16 the layers' weights are gathered in bf16 and their gradients summed in fp32; all else stays
fp32, so that a reward is computed in fp32 as without sharding.

Whatever gathers must be done by all processes at once. So all make as many passes in a step, those with fewer items
some that count nothing, and all measure what only the first one writes.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

import torch
from torch.distributed._composable_state import _module_state_mapping
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from training.modelling import processes
from training.modelling.end_layers import EndLayers
from training.modelling.errors import RecipeError

Sharding = Literal["none", "full"]
"""Whether each process holds the whole model while it learns, or its share of it."""

T = TypeVar("T")


class Sharded(torch.nn.Module):
    """A model whose shares the processes hold. What is called through it finds all weights that are in no layer."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, compute: Callable[[], T]) -> T:
        """Return what `compute` does with the model; all processes call this alike."""
        return compute()

    @torch.no_grad()
    def measure(self, compute: Callable[[], T]) -> T:
        """Return what `compute` measures of the model; all processes call this alike."""
        found = self(compute)
        self.reshard()  # no backward pass does it
        return found

    def passes(self, parts: Iterator[torch.Tensor], mine: int, most: int, idle: Callable[[], torch.Tensor]) -> Iterator:
        """Yield the losses of `parts`, of which this process has `mine`, and of `idle`, until it has made the `most`
        passes that any process makes; a loss is asked for when the one before it has gone backward."""
        for number in range(most):
            yield self((lambda: next(parts)) if number < mine else idle)


@contextlib.contextmanager
def sharded(model: torch.nn.Module, how: Sharding, *, bf16: bool, mean: bool = False) -> Iterator[Sharded | None]:
    """Within it each process holds its share of `model`, changed in place; after it each has the whole model again.

    Gradients are summed over the processes, or their `mean` is taken. Yields None where nothing is sharded. Raises
    RecipeError where there is one process, or no layer to shard by.
    """
    if how == "none":
        yield None
        return
    if processes.count() == 1:
        raise RecipeError(
            "The field 'sharding' is \"full\", but there is one process; start several with torchrun, or set it to"
            ' "none".'
        )
    layers = _layers(model)
    before = [(module, type(module), _hooks(module), set(vars(module))) for module in model.modules()]
    device = next(model.parameters()).device
    mesh = init_device_mesh(device.type, (processes.count(),))
    # Numbers between layers keep the precision that autocast gives them.
    policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
    for layer in layers:
        fully_shard(layer, mesh=mesh, mp_policy=policy if bf16 else MixedPrecisionPolicy())
    root = fully_shard(Sharded(model), mesh=mesh)
    for module in root.modules():
        if isinstance(module, FSDPModule):
            # A loss of our loop is a process's share of the step's already. gloo knows no mean: it is divided here.
            module.set_gradient_divide_factor(float(processes.count()) if mean else 1.0)
            module.set_force_sum_reduction_for_comms(True)
    yield root
    _make_whole(model)
    for module, kind, hooks, names in before:
        module.__class__ = kind
        _module_state_mapping.pop(module, None)  # torch has no way back, and RAFT shards the same model again
        for name in set(vars(module)) - names:
            delattr(module, name)
        vars(module).update(hooks)


def _layers(model: torch.nn.Module) -> list[torch.nn.Module]:
    """The layers of the trunk, and what each member of an ensemble has of its own."""
    trunk = model if isinstance(model, PreTrainedModel) else model.base_model
    layers = [module for module in trunk.modules() if isinstance(module, GradientCheckpointingLayer)]
    layers += [module for module in model.modules() if isinstance(module, EndLayers)]
    if not layers:
        raise RecipeError(f"{type(trunk).__name__} has no layers to shard by; set the field 'sharding' to \"none\".")
    return layers


def _hooks(module: torch.nn.Module) -> dict[str, Any]:
    return {name: copy.copy(value) for name, value in vars(module).items() if "_hooks" in name}


def _make_whole(model: torch.nn.Module) -> None:
    """Put whole weights in the place of shares; what was tied stays tied."""
    known: dict[DTensor, torch.nn.Parameter] = {}
    for module in model.modules():
        for name, share in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            if share not in known:
                known[share] = torch.nn.Parameter(whole(share.detach()), requires_grad=share.requires_grad)
            setattr(module, name, known[share])


def gathered(state: T) -> T:
    """Return nested values with whole tensors, on the CPU of the first process, in the place of shares.

    All processes call this alike; what the others get is of no use.
    """
    if isinstance(state, dict):
        return type(state)((name, gathered(value)) for name, value in state.items())
    if not isinstance(state, DTensor):
        return state
    found = whole(state.detach())
    return found.cpu() if processes.leads() else found.new_empty(0)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor of which this process has a share, or one that is whole already; all call this alike."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def share_of(value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return this process's share of a tensor, as it has that of `like`; all of it where that is no share."""
    if not isinstance(like, DTensor):
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
