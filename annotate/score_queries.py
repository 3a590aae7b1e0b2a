"""Scores of the producers of a campaign's completions, and the agreement to plan for: what pages and API show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotate.audit_queries.met import Columns, Met, met_of
from annotate.errors import DomainError
from annotate.ledger.boards import Board
from annotate.ledger.live import ledger
from annotate.models import Campaign, Completion, Producer
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.matches import ScoreBase, Styled
from annotate.quality.scores import Scores
from annotate.quality.style import style_of
from annotate.quality.triads import Triads, intransitive_triads
from annotate.quality.win_rates import Against, ModelWinRate, RateBase
from annotate.side_by_side import side_by_side
from annotate.translations import translatable

STYLES = ("lists", "bold", "headers")
MOST_STYLED = 5_000
"""With more completions than these, the page controls for length alone: looking at each text would keep it waiting."""
BASELINE = translatable("This is the baseline.")
NEVER_MET = translatable("Never compared with the baseline.")


@dataclass(frozen=True, slots=True)
class ProducerScore:
    """One producer of a campaign."""

    id: int
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
class ProducerPlace:
    """What one producer's page says of it in a campaign: no win rates against a baseline, which take longest."""

    score: Estimate
    styled_score: Estimate
    """As in ProducerScore."""
    rank: int
    of: int
    """Its place among so many producers by score."""


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
class _Fitted:
    """What does not depend on the baseline."""

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
    met = _met(campaign.pk, board)
    named = Producer.objects.in_bulk(met.producers.tolist())
    chosen, features = _baseline(met, named, baseline), _features(board, met)
    fitted, rates = side_by_side(
        lambda: board.once("producers", lambda: _fitted(board, met, features)),
        lambda: board.once(("win rates", chosen), lambda: _win_rates(board, met, chosen)),
    )
    plain = fitted.plain
    found = [
        _producer(named[key], score, styled, rates.get(str(key)), is_baseline=key == chosen)
        for key, score, styled in zip(plain.models.tolist(), plain.scores, fitted.styled.scores, strict=True)
    ]
    return CampaignProducers(
        campaign=campaign,
        baseline=named[chosen].name if chosen else "",
        producers=sorted(found, key=lambda one: (-one.score.value, one.name)),
        n_comparisons=plain.n_comparisons,
        n_tasks=met.n_tasks,
        n_annotators=met.n_annotators,
        tie=_tie(plain.nu),
        style=fitted.styled.coefficients,
        triads=fitted.triads,
        reason=plain.reason,
    )


def producer_place(*, campaign: int, board: Board, producer: int) -> ProducerPlace:
    """The scores of a producer that was compared in a campaign, of which this is the board: as `producer_scores`."""
    met = _met(campaign, board)
    features = _features(board, met)
    fitted = board.once("producers", lambda: _fitted(board, met, features))
    models, scores = fitted.plain.models.tolist(), fitted.plain.scores
    named = dict(Producer.objects.filter(pk__in=models).values_list("pk", "name"))
    at = models.index(producer)
    better = [(-one.value, named[key]) for key, one in zip(models, scores, strict=True)]
    return ProducerPlace(scores[at], fitted.styled.scores[at], sorted(better).index(better[at]) + 1, len(models))


def _met(campaign: int, board: Board) -> Met:
    return board.once("met", lambda: met_of(campaign, board))


def _fitted(board: Board, met: Met, features: Sequence[Mapping[str, NDArray]]) -> _Fitted:
    plain, styled = side_by_side(
        lambda: _scores(board, met, [{} for _side in features]), lambda: _scores(board, met, features)
    )
    return _Fitted(plain, styled, intransitive_triads(met.cells.wins, met.cells.ties))


def _scores(board: Board, met: Met, features: Sequence[Mapping[str, NDArray]]) -> Scores:
    """What adds up over the tasks of the base is kept, and corrected by those that changed since."""
    of_base, *others = features
    names = list(of_base)
    base = board.base.latest(
        ("scores", bool(names)),
        (*names, met.producers.tobytes()),
        lambda: ScoreBase(Styled.of(met.base.matches, of_base)),
    )
    gone, now = (Styled.of(side.matches, named) for side, named in zip((met.gone, met.now), others, strict=True))
    return base.scores(met.producers, names, [(gone, -1), (now, 1)])


def _features(board: Board, met: Met) -> list[dict[str, NDArray]]:
    """Of each side, (C,) by feature, left less right: ln of the length, and the marks where completions are few."""
    base, *others = (side.columns for side in met.sides)
    if met.has_more_completions_than(MOST_STYLED):
        return [{"length": each.length} for each in (base, *others)]
    of_base = board.base.latest("features", met.producers.tobytes(), lambda: _marked(board, base))
    return [of_base, *(_marked(board, each) for each in others)]


def _marked(board: Board, columns: Columns) -> dict[str, NDArray]:
    known: dict[int, tuple[float, ...]] = board.base.once("marks", dict)
    wanted = sorted(set(columns.completions[0].tolist()) - known.keys())
    for start in range(0, len(wanted), 1000):
        texts = Completion.objects.filter(pk__in=wanted[start : start + 1000]).values_list("pk", "text")
        known.update((key, _marks(text)) for key, text in texts)
    sides = [np.unique(side, return_inverse=True) for side in (columns.first, columns.second)]
    left, right = (np.array([known[key] for key in ids.tolist()]).reshape(-1, len(STYLES))[at] for ids, at in sides)
    return {"length": columns.length, **dict(zip(STYLES, (left - right).T, strict=True))}


@lru_cache(maxsize=2 * MOST_STYLED)
def _marks(text: str) -> tuple[float, ...]:
    style = style_of(text)
    return tuple(getattr(style, name) for name in STYLES)


def _baseline(met: Met, named: Mapping[int, Producer], name: str) -> int:
    """The id of the baseline, 0 where there is none."""
    if not met.producers.size:
        return 0
    if not name:
        return int(met.producers[int(np.argmax(met.cells.compared.sum(axis=1)))])
    for key, producer in named.items():
        if producer.name == name:
            return key
    raise DomainError(
        _("No producer %(name)s was compared in this campaign; choose one of %(names)s.")
        % {"name": name, "names": ", ".join(sorted(producer.name for producer in named.values()))}
    )


def _win_rates(board: Board, met: Met, baseline: int) -> dict[str, ModelWinRate]:
    """Of each other producer against the baseline, by id: kept and corrected like the scores."""
    if not met.producers.size:
        return {}
    opponents = met.producers[met.cells.compared[np.searchsorted(met.producers, baseline)] > 0]

    def against(columns: Columns) -> Against:
        return Against.of(*columns.against(baseline, opponents), opponents.size)

    of = (baseline, opponents.tobytes(), met.producers.tobytes())
    base = board.base.latest("win rates", of, lambda: RateBase(against(met.base.columns)))
    changes = [(against(side.columns), sign) for side, sign in ((met.gone, -1), (met.now, 1))]
    return {one.model: one for one in base.rates(opponents, ["length"], changes).models}


def _producer(
    producer: Producer, score: Estimate, styled: Estimate, rates: ModelWinRate | None, *, is_baseline: bool
) -> ProducerScore:
    missing = undefined(BASELINE if is_baseline else NEVER_MET)
    return ProducerScore(
        id=producer.pk,
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
