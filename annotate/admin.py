"""The stock Django admin over everything there is. What must not change cannot be changed here either."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from annotate.hashing import completion_sha256, prompt_sha256
from annotate.languages import LanguageError, parse_language
from annotate.models import (
    Acknowledgement,
    Adjudication,
    AdjudicationDraft,
    AdjudicationHold,
    Adjudicator,
    Assignment,
    Campaign,
    CampaignChange,
    Completion,
    Consent,
    ContentWarning,
    Demonstration,
    Dispute,
    Domain,
    Expertise,
    Flag,
    Gold,
    Guideline,
    Invitation,
    Judgement,
    Membership,
    Note,
    Producer,
    Profile,
    Progress,
    Prompt,
    QualificationAnswer,
    QualificationAttempt,
    Question,
    Queue,
    RankedCompletion,
    Rating,
    Review,
    Revision,
    Skill,
    Span,
    Spending,
    StepLabel,
    Task,
    TaskCompletion,
    User,
)
from annotate.models.corpus import validate_messages
from annotate.services.queues import requeue


class ReadOnly:
    """Rows that are made elsewhere, by rules that the admin does not know: to look at only."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj=None) -> bool:
        return False


class WrittenOnce:
    """Rows whose content is their name: they can be added, and deleted while nothing refers to them."""

    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj, form, change: bool) -> None:
        obj.created_by = request.user
        super().save_model(request, obj, form, change)


@admin.register(User)
class PeopleAdmin(UserAdmin):
    list_display = ["username", "first_name", "role", "is_simulated", "is_active", "last_login"]
    list_filter = ["role", "is_simulated", "is_active", "is_staff"]
    readonly_fields = ["is_simulated", "last_login", "date_joined"]
    fieldsets = [*UserAdmin.fieldsets, ("Concord", {"fields": ["role", "is_simulated"]})]
    add_fieldsets = [*UserAdmin.add_fieldsets, ("Concord", {"fields": ["role"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        simulated = obj is not None and obj.is_simulated
        return [*self.readonly_fields, *(["role", "is_staff", "is_superuser"] if simulated else [])]


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


@admin.register(Queue)
class QueueAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "campaign", "domain", "language", "warnings", "gold"]
    list_filter = ["gold", "domain"]
    list_select_related = ["campaign", "domain"]


@admin.register(Skill)
class SkillAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "annotator", "domain", "n", "right"]
    list_filter = ["domain"]
    list_select_related = ["annotator", "domain"]


@admin.register(Spending)
class SpendingAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["campaign", "judgements", "seconds", "money"]
    list_select_related = ["campaign"]


@admin.register(Progress)
class ProgressAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["campaign", "n_tasks", "n_places", "n_done_work", "n_done_gold", "counted_at"]
    list_select_related = ["campaign"]


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


@admin.register(Campaign)
class CampaignAdmin(ReadOnly, admin.ModelAdmin):
    """Campaigns are set up on their own pages, which keep a record of every change."""

    list_display = ["slug", "name", "kind", "state", "guideline", "overlap", "created_at"]
    list_filter = ["kind", "state"]
    list_select_related = ["guideline"]
    search_fields = ["slug", "name"]


@admin.register(CampaignChange)
class CampaignChangeAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "campaign", "field", "by", "at"]
    list_filter = ["field"]
    list_select_related = ["campaign", "by"]
    search_fields = ["campaign__slug", "by__username"]


class TaskCompletionInline(ReadOnly, admin.TabularInline):
    model = TaskCompletion


@admin.register(Task)
class TaskAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "campaign", "position", "k", "target", "reserved", "submitted"]
    list_filter = ["campaign"]
    list_select_related = ["campaign"]
    search_fields = ["content_sha256__startswith"]
    inlines = [TaskCompletionInline]


@admin.register(Assignment)
class AssignmentAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "task", "annotator", "state", "claimed_at", "ended_at", "skip_reason"]
    list_filter = ["state", "task__campaign"]
    list_select_related = ["task", "annotator"]
    search_fields = ["annotator__username", "skip_reason"]


class RankedCompletionInline(ReadOnly, admin.TabularInline):
    model = RankedCompletion


class FlagInline(ReadOnly, admin.TabularInline):
    model = Flag


class DemonstrationInline(ReadOnly, admin.StackedInline):
    model = Demonstration


@admin.register(Judgement)
class JudgementAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "task", "annotator", "version", "seconds", "created_at"]
    list_filter = ["task__campaign", "guideline", "created_at"]
    list_select_related = ["task", "annotator"]
    search_fields = ["annotator__username", "rationale"]
    inlines = [RankedCompletionInline, FlagInline, DemonstrationInline]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("task", "annotator", "guideline", "supersedes")


