"""One producer in all ranking campaigns: whom it wins against, where, with what flags and style, and examples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotate.audit_queries.bouts import Bouts, bouts_joined, bouts_of, shown_in
from annotate.audit_queries.domain import everywhere
from annotate.audit_queries.manner import FlagRate, StyleFigure, flag_labels, flag_rates, styles
from annotate.audit_queries.slices import NO_DOMAIN
from annotate.errors import DomainError
from annotate.ledger.boards import Board
from annotate.ledger.together import Together
from annotate.models import Campaign, Completion, Domain, Producer, Prompt
from annotate.quality.intervals import Estimate, clustered_ratio, undefined
from annotate.quality.win_rates import win_rates
from annotate.score_queries import ProducerScore, producer_scores
from annotate.translations import translatable

EXAMPLES = 3
FEWEST_JUDGES = 2
"""People who must have compared a completion before it is an example of what people agree on."""
MOST_LEVELLED = 20_000
"""Pairs of completions from which the win rate at equal length is told: evenly spread, where there are more."""
NEVER_COMPARED = translatable("Nobody has compared it with another producer yet.")


@dataclass(frozen=True, slots=True)
class ProducerListed:
    """A producer with how often it is preferred to the others, over all ranking campaigns."""

    producer: Producer
    win_rate: Estimate
    """Against all others, a tie being half a win; n counts tasks."""
    n_comparisons: int
    n_opponents: int

    @property
    def label(self) -> str:
        """Its name."""
        return self.producer.name

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason."""
        row = _row("producer", self.label, "win_rate", self.win_rate)
        return [{**row, "n_comparisons": self.n_comparisons, "n_opponents": self.n_opponents}]


@dataclass(frozen=True, slots=True)
class WinRate:
    """How often the producer is preferred against somebody or somewhere, a tie being half a win; n counts tasks."""

    key: str
    """Of an opponent its id, of a domain its slug."""
    label: str
    win_rate: Estimate
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True, slots=True)
class InCampaign:
    """A producer in one campaign."""

    campaign: Campaign
    score: ProducerScore
    """Its Bradley-Terry score there, plain and at equal style."""
    win_rate: WinRate
    """Against all others there."""
    rank: int
    of: int
    """Its place among so many producers by score."""


