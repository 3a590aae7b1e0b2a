"""The guideline texts, each version at an address of its own."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotate import queries
from annotate.models import Guideline


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The newest version of every guideline."""
    context = {"section": "guidelines", "guidelines": queries.current_guidelines()}
    return render(request, "annotate/guidelines.html", context)


@require_safe
def detail(request: HttpRequest, slug: str, version: int | None = None) -> HttpResponse:
    """One version of a guideline, the newest unless a version is named."""
    versions = list(Guideline.objects.filter(slug=slug).order_by("-version"))
    shown = next((one for one in versions if version in (None, one.version)), None)
    if shown is None:
        raise Http404(_("There is no such guideline, or it has no version of this number."))
    context = {"section": "guidelines", "guideline": shown, "versions": versions}
    return render(request, "annotate/guideline.html", context)
