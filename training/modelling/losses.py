"""The pairs of rankings, and the loss of rewards on them.

A ranking of K completions holds up to K(K-1)/2 strict pairs. The completions are encoded once each and the pairs are
formed from their K numbers (Ouyang et al. 2022, section 3.5), which gives the gradient of the expanded pairs at the
price of K rows.

Ties: two completions of equal rank make no pair unless they are asked for. The Bradley-Terry model gives a tie no
probability; Davidson's does (`davidson_losses`), and takes it as a sign that the two are alike.
"""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn.functional import logsigmoid
from transformers import PreTrainedModel

from training.modelling.batches import Batch
from training.modelling.likelihoods import token_likelihoods
from training.modelling.shared_prefix import SharedPrefixBatch

Alike = Literal["pairs", "rankings"]
"""What weighs the same in the loss: every strict pair of rankings of equally many completions, so that a ranking with
ties weighs less, or every ranking that has a pair, however few they are."""


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
    """[P] float32: weight of its ranking / (pairs in its ranking * rankings that have a pair), which without weights
    sums to 1; or where pairs weigh alike, with K(K-1)/2 for the pairs in its ranking."""
    distance: torch.Tensor
    """[P] float32: by how many ranks the two are apart, or how much better somebody said that the one is; 0 for a tie,
    where "better" is whichever comes first."""
    sure: torch.Tensor | None = None
    """[P] float32: how sure it is that "better" is; None where it is taken as said."""

    @property
    def tied(self) -> torch.Tensor:
        """[P] bool: whether neither was preferred."""
        return self.distance == 0

    def __len__(self) -> int:
        return len(self.better)


