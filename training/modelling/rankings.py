"""Rankings as token ids, and as batches in which every completion is encoded once.

Whatever the number of pairs, a ranking of K completions costs K rows. (Its prompt is still encoded K times.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import torch
from transformers import PreTrainedTokenizerBase

from training.modelling.artifacts import RecipeError
from training.modelling.batches import Batch, pad_batch
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.losses import Pairs, strict_pairs
from training.modelling.snapshots import RankingRow

Weights = Literal["none", "annotator"]
"""Whether a ranking weighs in the loss what its annotator does, or each the same."""


@dataclass(frozen=True)
class EncodedRanking:
    """One ranking with at least one strict pair, as token ids."""

    prompt: list[int]
    """Ids up to where the assistant speaks."""
    completions: list[list[int]]
    """K completions' ids, each with its end token unless it was cut."""
    ranks: list[int]
    """K ranks: 1 = best, equal = tie."""
    characters: list[int]
    """K lengths of the completions' texts: what a reader sees as long, which a count of tokens is not."""
    prompt_sha256: str
    """What intervals are clustered by."""
    weight: float = 1.0
    """What it weighs in the loss."""

    @property
    def tokens(self) -> int:
        """Length of the longest row; batches are made of rankings of like length."""
        return len(self.prompt) + max(len(completion) for completion in self.completions)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The strict pairs (better, worse) as indices of completions."""
        return [(i, j) for i, j in permutations(range(len(self.ranks)), 2) if self.ranks[i] < self.ranks[j]]


def encode_rankings(
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[RankingRow],
    *,
    max_prompt_tokens: int,
    max_completion_tokens: int,
    weights: Weights = "none",
) -> list[EncodedRanking]:
    """Encode rankings; those whose completions all tie are left out, because they hold no strict pair.

    With `weights` "annotator" each weighs what its annotator does; raises RecipeError when the snapshot does not say.
    """
    if weights == "annotator" and any(row.weight is None for row in rows):
        raise RecipeError(
            "The snapshot has no weights, because it is older than they are; freeze a new one, or set the field"
            " 'weights' to \"none\"."
        )
    encoded = []
    for row in rows:
        if len(set(row.ranks)) == 1:
            continue
        encoded.append(
            EncodedRanking(
                prompt=encode_prompt(tokenizer, row.prompt, max_tokens=max_prompt_tokens),
                completions=[
                    encode_completion(tokenizer, text, max_tokens=max_completion_tokens) for text in row.completions
                ],
                ranks=row.ranks,
                characters=[len(text) for text in row.completions],
                prompt_sha256=row.prompt_sha256,
                weight=row.weight if weights == "annotator" else 1.0,
            )
        )
    return encoded


def ranking_batch(
    rankings: Sequence[EncodedRanking], pad_token_id: int, device: torch.device | None = None
) -> tuple[Batch, Pairs]:
    """Return the rows of all completions of `rankings`, one ranking after another, and their strict pairs."""
    prompts = [ranking.prompt for ranking in rankings for _ in ranking.completions]
    completions = [completion for ranking in rankings for completion in ranking.completions]
    weights = [ranking.weight for ranking in rankings]
    pairs = strict_pairs([ranking.ranks for ranking in rankings], device, weights=weights)
    return pad_batch(prompts, completions, pad_token_id, device), pairs


def pair_accuracy(
    rankings: Sequence[EncodedRanking], scores: Sequence[Sequence[float]]
) -> tuple[list[float], list[str]]:
    """Compare K scores of each ranking with its strict pairs.

    Returns, for each pair of all rankings, 1.0 if the better completion scores higher, 0.5 if both score the same, else
    0.0; and the pair's prompt_sha256, by which to cluster.
    """
    correct, clusters = [], []
    for ranking, row in zip(rankings, scores, strict=True):
        for better, worse in ranking.pairs:
            correct.append(1.0 if row[better] > row[worse] else 0.5 if row[better] == row[worse] else 0.0)
            clusters.append(ranking.prompt_sha256)
    return correct, clusters
