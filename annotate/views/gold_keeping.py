"""Keeping gold in order, for admins: proposals from unanimous tasks, and signals that an answer goes around."""

from collections.abc import Sequence

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from annotate import gold_review_queries as queries
from annotate.errors import DomainError
from annotate.gold import SCORED_KINDS
from annotate.models import Campaign, Completion, Gold
from annotate.services.disputes import weigh
from annotate.services.gold_keeping import AT_ONCE, MOST, accept_proposals
from annotate.views.access import admin_required
from annotate.views.downloads import table_as_csv
from annotate.views.said import known_answer
from annotate.views.work_forms import typed

SHOWN = 50
PROPOSAL = ["task", "domain", "n", "seconds", "skill", "skill_lo", "skill_hi", "skill_n", "answer"]


def _campaign(slug: str) -> Campaign:
    campaign = get_object_or_404(Campaign.objects.select_related("guideline"), slug=slug)
    if campaign.kind not in SCORED_KINDS:
        raise Http404(_("There is no gold for what people write."))
    return campaign


def _least(request: HttpRequest) -> int:
    """How many must agree; what is no such number is passed over."""
    text = request.POST.get("least") or request.GET.get("least", "")
    return min(MOST, max(2, int(text))) if text.isascii() and text.isdigit() and len(text) < 9 else queries.LEAST


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def proposals(request: HttpRequest, slug: str) -> HttpResponse:
    """Unanimous tasks that could become gold; accept one or many of them."""
    campaign, least = _campaign(slug), _least(request)
    if request.method == "POST":
        _accept(request, campaign, least)
        return redirect(f"{request.path}?least={least}")
    backlog = weigh(campaign=campaign)
    found = queries.proposals(campaign=campaign, least=least)
    context = {"section": "campaigns", "campaign": campaign, "least": least, "most": MOST, "backlog": backlog}
    context |= {"found": _in_words(found[:SHOWN]), "n_found": len(found), "at_once": AT_ONCE}
    return render(request, "annotate/gold_proposals.html", context)


def _in_words(found: Sequence[queries.Proposal]) -> list[tuple[queries.Proposal, list[tuple[str, str]]]]:
    """Each proposal with its answer as the page of its task would show it."""
    prefetch_related_objects([one.task for one in found], "task_completions")
    shown = []
    for one in found:
        one.task.gold = Gold(task=one.task, answer=one.answer)  # not saved
        completions = [Completion(pk=row.completion_id) for row in one.task.task_completions.all()]
        shown.append((one, known_answer(one.task, completions)))
    return shown


def _accept(request: HttpRequest, campaign: Campaign, least: int) -> None:
    chosen = [text for text in request.POST.getlist("task") if text.isascii() and text.isdigit() and len(text) < 19]
    try:
        made = accept_proposals(
            campaign=campaign,
            task_ids=[int(text) for text in chosen],
            by=request.user,
            least=least,
            explanation=typed(request.POST, "explanation"),
            mixed_in="mix_in" in request.POST,
        )
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        said = ngettext("%(n)d task is gold now.", "%(n)d tasks are gold now.", len(made)) % {"n": len(made)}
        messages.success(request, said)


@require_safe
@admin_required
def proposals_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """The proposals as CSV."""
    return table_as_csv(f"gold-proposals-{slug}", PROPOSAL, _proposal_rows(request, slug))


@require_safe
@admin_required
def proposals_json(request: HttpRequest, slug: str) -> HttpResponse:
    """The proposals as JSON."""
    return JsonResponse({"campaign": slug, "least": _least(request), "proposals": _proposal_rows(request, slug)})


def _proposal_rows(request: HttpRequest, slug: str) -> list[dict]:
    campaign = _campaign(slug)
    weigh(campaign=campaign)
    return [one.as_row() for one in queries.proposals(campaign=campaign, least=_least(request))]


@require_safe
@admin_required
def leaks(request: HttpRequest, slug: str) -> HttpResponse:
    """Gold whose answer may go around: signals with intervals, and taking it out."""
    campaign = _campaign(slug)
    page = Paginator(queries.leaks(campaign=campaign), SHOWN).get_page(request.GET.get("page"))
    prefetch_related_objects([one.task for one in page], "prompt")
    context = {"section": "campaigns", "campaign": campaign, "page": page}
    return render(request, "annotate/gold_leaks.html", context)


@require_safe
@admin_required
def leaks_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """The signals as CSV."""
    names = ("score", "rise", "above", "pace")
    columns = ["task", "standing_out", *(f"{name}{end}" for name in names for end in ("", "_lo", "_hi", "_n"))]
    return table_as_csv(
        f"gold-leaks-{slug}", columns, [one.as_row() for one in queries.leaks(campaign=_campaign(slug))]
    )


@require_safe
@admin_required
def leaks_json(request: HttpRequest, slug: str) -> HttpResponse:
    """The signals as JSON."""
    return JsonResponse({"campaign": slug, "gold": [one.as_row() for one in queries.leaks(campaign=_campaign(slug))]})
