"""What models learned, in the stock Django admin: to look at. Starting and cancelling is on the training pages."""

from django.contrib import admin

from annotate.admin.base import ReadOnly
from training.models import Checkpoint, Evaluation, Pipeline, Run, RunInput, Snapshot


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "state", "sha256", "created_at", "message"]
    list_filter = ["state"]
    search_fields = ["sha256__startswith"]


@admin.register(Pipeline)
class PipelineAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["date", "number", "state", "trigger", "decision", "promoted", "created_at", "ended_at"]
    list_filter = ["state", "trigger", "decision"]
    list_select_related = ["promoted"]
    date_hierarchy = "date"


class RunInputInline(ReadOnly, admin.TabularInline):
    model = RunInput


class EvaluationInline(ReadOnly, admin.TabularInline):
    model = Evaluation
    fields = ["name", "subject", "against", "value", "lo", "hi", "n", "unit", "note"]


@admin.register(Run)
class RunAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "recipe", "stage", "state", "pipeline", "attempt", "progress", "started_at", "ended_at"]
    list_filter = ["state", "recipe"]
    list_select_related = ["pipeline"]
    inlines = [RunInputInline, EvaluationInline]


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "name", "kind", "sha256", "run", "created_at", "promoted_at"]
    list_filter = ["kind"]
    list_select_related = ["run"]
    search_fields = ["name", "sha256__startswith", "location"]


@admin.register(RunInput)
class RunInputAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "run", "role", "checkpoint"]
    list_filter = ["role"]
    list_select_related = ["run", "checkpoint"]


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["id", "run", "name", "subject", "against", "value", "lo", "hi", "n"]
    list_filter = ["name", "subject"]
    list_select_related = ["run"]
