"""What the pages for writing, revising and reviewing show beyond the frame of the workplace."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotate import queries
from annotate.answers import MAX_CITATIONS, MAX_TEXT
from annotate.diffs import changed_words, words
from annotate.errors import NotFound
from annotate.forms import Writing
from annotate.models import Campaign, Demonstration, Judgement, Review
from annotate.review_queries import reviews_of_judgement

KINDS = (Campaign.Kind.DEMONSTRATION, Campaign.Kind.REVISION, Campaign.Kind.REVIEW)
BLANK_SOURCES = 2  # rows to fill in without a script


@dataclass(frozen=True, slots=True)
class Changes:
    """A word-level difference as the pages show it."""

    pieces: list[tuple[str, str]]
    added: int
    cut: int


def changes_between(old: str, new: str) -> Changes:
    """What was cut from `old` and added to get `new`."""
    pieces = words(old, new)
    return Changes(pieces, *changed_words(pieces))


@dataclass(frozen=True, slots=True)
class TurnField:
    """A turn of the conversation that is written."""

    role: str
    content: str
    unused: bool


def writing_context(view: queries.AssignmentView, work: Any, correcting: Judgement | None) -> dict[str, Any]:
    """The values of the fields as far as they are filled in, and what is shown beside them; nothing for other kinds."""
    if view.campaign.kind not in KINDS:
        return {}
    answer, asked = work.answer, view.form.writing
    original = view.completions[0].text if view.completions else ""
    text = answer.get("text", original)
    if view.campaign.kind == Campaign.Kind.REVIEW:  # a review that edits nothing has no text
        text = text or original
    return {
        "writing": {
            "text": text,
            "range": range_text(asked),
            "turns": _turns(answer.get("messages"), asked.turns) if view.brief else [],
            "citations": _citations(answer.get("citations")) if asked.citations else [],
            "changes": changes_between(original, text) if view.completions else None,
            "reviews": reviews_of_judgement(judgement_id=correcting.pk) if correcting else [],
        }
    }


def range_text(asked: Writing) -> str:
    """How many words the campaign asks for."""
    bounds = {"low": asked.min_words, "high": asked.max_words}
    if asked.min_words and asked.max_words:
        return _("%(low)d to %(high)d words") % bounds
    if asked.min_words:
        return _("At least %(low)d words") % bounds
    return _("At most %(high)d words") % bounds if asked.max_words else ""


def _turns(messages: Any, most: int) -> list[TurnField]:
    found = [one.get("content") for one in messages if isinstance(one, Mapping)] if isinstance(messages, list) else []
    contents = [content if isinstance(content, str) else "" for content in found]
    fields = max(2 * most - 1, len(contents))
    contents += [""] * (fields - len(contents))
    used = max([1, *(number for number, content in enumerate(contents, start=1) if content)])
    used += 1 - used % 2  # up to a user's turn
    return [TurnField(("user", "assistant")[n % 2], content, n >= used) for n, content in enumerate(contents)]


def _citations(given: Any) -> list[dict[str, Any]]:
    rows = [row for row in given if isinstance(row, Mapping)] if isinstance(given, list) else []
    filled = [{"source": row.get("source", ""), "checked": row.get("checked") is True} for row in rows]
    return (filled + [{"source": "", "checked": False}] * BLANK_SOURCES)[:MAX_CITATIONS]


@dataclass(frozen=True, slots=True)
class Written:
    """What one judgement wrote or decided, for admins."""

    judgement: Judgement
    demonstration: Demonstration | None
    decision: str
    """A review's decision, as people read it."""
    tone: str
    messages: list[dict]
    """The prompt, where it was written too."""
    changes: Changes | None
    """Of a text that was made by editing another."""
    beside: queries.WrittenBeside | None
    reviews: list[Review]


def written_in(judged: queries.JudgedTask) -> list[Written]:
    """What people wrote in a task, or decided in reviewing it, each with what others said about it since."""
    found = []
    for judgement in judged.judgements:
        demonstration, review = getattr(judgement, "demonstration", None), getattr(judgement, "review", None)
        if demonstration or review:
            found.append(_written(judged, judgement, demonstration, review))
    return found


def _written(
    judged: queries.JudgedTask, judgement: Judgement, demonstration: Demonstration | None, review: Review | None
) -> Written:
    completion = demonstration.completion if demonstration else None
    revision = getattr(demonstration, "revision", None)
    own_prompt = completion is not None and completion.prompt_id != judged.task.prompt_id
    return Written(
        judgement=judgement,
        demonstration=demonstration,
        decision=review.get_decision_display() if review else "",
        tone={"accept": "good", "edit": "busy", "return": "warn"}[review.decision] if review else "",
        messages=completion.prompt.messages if completion and own_prompt else [],
        changes=changes_between(revision.original.text, completion.text) if completion and revision else None,
        beside=queries.written_beside(demonstration) if demonstration else None,
        reviews=list(reviews_of_judgement(judgement_id=judgement.pk)) if demonstration else [],
    )


@require_POST
def changes(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What the text that is being written changes in the one that the task shows."""
    try:
        view = queries.assignment_to_show(assignment_id=pk, annotator=request.user)
    except NotFound as error:
        raise Http404(str(error)) from error
    original = view.completions[0].text if view.completions else ""
    new = request.POST.get("text", "").replace("\r\n", "\n")[:MAX_TEXT]
    return render(request, "annotate/_changes.html", {"changes": changes_between(original, new)})
