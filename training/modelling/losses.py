"""The pairs of rankings, and the loss of rewards on them.

A ranking of K completions holds up to K(K-1)/2 strict pairs. The completions are encoded once each and the pairs are
formed from their K numbers (Ouyang et al. 2022, section 3.5), which gives the gradient of the expanded pairs at the
price of K rows.

Ties: two completions of equal rank make no pair unless they are asked for. The Bradley-Terry model gives a tie no
probability; Davidson's does (`davidson_losses`), and takes it as a sign that the two are alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import logsigmoid
from transformers import PreTrainedModel

from training.modelling.batches import Batch
from training.modelling.likelihoods import token_likelihoods
from training.modelling.shared_prefix import SharedPrefixBatch


@dataclass(frozen=True)
class Pairs:
    """The pairs of a batch of rankings whose completions lie one after another in N rows."""

    better: torch.Tensor
    """[P] int64: row of the preferred completion."""
    worse: torch.Tensor
    """[P] int64: row of the other one."""
    ranking: torch.Tensor
    """[P] int64: which ranking of the batch the pair belongs to."""
    weight: torch.Tensor
    """[P] float32: weight of its ranking / (pairs in its ranking * rankings that have a pair); without weights, sums to
    1."""
    distance: torch.Tensor
    """[P] float32: by how many ranks the two are apart; 0 for a tie, where "better" is whichever comes first."""

    @property
    def tied(self) -> torch.Tensor:
        """[P] bool: whether neither was preferred."""
        return self.distance == 0

    def __len__(self) -> int:
        return len(self.better)


def form_pairs(
    ranks: Sequence[Sequence[int]],
    device: torch.device | None = None,
    *,
    weights: Sequence[float] | None = None,
    among: int | None = None,
    ties: bool = False,
) -> Pairs:
    """Return the pairs of rankings (1 = best, equal = tie), whose rows follow each other in one batch.

    Strict pairs, and tied ones where `ties` are asked for.

    Every ranking that has a pair weighs the same and its pairs share that weight, as in eq. 1 of Ouyang et al. 2022
    with its K(K-1)/2 replaced by the number of strict pairs; a ranking of ties only weighs nothing. `weights`, one for
    each ranking, multiply what it weighs. They are not made to sum to 1 in a batch, which would give a vote more where
    it stands among light ones; over a snapshot their mean is 1, and so the learning rate means the same.
    `among` says how many rankings with a pair share the weight of a step, where these are only some of them.
    """
    better, worse, ranking, distance = [], [], [], []
    first = 0
    for index, row in enumerate(ranks):
        for i, left in enumerate(row):
            for j, right in enumerate(row):
                if left < right or (ties and left == right and i < j):
                    better.append(first + i)
                    worse.append(first + j)
                    ranking.append(index)
                    distance.append(right - left)
        first += len(row)
    of = torch.tensor(ranking, dtype=torch.long, device=device)
    counts = torch.bincount(of, minlength=len(ranks)).clamp(min=1)
    share = 1.0 / (counts[of] * max(among or len(set(ranking)), 1)).float()
    if weights is not None:
        share = share * torch.tensor(weights, dtype=torch.float32, device=device)[of]
    return Pairs(
        better=torch.tensor(better, dtype=torch.long, device=device),
        worse=torch.tensor(worse, dtype=torch.long, device=device),
        ranking=of,
        weight=share,
        distance=torch.tensor(distance, dtype=torch.float32, device=device),
    )


def bradley_terry_loss(rewards: torch.Tensor, pairs: Pairs) -> torch.Tensor:
    """Return the negative log-likelihood of the pairs, -log sigmoid(r_better - r_worse), a scalar.

    `rewards` is [N]. Ouyang et al. 2022 (arXiv 2203.02155), eq. 1; the model is Bradley and Terry 1952.
    """
    margins = rewards.float()[pairs.better] - rewards.float()[pairs.worse]
    return -(logsigmoid(margins) * pairs.weight).sum()


def sequence_log_probs(model: PreTrainedModel, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
    """Return log p(completion | prompt) of each row, [N] fp32, in nats: the sum over its tokens, end token included."""
    return token_likelihoods(model, batch, entropy=False).log_probs.sum(dim=1)
