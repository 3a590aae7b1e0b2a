"""One week in all campaigns: agreement beside the week before, by campaign, domain and version; who judged; time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotate.audit_queries.changes import Compared, compared, slice_change
from annotate.audit_queries.known import right_on_gold_between
from annotate.audit_queries.pairs import usernames
from annotate.audit_queries.slices import (
    IN_ALL,
    IN_GROUPS,
    Group,
    begin_of,
    figure,
    monday,
    named_parts,
    week_key,
    week_of_key,
)
from annotate.errors import DomainError
from annotate.ledger.boards import Board
from annotate.ledger.columns import Rows
from annotate.ledger.crossed import change_together
from annotate.ledger.live import ledger
from annotate.ledger.together import Part, Together
from annotate.models import Campaign
from annotate.people_queries import Known, known_by
from annotate.quality.agreement import RankingAgreement
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.medians import median
from annotate.quality.slices import NOBODY_ELSE, OwnAgreement

PEOPLE_A_PAGE = 25


@dataclass(frozen=True, slots=True)
class WeekListed:
    """A week with how much was judged and how far people agreed, over all campaigns."""

    key: str
    """By ISO 8601, such as 2026-W47."""
    first: date
    """Its Monday; weeks are in UTC."""
    n_judgements: int
    """Of any kind."""
    agreement: RankingAgreement
    """Of those that rank something."""

    @property
    def last(self) -> date:
        """Its Sunday."""
        return self.first + timedelta(days=6)

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason."""
        rows = [_count("week", self.key, "judgements", self.n_judgements)]
        return rows + [figure("week", self.key, self.agreement, name) for name in IN_GROUPS]


@dataclass(frozen=True, slots=True)
class InCampaign:
    """A week in one campaign."""

    campaign: Campaign
    n_judgements: int
    n_people: int
    agreement: RankingAgreement
    strict: Compared | None
    """Strict agreement beside that of the week before; None where nothing was judged then, or nothing is ranked."""
    seconds: Estimate
    """The median over annotators of each one's median active seconds; n counts annotators."""

    @property
    def is_ranking(self) -> bool:
        """Whether people rank in it, so that there is an agreement in the measures of this page."""
        return self.campaign.kind == Campaign.Kind.RANKING


@dataclass(frozen=True, slots=True)
class InWeek:
    """One annotator in a week."""

    annotator_id: int
    username: str
    n_judgements: int
    """Of any kind."""
    agreement: OwnAgreement
    known: Known
    seconds: Estimate
    """The median for a ranking; n counts rankings."""