@admin.register(Adjudication)
class AdjudicationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "task", "by", "at", "version", "cause"]
    list_filter = ["cause", "task__campaign"]
    list_select_related = ["task", "by"]
    search_fields = ["by__username", "note"]


@admin.register(Adjudicator)
class AdjudicatorAdmin(ReadOnly, admin.ModelAdmin):
    """Given and taken away on the campaign's page of disagreements, which keeps a record."""

    list_display = ["id", "user", "campaign", "given_by", "given_at"]
    list_select_related = ["user", "campaign", "given_by"]


@admin.register(AdjudicationHold)
class AdjudicationHoldAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["task", "by", "expires_at"]
    list_select_related = ["task", "by"]


@admin.register(AdjudicationDraft)
class AdjudicationDraftAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["task", "by", "seen", "draft_number"]
    list_select_related = ["task", "by", "seen"]


@admin.register(Dispute)
class DisputeAdmin(ReadOnly, admin.ModelAdmin):
    """Derived from the judgements whenever a queue of disagreements is read."""

    list_display = ["task", "campaign", "score", "n"]
    list_filter = ["campaign"]
    list_select_related = ["task", "campaign"]


@admin.register(RankedCompletion)
class RankedCompletionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "judgement", "completion", "rank"]
    list_filter = ["rank"]
    list_select_related = ["judgement", "completion"]


@admin.register(Flag)
class FlagAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "name", "judgement", "completion"]
    list_filter = ["name"]
    list_select_related = ["judgement", "completion"]


@admin.register(Demonstration)
class DemonstrationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "judgement", "completion"]
    list_select_related = ["judgement", "completion"]
    search_fields = ["completion__text", "reasoning"]


@admin.register(Rating)
class RatingAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "judgement", "completion", "axis", "value"]
    list_filter = ["axis", "value"]
    list_select_related = ["judgement", "completion"]


@admin.register(Span)
class SpanAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "type", "severity", "judgement", "completion", "start", "end"]
    list_filter = ["type", "severity"]
    list_select_related = ["judgement", "completion"]
    search_fields = ["note"]


@admin.register(StepLabel)
class StepLabelAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "judgement", "step", "label"]
    list_filter = ["label"]
    list_select_related = ["judgement"]


@admin.register(Revision)
class RevisionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "demonstration", "original"]
    list_select_related = ["demonstration", "original"]
    search_fields = ["diff"]


@admin.register(Review)
class ReviewAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "judgement", "demonstration", "decision"]
    list_filter = ["decision"]
    list_select_related = ["judgement", "demonstration"]
    search_fields = ["reason"]


@admin.register(Gold)
class GoldAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "task", "created_by", "created_at"]
    list_filter = ["task__campaign"]
    list_select_related = ["task", "created_by"]
    search_fields = ["explanation"]


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


@admin.register(Profile)
class ProfileAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "user", "language", "languages"]
    list_select_related = ["user"]
    search_fields = ["user__username"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, admin.ModelAdmin):
    fields = ["name", "email", "campaigns", "created_by", "expires_at", "accepted_by", "accepted_at", "revoked_at"]
    list_display = ["id", "name", "created_by", "expires_at", "accepted_by", "revoked_at"]
    list_select_related = ["created_by", "accepted_by"]
    search_fields = ["name", "email"]


@admin.register(Membership, Consent, QualificationAttempt)
class TakingPartAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "user", "campaign"]
    list_filter = ["campaign"]
    list_select_related = ["user", "campaign"]
    search_fields = ["user__username"]


@admin.register(Expertise)
class ExpertiseAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "user", "domain", "level", "verified_by"]
    list_filter = ["domain", "level"]
    list_select_related = ["user", "domain", "verified_by"]
    search_fields = ["user__username", "evidence"]


@admin.register(Acknowledgement)
class AcknowledgementAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "user", "guideline", "at"]
    list_filter = ["guideline"]
    list_select_related = ["user", "guideline"]
    search_fields = ["user__username"]


@admin.register(QualificationAnswer)
class QualificationAnswerAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "attempt", "share", "created_at"]
    list_select_related = ["attempt"]
    search_fields = ["attempt__user__username"]


@admin.register(Question)
class QuestionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "kind", "task", "asked_by", "created_at", "resolved"]
    list_filter = ["kind", "resolved", "task__campaign"]
    list_select_related = ["task", "asked_by"]
    search_fields = ["asked_by__username", "text", "answer"]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("task", "asked_by", "answered_by", "assignment")


@admin.register(Note)
class NoteAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "judgement", "by", "created_at", "read_at"]
    list_select_related = ["judgement", "by"]
    search_fields = ["text", "judgement__annotator__username"]
