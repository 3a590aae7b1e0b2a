"""How likely a causal language model finds the tokens of completions, and how sure it is at each of them."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from training.modelling.batches import Batch, pad_batch
from training.modelling.shared_prefix import SharedPrefixBatch, encode, inputs


@dataclass(frozen=True)
class TokenLikelihoods:
    """Of N completions, [N, C], C the longest one: column t is the completion's token t, its end token included."""

    log_probs: torch.Tensor
    """log pi(y_t | x, y_<t) in nats, fp32; 0 where a completion is shorter."""
    entropy: torch.Tensor
    """Entropy of pi(. | x, y_<t) in nats, fp32, without gradient; 0 where a completion is shorter."""
    mask: torch.Tensor
    """1.0 on the completion's tokens, 0.0 where it is shorter."""
    hidden: torch.Tensor
    """[M, d]: the last hidden state that predicts each of the M tokens inside, in order of `batch.inside`."""

    @property
    def hidden_sums(self) -> torch.Tensor:
        """[N, d] fp32: of each completion the sum of `hidden` over its tokens."""
        rows = self.mask.nonzero()[:, 0]
        blank = torch.zeros(len(self.mask), self.hidden.shape[1], device=self.hidden.device)
        return blank.index_add(0, rows, self.hidden.float())


def token_likelihoods(
    model: PreTrainedModel, batch: Batch | SharedPrefixBatch, *, temperature: float = 1.0, entropy: bool = True
) -> TokenLikelihoods:
    """Read the tokens of each completion off one forward pass; logits are divided by `temperature`, as in sampling.

    Only what predicts a completion's token reaches the head and the softmax over the vocabulary. Without `entropy` the
    entropy is not computed, and all 0.
    """
    hidden, logits = _predictions(model, batch)
    logits = logits.float()
    if temperature != 1:  # of a large vocabulary a copy of the logits is the largest tensor there is
        logits = logits / temperature
    blank = torch.zeros(batch.inside.shape, device=logits.device)
    if entropy:
        log_softmax = torch.log_softmax(logits, dim=-1)
        picked = log_softmax.gather(-1, batch.targets[:, None])[:, 0]
        with torch.no_grad():
            unsure = -(log_softmax.exp() * log_softmax).sum(-1)
    else:
        picked, unsure = -cross_entropy(logits, batch.targets, reduction="none"), torch.zeros(len(logits))
    return TokenLikelihoods(
        log_probs=blank.masked_scatter(batch.inside, picked),
        entropy=blank.masked_scatter(batch.inside, unsure.to(blank.device)),
        mask=batch.inside.float(),
        hidden=hidden,
    )


def _predictions(model: PreTrainedModel, batch: Batch | SharedPrefixBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """The last hidden state, [M, d], and what the model predicts of it, [M, vocabulary], at the batch's predictors."""
    if _head_says_all(model):
        hidden = encode(model, batch)[batch.predictors]
        return hidden, model.get_output_embeddings()(hidden)
    found = model(**inputs(batch), use_cache=False, output_hidden_states=True)
    hidden, logits = (each.flatten(0, 1)[batch.predictors] for each in (found.hidden_states[-1], found.logits))
    return hidden, logits


_says_all: WeakKeyDictionary[PreTrainedModel, bool] = WeakKeyDictionary()


@torch.no_grad()
def _head_says_all(model: PreTrainedModel) -> bool:
    """Whether logits are the head's output: some models scale or cap them after it."""
    if model not in _says_all:
        probe = pad_batch([[1]], [[2]], 0, model.device)
        head = model.get_output_embeddings()(encode(model, probe))
        _says_all[model] = torch.equal(head, model(**inputs(probe), use_cache=False).logits.flatten(0, 1))
    return _says_all[model]
