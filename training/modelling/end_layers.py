"""Layers that are computed at a completion's last token alone: what a member of an ensemble has of its own.

A reward is read at the last token T. There a member's copy of layer l goes on from its own state x, and reads the
shared trunk's states h of the tokens before through keys and values of its own:

    x_l = layer_l(h_{l-1}(1), ..., h_{l-1}(T - 1), x_{l-1})(T)          x = h below the member's first layer

Of every token but the last so only keys and values are computed, and nothing of the layer's other six to eight tenths.
With one layer these are the numbers of the whole layer. With several, members read the tokens before as the trunk has
them and not each in its own way; where nobody has learnt yet, there is no difference.

Layers of Llama's kind can be read so, Mistral's and Qwen's among them; it is tried before it is relied on.
"""

import copy

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv
from transformers.models.llama.modeling_llama import rotate_half

from training.modelling.batches import Batch, pad_batch
from training.modelling.shared_prefix import SharedPrefixBatch, encode, inputs

TOLERANCE = 1e-4
"""How far apart, relative to the largest, the same states may be when they are computed in another way."""


class EndLayers(torch.nn.Module):
    """A trunk's last layers and its norm."""

    def __init__(self, layers: torch.nn.ModuleList, norm: torch.nn.Module):
        super().__init__()
        self.layers = layers
        self.norm = norm

    def forward(
        self, states: torch.Tensor, batch: Batch | SharedPrefixBatch, turns: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """[N, d]: the state of each row's last token, given what each layer reads of all tokens, [tokens, layers, d].

        `turns` are the cosines and sines of the tokens' positions, [tokens, 1, d of a head].
        """
        ends = batch.ends
        end_turns = (turns[0][ends], turns[1][ends])
        state = states[ends, 0]
        for layer, of_all in zip(self.layers, states.unbind(1), strict=True):
            keys, values = _keys_and_values(layer, layer.input_layernorm(of_all), turns)
            normed = layer.input_layernorm(state)
            own = _keys_and_values(layer, normed, end_turns)
            pair = (batch.rows(of.index_copy_(0, ends, its)) for of, its in zip((keys, values), own, strict=True))
            query = _turned(_heads(layer.self_attn, "q", normed), end_turns)
            groups = query.shape[1] // keys.shape[1]
            found = scaled_dot_product_attention(
                query[:, :, None],
                *(repeat_kv(one.transpose(1, 2), groups) for one in pair),
                attn_mask=batch.in_rows[:, None, None],
                scale=layer.self_attn.scaling,
            )
            state = state + layer.self_attn.o_proj(found.flatten(1))
            state = state + layer.mlp(layer.post_attention_layernorm(state))
        return self.norm(state)


def _keys_and_values(
    layer: torch.nn.Module, normed: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """[T, heads, d of a head] twice."""
    return _turned(_heads(layer.self_attn, "k", normed), turns), _heads(layer.self_attn, "v", normed)


def _heads(attention: torch.nn.Module, which: str, normed: torch.Tensor) -> torch.Tensor:
    """A projection, [T, heads, d of a head], normed where the family does that (Qwen 3)."""
    found = getattr(attention, f"{which}_proj")(normed).unflatten(1, (-1, attention.head_dim))
    norm = getattr(attention, f"{which}_norm", None)
    return found if norm is None else norm(found)


def _turned(heads: torch.Tensor, turns: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Rotary positions (Su et al. 2021, arXiv 2104.09864)."""
    return heads * turns[0] + rotate_half(heads) * turns[1]


def states_below(trunk: PreTrainedModel, count: int, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
    """[tokens, count, d]: what the last `count` layers read, of a trunk whose very last one is not there any more."""
    found = trunk(**inputs(batch), use_cache=False, output_hidden_states=True).hidden_states
    return torch.stack(found[-count:], dim=2).flatten(0, 1)


def turns_of(
    trunk: PreTrainedModel, states: torch.Tensor, batch: Batch | SharedPrefixBatch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of the positions of a batch's tokens, [tokens, 1, d of a head]."""
    cosines, sines = trunk.rotary_emb(states, batch.positions[None])
    return cosines[0, :, None], sines[0, :, None]


def may_be_split(trunk: PreTrainedModel, count: int) -> bool:
    """Whether a trunk is made so that its last `count` layers may be read at the last token; nothing is computed."""
    layers, norm = getattr(trunk, "layers", None), getattr(trunk, "norm", None)
    if not isinstance(layers, torch.nn.ModuleList) or norm is None or not 0 < count < len(layers):
        return False
    if getattr(trunk.config, "sliding_window", None) is not None:
        return False  # a layer that does not see all tokens
    parts = ("input_layernorm", "self_attn.k_proj", "self_attn.v_proj", "post_attention_layernorm", "mlp")
    return {*parts} <= {name for name, _ in layers[-1].named_modules()}


@torch.no_grad()
def can_be_split(trunk: PreTrainedModel, count: int) -> bool:
    """Whether the last `count` layers, read at the last token, give the numbers of the whole trunk; it is tried."""
    if not may_be_split(trunk, count):
        return False
    layers, norm = trunk.layers, trunk.norm
    batch = pad_batch([[5, 6, 7], [8, 9]], [[6, 5], [7]], 0, trunk.device)
    expected = encode(trunk, batch)[batch.ends]
    trunk.layers, trunk.norm = layers[:-1], torch.nn.Identity()
    try:
        states = states_below(trunk, count, batch)
        found = EndLayers(layers[-count:], norm)(states, batch, turns_of(trunk, states, batch))
    except (AttributeError, TypeError, RuntimeError):
        return False  # its layers have other parts, or parts of other shapes
    finally:
        trunk.layers, trunk.norm = layers, norm
    return bool((found - expected).abs().max() <= TOLERANCE * expected.abs().max())


def split(trunk: PreTrainedModel, count: int, members: int) -> list[EndLayers]:
    """Take the last layer and the norm off a trunk that can be split, and copy the last `count` for each member."""
    top = EndLayers(trunk.layers[-count:], trunk.norm)
    trunk.layers, trunk.norm = trunk.layers[:-1], torch.nn.Identity()
    trunk.config.num_hidden_layers = len(trunk.layers)
    if getattr(trunk.config, "layer_types", None):
        trunk.config.layer_types = list(trunk.config.layer_types[: len(trunk.layers)])
    return [copy.deepcopy(top) for _ in range(members)]
