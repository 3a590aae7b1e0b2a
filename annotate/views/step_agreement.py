"""Agreement on step labels, for admins: the page and its downloads, from one query."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from annotate import campaign_queries
from annotate.models import Campaign
from annotate.views.access import admin_required
from annotate.views.downloads import table_as_csv

# name: (label, what it says with what n counts, whether it is a share)
MEASURES = {
    "first_error": (
        _("Same first error"),
        _("How often two annotators find the first error at the same step, or both none. n counts their meetings."),
        True,
    ),
    "agreement": (
        _("Same label"),
        _("How often two annotators give a step the same label. n counts steps that both labelled."),
        True,
    ),
    "right_or_wrong": (
        _("Right or wrong"),
        _("The same, with good and neutral as one: what exported labels rest on. n counts steps that both labelled."),
        True,
    ),
    "alpha": (
        _("Krippendorff’s alpha"),
        _("Agreement beyond chance: 0 is chance, 1 is perfect. Nominal. n counts labels that meet another."),
        False,
    ),
}


def _find(slug: str) -> campaign_queries.CampaignStepAgreement:
    campaign = get_object_or_404(Campaign, slug=slug, kind=Campaign.Kind.STEPS)
    return campaign_queries.campaign_step_agreement(campaign=campaign)


@require_safe
@admin_required
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The agreement in one steps campaign."""
    found = _find(slug)
    measures = [(*words, getattr(found.overall, name)) for name, words in MEASURES.items()]
    context = {"section": "agreement", "found": found, "measures": measures}
    return render(request, "annotate/step_agreement.html", context)


def _figures(found: campaign_queries.CampaignStepAgreement) -> list[dict]:
    """Every figure of the page: scope, of, measure, value, lo, hi, n, reason."""
    scopes = [("campaign", found.campaign.slug, found.overall)]
    scopes += [("domain", domain, agreement) for domain, agreement in found.by_domain.items()]
    return [
        {"scope": scope, "of": of, "measure": name, **getattr(agreement, name).as_dict()}
        for scope, of, agreement in scopes
        for name in MEASURES
    ]


@require_safe
@admin_required
def figures_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Every figure of the page as CSV."""
    columns = ["scope", "of", "measure", "value", "lo", "hi", "n", "reason"]
    return table_as_csv(f"agreement-{slug}", columns, _figures(_find(slug)))


@require_safe
@admin_required
def figures_json(request: HttpRequest, slug: str) -> HttpResponse:
    """Every figure of the page as JSON."""
    return JsonResponse({"campaign": slug, "figures": _figures(_find(slug))})
