"""Sums that would take too long to add up each time a task is handed out."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from annotate.models.people import Domain
from annotate.models.work import Campaign
from annotate.quality.intervals import Estimate, credible_share


class Spending(models.Model):
    """What a campaign with a budget has used up of it. A campaign without one has no row."""

    campaign = models.OneToOneField(Campaign, primary_key=True, on_delete=models.CASCADE, related_name="spending")
    judgements = models.PositiveIntegerField(default=0, help_text="places taken: claimed and submitted")
    seconds = models.FloatField(default=0, help_text="active seconds submitted")
    money = models.DecimalField(max_digits=14, decimal_places=4, default=0, help_text="what was submitted costs")

    class Meta:
        verbose_name_plural = "spending"
        constraints = [
            models.CheckConstraint(condition=Q(seconds__gte=0, money__gte=0), name="spending_not_negative"),
        ]

    def __str__(self):
        return f"Spending of {self.campaign_id}"


class Progress(models.Model):
    """How far a campaign with very many tasks was when it was last counted (services/progress.py)."""

    campaign = models.OneToOneField(Campaign, primary_key=True, on_delete=models.CASCADE, related_name="progress")
    n_tasks = models.PositiveIntegerField(help_text="of work, without those that were withdrawn")
    n_places = models.PositiveIntegerField(help_text="of these tasks")
    n_done_work = models.PositiveIntegerField(help_text="submitted in these tasks")
    n_done_gold = models.PositiveIntegerField(help_text="submitted in tasks with a known answer")
    counted_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "progress"

    def __str__(self):
        return f"Progress of {self.campaign_id}"


class Reconsideration(models.Model):
    """How far a campaign's tasks follow its assignment rules, which have changed (services/overlap.py).

    Tasks at positions below `position` do. None is left when `done_at` is set. New rules begin again from position 0.
    """

    campaign = models.OneToOneField(
        Campaign, primary_key=True, on_delete=models.CASCADE, related_name="reconsideration"
    )
    position = models.PositiveIntegerField(default=0, help_text="of the first task that may not follow the rules yet")
    asked_at = models.DateTimeField(help_text="when the rules changed")
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["asked_at"], condition=Q(done_at__isnull=True), name="reconsideration_open"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | Q(done_at__gte=F("asked_at")),
                name="reconsideration_done_after_asked",
            ),
        ]

    def __str__(self):
        return f"Reconsideration of {self.campaign_id}"


class Skill(models.Model):
    """How many gold answers a person gave in a domain (in all, where it is null), and how much of them was right."""

    annotator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="skills")
    domain = models.ForeignKey(Domain, null=True, blank=True, on_delete=models.PROTECT, related_name="skills")
    n = models.PositiveIntegerField(default=0)
    right = models.FloatField(default=0, help_text="sum of the shares, 0 to n")

    class Meta:
        ordering = ["annotator_id", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["annotator", "domain"], name="skill_once_per_domain"),
            models.UniqueConstraint(fields=["annotator"], condition=Q(domain__isnull=True), name="skill_once_in_all"),
            models.CheckConstraint(condition=Q(right__gte=0, right__lte=F("n")), name="skill_right_within_n"),
        ]

    def __str__(self):
        return f"{self.annotator_id} in {self.domain_id}: {self.right} of {self.n}"

    @property
    def estimate(self) -> Estimate:
        """The share that they get right, with its interval."""
        return credible_share(self.right, self.n)
