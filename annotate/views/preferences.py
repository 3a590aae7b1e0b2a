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
from annotate.views.languages import chosen_languages, language_choice

GUIDELINE_COOKIE = {"max_age": 31_536_000, "samesite": "Lax", "path": "/"}


@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """What this person is never given, what they read, and how the pages look to them."""
    error = None
    if request.method == "POST":
        languages = chosen_languages(request.POST)
        avoided, panel = request.POST.getlist("avoid"), request.POST.get("guideline")
        try:
            service.change_preferences(user=request.user, opt_outs=avoided, languages=languages)
        except DomainError as refused:
            error = refused
        else:
            messages.success(request, _("Saved."))
            response = redirect("annotate:preferences")
            response.set_cookie("guideline", "open" if panel == "open" else "closed", **GUIDELINE_COOKIE)
            return response
    else:
        person = Person(request.user)
        avoided, panel = person.opt_outs, request.COOKIES.get("guideline", "open")
        languages = person.languages
    context = {
        "section": "me",
        "kinds": ContentWarning.Kind.choices,
        "avoided": avoided,
        "guideline_open": panel == "open",
        "error": error,
        **language_choice(languages),
    }
    return render(request, "annotate/mine_preferences.html", context, status=422 if error else 200)


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
