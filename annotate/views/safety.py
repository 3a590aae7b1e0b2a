"""Distressing content: shown when the annotator says so, and a break from it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotate import safety_queries
from annotate.errors import DomainError, NotFound
from annotate.models import Assignment, ContentWarning, Judgement
from annotate.services import safety
from annotate.services.own import own_assignment
from annotate.views.access import admin_required


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
        stopped = own_assignment(assignment_id=pk, annotator=request.user)
    except NotFound as error:
        raise Http404(str(error)) from error
    except DomainError as error:
        messages.warning(request, str(error))
        return redirect("annotate:home")
    kept = stopped if stopped.state == Assignment.State.CLAIMED else None
    context = {"section": "work", "kept": kept, "campaign": stopped.task.campaign}
    return render(request, "annotate/break.html", context)


@require_safe
@admin_required
def exposure(request: HttpRequest) -> HttpResponse:
    """Who was shown how much distressing content."""
    labels = dict(ContentWarning.Kind.choices)
    rows = [
        (one, [(labels[kind], *one.by_kind[kind]) for kind in ContentWarning.Kind.values if kind in one.by_kind])
        for one in safety_queries.exposure()
    ]
    return render(request, "annotate/exposure.html", {"section": "people", "rows": rows})


@require_safe
@admin_required
def figures(request: HttpRequest) -> HttpResponse:
    """How often annotators decline what should be answered, and the other way round."""
    labels = dict(Judgement.Behaviour.choices)
    found = [
        (one, [(row, labels[row.expected], list(row.said.values())) for row in one.prompts])
        for one in safety_queries.safety_figures()
    ]
    context = {"section": "people", "found": found, "behaviours": labels.values()}
    return render(request, "annotate/safety.html", context)
