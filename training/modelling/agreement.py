"""How far annotators agree on what a snapshot holds: the yardstick of a model, and how noisy labels are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from annotate.quality.agreement import RankingAgreement, ranking_agreement
from annotate.quality.table import RankingTable
from training.modelling.artifacts import Result
from training.modelling.errors import RecipeError
from training.modelling.snapshots import SPLITS, RankingRow, read_rankings


def agreement_on(rows: Sequence[RankingRow]) -> RankingAgreement:
    """How far annotators agree on the rankings that two or more of them judged."""
    ranked: dict[tuple[str, str, str], int] = {}
    for row in rows:
        for text, rank in zip(row.completions, row.ranks, strict=True):
            # The same text twice in one ranking is one completion; the last word on it counts.
            ranked[f"{row.campaign}/{row.prompt_sha256}", row.annotator, text] = rank
    items, annotators, texts = zip(*ranked, strict=True) if ranked else ((), (), ())
    return ranking_agreement(RankingTable.from_arrays(items, annotators, texts, list(ranked.values())))


def agreement_results(rows: Sequence[RankingRow], name: str = "pair_agreement") -> list[Result]:
    """Strict agreement of annotators with one another on the same rankings; nothing where no two of them met."""
    agreement = agreement_on(rows)
    found = agreement.strict_agreement
    if found.value is None:
        return []
    note = f"n counts pairs of strict preferences, of {agreement.n_judgements} rankings of {agreement.n_items} prompts"
    return [
        Result(
            name=name,
            subject="annotators",
            against="annotators",
            value=found.value,
            lo=found.lo,
            hi=found.hi,
            n=found.n,
            note=f"{note}; {found.reason}" if found.reason else note,
        )
    ]


def label_noise(agreement: float) -> float:
    """The chance that a pair is judged the wrong way round, e, where two annotators agree this often, above 1/2.

    For two who err alike and independently agreement is (1 - e)^2 + e^2, so e = (1 - sqrt(2a - 1)) / 2. People who
    share a bias agree more than that, and then e is too low; pairs that are hard for everybody make it differ by pair.
    """
    return (1 - math.sqrt(2 * agreement - 1)) / 2


def measured_noise(snapshot: str) -> tuple[float, list[Result]]:
    """The label noise of a snapshot by its annotators' agreement, and both as results with n and interval.

    Of all splits together, because agreement needs tasks that several people judged, and says nothing of what was
    judged there. Raises RecipeError where nobody met, or agreement is no better than chance.
    """
    measured = agreement_results([row for split in SPLITS for row in read_rankings(snapshot, split)])
    if not measured:
        raise RecipeError(
            f"No two annotators judged the same rankings in {snapshot}, so their agreement says nothing of label noise;"
            " set the field 'label_noise' to a number."
        )
    (agreed,) = measured
    if agreed.value <= 0.5:
        raise RecipeError(
            f"Annotators agree on {agreed.value:.1%} of the pairs that two of them judged, which is no better than"
            " chance: no label noise explains that; set the field 'label_noise' to a number."
        )
    lo, hi = (None if end is None else label_noise(max(end, 0.5)) for end in (agreed.hi, agreed.lo))
    note = "(1 - sqrt(2a - 1)) / 2 of the agreement a in pair_agreement; n as there"
    noise = Result(
        name="label_noise",
        subject="annotators",
        value=label_noise(agreed.value),
        lo=lo,
        hi=hi,
        n=agreed.n,
        note=note if lo is not None else f"{note}, which has no interval",
    )
    return noise.value, [agreed, noise]
