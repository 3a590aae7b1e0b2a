"""Conversations as padded tensors: prompt and completion in one row, padded on the right.

With padding on the right a row's positions start at 0 without being told so, and a causal model cannot see the padding
from any real token: a row gives the same numbers alone and in any batch.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch

from training.modelling.chat import keep_end

T = TypeVar("T")

FEWEST_OF_PROMPT = 2
"""Tokens of a prompt that a window leaves: the first and the last."""


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

    @cached_property
    def inside(self) -> torch.Tensor:
        """[N, C] bool: whether a completion is that long."""
        return inside(self.completion_lengths)

    @property
    def ends(self) -> torch.Tensor:
        """[N] int64: where each row's last token is among all tokens, [N * T]."""
        return self._starts + self.lengths - 1

    @property
    def positions(self) -> torch.Tensor:
        """[N * T] int64: of each token in its row."""
        rows, width = self.input_ids.shape
        return torch.arange(width, device=self.input_ids.device).repeat(rows)

    @cached_property
    def in_rows(self) -> torch.Tensor:
        """[N, T] bool: where `rows` has tokens of prompt and completion."""
        return inside(self.lengths)

    def rows(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N * T, ...] -> [N, T, ...]: what there is of each token, as rows of a prompt and its completion."""
        return tokens.unflatten(0, self.input_ids.shape)

    @property
    def predictors(self) -> torch.Tensor:
        """[M] int64: where the token before each completion's token is among all tokens, in order of `inside`."""
        rows, steps = self.inside.nonzero(as_tuple=True)
        return (self._starts + self.prompt_lengths - 1)[rows] + steps

    @property
    def targets(self) -> torch.Tensor:
        """[M] int64: the completions' tokens, in order of `inside`."""
        return self.input_ids.flatten()[self.predictors + 1]

    @property
    def _starts(self) -> torch.Tensor:
        rows, width = self.input_ids.shape
        return torch.arange(rows, device=self.input_ids.device) * width


def pad_batch(
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    pad_token_id: int,
    device: torch.device | None = None,
    *,
    window: int | None = None,
) -> Batch:
    """Join each prompt with its completion and pad. Every prompt and every completion has at least one token.

    A `window` is for encoders, which read no more tokens than that: a longer row loses the beginning of its prompt, but
    for the first token, which stands for the row; and where even that does not do, the end of its completion.
    """
    if not all(prompts) or not all(completions):
        raise ValueError("A batch needs at least one token in every prompt and in every completion.")
    if window is not None:
        completions = [completion[: window - FEWEST_OF_PROMPT] for completion in completions]
        rooms = [window - len(completion) for completion in completions]
        prompts = [keep_end(prompt, room, first=True) for prompt, room in zip(prompts, rooms, strict=True)]
    rows = [[*prompt, *completion] for prompt, completion in zip(prompts, completions, strict=True)]
    lengths = torch.tensor([len(row) for row in rows], device=device)
    return Batch(
        input_ids=padded(rows, pad_token_id, device),
        attention_mask=inside(lengths).long(),
        prompt_lengths=torch.tensor([len(prompt) for prompt in prompts], device=device),
        lengths=lengths,
    )


def padded(rows: Sequence[Sequence[int]], filler: int, device: torch.device | None = None) -> torch.Tensor:
    """Return rows of whole numbers as [N, longest] int64, filled up on the right."""
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows], device=device)


def inside(lengths: torch.Tensor) -> torch.Tensor:
    """Return [N, longest] bool: whether a column is within a row's length."""
    return torch.arange(int(lengths.max()), device=lengths.device)[None] < lengths[:, None]


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


def within(budget: int, costs: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last + 1) of runs of neighbours that together cost at most `budget`; alone where one costs more."""
    first, spent = 0, 0
    for index, cost in enumerate(costs):
        if index > first and spent + cost > budget:
            yield first, index
            first, spent = index, 0
        spent += cost
    if costs:
        yield first, len(costs)


def runs_within(budget: int, costs: Sequence[int]) -> int:
    """Return how many runs `within` yields."""
    return sum(1 for _ in within(budget, costs))


def batch_count(items: int, size: int) -> int:
    """Return how many batches `shuffled_batches` gives for that many items."""
    # Windows hold a whole number of batches, so only the last batch of all can be short.
    return -(-items // size)
