"""Which way annotators lean and how they work, for admins: the page and its downloads, from one query."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from annotate.bias_queries import CampaignBias, campaign_bias
from annotate.models import Campaign
from annotate.quality.sentences import Said
from annotate.views.access import admin_required
from annotate.views.downloads import as_csv, as_json

PEOPLE_A_PAGE = 50

# name: (label, what the share is of: the text that is preferred when the two differ by so much)
FEATURES = {
    "length": (_("Length"), _("The one that is twice as long is preferred.")),
    "lists": (_("Lists"), _("The one with three list items is preferred to one without.")),
    "bold": (_("Bold"), _("The one with three bold passages is preferred to one without.")),
    "headers": (_("Headers"), _("The one with three headers is preferred to one without.")),
    "refusal": (_("Refusing"), _("The one that declines to answer is preferred.")),
    "assertive": (_("Sounding sure"), _("The one that sounds sure is preferred to one that does not.")),
    "agrees": (_("Agreeing"), _("The one that begins by agreeing with a claim of the user is preferred.")),
    "position": (_("Position"), _("The one shown first is preferred.")),
}
SIGNALS = {
    "pace": _("Time against reading time"),
    "fast": _("Faster than reading"),
    "untouched": _("Order left as shown"),
}
COUNTS = ["n_judgements", "is_cut", "n_waiting", "n_comparisons", "n_ties"]


@require_safe
@admin_required
def bias(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """How the annotators of one campaign lean, everybody's in the feature that is chosen; as a page, CSV or JSON."""
    found = campaign_bias(campaign=get_object_or_404(Campaign, slug=slug, kind=Campaign.Kind.RANKING))
    warnings = [in_words(said) for said in found.warnings]
    if form == "csv":
        return as_csv(f"bias-{slug}", figures(found))
    if form == "json":
        counts = {name: getattr(found, name) for name in COUNTS}
        return as_json(slug, figures(found), warnings=warnings, **counts)
    told = [one for one in found.pool if one.share.value is not None]
    names = [one.feature for one in told] or ["length"]
    chosen = request.GET.get("feature")
    chosen = chosen if chosen in names else names[0]
    at = list(FEATURES).index(chosen)
    people = sorted(found.people, key=lambda person: -(person.coefficient(chosen).value or 0.0))
    page = Paginator(people, PEOPLE_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "agreement",
        "campaign": found.campaign,
        "tab": "bias",
        "found": found,
        "pool": [(*FEATURES[one.feature], one) for one in told],
        "untold": _untold(found),
        "warnings": warnings,
        "signals": [(SIGNALS[one.name], in_words(one.said), one) for one in found.signals],
        "signal_labels": SIGNALS.values(),
        "features": [(name, FEATURES[name][0]) for name in names],
        "chosen": chosen,
        "meaning": FEATURES[chosen],
        "people": page,
        "rows": [(person, person.leanings[at]) for person in page],
    }
    return render(request, "annotate/bias.html", context)


@require_safe
@admin_required
def shared(request: HttpRequest, slug: str) -> HttpResponse:
    """What agreement cannot tell: a part for the page of agreement, which need not wait for it. Often it is empty."""
    if not request.htmx:
        return redirect("annotate:bias", slug)
    found = campaign_bias(campaign=get_object_or_404(Campaign, slug=slug, kind=Campaign.Kind.RANKING))
    context = {"campaign": found.campaign, "warnings": [in_words(said) for said in found.warnings], "elsewhere": True}
    return render(request, "annotate/_cannot.html", context)


def _untold(found: CampaignBias) -> list[tuple[str, str]]:
    """(labels, reason) of the features about which these comparisons say nothing."""
    labels: dict[str, list[str]] = {}
    for one in found.pool:
        if one.share.value is None:
            labels.setdefault(one.share.reason, []).append(str(FEATURES[one.feature][0]))
    return [(gettext(", ").join(names), reason) for reason, names in labels.items()]


def in_words(said: Said) -> str:
    """A sentence with its figures, in the page's language."""
    return said.in_words(gettext)


def figures(found: CampaignBias) -> list[dict]:
    """Every figure of the page, one dict each: scope, of, measure, value, lo, hi, n, reason."""
    slug = found.campaign.slug
    rows = [_figure("campaign", slug, "alpha", found.alpha)]
    rows.append(_figure("campaign", slug, "gold_accuracy", found.gold_accuracy))
    for one in found.pool:
        rows.append(_figure("campaign", slug, f"{one.feature}_coefficient", one.coefficient))
        rows.append(_figure("campaign", slug, f"{one.feature}_preferred", one.share))
        if one.known:
            rows.append(_figure("campaign", slug, f"{one.feature}_preferred_given_quality", one.known))
    rows += [_figure("campaign", slug, one.name, one.estimate) for one in found.signals]
    for person in found.people:
        for one in person.leanings:
            rows.append(_figure("annotator", person.annotator, f"{one.feature}_coefficient", one.coefficient))
            rows.append(_figure("annotator", person.annotator, f"{one.feature}_preferred", one.share))
        rows += [_figure("annotator", person.annotator, one.name, one.estimate) for one in person.signals]
    return rows


def _figure(scope: str, of: str, measure: str, estimate) -> dict:
    return {"scope": scope, "of": of, "measure": measure, **estimate.as_dict()}
