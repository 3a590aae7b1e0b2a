"""One producer in all ranking campaigns: whom it wins against, where, with what flags and style, and examples."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from django.utils.translation import gettext as _

from annotate.audit_queries.bouts import bouts_joined, bouts_of, sampled
from annotate.audit_queries.domain import everywhere
from annotate.audit_queries.examples import Example, examples
from annotate.audit_queries.manner import FlagRate, StyleFigure, flag_labels, flag_rates, styles
from annotate.audit_queries.slices import NO_DOMAIN
from annotate.audit_queries.standings import NEVER_COMPARED, NOTHING_WON, WinRate, Won, against, in_domains
from annotate.errors import DomainError
from annotate.ledger.boards import Board
from annotate.ledger.together import Together
from annotate.models import Campaign, Domain, Producer
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.win_rates import win_rates
from annotate.score_queries import ProducerPlace, producer_place

MOST_LEVELLED = 20_000
"""Pairs of completions from which the win rate at equal length is told, and few more: evenly spread, where there are
more."""


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
class InCampaign:
    """A producer in one campaign."""

    campaign: Campaign
    score: ProducerPlace
    """Its Bradley-Terry score there, plain and at equal style, and its place by it."""
    win_rate: WinRate
    """Against all others there."""


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
    boards = together.boards.items()
    domains = Won.total([(in_domains(pk, board), 1) for pk, board in boards])
    met = Won.total([(against(pk, board), 1) for pk, board in boards]).producers.tolist()
    return domains.overall(), {key: met.count(key) for key in met}


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
        campaigns=[
            _in_campaign(known[one], together.boards[one], producer, rate) for one, rate in counted.campaigns.items()
        ],
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
    domains = {pk: in_domains(pk, board) for pk, board in together.boards.items()}
    mine = {pk: rates[producer] for pk, won in domains.items() if producer in (rates := won.overall())}
    boards = {pk: together.boards[pk] for pk in mine}
    of_domains = Won.total([(domains[pk], 1) for pk in mine])
    opponents = Won.total([(against(pk, board), 1) for pk, board in boards.items()])
    return _Counted(
        overall=of_domains.overall().get(producer, NOTHING_WON),
        levelled=_levelled(producer, boards),
        campaigns=mine,
        opponents=opponents.rates(producer),
        domains=of_domains.rates(producer),
        flags=flag_rates(producer=producer, boards=boards),
        styles=styles(producer=producer, boards=boards),
        examples=examples(producer=producer, boards=boards),
    )


def _find(pk: int) -> Producer:
    found = Producer.objects.filter(pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise DomainError(_("There is no such producer; choose one of the list."))
    return found


def _in_campaign(campaign: Campaign, board: Board, producer: Producer, rate: WinRate) -> InCampaign:
    place = producer_place(campaign=campaign.pk, board=board, producer=producer.pk)
    return InCampaign(campaign, place, replace(rate, key=campaign.slug, label=campaign.name))


def _named(rates: dict[int, WinRate], names: dict[int, str]) -> list[WinRate]:
    return [replace(one, key=str(pk), label=names[pk]) for pk, one in rates.items()]


def _by_rate(rates: list[WinRate]) -> list[WinRate]:
    return sorted(rates, key=lambda one: (-one.win_rate.value, one.label))


def _by_domain(rates: dict[int, WinRate]) -> list[WinRate]:
    known = {pk: (slug, name) for pk, slug, name in Domain.objects.values_list("pk", "slug", "name")}
    known[0] = (NO_DOMAIN, _("no domain"))
    found = [replace(one, key=known[pk][0], label=known[pk][1]) for pk, one in rates.items() if pk in known]
    return sorted(found, key=lambda one: (one.key == NO_DOMAIN, one.label))


def _levelled(producer: int, boards: Mapping[int, Board]) -> Estimate:
    """The win rate against all others at equal length: one case for each two completions, however many judged them."""
    tables = [(board, bouts_of(pk, board)) for pk, board in boards.items()]
    bouts = bouts_joined(sampled(tables, lambda bouts: bouts.producer == producer, MOST_LEVELLED))
    if not len(bouts):
        return undefined(NEVER_COMPARED)
    lengths = np.log(bouts.other_letters), np.log(bouts.letters)
    share = bouts.won / bouts.n
    (found,) = win_rates(np.zeros(len(bouts), np.int64), bouts.task, share, {"length": lengths}).models
    return found.lc_win_rate
