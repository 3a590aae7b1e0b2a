"""Agreement on single completions, for admins: values on axes, flags and types of marked passages."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from annotate.audit_queries.slices import Slice
from annotate.audit_queries.values import AXIS, CHARTED, FLAG, IN_GROUPS, SPAN, Asked, value_audit
from annotate.errors import DomainError
from annotate.forms import COMPARING
from annotate.models import Campaign
from annotate.views.access import admin_required
from annotate.views.downloads import as_csv, as_json
from annotate.views.measures import Measure

MEASURES = [
    Measure(
        "alpha",
        gettext_lazy("Krippendorff’s alpha"),
        gettext_lazy("n counts answers that meet another."),
        gettext_lazy("Agreement beyond chance: 0 is chance, 1 is perfect."),
    ),
    Measure(
        "alpha_interval",
        gettext_lazy("Alpha by distance"),
        gettext_lazy("n counts answers that meet another."),
        gettext_lazy("The same, if the step from 1 to 2 is as large as that from 6 to 7 (interval level)."),
    ),
    Measure(
        "ac2",
        gettext_lazy("Gwet’s AC2"),
        gettext_lazy("n counts completions that two people answered for."),
        gettext_lazy(
            "How near people’s values are beyond chance (quadratic). High wherever one level takes nearly all."
        ),
    ),
    Measure(
        "percent_agreement",
        gettext_lazy("Same answer"),
        gettext_lazy("n counts two people’s answers for one completion."),
        gettext_lazy("How often two annotators give a completion exactly the same value."),
        is_share=True,
        low=0.0,
    ),
    Measure(
        "prevalence",
        gettext_lazy("How often"),
        gettext_lazy("n counts answers."),
        gettext_lazy("The share of answers that say yes."),
        is_share=True,
        low=0.0,
    ),
    Measure(
        "positive_agreement",
        gettext_lazy("Agreement on yes"),
        gettext_lazy("n counts two people’s answers of which one says yes."),
        gettext_lazy("Where one annotator says yes, the chance that another one says yes, too."),
        is_share=True,
        low=0.0,
    ),
    Measure(
        "ac1",
        gettext_lazy("Gwet’s AC1"),
        gettext_lazy("n counts completions that two people answered for."),
        gettext_lazy("Agreement beyond chance that does not collapse where an answer is rare, and flatters there."),
    ),
]
MEASURE = {measure.name: measure for measure in MEASURES}
KINDS: dict[str, tuple[Promise, Promise]] = {
    AXIS: (
        gettext_lazy("Ratings"),
        gettext_lazy(
            "Read alpha first: it counts by how many levels two people differ, against what chance would give. AC2 is"
            " high wherever nearly all completions get the same level, even if nobody can tell them apart: so look at"
            " how the levels are used before you trust it alone."
        ),
    ),
    FLAG: (
        gettext_lazy("Flags"),
        gettext_lazy(
            "A rare flag needs three numbers side by side. Read agreement on yes first: it asks whether people flag the"
            " same completions. Alpha falls where a flag is rare, even if people seldom err; AC1 is high there,"
            " whatever they do, so never believe it alone."
        ),
    ),
    SPAN: (
        gettext_lazy("Marked passages"),
        gettext_lazy(
            "Whether people mark a passage of a type anywhere in the same completions; where in the text they mark it"
            " is not compared. Read them as flags: agreement on yes first."
        ),
    ),
}


@require_safe
@admin_required
def page(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """The agreement on axes, flags and marked passages of a campaign or a slice of it; as a page, CSV or JSON."""
    campaign = get_object_or_404(Campaign, slug=slug, kind__in=COMPARING)
    chosen = Slice(**{name: request.GET.get(name, "") for name in ("domain", "version", "week")})
    try:
        found = value_audit(campaign=campaign, chosen=chosen, of=request.GET.get("of", ""))
    except DomainError as error:
        raise Http404(str(error)) from error
    if form == "csv":
        return as_csv("-".join(["ratings", slug, *chosen.given.values()]), found.figures)
    if form == "json":
        of = found.of.key if found.of else ""
        return as_json(slug, found.figures, slice=chosen.given, of=of, n_raised=found.n_raised)
    context = {
        "section": "agreement",
        "campaign": campaign,
        "tab": "ratings",
        "audit": found,
        "query": request.GET.urlencode(),
        "kinds": [_kind(kind, [one for one in found.asked if one.question.kind == kind]) for kind in KINDS],
        "charted": MEASURE[CHARTED[found.of.kind]] if found.of else None,
        "columns": [MEASURE[name] for name in found.of.measures if name in IN_GROUPS] if found.of else [],
    }
    return render(request, "annotate/audit/ratings.html", context)


def _kind(kind: str, asked: list[Asked]) -> dict:
    """All questions of a kind, with their figures in the order of the first one's measures."""
    title, advice = KINDS[kind]
    names = max((one.question.measures for one in asked), key=len, default=())
    return {
        "name": kind,
        "title": title,
        "advice": advice,
        "asked": asked,
        "measures": [MEASURE[name] for name in names],
        "values": range(1, max((len(one.usage) for one in asked), default=0) + 1),
        "cautions": [one for one in asked if one.answered.found.caution and one.is_given],
        "charted": MEASURE[CHARTED[kind]],
        "drawn": [one for one in asked if one.answered.measure(CHARTED[kind]).value is not None],
    }
