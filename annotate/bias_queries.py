"""Which way the annotators of a campaign lean, and how they work: what the page, the API and the downloads show."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings
from django.db.models import QuerySet
from numpy.typing import NDArray

from annotate.hashing import sha256_of
from annotate.ledger.live import ledger
from annotate.models import Campaign, Completion, Gold, Judgement, RankedCompletion, User
from annotate.quality import signals
from annotate.quality.bias import Bias
from annotate.quality.intervals import Estimate
from annotate.quality.ranked_pairs import ShownRankings, preferences
from annotate.quality.sentences import Said
from annotate.quality.shared_bias import preferred_share, shared_bias_warning
from annotate.quality.signals import Signal
from annotate.quality.style import FEATURES
from annotate.rankings import MAX_COMPLETIONS
from annotate.style_store import Looked, StyleStore, look_at
from annotate.translations import translatable

NEWEST = 10_000
"""Judgements of a campaign that are looked at: the newest. Enough to tell people apart, and soon done."""
PATIENCE = 1.0
"""Seconds of a request that may go into looking at texts for the first time."""
AT_ONCE = 5000
LOOKED_AT_ONCE = 250
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


@dataclass(frozen=True, slots=True)
class PersonBias:
    """How one annotator leans and works."""

    annotator_id: int
    annotator: str
    leanings: list[Leaning]
    signals: list[Signal]


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
class _Work:
    """Rankings, with how long each took and how many words there were to read."""

    rankings: ShownRankings
    task: NDArray
    seconds: NDArray
    words: NDArray
    completions: NDArray
    """(texts,) ids, as the rows of the rankings' features."""
    n_waiting: int
    is_cut: bool

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
    board = ledger().board(campaign.pk)
    answers = dict(Gold.objects.filter(task__campaign=campaign).order_by("task").values_list("task_id", "answer"))
    counted = Judgement.objects.current().filter(task__campaign=campaign)
    gold = counted.filter(task__gold__isnull=False)
    newest = gold.order_by("-pk").values_list("pk", flat=True).first()
    stamp = ("bias", sha256_of(sorted(answers.items())), newest)
    if stamp not in board.memo:
        work, known = (_work(_newest(judgements)) for judgements in (counted.of_work(), gold))
        found = _figures(campaign, work, known, answers, board.agreement().alpha)
        if found.n_waiting:
            return found
        board.memo[stamp] = found
    return replace(board.memo[stamp], campaign=campaign)


def _figures(
    campaign: Campaign, work: _Work, gold: _Work, answers: Mapping[int, Mapping], alpha: Estimate
) -> CampaignBias:
    bias = work.rankings.pairs().bias(FEATURES)
    known, accuracy = _against_gold(gold, answers)
    return CampaignBias(
        campaign=campaign,
        n_judgements=len(work.rankings),
        is_cut=work.is_cut,
        n_waiting=work.n_waiting + gold.n_waiting,
        n_comparisons=bias.n_judgements,
        n_ties=bias.n_ties,
        pool=_pool(bias, known),
        people=_people(bias, work),
        signals=work.signals(),
        alpha=alpha,
        gold_accuracy=accuracy,
        warnings=_warnings(bias, known, alpha, accuracy),
    )


def _newest(judgements: QuerySet[Judgement]) -> list[tuple]:
    """(key, annotator, task, seconds, order shown) of the newest of these judgements."""
    fields = ("pk", "annotator_id", "task_id", "seconds", "assignment__shown_order")
    return list(judgements.order_by("-pk").values_list(*fields)[:NEWEST])


