"""The workplace: take a task, judge it, get the next."""

from contextlib import suppress
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from annotate import queries, safety_queries
from annotate.answers import MAX_TEXT
from annotate.errors import DomainError, DraftOutdated, LeaseLost, NotAllowed, NotFound, NotOpen, StepMissing
from annotate.forms import COMPARING
from annotate.models import Assignment, Campaign, Judgement
from annotate.rendering import render_markdown
from annotate.services import claiming, daily, judging, releasing
from annotate.services.records import answer_of
from annotate.views import qualifying
from annotate.views.onboarding import STEP_ADDRESSES
from annotate.views.work_forms import (
    Work,
    active_seconds,
    cards,
    following_of,
    missing_values,
    number,
    opened_at,
    stamp,
    step_cards,
    typed,
)
from annotate.views.writing import writing_context

State = Assignment.State
MAX_KEY = 40  # characters of a script's own part of an idempotency key
SHOWN = "X-Concord-Shown"  # a script asks, and shows the task of this id now ("none": no other than the one it sends)
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
    except (NotAllowed, NotOpen):
        claimed = None
    except DomainError as error:
        messages.warning(request, str(error))
        return redirect("annotate:home")
    if claimed is None:
        return redirect("annotate:waiting", campaign.slug)
    return redirect("annotate:assignment", claimed.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def assignment(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show an assignment of one's own, or submit it and go on to the next."""
    view = _own(request, pk)
    if view.was_qualified:
        return redirect(qualifying.feedback_address(view.assignment))
    if request.method == "GET" and view.assignment.state == State.CLAIMED and view.assignment.opened_at is None:
        claiming.open_ahead(assignment_id=pk, annotator=request.user)
    if request.method != "POST":
        return _page(request, view, Work.from_draft(view.draft))
    work = Work.from_post(request.POST, view)
    try:
        refuse_what_is_missing(view, work)
        if view.is_qualification:
            return qualifying.answered(request, view, work)
        _submit(request, view, work)
    except DomainError as error:
        return _not_taken(request, view, work, error)
    return _go_on(request, view.campaign)


def _not_taken(request: HttpRequest, view: queries.AssignmentView, work: Work, error: DomainError) -> HttpResponse:
    if SHOWN not in request.headers:
        return _page(request, view, work, error=error)
    with suppress(DomainError):  # submitted elsewhere: no draft can be kept there, and the browser keeps what it sent
        _keep(request, view, work)
    return refusal(error, status=422)


def _go_on(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The next task; for a script, which shows it already, the one after it; nothing for one that only sends."""
    if SHOWN not in request.headers:
        return _open_next(request, campaign)
    return HttpResponse(status=204) if _shown(request) is None else _after(request, campaign)


@require_POST
def ahead(request: HttpRequest, slug: str) -> HttpResponse:
    """Claim the task after the one that a script shows, and answer with its page; 204 when there is none."""
    return _after(request, get_object_or_404(Campaign, slug=slug))


def _after(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    lost = _open_shown(request)
    try:
        claimed = claiming.claim_ahead(annotator=request.user, campaign=campaign)
    except DomainError:  # a step to do first: asking for the next task itself leads there
        claimed = None
    if claimed is None:
        response = HttpResponse(status=204)
    else:
        view = _own(request, claimed.pk)
        response = _page(request, view, Work.from_draft(view.draft), layout="annotate/fragment.html")
        response["X-Concord-Ahead"] = reverse("annotate:assignment", args=[claimed.pk])
    if lost:
        response["X-Concord-Lost"] = quote(lost)
    return response


def _open_shown(request: HttpRequest) -> str:
    """Open the task that the script shows; says why when it is no longer this annotator's."""
    shown = _shown(request)
    if shown is None:
        return ""
    ago = number(request.headers.get(f"{SHOWN}-For")) or 0.0
    try:
        claiming.open_ahead(assignment_id=shown, annotator=request.user, seconds_ago=ago)
    except NotOpen as error:
        return str(error)
    except DomainError:
        return _(
            "The time for this task ran out, so it went back to the queue. What you have is kept. You can still submit"
            " it: it counts as long as nobody else has taken the place."
        )
    return ""


def _shown(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.headers.get(SHOWN, ""))
    except ValueError:
        return None


def _own(request: HttpRequest, pk: UUID) -> queries.AssignmentView:
    try:
        return queries.assignment_to_show(assignment_id=pk, annotator=request.user)
    except NotFound as error:
        raise Http404(str(error)) from error


def _submit(request: HttpRequest, view: queries.AssignmentView, work: Work) -> None:
    judging.submit(
        assignment_id=view.assignment.pk,
        annotator=request.user,
        answer=work.answer,
        seconds=active_seconds(work.seconds, view.assignment.opened_at or view.assignment.claimed_at),
        idempotency_key=_key(request, view.assignment),
        following=following_of(request.POST),
    )


def _key(request: HttpRequest, assignment: Assignment) -> str:
    """A second click is the same submission, and so is what a script sends again; another tab's is not."""
    return f"{assignment.pk}{request.headers.get('Idempotency-Key', '')[:MAX_KEY]}"


def refuse_what_is_missing(view: queries.AssignmentView, work: Work) -> None:
    """Name the completions without a rank or a value as the page names them: by letter."""
    verdict = work.answer.get("verdict")
    if view.campaign.kind not in COMPARING or verdict == Judgement.Verdict.CANNOT_RANK:
        return
    shown = cards(view, work)
    unranked = [card.letter for card in shown if card.rank is None]
    if view.campaign.kind == Campaign.Kind.RANKING and unranked and not verdict:
        raise DomainError(
            _("No rank yet for %(letters)s. Rank every completion; equal ranks are ties.")
            % {"letters": ", ".join(unranked)}
        )
    if missing := missing_values(shown, view.form.axes):
        raise DomainError(_("No value yet for %(questions)s.") % {"questions": missing})


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
    refuse_what_is_missing(view, work)
    seconds = active_seconds(work.seconds, opened_at(request.POST))
    judging.correct(judgement_id=old.pk, annotator=request.user, answer=work.answer, seconds=seconds)


TEMPLATES = {
    Campaign.Kind.RANKING: "annotate/rank.html",
    Campaign.Kind.RATING: "annotate/rate.html",
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
    layout: str = "base.html",
    preview: bool = False,
) -> HttpResponse:
    context = {"section": "work", "view": view, "work": work, "error": error, "skip_reasons": SKIP_REASONS}
    context |= {"correcting": correcting, "layout": layout, "preview": preview}
    context |= {"asked": view.form, "flags": view.flags}
    if correcting is None and view.assignment.state in (State.SUBMITTED, State.SKIPPED):
        return render(request, "annotate/finished.html", context)
    context["warnings"] = safety_queries.warnings_of(prompt_id=view.assignment.task.prompt_id)
    if context["warnings"] and view.assignment.revealed_at is None:
        return render(request, "annotate/warning.html", context)  # nothing distressing is in it
    limited = daily.has_limits(view.campaign)
    context["today"] = daily.done_today(annotator=request.user, campaign=view.campaign if limited else None)
    context["limits"] = view.campaign.assignment_rules.daily if limited else None
    if context["today"].n and correcting is None and layout == "base.html":
        context["last"] = queries.last_submitted(annotator=request.user, campaign=view.campaign)
    if correcting is not None:
        context["opened"] = request.POST.get("opened") or stamp()
    context["lease_left"] = max(0, round((view.assignment.lease_expires_at - timezone.now()).total_seconds()))
    context["guideline_open"] = request.COOKIES.get("guideline", "open") == "open"
    context["lost"] = view.assignment.state in (State.EXPIRED, State.RELEASED)
    context["cards"] = cards(view, work)
    context["steps"] = step_cards(view, work)
    context["ranks"] = range(1, len(view.completions) + 1)
    context |= writing_context(view, work, correcting)
    status = 200 if error is None else 409 if isinstance(error, LeaseLost) else 422
    return render(request, TEMPLATES[view.campaign.kind], context, status=status)


def show_preview(request: HttpRequest, view: queries.AssignmentView) -> HttpResponse:
    """The page of an assignment that nobody holds: nothing on it is saved."""
    return _page(request, view, Work(), preview=True)


@require_POST
def draft(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep unfinished work."""
    view = _own(request, pk)
    try:
        _keep(request, view, Work.from_post(request.POST, view))
    except DomainError as error:
        return refusal(error)
    return HttpResponse(status=204)


def _keep(request: HttpRequest, view: queries.AssignmentView, work: Work) -> None:
    following = following_of(request.POST)
    draft = work.as_draft()
    claiming.save_draft(assignment_id=view.assignment.pk, annotator=request.user, draft=draft, following=following)


def refusal(error: DomainError, status: int = 409) -> HttpResponse:
    """The sentence alone: the page's script shows it."""
    statuses = {NotFound: 404, LeaseLost: 409, DraftOutdated: 412}
    status = statuses.get(type(error), status)
    return HttpResponse(str(error), status=status, content_type="text/plain; charset=utf-8")


@require_POST
def heartbeat(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hold the task for another lease."""
    try:
        claiming.extend_lease(assignment_id=pk, annotator=request.user)
    except DomainError as error:
        return refusal(error)
    return HttpResponse(status=204)


@require_POST
def skip(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Skip the task for good, with a reason, and open the next."""
    view = _own(request, pk)
    reason = ": ".join(part for name in ("reason", "detail") if (part := typed(request.POST, name).strip()))
    try:
        releasing.skip_assignment(assignment_id=pk, annotator=request.user, reason=reason)
    except DomainError as error:
        if SHOWN in request.headers:
            return refusal(error, status=422)
        messages.warning(request, str(error))
        return redirect("annotate:assignment", pk)
    return _go_on(request, view.campaign)


@require_POST
def release(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the task back, to stop for now."""
    _own(request, pk)
    try:
        releasing.release_assignment(assignment_id=pk, annotator=request.user)
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _("The task is back in the queue. It may come to you again."))
    return redirect("annotate:home")


@require_POST
def release_ahead(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a task back that nobody has seen: the tab that had it ahead was closed."""
    try:
        releasing.release_ahead(assignment_id=pk, annotator=request.user)
    except DomainError as error:
        return refusal(error)
    return HttpResponse(status=204)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What is being written, as readers will see it."""
    return HttpResponse(render_markdown(request.POST.get("text", "")[:MAX_TEXT]))
