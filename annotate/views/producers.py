"""Scores of producers, for admins: who is preferred, by how much, at equal style and length, against a baseline."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from annotate.errors import DomainError
from annotate.models import Campaign
from annotate.score_queries import CampaignProducers, producer_scores
from annotate.views.access import admin_required
from annotate.views.downloads import as_csv, as_json

FEATURES = {"length": _("Length"), "lists": _("Lists"), "bold": _("Bold"), "headers": _("Headers")}


@require_safe
@admin_required
def page(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """The producers of one ranking campaign, as a page, CSV or JSON."""
    campaign = get_object_or_404(Campaign, slug=slug, kind=Campaign.Kind.RANKING)
    try:
        found = producer_scores(campaign=campaign, baseline=request.GET.get("baseline", ""))
    except DomainError as error:
        raise Http404(str(error)) from error
    if form == "csv":
        return as_csv(f"producers-{slug}", found.figures)
    if form == "json":
        return as_json(slug, found.figures, baseline=found.baseline)
    low, high = axis(found)
    style = [(FEATURES[name], estimated) for name, estimated in found.style.items()]
    context = {"section": "agreement", "campaign": campaign, "tab": "producers"}
    context |= {"found": found, "low": low, "high": high, "style": style}
    return render(request, "annotate/producers.html", context)


def axis(found: CampaignProducers) -> tuple[float, float]:
    """The ends of the axis that the scores of all producers are drawn on: it holds every interval."""
    ends = [
        end
        for one in found.producers
        for score in (one.score, one.styled_score)
        for end in (score.value, score.lo, score.hi)
        if end is not None
    ]
    return min([-0.1, *ends]), max([0.1, *ends])
