"""One version of a guideline in all campaigns: who judged under it and when, how far they agreed, and what changed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from django.utils.translation import gettext as _

from annotate.audit_queries.changes import Compared, version_change
from annotate.audit_queries.known import right_on_gold
from annotate.audit_queries.slices import IN_ALL, figure
from annotate.errors import DomainError
from annotate.ledger.boards import Board
from annotate.ledger.live import ledger
from annotate.ledger.together import Part, Together
from annotate.models import Campaign, Guideline
from annotate.quality.agreement import RankingAgreement
from annotate.quality.intervals import Estimate
from annotate.text_diff import Change, changes_between


@dataclass(frozen=True, slots=True)
class UsedIn:
    """A campaign in which somebody judged under the version."""

    campaign: Campaign
    first: date
    last: date
    n_judgements: int
    agreement: RankingAgreement
    strict: Compared | None
    """Strict agreement beside that under the version before; None where nobody judged under that one here."""


@dataclass(frozen=True, slots=True)
class VersionAudit:
    """One version of a guideline over all campaigns of its kind."""

    guideline: Guideline
    before: Guideline | None
    versions: list[Guideline]
    overall: RankingAgreement
    earlier: RankingAgreement
    """Under the version before; nothing where there is none."""
    campaigns: list[UsedIn]
    """Those with the most judgements first."""
    gold: Estimate
    gold_before: Estimate | None
    text: list[Change]
    """What is new in the text since the version before."""

    @property
    def n_judgements(self) -> int:
        """Under this version, in all campaigns."""
        return sum(one.n_judgements for one in self.campaigns)

    @property
    def is_ranking(self) -> bool:
        """Whether people rank under it, so that there is an agreement."""
        return self.guideline.kind == Guideline.Kind.RANKING

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason, and what else is."""
        rows, own = [], key_of(self.guideline)
        sides = [("version", own, self.overall, self.gold)]
        if self.before:
            sides.append(("version_before", key_of(self.before), self.earlier, self.gold_before))
        for scope, of, found, gold in sides:
            rows += [figure(scope, of, found, name) for name in IN_ALL] if self.is_ranking else []
            rows.append({"scope": scope, "of": of, "measure": "gold_accuracy", **gold.as_dict()})
        for one in self.campaigns:
            named = {"scope": "campaign", "of": one.campaign.slug}
            used = {"first": str(one.first), "last": str(one.last)}
            count = Estimate(one.n_judgements, None, None, one.n_judgements)
            rows.append({**named, "measure": "judgements", **count.as_dict(), **used})
            if self.is_ranking:
                rows.append(figure("campaign", one.campaign.slug, one.agreement, "strict_agreement"))
            if one.strict:
                rows.append({**named, "measure": "strict_agreement_before", **one.strict.before.as_dict()})
                rows.append({**named, "measure": "strict_agreement_change", **one.strict.change.as_dict()})
        return rows


def key_of(guideline: Guideline) -> str:
    """How a version is named in addresses of slices, such as ranking-2."""
    return f"{guideline.slug}-{guideline.version}"


def version_audit(*, slug: str, version: int) -> VersionAudit:
    """One version of a guideline. Page, downloads and API show what this returns.

    Raises DomainError when there is no such version.
    """
    versions = list(Guideline.objects.filter(slug=slug).order_by("-version"))
    guideline = next((one for one in versions if one.version == version), None)
    if guideline is None:
        raise DomainError(_("There is no such guideline, or it has no version of this number."))
    before = next((one for one in versions if one.version < version), None)
    known = Campaign.objects.filter(kind=guideline.kind).in_bulk()
    boards = ledger().boards(list(known))
    used = {pk: board for pk, board in boards.items() if _count(board, guideline)}
    together = Together(boards)
    gold, *gold_before = right_on_gold(
        kind=guideline.kind, versions=[one.pk for one in (guideline, before) if one is not None]
    )
    return VersionAudit(
        guideline=guideline,
        before=before,
        versions=versions,
        overall=together.agreement(Part(version=guideline.pk)),
        earlier=together.agreement(Part(version=before.pk if before else 0)),
        campaigns=_used(known, used, guideline, before),
        gold=gold,
        gold_before=gold_before[0] if gold_before else None,
        text=changes_between(before.body, guideline.body) if before else [],
    )


def _count(board: Board, guideline: Guideline | None) -> int:
    counts = board.counts("guideline")
    return int(counts[guideline.pk]) if guideline and guideline.pk < counts.size else 0


def _used(
    known: dict[int, Campaign], boards: dict[int, Board], guideline: Guideline, before: Guideline | None
) -> list[UsedIn]:
    found = []
    for pk, board in boards.items():
        strict = None
        if before and guideline.kind == Guideline.Kind.RANKING and _count(board, before):
            compared, _n_in_both = version_change(board=board, before=before.pk, after=guideline.pk)
            strict = compared[0]
        first, last = board.once(("span", guideline.pk), lambda board=board: _span(board, guideline.pk))
        agreement = board.agreement(version=guideline.pk)
        found.append(UsedIn(known[pk], first, last, _count(board, guideline), agreement, strict))
    return sorted(found, key=lambda one: (-one.n_judgements, one.campaign.slug))


def _span(board: Board, version: int) -> tuple[date, date]:
    """The days (UTC) of the first and the last judgement that counts under a version."""
    old = board.base.rows.guideline == version
    old[board.gone] = False
    now = board.now.rows.guideline == version
    times = np.concatenate([board.base.rows.created[old], board.now.rows.created[now]])
    first, last = (datetime.fromtimestamp(int(one), UTC).date() for one in (times.min(), times.max()))
    return first, last
