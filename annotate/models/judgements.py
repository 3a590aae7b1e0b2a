"""Judgements: what annotators submitted. Append-only: a correction is a new version that supersedes the old one."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from annotate.models.corpus import Completion
from annotate.models.guidelines import Guideline
from annotate.models.work import Assignment, Task


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete a judgement."""


class AppendOnlyQuerySet(models.QuerySet):
    """A query set that reads and inserts only. (The database refuses an UPDATE too: see migration 0002.)"""

    def update(self, **kwargs):
        raise AppendOnlyError("Judgements are never edited: submit a correction, which supersedes.")

    def delete(self):
        raise AppendOnlyError("Judgements are never deleted: submit a correction, which supersedes.")


class AppendOnly(models.Model):
    """A row that is written once."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise AppendOnlyError("Judgements are never edited: submit a correction, which supersedes.")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise AppendOnlyError("Judgements are never deleted: submit a correction, which supersedes.")


class JudgementQuerySet(AppendOnlyQuerySet):
    def current(self):
        """The judgements that count: those that no correction supersedes."""
        return self.filter(superseded_by__isnull=True)


class Judgement(AppendOnly):
    """One submission by one annotator on one task, under one guideline version.

    `version` 1 is the first submission; a correction has the next number and points at what it `supersedes`.
    """

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="judgements")
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="judgements")
    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="judgements")
    guideline = models.ForeignKey(Guideline, on_delete=models.PROTECT, related_name="judgements")
    version = models.PositiveSmallIntegerField(default=1)
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    idempotency_key = models.CharField(max_length=100, blank=True, help_text="the client's name for this submission")
    seconds = models.FloatField(help_text="active seconds that the annotator spent")
    rationale = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = JudgementQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["task", "annotator", "version"], name="judgement_version_once"),
            models.UniqueConstraint(
                fields=["annotator", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="judgement_once_per_key",
            ),
            models.CheckConstraint(condition=Q(seconds__gte=0), name="judgement_seconds_not_negative"),
            models.CheckConstraint(
                condition=Q(version=1, supersedes__isnull=True) | Q(version__gte=2, supersedes__isnull=False),
                name="judgement_correction_supersedes",
            ),
            models.CheckConstraint(
                condition=Q(supersedes__isnull=True) | ~Q(supersedes=F("id")), name="judgement_not_its_own_correction"
            ),
        ]

    def __str__(self):
        return f"Judgement {self.pk} of task {self.task_id}"


class RankedCompletion(AppendOnly):
    """A completion's place in a ranking: 1 = best, equal ranks = ties."""

    judgement = models.ForeignKey(Judgement, on_delete=models.PROTECT, related_name="ranked")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="ranked")
    rank = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["judgement_id", "rank", "completion_id"]
        constraints = [
            models.UniqueConstraint(fields=["judgement", "completion"], name="rank_once_per_completion"),
            models.CheckConstraint(condition=Q(rank__gte=1, rank__lte=9), name="rank_from_one_to_nine"),
        ]

    def __str__(self):
        return f"{self.completion_id} at {self.rank}"


class Flag(AppendOnly):
    """A yes on one of the guideline's flags, for one completion of a judgement."""

    judgement = models.ForeignKey(Judgement, on_delete=models.PROTECT, related_name="flags")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="flags")
    name = models.SlugField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["judgement", "completion", "name"], name="flag_once_per_completion"),
        ]

    def __str__(self):
        return f"{self.name} on {self.completion_id}"


class Demonstration(AppendOnly):
    """A completion written by a person, with optional reasoning."""

    judgement = models.OneToOneField(Judgement, on_delete=models.PROTECT, related_name="demonstration")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="demonstrations")
    reasoning = models.TextField(blank=True)

    def __str__(self):
        return f"Demonstration {self.pk}"
