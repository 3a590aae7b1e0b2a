"""The page for when there is nothing to do: why, what one can do about it, and where there is work."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from annotate import queries
from annotate.errors import NotFound
from annotate.models import Campaign
from annotate.services import daily
from annotate.services.onboarding import standing
from annotate.waiting import Reason, why_nothing

SAY_MORE = {
    "opt_out": (gettext_lazy("Change what you are never given"), "annotate:preferences"),
    "language": (gettext_lazy("Choose your languages"), "annotate:preferences"),
    "domain": (gettext_lazy("Say what you know"), "annotate:expertise"),
    "skill": (gettext_lazy("See how you did on known answers"), "annotate:my_feedback"),
    "step": (gettext_lazy("Go on"), "annotate:onboarding"),
}
"""What somebody can do about a reason, and where."""
OF_CAMPAIGN = ("domain", "step")
FINAL = ("suspended", "closed")


@require_safe
def waiting(request: HttpRequest, slug: str) -> HttpResponse:
    """Why nothing is handed out to this person in the campaign."""
    campaign = get_object_or_404(Campaign.objects.select_related("spending"), slug=slug)
    try:
        reasons = why_nothing(annotator=request.user, campaign=campaign)
    except NotFound as error:
        raise Http404(str(error)) from error
    others = queries.campaigns_with_progress(annotator=request.user)
    context = {
        "section": "work",
        "campaign": campaign,
        "reasons": [(reason, *_what_to_do(request, campaign, reason)) for reason in reasons],
        "final": any(reason.code in FINAL for reason in reasons),
        "others": [one for one in others if one.campaign != campaign and (one.holds_task or one.has_work_for_me)],
        "today": daily.done_today(annotator=request.user),
        "last": queries.last_submitted(annotator=request.user, campaign=campaign),
    }
    return render(request, "annotate/waiting.html", context)


def _what_to_do(request: HttpRequest, campaign: Campaign, reason: Reason) -> tuple[str, str]:
    """The words and the address of a link, or two empty texts."""
    words, name = SAY_MORE.get(reason.code, ("", ""))
    if reason.code == "domain" and "expertise" not in standing(user=request.user, campaign=campaign).steps:
        return "", ""
    if reason.code == "skill" and not campaign.show_gold:
        return "", ""
    return (words, reverse(name, args=[campaign.slug] if reason.code in OF_CAMPAIGN else [])) if name else ("", "")
