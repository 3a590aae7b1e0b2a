"""One domain in all ranking campaigns: agreement beside everybody's elsewhere, who knows it, and what is disputed."""

from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotate.audit_queries.pairs import usernames
from annotate.audit_queries.slices import IN_ALL, IN_GROUPS, NO_DOMAIN, Group, figure, monday
from annotate.errors import DomainError
from annotate.ledger.live import ledger
from annotate.ledger.together import Part, Together
from annotate.models import Adjudication, Campaign, Domain, Expertise, Skill
from annotate.people_queries import ExpertiseFigure, expertise
from annotate.quality.agreement import RankingAgreement
from annotate.quality.intervals import Estimate, clustered_ratio, undefined
from annotate.quality.slices import NOBODY_ELSE, OwnAgreement
from annotate.translations import translatable

PEOPLE_A_PAGE = 25
IN_LIST = ("strict_agreement", "alpha")
NO_GOLD = translatable("Nobody has answered a task with a known answer here yet.")


@dataclass(frozen=True, slots=True)
class DomainListed:
    """A domain with how far people agree in it, over all ranking campaigns."""

    key: str
    """The slug; `-` for prompts without a domain."""
    label: str
    agreement: RankingAgreement
    gold: Estimate
    """How much of the known answers people get right; n counts answers."""
    n_open: int
    """Tasks that people ordered differently, about which nothing is decided."""
    n_verified: int
    """People whose knowledge of it an admin has verified."""

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason."""
        rows = [figure("domain", self.key, self.agreement, name) for name in IN_LIST]
        rows.append({"scope": "domain", "of": self.key, "measure": "gold_accuracy", **self.gold.as_dict()})
        return rows + [_count("domain", self.key, name, getattr(self, f"n_{name}")) for name in ("open", "verified")]


@dataclass(frozen=True, slots=True)
class InCampaign:
    """A domain in one campaign, beside the campaign's other domains."""

    campaign: Campaign
    here: RankingAgreement
    elsewhere: RankingAgreement
    n_disputed: int
    n_decided: int


@dataclass(frozen=True, slots=True)
class InDomain:
    """One annotator in a domain."""

    annotator_id: int
    username: str
    known: ExpertiseFigure | None
    """What they declare, what is verified and measured; None where there is nothing of it."""
    n_judgements: int
    agreement: OwnAgreement


