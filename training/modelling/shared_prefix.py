"""Rankings in one forward pass: a prompt is encoded once, and each of its completions attends to it and to itself.

All tokens of a batch lie one after another in one row, without padding: for each ranking its prompt and then its K
completions, each with the positions that it has after the prompt. Everything that works token by token (most of the
arithmetic) so costs each token once; only attention looks at it as prompts and completions, padded for the moment. The
numbers are those of K rows of prompt + completion (Wang and Hegde 2024, arXiv 2410.20305, do it for pairs).

Attention is told through the attention interface of transformers, so it works for decoders that follow it (Llama, Qwen,
Mistral, GPT-2, ...), and it is tried before it is relied on: see `shares_prefixes`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from training.modelling.artifacts import RecipeError
from training.modelling.batches import Batch, inside, pad_batch, padded

NAME = "shared_prefix"
TOLERANCE = 1e-4
UNCHANGED = 1e-6
"""How far apart, relative to the largest, two states are at most that do not depend on what differs."""


@dataclass(frozen=True)
class SharedPrefixBatch:
    """R rankings of N completions in all, as one row of T tokens."""

    input_ids: torch.Tensor
    """[1, T] int64."""
    position_ids: torch.Tensor
    """[1, T] int64: a completion's positions go on where its prompt ended."""
    prompts: torch.Tensor
    """[R, P] int64: where in the row the tokens of each prompt are; 0 beyond its end."""
    prompt_lengths: torch.Tensor
    """[R] int64."""
    completions: torch.Tensor
    """[N, C] int64: where in the row the tokens of each completion are; 0 beyond its end."""
    completion_lengths: torch.Tensor
    """[N] int64."""
    ranking: torch.Tensor
    """[N] int64: whose prompt a completion follows."""
    _masks: dict[torch.dtype, torch.Tensor] = field(default_factory=dict, repr=False)

    @cached_property
    def inside(self) -> torch.Tensor:
        """[N, C] bool: whether a completion is that long."""
        return inside(self.completion_lengths)

    @property
    def ends(self) -> torch.Tensor:
        """[N] int64: where each completion's last token is."""
        return self.completions.gather(1, self.completion_lengths[:, None] - 1)[:, 0]

    @property
    def positions(self) -> torch.Tensor:
        """[T] int64: of each token after its prompt's beginning."""
        return self.position_ids[0]

    @cached_property
    def in_rows(self) -> torch.Tensor:
        """[N, P + C] bool: where `rows` has tokens of prompt and completion."""
        return torch.cat([inside(self.prompt_lengths)[self.ranking], self.inside], dim=1)

    @cached_property
    def _row_places(self) -> torch.Tensor:
        return torch.cat([self.prompts[self.ranking], self.completions], dim=1)

    def rows(self, tokens: torch.Tensor) -> torch.Tensor:
        """[T, ...] -> [N, P + C, ...]: what there is of each token, as rows of a prompt and its completion."""
        return _tokens_at(tokens, self._row_places)

    @property
    def predictors(self) -> torch.Tensor:
        """[M] int64: where the token before each completion's token is, in order of `inside`."""
        prompt_ends = self.prompts.gather(1, self.prompt_lengths[:, None] - 1)[self.ranking]
        return torch.cat([prompt_ends, self.completions[:, :-1]], dim=1)[self.inside]

    @property
    def targets(self) -> torch.Tensor:
        """[M] int64: the completions' tokens, in order of `inside`."""
        return self.input_ids[0, self.completions[self.inside]]

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt with a completion, at most."""
        return self.prompts.shape[1] + self.completions.shape[1]

    @cached_property
    def places(self) -> torch.Tensor:
        """[T] int64: where each token is among the padded prompts and then the padded completions."""
        rows, columns = self.prompts.shape
        of_prompts = inside(self.prompt_lengths).flatten().nonzero()[:, 0]
        of_completions = self.inside.flatten().nonzero()[:, 0] + rows * columns
        found = torch.empty(self.input_ids.shape[1], dtype=torch.long, device=self.input_ids.device)
        found[self.prompts.flatten()[of_prompts]] = of_prompts
        found[self.completions.flatten()[of_completions - rows * columns]] = of_completions
        return found

    def mask(self, dtype: torch.dtype) -> torch.Tensor:
        """[N, 1, C, P + C]: 0 where a completion's token attends to one of its prompt or of itself, else -inf."""
        if dtype not in self._masks:
            device, width = self.input_ids.device, self.completions.shape[1]
            to_prompt = inside(self.prompt_lengths)[self.ranking][:, None].expand(-1, width, -1)
            to_itself = torch.ones(width, width, dtype=torch.bool, device=device).tril()
            seen = torch.cat([to_prompt, to_itself.expand(len(self.ranking), -1, -1)], dim=2)[:, None]
            self._masks[dtype] = torch.zeros(seen.shape, dtype=dtype, device=device).masked_fill_(~seen, -torch.inf)
        return self._masks[dtype]


