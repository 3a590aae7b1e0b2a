"""Distressing content: shown when the annotator says so, and a break from it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from annotate.errors import DomainError, NotFound
from annotate.models import Assignment
from annotate.services import claiming, safety


@require_POST
def reveal(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what the annotator was warned of."""
    try:
        safety.reveal(assignment_id=pk, annotator=request.user)
    except NotFound as error:
        raise Http404(str(error)) from error
    return redirect("annotate:correct" if request.POST.get("correcting") else "annotate:assignment", pk)


@require_http_methods(["GET", "HEAD", "POST"])
def take_break(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop for a while, keeping the task or not; then a calm page with a way back."""
    try:
        if request.method == "POST":
            keep = request.POST.get("task") == "keep"
            safety.take_break(assignment_id=pk, annotator=request.user, keep=keep)
            return redirect("annotate:break", pk)
        stopped = claiming.own_assignment(assignment_id=pk, annotator=request.user)
    except NotFound as error:
        raise Http404(str(error)) from error
    except DomainError as error:
        messages.warning(request, str(error))
        return redirect("annotate:home")
    kept = stopped if stopped.state == Assignment.State.CLAIMED else None
    context = {"section": "work", "kept": kept, "campaign": stopped.task.campaign}
    return render(request, "annotate/break.html", context)
