"""Everything that the audit says about one annotator, beside what it says about everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from django.utils.translation import gettext as _

from annotate.audit_queries.slices import NO_DOMAIN
from annotate.audit_queries.times import PersonTime, TimeAndPay, time_and_pay
from annotate.bias_queries import CampaignBias, PersonBias, campaign_bias
from annotate.errors import DomainError
from annotate.ledger.boards import Board, table_of
from annotate.ledger.columns import Rows, empty, joined
from annotate.ledger.live import ledger
from annotate.models import Campaign, Domain, User
from annotate.people_queries import ExpertiseFigure, expertise
from annotate.quality.agreement import EMPTY, agreement_of
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.slices import OwnAgreement, agreement_with_others


@dataclass(frozen=True, slots=True)
class WithOthers:
    """How far somebody agrees with the others in one place, beside how far everybody there agrees."""

    scope: str
    """ "all", "campaign" or "domain"."""
    key: str
    """The slug; empty for all."""
    label: str
    agreement: OwnAgreement
    pool: Estimate
    """The strict agreement of everybody, this person included."""


@dataclass(frozen=True, slots=True)
class InCampaign:
    """How somebody leans and works in one campaign, beside everybody there."""

    campaign: Campaign
    bias: CampaignBias
    person: PersonBias | None
    """None where none of the judgements that are looked at is theirs."""
    times: TimeAndPay
    time: PersonTime | None

    @property
    def figures(self) -> list[dict]:
        """One dict each: scope, of, measure, value, lo, hi, n, reason."""
        found: list[tuple[str, Estimate | None]] = []
        if self.person:
            for mine, pool in zip(self.person.leanings, self.bias.pool, strict=True):
                found += [(f"{mine.feature}_preferred", mine.share), (f"pool_{mine.feature}_preferred", pool.share)]
            for one, everybody in zip(self.person.signals, self.bias.signals, strict=True):
                found += [(one.name, one.estimate), (f"pool_{one.name}", everybody.estimate)]
        if self.time:
            found += [("seconds", self.time.seconds), ("hourly_pay", self.time.hourly)]
        found += [("pool_seconds", self.times.seconds), ("pool_hourly_pay", self.times.hourly)]
        found += [("reading_seconds", self.times.reading)]
        named = {"scope": "campaign", "of": self.campaign.slug}
        return [{**named, "measure": name, **one.as_dict()} for name, one in found if one is not None]


@dataclass(frozen=True, slots=True)
class AnnotatorAudit:
    """One annotator, over all ranking campaigns and in one of them."""

    annotator: User
    n_judgements: int
    """That count, in ranking campaigns, without gold."""
    overall: WithOthers
    campaigns: list[WithOthers]
    """Those in which they judged, where they judged most first."""
    domains: list[WithOthers]
    """Over all these campaigns, by name."""
    expertise: list[ExpertiseFigure]
    chosen: InCampaign | None
    """The campaign that was asked for, else where they judged most; None where they judged in none."""

    @property
    def with_others(self) -> list[WithOthers]:
        """Over all, then by campaign, then by domain."""
        return [self.overall, *self.campaigns, *self.domains]

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason, and what else is."""
        rows: list[dict] = []
        for one in self.with_others:
            named, counts = {"scope": one.scope, "of": one.key}, one.agreement
            shared = {"n_items": counts.n_items, "n_others": counts.n_others}
            rows.append({**named, "measure": "strict_agreement", **counts.strict_agreement.as_dict(), **shared})
            rows.append({**named, "measure": "pool_strict_agreement", **one.pool.as_dict()})
        for known in self.expertise:
            said = {"declared": known.declared, "verified": known.verified, "level": known.as_dict()["level"]}
            named = {"scope": "expertise", "of": known.domain.slug if known.domain else ""}
            rows.append({**named, "measure": "gold_accuracy", **known.measured.as_dict(), **said})
        return rows + (self.chosen.figures if self.chosen else [])


