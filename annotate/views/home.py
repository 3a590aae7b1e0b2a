"""The first page: what there is to do, and how far it is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotate import queries
from annotate.adjudication_queries import to_decide
from annotate.review_queries import returned_to
from annotate.services import daily


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Campaigns with progress; the most needed task of all is one Enter away."""
    campaigns = queries.campaigns_with_progress(annotator=request.user)
    context = {
        "section": "work",
        "campaigns": campaigns,
        "holding": any(entry.holds_task for entry in campaigns),
        "has_work": any(entry.has_work_for_me for entry in campaigns),
        "to_decide": [] if request.user.is_admin else to_decide(user=request.user),
        "returned": returned_to(annotator=request.user),
        "today": daily.done_today(annotator=request.user),
        "last": queries.last_submitted(annotator=request.user),
    }
    return render(request, "annotate/home.html", context)
