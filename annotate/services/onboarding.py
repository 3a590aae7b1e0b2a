"""What a person must have done before they work in a campaign, and the records of having done it.

The steps of a campaign (`Campaign.onboarding`, read by `annotate/onboarding_rules.py`) are computed from the records
each time: a new guideline version or consent text asks again by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from annotate.demographics import check_answers
from annotate.errors import DomainError, NotAllowed, NotFound, StepMissing
from annotate.gold import SCORED_KINDS
from annotate.hashing import sha256_of
from annotate.models import (
    Acknowledgement,
    Campaign,
    Consent,
    Demographics,
    Domain,
    Expertise,
    Guideline,
    Membership,
    QualificationAttempt,
    User,
)
from annotate.onboarding_rules import Onboarding, OnboardingError, parse_onboarding
from annotate.refusals import Refusal
from annotate.services.people import say_languages

MAX_EVIDENCE = 2_000
NEEDS_EVIDENCE = (Expertise.Level.GOOD, Expertise.Level.EXPERT)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands in a campaign: its steps in their order, which of them are done, and their membership."""

    campaign: Campaign
    steps: tuple[str, ...]
    done: frozenset[str]
    membership: Membership | None

    @property
    def next_step(self) -> str | None:
        """The first step that is not done; None when the person may work."""
        return next((step for step in self.steps if step not in self.done), None)

    @property
    def is_suspended(self) -> bool:
        """Whether an admin has taken this person out of the campaign."""
        return self.membership is not None and self.membership.state == Membership.State.SUSPENDED

    @property
    def is_visible(self) -> bool:
        """Whether the person may see the campaign: everybody may, unless it is for members."""
        return self.campaign.access == Campaign.Access.EVERYONE or self.membership is not None


def standings(*, user: User, campaigns: Iterable[Campaign]) -> dict[int, Standing]:
    """By campaign id, in at most four queries however many campaigns there are."""
    asked = {campaign: campaign.onboarding_rules for campaign in campaigns}
    wanted = {step for rules in asked.values() for step in rules.steps}
    memberships = {one.campaign_id: one for one in Membership.objects.filter(user=user)}
    consents = _consents(user) if "consent" in wanted else set()
    read = _read(user) if "guideline" in wanted else set()
    passed = _passed(user) if "qualification" in wanted else set()
    demographics = any(one.demographics_asked_at for one in memberships.values())
    found = {}
    for campaign, rules in asked.items():
        membership = memberships.get(campaign.pk)
        done = {
            "consent": (campaign.pk, sha256_of(rules.consent)) in consents,
            "demographics": demographics,
            "expertise": bool(membership and membership.expertise_declared_at),
            "guideline": campaign.guideline_id in read,
            "qualification": campaign.pk in passed,
        }
        steps = () if user.is_simulated else rules.steps  # the demo's annotators have nobody who could agree or read
        found[campaign.pk] = Standing(campaign, steps, frozenset(step for step in steps if done[step]), membership)
    return found


def _consents(user: User) -> set[tuple[int, str]]:
    given = Consent.objects.filter(user=user, withdrawn_at__isnull=True)
    return set(given.values_list("campaign_id", "text_sha256"))


def _read(user: User) -> set[int]:
    return set(Acknowledgement.objects.filter(user=user).values_list("guideline_id", flat=True))


def _passed(user: User) -> set[int]:
    return set(QualificationAttempt.objects.filter(user=user, passed=True).values_list("campaign_id", flat=True))


def standing(*, user: User, campaign: Campaign) -> Standing:
    """Where a person stands in one campaign. Raises NotFound when it is for members and they are none."""
    found = standings(user=user, campaigns=[campaign])[campaign.pk]
    if not found.is_visible:
        raise NotFound(_("There is no such campaign, or you have not been invited to it."))
    return found


def next_step(user: User, campaign: Campaign) -> str | None:
    """The step that this person must do next before they may work in the campaign; None when they may."""
    return standing(user=user, campaign=campaign).next_step


def check_may_work(*, user: User, campaign: Campaign) -> None:
    """The gate before every task.

    Raises NotFound (a campaign for members), NotAllowed (suspended) or StepMissing, which names the step.
    """
    found = standing(user=user, campaign=campaign)
    _refuse_suspended(found)
    if found.next_step:
        raise _missing(found)
    _activate(found)