def share_prefixes(
    prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[Sequence[int]]], device: torch.device | None = None
) -> SharedPrefixBatch:
    """Lay out R prompts and the completions of each, [R][K][tokens], in one row.

    Raises ValueError unless every prompt and every completion has a token.
    """
    if not all(prompts) or not all(of and all(of) for of in completions):
        raise ValueError("A batch needs at least one token in every prompt and in every completion.")
    ids: list[int] = []
    positions: list[int] = []
    prompts_at, completions_at, ranking = [], [], []
    for number, (prompt, of) in enumerate(zip(prompts, completions, strict=True)):
        prompts_at.append(range(len(ids), len(ids) + len(prompt)))
        ids += prompt
        positions += range(len(prompt))
        for completion in of:
            completions_at.append(range(len(ids), len(ids) + len(completion)))
            ids += completion
            positions += range(len(prompt), len(prompt) + len(completion))
            ranking.append(number)
    return SharedPrefixBatch(
        input_ids=torch.tensor([ids], device=device),
        position_ids=torch.tensor([positions], device=device),
        prompts=padded(prompts_at, 0, device),
        prompt_lengths=torch.tensor([len(one) for one in prompts_at], device=device),
        completions=padded(completions_at, 0, device),
        completion_lengths=torch.tensor([len(one) for one in completions_at], device=device),
        ranking=torch.tensor(ranking, device=device),
    )