@dataclass(frozen=True, slots=True)
class WeekAudit:
    """One week over all campaigns."""

    listed: WeekListed
    key_before: str
    """The week before by the calendar, whether or not anything was judged in it."""
    earlier: RankingAgreement
    """In the week before."""
    compared: list[Compared]
    """The measures whose change has an interval."""
    gold: Estimate
    gold_before: Estimate
    seconds: Estimate
    """The median over annotators of each one's median for a ranking; n counts annotators."""
    seconds_before: Estimate
    campaigns: list[InCampaign]
    """Those with the most judgements first."""
    domains: list[Group]
    versions: list[Group]
    people: list[InWeek]
    """Who judged most first."""
    n_people: int
    page: int
    n_pages: int
    sooner: str
    """The nearest earlier week in which anything was judged; empty where there is none."""
    later: str

    @property
    def overall(self) -> RankingAgreement:
        """Of all rankings of the week."""
        return self.listed.agreement

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason."""
        own = self.listed.key
        rows = [_count("week", own, "judgements", self.listed.n_judgements)]
        sides = [("week", own, self.overall, self.gold, self.seconds)]
        sides.append(("week_before", self.key_before, self.earlier, self.gold_before, self.seconds_before))
        for scope, of, found, gold, seconds in sides:
            rows += [figure(scope, of, found, name) for name in IN_ALL]
            rows += [_row(scope, of, "gold_accuracy", gold), _row(scope, of, "seconds", seconds)]
        rows += [_row("change", own, one.measure, one.change) for one in self.compared]
        for one in self.campaigns:
            of = one.campaign.slug
            rows += [_count("campaign", of, name, getattr(one, f"n_{name}")) for name in ("judgements", "people")]
            rows += [figure("campaign", of, one.agreement, "strict_agreement")] if one.is_ranking else []
            if one.strict:
                rows.append(_row("campaign", of, "strict_agreement_before", one.strict.before))
                rows.append(_row("campaign", of, "strict_agreement_change", one.strict.change))
            rows.append(_row("campaign", of, "seconds", one.seconds))
        for scope, groups in (("domain", self.domains), ("version", self.versions)):
            rows += [figure(scope, group.key, group.agreement, name) for group in groups for name in IN_GROUPS]
        for one in self.people:
            rows.append(_count("annotator", one.username, "judgements", one.n_judgements))
            rows.append(_row("annotator", one.username, "strict_agreement", one.agreement.strict_agreement))
            if one.known.measured:
                rows.append(_row("annotator", one.username, "gold_accuracy", one.known.measured))
            rows.append(_count("annotator", one.username, "verified", len(one.known.verified)))
            rows.append(_count("annotator", one.username, "declared", one.known.n_declared))
            rows.append(_row("annotator", one.username, "seconds", one.seconds))
        return rows


def _row(scope: str, of: str, measure: str, found: Estimate) -> dict:
    return {"scope": scope, "of": of, "measure": measure, **found.as_dict()}


def _count(scope: str, of: str, measure: str, n: int) -> dict:
    return _row(scope, of, measure, Estimate(n, None, None, n))


@dataclass(frozen=True, slots=True)
class _Everything:
    """All campaigns, newest first, with their judgements, and the rankings among these."""

    campaigns: dict[int, Campaign]
    judged: Together
    ranked: Together

    def listed(self, week: int, n_judgements: int) -> WeekListed:
        return WeekListed(week_key(week), monday(week), n_judgements, self.ranked.agreement(Part(week=week)))


def _everything() -> _Everything:
    known = {campaign.pk: campaign for campaign in Campaign.objects.order_by("-created_at", "-pk")}
    boards = ledger().boards(list(known))
    ranking = {pk: board for pk, board in boards.items() if known[pk].kind == Campaign.Kind.RANKING}
    return _Everything(known, Together(boards), Together(ranking))


def audited_weeks() -> list[WeekListed]:
    """Every week in which anything was judged, the latest first."""
    everything = _everything()
    counts = everything.judged.counts("week")
    return [everything.listed(week, int(counts[week])) for week in np.flatnonzero(counts)[::-1].tolist()]


def week_audit(*, key: str, page: int = 1) -> WeekAudit:
    """One week by its ISO name. Page, downloads and API show what this returns.

    Raises DomainError when there is no such week, or nothing was judged in it.
    """
    everything, week = _everything(), week_of_key(key)
    counts = everything.judged.counts("week")
    if week is None or not 0 <= week < counts.size or not counts[week]:
        raise DomainError(_("Nothing was judged in the week %(week)s; choose one of the list.") % {"week": key[:16]})
    ranked, this, last = everything.ranked, Part(week=week), Part(week=week - 1)
    listed, earlier = everything.listed(week, int(counts[week])), ranked.agreement(last)
    begin, end, start = (begin_of(one) for one in (week, week + 1, week - 1))
    gold, gold_before = right_on_gold_between((begin, end), (start, begin))
    domains, versions = _parts(ranked, week)
    people, n_people, page, n_pages = _people(everything, week, page)
    judged = np.flatnonzero(counts)
    return WeekAudit(
        listed=listed,
        key_before=week_key(week - 1),
        earlier=earlier,
        compared=compared(earlier, listed.agreement, change_together(ranked, last, this)) if ranked.boards else [],
        gold=gold,
        gold_before=gold_before,
        seconds=_seconds(ranked, this),
        seconds_before=_seconds(ranked, last),
        campaigns=_campaigns(everything, week),
        domains=domains,
        versions=versions,
        people=people,
        n_people=n_people,
        page=page,
        n_pages=n_pages,
        sooner=_named(judged[judged < week][-1:]),
        later=_named(judged[judged > week][:1]),
    )


def _named(weeks: NDArray[np.int64]) -> str:
    return week_key(int(weeks[0])) if weeks.size else ""


def _parts(ranked: Together, week: int) -> tuple[list[Group], list[Group]]:
    """The agreement in each domain and under each version of the week."""
    parts = named_parts(lambda name: ranked.counts(name, Part(week=week)))
    domains = [Group(key, label, ranked.agreement(Part(week=week, domain=slot))) for key, label, slot in parts.domain]
    versions = [
        Group(key, label, ranked.agreement(Part(week=week, version=slot))) for key, label, slot in parts.version
    ]
    return _given(domains), _given(versions)


def _given(groups: Sequence[Group]) -> list[Group]:
    return [group for group in groups if group.agreement.n_judgements]


def _campaigns(everything: _Everything, week: int) -> list[InCampaign]:
    found = []
    for pk, board in everything.judged.boards.items():
        if not (n_judgements := _count_in(board, week)):
            continue
        ranking = pk in everything.ranked.boards
        alone, strict = Together({pk: board}), None
        if ranking and _count_in(board, week - 1):
            strict = slice_change(board=board, before={"week": week - 1}, after={"week": week})[0][0]
        found.append(
            InCampaign(
                campaign=everything.campaigns[pk],
                n_judgements=n_judgements,
                n_people=int(np.count_nonzero(alone.counts("annotator", Part(week=week)))),
                agreement=board.agreement(week=week),
                strict=strict,
                seconds=_seconds(alone, Part(week=week)),
            )
        )
    return sorted(found, key=lambda one: (-one.n_judgements, one.campaign.slug))


def _count_in(board: Board, week: int) -> int:
    counts = board.counts("week")
    return int(counts[week]) if 0 <= week < counts.size else 0


def _seconds(together: Together, part: Part) -> Estimate:
    """As on a campaign's page of time: who works most does not decide."""
    return together.of_part("seconds", part, lambda: median(_medians(together.rows(part))))


