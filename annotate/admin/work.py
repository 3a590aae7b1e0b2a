"""The stock admin over campaigns, their tasks, and who holds them."""

from django.contrib import admin

from annotate.admin.base import ReadOnly
from annotate.models import (
    Assignment,
    Campaign,
    CampaignChange,
    Gold,
    Progress,
    Queue,
    Reconsideration,
    Spending,
    Task,
    TaskCompletion,
)


@admin.register(Queue)
class QueueAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "campaign", "domain", "language", "warnings", "gold"]
    list_filter = ["gold", "domain"]
    list_select_related = ["campaign", "domain"]


@admin.register(Spending)
class SpendingAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["campaign", "judgements", "seconds", "money"]
    list_select_related = ["campaign"]


@admin.register(Progress)
class ProgressAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["campaign", "n_tasks", "n_places", "n_done_work", "n_done_gold", "counted_at"]
    list_select_related = ["campaign"]


@admin.register(Reconsideration)
class ReconsiderationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["campaign", "position", "asked_at", "done_at"]
    list_select_related = ["campaign"]


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


@admin.register(Gold)
class GoldAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "task", "created_by", "created_at"]
    list_filter = ["task__campaign"]
    list_select_related = ["task", "created_by"]
    search_fields = ["explanation"]
