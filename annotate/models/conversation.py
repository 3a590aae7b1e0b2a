"""What people tell each other about the work: questions and reports about a task, notes on a judgement."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotate.models.judgements import Judgement
from annotate.models.work import Assignment, Task


class Question(models.Model):
    """An annotator's question about a task, or the report that it is broken.

    States: open -> answered (with words), open -> resolved (without); answered ones are read by their asker.
    """

    class Kind(models.TextChoices):
        QUESTION = "question", _("Question")
        REPORT = "report", _("Problem")

    class Reason(models.TextChoices):
        """What is broken."""

        UNREADABLE = "unreadable", _("Something is cut off or cannot be read")
        MISMATCH = "mismatch", _("The completions belong to another prompt")
        DUPLICATE = "duplicate", _("I had this task before")
        PERSONAL = "personal", _("It shows a real person's private data")
        UNWARNED = "unwarned", _("It is distressing and came without a warning")
        OTHER = "other", _("Something else")

    kind = models.CharField(max_length=16, choices=Kind)
    reason = models.CharField(max_length=16, choices=Reason, blank=True, default="")
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="questions")
    assignment = models.ForeignKey(
        Assignment, null=True, blank=True, on_delete=models.PROTECT, related_name="questions"
    )
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="questions")
    text = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True, help_text="when its asker read the answer")
    resolved = models.BooleanField(default=False)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(resolved=False), name="question_open"),
            models.Index(fields=["asked_by", "read_at"], name="question_by_asker"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="question", reason="") & ~Q(text="")
                | Q(
                    kind="report",
                    reason__in=["unreadable", "mismatch", "duplicate", "personal", "unwarned", "other"],
                ),
                name="question_says_something",
            ),
            models.CheckConstraint(
                condition=Q(resolved=False, answer="", answered_at__isnull=True, answered_by__isnull=True)
                | Q(resolved=True, answered_at__isnull=False, answered_by__isnull=False),
                name="question_resolved_by_somebody",
            ),
        ]

    def __str__(self):
        return f"{self.kind} {self.pk} about task {self.task_id}"


class Note(models.Model):
    """What a reviewer tells an annotator about one of their judgements."""

    judgement = models.ForeignKey(Judgement, on_delete=models.PROTECT, related_name="notes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="note_has_text")]

    def __str__(self):
        return f"Note on judgement {self.judgement_id}"
