"""The loss over what is learnt of rows, for recipes with a loop of their own, and the same loss on held-out rows."""

from collections.abc import Callable, Iterator, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling.artifacts import Result
from training.modelling.batches import pad_batch, runs_within, within
from training.modelling.learning import LearningConfig, PartLoss
from training.modelling.likelihoods import token_likelihoods
from training.modelling.models import autocast
from training.modelling.reporting import mean_result
from training.modelling.supervised.conversations import Example


def token_loss_parts(
    config: LearningConfig, model: PreTrainedModel, pad: int
) -> Callable[[Sequence[Example]], Iterator[PartLoss]]:
    """Return what `learn` asks for: the mean loss over the learnt tokens of a step, in parts of `tokens_at_once`."""

    def losses(examples: Sequence[Example]) -> Iterator[PartLoss]:
        tokens = sum(example.learnt for example in examples)
        for first, last in within(config.tokens_at_once, _costs(examples)):
            values = learnt_losses(config, model, examples[first:last], pad)
            yield PartLoss(values.sum() / tokens)

    return losses


def token_loss_passes(config: LearningConfig, examples: Sequence[Example]) -> int:
    """Return in how many parts the loss of a step comes."""
    return runs_within(config.tokens_at_once, _costs(examples))


def _costs(examples: Sequence[Example]) -> list[int]:
    """Tokens of each row, padded to the longest."""
    return [max(len(example.ids) for example in examples)] * len(examples)


def learnt_losses(
    config: LearningConfig, model: PreTrainedModel, examples: Sequence[Example], pad: int
) -> torch.Tensor:
    """Return the loss of each learnt token in nats, [M] fp32, row after row."""
    before, after = [one.ids[: one.start] for one in examples], [one.ids[one.start :] for one in examples]
    with autocast(model, config.precision):
        found = token_likelihoods(model, pad_batch(before, after, pad, model.device), entropy=False)
    mask = torch.zeros_like(found.mask, dtype=torch.bool)
    for row, one in enumerate(examples):
        mask[row, : len(one.ids) - one.start] = torch.tensor(one.mask[one.start :], dtype=torch.bool)
    return -found.log_probs[mask]


@torch.no_grad()
def held_out_loss(
    config: LearningConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    *,
    subject: str,
    batch_size: int,
    name: str = "validation_loss",
    what: str = "answers of the validation split",
) -> list[Result]:
    """Loss per token of rows that are not trained on."""
    if not examples:
        return []
    model.eval()
    values: list[float] = []
    clusters: list[str] = []
    for start in range(0, len(examples), batch_size):
        some = examples[start : start + batch_size]
        values += learnt_losses(config, model, some, tokenizer.pad_token_id).tolist()
        clusters += [one.prompt_sha256 for one in some for _ in range(one.learnt)]
    note = f"{len(examples)} {what}; n and interval are over prompts"
    return [mean_result(name, values, clusters, subject=subject, unit="nats/token", note=note)]
