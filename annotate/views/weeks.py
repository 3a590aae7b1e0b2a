"""Weeks across campaigns, for admins: the list, and one week as a page, CSV or JSON."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotate.audit_queries.slices import Group
from annotate.audit_queries.week import WeekAudit, audited_weeks, week_audit
from annotate.errors import DomainError
from annotate.forms import COMPARING
from annotate.models import Campaign
from annotate.views.access import admin_required
from annotate.views.audit import AGREEMENT_OF
from annotate.views.downloads import as_csv, figures_as_json, page_number
from annotate.views.measures import MEASURES, week_meaning


@require_safe
@admin_required
def index(request: HttpRequest, form: str = "html") -> HttpResponse:
    """Every week with how far people agreed, the latest first."""
    weeks = audited_weeks()
    figures = [figure for one in weeks for figure in one.figures]
    if form == "csv":
        return as_csv("weeks", figures)
    if form == "json":
        return figures_as_json(figures)
    context = {"section": "agreement", "tab": "weeks", "is_list": True, "weeks": weeks}
    context["charted"] = [
        Group(str(one.first), one.key, one.agreement) for one in reversed(weeks) if one.agreement.n_judgements
    ]
    return render(request, "annotate/audit/weeks.html", context)


@require_safe
@admin_required
def week(request: HttpRequest, key: str, form: str = "html") -> HttpResponse:
    """One week over all campaigns, beside the week before."""
    try:
        found = week_audit(key=key, page=page_number(request.GET.get("page", "")))
    except DomainError as error:
        raise Http404(str(error)) from error
    if form == "csv":
        return as_csv(f"week-{key}", found.figures)
    if form == "json":
        return figures_as_json(found.figures, week=key, page=found.page, n_pages=found.n_pages)
    changes = {one.measure: one.change for one in found.compared}
    context = {"section": "agreement", "tab": "weeks", "found": found, "charted": _charted(found)}
    context["campaigns"] = [(_address(one.campaign, found), one) for one in found.campaigns]
    context["measures"] = [
        (one, getattr(found.overall, one.name), getattr(found.earlier, one.name), changes.get(one.name))
        for one in MEASURES
    ]
    context["meaning"] = week_meaning(changes["strict_agreement"]) if changes else ""
    context["is_over"] = found.listed.last < timezone.now().date()
    return render(request, "annotate/audit/week.html", context)


def _address(campaign: Campaign, found: WeekAudit) -> str:
    """The page of the campaign that says most about the week."""
    name = AGREEMENT_OF.get(campaign.kind, "annotate:campaign_settings")
    sliced = f"?week={found.listed.first}" if campaign.kind in COMPARING else ""
    return reverse(name, args=[campaign.slug]) + sliced


def _charted(found: WeekAudit) -> list[Group]:
    """The agreement of this week, of the one before, and by campaign where there are several."""
    rows = [Group("week", _("This week"), found.overall), Group("before", _("The week before"), found.earlier)]
    campaigns = [
        Group(one.campaign.slug, one.campaign.name, one.agreement) for one in found.campaigns if one.is_ranking
    ]
    return rows + (campaigns if len(campaigns) > 1 else [])