def encode(model: PreTrainedModel, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
    """Return the trunk's last hidden state of every token of the batch, [tokens, d]; see `batch.ends` and the like."""
    trunk, given = model.base_model, inputs(batch)
    if isinstance(batch, Batch) and sees_what_follows(trunk):
        given["attention_mask"] = batch.attention_mask
    return _read(trunk, given).flatten(0, 1)


_sees_what_follows: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()


@torch.no_grad()
def sees_what_follows(trunk: PreTrainedModel) -> bool:
    """Whether a token's state depends on later ones, as in an encoder, where padding must be masked; it is tried."""
    if trunk not in _sees_what_follows:
        training = trunk.training
        trunk.eval()
        with torch.autocast(trunk.device.type, enabled=False):
            both = _read(trunk, {"input_ids": torch.tensor([[5, 6, 7, 8], [5, 6, 7, 9]], device=trunk.device)})
        trunk.train(training)
        changed = (both[0, :3] - both[1, :3]).abs().max() / both.abs().max()
        _sees_what_follows[trunk] = bool(changed > UNCHANGED)
    return _sees_what_follows[trunk]


def _read(trunk: PreTrainedModel, given: dict[str, Any]) -> torch.Tensor:
    """[N, T, d]: the last hidden states."""
    remembers = {"use_cache": False} if "use_cache" in inspect.signature(trunk.forward).parameters else {}
    return trunk(**given, **remembers).last_hidden_state


def inputs(batch: Batch | SharedPrefixBatch) -> dict[str, Any]:
    """Return what a model is called with to read the batch.

    Rows of a `Batch` need no attention mask in a decoder: padding on the right is invisible to every token before it,
    and attention without a mask is faster.
    """
    if isinstance(batch, Batch):
        return {"input_ids": batch.input_ids}
    # A mask of four dimensions is passed through; without one transformers would make its own, of T x T tokens.
    passed = torch.empty(1, 1, 0, 0, device=batch.input_ids.device)
    return {
        "input_ids": batch.input_ids,
        "position_ids": batch.position_ids,
        "attention_mask": passed,
        "prefix": batch,
    }


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    prefix: SharedPrefixBatch | None = None,
    scaling: float | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """Attention of one layer, [1, heads, T, d] -> [1, T, heads, d]; torch's own where no `prefix` is given."""
    if prefix is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)
    window = others.get("sliding_window")
    if others.get("softcap") is not None or (isinstance(window, int) and window < prefix.longest):
        raise RecipeError(
            f"{type(module).__name__} caps its attention or sees fewer tokens than a prompt with a completion has, so"
            " the prompt cannot be shared; set the field 'encoding' to \"once\"."
        )
    groups = query.shape[1] // key.shape[1]
    queries, keys, values = (one[0].transpose(0, 1) for one in (query, key, value))  # [T, heads, d]
    # Right-padded prompts need no mask: no token of theirs sees what comes after it.
    of_prompt = (_tokens_at(tokens, prefix.prompts) for tokens in (queries, keys, values))
    prompt_query, *pair = (one.transpose(1, 2) for one in of_prompt)
    pair = [repeat_kv(one, groups) for one in pair]
    first = scaled_dot_product_attention(prompt_query, *pair, is_causal=True, scale=scaling)
    completion_query = _tokens_at(queries, prefix.completions).transpose(1, 2)
    both = [repeat_kv(prefix.rows(tokens).transpose(1, 2), groups) for tokens in (keys, values)]
    second = scaled_dot_product_attention(completion_query, *both, attn_mask=prefix.mask(query.dtype), scale=scaling)
    parts = [one.transpose(1, 2).flatten(0, 1) for one in (first, second)]  # [tokens, heads, d]
    return torch.cat(parts).index_select(0, prefix.places)[None], None


def _tokens_at(tokens: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """[T, ...] -> [rows, columns, ...]: the tokens that stand at these places, [rows, columns]."""
    return tokens.index_select(0, places.flatten()).unflatten(0, places.shape)


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)


def shares_prefixes(model: PreTrainedModel) -> bool:
    """Prepare a model for shared prefixes, and say whether it gives the same numbers with them as without.

    It is tried on a few tokens: encoders, recurrent layers and models whose attention is their own are found out by
    what comes out. The model is left as it was where it cannot.
    """
    before = model.config._attn_implementation
    if before == NAME:
        return True
    if before != "sdpa" or not model._can_set_attn_implementation() or sees_what_follows(model.base_model):
        return False
    model.set_attn_implementation(NAME)
    if _gives_the_same(model):
        return True
    model.set_attn_implementation(before)
    return False


@torch.no_grad()
def _gives_the_same(model: PreTrainedModel) -> bool:
    few = min(model.config.vocab_size, 97)
    prompts = [[(7 * at + 3) % few for at in range(5)], [(5 * at + 2) % few for at in range(9)]]
    completions = [[[(3 * at + k) % few for at in range(4 + k)] for k in range(3)] for _ in prompts]
    rows = [prompt for prompt, of in zip(prompts, completions, strict=True) for _ in of]
    plain = pad_batch(rows, [one for of in completions for one in of], 0, model.device)
    shared = share_prefixes(prompts, completions, model.device)
    training = model.training
    model.eval()
    try:
        found, expected = (encode(model, batch)[batch.ends].float() for batch in (shared, plain))
    except (RecipeError, TypeError):
        return False  # its attention is another, or its layers do not take what they do not know
    finally:
        model.train(training)
    tolerance = TOLERANCE if model.dtype == torch.float32 else 0.05
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max())
