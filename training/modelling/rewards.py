"""A reward model's score of prompt + completion: one number, read at the completion's last token."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import linear
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling.artifacts import RecipeError, write_json
from training.modelling.batches import Batch, pad_batch
from training.modelling.models import load_classifier, model_directory, reward_head, window_of
from training.modelling.reward_network import RewardNetwork
from training.modelling.shared_prefix import SharedPrefixBatch, encode

NORMALISATION = "reward_normalisation.json"


def read_rewards(model: PreTrainedModel, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
    """Return the raw reward of each row, [N] fp32, read at its last response token (the end token if it ended).

    The place follows from the lengths and not from a search for padding, which finds the wrong token where pad = eos.
    """
    if isinstance(model, RewardNetwork):
        return model.rewards(batch)[:, 0, 0]
    hidden = encode(model, batch)[batch.ends]
    head = reward_head(model)
    bias = None if head.bias is None else head.bias.float()
    # The head is computed in fp32 under autocast too: bf16 keeps 8 bits of a reward, and pairs would tie by rounding.
    with torch.autocast(hidden.device.type, enabled=False):
        return linear(hidden.float(), head.weight.float(), bias).squeeze(-1)


@dataclass(frozen=True)
class RewardModel:
    """A reward model with the shift and scale that give reference samples mean 0 and standard deviation 1."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    mean: float
    """Mean of the raw reward over the reference samples."""
    std: float
    """Standard deviation of the raw reward over the reference samples."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.model.parameters()).device

    @torch.no_grad()
    def score(
        self, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], *, batch_size: int = 64
    ) -> torch.Tensor:
        """Return the normalised reward of each prompt with its completion, [N] fp32 on the CPU.

        Ids come from `chat.encode_prompt` and `chat.encode_completion`, or from sampling. Rows of like length are
        scored together.
        """
        raw = score_completions(self.model, self.tokenizer, prompts, completions, batch_size=batch_size)
        return (raw - self.mean) / self.std


@torch.no_grad()
def score_completions(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    batch_size: int = 64,
) -> torch.Tensor:
    """Return the raw reward of each prompt with its completion, [N] fp32 on the CPU, in the order given."""
    device = next(model.parameters()).device
    rewards = torch.zeros(len(prompts))
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]) + len(completions[row]))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = pad_batch(
            [prompts[row] for row in rows],
            [completions[row] for row in rows],
            tokenizer.pad_token_id,
            device,
            window=window_of(model),
        )
        rewards[rows] = read_rewards(model, batch).cpu()
    return rewards


def load_reward(
    source: str | Path, *, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> RewardModel:
    """Load a reward model that the reward recipe made, ready to score (evaluation mode, no gradients)."""
    model, tokenizer = load_classifier(source, device=device, dtype=dtype)
    file = Path(model_directory(source)) / NORMALISATION
    try:
        normalisation = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{source} has no {NORMALISATION}; train it with training.recipes.reward.") from error
    model.eval().requires_grad_(False)
    return RewardModel(model, tokenizer, mean=normalisation["mean"], std=normalisation["std"])


def save_normalisation(directory: Path, rewards: torch.Tensor) -> tuple[float, float]:
    """Write mean and standard deviation of raw rewards of reference samples beside the model; return both.

    A model that gives all samples the same reward gets a standard deviation of 1: it cannot be scaled.
    """
    mean = rewards.mean().item()
    std = rewards.std().item() if len(rewards) > 1 else 0.0
    std = std if std > 1e-6 else 1.0
    write_json(directory / NORMALISATION, {"mean": mean, "std": std, "n": len(rewards)})
    return mean, std
