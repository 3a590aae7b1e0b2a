"""The language of the pages: choosing it, and its strings for our scripts."""

import json

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_POST, require_safe
from django.views.i18n import JavaScriptCatalog, set_language


@login_not_required
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the posted `language` in a cookie and show the page again that it was chosen on."""
    return set_language(request)


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
@cache_control(public=True, max_age=60)  # as other scripts; then its ETag is asked for
@conditional_page
def strings(request: HttpRequest, code: str) -> HttpResponse:
    """A language's strings, as a script to load before ours."""
    if code not in dict(settings.LANGUAGES):
        raise Http404(_("There is no language %(code)s.") % {"code": code})
    with override(code):
        return Strings.as_view()(request)
