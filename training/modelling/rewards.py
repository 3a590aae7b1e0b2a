"""A reward model's score of prompt + completion, read at the completion's last token: one number in the end.

A model gives raw numbers [N, members, axes]: one of each, unless it is an ensemble (reward_network.py) or has learnt
several axes. `Normalisation` makes each axis mean 0 and standard deviation 1 over reference samples, adds the axes up
by their weights, and makes the sum mean 0 and standard deviation 1 again, for each member. `Combination` makes one
score of the members'.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch.nn.functional import linear
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling.artifacts import RecipeError, write_json
from training.modelling.batches import Batch, pad_batch
from training.modelling.chat import Messages, decode_completion, encode_completion, encode_prompt
from training.modelling.models import load_classifier, model_directory, reward_head, window_of
from training.modelling.reward_network import RewardNetwork
from training.modelling.shared_prefix import SharedPrefixBatch, encode

NORMALISATION = "reward_normalisation.json"
SMALLEST_SPREAD = 1e-6
"""Below it a model gives all samples the same reward and cannot be scaled."""

Combine = Literal["mean", "wco", "uwo"]
"""What an ensemble's score is: the members' mean, the worst of them (worst-case optimisation), or the mean less what
they disagree (uncertainty-weighted optimisation). Of a single model all three are its score."""

UNCERTAINTY_WEIGHT = 0.5
"""Lambda of "uwo" unless another is given."""


@dataclass(frozen=True)
class Combination:
    """How the scores of an ensemble's members become one (Coste et al. 2023, arXiv 2310.02743, section 3)."""

    combine: Combine = "mean"
    uncertainty_weight: float = UNCERTAINTY_WEIGHT
    """Lambda of "uwo": mean - lambda * variance between the members, dividing by their number."""

    def of(self, scores: torch.Tensor) -> torch.Tensor:
        """[N, members] -> [N]."""
        if self.combine == "wco":
            return scores.min(dim=1).values
        mean = scores.mean(dim=1)
        if self.combine == "mean":
            return mean
        return mean - self.uncertainty_weight * scores.var(dim=1, unbiased=False)


@dataclass(frozen=True, eq=False)
class Normalisation:
    """The shifts and scales that reference samples gave; those of a plain model are numbers, M = A = 1."""

    mean: torch.Tensor = field(default_factory=lambda: torch.zeros(1))
    """[M]: mean over the references of each member's sum of weighted axes."""
    std: torch.Tensor = field(default_factory=lambda: torch.ones(1))
    """[M]: its standard deviation."""
    axes: Mapping[str, float] = field(default_factory=dict)
    """What each axis weighs, by name in the order of the model's outputs; empty for a model with one reward."""
    axis_mean: torch.Tensor = field(default_factory=lambda: torch.zeros(1, 1))
    """[M, A]: mean over the references of each raw axis; 0 where there are no axes."""
    axis_std: torch.Tensor = field(default_factory=lambda: torch.ones(1, 1))
    """[M, A]: its standard deviation; 1 where there are no axes."""
    n: int = 0
    """How many references there were."""

    @classmethod
    def over(cls, raw: torch.Tensor, axes: Mapping[str, float] | None = None) -> Normalisation:
        """Measure raw rewards of reference samples, [n, M, A]; `axes` has the weights of the A axes, or is empty."""
        found = cls(axes=dict(axes or {}), n=len(raw))
        if axes:
            found = cls(axes=found.axes, axis_mean=raw.mean(0), axis_std=_spread(raw), n=len(raw))
        sums = found._weighted(raw)
        return cls(sums.mean(0), _spread(sums), found.axes, found.axis_mean, found.axis_std, len(raw))

    def by_axis(self, raw: torch.Tensor) -> torch.Tensor:
        """[N, M, A] -> [N, M, A], mean 0 and standard deviation 1 on each axis."""
        return (raw - self.axis_mean) / self.axis_std

    def overall(self, raw: torch.Tensor) -> torch.Tensor:
        """[N, M, A] -> [N, M], each member's score."""
        return (self._weighted(raw) - self.mean) / self.std

    def folded(self, head: torch.Tensor) -> tuple[torch.Tensor, float, float]:
        """One head [1, d] for the [A, d] of a single model, and the shift and scale that make its output the score."""
        weights = torch.tensor(list(self.axes.values()) or [1.0]) / self.axis_std[0]
        shift = self.mean[0] + (weights * self.axis_mean[0]).sum()
        return weights.to(head)[None] @ head.detach(), shift.item(), self.std[0].item()

    def _weighted(self, raw: torch.Tensor) -> torch.Tensor:
        weights = torch.tensor(list(self.axes.values()) or [1.0])
        return (self.by_axis(raw) * weights).sum(-1)

    def save(self, directory: Path) -> None:
        """Write it beside the model."""
        if len(self.mean) == 1 and not self.axes:
            values = {"mean": self.mean.item(), "std": self.std.item(), "n": self.n}
        else:
            values = {name: getattr(self, name).tolist() for name in ("mean", "std", "axis_mean", "axis_std")}
            values |= {"axes": dict(self.axes), "n": self.n}
        write_json(directory / NORMALISATION, values)

    @classmethod
    def load(cls, source: str | Path) -> Normalisation:
        """Read what `save` wrote; raises RecipeError where there is nothing."""
        try:
            values = json.loads((Path(model_directory(source)) / NORMALISATION).read_text(encoding="utf-8"))
        except OSError as error:
            raise RecipeError(f"{source} has no {NORMALISATION}; train it with training.recipes.reward.") from error
        plain = {name: torch.tensor([values[name]]).flatten() for name in ("mean", "std")}
        more = {name: torch.tensor(values[name]) for name in ("axis_mean", "axis_std") if name in values}
        return cls(**plain, **more, axes=values.get("axes", {}), n=values["n"])


