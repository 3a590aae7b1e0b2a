"""The language of the pages: choosing it, and its strings for our scripts."""

import json

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page, require_POST, require_safe
from django.views.i18n import JavaScriptCatalog, set_language

from annotate.errors import DomainError
from annotate.services.people import choose_language


@login_not_required
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the posted `language`, in a cookie and with the account, and show the page again that it was chosen on."""
    if request.user.is_authenticated:
        try:
            choose_language(user=request.user, language=request.POST.get("language", ""))
        except DomainError as error:
            messages.warning(request, str(error))
    return set_language(request)


def remember_language(response: HttpResponse, code: str) -> None:
    """Let the browser ask for this language from now on."""
    cookie = {"max_age": settings.LANGUAGE_COOKIE_AGE, "secure": settings.LANGUAGE_COOKIE_SECURE}
    cookie |= {"httponly": settings.LANGUAGE_COOKIE_HTTPONLY, "samesite": settings.LANGUAGE_COOKIE_SAMESITE}
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, code, **cookie)


class Strings(JavaScriptCatalog):
    """Django's catalog of a language for scripts, in a tenth of its size: what is used, and no escapes."""

    packages = ["annotate"]  # not the admin's strings, too

    def render_to_response(self, context: dict, **kwargs) -> HttpResponse:
        """The functions gettext, pgettext, ngettext and interpolate with the strings they look up."""
        catalog = json.dumps(context["catalog"], ensure_ascii=False, separators=(",", ":"))
        context = {"catalog": catalog, "plural": context["plural"] or "n !== 1"}
        return render(self.request, "strings.js", context, content_type="text/javascript; charset=utf-8")


@login_not_required
@require_safe
@gzip_page  # it holds no secret that its length could tell
@cache_control(public=True, max_age=60)  # as other scripts; then its ETag is asked for
@conditional_page
def strings(request: HttpRequest, code: str) -> HttpResponse:
    """A language's strings, as a script to load before ours."""
    if code not in dict(settings.LANGUAGES):
        raise Http404(_("There is no language %(code)s.") % {"code": code})
    with override(code):
        return Strings.as_view()(request)
