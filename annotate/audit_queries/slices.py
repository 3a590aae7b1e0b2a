"""Agreement in a campaign, over all and in any slice of domain, guideline version and week."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotate.errors import DomainError
from annotate.ledger.boards import Board
from annotate.ledger.columns import MONDAY, WEEK
from annotate.ledger.live import ledger
from annotate.models import Campaign, Domain, Guideline, Task
from annotate.quality.agreement import RankingAgreement
from annotate.quality.intervals import Estimate

NO_DOMAIN = "-"
"""How the domain of prompts without one is asked for; no domain has this slug."""
ISO_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
IN_ALL = (
    "strict_agreement",
    "exact_agreement",
    "half_credit",
    "tie_rate",
    "alpha",
    "alpha_interval",
    "alpha_rank",
    "tau_b",
    "kendall_w",
)
IN_GROUPS = ("strict_agreement", "tie_rate", "alpha", "tau_b")
"""The measures that are shown over all, and of each group."""
AUDITED = (Campaign.Kind.RANKING, Campaign.Kind.RATING, Campaign.Kind.STEPS)
"""The kinds of campaigns in which agreement is measured."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What part of a campaign is asked for; an empty part is all of it."""

    domain: str = ""
    """A slug; `-` for prompts without a domain."""
    version: str = ""
    """The guideline: slug and version, such as ranking-2."""
    week: str = ""
    """The Monday with which it begins, such as 2026-11-16; weeks are in UTC."""

    @property
    def given(self) -> dict[str, str]:
        """The parts that are asked for, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Group:
    """The agreement in one domain, under one version or in one week."""

    key: str
    """How the slice is asked for."""
    label: str
    agreement: RankingAgreement


@dataclass(frozen=True, slots=True)
class Parts:
    """The domains, versions and weeks in which a campaign was judged: (key, label, id of the board's column) each."""

    domain: list[tuple[str, str, int]]
    version: list[tuple[str, str, int]]
    week: list[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class CampaignAudit:
    """How far the annotators of a campaign agree in a slice of it: over all, and by what the slice leaves open."""

    campaign: Campaign
    chosen: Slice
    parts: Parts
    overall: RankingAgreement
    domains: list[Group]
    versions: list[Group]
    weeks: list[Group]
    n_raised: int
    """Tasks of the campaign that more people judged because those before disagreed: they lower every figure."""

    @property
    def by_domain(self) -> dict[str, RankingAgreement]:
        """The agreement in each domain, by slug."""
        return {group.key: group.agreement for group in self.domains}

    @property
    def by_version(self) -> dict[str, RankingAgreement]:
        """The agreement under each version of the guideline."""
        return {group.key: group.agreement for group in self.versions}

    @property
    def by_week(self) -> dict[str, RankingAgreement]:
        """The agreement in each week, by its Monday."""
        return {group.key: group.agreement for group in self.weeks}

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason."""
        of = " ".join([self.campaign.slug, *self.chosen.given.values()])
        rows = [figure("slice" if self.chosen.given else "campaign", of, self.overall, name) for name in IN_ALL]
        scopes = {"domain": self.domains, "version": self.versions, "week": self.weeks}
        for scope, groups in scopes.items():
            rows += [figure(scope, group.key, group.agreement, name) for group in groups for name in IN_GROUPS]
        return rows


def figure(scope: str, of: str, found: object, measure: str) -> dict:
    """An estimate as a row of a download."""
    estimate: Estimate = getattr(found, measure)
    return {"scope": scope, "of": of, "measure": measure, **estimate.as_dict()}


def campaign_audit(*, campaign: Campaign, chosen: Slice = Slice()) -> CampaignAudit:
    """The agreement of a ranking campaign, or of a slice of it. Page, downloads and API show what this returns.

    Raises DomainError when nothing was judged in the domain, under the version or in the week that is asked for.
    """
    board = ledger().board(campaign.pk)
    parts = parts_of(board)
    slots = {name: slot_of(parts, name, key) for name, key in chosen.given.items()}
    return CampaignAudit(
        campaign=campaign,
        chosen=chosen,
        parts=parts,
        overall=board.agreement(**slots),
        domains=_groups(board, parts, "domain", slots),
        versions=_groups(board, parts, "version", slots),
        weeks=_groups(board, parts, "week", slots),
        n_raised=Task.objects.filter(campaign=campaign, raised__gt=0).count(),
    )


def _groups(board: Board, parts: Parts, name: str, slots: dict[str, int]) -> list[Group]:
    """The agreement in each part of one kind; none where the slice has chosen one already."""
    if name in slots:
        return []
    groups = [Group(key, label, board.agreement(**slots, **{name: slot})) for key, label, slot in _of(parts, name)]
    return [group for group in groups if group.agreement.n_judgements]


def _of(parts: Parts, name: str) -> list[tuple[str, str, int]]:
    return getattr(parts, name)


def slot_of(parts: Parts, name: str, key: str) -> int:
    """The id of a part that is asked for; raises DomainError when nothing was judged in it."""
    slot = next((slot for known, _label, slot in _of(parts, name) if known == key), None)
    if slot is None:
        raise DomainError(_("Nothing was judged in %(part)s here; choose one of the list.") % {"part": key[:64]})
    return slot


def parts_of(board: Board) -> Parts:
    """The domains, guideline versions and weeks in which there are judgements."""
    return named_parts(board.counts)


def named_parts(counts: Callable[[str], NDArray[np.int64]]) -> Parts:
    """The same of whatever counts judgements by the id in a column."""
    domains, guidelines, weeks = (np.flatnonzero(counts(name)).tolist() for name in ("domain", "guideline", "week"))
    known = {domain.pk: domain for domain in Domain.objects.filter(pk__in=domains)}
    names = [(one.slug, one.name, one.pk) for one in sorted(known.values(), key=lambda one: one.name)]
    if 0 in domains:
        names.append((NO_DOMAIN, _("no domain"), 0))
    versions = Guideline.objects.filter(pk__in=guidelines).only("slug", "version", "title").order_by("slug", "version")
    return Parts(
        domain=names,
        version=[(f"{one.slug}-{one.version}", str(one), one.pk) for one in versions],
        week=[(str(monday(week)), str(monday(week)), week) for week in weeks],
    )


def monday(week: int) -> date:
    """The day with which a week of the ledger begins."""
    return begin_of(week).date()


def begin_of(week: int) -> datetime:
    """The moment with which a week of the ledger begins."""
    return datetime.fromtimestamp(week * WEEK + MONDAY, UTC)


def week_key(week: int) -> str:
    """How a week is named in addresses over all campaigns: by ISO 8601, such as 2026-W47."""
    return iso_week(monday(week))


def iso_week(day: date) -> str:
    """The week of a day by ISO 8601, such as 2026-W47."""
    year, number, _day = day.isocalendar()
    return f"{year:04}-W{number:02}"


def week_of_key(key: str) -> int | None:
    """The week of the ledger that is named so; None where no week is."""
    if not (named := ISO_WEEK.fullmatch(key)):
        return None
    try:
        first = datetime.fromisocalendar(int(named[1]), int(named[2]), 1)
    except ValueError:  # no year has a week 54, and some have no week 53
        return None
    return (int(first.replace(tzinfo=UTC).timestamp()) - MONDAY) // WEEK


@dataclass(frozen=True, slots=True)
class Judged:
    """A campaign with how much was judged in it."""

    campaign: Campaign
    n_judgements: int
    n_people: int
    board: Board

    @property
    def strict_agreement(self) -> Estimate:
        """How often two annotators who both have a preference have the same one."""
        return self.board.agreement().strict_agreement


def audited_campaigns() -> list[Judged]:
    """Every campaign that has a page of agreement, newest first."""
    campaigns = list(Campaign.objects.filter(kind__in=AUDITED).order_by("-created_at", "-pk"))
    boards = ledger().boards([campaign.pk for campaign in campaigns])
    return [_judged(campaign, boards[campaign.pk]) for campaign in campaigns]


def _judged(campaign: Campaign, board: Board) -> Judged:
    of_people = board.counts("annotator")
    judged = board.n_ranked if campaign.kind == Campaign.Kind.RANKING else int(of_people.sum())
    return Judged(campaign, judged, int(np.count_nonzero(of_people)), board)