def check_may_qualify(*, user: User, campaign: Campaign) -> None:
    """The gate before a qualification task: the steps before it are done. Raises as `check_may_work` does."""
    found = standing(user=user, campaign=campaign)
    _refuse_suspended(found)
    if "qualification" not in found.steps:
        raise NotFound(_("This campaign asks for no qualification."))
    if found.next_step is None:
        raise DomainError(_("You have passed the qualification of this campaign already."))
    if found.next_step != "qualification":
        raise _missing(found)


def _missing(found: Standing) -> StepMissing:
    campaign, step = found.campaign, found.next_step
    sentence = _("Before you work in “%(campaign)s” there is a step to do on its page: %(step)s.")
    return StepMissing(sentence % {"campaign": campaign.name, "step": step}, step=step, campaign=campaign.slug)


def check_may_submit_late(*, user: User, campaign: Campaign) -> None:
    """The gate of a task whose time ran out: who withdrew their consent since, or was suspended, submits no more."""
    found = standing(user=user, campaign=campaign)
    _refuse_suspended(found)
    if found.next_step == "consent":
        raise _missing(found)


def _refuse_suspended(found: Standing) -> None:
    if found.is_suspended:
        raise NotAllowed(
            _("An admin has suspended your work in “%(campaign)s”. Ask them what it is about.")
            % {"campaign": found.campaign.name}
        )


def _activate(found: Standing) -> None:
    membership = found.membership
    if membership and membership.state == Membership.State.ONBOARDING:
        waiting = Membership.objects.filter(pk=membership.pk, state=Membership.State.ONBOARDING)
        waiting.update(state=Membership.State.ACTIVE)


def join(*, user: User, campaign: Campaign) -> Membership:
    """This person's membership in the campaign, made if it is new."""
    return Membership.objects.get_or_create(user=user, campaign=campaign)[0]


def settle(*, user: User, campaign: Campaign) -> Standing:
    """After a step: where the person stands now. Whoever has done every step is active."""
    join(user=user, campaign=campaign)
    found = standing(user=user, campaign=campaign)
    if found.next_step is None:
        _activate(found)
    return found


def check_onboarding(onboarding: Mapping, *, kind: str) -> Onboarding:
    """The settings, parsed. Raises DomainError with a sentence when they cannot be used in a campaign of this kind."""
    try:
        rules = parse_onboarding(onboarding)
    except OnboardingError as error:
        raise DomainError(_(error.sentence) % error.values) from error
    if rules.qualification and kind not in SCORED_KINDS:
        raise DomainError(
            _("What people write cannot be compared with a known answer: leave the qualification out here.")
        )
    return rules


# The steps


@transaction.atomic
def give_consent(*, user: User, campaign: Campaign, text_sha256: str) -> Standing:
    """Agree to the campaign's text. `text_sha256` names the text that was on the page; a newer one is refused."""
    found = standing(user=user, campaign=campaign)
    _refuse_suspended(found)
    text = campaign.onboarding_rules.consent
    if not text:
        raise DomainError(_("This campaign does not ask for consent."))
    if text_sha256 != sha256_of(text):
        raise DomainError(_("The text has changed since you opened the page. Read it again, please."))
    Consent.objects.get_or_create(
        user=user,
        campaign=campaign,
        text_sha256=text_sha256,
        withdrawn_at=None,
        defaults={"text": text, "given_at": timezone.now()},
    )
    return settle(user=user, campaign=campaign)


@transaction.atomic
def keep_demographics(*, user: User, answers: Mapping[str, str], campaign: Campaign | None = None) -> None:
    """Keep what a person says about themselves, apart from their account; nothing at all when every answer is empty.

    With a campaign, its step is done, whatever was answered. Raises DomainError for an answer that is not on the list.
    """
    try:
        checked = check_answers(answers)
    except Refusal as error:
        raise DomainError(_(error.sentence) % error.values) from error
    if any(checked.values()):
        Demographics.objects.update_or_create(key=demographics_key(user.pk), defaults=checked)
    else:
        delete_demographics(user=user)
    if campaign is not None:
        membership = join(user=user, campaign=campaign)
        Membership.objects.filter(pk=membership.pk).update(demographics_asked_at=timezone.now())
        settle(user=user, campaign=campaign)


def delete_demographics(*, user: User) -> None:
    """Forget what this person said about themselves."""
    Demographics.objects.filter(key=demographics_key(user.pk)).delete()


