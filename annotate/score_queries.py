"""Scores of the producers of a campaign's completions, and the agreement to plan for: what pages and API show."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from django.db.models.functions import Length
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotate.errors import DomainError
from annotate.ledger.boards import Board
from annotate.ledger.columns import MOST_COMPLETIONS
from annotate.ledger.live import ledger
from annotate.models import Campaign, Completion, Producer, TaskCompletion
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.scores import ModelWinRate, Scores, bradley_terry, win_rates
from annotate.quality.style import style_of
from annotate.quality.triads import Triads, intransitive_triads
from annotate.translations import translatable

STYLES = ("lists", "bold", "headers")
MOST_STYLED = 5_000
"""With more completions than these, the page controls for length alone: looking at each text would keep it waiting."""
BASELINE = translatable("This is the baseline.")
NEVER_MET = translatable("Never compared with the baseline.")


@dataclass(frozen=True, slots=True)
class ProducerScore:
    """One producer of a campaign."""

    name: str
    kind: str
    score: Estimate
    """Log-odds of being preferred, 0 on average over the producers; n counts comparisons."""
    styled_score: Estimate
    """The same if all completions had the same style."""
    win_rate: Estimate
    """Against the baseline, a tie being half a win; n counts tasks."""
    lc_win_rate: Estimate
    """The same at equal length."""


@dataclass(frozen=True, slots=True)
class CampaignProducers:
    """The producers of a campaign, best first, and what their scores rest on."""

    campaign: Campaign
    baseline: str
    """The producer that win rates are against; empty where there is none."""
    producers: list[ProducerScore]
    n_comparisons: int
    n_tasks: int
    n_annotators: int
    tie: Estimate
    """How often two equally good producers tie."""
    style: dict[str, Estimate]
    """By feature, what one typical difference adds to the log-odds; n counts comparisons."""
    triads: Triads
    reason: str
    """Why a weak prior was needed, or why there is nothing."""

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason."""
        rows = [
            {"scope": "producer", "of": one.name, "measure": name, **getattr(one, name).as_dict()}
            for one in self.producers
            for name in ("score", "styled_score", "win_rate", "lc_win_rate")
        ]
        rows += [
            {"scope": "style", "of": name, "measure": "coefficient", **found.as_dict()}
            for name, found in self.style.items()
        ]
        p_value = Estimate(self.triads.p_value, None, None, self.triads.n_triads, self.triads.reason)
        whole = {"tie_between_equals": self.tie, "intransitive_share": self.triads.share, "intransitive_p": p_value}
        slug = self.campaign.slug
        return rows + [{"scope": "campaign", "of": slug, "measure": name, **whole[name].as_dict()} for name in whole]


