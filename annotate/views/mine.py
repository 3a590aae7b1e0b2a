"""A person's own pages: figures, history, feedback, and what one of their judgements said."""

from datetime import date
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotate import inbox_queries, own_queries, queries, safety_queries
from annotate.errors import NotFound
from annotate.models import Judgement
from annotate.services import conversation
from annotate.services.judging import may_correct
from annotate.services.records import answer_of
from annotate.views.said import VALUES, compared, said_completions, said_steps
from annotate.views.work_forms import typed

HISTORY_A_PAGE = 25
GOLD_A_PAGE = 10
BIGGEST_ID = 2**63 - 1


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """How much, how fast, how far in agreement."""
    figures = own_queries.own_figures(user=request.user)
    return render(request, "annotate/mine.html", {"section": "me", "figures": figures})


@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """Own judgements, searched."""
    asked = {name: request.GET.get(name, "").replace("\0", "")[:200] for name in ("q", "campaign", "day")}
    found = own_queries.history(user=request.user, text=asked["q"], campaign=asked["campaign"], day=_day(asked["day"]))
    page = Paginator(found, HISTORY_A_PAGE).get_page(request.GET.get("page"))
    warned = safety_queries.warned_prompts(prompt_ids=[one.task.prompt_id for one in page])
    now = timezone.now()
    context = {
        "section": "me",
        "asked": asked,
        "campaigns": own_queries.campaigns_of(user=request.user),
        "page": page,
        "rows": [(one, warned.get(one.task.prompt_id), own_queries.correctable_until(one) > now) for one in page],
        "query": "".join(f"{urlencode({name: value})}&" for name, value in asked.items() if value),
    }
    return render(request, "annotate/mine_history.html", context)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@require_safe
def judgement(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What was submitted in an own assignment, to read only."""
    try:
        view = queries.assignment_to_show(assignment_id=pk, annotator=request.user)
    except NotFound as error:
        raise Http404(str(error)) from error
    said = queries.newest_judgement(assignment_id=pk, annotator=request.user)
    if said is None:
        raise Http404(_("Nothing was submitted here, so there is nothing to show."))
    warnings = safety_queries.warnings_of(prompt_id=view.assignment.task.prompt_id)
    if warnings and request.GET.get("show") != "1":
        context = {"section": "me", "warnings": warnings, "view": view}
        return render(request, "annotate/mine_warning.html", context)
    return render(request, "annotate/mine_judgement.html", _said(view, said))


def _said(view: queries.AssignmentView, said: Judgement) -> dict:
    answer = answer_of(said)
    texts = {completion.pk: completion.text for completion in view.completions}
    return {
        "section": "me",
        "view": view,
        "said": said,
        "answer": answer,
        "verdict": VALUES.get(answer.get("verdict")),
        "behaviour": VALUES.get(answer.get("behaviour")),
        "decision": VALUES.get(answer.get("decision")),
        "completions": said_completions(said, answer, texts),
        "steps": said_steps(said, answer),
        "correctable": may_correct(said),
    }


@require_safe
def feedback(request: HttpRequest) -> HttpResponse:
    """Notes from reviewers, answers to questions, and gold tasks that are over."""
    gold = own_queries.gold_feedback(user=request.user)
    page = Paginator(gold, GOLD_A_PAGE).get_page(request.GET.get("page"))
    warned = safety_queries.warned_prompts(prompt_ids=[one.judgement.task.prompt_id for one in page])
    context = {
        "section": "me",
        "notes": inbox_queries.own_notes(user=request.user)[:HISTORY_A_PAGE],
        "questions": inbox_queries.own_questions(user=request.user)[:HISTORY_A_PAGE],
        "page": page,
        "gold": [(one, compared(one), warned.get(one.judgement.task.prompt_id)) for one in page],
    }
    return render(request, "annotate/mine_feedback.html", context)


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark a note or an answer as read, or all of them."""
    ids = {name: _id(typed(request.POST, name)) for name in ("note", "question")}
    if request.POST.get("all") or any(value is not None for value in ids.values()):
        conversation.mark_read(user=request.user, note_id=ids["note"], question_id=ids["question"])
    return redirect("annotate:my_feedback")


def _id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= BIGGEST_ID else None
