"""Rankings as token ids, and as batches in which every completion is encoded once.

Whatever the number of pairs, each of the K completions is encoded once; and so is the prompt, where the model can share
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling.artifacts import RecipeError
from training.modelling.batches import Batch, pad_batch, runs_within, within
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.losses import Alike, Pairs, form_pairs
from training.modelling.models import window_of
from training.modelling.shared_prefix import SharedPrefixBatch, share_prefixes, shares_prefixes
from training.modelling.snapshots import RankingRow, strict_pairs

Encoding = Literal["auto", "shared", "once"]
"""How a ranking is encoded: "shared" = its prompt once, "once" = prompt and completion of each of the K in a row of its
own, "auto" = shared where the model gives the same numbers so."""

Ties = Literal["none", "davidson"]
"""Whether tied completions make no pair, or are learnt to be alike (`losses.davidson_losses`)."""

Weights = Literal["none", "annotator"]
"""Whether a ranking weighs in the loss what its annotator does, or each the same."""

Labels = Literal["hard", "soft"]
"""Whether a strict pair is learnt as its annotator said it, or as sure as all votes on it make one."""

Edits = Literal["learn", "leave"]
"""Whether an edited text is learnt as better than the text that it was made of."""

MarginBy = Literal["ranks", "strength"]
"""What a margin is a multiple of: the ranks between two completions, or how much better somebody said that one is."""


@dataclass(frozen=True)
class Layout:
    """How rankings become batches of one model."""

    pad_token_id: int
    device: torch.device
    shared: bool
    """Whether a prompt is encoded once for all its completions."""
    tokens_at_once: int
    """Of one forward pass; a ranking that alone has more makes a pass of its own."""
    ties: bool = False
    """Whether tied completions make a pair, too."""
    window: int | None = None
    """Tokens to which rows are cut for an encoder."""
    alike: Alike = "rankings"
    """What weighs the same."""

    def parts(self, rankings: Sequence[EncodedRanking]) -> Iterator[Part]:
        """Yield the rankings of one step in as few passes as fit."""
        for first, last in within(self.tokens_at_once, [self.cost(ranking) for ranking in rankings]):
            some = rankings[first:last]
            choices = {"shared": self.shared, "among": len(rankings), "ties": self.ties, "window": self.window}
            yield Part(first, some, *ranking_batch(some, self.pad_token_id, self.device, alike=self.alike, **choices))

    def passes(self, rankings: Sequence[EncodedRanking]) -> int:
        """How many passes `parts` makes of rankings."""
        return runs_within(self.tokens_at_once, [self.cost(ranking) for ranking in rankings])

    def cost(self, ranking: EncodedRanking) -> int:
        """Tokens that a ranking brings to a pass."""
        if self.shared:
            return ranking.tokens
        rows = [len(ranking.prompt) + len(completion) for completion in ranking.completions]
        return sum(rows if self.window is None else (min(row, self.window) for row in rows))


def layout_for(
    model: PreTrainedModel,
    pad_token_id: int,
    *,
    encoding: Encoding,
    tokens_at_once: int,
    ties: bool = False,
    alike: Alike = "rankings",
) -> Layout:
    """Choose how to lay out rankings for a model, and prepare it; raise RecipeError when it cannot do what is asked."""
    shared = encoding != "once" and shares_prefixes(model)
    if encoding == "shared" and not shared:
        raise RecipeError(
            f"{type(model).__name__} cannot share a prompt among completions; set the field 'encoding' to \"auto\"."
        )
    return Layout(pad_token_id, model.device, shared, tokens_at_once, ties, window_of(model), alike)


@dataclass(frozen=True)
class Part:
    """Some rankings of a step, as one forward pass takes them."""

    first: int
    """Which of the step's rankings comes first."""
    rankings: Sequence[EncodedRanking]
    batch: Batch | SharedPrefixBatch
    pairs: Pairs


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
    left_out: frozenset[tuple[int, int]] = frozenset()
    """Strict pairs (better, worse) that are not learnt."""
    axes: Mapping[str, list[int | None]] = field(default_factory=dict)
    """K ranks on each axis that is learnt, None where a completion has none."""
    strength: int | None = None
    """How much better the annotator said that the better of two is, where that is to count."""
    sure: Mapping[tuple[int, int], float] | None = None
    """How sure each strict pair is, where that is to count."""

    def on(self, axis: str | None) -> EncodedRanking:
        """The same completions with their ranks on this axis; None is the ranks themselves."""
        return self if axis is None else replace(self, ranks=self.axes[axis])

    @property
    def tokens(self) -> int:
        """Of the prompt and all completions; batches are made of rankings of like length."""
        return len(self.prompt) + sum(len(completion) for completion in self.completions)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The strict pairs (better, worse) as indices of completions, without those that are left out."""
        return [pair for pair in strict_pairs(self.ranks) if pair not in self.left_out]


def encode_rankings(
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[RankingRow],
    *,
    max_prompt_tokens: int,
    max_completion_tokens: int,
    weights: Weights = "none",
    ties: bool = False,
    margin_by: MarginBy = "ranks",
) -> list[EncodedRanking]:
    """Encode rankings; those whose completions all tie hold no strict pair and are left out, unless `ties` count.

    With `weights` "annotator" each weighs what its annotator does; with `margin_by` "strength" its pair is as far apart
    as its annotator said, where they did. Raises RecipeError when no row says it.
    """
    if weights == "annotator" and any(row.weight is None for row in rows):
        raise RecipeError(
            "The snapshot has no weights, because it is older than they are; freeze a new one, or set the field"
            " 'weights' to \"none\"."
        )
    if margin_by == "strength" and rows and all(row.strength is None for row in rows):
        raise RecipeError(
            "No ranking of the snapshot says how much better the better one is: ask for it in a campaign of pairs, or"
            " set the field 'margin_by' to \"ranks\"."
        )
    encoded = []
    for row in rows:
        if not ties and not row.prefers:
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
                axes=row.axes or {},
                strength=row.strength if margin_by == "strength" else None,
                sure=row.sure,
            )
        )
    return encoded


def as_texts(tokenizer: PreTrainedTokenizerBase, ranking: EncodedRanking) -> dict[str, Any]:
    """Return what a person needs to find a ranking again, with the texts that the model reads."""
    return {
        "prompt_sha256": ranking.prompt_sha256,
        "prompt": tokenizer.decode(ranking.prompt),
        "completions": [tokenizer.decode(completion) for completion in ranking.completions],
        "ranks": ranking.ranks,
        "weight": ranking.weight,
    }


def likely_ties(rankings: Sequence[EncodedRanking]) -> float:
    """Return Davidson's nu at which equals tie as often as pairs of these rankings do: nu / (2 + nu) is their share.

    Raises RecipeError when none or all of them are tied.
    """
    tied = sum(left == right for row in rankings for left, right in combinations(row.ranks, 2))
    pairs = sum(len(row.ranks) * (len(row.ranks) - 1) // 2 for row in rankings)
    if tied in (0, pairs):
        raise RecipeError(
            f"{tied} of {pairs} pairs are tied, which says nothing about how likely ties are; set the field 'nu', or"
            " 'ties' to \"none\"."
        )
    return 2 * tied / (pairs - tied)


def ranking_batch(
    rankings: Sequence[EncodedRanking],
    pad_token_id: int,
    device: torch.device | None = None,
    *,
    shared: bool = False,
    among: int | None = None,
    ties: bool = False,
    window: int | None = None,
    alike: Alike = "rankings",
) -> tuple[Batch | SharedPrefixBatch, Pairs]:
    """Return all completions of `rankings`, one ranking after another, and their pairs: the strict ones, and the tied
    ones where `ties` are asked for.

    With `shared` each prompt is encoded once (see shared_prefix.py), else once for each of its completions. `among` is
    how many rankings the step has of which these are a part; `alike` says what weighs the same. A `window` cuts rows
    for an encoder (see pad_batch).
    """
    weights = [ranking.weight for ranking in rankings]
    pairs = form_pairs(
        [ranking.ranks for ranking in rankings],
        device,
        weights=weights,
        among=among,
        ties=ties,
        left_out=[ranking.left_out for ranking in rankings],
        alike=alike,
        strengths=[ranking.strength for ranking in rankings],
        sure=[ranking.sure for ranking in rankings],
    )
    if shared:
        prompts = [ranking.prompt for ranking in rankings]
        return share_prefixes(prompts, [ranking.completions for ranking in rankings], device), pairs
    prompts = [ranking.prompt for ranking in rankings for _ in ranking.completions]
    completions = [completion for ranking in rankings for completion in ranking.completions]
    return pad_batch(prompts, completions, pad_token_id, device, window=window), pairs


def pair_accuracy(
    rankings: Sequence[EncodedRanking] | Sequence[RankingRow], scores: Sequence[Sequence[float]]
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