def annotator_audit(*, annotator: User, campaign: str = "") -> AnnotatorAudit:
    """One annotator's agreement, expertise, leanings, signals, time and pay. Page, downloads and API show this.

    Raises DomainError when they have judged nothing in the campaign (a slug) that is asked for.
    """
    known = Campaign.objects.filter(kind=Campaign.Kind.RANKING).in_bulk()
    person, boards = annotator.pk, ledger().boards(list(known))
    judged = {known[pk]: n for pk, board in boards.items() if (n := _judged(board, person))}
    campaigns = sorted(judged, key=lambda one: (-judged[one], one.pk))
    chosen = next((one for one in campaigns if campaign in ("", one.slug)), None)
    if campaign and chosen is None:
        named = {"name": annotator.username, "campaign": campaign[:64]}
        raise DomainError(_("%(name)s has judged nothing in %(campaign)s; choose one of the list.") % named)
    boards = {one.pk: boards[one.pk] for one in campaigns}
    shared = {pk: _shared(board, person) for pk, board in boards.items()}
    return AnnotatorAudit(
        annotator=annotator,
        n_judgements=sum(judged.values()),
        overall=_with_others(("all", "", _("All campaigns")), person, list(shared.values()), list(boards.values())),
        campaigns=[
            _with_others(("campaign", one.slug, one.name), person, [shared[one.pk]], [boards[one.pk]])
            for one in campaigns
        ],
        domains=_by_domain(person, shared, boards),
        expertise=expertise(annotator_id=person, order="domain"),
        chosen=_in_campaign(chosen, annotator) if chosen else None,
    )


def _judged(board: Board, person: int) -> int:
    """How much somebody judged there."""
    counts = board.counts("annotator")
    return int(counts[person]) if person < counts.size else 0


def _shared(board: Board, person: int) -> Rows:
    """Everybody's judgements of the tasks that this person judged, too."""
    return board.of_tasks(np.unique(board.pick(lambda rows: rows.annotator == person).task))


def _with_others(
    named: tuple[str, str, str], person: int, shared: Sequence[Rows], boards: Sequence[Board], **slots: int
) -> WithOthers:
    """The agreement in some campaigns, or in one domain of them; no task is in two campaigns."""

    def own() -> OwnAgreement:
        rows = joined([empty(), *shared])
        if slots:
            rows = rows.take(rows.domain == slots["domain"])
        return agreement_with_others(table_of(rows), person)

    found = boards[0].once(("with others", person, *slots.items()), own) if len(boards) == 1 else own()
    return WithOthers(*named, found, _pool(boards, slots))


def _pool(boards: Sequence[Board], slots: dict[str, int]) -> Estimate:
    """The strict agreement of everybody in these campaigns."""
    if not boards:
        return undefined(EMPTY)
    if len(boards) == 1:
        return boards[0].agreement(**slots).strict_agreement
    return agreement_of(reduce(add, [board.sums(**slots) for board in boards])).strict_agreement


def _by_domain(person: int, shared: dict[int, Rows], boards: dict[int, Board]) -> list[WithOthers]:
    """The same in each domain in which they judged, over all campaigns that have judgements of it."""
    domains = np.unique(joined([empty(), *(rows.take(rows.annotator == person) for rows in shared.values())]).domain)
    names = {pk: (slug, name) for pk, slug, name in Domain.objects.values_list("pk", "slug", "name")}
    names[0] = (NO_DOMAIN, _("no domain"))
    found = []
    for domain in sorted(domains.tolist(), key=lambda pk: (pk == 0, names[pk][1])):
        there = [pk for pk, rows in shared.items() if (rows.domain == domain).any()]
        parts = [shared[pk] for pk in there], [boards[pk] for pk in there]
        found.append(_with_others(("domain", *names[domain]), person, *parts, domain=domain))
    return found


def _in_campaign(campaign: Campaign, annotator: User) -> InCampaign:
    bias = campaign_bias(campaign=campaign)
    times = time_and_pay(campaign=campaign, person=annotator.pk)
    person = next((one for one in bias.people if one.annotator_id == annotator.pk), None)
    return InCampaign(campaign, bias, person, times, next(iter(times.people), None))
