"""The optimiser, its schedule and the guard against a loss that is not a number; shared by the recipes' own loops."""

import math
from collections.abc import Iterable

import torch

from training.modelling import collectives
from training.modelling.guards import NotFiniteError
from training.modelling.sharding import whole


def build_optimizer(model: torch.nn.Module, *, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW over fp32 masters; weight decay is for matrices only, not for norms and biases."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=lr, fused=True)


def linear_schedule(step: int, steps: int, warmup: float) -> float:
    """Return the factor on the learning rate at `step` (from 0): up over `warmup` * steps, then down to 0.

    The first step already learns and the last one still does: factors lie in (0, 1].
    """
    rising = max(1, round(warmup * steps))
    if step < rising:
        return (step + 1) / rising
    return (steps - step) / max(1, steps - rising)


def update(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    losses: Iterable[torch.Tensor],
    *,
    step: int,
    lr: float,
    max_grad_norm: float,
    sharded: bool = False,
) -> tuple[float, float]:
    """Take one optimiser step at learning rate `lr`; return the loss, and the gradient's norm before clipping.

    The loss is the sum of `losses`: parts of one step that are too large together. Each is asked for when the one
    before it has gone backward, so that only one is in memory. Of several processes each brings its own, and all take
    the same step; where the model is `sharded`, each brings as many. Raises NotFiniteError when the loss or the
    gradient is not finite, before any weight has changed.
    """
    value = 0.0
    for loss in losses:
        # Where the processes go backward together, all must know of a loss for which none of them may.
        value += collectives.total(loss.item()) if sharded else loss.item()
        if not math.isfinite(value):
            break
        loss.backward()
    if not sharded:
        value = collectives.total(value)
    if not math.isfinite(value):
        raise NotFiniteError(step=step, loss=value)
    if not sharded:
        collectives.sum_gradients(model.parameters())
    norm = whole(torch.nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)).item()
    if not math.isfinite(norm):
        raise NotFiniteError(step=step, loss=value, norm=norm)
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return value, norm
