"""Domains across campaigns, for admins: the list, and one domain as a page, CSV or JSON."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotate.audit_queries.domain import audited_domains, domain_audit
from annotate.audit_queries.slices import NO_DOMAIN, Group
from annotate.errors import DomainError
from annotate.views.access import admin_required
from annotate.views.downloads import as_csv, figures_as_json, page_number
from annotate.views.measures import MEASURES


@require_safe
@admin_required
def index(request: HttpRequest, form: str = "html") -> HttpResponse:
    """Every domain with how far people agree in it."""
    domains = audited_domains()
    figures = [figure for one in domains for figure in one.figures]
    if form == "csv":
        return as_csv("domains", figures)
    if form == "json":
        return figures_as_json(figures)
    context = {"section": "agreement", "tab": "domains", "is_list": True, "domains": domains}
    context["charted"] = [one for one in domains if one.agreement.n_judgements]
    return render(request, "annotate/audit/domains.html", context)


@require_safe
@admin_required
def domain(request: HttpRequest, slug: str, form: str = "html") -> HttpResponse:
    """One domain over all ranking campaigns."""
    try:
        found = domain_audit(slug=slug, page=page_number(request.GET.get("page", "")))
    except DomainError as error:
        raise Http404(str(error)) from error
    if form == "csv":
        return as_csv(f"domain-{slug}", found.figures)
    if form == "json":
        return figures_as_json(found.figures, domain=slug, page=found.page, n_pages=found.n_pages)
    measures = [(one, getattr(found.overall, one.name), getattr(found.elsewhere, one.name)) for one in MEASURES]
    beside = [Group("here", _("This domain"), found.overall), Group("elsewhere", _("All others"), found.elsewhere)]
    campaigns = [Group(one.campaign.slug, one.campaign.name, one.here) for one in found.campaigns]
    context = {"section": "agreement", "tab": "domains", "found": found, "measures": measures}
    context |= {"charted": [*beside, *campaigns], "is_domain": slug != NO_DOMAIN}
    return render(request, "annotate/audit/domain.html", context)
