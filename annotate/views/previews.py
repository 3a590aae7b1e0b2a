"""What annotators will see in a campaign, for admins: one of its tasks, or a sample, without claiming anything."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from annotate import campaign_queries
from annotate.models import Campaign
from annotate.views.access import admin_required
from annotate.views.work import show_preview


@require_safe
@admin_required
def preview_task(request: HttpRequest, slug: str) -> HttpResponse:
    """The campaign's page for a task."""
    campaign = get_object_or_404(Campaign.objects.select_related("guideline", "source"), slug=slug)
    return show_preview(request, campaign_queries.preview(campaign=campaign))
