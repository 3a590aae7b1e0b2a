"""The corpus: prompts, who produced what, and completions. Content is never edited: its hash is its name."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext, gettext_lazy

from annotate.conversations import ConversationError, check_messages
from annotate.hashing import completion_sha256, prompt_sha256
from annotate.models.people import Domain


class Prompt(models.Model):
    """A conversation up to the point where the assistant speaks: `messages: [{role, content}, ...]`."""

    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    messages = models.JSONField()
    domain = models.ForeignKey(Domain, null=True, blank=True, on_delete=models.PROTECT, related_name="prompts")
    language = models.CharField(max_length=16, blank=True, help_text="BCP 47, such as de; empty when it is not known")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=~models.Q(sha256=""), name="prompt_has_hash")]

    def __str__(self):
        return self.messages[-1]["content"][:80]

    def save(self, *args, **kwargs):
        self.sha256 = prompt_sha256(self.messages)
        super().save(*args, **kwargs)


class ContentWarning(models.Model):
    """A kind of distressing content in a prompt or in its completions: annotators are warned and may opt out."""

    class Kind(models.TextChoices):
        VIOLENCE = "violence", gettext_lazy("Violence")
        SEXUAL = "sexual", gettext_lazy("Sexual content")
        SELF_HARM = "self_harm", gettext_lazy("Self-harm")
        HATE = "hate", gettext_lazy("Hate")
        ABUSE = "abuse", gettext_lazy("Abuse")
        MEDICAL = "medical", gettext_lazy("Illness and injury")
        OTHER = "other", gettext_lazy("Other distressing content")

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="content_warnings")
    kind = models.CharField(max_length=16, choices=Kind)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prompt", "kind"], name="content_warning_once"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["violence", "sexual", "self_harm", "hate", "abuse", "medical", "other"]),
                name="content_warning_is_known",
            ),
        ]

    def __str__(self):
        return f"{self.kind} in prompt {self.prompt_id}"


class Producer(models.Model):
    """Whoever a completion comes from: a policy checkpoint, an imported model, a person, or the demo's grammar."""

    class Kind(models.TextChoices):
        POLICY = "policy", gettext_lazy("Policy checkpoint")
        IMPORTED = "imported", gettext_lazy("Imported model")
        PERSON = "person", gettext_lazy("Person")

    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=16, choices=Kind)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="producer"
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="person", user__isnull=False)
                | models.Q(kind__in=["policy", "imported"], user__isnull=True),
                name="producer_person_has_user",
            ),
        ]

    def __str__(self):
        return self.name


class Completion(models.Model):
    """One candidate answer to a prompt, by a producer."""

    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="completions")
    producer = models.ForeignKey(Producer, on_delete=models.PROTECT, related_name="completions")
    text = models.TextField()
    sha256 = models.CharField(max_length=64, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prompt", "producer", "sha256"], name="completion_once_per_producer"),
            models.CheckConstraint(condition=~models.Q(text=""), name="completion_has_text"),
        ]

    def __str__(self):
        return self.text[:80]

    def save(self, *args, **kwargs):
        self.sha256 = completion_sha256(self.text)
        super().save(*args, **kwargs)


def validate_messages(messages) -> None:
    """Refuse, with a sentence, what is not a prompt: see annotate/conversations.py."""
    try:
        check_messages(messages)
    except ConversationError as error:
        raise ValidationError(gettext(error.sentence) % error.values) from error
