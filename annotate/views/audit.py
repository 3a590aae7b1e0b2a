"""Agreement, for admins: how far annotators agree, with n and 95 % intervals, and where they do not."""

import csv
from dataclasses import asdict

from django.core.paginator import Paginator
from django.db.models import Manager
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from annotate import queries
from annotate.errors import DomainError
from annotate.forms import Form
from annotate.models import Campaign, Completion, Judgement
from annotate.services import gold
from annotate.views.access import admin_required
from annotate.views.measures import MEASURES, figures, meaning
from annotate.views.said import known_answer
from annotate.views.work_forms import LETTERS
from annotate.views.writing import written_in

DISAGREEMENTS_A_PAGE = 25


@require_safe
@admin_required
def agreements(request: HttpRequest) -> HttpResponse:
    """The ranking campaigns to choose from."""
    context = {"section": "agreement", "campaigns": queries.ranking_campaigns()}
    return render(request, "annotate/agreements.html", context)


@require_safe
@admin_required
def agreement(request: HttpRequest, slug: str) -> HttpResponse:
    """The agreement in one campaign."""
    found = queries.campaign_agreement(campaign=_ranking_campaign(slug))
    page = Paginator(found.disagreements, DISAGREEMENTS_A_PAGE).get_page(request.GET.get("page"))
    prompts = queries.task_prompts(task_ids=[one.item for one in page])
    context = {
        "section": "agreement",
        "agreement": found,
        "measures": [(measure, getattr(found.overall, measure.name)) for measure in MEASURES],
        "meaning": meaning(found.overall),
        "page": page,
        "disagreements": [(one, prompts[one.item]) for one in page],
    }
    return render(request, "annotate/agreement.html", context)


def _ranking_campaign(slug: str) -> Campaign:
    return get_object_or_404(Campaign, slug=slug, kind=Campaign.Kind.RANKING)


@require_safe
@admin_required
def agreement_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Every figure of the agreement page as CSV."""
    found = queries.campaign_agreement(campaign=_ranking_campaign(slug))
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="agreement-{slug}.csv"'
    rows = csv.DictWriter(response, ["scope", "of", "measure", "value", "lo", "hi", "n", "reason"])
    rows.writeheader()
    rows.writerows(figures(found))
    return response


@require_safe
@admin_required
def agreement_json(request: HttpRequest, slug: str) -> HttpResponse:
    """Every figure of the agreement page as JSON, with the disagreements."""
    found = queries.campaign_agreement(campaign=_ranking_campaign(slug))
    body = {"campaign": slug, "figures": figures(found), "disagreements": [asdict(one) for one in found.disagreements]}
    return JsonResponse({**body, "n_raised": found.n_raised})


@require_safe
@admin_required
def task(request: HttpRequest, pk: int) -> HttpResponse:
    """One task with everybody's ranks side by side."""
    try:
        judged = queries.judged_task(task_id=pk)
    except DomainError as error:
        raise Http404(str(error)) from error
    form = judged.task.campaign.parsed_form
    rows = [
        (letter, completion, [_said(judged, judgement, completion, form) for judgement in judged.judgements])
        for letter, completion in zip(LETTERS, judged.completions, strict=False)
    ]
    decided = any(one.verdict or one.strength or one.behaviour for one in judged.judgements)
    context = {"section": "agreement", "judged": judged, "rows": rows, "k": len(rows), "written": written_in(judged)}
    context["decided"] = decided
    if hasattr(judged.task, "gold"):
        context["known"] = known_answer(judged.task, judged.completions)
        context["mixable"] = not gold.why_not_mixed(judged.task)
    return render(request, "annotate/task.html", context)


def _said(judged: queries.JudgedTask, judgement: Judgement, completion: Completion, form: Form) -> dict:
    """What one judgement says about one completion, by the labels that its annotator saw."""
    guideline = {flag["name"]: flag["label"] for flag in judgement.guideline.flags}
    flags = guideline if form.flags is None else {flag.name: gettext(flag.label) for flag in form.flags}
    axes = {axis.name: gettext(axis.label) for axis in form.axes}
    types = {definition.name: gettext(definition.label) for definition in form.spans}
    return {
        "by": judgement.annotator,
        "rank": judged.rank(judgement, completion),
        "flags": [flags.get(flag.name, flag.name) for flag in _of(judgement.flags, completion)],
        "ratings": [(axes.get(one.axis, one.axis), one.value) for one in _of(judgement.ratings, completion)],
        "spans": [
            {"span": span, "label": types.get(span.type, span.type), "quote": completion.text[span.start : span.end]}
            for span in _of(judgement.spans, completion)
        ],
    }


def _of(rows: Manager, completion: Completion) -> list:
    """A judgement's rows about one completion, from those that were read with it."""
    return [row for row in rows.all() if row.completion_id == completion.pk]
