"""People: who judges, who audits, and what they know."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy


class User(AbstractUser):
    """A person with an account, or a simulated annotator of the demo (who cannot log in).

    An annotator works; an admin (`role`) also audits, freezes and trains. Django's `is_staff` opens the Django admin.
    """

    class Role(models.TextChoices):
        ANNOTATOR = "annotator", gettext_lazy("Annotator")
        ADMIN = "admin", gettext_lazy("Admin")

    role = models.CharField(max_length=16, choices=Role, default=Role.ANNOTATOR)
    is_simulated = models.BooleanField(default=False)

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=["annotator", "admin"]), name="user_role_is_known"),
            models.CheckConstraint(
                condition=models.Q(is_simulated=False) | models.Q(role="annotator", is_staff=False, is_superuser=False),
                name="user_simulated_has_no_powers",
            ),
        ]

    def save(self, *args, **kwargs):
        if self.is_superuser:  # `createsuperuser` and the Django admin know nothing of roles
            self.role = self.Role.ADMIN
        super().save(*args, **kwargs)

    @property
    def is_admin(self) -> bool:
        """Whether this person may audit, freeze and train."""
        return self.role == self.Role.ADMIN

    @property
    def pseudonym(self) -> str:
        """The name under which judgements leave the product: stable, and not the person's name."""
        return f"annotator-{self.pk}"


class Domain(models.Model):
    """A field of knowledge that prompts belong to and annotators know about: medicine, code, kitchen, ..."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["slug"]

    def __str__(self):
        return self.name


class Profile(models.Model):
    """How a person wants to work. Nobody needs a row: without one everything is as it comes."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="profile")
    opt_outs = models.JSONField(default=list, blank=True, help_text="kinds of distressing content never to be shown")
    shortcuts = models.JSONField(
        default=dict, blank=True, help_text="{action: key}: only what differs from the default"
    )
    language = models.CharField(max_length=16, blank=True)
    languages = models.JSONField(default=list, blank=True, help_text="those in which the person can judge, BCP 47")

    def __str__(self):
        return f"Profile of {self.user_id}"
