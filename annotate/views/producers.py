"""Producers, for admins: who is preferred, by how much, in one campaign and over all."""

from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from annotate.audit_queries.producer import audited_producers, producer_audit
from annotate.errors import DomainError
from annotate.models import Campaign
from annotate.score_queries import ProducerScore, producer_scores
from annotate.views.access import admin_required
from annotate.views.downloads import as_csv, as_json, figures_as_json

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
    low, high = axis(found.producers)
    style = [(FEATURES[name], estimated) for name, estimated in found.style.items()]
    context = {"section": "agreement", "campaign": campaign, "tab": "producers"}
    context |= {"found": found, "low": low, "high": high, "style": style}
    return render(request, "annotate/producers.html", context)


def axis(producers: Sequence[ProducerScore]) -> tuple[float, float]:
    """The ends of the axis that the scores of all producers are drawn on: it holds every interval."""
    ends = [
        end
        for one in producers
        for score in (one.score, one.styled_score)
        for end in (score.value, score.lo, score.hi)
        if end is not None
    ]
    return min([-0.1, *ends]), max([0.1, *ends])


STYLES = {
    "words": _("Words"),
    "lists": _("List items"),
    "bold": _("Bold passages"),
    "headers": _("Headers"),
    "refusal": _("Declines to answer"),
}


@require_safe
@admin_required
def index(request: HttpRequest, form: str = "html") -> HttpResponse:
    """Every producer that was compared, over all ranking campaigns."""
    found = audited_producers()
    figures = [figure for one in found for figure in one.figures]
    if form == "csv":
        return as_csv("producers", figures)
    if form == "json":
        return figures_as_json(figures)
    context = {"section": "agreement", "tab": "producers", "is_list": True, "producers": found}
    return render(request, "annotate/audit/all_producers.html", context)


@require_safe
@admin_required
def producer(request: HttpRequest, pk: int, form: str = "html") -> HttpResponse:
    """One producer over all ranking campaigns."""
    try:
        found = producer_audit(pk=pk)
    except DomainError as error:
        raise Http404(str(error)) from error
    if form == "csv":
        return as_csv(f"producer-{pk}", found.figures)
    if form == "json":
        return figures_as_json(found.figures, producer=found.producer.name)
    low, high = axis([one.score for one in found.campaigns])
    context = {"section": "agreement", "tab": "producers", "found": found, "low": low, "high": high}
    context["styles"] = [(STYLES[one.name], one, one.name == "refusal") for one in found.styles]
    context["places"] = [
        ("opponents", gettext("Against whom"), gettext("Opponent"), found.opponents),
        ("domains", gettext("By domain"), gettext("Domain"), found.domains),
    ]
    context["examples"] = [
        ("best", gettext("All preferred it"), found.best),
        ("worst", gettext("All preferred what stood beside it"), found.worst),
        ("disputed", gettext("People disagree most"), found.disputed),
    ]
    return render(request, "annotate/audit/producer.html", context)
