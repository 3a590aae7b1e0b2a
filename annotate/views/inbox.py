"""Questions about tasks, reports of broken ones, and notes on judgements: asking, answering, reading."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotate import inbox_queries
from annotate.errors import DomainError, NotFound
from annotate.services import conversation
from annotate.views.access import admin_required
from annotate.views.work_forms import typed

QUESTIONS_A_PAGE = 20
SCRIPT = "X-Concord-Script"  # asks for the sentence alone, to show it where the person is


@require_POST
def ask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a question or a report about the task of an own assignment."""
    said = {name: typed(request.POST, name) for name in ("kind", "reason", "text")}
    try:
        conversation.ask(assignment_id=pk, annotator=request.user, **said)
    except NotFound as error:
        raise Http404(str(error)) from error
    except DomainError as error:
        return _tell(request, pk, str(error), status=422)
    return _tell(request, pk, _("Sent. The answer will come to your page."), status=201)


def _tell(request: HttpRequest, pk: UUID, sentence: str, *, status: int) -> HttpResponse:
    if SCRIPT in request.headers:
        return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
    (messages.success if status == 201 else messages.warning)(request, sentence)
    return redirect("annotate:assignment", pk)


@require_safe
@admin_required
def inbox(request: HttpRequest) -> HttpResponse:
    """Open questions and reports first, each with its task."""
    page = Paginator(inbox_queries.inbox(), QUESTIONS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "annotate/inbox.html", {"section": "inbox", "page": page})


@require_POST
@admin_required
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer a question or report, or resolve it without words."""
    text = typed(request.POST, "text")
    if request.POST.get("how") == "answer" and not text.strip():
        messages.warning(request, _("The answer is empty; write one, or resolve the question without words."))
        return redirect("annotate:inbox")
    return _done(
        request,
        lambda: conversation.answer_question(question_id=pk, by=request.user, text=text),
        _("Answered. It appears on their page.") if text.strip() else _("Resolved."),
    )


@require_POST
@admin_required
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a task out to nobody any more."""
    return _done(
        request,
        lambda: conversation.withdraw_task(task_id=pk),
        _("Withdrawn: nobody gets this task any more. Who has it on screen may finish it."),
    )


@require_POST
@admin_required
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a withdrawn task out again."""
    return _done(request, lambda: conversation.restore_task(task_id=pk), _("The task is given out again."))


@require_POST
@admin_required
def note(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a note on a judgement; it appears on its annotator's page."""
    return _done(
        request,
        lambda: conversation.write_note(judgement_id=pk, by=request.user, text=typed(request.POST, "text")),
        _("Sent. It appears on their page."),
    )


def _done(request: HttpRequest, action, sentence: str) -> HttpResponse:
    """Do it, say so or why not, and go back to where the admin was."""
    try:
        action()
    except NotFound as error:
        raise Http404(str(error)) from error
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, sentence)
    back = typed(request.POST, "back")
    own = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if own else "annotate:inbox")