def _medians(rows: Rows) -> NDArray[np.float64]:
    """(people,) the median active seconds of each who judged, by rising id."""
    order = np.lexsort((rows.seconds, rows.annotator))
    _people, first, n = np.unique(rows.annotator[order], return_index=True, return_counts=True)
    seconds = rows.seconds[order]
    return (seconds[first + (n - 1) // 2] + seconds[first + n // 2]) / 2


def _people(everything: _Everything, week: int, page: int) -> tuple[list[InWeek], int, int, int]:
    """Those on a page, how many there are in all, the page and how many pages there are."""
    part = Part(week=week)
    counts = everything.judged.counts("annotator", part)
    people = sorted(np.flatnonzero(counts).tolist(), key=lambda one: (-counts[one], one))
    n_pages = max(1, -(-len(people) // PEOPLE_A_PAGE))
    page = min(max(page, 1), n_pages)
    shown = people[(page - 1) * PEOPLE_A_PAGE : page * PEOPLE_A_PAGE]
    agreements, nobody = everything.ranked.with_others(shown, part), OwnAgreement(0, 0, undefined(NOBODY_ELSE))
    names, known, rows = usernames(shown), known_by(shown), everything.ranked.rows(part)
    found = [
        InWeek(
            annotator_id=one,
            username=names[one],
            n_judgements=int(counts[one]),
            agreement=agreements.get(one, nobody),
            known=known[one],
            seconds=median(rows.seconds[rows.annotator == one]),
        )
        for one in shown
    ]
    return found, len(people), page, n_pages