def form_pairs(
    ranks: Sequence[Sequence[int | None]],
    device: torch.device | None = None,
    *,
    weights: Sequence[float] | None = None,
    among: int | None = None,
    ties: bool = False,
    left_out: Sequence[Set[tuple[int, int]]] | None = None,
    alike: Alike = "rankings",
    strengths: Sequence[int | None] | None = None,
    sure: Sequence[Mapping[tuple[int, int], float] | None] | None = None,
) -> Pairs:
    """Return the pairs of rankings (1 = best, equal = tie), whose rows follow each other in one batch.

    Strict pairs, and tied ones where `ties` are asked for. A completion whose rank is None makes no pair.

    Every ranking that has a pair weighs the same and its pairs share that weight, as in eq. 1 of Ouyang et al. 2022
    with its K(K-1)/2 replaced by the number of strict pairs; a ranking of ties only weighs nothing. Where "pairs" are
    `alike` it is that equation as it stands, K counting the completions that have a rank. `weights`, one for
    each ranking, multiply what it weighs. They are not made to sum to 1 in a batch, which would give a vote more where
    it stands among light ones; over a snapshot their mean is 1, and so the learning rate means the same.
    `among` says how many rankings with a pair share the weight of a step, where these are only some of them.
    `left_out`, one set for each ranking, names pairs (better, worse) of its completions that do not count.
    `strengths`, one for each ranking, are the distance of its strict pairs where somebody said it. `sure`, one mapping
    for each ranking, has how sure its strict pairs are; without any, all are taken as said.
    """
    better, worse, ranking, distance, chances = [], [], [], [], []
    first = 0
    for index, row in enumerate(ranks):
        for i, left in enumerate(row):
            for j, right in enumerate(row):
                if left is None or right is None or (left_out and (i, j) in left_out[index]):
                    continue
                if left < right or (ties and left == right and i < j):
                    better.append(first + i)
                    worse.append(first + j)
                    ranking.append(index)
                    said = strengths[index] if strengths and left < right else None
                    distance.append(right - left if said is None else said)
                    chances.append((sure[index] or {}).get((i, j), 1.0) if sure else 1.0)
        first += len(row)
    of = torch.tensor(ranking, dtype=torch.long, device=device)
    if alike == "pairs":
        known = [sum(rank is not None for rank in row) for row in ranks]
        counts = torch.tensor([k * (k - 1) // 2 for k in known], device=device).clamp(min=1)
    else:
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
        sure=torch.tensor(chances, dtype=torch.float32, device=device) if sure and any(sure) else None,
    )


@dataclass(frozen=True)
class RewardLoss:
    """What rewards are learnt by."""

    model: Literal["bradley_terry", "plackett_luce"] = "bradley_terry"
    nu: float | None = None
    """How likely ties are, see `davidson_losses`; None where tied pairs are left out."""
    margin: float = 0.0
    """How far apart two rewards should be at least for each rank between them (Touvron et al. 2023, arXiv 2307.09288,
    eq. 2)."""
    centring: float = 0.0
    """What the square of a pair's summed rewards weighs, which keeps rewards around 0 (Eisenstein et al. 2023, arXiv
    2312.09244, eq. 7)."""


def reward_loss(rewards: torch.Tensor, ranks: Sequence[Sequence[int]], pairs: Pairs, by: RewardLoss) -> torch.Tensor:
    """Return the loss of the rewards, [N], of the completions of rankings with these ranks and pairs: a scalar."""
    if by.model == "plackett_luce":
        loss = plackett_luce_loss(rewards, ranks, pairs)
    elif by.nu is not None:
        margins = _margins(rewards, pairs) - by.margin * pairs.distance
        loss = (davidson_losses(margins, pairs.tied, by.nu) * pairs.weight).sum()
    else:
        loss = bradley_terry_loss(rewards, pairs, margin=by.margin)
    if by.centring:
        sums = rewards.float()[pairs.better] + rewards.float()[pairs.worse]
        loss = loss + by.centring * (sums**2 * pairs.weight).sum()
    return loss


def bradley_terry_loss(rewards: torch.Tensor, pairs: Pairs, *, margin: float = 0.0) -> torch.Tensor:
    """Return the negative log-likelihood of the pairs, -log sigmoid(d), d = r_better - r_worse - margin * distance, a
    scalar; of pairs that are right with a chance q, the cross-entropy -q log sigmoid(d) - (1 - q) log sigmoid(-d).

    `rewards` is [N]. Ouyang et al. 2022 (arXiv 2203.02155), eq. 1; the model is Bradley and Terry 1952.
    """
    margins = _margins(rewards, pairs) - margin * pairs.distance
    said = logsigmoid(margins)
    if pairs.sure is not None:
        said = pairs.sure * said + (1 - pairs.sure) * logsigmoid(-margins)
    return -(said * pairs.weight).sum()


def davidson_losses(margins: torch.Tensor, tied: torch.Tensor, nu: float) -> torch.Tensor:
    """Return -log P of what was said about each pair, [P]: that b is better, or where `tied` that neither is.

    P(b) = e^(d/2) / (e^(d/2) + e^(-d/2) + nu) and P(tie) = nu / (the same), with margins d, [P]. nu > 0 says how likely
    ties are: nu / (2 + nu) between equals (Davidson 1970, eq. 2.2; for DPO Chen et al. 2024, arXiv 2409.17431).
    """
    normaliser = torch.logsumexp(
        torch.stack([margins / 2, -margins / 2, torch.full_like(margins, math.log(nu))]), dim=0
    )
    return normaliser - torch.where(tied, math.log(nu), margins / 2)


def plackett_luce_loss(rewards: torch.Tensor, ranks: Sequence[Sequence[int]], pairs: Pairs) -> torch.Tensor:
    """Return the negative log-likelihood of whole rankings, a scalar: each choice of the best of those that are left.

    A completion competes with all that are not ranked before it, tied ones included (Breslow's treatment). A ranking's
    weight, that of its pairs together, is shared by its choices, those from among equals only left out (Plackett 1975;
    Luce 1959; for rewards Zhu et al. 2023, arXiv 2301.11270, eq. 3).
    """
    losses = []
    weights = torch.zeros(len(ranks), device=rewards.device).index_add(0, pairs.ranking, pairs.weight)
    of_ranking = rewards.float().split([len(row) for row in ranks])
    for row, scores, weight in zip(ranks, of_ranking, weights, strict=True):
        rank = torch.tensor(row, device=rewards.device)
        left = torch.where(rank[None] >= rank[:, None], scores[None], -torch.inf).logsumexp(dim=1)
        chosen = rank < rank.max()
        losses.append(weight * (left - scores)[chosen].sum() / chosen.sum().clamp(min=1))
    return torch.stack(losses).sum()


def _margins(rewards: torch.Tensor, pairs: Pairs) -> torch.Tensor:
    return rewards.float()[pairs.better] - rewards.float()[pairs.worse]


def sequence_log_probs(model: PreTrainedModel, batch: Batch | SharedPrefixBatch) -> torch.Tensor:
    """Return log p(completion | prompt) of each row, [N] fp32, in nats: the sum over its tokens, end token included."""
    return token_likelihoods(model, batch, entropy=False).log_probs.sum(dim=1)
