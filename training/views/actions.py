"""What an admin can set off: each view parses, calls one service and goes back to a page that says what happened."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotate.errors import DomainError
from annotate.models import Campaign
from annotate.views.access import admin_required
from training.services.pipelines import cancel_pipeline, resume_pipeline, start_pipeline
from training.services.runs import cancel_run, resume_run
from training.services.snapshots import request_snapshot


def action(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """An admin's POST; a refusal is shown, as the sentence that it is, on the page the admin came from."""

    @wraps(view)
    def guarded(request: HttpRequest, **kwargs) -> HttpResponse:
        try:
            return view(request, **kwargs)
        except DomainError as error:
            messages.error(request, str(error), extra_tags="bad")
            return _page_of(kwargs)

    return require_POST(admin_required(guarded))


def _page_of(kwargs: dict) -> HttpResponse:
    for name in ("run_id", "pipeline_id"):
        if name in kwargs:
            return redirect(f"training:{name.removesuffix('_id')}", **kwargs)
    return redirect("training:overview")


@action
def start(request: HttpRequest) -> HttpResponse:
    """Start tonight's pipeline now, or another one for today; a form that lets choose candidates says so."""
    again = request.POST.get("again") == "yes"
    config = {"candidates": request.POST.getlist("candidate")} if "choose" in request.POST else {}
    pipeline, created = start_pipeline(
        date=timezone.localdate(), trigger="person", by=request.user, again=again, config=config
    )
    if not created:
        messages.info(request, _("%(pipeline)s was already started; a date has one pipeline.") % {"pipeline": pipeline})
    return redirect("training:pipeline", pipeline_id=pipeline.pk)


@action
def cancel_this_pipeline(request: HttpRequest, pipeline_id: int) -> HttpResponse:
    """Cancel a pipeline with its runs."""
    cancel_pipeline(pipeline_id=pipeline_id, by=request.user)
    return redirect("training:pipeline", pipeline_id=pipeline_id)


@action
def resume_this_pipeline(request: HttpRequest, pipeline_id: int) -> HttpResponse:
    """Go on where a pipeline stopped."""
    resume_pipeline(pipeline_id=pipeline_id, by=request.user)
    return redirect("training:pipeline", pipeline_id=pipeline_id)


@action
def cancel_this_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Cancel a run."""
    cancel_run(run_id=run_id, by=request.user)
    return redirect("training:run", run_id=run_id)


@action
def resume_this_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Try a run again."""
    resume_run(run_id=run_id, by=request.user)
    return redirect("training:run", run_id=run_id)


@action
def freeze(request: HttpRequest) -> HttpResponse:
    """Freeze what was judged in the chosen campaigns into a snapshot."""
    chosen = Campaign.objects.filter(slug__in=request.POST.getlist("campaign"))
    snapshot = request_snapshot(campaigns=chosen, by=request.user)
    return redirect("training:snapshot", snapshot_id=snapshot.pk)
