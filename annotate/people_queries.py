"""What the admins' pages about people read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from annotate.demographics import QUESTIONS, Cell, safe_counts
from annotate.models import Demographics, Domain, Expertise, Invitation, Membership, Skill, User
from annotate.quality import expertise as measuring
from annotate.quality.gold_accuracy import gold_accuracy
from annotate.quality.intervals import Estimate
from annotate.services.invitations import closed_because


@dataclass(frozen=True, slots=True)
class InvitationEntry:
    """An invitation with its state: open, accepted, revoked or expired."""

    invitation: Invitation
    state: str


def invitations() -> list[InvitationEntry]:
    """Every invitation, newest first."""
    found = Invitation.objects.select_related("created_by", "accepted_by").prefetch_related("campaigns")
    return [InvitationEntry(one, _state(one)) for one in found]


def _state(invitation: Invitation) -> str:
    if invitation.accepted_at:
        return "accepted"
    if invitation.revoked_at:
        return "revoked"
    return "expired" if closed_because(invitation) else "open"


def members() -> QuerySet[Membership]:
    """Everybody's part in every campaign."""
    return Membership.objects.select_related("user", "campaign").order_by("campaign__name", "user__username")


@dataclass(frozen=True, slots=True)
class ExpertiseFigure:
    """What a person says they know of a domain (None: all together), whether it is verified, and what gold measured."""

    annotator: User
    domain: Domain | None
    claim: Expertise | None
    """What they declare, unless it is that they know nothing."""
    measured: Estimate

    @property
    def declared(self) -> bool:
        """Whether they say that they know the domain."""
        return self.claim is not None

    @property
    def verified(self) -> bool:
        """Whether an admin has checked it."""
        return self.claim is not None and self.claim.verified_at is not None

    @property
    def waits(self) -> bool:
        """Whether it waits for an admin."""
        return self.declared and not self.verified

    def as_dict(self) -> dict[str, object]:
        """A row of a table."""
        return {
            "annotator": self.annotator.username,
            "domain": self.domain.slug if self.domain else "",
            "declared": self.declared,
            "verified": self.verified,
            "level": self.claim.level if self.claim else "",
            **self.measured.as_dict(),
        }


# name: the order that it stands for; persons and domains break ties
EXPERTISE_ORDERS: dict[str, Callable[[ExpertiseFigure], object]] = {
    "waiting": lambda one: not one.waits,
    "person": lambda one: one.annotator.username,
    "domain": lambda one: one.domain.name if one.domain else "",
    "measured": lambda one: -1.0 if one.measured.value is None else one.measured.value,
}


def expertise(
    *, annotator_id: int | None = None, domain_id: int | None = None, order: str = "waiting"
) -> list[ExpertiseFigure]:
    """Declared, verified and measured side by side, of everybody or one, in all domains and in each, or in one.

    Accuracies are shrunk toward the pool (quality/expertise.py), so everybody's gold is read even for one. `order` is
    one of EXPERTISE_ORDERS: what waits to be verified first, or by person, by domain, by accuracy (lowest first).
    """
    said = Expertise.objects.exclude(level=Expertise.Level.NONE).select_related("verified_by").defer("declared_at")
    if annotator_id is not None:
        said = said.filter(user=annotator_id)
    if domain_id is not None:
        said = said.filter(domain=domain_id)
    claims = {(one.user_id, one.domain_id): one for one in said}
    skills = list(Skill.objects.filter(n__gt=0).order_by("pk").values_list("annotator_id", "domain_id", "right", "n"))

    def wanted(place: tuple[int, int | None]) -> bool:
        return annotator_id in (None, place[0]) and domain_id in (None, place[1])

    in_all = _in_all([(person, right, n) for person, domain, right, n in skills if domain is None])
    rows = measuring.expertise(
        declared=list(claims),
        verified=[place for place, claim in claims.items() if claim.verified_at],
        gold={(person, domain): (right, n) for person, domain, right, n in skills if domain is not None},
        wanted=wanted,
    )
    found = [(one.annotator, one.domain, one.measured) for one in rows]
    found += [(person, None, estimate) for person, estimate in in_all.items() if wanted((person, None))]
    people = User.objects.only("username").in_bulk({one[0] for one in found})  # of thousands nobody needs more
    domains = Domain.objects.in_bulk()
    figures = [
        ExpertiseFigure(people[person], domains.get(domain), claims.get((person, domain)), estimate)
        for person, domain, estimate in found
    ]
    for name in ("domain", "person", order):
        figures.sort(key=EXPERTISE_ORDERS[name])
    return figures


def _in_all(skills: Sequence[tuple[int, float, int]]) -> dict[int, Estimate]:
    """By person the accuracy on gold in all domains together, from (person, right, n) of everybody."""
    people, right, n = ([row[column] for row in skills] for column in range(3))
    return dict(zip(people, gold_accuracy(right, n), strict=True))


@dataclass(frozen=True, slots=True)
class Known:
    """What somebody knows, in short."""

    measured: Estimate | None
    """Accuracy on gold in all domains; None where they answered none."""
    verified: list[Domain]
    n_declared: int
    """Domains that they say they know and nobody has verified."""

    @property
    def verified_in(self) -> list[str]:
        """The slugs of what is verified."""
        return [domain.slug for domain in self.verified]


def known_by(people: Sequence[int]) -> dict[int, Known]:
    """What each of these people knows by gold, by what is verified, and by their own word."""
    skills = Skill.objects.filter(n__gt=0, domain__isnull=True).order_by("pk")
    measured = _in_all(list(skills.values_list("annotator_id", "right", "n")))
    said = Expertise.objects.exclude(level=Expertise.Level.NONE).filter(user__in=people).select_related("domain")
    claims: dict[int, list[Expertise]] = {person: [] for person in people}
    for one in said.order_by("domain__name"):
        claims[one.user_id].append(one)
    return {
        person: Known(
            measured=measured.get(person),
            verified=[one.domain for one in mine if one.verified_at],
            n_declared=sum(not one.verified_at for one in mine),
        )
        for person, mine in claims.items()
    }


def demographic_counts() -> dict[str, list[Cell]]:
    """For each question how many gave each answer (empty: none), as far as that is safe to show."""
    people = list(Demographics.objects.values(*QUESTIONS))
    return {name: safe_counts((person[name] for person in people), (*values, "")) for name, values in QUESTIONS.items()}
