"""The pages about training: overview, pipeline, run, snapshot. For admins. htmx fetches the live part of each again."""

import json

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotate.views.access import admin_required
from training import queries
from training.models import Pipeline, Run, Snapshot
from training.views.figures import figure_groups

RUNS_SHOWN = 15
PIPELINES_SHOWN = 10
SNAPSHOTS_SHOWN = 10
LIVE_RUN = (Run.State.QUEUED, Run.State.RUNNING)


@require_safe
@admin_required
def overview(request: HttpRequest) -> HttpResponse:
    """What is running, what was decided, which policy is in force, and what can be started."""
    pipelines = list(queries.pipelines()[:PIPELINES_SHOWN])
    running = next((pipeline for pipeline in pipelines if pipeline.state == Pipeline.State.RUNNING), None)
    runs = list(queries.runs()[:RUNS_SHOWN])
    context = {
        "section": "training",
        "rows": [(pipeline, queries.stages(pipeline=pipeline)) for pipeline in pipelines],
        "running": running,
        "ran_today": any(pipeline.date == timezone.localdate() for pipeline in pipelines),
        "policy": queries.current_policy(),
        "runs": runs,
        "snapshots": queries.snapshots()[:SNAPSHOTS_SHOWN],
        "campaigns": queries.campaigns_with_judgements(),
        "live": running is not None or any(run.state in LIVE_RUN for run in runs),
        "next_nightly": queries.next_nightly(),
        "candidates": queries.candidates(),
    }
    return _page(request, "overview", context)


@require_safe
@admin_required
def pipeline(request: HttpRequest, pipeline_id: int) -> HttpResponse:
    """One night: its stages, what it measured, what it decided and why."""
    found = get_object_or_404(queries.pipelines(), pk=pipeline_id)
    figures = queries.evaluations(pipeline=found)
    context = {
        "section": "training",
        "pipeline": found,
        "stages": queries.stages(pipeline=found),
        "groups": figure_groups(row for row in figures if row.run.recipe == Run.Recipe.EVALUATE),
        "stage_groups": figure_groups(row for row in figures if row.run.recipe != Run.Recipe.EVALUATE),
        "samples": queries.samples(pipeline=found),
        "config_text": json.dumps(found.config, indent=2),
        "live": found.state == Pipeline.State.RUNNING,
    }
    return _page(request, "pipeline", context)


@require_safe
@admin_required
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: progress, metrics, log, figures, and what it was made from."""
    report = queries.run_report(run_id=run_id)
    if report is None:
        raise Http404(_("There is no run %(number)s.") % {"number": run_id})
    context = {
        "section": "training",
        "report": report,
        "run": report.run,
        "config_text": json.dumps(report.run.config, indent=2),
        "groups": figure_groups(report.evaluations),
        "live": report.run.state in LIVE_RUN,
    }
    return _page(request, "run", context)


@require_safe
@admin_required
def snapshot(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """One snapshot: what is in it, under which guidelines, and who used it."""
    found = get_object_or_404(queries.snapshots(), pk=snapshot_id)
    context = {
        "section": "training",
        "snapshot": found,
        "files": queries.snapshot_files(snapshot=found),
        "live": found.state in (Snapshot.State.QUEUED, Snapshot.State.FREEZING),
    }
    return _page(request, "snapshot", context)


@require_safe
@admin_required
def snapshot_file(request: HttpRequest, snapshot_id: int, name: str) -> FileResponse:
    """One file of a snapshot, as it lies on disk."""
    found = get_object_or_404(Snapshot, pk=snapshot_id, state=Snapshot.State.READY)
    if name not in {file.name for file in queries.snapshot_files(snapshot=found)}:
        raise Http404(_("%(snapshot)s has no file %(name)s.") % {"snapshot": found, "name": name})
    saved_as = f"{found.sha256[:12]}-{name.replace('/', '-')}"
    return FileResponse((found.path / name).open("rb"), as_attachment=True, filename=saved_as)


def _page(request: HttpRequest, name: str, context: dict) -> HttpResponse:
    """The page, or only its live part when htmx asks for that."""
    part = "_live" if request.htmx else ""
    return render(request, f"training/{name}{part}.html", context)
