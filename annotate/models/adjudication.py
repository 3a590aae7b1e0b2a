"""Adjudication: what an expert decides where annotators disagree, and who may. Decisions are append-only."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotate.models.drafts import Drafted
from annotate.models.guidelines import Guideline
from annotate.models.judgements import AppendOnly, AppendOnlyQuerySet
from annotate.models.work import Campaign, Task


class AdjudicationQuerySet(AppendOnlyQuerySet):
    def current(self, until: datetime | None = None):
        """The decisions that stand: those that no later one supersedes, and that were not taken back.

        With `until`, those that stood then.
        """
        if until is None:
            return self.filter(superseded_by__isnull=True, answer__isnull=False)
        later = Q(superseded_by__isnull=True) | Q(superseded_by__at__gt=until)
        return self.filter(later, answer__isnull=False, at__lte=until)


class Adjudication(AppendOnly):
    """One decision of an expert on one task, under one guideline version, after seeing the judgements.

    A later one supersedes it. One without an answer takes the one before back: the task is open again.
    """

    class Cause(models.TextChoices):
        """Why people disagreed."""

        STYLE = "style", _("Style: a matter of taste")
        UNDERSPECIFIED = "underspecified", _("Underspecified: the prompt leaves it open")
        FACTUAL = "factual", _("Factual: somebody is wrong about the facts")
        SAFETY = "safety", _("Safety: where to draw the line")
        OTHER = "other", _("Something else")

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="adjudications")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="adjudications")
    at = models.DateTimeField(auto_now_add=True)
    guideline = models.ForeignKey(Guideline, on_delete=models.PROTECT, related_name="+", help_text="the version shown")
    version = models.PositiveSmallIntegerField(default=1)
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    answer = models.JSONField(null=True, help_text="as annotators submit it; null takes the decision before back")
    cause = models.CharField(max_length=16, choices=Cause, blank=True, default="")
    note = models.TextField(blank=True)
    idempotency_key = models.CharField(max_length=100, blank=True, help_text="the client's name for this decision")

    objects = AdjudicationQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["task", "version"], name="adjudication_version_once"),
            models.UniqueConstraint(
                fields=["by", "idempotency_key"], condition=~Q(idempotency_key=""), name="adjudication_once_per_key"
            ),
            models.CheckConstraint(
                condition=Q(cause__in=["", "style", "underspecified", "factual", "safety", "other"]),
                name="adjudication_cause_is_known",
            ),
            models.CheckConstraint(
                condition=Q(answer__isnull=False) & ~Q(cause="")
                | Q(answer__isnull=True, cause="", supersedes__isnull=False) & ~Q(note=""),
                name="adjudication_decides_or_takes_back",
            ),
            models.CheckConstraint(
                condition=Q(version=1, supersedes__isnull=True) | Q(version__gte=2, supersedes__isnull=False),
                name="adjudication_later_one_supersedes",
            ),
            models.CheckConstraint(
                condition=Q(supersedes__isnull=True) | ~Q(supersedes=F("id")), name="adjudication_not_its_own_successor"
            ),
        ]

    def __str__(self):
        return f"Adjudication {self.pk} of task {self.task_id}"


class AdjudicationHold(models.Model):
    """An expert's hold on a disputed task while they decide it: a lease, so that two do not decide the same one."""

    task = models.OneToOneField(Task, primary_key=True, on_delete=models.CASCADE, related_name="adjudication_hold")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="adjudication_holds")
    expires_at = models.DateTimeField()

    def __str__(self):
        return f"{self.task_id} held by {self.by_id}"


class AdjudicationDraft(Drafted):
    """What an expert has not decided yet. It outlives their hold on the task, and goes with their decision."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="adjudication_drafts", db_index=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="adjudication_drafts")
    seen = models.ForeignKey(
        Adjudication,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the decision that stood when the draft was written",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "by"], name="adjudication_draft_once")]

    def __str__(self):
        return f"{self.task_id} by {self.by_id}, undecided"


class Adjudicator(models.Model):
    """A person's right to decide disagreements in a campaign, given by an admin. Admins need none."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="adjudicator_in")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="adjudicators")
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["campaign_id", "pk"]
        constraints = [models.UniqueConstraint(fields=["user", "campaign"], name="adjudicator_once")]

    def __str__(self):
        return f"{self.user_id} in {self.campaign_id}"


class Dispute(models.Model):
    """How far the judgements of a task disagree: kept, so that a queue of any length is read by index.

    It is derived: services/disputes.py brings it up to date with the judgements whenever a queue is read.
    """

    task = models.OneToOneField(Task, primary_key=True, on_delete=models.CASCADE, related_name="dispute")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="disputes", db_index=False)
    score = models.FloatField(default=0, help_text="0: all say the same, or fewer than two speak; 1: the opposite")
    n = models.PositiveIntegerField(help_text="judgements that count")
    last = models.BigIntegerField(help_text="the newest judgement that was looked at, superseded or not")

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "-score", "task"], name="dispute_queue"),
            models.Index(fields=["campaign", "last"], name="dispute_seen"),
            models.Index(fields=["campaign", "task"], condition=Q(score=0, n__gte=2), name="dispute_unanimous"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="dispute_score_is_a_share"),
        ]

    def __str__(self):
        return f"Dispute about {self.task_id}"
