"""The stock admin over judgements, all that belongs to them, and what experts decided."""

from django.contrib import admin
from django.http import HttpRequest

from annotate.admin.base import ReadOnly
from annotate.models import (
    Adjudication,
    AdjudicationDraft,
    AdjudicationHold,
    Adjudicator,
    Demonstration,
    Dispute,
    Flag,
    Judgement,
    RankedCompletion,
    Rating,
    Review,
    Revision,
    Span,
    StepLabel,
)


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
