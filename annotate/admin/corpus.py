"""The stock admin over what is judged."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from annotate.admin.base import ReadOnly, WrittenOnce
from annotate.hashing import completion_sha256, prompt_sha256
from annotate.languages import LanguageError, parse_language
from annotate.models import (
    Completion,
    ContentWarning,
    Domain,
    Guideline,
    Producer,
    Prompt,
)
from annotate.models.corpus import validate_messages
from annotate.services.queues import requeue


@admin.register(Domain)
class DomainAdmin(admin.ModelAdmin):
    list_display = ["slug", "name"]
    search_fields = ["slug", "name"]


@admin.register(Producer)
class ProducerAdmin(admin.ModelAdmin):
    list_display = ["name", "kind"]
    list_filter = ["kind"]
    search_fields = ["name"]
    raw_id_fields = ["user"]


class PromptForm(forms.ModelForm):
    def clean_messages(self):
        messages = self.cleaned_data["messages"]
        validate_messages(messages)
        if Prompt.objects.filter(sha256=prompt_sha256(messages)).exists():
            raise ValidationError(_("There is already a prompt with these messages; use that one."))
        return messages

    def clean_language(self):
        try:
            return parse_language(self.cleaned_data["language"]) if self.cleaned_data["language"] else ""
        except LanguageError as error:
            raise ValidationError(_(error.sentence) % error.values) from error


@admin.register(Prompt)
class PromptAdmin(WrittenOnce, admin.ModelAdmin):
    """A wrong language may be corrected; then its tasks wait for those who read that."""

    form = PromptForm
    fields = ["messages", "domain", "language", "sha256", "created_by", "created_at"]
    readonly_fields = ["sha256", "created_by", "created_at"]
    autocomplete_fields = ["domain"]
    list_display = ["id", "__str__", "domain", "language", "created_at"]
    list_filter = ["domain", "language"]
    list_select_related = ["domain"]
    search_fields = ["sha256__startswith", "messages"]

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Prompt | None = None) -> list[str]:
        return [*self.readonly_fields, *(["messages", "domain"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Prompt, form, change: bool) -> None:
        if not change:
            return super().save_model(request, obj, form, change)
        obj.save(update_fields=["language"])
        requeue(prompt=obj)


class CompletionForm(forms.ModelForm):
    def clean(self):
        cleaned = super().clean()
        same = {name: cleaned.get(name) for name in ("prompt", "producer")}
        text = cleaned.get("text")
        if text and Completion.objects.filter(**same, sha256=completion_sha256(text)).exists():
            raise ValidationError(_("This producer's completion with this text is already there; use that one."))
        return cleaned


@admin.register(Completion)
class CompletionAdmin(WrittenOnce, admin.ModelAdmin):
    form = CompletionForm
    fields = ["prompt", "producer", "text", "sha256", "created_by", "created_at"]
    readonly_fields = ["sha256", "created_by", "created_at"]
    raw_id_fields = ["prompt"]
    autocomplete_fields = ["producer"]
    list_display = ["id", "__str__", "producer", "created_at"]
    list_filter = ["producer__kind"]
    list_select_related = ["producer"]
    search_fields = ["sha256__startswith", "text", "producer__name"]


@admin.register(Guideline)
class GuidelineAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["slug", "version", "title", "kind", "created_at"]
    list_filter = ["kind", "slug"]
    search_fields = ["slug", "title"]


@admin.register(ContentWarning)
class ContentWarningAdmin(admin.ModelAdmin):
    """Added and taken away at any time: whom a prompt may distress is often known only later."""

    raw_id_fields = ["prompt"]
    list_display = ["id", "prompt", "kind"]
    list_filter = ["kind"]
    list_select_related = ["prompt"]

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj, form, change: bool) -> None:
        super().save_model(request, obj, form, change)
        requeue(prompt=obj.prompt)

    def delete_model(self, request: HttpRequest, obj) -> None:
        super().delete_model(request, obj)
        requeue(prompt=obj.prompt)

    def delete_queryset(self, request: HttpRequest, queryset) -> None:
        for warning in queryset.select_related("prompt"):
            self.delete_model(request, warning)
