"""What each member of an ensemble of reward models learns: a sample of the prompts of its own.

The sample is a bootstrap (Efron 1979): as many prompts as there are, drawn with replacement, so that a member sees
about 63 % of them, some more than once. All judgements of a prompt go together. A ranking that stands twice in a
member's sample weighs twice in its loss, and what a member has not drawn it does not compute.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from training.modelling.rankings import EncodedRanking, Layout, Part, ranking_batch
from training.modelling.reward_network import RewardNetwork, states_of
from training.modelling.shared_prefix import SharedPrefixBatch

Draws = Sequence[Mapping[str, int]]
"""For each member, how often its sample has each prompt, by sha256."""


def bootstrap(rankings: Sequence[EncodedRanking], members: int, seed: int) -> Draws:
    """Draw each member's sample."""
    prompts = sorted({ranking.prompt_sha256 for ranking in rankings})
    return [
        Counter(random.Random(f"{seed}/member {member}").choices(prompts, k=len(prompts))) for member in range(members)
    ]


def all_of_them(rankings: Sequence[EncodedRanking], members: int) -> Draws:
    """Every member learns everything, once."""
    return [dict.fromkeys((ranking.prompt_sha256 for ranking in rankings), 1)] * members


def members_rewards(
    network: RewardNetwork, part: Part, layout: Layout, draws: Draws, *, every: bool = False
) -> Iterator[tuple[list[EncodedRanking], torch.Tensor]]:
    """Yield, for each member that has drawn any of the part's rankings, those, weighted, and their rewards [n, axes].

    What the members share is computed once. With `every` member the others get one ranking, which weighs nothing: what
    is sharded must be computed by all processes, whatever each member has drawn of their parts.
    """
    states = network.states(part.batch)
    for member, drawn in enumerate(draws):
        times = [drawn.get(ranking.prompt_sha256, 0) for ranking in part.rankings]
        kept = [
            replace(ranking, weight=ranking.weight * count)
            for ranking, count in zip(part.rankings, times, strict=True)
            if count
        ]
        if not kept and every:
            times, kept = [1, *[0] * (len(times) - 1)], [replace(part.rankings[0], weight=0.0)]
        if not kept:
            continue
        batch, own = part.batch, states
        if len(kept) < len(part.rankings):
            choices = {"shared": layout.shared, "window": layout.window}
            batch, _ = ranking_batch(kept, layout.pad_token_id, layout.device, **choices)
            own = states_of(states, part.batch, batch, _keeps(part, times))
        yield kept, network.of_member(member, own, batch)


def _keeps(part: Part, times: Sequence[int]) -> list[bool]:
    """Whether each token of a shared batch, or each row of another, belongs to a ranking that was drawn."""
    shared = isinstance(part.batch, SharedPrefixBatch)
    return [
        count > 0
        for ranking, count in zip(part.rankings, times, strict=True)
        for _ in range(ranking.tokens if shared else len(ranking.completions))
    ]