def _spread(values: torch.Tensor) -> torch.Tensor:
    """The standard deviation along the first dimension; 1 where a model gives all samples the same reward."""
    std = values.std(0) if len(values) > 1 else torch.zeros(values.shape[1:])
    return torch.where(std > SMALLEST_SPREAD, std, 1.0)


def read_all(model: PreTrainedModel | RewardNetwork, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
    """Return the raw rewards of each row, [N, members, axes] fp32.

    A decoder's are read at the last response token (the end token if it ended). The place follows from the lengths and
    not from a search for padding, which finds the wrong token where pad = eos.
    """
    if isinstance(model, RewardNetwork):
        return model.rewards(batch)
    hidden = encode(model, batch)[batch.ends]
    head = reward_head(model)
    bias = None if head.bias is None else head.bias.float()
    # The head is computed in fp32 under autocast too: bf16 keeps 8 bits of a reward, and pairs would tie by rounding.
    with torch.autocast(hidden.device.type, enabled=False):
        return linear(hidden.float(), head.weight.float(), bias)[:, None]


def read_rewards(model: PreTrainedModel | RewardNetwork, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
    """Return the raw reward of each row, [N] fp32, of a model with one member and one axis."""
    return read_all(model, batch).flatten(1).squeeze(1)


@dataclass(frozen=True)
class RewardModel:
    """A reward model whose scores have mean 0 and standard deviation 1 over reference samples."""

    model: PreTrainedModel | RewardNetwork
    tokenizer: PreTrainedTokenizerBase
    normalisation: Normalisation
    combination: Combination = Combination()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def axes(self) -> Mapping[str, float]:
        """What each axis weighs in the score, by name; empty for a model with one reward."""
        return self.normalisation.axes

    @torch.no_grad()
    def score(
        self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], *, batch_size: int = 64
    ) -> torch.Tensor:
        """Return the score of each prompt with its completion, [N] fp32 on the CPU.

        Ids come from `chat.encode_prompt` and `chat.encode_completion`, or from sampling. Rows of like length are
        scored together.
        """
        raw = score_all(self.model, self.tokenizer, prompts, completions, batch_size=batch_size)
        return self.combination.of(self.normalisation.overall(raw))

    @torch.no_grad()
    def score_axes(
        self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], *, batch_size: int = 64
    ) -> dict[str, torch.Tensor]:
        """Return the score of each row on each axis, by name; empty for a model with one reward."""
        raw = self.normalisation.by_axis(
            score_all(self.model, self.tokenizer, prompts, completions, batch_size=batch_size)
        )
        return {axis: self.combination.of(raw[..., number]) for number, axis in enumerate(self.axes)}


