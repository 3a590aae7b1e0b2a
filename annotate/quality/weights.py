"""How much an annotator's votes weigh, and how sure the votes make one that A is better than B.

An annotator who is right with probability p, whatever the answer, is worth log(p / (1 - p)) to a weighted majority
(Nitzan and Paroush 1982, "Optimal decision rules in uncertain dichotomous choice situations"), and the same number is
what their vote adds to the log-odds of the answer (Dawid and Skene 1979 with one parameter each). So

    weight_a = max(0, log(p_a / (1 - p_a))) / scale,      scale = its mean over the annotator-pairs that are exported
    P(A > B) = sigmoid(logit(prior) + scale * sum of +-weight_a over the votes),      a tie adds nothing

and both come from one accuracy. p must be shrunk (`expertise.gold_accuracy`): a share of 3 out of 3 is no certainty.

Departures:
- Clipped at 0: somebody below chance is ignored and not turned round. Few gold tasks show that somebody guesses; that
  somebody is reliably wrong would need many more, and a mistake there would train on the opposite.
- A gold ranking shows many pairs at once. They are fewer trials than pairs, because one slip turns several, and more
  than one, which would shrink everybody into the pool: `effective_trials` counts what they are worth.
- The posterior takes votes as independent given the answer. People who share a bias are surer together than they should
  be; `bias` measures that, this does not mend it.
- Without gold nobody is told apart: all weigh 1, and ASSUMED_ACCURACY gives the posterior its scale.

The accuracy is meant to come from gold, not from agreement with the others: weighting by agreement weighs a minority
down for being one. Report agreement and accuracy by group beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

ASSUMED_ACCURACY = 0.75
"""Of an annotator of whom nothing is known: two of them agree 62.5 % of the time, as on hard pairs (HH: 63 %)."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What the votes of annotators weigh."""

    weight: NDArray[np.float64]
    """(annotators,) >= 0; the mean over the annotator-pairs is 1."""
    scale: float
    """The log-odds of one vote of weight 1; 0 when nobody is better than chance."""


def annotator_weight(p: ArrayLike) -> NDArray[np.float64]:
    """log(p / (1 - p)) clipped at 0, for shrunk accuracies in [0, 1). Raises ValueError for others."""
    p = np.asarray(p, dtype=float)
    if not np.all((p >= 0) & (p < 1)):
        raise ValueError("An accuracy lies in [0, 1): shrink a share of right answers before it becomes a weight.")
    return np.maximum(0.0, logit(np.maximum(p, 0.5)))


def export_weights(accuracy: ArrayLike, n_pairs: ArrayLike) -> Weights:
    """The weights of annotators with these accuracies (annotators,), who judged so many pairs each.

    Where nobody is better than chance, or nobody judged a pair, all weigh 1. Raises ValueError as `annotator_weight`.
    """
    raw, counts = annotator_weight(accuracy), np.asarray(n_pairs, dtype=float)
    scale = float(raw @ counts / counts.sum()) if counts.sum() else 0.0
    return Weights(raw / scale if scale else np.ones(raw.shape), scale)


def equal_weights(n_annotators: int) -> Weights:
    """The weights where nothing is known of anybody's accuracy."""
    return Weights(np.ones(n_annotators), float(logit(ASSUMED_ACCURACY)))


def soft_posterior(margin: ArrayLike, scale: float, *, prior: float = 0.5) -> NDArray[np.float64]:
    """P(first > second) of pairs whose weighted votes for the first, less those for the second, are `margin` (pairs,).

    `scale` is the log-odds of a vote of weight 1, `prior` what is known before any vote.
    """
    if not 0 < prior < 1:
        raise ValueError(f"A prior lies between 0 and 1, got {prior}.")
    return expit(logit(prior) + scale * np.asarray(margin, dtype=float))


def effective_trials(shares: ArrayLike, annotators: ArrayLike, most: float) -> tuple[NDArray, NDArray]:
    """(annotators,) right and n, as whole trials, of gold answers that are partly right: what `gold_accuracy` takes.

    `shares` (answers,) from 0 to 1 is how much of each answer is right, `annotators` (answers,) codes 0, 1, ..., and
    `most` the number of things compared in an answer (pairs). The answers of one person vary by p(1-p)/m where each is
    worth m independent trials (Kish 1965, the design effect), so m is estimated over everybody who gave two or more,
    between 1 and `most`; without such a person it is 1.
    """
    shares, annotators = np.asarray(shares, dtype=float), np.asarray(annotators, dtype=np.int64)
    n = np.bincount(annotators)
    mean = np.bincount(annotators, shares) / np.maximum(n, 1)
    several = n > 1
    scatter = np.bincount(annotators, np.square(shares - mean[annotators]), minlength=n.size)
    within = (n[several] / (n[several] - 1) * scatter[several]).sum()
    # n p(1-p) is seen too small by its share of one trial in n m: that is 1/n more for m.
    if within > 0:
        worth = (n * mean * (1 - mean))[several].sum() / within + several.sum() / n[several].sum()
    else:
        worth = float(most) if several.any() else 1.0
    trials = np.round(n * np.clip(worth, 1.0, most))
    return mean * trials, trials
