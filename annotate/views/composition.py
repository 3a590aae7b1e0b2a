"""Who judged in a campaign, for admins: groups of people beside their share of the judgements."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_safe

from annotate.audit_queries.compositions import NO_LANGUAGE, Attribute, pool_composition
from annotate.composition import OTHERS
from annotate.forms import COMPARING
from annotate.languages import name_of
from annotate.models import Campaign
from annotate.views.access import admin_required
from annotate.views.demographic_labels import LABELS, label
from annotate.views.downloads import as_csv, as_json


@require_safe
@admin_required
def page(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """The composition of the pool; as a page, CSV or JSON."""
    found = pool_composition(campaign=get_object_or_404(Campaign, slug=slug, kind__in=COMPARING))
    if form == "csv":
        return as_csv(f"composition-{slug}", found.figures)
    if form == "json":
        more = {"n_people": found.n_people, "n_judgements": found.n_judgements, "until": found.until}
        before = {"n_people_before": found.n_people_before, "n_judgements_before": found.n_judgements_before}
        return as_json(slug, found.figures, **more, **before)
    tables = [_table(one) for one in found.attributes]
    context = {"section": "agreement", "campaign": found.campaign, "tab": "composition", "found": found}
    return render(request, "annotate/audit/composition.html", {**context, "tables": tables})


def _table(one: Attribute) -> dict:
    """An attribute in words."""
    rows = [(_group_label(one.kind, group.value), group) for group in one.groups]
    note = ""
    if one.kind == "languages":
        note = gettext("People may read several languages, so the shares may add up to more than 100 %.")
    return {"title": _title(one), "note": note, "rows": rows, "protected": one.protected}


def _title(one: Attribute) -> str:
    if one.kind == "expertise":
        return gettext("Expertise: %(domain)s") % {"domain": one.label}
    return gettext("Working languages") if one.kind == "languages" else str(LABELS[one.kind])


def _group_label(kind: str, value: str) -> str:
    if kind == "expertise":
        names = {"verified": gettext("Verified"), "declared": gettext("Declared, not verified")}
        return names.get(value) or gettext("Nothing declared")
    if kind == "languages":
        return gettext("None named") if value == NO_LANGUAGE else name_of(value, get_language())
    return gettext("Other answers, together") if value == OTHERS else label(value)
