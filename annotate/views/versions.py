"""One version of a guideline over all campaigns, for admins: as a page, CSV or JSON."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotate.audit_queries.slices import Group
from annotate.audit_queries.version import VersionAudit, key_of, version_audit
from annotate.errors import DomainError
from annotate.views.access import admin_required
from annotate.views.downloads import as_csv, figures_as_json
from annotate.views.measures import MEASURES


@require_safe
@admin_required
def version(request: HttpRequest, slug: str, version: int, form: str = "html") -> HttpResponse:
    """What was judged under one version of a guideline, beside the version before."""
    try:
        found = version_audit(slug=slug, version=version)
    except DomainError as error:
        raise Http404(str(error)) from error
    key = key_of(found.guideline)
    if form == "csv":
        return as_csv(f"guideline-{key}", found.figures)
    if form == "json":
        return figures_as_json(found.figures, guideline=slug, version=version)
    context = {"section": "agreement", "found": found, "key": key}
    context["key_before"] = key_of(found.before) if found.before else ""
    if found.is_ranking:
        sides = (found.overall, found.earlier)
        context["measures"] = [(one, *(getattr(side, one.name) for side in sides)) for one in MEASURES]
        context["charted"] = _charted(found)
    return render(request, "annotate/audit/version.html", context)


def _charted(found: VersionAudit) -> list[Group]:
    """The agreement under this version, under the one before, and by campaign where there are several."""
    rows = [Group("version", _("This version"), found.overall)]
    if found.before:
        rows.append(Group("before", _("The version before"), found.earlier))
    campaigns = [Group(one.campaign.slug, one.campaign.name, one.agreement) for one in found.campaigns]
    return rows + (campaigns if len(campaigns) > 1 else []) if campaigns else []
