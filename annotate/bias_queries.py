"""Which way the annotators of a campaign lean, and how they work: what the page, the API and the downloads show."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotate.gold_shares import given, known_answers
from annotate.ledger.boards import Board
from annotate.ledger.live import ledger
from annotate.ledger.shown import AT_ONCE, Desk, Work, batches
from annotate.models import Campaign, Gold, Task, User
from annotate.quality import signals
from annotate.quality.bias import Bias
from annotate.quality.intervals import Estimate
from annotate.quality.ranked_pairs import ShownRankings, preferences
from annotate.quality.sentences import Said
from annotate.quality.shared_bias import preferred_share, shared_bias_warning
from annotate.quality.signals import Signal
from annotate.quality.style import FEATURES
from annotate.translations import translatable

NEWEST = 10_000
"""Judgements of a campaign that are looked at: the newest. Enough to tell people apart, and soon done."""
NO_GOLD = translatable("Nobody has answered a task with a known answer yet.")


@dataclass(frozen=True, slots=True)
class Leaning:
    """A coefficient, and as a share: how often the text with more of the feature is preferred (`style.STEPS`)."""

    feature: str
    coefficient: Estimate
    share: Estimate


@dataclass(frozen=True, slots=True)
class PoolLeaning(Leaning):
    """The pool's, with the standard deviation of the coefficient between people, and the same on known answers."""

    spread: float | None
    known: Estimate | None
    """The share where the quality is known, which leaves the taste alone; None where no task has a known answer."""


@dataclass(frozen=True)
class PersonBias:
    """How one annotator leans and works; worked out when it is asked for, since a page shows few of a thousand."""

    annotator_id: int
    annotator: str
    _place: int
    """In the labels of the fit."""
    _bias: Bias = field(repr=False)
    _work: _Rankings = field(repr=False)
    _chosen: NDArray = field(repr=False)
    """Which of the rankings are theirs."""

    def coefficient(self, feature: str) -> Estimate:
        """How much a feature weighs."""
        return self._bias.annotators[feature][self._place]

    @cached_property
    def leanings(self) -> list[Leaning]:
        """In each feature."""
        found = {name: self.coefficient(name) for name in self._bias.annotators}
        return [Leaning(name, one, _share(name, one)) for name, one in found.items()]

    @cached_property
    def signals(self) -> list[Signal]:
        """How they work."""
        return self._work.signals(self._chosen)


@dataclass(frozen=True)
class CampaignBias:
    """How the annotators of a ranking campaign lean and work."""

    campaign: Campaign
    n_judgements: int
    """Rankings that the figures are from."""
    is_cut: bool
    """Whether there are more: only the newest judgements are looked at."""
    n_waiting: int
    """Texts that were not looked at yet: the next request goes on."""
    n_comparisons: int
    n_ties: int
    pool: list[PoolLeaning]
    people: list[PersonBias]
    signals: list[Signal]
    alpha: Estimate
    gold_accuracy: Estimate
    warnings: list[Said]


@dataclass(frozen=True, eq=False)
class _Rankings:
    """Rankings, with how long each took and how many words there were to read."""

    rankings: ShownRankings
    task: NDArray
    seconds: NDArray
    words: NDArray
    completions: NDArray
    """(texts,) ids, as the rows of the rankings' features."""
    n_waiting: int

    @classmethod
    def of(cls, work: Work) -> _Rankings:
        """As they lie on the desk."""
        shown = work.shown
        return cls(work.rankings, shown.task, shown.seconds, work.words, work.texts.id, work.n_waiting)

    def signals(self, chosen: NDArray | None = None) -> list[Signal]:
        """Of everybody, or of the chosen rankings of one person."""
        of = slice(None) if chosen is None else chosen
        seconds, words = self.seconds[of], self.words[of]
        annotators = self.rankings.annotator.tolist() if chosen is None else None
        return [
            signals.pace(seconds, words),
            signals.fast(seconds, words, annotators=annotators),
            signals.untouched(self.rankings.as_shown[of], self.rankings.k[of], annotators=annotators),
        ]


def campaign_bias(*, campaign: Campaign) -> CampaignBias:
    """How the annotators of a ranking campaign lean and work; computed anew when something was judged."""
    board, kept = ledger().board(campaign.pk), ledger().kept
    last: _Last = kept.setdefault(("bias", campaign.pk), _Last())
    answers = _answers(campaign)
    judged, known = board.once("newest", lambda: _newest(_last_keys(board))), _newest(_of_gold(campaign, answers))
    alpha = board.agreement().alpha
    stamp = (judged.tobytes(), known.tobytes(), answers, alpha)
    with last.lock:
        if last.stamp != stamp:
            work, gold = (_Rankings.of(one) for one in last.desk.lay_out(judged, known))
            of_gold = (known.tobytes(), answers, gold.n_waiting)
            if last.of_gold[0] != of_gold:
                known_answers = {task: json.loads(answer) for task, answer in answers.items()}
                last.of_gold = (of_gold, _against_gold(gold, known_answers))
            last.found = _figures(campaign, work, gold.n_waiting, last.of_gold[1], alpha)
            last.stamp = None if last.found.n_waiting else stamp
        return replace(last.found, campaign=campaign, is_cut=len(board) > NEWEST)


