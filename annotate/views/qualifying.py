"""Qualification tasks: the page around them, and what one learns from each."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from annotate.errors import DomainError, NotFound
from annotate.gold import GoldPart, GoldRow
from annotate.models import Assignment, Completion
from annotate.queries import AssignmentView
from annotate.services import onboarding, qualification
from annotate.services.onboarding import Standing
from annotate.views.onboarding import frame, step_page
from annotate.views.said import VALUES
from annotate.views.work_forms import LETTERS, Work, active_seconds

ASPECTS = {
    "verdict": gettext_lazy("Verdict"),
    "ranks": gettext_lazy("Ranking"),
    "ratings": gettext_lazy("Ratings"),
    "flags": gettext_lazy("Flags"),
    "behaviour": gettext_lazy("What the assistant should do"),
    "labels": gettext_lazy("Steps"),
    "decision": gettext_lazy("Decision"),
}
RULES = {
    "ranks": gettext_lazy("Each pair that has a right order counts; a tie there counts half."),
    "ratings": gettext_lazy("One level more or less is right, too."),
    "flags": gettext_lazy("Exactly the same flags on a completion are right."),
    "labels": gettext_lazy("Each step counts."),
}


@step_page("qualification")
def page(request: HttpRequest, found: Standing) -> HttpResponse:
    """What is asked, how far one is, and how the last attempt went."""
    if request.method == "POST":
        try:
            taken = qualification.take_qualification_task(user=request.user, campaign=found.campaign)
            return redirect("annotate:assignment", taken.pk)
        except DomainError as error:
            messages.warning(request, str(error))
            return redirect("annotate:qualification", found.campaign.slug)
    state = qualification.qualifying(user=request.user, campaign=found.campaign)
    context = frame(found, "qualification", state=state, n_next=len(state.answers) + 1 if state.is_open else 1)
    return render(request, "onboarding/qualification.html", context)


def answered(request: HttpRequest, view: AssignmentView, work: Work) -> HttpResponse:
    """Keep the answer that was posted on the work page, and go to its feedback. Raises DomainError."""
    qualification.answer_qualification(
        assignment_id=view.assignment.pk,
        user=request.user,
        answer=work.answer,
        seconds=active_seconds(work.seconds, view.assignment.opened_at or view.assignment.claimed_at),
    )
    return redirect(feedback_address(view.assignment))


def feedback_address(assignment: Assignment) -> str:
    """Where the feedback on a qualification task is."""
    return reverse("annotate:feedback", args=[assignment.task.campaign.slug, assignment.pk])


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A compared thing in words."""

    subject: str
    said: str
    gold: str
    right: bool


@dataclass(frozen=True, slots=True)
class ShownPart:
    """An aspect in words."""

    title: str
    rule: str
    part: GoldPart
    rows: list[ShownRow]


@require_safe
def feedback(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """What was said beside what the gold says, and why."""
    try:
        found = qualification.feedback(assignment_id=pk, user=request.user)
        assignment = found.given.assignment
        standing = onboarding.standing(user=request.user, campaign=assignment.task.campaign)
    except NotFound as error:
        raise Http404(str(error)) from error
    if slug != assignment.task.campaign.slug:
        raise Http404(_("There is no such task in this campaign."))
    texts = Completion.objects.in_bulk(assignment.shown_order)
    letters = dict(zip((str(one) for one in assignment.shown_order), LETTERS, strict=False))
    context = frame(standing, "qualification" if "qualification" in standing.steps else "")
    context |= {
        "found": found,
        "task": assignment.task,
        "parts": [_part(part, assignment, letters) for part in found.score.parts],
        "completions": [(letters[str(one)], texts[one].text) for one in assignment.shown_order],
    }
    return render(request, "onboarding/feedback.html", context)


def _part(part: GoldPart, assignment: Assignment, letters: dict[str, str]) -> ShownPart:
    rows = [
        ShownRow(
            subject=_subject(part, row, assignment, letters),
            said=_words(row.said, assignment),
            gold=_words(row.gold, assignment),
            right=row.right == 1,
        )
        for row in sorted(part.rows, key=lambda row: letters.get(row.subject, ""))
    ]
    return ShownPart(str(ASPECTS[part.aspect]), str(RULES.get(part.aspect, "")), part, rows)


def _subject(part: GoldPart, row: GoldRow, assignment: Assignment, letters: dict[str, str]) -> str:
    if part.aspect == "labels":
        return _("Step %(n)s") % {"n": row.subject}
    if row.axis:
        axes = {axis.name: axis.label for axis in assignment.task.campaign.parsed_form.axes}
        return f"{letters.get(row.subject, '?')}: {axes.get(row.axis, row.axis)}"
    return letters.get(row.subject, str(ASPECTS[part.aspect]))


def _words(value: Any, assignment: Assignment) -> str:
    """A value as people say it."""
    if value in (None, ""):
        return _("nothing")
    if isinstance(value, list):
        labels = {flag["name"]: flag["label"] for flag in assignment.guideline.flags}
        labels |= {flag.name: flag.label for flag in assignment.task.campaign.parsed_form.flags or ()}
        return ", ".join(labels.get(name, name) for name in value) or _("none")
    return str(VALUES.get(value, value))
