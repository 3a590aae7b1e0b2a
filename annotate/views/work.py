"""The workplace: take a task, judge it, get the next."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from annotate import queries, safety_queries
from annotate.answers import MAX_TEXT
from annotate.errors import DomainError, LeaseLost, NotFound, StepMissing
from annotate.models import Assignment, Campaign, Judgement
from annotate.rendering import render_markdown
from annotate.services import claiming, judging
from annotate.services.records import answer_of
from annotate.views.onboarding import STEP_ADDRESSES
from annotate.views.work_forms import Work, active_seconds, cards, step_cards, typed
from annotate.views.writing import writing_context

State = Assignment.State
SKIP_REASONS = [
    gettext_lazy("I do not know enough about this to judge it"),
    gettext_lazy("The prompt cannot be understood"),
    gettext_lazy("A completion is broken or cut off"),
    safety_queries.DISTRESSED,
    gettext_lazy("Another reason"),
]


@require_POST
def next_task(request: HttpRequest, slug: str) -> HttpResponse:
    """Claim the campaign's next task and open it."""
    return _open_next(request, get_object_or_404(Campaign, slug=slug))


def _open_next(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    try:
        claimed = claiming.claim_next_task(annotator=request.user, campaign=campaign)
    except StepMissing as error:
        return redirect(STEP_ADDRESSES[error.step], campaign.slug)
    except NotFound as error:
        raise Http404(str(error)) from error
    except DomainError as error:
        messages.warning(request, str(error))
        return redirect("annotate:home")
    if claimed is None:
        messages.success(
            request,
            _("You have done all there is for you in “%(campaign)s” for now. Thank you.") % {"campaign": campaign.name},
        )
        return redirect("annotate:home")
    return redirect("annotate:assignment", claimed.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def assignment(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show an assignment of one's own, or submit it and go on to the next."""
    view = _own(request, pk)
    if request.method != "POST":
        return _page(request, view, Work.from_draft(view.draft))
    work = Work.from_post(request.POST, view)
    try:
        _submit(request, view, work)
    except DomainError as error:
        return _page(request, view, work, error=error)
    return _open_next(request, view.campaign)


def _own(request: HttpRequest, pk: UUID) -> queries.AssignmentView:
    try:
        return queries.assignment_to_show(assignment_id=pk, annotator=request.user)
    except NotFound as error:
        raise Http404(str(error)) from error


def _submit(request: HttpRequest, view: queries.AssignmentView, work: Work) -> None:
    _refuse_missing_ranks(view, work)
    judging.submit(
        assignment_id=view.assignment.pk,
        annotator=request.user,
        answer=work.answer,
        seconds=active_seconds(work.seconds, view.assignment),
        idempotency_key=str(view.assignment.pk),  # a second click is the same submission
    )


def _refuse_missing_ranks(view: queries.AssignmentView, work: Work) -> None:
    """Name the completions without a rank as the page names them: by letter."""
    if view.campaign.kind != Campaign.Kind.RANKING or work.answer["verdict"]:
        return
    if missing := [card.letter for card in cards(view, work) if card.rank is None]:
        raise DomainError(
            _("No rank yet for %(letters)s. Rank every completion; equal ranks are ties.")
            % {"letters": ", ".join(missing)}
        )


@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what was submitted in an assignment of one's own, or save a correction of it and go on."""
    view = _own(request, pk)
    old = queries.newest_judgement(assignment_id=pk, annotator=request.user)
    if old is None:
        raise Http404(_("Nothing was submitted here, so there is nothing to correct."))
    if request.method != "POST":
        return _page(request, view, Work(answer_of(old)), correcting=old)
    work = Work.from_post(request.POST, view)
    try:
        _save_correction(request, view, work, old)
    except DomainError as error:
        return _page(request, view, work, error=error, correcting=old)
    messages.success(request, _("Corrected. What you submitted first stays on record."))
    return _open_next(request, view.campaign)


def _save_correction(request: HttpRequest, view: queries.AssignmentView, work: Work, old: Judgement) -> None:
    if request.POST.get("judgement") != str(old.pk):
        raise DomainError(
            _("You have corrected this elsewhere since this page was opened. Save again to replace that, too.")
        )
    _refuse_missing_ranks(view, work)
    judging.correct(judgement_id=old.pk, annotator=request.user, answer=work.answer, seconds=work.seconds or 0.0)


TEMPLATES = {
    Campaign.Kind.RANKING: "annotate/rank.html",
    Campaign.Kind.DEMONSTRATION: "annotate/write.html",
    Campaign.Kind.STEPS: "annotate/steps.html",
    Campaign.Kind.REVISION: "annotate/revise.html",
    Campaign.Kind.REVIEW: "annotate/review.html",
}


def _page(
    request: HttpRequest,
    view: queries.AssignmentView,
    work: Work,
    error: DomainError | None = None,
    correcting: Judgement | None = None,
) -> HttpResponse:
    context = {"section": "work", "view": view, "work": work, "error": error, "skip_reasons": SKIP_REASONS}
    context["correcting"] = correcting
    if correcting is None and view.assignment.state in (State.SUBMITTED, State.SKIPPED):
        return render(request, "annotate/finished.html", context)
    context["warnings"] = safety_queries.warnings_of(prompt_id=view.assignment.task.prompt_id)
    if context["warnings"] and view.assignment.revealed_at is None:
        return render(request, "annotate/warning.html", context)  # nothing distressing is in it
    context["today"] = queries.done_today(annotator=request.user)
    if context["today"].n and correcting is None:
        context["last"] = queries.last_submitted(annotator=request.user, campaign=view.campaign)
    context["guideline_open"] = request.COOKIES.get("guideline", "open") == "open"
    context["lost"] = view.assignment.state in (State.EXPIRED, State.RELEASED)
    context["cards"] = cards(view, work)
    context["steps"] = step_cards(view, work)
    context["ranks"] = range(1, len(view.completions) + 1)
    context |= writing_context(view, work, correcting)
    status = 200 if error is None else 409 if isinstance(error, LeaseLost) else 422
    response = render(request, TEMPLATES[view.campaign.kind], context, status=status)
    if error is not None:
        response["HX-Reswap"] = "outerHTML"  # stay where the annotator is; only a new task starts at the top
    return response


@require_POST
def draft(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep unfinished work."""
    view = _own(request, pk)
    work = Work.from_post(request.POST, view)
    try:
        claiming.save_draft(assignment_id=pk, annotator=request.user, draft=work.as_draft())
    except DomainError as error:
        return _refusal(error)
    return HttpResponse(status=204)


def _refusal(error: DomainError) -> HttpResponse:
    """The sentence alone: the page's script shows it."""
    return HttpResponse(str(error), status=404 if isinstance(error, NotFound) else 409, content_type="text/plain")


@require_POST
def heartbeat(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hold the task for another lease."""
    try:
        claiming.extend_lease(assignment_id=pk, annotator=request.user)
    except DomainError as error:
        return _refusal(error)
    return HttpResponse(status=204)


@require_POST
def skip(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Skip the task for good, with a reason, and open the next."""
    view = _own(request, pk)
    reason = ": ".join(part for name in ("reason", "detail") if (part := typed(request.POST, name).strip()))
    try:
        claiming.skip_assignment(assignment_id=pk, annotator=request.user, reason=reason)
    except DomainError as error:
        messages.warning(request, str(error))
        return redirect("annotate:assignment", pk)
    return _open_next(request, view.campaign)


@require_POST
def release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the task back, to stop for now."""
    _own(request, pk)
    try:
        claiming.release_assignment(assignment_id=pk, annotator=request.user)
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _("The task is back in the queue. It may come to you again."))
    return redirect("annotate:home")


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What is being written, as readers will see it."""
    return HttpResponse(render_markdown(request.POST.get("text", "")[:MAX_TEXT]))