@dataclass
class _Last:
    """What was asked for last of a campaign, and what was found."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    desk: Desk = field(default_factory=Desk)
    of_gold: tuple = (None, None)
    """What was asked, and the answer of `_against_gold`."""
    stamp: tuple | None = None
    found: CampaignBias | None = None


def _last_keys(board: Board) -> NDArray[np.int64]:
    """The highest keys of the judgements that count, without gold, and perhaps some more: a look at all takes long."""
    base = board.base.once("keys by age", lambda: np.sort(board.base.rows.id))
    last, gone = base[-(NEWEST + board.gone.size) :], board.base.rows.id[board.gone]
    return np.concatenate([last[~np.isin(last, gone)], board.now.rows.id])


def _answers(campaign: Campaign) -> dict[int, str]:
    """The known answers of its tasks, by task, as JSON.

    Of all campaigns: a database that knows which one is asked for would read every task of it. Which campaign a task
    is in never changes.
    """
    known = known_answers(Gold.objects.all())
    campaigns: dict[int, int] = ledger().kept.setdefault("campaigns of gold", {})
    for part in batches([task for task in known if task not in campaigns], AT_ONCE):
        campaigns.update(Task.objects.filter(pk__in=part).order_by().values_list("pk", "campaign_id"))
    return {task: answer for task, answer in known.items() if campaigns[task] == campaign.pk}


def _of_gold(campaign: Campaign, answers: Mapping[int, str]) -> NDArray[np.int64]:
    """The keys of the judgements of tasks with a known answer that count."""
    return given(of=f"bias {campaign.pk}", tasks=answers).judgement


def _newest(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The highest of these, sorted."""
    return np.sort(np.partition(keys, -NEWEST)[-NEWEST:] if keys.size > NEWEST else keys)


def _figures(
    campaign: Campaign, work: _Rankings, n_waiting: int, of_gold: tuple[Bias | None, Estimate], alpha: Estimate
) -> CampaignBias:
    bias = work.rankings.pairs().bias(FEATURES)
    known, accuracy = of_gold
    return CampaignBias(
        campaign=campaign,
        n_judgements=len(work.rankings),
        is_cut=False,
        n_waiting=work.n_waiting + n_waiting,
        n_comparisons=bias.n_judgements,
        n_ties=bias.n_ties,
        pool=_pool(bias, known),
        people=_people(bias, work),
        signals=work.signals(),
        alpha=alpha,
        gold_accuracy=accuracy,
        warnings=_warnings(bias, known, alpha, accuracy),
    )


def _against_gold(work: _Rankings, answers: Mapping[int, Mapping]) -> tuple[Bias | None, Estimate]:
    """The coefficients where the better text of each two is known, and how often that one is preferred."""
    pairs = work.rankings.pairs()
    known = _known_ranks(work, {task: answer.get("ranks") or {} for task, answer in answers.items()})
    left, right = known[pairs.ranking, pairs.left], known[pairs.ranking, pairs.right]
    strict = (left > 0) & (right > 0) & (left != right)
    better, pairs = preferences(left, right)[strict], pairs.take(strict)
    bias = pairs.bias(FEATURES, quality=2 * better - 1) if strict.any() else None
    return bias, pairs.right_share(better, NO_GOLD)


def _known_ranks(work: _Rankings, answers: Mapping[int, Mapping[str, int]]) -> NDArray:
    """(n, places) the known rank of each text that was shown, or 0."""
    shown = work.completions[work.rankings.text] if len(work.rankings) else work.rankings.text
    known = [
        [answers.get(task, {}).get(str(completion), 0) for completion in completions]
        for task, completions in zip(work.task.tolist(), shown.tolist(), strict=True)
    ]
    return np.where(work.rankings.rank > 0, np.array(known, np.int64).reshape(shown.shape), 0)


def _warnings(bias: Bias, known: Bias | None, alpha: Estimate, accuracy: Estimate) -> list[Said]:
    """What agreement cannot tell: with quality known, if that shows a taste, else by what all comparisons say."""
    said = shared_bias_warning(known.pool, alpha, accuracy) if known else []
    return said or shared_bias_warning(bias.pool, alpha, accuracy)


def _pool(bias: Bias, known: Bias | None) -> list[PoolLeaning]:
    return [
        PoolLeaning(
            feature=name,
            coefficient=found,
            share=_share(name, found),
            spread=bias.spread[name],
            known=_share(name, known.pool[name]) if known else None,
        )
        for name, found in bias.pool.items()
    ]


def _share(name: str, found: Estimate) -> Estimate:
    if found.value is None:
        return found
    value, lo, hi = (preferred_share(name, one) for one in (found.value, found.lo, found.hi))
    return Estimate(value, lo, hi, found.n, found.reason)


def _people(bias: Bias, work: _Rankings) -> list[PersonBias]:
    """By user name."""
    names = dict(User.objects.filter(pk__in=bias.annotator_labels.tolist()).values_list("pk", "username"))
    order = np.argsort(work.rankings.annotator, kind="stable")
    ends = np.searchsorted(work.rankings.annotator[order], bias.annotator_labels, side="right")
    rows = np.split(order, ends)
    people = [
        PersonBias(person, names[person], at, bias, work, rows[at])
        for at, person in enumerate(bias.annotator_labels.tolist())
    ]
    return sorted(people, key=lambda one: one.annotator)
