"""How likely a causal language model finds the tokens of completions, and how sure it is at each of them."""

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from training.modelling.batches import Batch


@dataclass(frozen=True)
class TokenLikelihoods:
    """Three [N, C] tensors, C the longest completion: column t is the completion's token t, its end token included."""

    log_probs: torch.Tensor
    """log pi(y_t | x, y_<t) in nats, fp32; 0 where a completion is shorter."""
    entropy: torch.Tensor
    """Entropy of pi(. | x, y_<t) in nats, fp32, without gradient; 0 where a completion is shorter."""
    mask: torch.Tensor
    """1.0 on the completion's tokens, 0.0 where it is shorter."""


def token_likelihoods(model: PreTrainedModel, batch: Batch, *, temperature: float = 1.0) -> TokenLikelihoods:
    """Read the tokens of each completion off one forward pass; logits are divided by `temperature`, as in sampling.

    Only real tokens of completions reach the softmax over the vocabulary. No attention mask is needed: padding on the
    right is invisible to every token before it, and attention without a mask is faster.
    """
    columns = torch.arange(int(batch.completion_lengths.max()), device=batch.input_ids.device)[None]
    inside = columns < batch.completion_lengths[:, None]
    rows, steps = inside.nonzero(as_tuple=True)
    places = batch.prompt_lengths[rows] + steps
    first = int(batch.prompt_lengths.min()) - 1
    keep = batch.input_ids.shape[1] - first
    logits = model(input_ids=batch.input_ids, use_cache=False, logits_to_keep=keep).logits
    # What predicts a token stands one place before it.
    log_softmax = torch.log_softmax(logits[rows, places - 1 - first].float() / temperature, dim=-1)
    picked = log_softmax.gather(-1, batch.input_ids[rows, places][:, None])[:, 0]
    blank = torch.zeros(inside.shape, device=logits.device)
    with torch.no_grad():
        entropy = -(log_softmax.exp() * log_softmax).sum(-1)
    return TokenLikelihoods(
        log_probs=blank.masked_scatter(inside, picked),
        entropy=blank.masked_scatter(inside, entropy),
        mask=inside.float(),
    )
