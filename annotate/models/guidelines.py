"""Guidelines: the text that people judge under. A version is its content hash; versions are only ever added."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Guideline(models.Model):
    """One version of one guideline text, as synced from `guidelines/*.md`."""

    class Kind(models.TextChoices):
        RANKING = "ranking", _("Ranking")
        RATING = "rating", _("Rating")
        DEMONSTRATION = "demonstration", _("Demonstration")
        REVISION = "revision", _("Revision")
        REVIEW = "review", _("Review")
        STEPS = "steps", _("Step labels")

    slug = models.SlugField(max_length=64)
    version = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    title = models.CharField(max_length=200)
    summary = models.TextField(blank=True)
    body = models.TextField()
    flags = models.JSONField(
        default=list, help_text="[{name, label, meaning}, ...]: what can be wrong with a completion"
    )
    checklist = models.JSONField(default=list, help_text="[{name, label}, ...]: what a writer ticks before submitting")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug", "version"]
        constraints = [
            models.UniqueConstraint(fields=["slug", "version"], name="guideline_version_once"),
            models.UniqueConstraint(fields=["slug", "sha256"], name="guideline_text_once"),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="guideline_version_from_one"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["ranking", "rating", "demonstration", "revision", "review", "steps"]),
                name="guideline_kind_is_known",
            ),
        ]

    def __str__(self):
        return f"{self.title}, version {self.version}"
