"""Reward models that are more than a language model with one linear head: encoders, and ensembles in one network.

An encoder (BERT, MiniLM, DeBERTa, ...) reads prompt and completion with every token seeing every other. Its row is
summed up as the mean of all tokens' states, or as that of the first one ([CLS]), and goes through a hidden layer of the
trunk's width with tanh to the linear head.

In an ensemble of M members the trunk is shared and computed once. Every member has a head of its own, and a copy of the
trunk's last `member_layers` layers, which it reads at the last token alone (end_layers.py), or without any a hidden
layer; what it learns from is decided by who trains it (recipes/reward.py). Five members so cost far less than five
models. `./run bench ensembles` measures the price and the disagreement that is left.

Heads start at N(0, 1/(d+1)), see `models.new_reward_model`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import linear
from transformers import AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from training.modelling.artifacts import RecipeError
from training.modelling.batches import Batch
from training.modelling.end_layers import EndLayers, can_be_split, split, states_below, turns_of
from training.modelling.shared_prefix import SharedPrefixBatch, encode, sees_what_follows

Pooling = Literal["mean", "first"]
"""How an encoder's row is summed up: by the mean of its tokens' states, or by the first token's, [CLS]."""

IN_CONFIG = "concord_reward"
"""The entry of config.json that says how the network is made."""
WEIGHTS = "model.safetensors"
LAYERS_OF_ITS_OWN = 3
"""Of a trunk of four layers this many cost five members less than twice what one model does; of a deeper one, less."""


@dataclass(frozen=True)
class Design:
    """What a reward network has beside its trunk."""

    outputs: int = 1
    """Numbers that each member gives: one for each axis."""
    members: int = 1
    """Members of the ensemble."""
    member_layers: int = 0
    """Of the trunk's last layers, how many each member has a copy of, to be read at the last token."""
    hidden: bool = False
    """Whether each member has a hidden layer before its head."""
    pooling: Pooling | None = None
    """Of an encoder; None for a decoder, whose reward is read at the completion's last token."""
    window: int | None = None
    """Tokens that an encoder reads of prompt and completion together; a longer prompt loses its beginning."""


class Member(torch.nn.Module):
    """What a member has of its own."""

    def __init__(self, width: int, design: Design, layers: EndLayers | None):
        super().__init__()
        self.layers = layers
        self.hidden = torch.nn.Linear(width, width) if design.hidden else None
        self.score = torch.nn.Linear(width, design.outputs, bias=False)
        torch.nn.init.normal_(self.score.weight, std=(width + 1) ** -0.5)

    def head(self, summary: torch.Tensor) -> torch.Tensor:
        """[N, d] -> [N, outputs], in fp32 whatever the trunk computed in, as bf16 would make rewards tie."""
        with torch.autocast(summary.device.type, enabled=False):
            summary = summary.float()
            if self.hidden is not None:
                summary = torch.tanh(linear(summary, self.hidden.weight.float(), self.hidden.bias.float()))
            return linear(summary, self.score.weight.float())


