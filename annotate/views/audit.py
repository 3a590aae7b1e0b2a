"""The audit, for admins: how far annotators agree, with n and 95 % intervals."""

from django.core.exceptions import PermissionDenied
from django.db.models import Manager
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from annotate import queries
from annotate.adjudication_queries import with_ids
from annotate.audit_queries.changes import guideline_change
from annotate.audit_queries.pairs import annotator_pairs
from annotate.audit_queries.slices import Slice, audited_campaigns, campaign_audit
from annotate.audit_queries.times import time_and_pay
from annotate.errors import DomainError
from annotate.forms import COMPARING, Form
from annotate.models import Campaign, Completion, Dispute, Judgement
from annotate.quality.signals import WORDS_PER_MINUTE
from annotate.services import adjudicating, gold
from annotate.services.records import answer_of, with_answers
from annotate.views.access import admin_required
from annotate.views.beside import rows_of
from annotate.views.downloads import as_csv, as_json, page_number
from annotate.views.measures import MEASURE, MEASURES, change_meaning, meaning, time_meaning
from annotate.views.said import known_answer
from annotate.views.work_forms import LETTERS
from annotate.views.writing import written_in

AGREEMENT_OF = {
    Campaign.Kind.RANKING: "annotate:agreement",
    Campaign.Kind.RATING: "annotate:ratings",
    Campaign.Kind.STEPS: "annotate:step_agreement",
}
"""The page of agreement of each kind of campaign."""


@require_safe
@admin_required
def agreements(request: HttpRequest) -> HttpResponse:
    """The campaigns to choose from."""
    campaigns = [
        (reverse(AGREEMENT_OF[one.campaign.kind], args=[one.campaign.slug]), one) for one in audited_campaigns()
    ]
    context = {"section": "agreement", "tab": "campaigns", "is_list": True, "campaigns": campaigns}
    return render(request, "annotate/audit/campaigns.html", context)


@require_safe
@admin_required
def agreement(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """The agreement in one campaign, or in the slice of it that the address asks for; as a page, CSV or JSON."""
    chosen = Slice(**{name: request.GET.get(name, "") for name in ("domain", "version", "week")})
    campaign = get_object_or_404(Campaign, slug=slug, kind__in=AGREEMENT_OF)
    if campaign.kind != Campaign.Kind.RANKING:
        return redirect(AGREEMENT_OF[campaign.kind], slug)
    try:
        found = campaign_audit(campaign=campaign, chosen=chosen)
    except DomainError as error:
        raise Http404(str(error)) from error
    if form == "csv":
        return as_csv("-".join(["agreement", slug, *chosen.given.values()]), found.figures)
    if form == "json":
        return as_json(slug, found.figures, slice=chosen.given, n_raised=found.n_raised)
    context = {
        "section": "agreement",
        "campaign": found.campaign,
        "tab": "overview",
        "audit": found,
        "query": request.GET.urlencode(),
        "measures": [(measure, getattr(found.overall, measure.name)) for measure in MEASURES],
        "meaning": meaning(found.overall),
    }
    return render(request, "annotate/audit/campaign.html", context)


def _ranking_campaign(slug: str) -> Campaign:
    return get_object_or_404(Campaign, slug=slug, kind=Campaign.Kind.RANKING)


@require_safe
@admin_required
def pairs(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """How far each two annotators agree: a heat map, and the same as a table, CSV and JSON."""
    found = annotator_pairs(campaign=_ranking_campaign(slug), page=page_number(request.GET.get("page", "")))
    if form == "csv":
        return as_csv(f"pairs-{slug}", found.figures)
    if form == "json":
        return as_json(slug, found.figures, page=found.page, n_pages=found.n_pages)
    context = {"section": "agreement", "campaign": found.campaign, "tab": "pairs", "found": found}
    return render(request, "annotate/audit/pairs.html", context)


@require_safe
@admin_required
def change(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """The agreement before and after a change of the guideline, with the interval of the difference."""
    named = {name: request.GET.get(name, "") for name in ("before", "after")}
    try:
        found = guideline_change(campaign=_ranking_campaign(slug), **named)
    except DomainError as error:
        raise Http404(str(error)) from error
    if form == "csv":
        return as_csv(f"change-{slug}", found.figures)
    if form == "json":
        return as_json(slug, found.figures, before=found.before, after=found.after, n_in_both=found.n_in_both)
    context = {"section": "agreement", "campaign": found.campaign, "tab": "change", "found": found}
    context["rows"] = [(MEASURE[one.measure], one) for one in found.compared]
    context["meaning"] = change_meaning(found.compared[0].change) if found.compared else ""
    return render(request, "annotate/audit/change.html", context)


@require_safe
@admin_required
def time(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """How long a judgement takes beside what reading takes, and what an hour comes to."""
    campaign = get_object_or_404(Campaign, slug=slug, kind__in=COMPARING)
    found = time_and_pay(campaign=campaign, page=page_number(request.GET.get("page", "")))
    if form == "csv":
        return as_csv(f"time-{slug}", found.figures)
    if form == "json":
        more = {"page": found.page, "n_pages": found.n_pages, "pays_too_little_time": found.pays_too_little_time}
        too_little = [person.username for person in found.people if person.too_little]
        return as_json(slug, found.figures, **more, too_little_time=too_little)
    context = {"section": "agreement", "campaign": found.campaign, "tab": "time", "found": found}
    context["meaning"] = time_meaning(found.seconds, found.reading)
    context["speed"] = f"{WORDS_PER_MINUTE:g}"
    return render(request, "annotate/audit/time.html", context)


@require_safe
def task(request: HttpRequest, pk: int) -> HttpResponse:
    """One task with all that is known of it. Experts who may decide see it without names, where they decide it."""
    if not request.user.is_admin:
        return _for_expert(request, pk)
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
    context |= _decisions(judged)
    if hasattr(judged.task, "gold"):
        context["known"] = known_answer(judged.task, judged.completions)
        context["mixable"] = not gold.why_not_mixed(judged.task)
    return render(request, "annotate/task.html", context)


def _for_expert(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        found = adjudicating.find_task(pk, request.user)
    except DomainError as error:
        raise PermissionDenied(str(error)) from error
    return redirect("annotate:disagreement", found.campaign.slug, pk)


def _decisions(judged: queries.JudgedTask) -> dict:
    """What experts decided, newest first; and what annotators said, where the table of completions lacks it."""
    campaign = judged.task.campaign
    if campaign.kind not in adjudicating.KINDS:
        return {}
    history = list(judged.task.adjudications.select_related("by").order_by("-version"))
    people, answers = [], []
    if campaign.kind in (Campaign.Kind.STEPS, Campaign.Kind.REVIEW):
        said = {one.pk: one for one in with_answers(judged.task.judgements.current())}
        for one in judged.judgements:
            said[one.pk].task = judged.task
            people.append(one.annotator.username)
            answers.append(answer_of(said[one.pk]))
    made = [one for one in history if one.answer is not None]
    answers += [with_ids(one.answer) for one in made]
    return {
        "history": history,
        "dispute": Dispute.objects.filter(task=judged.task).first(),
        "made": made,
        "people": people,
        "beside": rows_of(campaign, campaign.guideline, judged.completions, answers) if answers else [],
    }


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
