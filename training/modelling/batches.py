"""Conversations as padded tensors: prompt and completion in one row, padded on the right.

With padding on the right a row's positions start at 0 without being told so, and a causal model cannot see the padding
from any real token: a row gives the same numbers alone and in any batch.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """N rows of prompt + completion, padded on the right to T tokens."""

    input_ids: torch.Tensor
    """[N, T] int64."""
    attention_mask: torch.Tensor
    """[N, T] int64: 1 for a real token, 0 for padding."""
    prompt_lengths: torch.Tensor
    """[N] int64: tokens of each prompt."""
    lengths: torch.Tensor
    """[N] int64: tokens of each prompt with its completion."""

    @property
    def completion_lengths(self) -> torch.Tensor:
        """[N] int64: tokens of each completion."""
        return self.lengths - self.prompt_lengths


def pad_batch(
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    pad_token_id: int,
    device: torch.device | None = None,
) -> Batch:
    """Join each prompt with its completion and pad. Every prompt and every completion has at least one token."""
    if not all(prompts) or not all(completions):
        raise ValueError("A batch needs at least one token in every prompt and in every completion.")
    rows = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
    width = max(len(row) for row in rows)
    input_ids = torch.tensor([row + [pad_token_id] * (width - len(row)) for row in rows], device=device)
    lengths = torch.tensor([len(row) for row in rows], device=device)
    return Batch(
        input_ids=input_ids,
        attention_mask=(torch.arange(width, device=device)[None] < lengths[:, None]).long(),
        prompt_lengths=torch.tensor([len(prompt) for prompt in prompts], device=device),
        lengths=lengths,
    )


def shuffled_batches(
    items: Sequence[T], lengths: Sequence[int], size: int, rng: random.Random, *, window: int = 50
) -> Iterator[list[T]]:
    """Yield every item once, in batches of up to `size` items of like length, in random order.

    Items are shuffled, then sorted by length inside windows of `window` batches, so that little of a batch is padding
    while batches still differ from epoch to epoch.
    """
    order = list(range(len(items)))
    rng.shuffle(order)
    batches = []
    for start in range(0, len(order), size * window):
        near = sorted(order[start : start + size * window], key=lambda index: lengths[index])
        batches += [near[first : first + size] for first in range(0, len(near), size)]
    rng.shuffle(batches)
    for batch in batches:
        yield [items[index] for index in batch]


def batch_count(items: int, size: int) -> int:
    """Return how many batches `shuffled_batches` gives for that many items."""
    # Windows hold a whole number of batches, so only the last batch of all can be short.
    return -(-items // size)
