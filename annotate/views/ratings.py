"""Agreement on single completions, for admins: values on axes, flags and types of marked passages."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from annotate.audit_queries.inquiry import AXIS, CHARTED, FLAG, IN_GROUPS, SPAN
from annotate.audit_queries.slices import Slice
from annotate.audit_queries.value_changes import ValueChange, question_change
from annotate.audit_queries.value_pairs import ValuePairs, question_pairs
from annotate.audit_queries.values import Asked, value_audit
from annotate.errors import DomainError
from annotate.forms import COMPARING
from annotate.models import Campaign
from annotate.views.access import admin_required
from annotate.views.downloads import as_csv, as_json, page_number
from annotate.views.measures import Measure, measure_change_meaning

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
PAIR_MEASURES = [
    MEASURE["percent_agreement"],
    MEASURE["positive_agreement"],
    Measure(
        "difference",
        gettext_lazy("Difference in levels"),
        gettext_lazy("n counts completions."),
        gettext_lazy("By how many levels the first person’s values are higher on average."),
    ),
]
"""What is said of each two annotators."""
PAIR_MEASURE = {measure.name: measure for measure in PAIR_MEASURES}
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
    campaign = _campaign(slug)
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


@require_safe
@admin_required
def change(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """The agreement on one question before and after a change of the guideline; as a page, CSV or JSON."""
    named = {name: request.GET.get(name, "") for name in ("of", "before", "after")}
    try:
        found = question_change(campaign=_campaign(slug), **named)
    except DomainError as error:
        raise Http404(str(error)) from error
    if form == "csv":
        return as_csv(f"ratings-change-{slug}", found.figures)
    if form == "json":
        more = {"before": found.before, "after": found.after, "n_in_both": found.n_in_both}
        return as_json(slug, found.figures, of=found.of.key if found.of else "", **more)
    context = _context(found, "ratings_change")
    context["rows"] = [(MEASURE[one.measure], one) for one in found.compared]
    if found.compared:
        read = next(one for one in found.compared if one.measure == CHARTED[found.of.kind])
        context["meaning"] = measure_change_meaning(MEASURE[read.measure], read.change)
    return render(request, "annotate/audit/ratings_change.html", context)


@require_safe
@admin_required
def pairs(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """How far each two annotators agree on one question: a heat map, and the same as a table, CSV and JSON."""
    page = page_number(request.GET.get("page", ""))
    try:
        found = question_pairs(campaign=_campaign(slug), of=request.GET.get("of", ""), page=page)
    except DomainError as error:
        raise Http404(str(error)) from error
    if form == "csv":
        return as_csv(f"ratings-pairs-{slug}", found.figures)
    if form == "json":
        of = found.of.key if found.of else ""
        return as_json(slug, found.figures, of=of, page=found.page, n_pages=found.n_pages)
    context = _context(found, "ratings_pairs")
    columns = context["columns"] = [PAIR_MEASURE[name] for name in found.measures]
    reach = float(max(len(found.of.levels) - 1, 1)) if found.of else 1.0
    ends = [(one.low, 1.0) if one.is_share else (-reach, reach) for one in columns]
    context["rows"] = [
        (pair, [(getattr(pair, one.name), one.is_share, *end) for one, end in zip(columns, ends, strict=True)])
        for pair in found.pairs
    ]
    return render(request, "annotate/audit/ratings_pairs.html", context)


def _campaign(slug: str) -> Campaign:
    return get_object_or_404(Campaign, slug=slug, kind__in=COMPARING)


def _context(found: ValueChange | ValuePairs, tab: str) -> dict:
    """What both pages of one question have; a campaign of rankings has no tabs of theirs."""
    asked = [(KINDS[kind][0], [one for one in found.questions if one.kind == kind]) for kind in KINDS]
    context = {"section": "agreement", "campaign": found.campaign, "found": found, "asked": asked}
    return context | {"tab": tab if found.campaign.kind == Campaign.Kind.RATING else "ratings"}


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
