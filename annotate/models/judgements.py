"""Judgements: what annotators submitted. Append-only: a correction is a new version that supersedes the old one."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotate.models.corpus import Completion
from annotate.models.guidelines import Guideline
from annotate.models.work import Assignment, Task


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete a judgement."""


class AppendOnlyQuerySet(models.QuerySet):
    """A query set that reads and inserts only. (So does the database: `append_only` in the migration.)"""

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

    def of_work(self):
        """Those on ordinary tasks, which models learn from and agreement is measured on.

        Gold measures people: everybody does the same few tasks, which would outweigh all others.
        """
        return self.filter(task__purpose=Task.Purpose.WORK)


class Judgement(AppendOnly):
    """One submission by one annotator on one task, under one guideline version.

    `version` 1 is the first submission; a correction has the next number and points at what it `supersedes`.
    A verdict says that the completions cannot be ranked, or that all are bad (with or without a ranking).
    """

    class Verdict(models.TextChoices):
        CANNOT_RANK = "cannot_rank", _("Cannot be ranked")
        ALL_BAD = "all_bad", _("All bad")

    class Behaviour(models.TextChoices):
        """What the assistant should do, as the annotator sees the prompt."""

        ANSWER = "answer", _("Answer")
        CAREFUL = "careful", _("Answer with care")
        DECLINE = "decline", _("Decline")

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
    verdict = models.CharField(max_length=16, choices=Verdict, blank=True, default="")
    reason = models.TextField(blank=True, help_text="why the verdict")
    strength = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="of a pair, how much better: 1 slightly, 2 clearly, 3 much"
    )
    behaviour = models.CharField(max_length=16, choices=Behaviour, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = JudgementQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["annotator", "created_at"], condition=Q(version=1), name="judgement_of_a_day"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["task", "annotator", "version"], name="judgement_version_once"),
            models.UniqueConstraint(
                fields=["annotator", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="judgement_once_per_key",
            ),
            models.CheckConstraint(condition=Q(seconds__gte=0), name="judgement_seconds_not_negative"),
            models.CheckConstraint(
                condition=Q(verdict="", reason="") | (Q(verdict__in=["cannot_rank", "all_bad"]) & ~Q(reason="")),
                name="judgement_verdict_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(strength__isnull=True) | Q(strength__gte=1, strength__lte=3),
                name="judgement_strength_from_one_to_three",
            ),
            models.CheckConstraint(
                condition=Q(behaviour__in=["", "answer", "careful", "decline"]), name="judgement_behaviour_is_known"
            ),
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


class Rating(AppendOnly):
    """A value on one of the campaign's axes, for one completion of a judgement: 1 = the lowest level."""

    judgement = models.ForeignKey(Judgement, on_delete=models.PROTECT, related_name="ratings")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="ratings")
    axis = models.SlugField(max_length=64)
    value = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["judgement", "completion", "axis"], name="rating_once_per_axis"),
            models.CheckConstraint(condition=Q(value__gte=1, value__lte=10), name="rating_from_one_to_ten"),
        ]

    def __str__(self):
        return f"{self.axis} {self.value} on {self.completion_id}"


class Span(AppendOnly):
    """A marked passage of a completion: the code points `start` to `end` of its text, with what is wrong there."""

    class Severity(models.TextChoices):
        MINOR = "minor", _("Minor")
        MAJOR = "major", _("Major")
        CRITICAL = "critical", _("Critical")

    judgement = models.ForeignKey(Judgement, on_delete=models.PROTECT, related_name="spans")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="spans")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    type = models.SlugField(max_length=64)
    severity = models.CharField(max_length=16, choices=Severity)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["judgement_id", "completion_id", "start", "end"]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="span_ends_after_its_start"),
            models.CheckConstraint(
                condition=Q(severity__in=["minor", "major", "critical"]), name="span_severity_is_known"
            ),
        ]

    def __str__(self):
        return f"{self.type} at {self.start} to {self.end} of {self.completion_id}"


class StepLabel(AppendOnly):
    """What a judgement says about one step of a solution, counted from 0."""

    class Label(models.TextChoices):
        GOOD = "good", _("Good")
        NEUTRAL = "neutral", _("Neutral")
        BAD = "bad", _("Bad")

    judgement = models.ForeignKey(Judgement, on_delete=models.PROTECT, related_name="step_labels")
    step = models.PositiveSmallIntegerField()
    label = models.CharField(max_length=16, choices=Label)

    class Meta:
        ordering = ["judgement_id", "step"]
        constraints = [
            models.UniqueConstraint(fields=["judgement", "step"], name="step_label_once"),
            models.CheckConstraint(condition=Q(label__in=["good", "neutral", "bad"]), name="step_label_is_known"),
        ]

    def __str__(self):
        return f"step {self.step} is {self.label}"


class Demonstration(AppendOnly):
    """A completion written by a person, with optional reasoning.

    Its prompt is the task's, or one that the person wrote too. `checklist` names what of the guideline they ticked;
    `citations` is [{source, checked}, ...].
    """

    judgement = models.OneToOneField(Judgement, on_delete=models.PROTECT, related_name="demonstration")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="demonstrations")
    reasoning = models.TextField(blank=True)
    checklist = models.JSONField(default=list, blank=True)
    citations = models.JSONField(default=list, blank=True)

    def __str__(self):
        return f"Demonstration {self.pk}"


class Revision(AppendOnly):
    """A demonstration that was made by editing a completion: the edited one is better, so the two are a comparison."""

    demonstration = models.OneToOneField(Demonstration, on_delete=models.PROTECT, related_name="revision")
    original = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="revisions")
    diff = models.TextField(help_text="unified diff from the original to the edited text")

    def __str__(self):
        return f"Revision of {self.original_id}"


class Review(AppendOnly):
    """A second person's decision on a demonstration. An edit is a Revision beside it, by the same judgement."""

    class Decision(models.TextChoices):
        ACCEPT = "accept", _("Accept")
        EDIT = "edit", _("Edit")
        RETURN = "return", _("Return")

    judgement = models.OneToOneField(Judgement, on_delete=models.PROTECT, related_name="review")
    demonstration = models.ForeignKey(Demonstration, on_delete=models.PROTECT, related_name="reviews")
    decision = models.CharField(max_length=16, choices=Decision)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(decision__in=["accept", "edit", "return"]), name="review_is_known"),
            models.CheckConstraint(condition=Q(decision="accept") | ~Q(reason=""), name="review_has_reason"),
        ]

    def __str__(self):
        return f"{self.decision} demonstration {self.demonstration_id}"