@dataclass(frozen=True, slots=True)
class Example:
    """A completion of the producer in one task, with what people said of it."""

    task_id: int
    question: str
    text: str
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True, slots=True)
class ProducerAudit:
    """One producer over all ranking campaigns."""

    producer: Producer
    overall: WinRate
    levelled: Estimate
    """The win rate at equal length; n counts tasks."""
    n_tasks: int
    campaigns: list[InCampaign]
    opponents: list[WinRate]
    """Whom it wins against most often first."""
    domains: list[WinRate]
    flags: list[FlagRate]
    styles: list[StyleFigure]
    best: list[Example]
    """All who compared preferred it to whatever it was beside."""
    worst: list[Example]
    disputed: list[Example]

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason, and what else is."""
        own = self.producer.name
        rows = [_row("producer", own, "win_rate", self.overall.win_rate, _votes(self.overall))]
        rows.append(_row("producer", own, "lc_win_rate", self.levelled))
        for one in self.campaigns:
            of = one.campaign.slug
            rows.append(_row("campaign", of, "win_rate", one.win_rate.win_rate, _votes(one.win_rate)))
            rows += [
                _row("campaign", of, measure, getattr(one.score, measure)) for measure in ("score", "styled_score")
            ]
        for scope, found in (("opponent", self.opponents), ("domain", self.domains)):
            rows += [_row(scope, one.label, "win_rate", one.win_rate, _votes(one)) for one in found]
        for flag in self.flags:
            rows += [_row("flag", flag.name, "share", flag.own), _row("flag", flag.name, "others_share", flag.others)]
        for style in self.styles:
            rows += [
                _row("style", style.name, "mean", style.own),
                _row("style", style.name, "others_mean", style.others),
            ]
        for kind in ("best", "worst", "disputed"):
            for one in getattr(self, kind):
                rows.append({"scope": kind, "of": str(one.task_id), "measure": "votes", **_votes(one)})
        return rows


def _row(scope: str, of: str, measure: str, found: Estimate, more: dict | None = None) -> dict:
    return {"scope": scope, "of": of, "measure": measure, **found.as_dict(), **(more or {})}


def _votes(one: WinRate | Example) -> dict:
    return {"wins": one.wins, "losses": one.losses, "ties": one.ties}


def audited_producers() -> list[ProducerListed]:
    """Every producer that was compared in a ranking campaign, by win rate."""
    _known, together = everywhere()
    rates, opponents = together.once("producers", lambda: _listed(together))
    named = Producer.objects.in_bulk(list(rates))
    found = [
        ProducerListed(named[key], one.win_rate, one.wins + one.losses + one.ties, opponents[key])
        for key, one in rates.items()
    ]
    return sorted(found, key=lambda one: (-one.win_rate.value, one.producer.name))


def _listed(together: Together) -> tuple[dict[int, WinRate], dict[int, int]]:
    """The win rate of each producer, and against how many it was compared."""
    bouts = bouts_joined([bouts_of(pk, board) for pk, board in together.boards.items()])
    keys = np.unique(bouts.producer * (bouts.opponent.max(initial=0) + 1) + bouts.opponent)
    met = (keys // (bouts.opponent.max(initial=0) + 1)).tolist()
    return _rates(bouts, bouts.producer), {key: met.count(key) for key in met}


def producer_audit(*, pk: int) -> ProducerAudit:
    """One producer over all ranking campaigns. Page, downloads and API show what this returns.

    Raises DomainError when there is no such producer.
    """
    producer = _find(pk)
    known, together = everywhere()
    counted = together.once(("producer", pk), lambda: _counted(together, pk))
    named = dict(Producer.objects.filter(pk__in=list(counted.opponents)).values_list("pk", "name"))
    labels = flag_labels(list(counted.campaigns))
    best, worst, disputed = counted.examples
    return ProducerAudit(
        producer=producer,
        overall=counted.overall,
        levelled=counted.levelled,
        n_tasks=counted.overall.win_rate.n,
        campaigns=[_in_campaign(known[one], producer, rate) for one, rate in counted.campaigns.items()],
        opponents=_by_rate(_named(counted.opponents, named)),
        domains=_by_domain(counted.domains),
        flags=[replace(one, label=labels.get(one.name, one.name)) for one in counted.flags],
        styles=counted.styles,
        best=best,
        worst=worst,
        disputed=disputed,
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is counted of a producer, without names: these are read at every look. Keys are ids."""

    overall: WinRate
    levelled: Estimate
    campaigns: dict[int, WinRate]
    opponents: dict[int, WinRate]
    domains: dict[int, WinRate]
    flags: list[FlagRate]
    styles: list[StyleFigure]
    examples: tuple[list[Example], list[Example], list[Example]]


def _counted(together: Together, producer: int) -> _Counted:
    mine = {pk: _of(board, pk, producer) for pk, board in together.boards.items()}
    mine = {pk: found for pk, found in mine.items() if len(found)}
    boards = {pk: together.boards[pk] for pk in mine}
    bouts = bouts_joined(list(mine.values()))
    shown = {pk: shown_in(pk, board) for pk, board in boards.items()}
    looked_at = ("styles", producer, sum(one.task.size for one in shown.values()))
    return _Counted(
        overall=_rate(bouts),
        levelled=_levelled(bouts),
        campaigns={pk: _rate(found) for pk, found in mine.items()},
        opponents=_rates(bouts, bouts.opponent),
        domains=_rates(bouts, bouts.domain),
        flags=flag_rates(producer=producer, boards=boards, shown=shown),
        styles=together.of_stored(looked_at, lambda: styles(producer=producer, shown=shown)),
        examples=_examples(bouts),
    )


