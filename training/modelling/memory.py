"""How much memory training takes, estimated from a model's architecture alone.

Weights, gradients and AdamW's two moments in fp32, and the numbers that a forward pass keeps for the backward pass: of
a decoder with gated feed-forward layers each layer keeps about 12 times the width and 4 times the feed-forward width
for a token (as in Korthikanti et al. 2022, arXiv 2205.05198, section 4, without the attention's scores, which torch's
attention does not keep, and without dropout), and the head of a language model 3 times the vocabulary. Measured on
small Llamas it is within a factor of 1.5 (tested); other families differ.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, PreTrainedConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from training.modelling.end_layers import may_be_split
from training.modelling.models import model_directory
from training.modelling.reward_network import LAYERS_OF_ITS_OWN

FP32, BF16 = 4, 2
KEPT_OF_WIDTH, KEPT_OF_FEED_FORWARD, KEPT_OF_VOCABULARY = 12, 4, 3


def config_of(source: str | Path) -> PreTrainedConfig:
    """Return the architecture of a model whose weights stay where they are."""
    return AutoConfig.from_pretrained(model_directory(source))


def parameters_of(config: PreTrainedConfig, *, head: int) -> int:
    """Return how many numbers a model of this architecture has, with a head of `head` outputs (0 = tied or none)."""
    with torch.device("meta"):
        trunk = AutoModel.from_config(config)
    return sum(parameter.numel() for parameter in trunk.parameters()) + head * config.hidden_size


def _sides(config: PreTrainedConfig) -> int:
    """The summed widths of what goes into and comes out of every linear layer of the trunk."""
    with torch.device("meta"):
        trunk = AutoModel.from_config(config)
    linear = [module for module in trunk.modules() if isinstance(module, torch.nn.Linear)]
    return sum(module.in_features + module.out_features for module in linear)


def _in_layers(config: PreTrainedConfig) -> int:
    """How many numbers the trunk's layers have."""
    with torch.device("meta"):
        trunk = AutoModel.from_config(config)
    layers = [module for module in trunk.modules() if isinstance(module, GradientCheckpointingLayer)]
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


@dataclass(frozen=True)
class _Own:
    """What the members of an ensemble add to a model, in numbers; heads are counted elsewhere."""

    parameters: int = 0
    """Less those that they take from the trunk."""
    learnt: int = 0
    in_layers: int = 0
    """Of `parameters`, what is not gathered with the head."""
    largest: int = 0
    """What one member has in its layers."""
    kept: int = 0
    """Of a token, for the backward pass."""


def _own(config: PreTrainedConfig, members: int, member_layers: int | None) -> _Own:
    if members == 1:
        return _Own()
    with torch.device("meta"):
        trunk = AutoModel.from_config(config)
    width = config.hidden_size
    own = min(LAYERS_OF_ITS_OWN, config.num_hidden_layers - 1) if member_layers is None else member_layers
    if not may_be_split(trunk, own):
        hidden = members * (width * width + width)
        return _Own(parameters=hidden, learnt=hidden)
    last, norm = (sum(weight.numel() for weight in one.parameters()) for one in (trunk.layers[-1], trunk.norm))
    of_one = own * last + norm
    # Norm and its input, keys and values, and both again for all heads.
    kept = members * own * (4 * width + 2 * trunk.layers[-1].self_attn.k_proj.out_features)
    taken = last + norm
    return _Own(members * of_one - taken, members * of_one, members * of_one - last, of_one, kept)


def training_memory(
    config: PreTrainedConfig,
    *,
    tokens: int,
    precision: str,
    language_model: bool,
    lora_rank: int = 0,
    recomputed: bool = False,
    shards: int = 1,
    outputs: int = 1,
    members: int = 1,
    member_layers: int | None = None,
) -> dict[str, int]:
    """Return the bytes of training such a model on `tokens` at once.

    With `lora_rank` only adapters have gradients and moments; `recomputed` is gradient checkpointing, which keeps what
    goes into each layer, and one layer's inner numbers at a time. Of several `shards` it is what one process needs: its
    share, and gathered at a time the weights and gradients of all but the layers, and of two layers. A reward model has
    `outputs`; of an ensemble's `members` each has its own `member_layers` (see reward_network.py).
    """
    tied = getattr(config, "tie_word_embeddings", False)
    head = (0 if tied else config.vocab_size) if language_model else outputs
    own = _own(config, members, member_layers)
    parameters = parameters_of(config, head=head * members) + own.parameters
    adapters = lora_rank * _sides(config)
    learnt = adapters + own.learnt if adapters else parameters
    width, layers = config.hidden_size, config.num_hidden_layers
    forward = getattr(config, "intermediate_size", 4 * width)
    of_layer = KEPT_OF_WIDTH * width + KEPT_OF_FEED_FORWARD * forward
    kept = layers * width + of_layer if recomputed else layers * of_layer
    logits = KEPT_OF_VOCABULARY * config.vocab_size if language_model else 0
    # "auto" may compute in bf16; the estimate is then what it needs at most.
    number = BF16 if precision == "bf16" else FP32
    memory = {
        "weights": FP32 * (parameters + adapters) // shards,
        "gradients": FP32 * learnt // shards,
        "optimizer": 2 * FP32 * learnt // shards,
        "activations": tokens * ((kept + own.kept) * number + logits * FP32),
    }
    if shards > 1:
        outside = parameters - _in_layers(config) - own.in_layers
        largest = max(_in_layers(config) // layers, own.largest)
        memory["gathered"] = 2 * (FP32 * outside + 2 * number * largest)
    return memory | {"total": sum(memory.values())}
