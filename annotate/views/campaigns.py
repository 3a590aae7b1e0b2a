"""Campaigns, for admins: the list, setting one up, changing it, filling it, and seeing what annotators will see."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotate import campaign_queries
from annotate.errors import DomainError
from annotate.forms import PRESENCE
from annotate.models import Campaign, CampaignChange, User
from annotate.services import budgets
from annotate.services.setup import SettingsRefused, change_campaign, form_is_fixed, move_campaign, set_up_campaign
from annotate.services.uploads import MAX_MEGABYTES, MAX_PROMPTS, import_upload
from annotate.views.access import admin_required
from annotate.views.assignment_forms import on_record, shown_rules
from annotate.views.campaign_forms import in_words, read_settings, shown
from annotate.views.work_forms import typed

Kind = Campaign.Kind
WHAT_FOR = {
    Kind.RANKING: gettext_lazy("Put two to nine completions of a prompt in order, with ties."),
    Kind.RATING: gettext_lazy("Give each completion values on scales, and flag what is wrong with it."),
    Kind.DEMONSTRATION: gettext_lazy("Write the answer to a prompt, or the prompt and the answer."),
    Kind.REVISION: gettext_lazy("Edit a completion into a better one."),
    Kind.REVIEW: gettext_lazy("A second person accepts, edits or returns what somebody wrote."),
    Kind.STEPS: gettext_lazy("Call each step of a solution good, neutral or bad, down to the first error."),
}
MOVED = {
    "open": gettext_lazy("“%(name)s” is open: people can work in it."),
    "paused": gettext_lazy("“%(name)s” is paused: nobody gets a new task in it until you reopen it."),
    "closed": gettext_lazy("“%(name)s” is closed for good. What was judged stays."),
}


@require_safe
@admin_required
def campaign_list(request: HttpRequest) -> HttpResponse:
    """Every campaign with its state and progress."""
    campaigns = campaign_queries.campaigns_overview()
    used_up = {campaign.pk for campaign in campaigns if budgets.used_up(campaign)}
    context = {"section": "campaigns", "campaigns": campaigns, "used_up": used_up}
    return render(request, "annotate/campaigns.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def new_campaign(request: HttpRequest) -> HttpResponse:
    """Choose a kind, then set a campaign of that kind up."""
    kind = (request.POST if request.method == "POST" else request.GET).get("kind", "")
    if kind not in Kind.values:
        kinds = [(value, label, WHAT_FOR[value]) for value, label in Kind.choices]
        return render(request, "annotate/campaign_kinds.html", {"section": "campaigns", "kinds": kinds})
    if request.method != "POST":
        return _setup_page(request, Campaign(kind=kind, overlap=1 if kind in ("demonstration", "review") else 3))
    settings = read_settings(request.POST)
    slug = typed(request.POST, "slug").strip() or slugify(settings["name"])[:64]
    source = Campaign.objects.filter(slug=typed(request.POST, "source")).first()
    draft = Campaign(kind=kind, slug=slug, source=source)

    def save(by: User) -> HttpResponse:
        campaign = set_up_campaign(by=by, slug=slug, kind=kind, source=source, **settings)
        messages.success(request, _("“%(name)s” is set up. Now give it tasks.") % {"name": campaign.name})
        return redirect("annotate:campaign_settings", campaign.slug)

    return _save_or_show(request, draft, settings, save)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_required
def campaign_settings(request: HttpRequest, slug: str) -> HttpResponse:
    """The settings of a campaign, its tasks, and who changed what."""
    campaign = get_object_or_404(Campaign.objects.select_related("guideline", "source"), slug=slug)
    if request.method != "POST":
        return _setup_page(request, campaign)
    settings = read_settings(request.POST)

    def save(by: User) -> HttpResponse:
        changes = change_campaign(campaign=campaign, by=by, **settings)
        said = ", ".join(in_words(change.field) for change in changes)
        messages.success(request, _("Saved: %(changed)s.") % {"changed": said} if said else _("Nothing was changed."))
        return redirect("annotate:campaign_settings", campaign.slug)

    return _save_or_show(request, campaign, settings, save)


def _save_or_show(
    request: HttpRequest, campaign: Campaign, settings: Mapping[str, Any], save: Callable[[User], HttpResponse]
) -> HttpResponse:
    """Save, or show the page again: with the errors, or with more blank rows where the person asked for them."""
    errors: dict[str, str] = {}
    more = typed(request.POST, "more")
    if not more:
        try:
            return save(request.user)
        except SettingsRefused as refused:
            errors = refused.errors
    for name, value in settings.items():
        if name != "guideline" or value is not None:
            setattr(campaign, name, value)
    return _setup_page(request, campaign, errors, more)


def _setup_page(
    request: HttpRequest, campaign: Campaign, errors: Mapping[str, str] | None = None, more: str = ""
) -> HttpResponse:
    rules = shown_rules(campaign, errors or {})
    errors = rules["errors"]
    context = {
        "section": "campaigns",
        **shown(campaign, more),
        "rules": rules,
        "errors": errors,
        "summary": [(name, in_words(name), sentence) for name, sentence in errors.items()],
        "guidelines": campaign_queries.guidelines_for(kind=campaign.kind, campaign=campaign if campaign.pk else None),
        "presence": zip(PRESENCE, (_("Not asked"), _("Optional"), _("Required")), strict=True),
        "what_for": WHAT_FOR[campaign.kind],
    }
    context["presence"] = list(context["presence"])
    if campaign.pk:
        # What stands beside them is of the settings in force, not of those that were refused.
        in_force = Campaign.objects.get(pk=campaign.pk) if errors or more else campaign
        context["beside"] = beside = campaign_queries.campaign_settings(campaign=in_force)
        context["changes"] = [(change, in_words(change.field), *_before_and_after(change)) for change in beside.changes]
        context["form_fixed"] = form_is_fixed() if beside.has_answers else ""
        context |= {"most_megabytes": MAX_MEGABYTES, "most_prompts": MAX_PROMPTS}
    elif campaign.kind == Kind.REVIEW:
        context["sources"] = campaign_queries.reviewable_campaigns()
    return render(request, "annotate/campaign_setup.html", context, status=422 if errors else 200)


def _before_and_after(change: CampaignChange) -> tuple[Any, Any]:
    if change.field == "assignment":
        return on_record(change.old), on_record(change.new)
    return change.old, change.new


@require_POST
@admin_required
def change_state(request: HttpRequest, slug: str) -> HttpResponse:
    """Pause, reopen or close a campaign."""
    campaign = get_object_or_404(Campaign, slug=slug)
    state = typed(request.POST, "state")
    try:
        move_campaign(campaign=campaign, state=state, by=request.user)
    except DomainError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, str(MOVED[state]) % {"name": campaign.name})
    return redirect("annotate:campaigns")


@require_POST
@admin_required
def upload_tasks(request: HttpRequest, slug: str) -> HttpResponse:
    """Add the tasks of an uploaded file."""
    campaign = get_object_or_404(Campaign, slug=slug)
    try:
        if "file" not in request.FILES:
            raise DomainError(_("Choose a file first."))
        report = import_upload(
            campaign=campaign,
            upload=request.FILES["file"],
            by=request.user,
            skip_bad_rows="skip_bad_rows" in request.POST,
            domain=slugify(typed(request.POST, "domain"))[:64],
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        left_out = f" {_('Left out')}: {'; '.join(report.bad_rows[:20])}" if report.bad_rows else ""
        said = _("%(new)d new tasks of %(all)d prompts in the file.")
        messages.success(request, said % {"new": report.new_tasks, "all": report.n_items} + left_out)
    return redirect("annotate:campaign_settings", campaign.slug)
