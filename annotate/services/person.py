"""What a person brings to a campaign's tasks: what they want, know and read, and their measured skill."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.db.models import QuerySet

from annotate.languages import same_language
from annotate.models import Expertise, Profile, Skill, User
from annotate.quality.intervals import posterior_mean

KNOWS = (Expertise.Level.GOOD, Expertise.Level.EXPERT)


@dataclass(frozen=True, slots=True)
class Measured:
    """A skill as it decides about a queue."""

    mean: float | None
    """None while it is not measured."""
    n: int
    """Gold answers."""
    domain_id: int | None = None
    """The domain that it was measured in; None for all."""


class Person:
    """One person. Each part is read once, when it is first asked for, for however many campaigns."""

    def __init__(self, user: User):
        self.user = user

    @cached_property
    def _profile(self) -> Profile:
        return getattr(self.user, "profile", None) or Profile()

    @cached_property
    def opt_outs(self) -> frozenset[str]:
        """The kinds of distressing content that they never want to be given."""
        return frozenset(self._profile.opt_outs)

    @property
    def languages(self) -> list[str]:
        """The tags of the languages that they say they read."""
        return self._profile.languages

    @cached_property
    def _read(self) -> frozenset[str]:
        return frozenset(map(same_language, self.languages))

    @cached_property
    def _known(self) -> Mapping[int, bool]:
        """The domains that they say they know well, and whether an admin has verified it."""
        found = Expertise.objects.filter(user=self.user, level__in=KNOWS).values_list("domain_id", "verified_at")
        return {domain: verified_at is not None for domain, verified_at in found}

    @cached_property
    def _skills(self) -> Mapping[int | None, Skill]:
        return {one.domain_id: one for one in Skill.objects.filter(annotator=self.user)}

    def knows(self, domain_id: int, *, verified: bool) -> bool:
        """Whether they say that they know this domain well, and it is verified where that is wanted.

        The demo's simulated annotators know everything: there is nobody who could say so.
        """
        return (
            self.user.is_simulated or self._known.get(domain_id, False) or (not verified and domain_id in self._known)
        )

    def reads(self, language: str) -> bool:
        """Whether a task in this language suits them; the demo's simulated annotators read everything."""
        return self.user.is_simulated or same_language(language) in self._read

    def skill(self, domain_id: int | None, *, measured: int) -> Measured:
        """Their skill in a domain if `measured` gold answers were given there, else in all if there, else none."""
        for domain in dict.fromkeys((domain_id, None)):
            found = self._skills.get(domain)
            if found and found.n >= measured:
                return Measured(posterior_mean(found.right, found.n), found.n, domain)
        in_all = self._skills.get(None)
        return Measured(None, in_all.n if in_all else 0)


def several(users: QuerySet[User]) -> list[Person]:
    """These people, with everything that decides about queues read in three queries."""
    people = {user.pk: Person(user) for user in users.select_related("profile")}
    for person in people.values():
        person._known, person._skills = {}, {}
    for one in Expertise.objects.filter(user__in=users, level__in=KNOWS):
        people[one.user_id]._known[one.domain_id] = one.verified_at is not None
    for one in Skill.objects.filter(annotator__in=users):
        people[one.annotator_id]._skills[one.domain_id] = one
    return list(people.values())
