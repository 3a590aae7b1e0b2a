"""Random rankings with gaps and ties, and agreement computed from them by brute force in plain Python."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np

from annotate.quality.table import RankingTable

Rows = list[tuple[str, str, str, int]]


def random_rankings(seed: int, *, items: int = 60, people: int = 7, noise: float = 1.0) -> Rows:
    """K 2..6, 1..5 annotators an item, coarse ranks (ties), now and then a completion left out (gaps)."""
    rng = np.random.default_rng(seed)
    rows: Rows = []
    for item in range(items):
        quality = rng.normal(size=rng.integers(2, 7))
        for person in rng.choice(people, size=rng.integers(1, min(people, 5) + 1), replace=False):
            seen = np.round(quality + noise * rng.normal(size=quality.size))
            ranks = np.unique(-seen, return_inverse=True)[1] + 1
            rows += [
                (f"i{item}", f"a{person}", f"c{completion}", int(rank))
                for completion, rank in enumerate(ranks)
                if rng.random() > 0.1
            ]
    return [rows[index] for index in rng.permutation(len(rows))]


def table_of(rows: Rows, groups: dict[str, str] | None = None) -> RankingTable:
    """The rows as a table."""
    items, annotators, completions, ranks = zip(*rows, strict=True) if rows else ((), (), (), ())
    return RankingTable.from_arrays(
        items, annotators, completions, ranks, None if groups is None else [groups[item] for item in items]
    )


def rankings_of(rows: Rows) -> dict[str, dict[str, dict[str, int]]]:
    """item -> annotator -> completion -> rank."""
    nested: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for item, annotator, completion, rank in rows:
        nested[item][annotator][completion] = rank
    return nested


def sign(number: float) -> int:
    """-1, 0 or 1."""
    return (number > 0) - (number < 0)


def units_of(rows: Rows) -> list[tuple[str, dict[str, int]]]:
    """(item, annotator -> preference) for every pair of completions of every item that anybody judged."""
    units = []
    for item, rankings in rankings_of(rows).items():
        completions = sorted({completion for ranks in rankings.values() for completion in ranks})
        for first, second in combinations(completions, 2):
            votes = {
                annotator: sign(ranks[second] - ranks[first])
                for annotator, ranks in rankings.items()
                if first in ranks and second in ranks
            }
            if votes:
                units.append((item, votes))
    return units


def cases_of(rows: Rows) -> list[tuple[str, str, str, int, int]]:
    """(item, annotator, annotator, preference, preference) for every case."""
    return [
        (item, a, b, votes[a], votes[b]) for item, votes in units_of(rows) for a, b in combinations(sorted(votes), 2)
    ]
