"""How many judgements: what it takes to know an agreement to within a few points. A plain form that asks by GET."""

import math
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotate.models import Campaign
from annotate.quality.planner import plan
from annotate.score_queries import MeasuredAgreement, measured_agreement
from annotate.views.access import admin_required

POINTS, AGREEMENT = "3", "70"
MOST_ANNOTATORS = 1_000_000


@dataclass(slots=True)
class Asked:
    """What was typed, as it was typed, with what is wrong with it, by field."""

    half_width: str
    agreement: str
    annotators: str
    wrong: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: HttpRequest, measured: MeasuredAgreement | None) -> "Asked":
        """The fields of the address; where a campaign is chosen, what it measured."""
        given = {name: request.GET.get(name, "").strip()[:20] for name in ("half_width", "agreement", "annotators")}
        if measured and measured.agreement.value is not None:
            given["agreement"] = f"{max(50.0, min(99.9, 100 * measured.agreement.value)):.1f}"
            given["annotators"] = str(measured.n_annotators)
        return cls(given["half_width"] or POINTS, given["agreement"] or AGREEMENT, given["annotators"])

    def share(self, name: str, low: float, high: float, sentence: str) -> float:
        """A field in percent as a share, from low to high percent; else the sentence is what is wrong."""
        try:
            value = float(getattr(self, name).replace(",", "."))
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            self.wrong[name] = sentence
        return value / 100

    def people(self) -> int | None:
        """How many annotators, or None where that was left open."""
        text = self.annotators
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and 2 <= int(text) <= MOST_ANNOTATORS):
            self.wrong["annotators"] = _("Write how many annotators there are, 2 or more, or leave it empty.")
            return None
        return int(text)


@require_safe
@admin_required
def page(request: HttpRequest) -> HttpResponse:
    """The form, and the plan for what it says."""
    slug = request.GET.get("campaign", "")
    campaign = get_object_or_404(Campaign, slug=slug, kind=Campaign.Kind.RANKING) if slug else None
    measured = measured_agreement(campaign=campaign) if campaign else None
    asked = Asked.of(request, measured)
    half_width = asked.share("half_width", 0.1, 49, _("Write how many points, from 0.1 to 49."))
    agreement = asked.share(
        "agreement", 50, 99.9, _("Write a share from 50 to 99.9 %: two people who toss coins agree half of the time.")
    )
    annotators = asked.people()
    found = None if asked.wrong else plan(half_width, agreement, annotators=annotators)
    context = {"section": "agreement", "asked": asked, "plan": found, "measured": measured}
    ranked = Campaign.objects.filter(kind=Campaign.Kind.RANKING)
    context["campaigns"] = ranked.order_by("-created_at", "-pk")
    return render(request, "annotate/plan.html", context, status=422 if asked.wrong else 200)
