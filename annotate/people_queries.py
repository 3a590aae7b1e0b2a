"""What the admins' pages about people read."""

from dataclasses import dataclass

from django.db.models import F, QuerySet

from annotate.demographics import QUESTIONS, Cell, safe_counts
from annotate.models import Demographics, Expertise, Invitation, Membership, Skill
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


def declared_expertise() -> QuerySet[Expertise]:
    """What people say they know, what waits to be verified first. Levels that claim nothing are left out."""
    claims = Expertise.objects.exclude(level=Expertise.Level.NONE).select_related("user", "domain", "verified_by")
    return claims.order_by("verified_at", "domain__name", "user__username")


def measured_skills() -> list[Skill]:
    """Everybody's measured skill, in all domains and then in each."""
    skills = Skill.objects.select_related("annotator", "domain")
    return list(skills.order_by("annotator__username", F("domain__name").asc(nulls_first=True)))


def demographic_counts() -> dict[str, list[Cell]]:
    """For each question how many gave each answer (empty: none), as far as that is safe to show."""
    people = list(Demographics.objects.values(*QUESTIONS))
    return {name: safe_counts((person[name] for person in people), (*values, "")) for name, values in QUESTIONS.items()}