def _work(rows: list[tuple]) -> _Work:
    """The rankings among these judgements whose texts were all looked at."""
    is_cut = len(rows) == NEWEST
    ranks = _ranks([row[0] for row in rows])
    rows = [row for row in rows if row[0] in ranks]
    shown = {completion for row in rows for completion in row[4]}
    looked = _looked(shown)
    rows = [row for row in rows if all(completion in looked for completion in row[4])]
    place = {completion: at for at, completion in enumerate(looked)}
    rank, text = np.zeros((2, len(rows), MAX_COMPLETIONS), np.int64)
    for at, (pk, _, _, _, order) in enumerate(rows):
        rank[at, : len(order)] = [ranks[pk].get(completion, 0) for completion in order]
        text[at, : len(order)] = [place[completion] for completion in order]
    features = np.array([one.style for one in looked.values()]).reshape(len(looked), len(FEATURES))
    people, tasks = (np.array([row[column] for row in rows], np.int64) for column in (1, 2))
    words = [sum(looked[one].words for one in row[4]) + looked[row[4][0]].prompt_words for row in rows]
    return _Work(
        rankings=ShownRankings(annotator=people, rank=rank, text=text, features=features),
        task=tasks,
        seconds=np.array([row[3] for row in rows], float),
        words=np.array(words, float),
        completions=np.array(list(looked), np.int64),
        n_waiting=len(shown) - len(looked),
        is_cut=is_cut,
    )


def _ranks(judgements: Sequence[int]) -> dict[int, dict[int, int]]:
    """{judgement: {completion: rank}} of those that rank anything."""
    ranks: dict[int, dict[int, int]] = {}
    for part in _parts(judgements, AT_ONCE):
        ranked = RankedCompletion.objects.filter(judgement__in=part).order_by()
        for judgement, completion, rank in ranked.values_list("judgement_id", "completion_id", "rank"):
            ranks.setdefault(judgement, {})[completion] = rank
    return ranks


def _looked(completions: Collection[int]) -> dict[int, Looked]:
    """What these texts look like; those never looked at before as far as there is time."""
    until = time.monotonic() + PATIENCE
    names: dict[int, str] = {}
    for part in _parts(sorted(completions), AT_ONCE):
        found = Completion.objects.filter(pk__in=part).order_by().values_list("pk", "prompt__sha256", "sha256")
        names |= {pk: f"{prompt}-{text}" for pk, prompt, text in found}
    store = StyleStore(settings.VAR_DIR)
    known = store.known(set(names.values()))
    for part in _parts([pk for pk, name in names.items() if name not in known], LOOKED_AT_ONCE):
        if time.monotonic() > until:
            break
        texts = Completion.objects.filter(pk__in=part).order_by().values_list("pk", "text", "prompt__messages")
        new = {names[pk]: look_at(text, messages) for pk, text, messages in texts}
        store.add(new)
        known |= new
    return {pk: known[name] for pk, name in names.items() if name in known}


def _parts(keys: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _against_gold(work: _Work, answers: Mapping[int, Mapping]) -> tuple[Bias | None, Estimate]:
    """The coefficients where the better text of each two is known, and how often that one is preferred."""
    pairs = work.rankings.pairs()
    known = _known_ranks(work, {task: answer.get("ranks") or {} for task, answer in answers.items()})
    left, right = known[pairs.ranking, pairs.left], known[pairs.ranking, pairs.right]
    strict = (left > 0) & (right > 0) & (left != right)
    better, pairs = preferences(left, right)[strict], pairs.take(strict)
    bias = pairs.bias(FEATURES, quality=2 * better - 1) if strict.any() else None
    return bias, pairs.right_share(better, NO_GOLD)


def _known_ranks(work: _Work, answers: Mapping[int, Mapping[str, int]]) -> NDArray:
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


def _people(bias: Bias, work: _Work) -> list[PersonBias]:
    """By user name."""
    names = dict(User.objects.filter(pk__in=bias.annotator_labels.tolist()).values_list("pk", "username"))
    order = np.argsort(work.rankings.annotator, kind="stable")
    ends = np.searchsorted(work.rankings.annotator[order], bias.annotator_labels, side="right")
    rows = np.split(order, ends)
    people = [
        PersonBias(
            annotator_id=person,
            annotator=names[person],
            leanings=[Leaning(name, found[at], _share(name, found[at])) for name, found in bias.annotators.items()],
            signals=work.signals(rows[at]),
        )
        for at, person in enumerate(bias.annotator_labels.tolist())
    ]
    return sorted(people, key=lambda one: one.annotator)
