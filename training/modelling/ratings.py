"""What judgements say about completions axis by axis (helpful, truthful, harmless), as ranks on each axis.

A judgement's ratings of its K completions order them on each axis: the higher value is the better rank, equal values
tie, and a completion that was not rated there has no rank. Only completions that one person saw side by side are
compared: values of different people, or of different prompts, are not on one scale. The axis "overall" is what ranks
say, where a judgement has them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from training.modelling.snapshots import RankingRow, RatingRow, Split, read_rankings, read_ratings

OVERALL = "overall"


def read_rated(snapshot: str | Path, split: Split, axes: Sequence[str]) -> list[RankingRow]:
    """Read the judgements of one split with their ranks on these axes: rankings first, then ratings without ranks.

    The ranks of a judgement without any are all the same. Judgements that rate one completion only compare nothing and
    are left out; those of rankings that say nothing on these axes are not: what they say on the whole can be measured.
    """
    values: dict[str, dict[str, dict[str, int]]] = {}
    first: dict[str, RatingRow] = {}
    for row in read_ratings(snapshot, split):
        said = values.setdefault(row.judgement, {}).setdefault(row.text, {})
        said.update({one["axis"]: one["value"] for one in row.ratings})
        first.setdefault(row.judgement, row)
    rows = []
    for row in read_rankings(snapshot, split):
        rated = values.pop(row.judgement, {})
        ranks = {axis: ranks_of([rated.get(text, {}).get(axis) for text in row.completions]) for axis in axes}
        if OVERALL in ranks:
            ranks[OVERALL] = row.ranks
        rows.append(replace(row, axes=ranks))
    for judgement, rated in values.items():
        if len(rated) > 1:
            rows.append(_without_ranks(first[judgement], rated, axes))
    return rows


def ranks_of(values: Sequence[int | None]) -> list[int | None]:
    """1 for the highest value, equal ranks for equal values, None for None."""
    return [
        None if value is None else 1 + sum(other is not None and other > value for other in values) for value in values
    ]


def _without_ranks(row: RatingRow, rated: dict[str, dict[str, int]], axes: Sequence[str]) -> RankingRow:
    return RankingRow(
        prompt=row.prompt,
        completions=list(rated),
        ranks=[1] * len(rated),
        prompt_sha256=row.prompt_sha256,
        judgement=row.judgement,
        annotator=row.annotator,
        domain=row.domain,
        campaign=row.campaign,
        weight=1.0,
        axes={axis: ranks_of([said.get(axis) for said in rated.values()]) for axis in axes},
    )