def _find(pk: int) -> Producer:
    found = Producer.objects.filter(pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise DomainError(_("There is no such producer; choose one of the list."))
    return found


def _of(board: Board, campaign: int, producer: int) -> Bouts:
    """The producer's bouts in one campaign."""
    found = bouts_of(campaign, board)
    return found.take(np.flatnonzero(found.producer == producer))


def _in_campaign(campaign: Campaign, producer: Producer, rate: WinRate) -> InCampaign:
    scores = producer_scores(campaign=campaign).producers
    place = next(at for at, one in enumerate(scores) if one.id == producer.pk)
    found = replace(rate, key=campaign.slug, label=campaign.name)
    return InCampaign(campaign, scores[place], found, place + 1, len(scores))


def _rate(bouts: Bouts) -> WinRate:
    """Over all of these bouts."""
    found = _rates(bouts, np.zeros(len(bouts), np.int64))
    return found.get(0, WinRate("", "", undefined(NEVER_COMPARED), 0, 0, 0))


def _named(rates: dict[int, WinRate], names: dict[int, str]) -> list[WinRate]:
    return [replace(one, key=str(pk), label=names[pk]) for pk, one in rates.items()]


def _by_rate(rates: list[WinRate]) -> list[WinRate]:
    return sorted(rates, key=lambda one: (-one.win_rate.value, one.label))


def _rates(bouts: Bouts, groups: NDArray[np.int64]) -> dict[int, WinRate]:
    """The win rate in each group of bouts, by the group's id; clustered by task."""
    if not len(bouts):
        return {}
    tasks = np.unique(bouts.task, return_inverse=True)[1]
    ids, group = np.unique(groups, return_inverse=True)
    cells, cell = np.unique(group * (tasks.max() + 1) + tasks, return_inverse=True)
    won, n = np.bincount(cell, bouts.won), np.bincount(cell, bouts.n)
    first = np.searchsorted(cells, np.arange(ids.size + 1) * (tasks.max() + 1))
    votes = [np.bincount(group, column).astype(int) for column in (bouts.wins, bouts.losses, bouts.ties)]
    found = {}
    for place, pk in enumerate(ids.tolist()):
        of = slice(first[place], first[place + 1])
        size = int(first[place + 1] - first[place])
        rate = clustered_ratio(won[of], n[of], np.arange(size), n=size)
        found[pk] = WinRate("", "", rate, *(int(column[place]) for column in votes))
    return found


def _by_domain(rates: dict[int, WinRate]) -> list[WinRate]:
    known = {pk: (slug, name) for pk, slug, name in Domain.objects.values_list("pk", "slug", "name")}
    known[0] = (NO_DOMAIN, _("no domain"))
    found = [replace(one, key=known[pk][0], label=known[pk][1]) for pk, one in rates.items() if pk in known]
    return sorted(found, key=lambda one: (one.key == NO_DOMAIN, one.label))


def _levelled(bouts: Bouts) -> Estimate:
    """The win rate against all others at equal length: one case for each two completions, however many judged them."""
    if not len(bouts):
        return undefined(NEVER_COMPARED)
    if len(bouts) > MOST_LEVELLED:
        bouts = bouts.take(np.linspace(0, len(bouts) - 1, MOST_LEVELLED).astype(int))
    lengths = np.log(bouts.other_letters), np.log(bouts.letters)
    share = bouts.won / bouts.n
    (found,) = win_rates(np.zeros(len(bouts), np.int64), bouts.task, share, {"length": lengths}).models
    return found.lc_win_rate


def _examples(bouts: Bouts) -> tuple[list[Example], list[Example], list[Example]]:
    """Completions that all preferred, that nobody did, and about which people disagree most."""
    if not len(bouts):
        return [], [], []
    keys, at = np.unique(np.stack([bouts.task, bouts.completion]), axis=1, return_inverse=True)
    wins, losses, ties = (np.bincount(at, column).astype(int) for column in (bouts.wins, bouts.losses, bouts.ties))
    judges = np.zeros(keys.shape[1], np.int64)
    np.maximum.at(judges, at, bouts.n)
    enough = judges >= FEWEST_JUDGES
    contest = np.minimum(wins, losses) / np.maximum(wins + losses, 1)
    picks = (
        _most(enough & (losses + ties == 0), judges),
        _most(enough & (wins + ties == 0), judges),
        _most(enough & (wins > 0) & (losses > 0), contest * 1000 + np.minimum(judges, 999) / 1000),
    )
    texts = _texts([(int(keys[0, one]), int(keys[1, one])) for pick in picks for one in pick])
    return tuple(
        [
            Example(
                int(keys[0, one]), *texts[int(keys[1, one])], *(int(column[one]) for column in (wins, losses, ties))
            )
            for one in pick
        ]
        for pick in picks
    )


def _most(chosen: NDArray[np.bool_], score: NDArray) -> list[int]:
    """The places with the highest scores, of those that are chosen; the newest first where they are alike."""
    places = np.flatnonzero(chosen)[::-1]
    return places[np.argsort(-score[places], kind="stable")[:EXAMPLES]].tolist()


def _texts(wanted: Sequence[tuple[int, int]]) -> dict[int, tuple[str, str]]:
    """(the question, the answer) by completion."""
    found = Completion.objects.filter(pk__in={completion for _task, completion in wanted})
    prompts = Prompt.objects.filter(completions__in=found).in_bulk()
    rows = found.values_list("pk", "prompt_id", "text")
    return {pk: (prompts[prompt].messages[-1]["content"], text) for pk, prompt, text in rows}