class Scores(Protocol):
    """What scores completions by ids of its own tokenizer."""

    tokenizer: PreTrainedTokenizerBase

    def score(
        self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], *, batch_size: int = 64
    ) -> torch.Tensor:
        """The normalised score of each prompt with its completion, [N] fp32 on the CPU."""


@dataclass(frozen=True)
class ByText:
    """A reward model for ids of another tokenizer: they are turned to text, and read with its own."""

    reward: Scores
    tokenizer: PreTrainedTokenizerBase
    """Whose ids are scored."""
    conversations: Mapping[tuple[int, ...], Messages]
    """The conversation of which each prompt's ids were made."""

    @torch.no_grad()
    def score(
        self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], *, batch_size: int = 64
    ) -> torch.Tensor:
        """Return the score of each prompt with its completion, [N] fp32 on the CPU, as `RewardModel.score` does.

        A completion that did not end is scored without an end token.
        """
        own = self.reward.tokenizer
        model = getattr(self.reward, "model", None)  # the instant reward has none, and no limit
        limit = model and (window_of(model) or getattr(model.config, "max_position_embeddings", None))
        asked, said = [], []
        for prompt, completion in zip(prompts, completions, strict=True):
            ids = encode_completion(own, decode_completion(self.tokenizer, completion), max_tokens=limit and limit - 2)
            ended = completion[-1] == self.tokenizer.eos_token_id
            said.append(ids if ended or len(ids) == 1 or ids[-1] != own.eos_token_id else ids[:-1])
            room = limit and limit - len(said[-1])
            asked.append(encode_prompt(own, self.conversations[tuple(prompt)], max_tokens=room))
        return self.reward.score(asked, said, batch_size=batch_size)


def for_ids_of(
    tokenizer: PreTrainedTokenizerBase,
    reward: Scores,
    prompts: Sequence[Sequence[int]],
    conversations: Sequence[Messages],
) -> Scores | ByText:
    """Return what scores completions of these prompts by a tokenizer's ids: `reward` itself, if the ids are its own.

    `conversations` are what the prompts' ids were made of, in parallel.
    """
    if tokenizer.get_vocab() == reward.tokenizer.get_vocab():
        return reward
    return ByText(reward, tokenizer, {tuple(ids): one for ids, one in zip(prompts, conversations, strict=True)})


@torch.no_grad()
def score_all(
    model: PreTrainedModel | RewardNetwork,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    batch_size: int = 64,
) -> torch.Tensor:
    """Return the raw rewards of each prompt with its completion, [N, members, axes] fp32 on the CPU, in that order."""
    device = next(model.parameters()).device
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]) + len(completions[row]))
    found = []
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = pad_batch(
            [prompts[row] for row in rows],
            [completions[row] for row in rows],
            tokenizer.pad_token_id,
            device,
            window=window_of(model),
        )
        found.append(read_all(model, batch).cpu())
    rewards = torch.cat(found) if found else torch.zeros(0, 1, 1)
    return rewards[torch.tensor(order, dtype=torch.long).argsort()]


def load_reward(
    source: str | Path,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
    combination: Combination | None = None,
) -> RewardModel:
    """Load a reward model that the reward recipe made, ready to score (evaluation mode, no gradients)."""
    model, tokenizer = load_classifier(source, device=device, dtype=dtype)
    normalisation = Normalisation.load(source)
    model.eval().requires_grad_(False)
    return RewardModel(model, tokenizer, normalisation, combination or Combination())


def save_normalisation(directory: Path, rewards: torch.Tensor) -> tuple[float, float]:
    """Write mean and standard deviation of raw rewards of reference samples, [n], beside a plain model; return both.

    A model that gives all samples the same reward gets a standard deviation of 1: it cannot be scaled.
    """
    found = Normalisation.over(rewards[:, None, None])
    found.save(directory)
    return found.mean.item(), found.std.item()
