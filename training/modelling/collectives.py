"""How the processes of one run talk: they prove that all are there, and sum numbers and gradients.

gloo on CPUs, nccl on GPUs. Alone, nothing here does anything.
"""

import atexit
import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from training.modelling import processes
from training.modelling.errors import RecipeError

PATIENCE = timedelta(hours=2)
"""How long a process waits for the others: the first one measures alone after each epoch."""
AT_ONCE = 1 << 25
"""Numbers of gradients that are summed in one message."""
_GIVEN_BY_TORCHRUN = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def join() -> None:
    """Form the group that the environment asks for, and prove that all are there; raise RecipeError when they are not.

    The proof is a sum of ones over all of them.
    """
    wanted = processes.asked_for()
    if wanted == 1 or processes.count() > 1:
        return
    missing = [name for name in _GIVEN_BY_TORCHRUN if name not in os.environ]
    if missing:
        raise RecipeError(
            f"WORLD_SIZE is {wanted}, but {missing[0]} is not set, so there is no group of processes to join; start"
            f" with torchrun --nproc_per_node {wanted} -m training.recipes.NAME."
        )
    if torch.cuda.is_available():
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise RecipeError(
                f"Process {local} of this machine has no GPU of its own: there are {torch.cuda.device_count()}; lower"
                " --nproc_per_node."
            )
        torch.cuda.set_device(local)
    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
        atexit.register(_leave)
    ones = torch.ones(1)
    distributed.all_reduce(ones)
    if int(ones) != wanted:
        raise RecipeError(f"WORLD_SIZE is {wanted}, but {int(ones)} processes are in the group; start with torchrun.")
    processes.prove(wanted)


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def total(value: float) -> float:
    """Return the sum of the processes' values."""
    if processes.count() == 1:
        return value
    summed = torch.tensor(value, dtype=torch.float64)
    distributed.all_reduce(summed)
    return summed.item()


def gathered(value: Any) -> list[Any]:
    """Return what each process brings, by rank."""
    if processes.count() == 1:
        return [value]
    found: list[Any] = [None] * processes.count()
    distributed.all_gather_object(found, value)
    return found


def sum_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Make every process's gradients the sum of all.

    A parameter that had a gradient in some of them has one in all; where it had one in none it keeps none, as alone.
    """
    if processes.count() == 1:
        return
    learnt = [parameter for parameter in parameters if parameter.requires_grad]
    touched = torch.tensor([parameter.grad is not None for parameter in learnt], dtype=torch.uint8)
    distributed.all_reduce(touched, op=distributed.ReduceOp.MAX)
    together: list[torch.Tensor] = []
    for parameter, is_touched in zip(learnt, touched.tolist(), strict=True):
        if not is_touched:
            continue
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        if together and sum(grad.numel() for grad in together) + parameter.numel() > AT_ONCE:
            _sum_in_place(together)
            together = []
        together.append(parameter.grad)
    if together:
        _sum_in_place(together)


def _sum_in_place(tensors: list[torch.Tensor]) -> None:
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))