class RewardNetwork(torch.nn.Module):
    """A trunk and the members that read it."""

    def __init__(self, trunk: PreTrainedModel, design: Design):
        super().__init__()
        self.design = design
        self.config = copy.deepcopy(trunk.config)
        setattr(self.config, IN_CONFIG, asdict(design))
        tops = _tops(trunk, design) if design.member_layers else [None] * design.members
        if getattr(trunk, "pooler", None) is not None:
            trunk.pooler = None  # it is read by nobody here
        self.trunk = trunk
        self.members = torch.nn.ModuleList(Member(trunk.config.hidden_size, design, top) for top in tops)
        self.to(trunk.device)

    @property
    def base_model(self) -> PreTrainedModel:
        """What all members share."""
        return self.trunk

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.trunk.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.trunk.dtype

    def states(self, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
        """What the members read of every token: [tokens, d], or [tokens, member_layers, d]."""
        if self.design.member_layers:
            return states_below(self.trunk, self.design.member_layers, batch)
        return encode(self, batch)

    def of_member(self, number: int, states: torch.Tensor, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
        """The raw rewards of one member, [N, outputs] fp32, of states of the batch."""
        member = self.members[number]
        if member.layers is not None:
            return member.head(member.layers(states, batch, turns_of(self.trunk, states, batch)))
        return member.head(self._summaries(states, batch))

    def rewards(self, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
        """The raw rewards, [N, members, outputs] fp32."""
        states = self.states(batch)
        return torch.stack([self.of_member(number, states, batch) for number in range(len(self.members))], dim=1)

    def _summaries(self, states: torch.Tensor, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
        """[N, d]: what stands for each row."""
        if self.design.pooling is None:
            return states[batch.ends]
        rows = states.unflatten(0, batch.input_ids.shape)
        if self.design.pooling == "first":
            return rows[:, 0]
        weights = batch.attention_mask[..., None].float()
        return (rows.float() * weights).sum(1) / weights.sum(1)

    def get_input_embeddings(self) -> torch.nn.Module:
        """The trunk's."""
        return self.trunk.get_input_embeddings()

    def resize_token_embeddings(self, size: int) -> None:
        """Give the vocabulary another size."""
        self.trunk.resize_token_embeddings(size)
        self.config.vocab_size = size

    def _can_set_attn_implementation(self) -> bool:
        return self.trunk._can_set_attn_implementation()

    def set_attn_implementation(self, name: str) -> None:
        """Change how the trunk attends; what reads the last token alone attends in its own way."""
        self.trunk.set_attn_implementation(name)
        self.config._attn_implementation = name

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the configuration and the weights."""
        self.config.save_pretrained(directory)
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(weights, str(Path(directory) / WEIGHTS), metadata={"format": "pt"})


def states_of(
    states: torch.Tensor,
    batch: Batch | SharedPrefixBatch,
    kept: Batch | SharedPrefixBatch,
    rankings: Sequence[int],
) -> torch.Tensor:
    """What was computed of a batch, [tokens, ...], as the states of `kept`: a batch of some of its rankings, in order.

    `rankings` says for every token of a shared batch, or for every row of another, whether it is kept.
    """
    chosen = torch.tensor(rankings, dtype=torch.bool, device=states.device)
    if isinstance(batch, SharedPrefixBatch):
        return states[chosen]
    return states.unflatten(0, batch.input_ids.shape)[chosen, : kept.input_ids.shape[1]].flatten(0, 1)


def design_of(config: PreTrainedConfig) -> Design | None:
    """How a saved network is made; None for a model that is none."""
    found = getattr(config, IN_CONFIG, None)
    return None if found is None else Design(**found)


def load_network(directory: str | Path, config: PreTrainedConfig, *, dtype: torch.dtype) -> RewardNetwork:
    """Read a network that `save_pretrained` wrote."""
    design = design_of(config)
    network = RewardNetwork(AutoModelForSequenceClassification.from_config(config).base_model, design)
    network.load_state_dict(load_file(str(Path(directory) / WEIGHTS)))
    return network.to(dtype)


def choose_design(
    trunk: PreTrainedModel,
    *,
    outputs: int,
    members: int,
    member_layers: int | None,
    pooling: Pooling,
    window: int | None,
) -> Design | None:
    """What a reward model on this trunk needs; None where a decoder needs nothing but a linear head.

    An encoder gets a window of what it can read at most. `member_layers` None is as many as `_layers_of_its_own`
    says.
    """
    numbers = {"outputs": outputs, "members": members}
    if sees_what_follows(trunk):
        limit = readable_tokens(trunk)
        if window is not None and limit is not None and window > limit:
            raise RecipeError(f"The field 'window' is {window}, but the model reads {limit} tokens; lower it.")
        own = member_layers or 0
        return Design(**numbers, member_layers=own, hidden=True, pooling=pooling, window=window or limit)
    if window is not None:
        raise RecipeError(
            f"The field 'window' is for encoders, and {type(trunk).__name__} is none; leave it out, and set"
            " max_prompt_tokens and max_completion_tokens."
        )
    if members == 1:
        return None
    own = _layers_of_its_own(trunk) if member_layers is None else member_layers
    return Design(**numbers, member_layers=own, hidden=own == 0)


def _layers_of_its_own(trunk: PreTrainedModel) -> int:
    """How many a member has unless it is told: three, or all but the first; none where a trunk cannot be split."""
    own = min(LAYERS_OF_ITS_OWN, trunk.config.num_hidden_layers - 1)
    return own if can_be_split(trunk, own) else 0


def readable_tokens(trunk: PreTrainedModel) -> int | None:
    """How many tokens a row may have; None where positions have no limit.

    Models of RoBERTa's kind count positions from the one after their padding's.
    """
    limit = getattr(trunk.config, "max_position_embeddings", None)
    table = getattr(getattr(trunk, "embeddings", None), "position_embeddings", None)
    lost = getattr(table, "padding_idx", None)
    return limit if limit is None or lost is None else limit - lost - 1


def _tops(trunk: PreTrainedModel, design: Design) -> list[EndLayers]:
    """What each member has of the trunk's last layers."""
    if design.pooling is not None or not can_be_split(trunk, design.member_layers):
        raise RecipeError(
            f"{type(trunk).__name__} cannot give each member its last {design.member_layers} layers; set the field"
            " 'member_layers' to 0, or to fewer than it has."
        )
    return split(trunk, design.member_layers, design.members)
