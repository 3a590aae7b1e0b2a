"""What the admins' pages about people read."""

from collections.abc import Callable
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
    said = Expertise.objects.exclude(level=Expertise.Level.NONE).select_related("verified_by")
    if annotator_id is not None:
        said = said.filter(user=annotator_id)
    if domain_id is not None:
        said = said.filter(domain=domain_id)
    claims = {(one.user_id, one.domain_id): one for one in said}
    skills = list(Skill.objects.filter(n__gt=0).order_by("pk").values_list("annotator_id", "domain_id", "right", "n"))

    def wanted(place: tuple[int, int | None]) -> bool:
        return annotator_id in (None, place[0]) and domain_id in (None, place[1])

    in_all = [row for row in skills if row[1] is None]
    measured_in_all = gold_accuracy([row[2] for row in in_all], [row[3] for row in in_all])
    rows = measuring.expertise(
        declared=list(claims),
        verified=[place for place, claim in claims.items() if claim.verified_at],
        gold={(person, domain): (right, n) for person, domain, right, n in skills if domain is not None},
        wanted=wanted,
    )
    found = [(one.annotator, one.domain, one.measured) for one in rows]
    found += [
        (row[0], None, estimate) for row, estimate in zip(in_all, measured_in_all, strict=True) if wanted(row[:2])
    ]
    people, domains = User.objects.in_bulk({one[0] for one in found}), Domain.objects.in_bulk()
    figures = [
        ExpertiseFigure(people[person], domains.get(domain), claims.get((person, domain)), estimate)
        for person, domain, estimate in found
    ]
    for name in ("domain", "person", order):
        figures.sort(key=EXPERTISE_ORDERS[name])
    return figures


def demographic_counts() -> dict[str, list[Cell]]:
    """For each question how many gave each answer (empty: none), as far as that is safe to show."""
    people = list(Demographics.objects.values(*QUESTIONS))
    return {name: safe_counts((person[name] for person in people), (*values, "")) for name, values in QUESTIONS.items()}
