"""Who judged in a campaign, by what they know, read and are, beside the share of judgements that is theirs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from time import time as now

import numpy as np
from django.db.models import Min
from numpy.typing import NDArray

from annotate.audit_queries.slices import monday
from annotate.composition import Group, open_groups, protected_groups
from annotate.demographics import QUESTIONS
from annotate.languages import same_language
from annotate.ledger.boards import Board
from annotate.ledger.columns import MONDAY, WEEK, Rows, week_of
from annotate.ledger.live import ledger
from annotate.models import Campaign, Demographics, Domain, Expertise, Judgement, Profile
from annotate.services.onboarding import demographics_key

CLAIMS = ("verified", "declared", "")
NO_LANGUAGE = "none"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One way to part the pool into groups: kind "expertise" (`of` a domain's slug), "languages" or a question's."""

    kind: str
    of: str
    label: str
    """The domain's name; empty for others."""
    protected: bool
    """Whether it was said in confidence: only whole weeks count, everything is rounded, small groups are not shown."""
    groups: list[Group]
    """Empty where too few people would be in each."""


@dataclass(frozen=True, slots=True)
class PoolComposition:
    """The people who judged in a campaign, in groups."""

    campaign: Campaign
    n_people: int
    n_judgements: int
    until: date
    """The Monday (UTC) before which a judgement counts for protected attributes."""
    n_people_before: int
    n_judgements_before: int
    attributes: list[Attribute]

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: attribute, of, group, people, people_share, measure, value, ..."""
        return [
            {"attribute": one.kind, "of": one.of, "group": group.value, "people": group.people}
            | {"people_share": group.people_share, "measure": measure, **asdict(found)}
            for one in self.attributes
            for group in one.groups
            for measure, found in (("judgement_share", group.judgements), ("difference", group.difference))
        ]


def pool_composition(*, campaign: Campaign) -> PoolComposition:
    """The groups of those who judged in a campaign. Page, downloads and API show what this returns.

    What people said about themselves is joined to their judgements here, in memory: only groups leave this function.
    """
    board = ledger().board(campaign.pk)
    week = int(week_of(np.array([int(now())]))[0])
    counts = board.counts("annotator")
    before = board.once(("judgements before", week), lambda: _counts_before(board, week))
    people, earlier = np.flatnonzero(counts).tolist(), np.flatnonzero(before).tolist()
    attributes = _expertise(people, counts[people])
    attributes += [_languages(earlier, before[earlier]), *_demographics(earlier, before[earlier])]
    n = (len(people), int(counts.sum()))
    return PoolComposition(campaign, *n, monday(week), len(earlier), int(before.sum()), attributes)


def _expertise(people: Sequence[int], counts: NDArray[np.int64]) -> list[Attribute]:
    """One for each domain of which somebody who judged says that they know it; admins see who that is."""
    claims = Expertise.objects.exclude(level=Expertise.Level.NONE).values_list("user_id", "domain_id", "verified_at")
    judges = set(people)
    said = {(who, domain): "verified" if at else "declared" for who, domain, at in claims if who in judges}
    domains = Domain.objects.filter(pk__in={domain for _who, domain in said}).order_by("name", "pk")
    return [
        Attribute("expertise", one.slug, one.name, False, open_groups(groups, counts, CLAIMS))
        for one in domains
        for groups in [[said.get((who, one.pk), "") for who in people]]
    ]


def _languages(people: Sequence[int], counts: NDArray[np.int64]) -> Attribute:
    """Whoever reads a language, and whoever does not: a table of two for each, since people read several.

    Pages show nobody's languages to every admin, so they are as protected as what people said about themselves.
    """
    told = dict(Profile.objects.exclude(languages=[]).values_list("user_id", "languages"))
    read = [{same_language(tag) for tag in told.get(who, [])} or {NO_LANGUAGE} for who in people]
    shown: list[Group] = []
    for language in sorted(set().union(*read)):
        groups = protected_groups(["yes" if language in mine else "no" for mine in read], counts, ["yes", "no"])
        shown += [_renamed(group, language) for group in groups if group.value == "yes"]
    return Attribute("languages", "", "", True, sorted(shown, key=lambda group: -group.people))


def _renamed(group: Group, value: str) -> Group:
    return Group(value, group.people, group.people_share, group.judgements, group.difference)


def _demographics(people: Sequence[int], counts: NDArray[np.int64]) -> list[Attribute]:
    """One for each optional question."""
    answers = {row.pop("key"): row for row in Demographics.objects.values("key", *QUESTIONS)}
    said = [answers.get(demographics_key(who), {}) if answers else {} for who in people]
    return [
        Attribute(name, "", "", True, protected_groups([row.get(name, "") for row in said], counts, (*values, "")))
        for name, values in QUESTIONS.items()
    ]


def _counts_before(board: Board, week: int) -> NDArray[np.int64]:
    """How many judgements there are by annotator's id that were first made before a week, whatever was corrected since.

    A correction counts as of when it was first submitted: else whoever corrects would leave the groups for a week.
    """
    base = board.base.rows
    counts = board.base.once(("judgements before", week), lambda: _bincount(base, base.week < week)).copy()
    new, gone = board.now.rows, base.take(board.gone)
    later = board.pick(lambda rows: (rows.week >= week) & (rows.supersedes > 0))
    first = Judgement.objects.filter(pk__in=later.id.tolist()).annotate(first=Min("assignment__judgements__created_at"))
    start = datetime.fromtimestamp(week * WEEK + MONDAY, UTC)
    corrected = list(first.filter(first__lt=start).values_list("annotator_id", flat=True)) if len(later) else []
    parts = [counts, _bincount(new, new.week < week), np.bincount(np.array(corrected, np.int64))]
    found = np.zeros(max(part.size for part in parts) + 1, np.int64)
    for part in parts:
        found[: part.size] += part
    taken = _bincount(gone, gone.week < week)
    found[: taken.size] -= taken
    return found


def _bincount(rows: Rows, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.bincount(rows.annotator[chosen])
