"""What waits in a campaign and how it is given out, for admins."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotate import campaign_queries
from annotate.languages import own_name
from annotate.models import Campaign, ContentWarning
from annotate.views.access import admin_required
from annotate.views.assignment_forms import titles
from annotate.views.assignment_words import rules_in_words


@require_safe
@admin_required
def campaign_queues(request: HttpRequest, slug: str) -> HttpResponse:
    """The rules in force, the queues with what is left of them, and the lanes that judgements came through."""
    campaign = get_object_or_404(Campaign, slug=slug)
    found = campaign_queries.campaign_queues(campaign=campaign)
    words, kinds = rules_in_words(campaign), dict(ContentWarning.Kind.choices)
    lanes = {"ordered": _("In order"), "random": _("At random"), "gold": _("Known answers"), "none": _("Not given out")}
    n = sum(found.lanes.values())
    context = {
        "section": "campaigns",
        "found": found,
        "rules": [(title, words[group]) for group, title in titles().items()],
        "queues": [
            (
                queue,
                own_name(queue.language) if queue.language else "",
                [kinds.get(kind, kind) for kind in queue.warnings],
            )
            for queue in found.queues
        ],
        "lanes": [
            (label, found.lanes[lane], found.lanes[lane] / n) for lane, label in lanes.items() if found.lanes[lane]
        ],
    }
    return render(request, "annotate/queues.html", context)