@dataclass(frozen=True, slots=True)
class DomainAudit:
    """One domain over all ranking campaigns."""

    key: str
    label: str
    overall: RankingAgreement
    elsewhere: RankingAgreement
    """In all other domains."""
    campaigns: list[InCampaign]
    """Those with judgements of it, most judgements first."""
    weeks: list[Group]
    gold: Estimate
    gold_elsewhere: Estimate
    people: list[InDomain]
    """Who judged here, or knows the domain by their own word or by gold; who judged most first."""
    n_people: int
    n_verified: int
    page: int
    n_pages: int

    @property
    def n_disputed(self) -> int:
        """Tasks that people ordered differently."""
        return sum(one.n_disputed for one in self.campaigns)

    @property
    def n_open(self) -> int:
        """Those of them about which nothing is decided."""
        return self.n_disputed - sum(one.n_decided for one in self.campaigns)

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason."""
        rows = [figure("domain", self.key, self.overall, name) for name in IN_ALL]
        rows += [figure("elsewhere", self.key, self.elsewhere, name) for name in IN_ALL]
        rows.append({"scope": "domain", "of": self.key, "measure": "gold_accuracy", **self.gold.as_dict()})
        named = {"scope": "elsewhere", "of": self.key, "measure": "gold_accuracy"}
        rows.append({**named, **self.gold_elsewhere.as_dict()})
        for one in self.campaigns:
            rows.append(figure("campaign", one.campaign.slug, one.here, "strict_agreement"))
            rows.append(figure("campaign_elsewhere", one.campaign.slug, one.elsewhere, "strict_agreement"))
            rows += [
                _count("campaign", one.campaign.slug, name, getattr(one, f"n_{name}"))
                for name in ("disputed", "decided")
            ]
        rows += [figure("week", group.key, group.agreement, name) for group in self.weeks for name in IN_GROUPS]
        for one in self.people:
            named = {"scope": "annotator", "of": one.username}
            said = {name: one.known.as_dict()[name] if one.known else "" for name in ("declared", "verified", "level")}
            rows.append(_count("annotator", one.username, "judgements", one.n_judgements))
            rows.append({**named, "measure": "strict_agreement", **one.agreement.strict_agreement.as_dict()})
            measured = one.known.measured if one.known else undefined(NO_GOLD)
            rows.append({**named, "measure": "gold_accuracy", **measured.as_dict(), **said})
        return rows


def _count(scope: str, of: str, measure: str, n: int) -> dict:
    return {"scope": scope, "of": of, "measure": measure, **Estimate(n, None, None, n).as_dict()}


def everywhere() -> tuple[dict[int, Campaign], Together]:
    """All ranking campaigns, newest first, and their boards."""
    campaigns = Campaign.objects.filter(kind=Campaign.Kind.RANKING).order_by("-created_at", "-pk")
    known = {campaign.pk: campaign for campaign in campaigns}
    return known, Together(ledger().boards(list(known)))


def audited_domains() -> list[DomainListed]:
    """Every domain that there is, by name; at the end what has none, if anything of that was judged."""
    _known, together = everywhere()
    counts = together.counts("domain")
    named = [(one.pk, one.slug, one.name) for one in Domain.objects.order_by("name")]
    if counts.size and counts[0]:
        named.append((0, NO_DOMAIN, _("no domain")))
    _in_all, gold = _gold_by_domain()
    verified = [one.domain_id for one in _verified()]
    decided = _decided(together)
    return [
        DomainListed(
            key=slug,
            label=label,
            agreement=together.agreement(Part(domain=pk)),
            gold=_accuracy(gold.get(pk, {})),
            n_open=int(np.setdiff1d(together.disputed(Part(domain=pk)), decided).size),
            n_verified=verified.count(pk),
        )
        for pk, slug, label in named
    ]


def _verified() -> QuerySet[Expertise]:
    """What people know well and an admin has verified."""
    return Expertise.objects.filter(verified_at__isnull=False, level__in=["good", "expert"]).order_by()


def domain_audit(*, slug: str, page: int = 1) -> DomainAudit:
    """One domain, by its slug (`-`: prompts without one). Page, downloads and API show what this returns.

    Raises DomainError when there is no such domain.
    """
    pk, label = _domain(slug)
    known, together = everywhere()
    here = Part(domain=pk)
    weeks = np.flatnonzero(np.bincount(together.rows(here).week)).tolist()
    gold_in_all, gold = _gold_by_domain()
    gold_here = gold.get(pk, {})
    people, n_people, page, n_pages = _people(together, pk, page)
    return DomainAudit(
        key=slug,
        label=label,
        overall=together.agreement(here),
        elsewhere=together.agreement(Part(elsewhere=pk)),
        campaigns=_campaigns(known, together, pk),
        weeks=[
            Group(str(monday(week)), str(monday(week)), together.agreement(Part(domain=pk, week=week)))
            for week in weeks
        ],
        gold=_accuracy(gold_here),
        gold_elsewhere=_accuracy(_less(gold_in_all, gold_here)),
        people=people,
        n_people=n_people,
        n_verified=_verified().filter(domain=pk or None).count(),
        page=page,
        n_pages=n_pages,
    )


def _domain(slug: str) -> tuple[int, str]:
    if slug == NO_DOMAIN:
        return 0, _("no domain")
    found = Domain.objects.filter(slug=slug).values_list("pk", "name").first() if "\0" not in slug else None
    if found is None:
        raise DomainError(_("There is no domain %(slug)s; choose one of the list.") % {"slug": slug[:64]})
    return found


def _campaigns(known: dict[int, Campaign], together: Together, domain: int) -> list[InCampaign]:
    decided, found = _decided(together), []
    for pk, board in together.boards.items():
        counts = board.counts("domain")
        if domain >= counts.size or not counts[domain]:
            continue
        alone = Together({pk: board})
        disputed = alone.disputed(Part(domain=domain))
        found.append(
            InCampaign(
                campaign=known[pk],
                here=board.agreement(domain=domain),
                elsewhere=alone.agreement(Part(elsewhere=domain)),
                n_disputed=disputed.size,
                n_decided=np.intersect1d(disputed, decided).size,
            )
        )
    return sorted(found, key=lambda one: (-one.here.n_judgements, one.campaign.slug))


def _decided(together: Together) -> NDArray[np.int64]:
    """The tasks about which a decision stands."""
    found = Adjudication.objects.current().filter(task__campaign__in=list(together.boards)).order_by()
    return np.array(list(found.values_list("task", flat=True)), np.int64)


def _people(together: Together, domain: int, page: int) -> tuple[list[InDomain], int, int, int]:
    """Those on a page, how many there are in all, the page and how many pages there are."""
    known = {one.annotator.pk: one for one in expertise(domain_id=domain)} if domain else {}
    counts = together.counts("annotator", Part(domain=domain))
    judged = {person: int(counts[person]) for person in np.flatnonzero(counts).tolist()}
    people = sorted({*judged, *known}, key=lambda one: (-judged.get(one, 0), one))
    n_pages = max(1, -(-len(people) // PEOPLE_A_PAGE))
    page = min(max(page, 1), n_pages)
    shown = people[(page - 1) * PEOPLE_A_PAGE : page * PEOPLE_A_PAGE]
    agreements = together.with_others(shown, Part(domain=domain))
    names, nobody = usernames(shown), OwnAgreement(0, 0, undefined(NOBODY_ELSE))
    found = [
        InDomain(one, names[one], known.get(one), judged.get(one, 0), agreements.get(one, nobody)) for one in shown
    ]
    return found, len(people), page, n_pages


Answers = dict[int, tuple[float, int]]
"""By annotator how many known answers they were right about, and how many they gave."""


def _gold_by_domain() -> tuple[Answers, dict[int, Answers]]:
    """In all domains, and in each."""
    in_all: Answers = {}
    found: dict[int, Answers] = {}
    skills = Skill.objects.filter(n__gt=0).order_by("pk").values_list("domain_id", "annotator_id", "right", "n")
    for domain, person, right, n in skills:
        (in_all if domain is None else found.setdefault(domain, {}))[person] = (right, n)
    without = in_all
    for answers in found.values():
        without = _less(without, answers)
    return in_all, {0: without, **found}


def _less(answers: Answers, other: Answers) -> Answers:
    """The answers without the others, which are some of them."""
    left = {
        person: (max(0.0, right - other.get(person, (0.0, 0))[0]), n - other.get(person, (0.0, 0))[1])
        for person, (right, n) in answers.items()
    }
    return {person: one for person, one in left.items() if one[1] > 0}


def _accuracy(answers: Answers) -> Estimate:
    """The share of known answers that people get right: clustered by person, n counts answers."""
    if not answers:
        return undefined(NO_GOLD)
    right, n = (np.array(column, float) for column in zip(*answers.values(), strict=True))
    return clustered_ratio(right, n, np.arange(n.size), n=round(n.sum()))
