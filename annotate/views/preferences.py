"""What people set for themselves."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from annotate.errors import DomainError
from annotate.models import ContentWarning
from annotate.services import preferences as service
from annotate.services.person import Person

GUIDELINE_COOKIE = {"max_age": 31_536_000, "samesite": "Lax", "path": "/"}


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """What this person is never given, and how the pages look to them."""
    if request.method != "POST":
        context = {
            "section": "me",
            "kinds": ContentWarning.Kind.choices,
            "avoided": Person(request.user).opt_outs,
            "guideline_open": request.COOKIES.get("guideline", "open") == "open",
        }
        return render(request, "annotate/mine_preferences.html", context)
    response = redirect("annotate:preferences")
    try:
        service.choose_opt_outs(user=request.user, kinds=request.POST.getlist("avoid"))
    except DomainError as error:
        messages.warning(request, str(error))
        return response
    panel = "open" if request.POST.get("guideline") == "open" else "closed"
    response.set_cookie("guideline", panel, **GUIDELINE_COOKIE)
    messages.success(request, _("Saved."))
    return response


@require_POST
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Change keys of the workplace; a refusal is the sentence alone, which the page's script shows."""
    try:
        service.change_shortcuts(user=request.user, changes=_json(request.POST.get("shortcuts", "")))
    except DomainError as error:
        return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
