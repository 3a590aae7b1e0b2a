"""What held-out rankings say of a reward model: accuracy and loss a pair, and how far an ensemble's members differ."""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch.nn.functional import logsigmoid

from training.modelling.artifacts import Result
from training.modelling.baselines import TfIdfReward, compared
from training.modelling.rankings import EncodedRanking, pair_accuracy
from training.modelling.reporting import mean_result, share_result
from training.modelling.rewards import Normalisation
from training.modelling.snapshots import RankingRow


def right_pairs(
    rankings: Sequence[EncodedRanking], raw: Sequence[torch.Tensor], number: int, axis: str | None
) -> tuple[list[float], list[str]]:
    """`pair_accuracy` of the members' mean on one axis."""
    return pair_accuracy([ranking.on(axis) for ranking in rankings], [one[..., number].mean(1).tolist() for one in raw])


def held_out_results(
    split: str,
    rankings: Sequence[EncodedRanking],
    raw: Sequence[torch.Tensor],
    normalisation: Normalisation,
    axes: Sequence[str | None],
) -> list[Result]:
    """Accuracy and loss per pair on a split that was not trained on: of the reward, or of the axes and their sum.

    `raw` has the rewards of each ranking's completions, [K, members, axes], in order of `axes`; None is the ranks
    themselves.
    """
    results = []
    for number, axis in enumerate(axes):
        results += _pair_results(
            split,
            axis or "reward",
            [ranking.on(axis) for ranking in rankings],
            [one[..., number].mean(1).tolist() for one in raw],
        )
    if normalisation.axes:
        overall = [normalisation.overall(one).mean(1).tolist() for one in raw]
        results += _pair_results(split, "reward", rankings, overall)[:1]
    if raw[0].shape[1] > 1:
        results += _disagreement(split, normalisation, rankings, raw)
    return results


def edit_results(
    split: str, rows: Sequence[RankingRow], scores: Sequence[Sequence[float]], tf_idf: TfIdfReward
) -> list[Result]:
    """How often the reward, by its scores of both texts of each row, and each baseline prefer the edited text.

    Who edits always prefers the result, so this is apart from the accuracy on what people ranked, and the baselines
    matter more: where edits are mostly longer, longer wins.
    """
    note = f"{len(rows)} edited texts and what they were made of; n and interval are over prompts"
    own = share_result(f"{split}_edit_accuracy", *pair_accuracy(rows, scores), subject="reward", note=note)
    return [own, *compared(tf_idf, split, rows, "edit_accuracy")]


def _pair_results(
    split: str, subject: str, rankings: Sequence[EncodedRanking], scores: list[list[float]]
) -> list[Result]:
    correct, clusters = pair_accuracy(rankings, scores)
    if not correct:
        return []
    note = f"{len(correct)} strict pairs of {len(rankings)} rankings; n and interval are over prompts"
    losses = [
        -logsigmoid(torch.tensor(row[better] - row[worse])).item()
        for ranking, row in zip(rankings, scores, strict=True)
        for better, worse in ranking.pairs
    ]
    return [
        share_result(f"{split}_accuracy", correct, clusters, subject=subject, note=note),
        mean_result(f"{split}_loss", losses, clusters, subject=subject, unit="nats/pair", note=note),
    ]


def _disagreement(
    split: str, normalisation: Normalisation, rankings: Sequence[EncodedRanking], raw: Sequence[torch.Tensor]
) -> list[Result]:
    """How often the members do not all order a pair of completions of one ranking alike."""
    split_up, clusters = [], []
    for ranking, one in zip(rankings, raw, strict=True):
        scores = normalisation.overall(one)
        for i, j in combinations(range(len(scores)), 2):
            first = scores[i] > scores[j]
            split_up.append(float(first.any() and not first.all()))
            clusters.append(ranking.prompt_sha256)
    note = f"share of {len(split_up)} pairs on which not all members agree; n and interval are over prompts"
    return [share_result(f"{split}_disagreement", split_up, clusters, subject="reward", note=note)]
