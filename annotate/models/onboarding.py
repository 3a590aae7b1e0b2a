"""Coming in: invitations, a person's part in a campaign, and what they agreed to, declared, read and passed."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotate.models.guidelines import Guideline
from annotate.models.people import Domain
from annotate.models.work import Assignment, Campaign


class Invitation(models.Model):
    """A link that lets one person in. Only the hash of its token is kept, so that a copy of the database opens nothing.

    States: open -> accepted | revoked | expired (when `expires_at` has passed).
    """

    token_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    name = models.CharField(max_length=150, blank=True, help_text="whom it is for")
    email = models.CharField(max_length=254, blank=True, help_text="where it was sent; Concord sends nothing itself")
    campaigns = models.ManyToManyField(Campaign, blank=True, related_name="invitations")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="invitations"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(accepted_by__isnull=True, accepted_at__isnull=True)
                | Q(accepted_by__isnull=False, accepted_at__isnull=False),
                name="invitation_accepted_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(revoked_at__isnull=True),
                name="invitation_accepted_or_revoked",
            ),
        ]

    def __str__(self):
        return f"Invitation {self.pk}"


class Membership(models.Model):
    """A person's part in a campaign.

    States: onboarding -> active (every step done once); onboarding | active -> suspended -> onboarding.
    A new guideline version or consent text is asked for without leaving `active`. A campaign for members is seen by
    those who have a membership.
    """

    class State(models.TextChoices):
        ONBOARDING = "onboarding", _("Onboarding")
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="memberships")
    state = models.CharField(max_length=16, choices=State, default=State.ONBOARDING)
    created_at = models.DateTimeField(auto_now_add=True)
    demographics_asked_at = models.DateTimeField(
        null=True, blank=True, help_text="when the questions were answered or declined, which of both is not kept"
    )
    expertise_declared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["campaign_id", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "campaign"], name="membership_once"),
            models.CheckConstraint(
                condition=Q(state__in=["onboarding", "active", "suspended"]), name="membership_state_is_known"
            ),
        ]

    def __str__(self):
        return f"{self.user_id} in {self.campaign_id}: {self.state}"


class Consent(models.Model):
    """A person's agreement to a campaign's text, word for word. It is withdrawn, never deleted."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="consents")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="consents")
    text_sha256 = models.CharField(max_length=64)
    text = models.TextField()
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "campaign", "text_sha256"],
                condition=Q(withdrawn_at__isnull=True),
                name="consent_once_per_text",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("given_at")),
                name="consent_withdrawn_after_given",
            ),
        ]

    def __str__(self):
        return f"Consent of {self.user_id} in {self.campaign_id}"


class Demographics(models.Model):
    """What somebody said about themselves, apart from everything else: no account, no name, no time.

    `key` is an HMAC of the account under the secret key, so that the person can change and delete it. Every answer is
    optional (empty) and one of a short list (annotate/demographics.py), so that none of them singles anybody out.
    """

    key = models.CharField(max_length=64, primary_key=True, editable=False)
    age = models.CharField(max_length=24, blank=True)
    gender = models.CharField(max_length=24, blank=True)
    education = models.CharField(max_length=24, blank=True)
    language = models.CharField(max_length=24, blank=True)
    region = models.CharField(max_length=24, blank=True)

    class Meta:
        verbose_name_plural = "demographics"

    def __str__(self):
        return "Somebody's answers"


class Expertise(models.Model):
    """What a person says they know about a domain, with evidence, and whether an admin has verified it."""

    class Level(models.TextChoices):
        NONE = "none", _("None")
        SOME = "some", _("Some")
        GOOD = "good", _("Good")
        EXPERT = "expert", _("Expert")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="expertise")
    domain = models.ForeignKey(Domain, on_delete=models.PROTECT, related_name="expertise")
    level = models.CharField(max_length=8, choices=Level)
    evidence = models.TextField(blank=True)
    declared_at = models.DateTimeField()
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["domain_id", "pk"]
        verbose_name_plural = "expertise"
        constraints = [
            models.UniqueConstraint(fields=["user", "domain"], name="expertise_once_per_domain"),
            models.CheckConstraint(
                condition=Q(level__in=["none", "some", "good", "expert"]), name="expertise_level_is_known"
            ),
            models.CheckConstraint(
                condition=Q(verified_by__isnull=True, verified_at__isnull=True)
                | Q(verified_by__isnull=False, verified_at__isnull=False),
                name="expertise_verified_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(level__in=["none", "some"]) | ~Q(evidence=""), name="expertise_has_evidence"
            ),
        ]

    def __str__(self):
        return f"{self.user_id} in {self.domain_id}: {self.level}"


class Acknowledgement(models.Model):
    """A person has read this version of a guideline."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="acknowledgements")
    guideline = models.ForeignKey(Guideline, on_delete=models.PROTECT, related_name="acknowledgements")
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["user", "guideline"], name="acknowledgement_once")]

    def __str__(self):
        return f"{self.user_id} has read {self.guideline_id}"


class QualificationAttempt(models.Model):
    """One go at a campaign's qualification tasks: open until its last task is answered, then passed or failed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="attempts")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    n_tasks = models.PositiveSmallIntegerField()
    wanted = models.FloatField(help_text="the mean share that passes, as it was at the start")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    share = models.FloatField(null=True, blank=True, help_text="the mean share reached, 0 to 1")
    passed = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "campaign", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["user", "campaign"], condition=Q(ended_at__isnull=True), name="attempt_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(n_tasks__gte=1), name="attempt_has_tasks"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, share__isnull=True, passed=False)
                | Q(ended_at__isnull=False, share__gte=0, share__lte=1),
                name="attempt_has_share_when_it_ends",
            ),
        ]

    def __str__(self):
        return f"Attempt {self.number} of {self.user_id} in {self.campaign_id}"


class QualificationAnswer(models.Model):
    """An answer to a qualification task, with the gold answer of that moment. It is no judgement: it trains nothing."""

    attempt = models.ForeignKey(QualificationAttempt, on_delete=models.PROTECT, related_name="answers")
    assignment = models.OneToOneField(Assignment, on_delete=models.PROTECT, related_name="qualification_answer")
    answer = models.JSONField()
    gold = models.JSONField()
    explanation = models.TextField(blank=True)
    share = models.FloatField()
    seconds = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(share__gte=0, share__lte=1), name="answer_share_is_a_share"),
            models.CheckConstraint(condition=Q(seconds__gte=0), name="answer_seconds_not_negative"),
        ]

    def __str__(self):
        return f"Answer {self.pk} of attempt {self.attempt_id}"