@dataclass(frozen=True, eq=False)
class _Comparisons:
    """Two completions of different producers in one judgement, a row for each; ids are those of the database."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    """The producers."""
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    """The completions."""
    outcome: NDArray[np.float64]
    task: NDArray[np.int64]
    annotator: NDArray[np.int64]
    completions: NDArray[np.int64]
    """Those that were compared, sorted."""
    letters: NDArray[np.int64]
    """(completions,) how long each is."""


@dataclass(frozen=True, eq=False)
class _Fitted:
    """What does not depend on the baseline."""

    rows: _Comparisons
    features: dict[str, NDArray]
    plain: Scores
    styled: Scores
    triads: Triads


def producer_scores(*, campaign: Campaign, baseline: str = "") -> CampaignProducers:
    """Scores of the producers of a ranking campaign from the judgements that count.

    The baseline is the producer of that name, or the one that was compared most. Raises DomainError for a campaign
    without rankings, and for a baseline that was not compared.
    """
    if campaign.kind != Campaign.Kind.RANKING:
        raise DomainError(_("Only a ranking campaign compares producers."))
    board = ledger().board(campaign.pk)
    fitted = board.once("producers", lambda: _fitted(_comparisons(campaign, board)))
    rows, plain = fitted.rows, fitted.plain
    named = Producer.objects.in_bulk(plain.models.tolist())
    chosen = _baseline(plain, named, baseline)
    rates = board.once(("win rates", chosen), lambda: _win_rates(fitted, chosen))
    found = [
        _producer(named[key], score, styled, rates.get(str(key)), is_baseline=key == chosen)
        for key, score, styled in zip(plain.models.tolist(), plain.scores, fitted.styled.scores, strict=True)
    ]
    return CampaignProducers(
        campaign=campaign,
        baseline=named[chosen].name if chosen else "",
        producers=sorted(found, key=lambda one: (-one.score.value, one.name)),
        n_comparisons=plain.n_comparisons,
        n_tasks=np.unique(rows.task).size,
        n_annotators=np.unique(rows.annotator).size,
        tie=_tie(plain.nu),
        style=fitted.styled.coefficients,
        triads=fitted.triads,
        reason=plain.reason,
    )


def _comparisons(campaign: Campaign, board: Board) -> _Comparisons:
    """All pairs of each ranking."""
    shown = TaskCompletion.objects.filter(task__campaign=campaign).order_by()
    said = ("task_id", "position", "completion_id", "completion__producer_id", Length("completion__text"))
    table = np.array(list(shown.values_list(*said)), np.int64).reshape(-1, 5)
    tasks, place = np.unique(table[:, 0], return_inverse=True)
    completions, producers = np.zeros((2, tasks.size, MOST_COMPLETIONS), np.int64)
    completions[place, table[:, 1]], producers[place, table[:, 1]] = table[:, 2], table[:, 3]
    ranks, of = board.rows.ranks, np.searchsorted(tasks, board.rows.task)
    parts = []
    for one, other in combinations(range(MOST_COMPLETIONS), 2):
        at = np.flatnonzero((ranks[:, one] > 0) & (ranks[:, other] > 0))
        at = at[producers[of[at], one] != producers[of[at], other]]
        sign = np.sign(ranks[at, other] - ranks[at, one])
        parts.append(
            (at, producers[of[at], one], producers[of[at], other], *completions[of[at]][:, [one, other]].T, sign)
        )
    judgement, left, right, first, second, sign = (np.concatenate(column) for column in zip(*parts, strict=True))
    compared = np.unique(np.append(first, second))
    order = np.argsort(table[:, 2], kind="stable")
    letters = table[order, 4][np.searchsorted(table[order, 2], compared)]
    rows = board.rows
    return _Comparisons(
        left, right, first, second, (1 + sign) / 2, rows.task[judgement], rows.annotator[judgement], compared, letters
    )


def _fitted(rows: _Comparisons) -> _Fitted:
    features = _features(rows)
    one, other = np.searchsorted(rows.completions, rows.first), np.searchsorted(rows.completions, rows.second)
    styles = {name: values[one] - values[other] for name, values in features.items()}
    clusters = (rows.task, rows.annotator) if np.unique(rows.annotator).size > 1 else rows.task
    columns = rows.left, rows.right, rows.outcome
    plain = bradley_terry(*columns, clusters=clusters)
    styled = bradley_terry(*columns, covariates=styles, clusters=clusters)
    return _Fitted(rows, features, plain, styled, _triads(rows, plain.models))


def _features(rows: _Comparisons) -> dict[str, NDArray]:
    """(completions,) by feature: ln of the length, and the marks where there are few completions."""
    found = {"length": np.log(rows.letters)}
    if rows.completions.size > MOST_STYLED:
        return found
    wanted, texts = rows.completions.tolist(), {}
    for start in range(0, len(wanted), 1000):
        texts.update(Completion.objects.filter(pk__in=wanted[start : start + 1000]).values_list("pk", "text"))
    marks = np.array([_marks(texts[key]) for key in wanted]).reshape(-1, len(STYLES))
    return found | {name: marks[:, place] for place, name in enumerate(STYLES)}


@lru_cache(maxsize=2 * MOST_STYLED)
def _marks(text: str) -> tuple[float, ...]:
    style = style_of(text)
    return tuple(getattr(style, name) for name in STYLES)


def _baseline(found: Scores, named: Mapping[int, Producer], name: str) -> int:
    """The id of the baseline, 0 where there is none."""
    if not found.scores:
        return 0
    if not name:
        return int(found.models[int(np.argmax([score.n for score in found.scores]))])
    for key, producer in named.items():
        if producer.name == name:
            return key
    raise DomainError(
        _("No producer %(name)s was compared in this campaign; choose one of %(names)s.")
        % {"name": name, "names": ", ".join(sorted(producer.name for producer in named.values()))}
    )


def _win_rates(fitted: _Fitted, baseline: int) -> dict[str, ModelWinRate]:
    """Of each other producer against the baseline, by id."""
    rows, length = fitted.rows, fitted.features["length"]
    turned = rows.left == baseline
    against = turned | (rows.right == baseline)
    model, own, base = (
        np.where(turned, there, here)[against]
        for here, there in ((rows.left, rows.right), (rows.first, rows.second), (rows.second, rows.first))
    )
    preference = np.where(turned, 1 - rows.outcome, rows.outcome)[against]
    lengths = tuple(length[np.searchsorted(rows.completions, side)] for side in (base, own))
    return {one.model: one for one in win_rates(model, rows.task[against], preference, {"length": lengths}).models}


def _producer(
    producer: Producer, score: Estimate, styled: Estimate, rates: ModelWinRate | None, *, is_baseline: bool
) -> ProducerScore:
    missing = undefined(BASELINE if is_baseline else NEVER_MET)
    return ProducerScore(
        name=producer.name,
        kind=producer.kind,
        score=score,
        styled_score=styled,
        win_rate=rates.win_rate if rates else missing,
        lc_win_rate=rates.lc_win_rate if rates else missing,
    )


def _tie(nu: Estimate) -> Estimate:
    """The chance of a tie between equals, nu / (2 + nu), which grows with nu."""
    if nu.value is None:
        return nu
    value, lo, hi = (None if end is None else end / (2 + end) for end in (nu.value, nu.lo, nu.hi))
    return Estimate(value, lo, hi, nu.n, nu.reason)


def _triads(rows: _Comparisons, producers: NDArray) -> Triads:
    size = producers.size
    left, right = np.searchsorted(producers, rows.left), np.searchsorted(producers, rows.right)

    def counted(chosen: NDArray, by: NDArray, over: NDArray) -> NDArray:
        return np.bincount((by * size + over)[chosen], minlength=size**2).reshape(size, size)

    wins = counted(rows.outcome == 1, left, right) + counted(rows.outcome == 0, right, left)
    ties = counted(rows.outcome == 0.5, np.minimum(left, right), np.maximum(left, right))
    return intransitive_triads(wins, ties)


@dataclass(frozen=True, slots=True)
class MeasuredAgreement:
    """What a campaign says about the agreement to plan for."""

    campaign: Campaign
    agreement: Estimate
    n_annotators: int


def measured_agreement(*, campaign: Campaign) -> MeasuredAgreement:
    """The strict agreement of a ranking campaign, and how many annotators it has."""
    found = ledger().board(campaign.pk).agreement()
    return MeasuredAgreement(campaign, found.strict_agreement, found.n_annotators)