def own_demographics(*, user: User) -> Demographics | None:
    """What this person said about themselves, for them alone."""
    return Demographics.objects.filter(key=demographics_key(user.pk)).first()


def demographics_key(user_id: int) -> str:
    """Under what a person's answers are kept: only whoever has the secret key can tell."""
    return salted_hmac("concord.demographics", str(user_id), algorithm="sha256").hexdigest()


def domains_to_declare(*, campaign: Campaign) -> list[Domain]:
    """The domains of the campaign's prompts; every domain there is when its prompts have none."""
    here = Domain.objects.filter(prompts__tasks__campaign=campaign).distinct()
    return list(here) or list(Domain.objects.all())


@dataclass(frozen=True, slots=True)
class Declared:
    """A level in a domain with what shows it."""

    level: str
    evidence: str = ""


@transaction.atomic
def declare_expertise(
    *, user: User, campaign: Campaign, declared: Mapping[int, Declared], languages: Iterable[str] | None = None
) -> Standing:
    """Say how well one knows each domain (id -> level and evidence), and what one reads if that was asked.

    A changed answer has to be verified anew. Raises DomainError when a domain is missing, a high level comes without
    evidence, or a language is none.
    """
    _refuse_suspended(standing(user=user, campaign=campaign))
    if languages is not None:
        say_languages(user=user, languages=languages)
    for domain in domains_to_declare(campaign=campaign):
        _declare(user, domain, declared.get(domain.pk, Declared("")))
    membership = join(user=user, campaign=campaign)
    Membership.objects.filter(pk=membership.pk).update(expertise_declared_at=timezone.now())
    return settle(user=user, campaign=campaign)


def _declare(user: User, domain: Domain, said: Declared) -> None:
    evidence = said.evidence.strip()
    if said.level not in Expertise.Level.values:
        raise DomainError(_("Say how well you know %(domain)s: choose one of the levels.") % {"domain": domain.name})
    if said.level in NEEDS_EVIDENCE and not evidence:
        raise DomainError(
            _("Say in a line what shows that you know %(domain)s well: a degree, years of work, something you made.")
            % {"domain": domain.name}
        )
    if len(evidence) > MAX_EVIDENCE:
        raise DomainError(
            _("The evidence for %(domain)s has %(n)d characters; at most %(most)d are kept. Shorten it.")
            % {"domain": domain.name, "n": len(evidence), "most": MAX_EVIDENCE}
        )
    old = Expertise.objects.filter(user=user, domain=domain).first()
    if old and (old.level, old.evidence) == (said.level, evidence):
        return
    fields = {"level": said.level, "evidence": evidence, "declared_at": timezone.now()}
    unverified = {"verified_by": None, "verified_at": None}
    Expertise.objects.update_or_create(user=user, domain=domain, defaults=fields | unverified)


def verify_expertise(*, expertise_id: int, by: User, declared: Declared) -> Expertise:
    """An admin has checked the evidence. `declared` is what was on the page: what changed meanwhile is refused."""
    same = Expertise.objects.filter(pk=expertise_id, level=declared.level, evidence=declared.evidence)
    if not same.update(verified_by=by, verified_at=timezone.now()):
        raise DomainError(_("This declaration has changed since you opened the page. Look at it again."))
    return same.get()


def unverify_expertise(*, expertise_id: int) -> None:
    """Take the verification back."""
    if not Expertise.objects.filter(pk=expertise_id).update(verified_by=None, verified_at=None):
        raise NotFound(_("There is no such declaration."))


def acknowledge_guideline(*, user: User, campaign: Campaign, guideline_id: int) -> Standing:
    """Say that one has read the campaign's guideline. `guideline_id` is the version that was on the page."""
    _refuse_suspended(standing(user=user, campaign=campaign))
    if guideline_id != campaign.guideline_id:
        raise DomainError(_("The guideline has a newer version since you opened the page. Read what changed, please."))
    Acknowledgement.objects.get_or_create(user=user, guideline_id=guideline_id, defaults={"at": timezone.now()})
    return settle(user=user, campaign=campaign)


def last_read(*, user: User, guideline: Guideline) -> Guideline | None:
    """The newest other version of the same guideline that this person has acknowledged, to show what changed."""
    read = Guideline.objects.filter(slug=guideline.slug, acknowledgements__user=user).exclude(pk=guideline.pk)
    return read.order_by("-version").first()
