"""Who may open a page. Everybody must be logged in (LoginRequiredMiddleware); audit pages ask for an admin."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _


def admin_required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse, with a sentence, whoever is not an admin."""

    @wraps(view)
    def guarded(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not request.user.is_admin:
            raise PermissionDenied(
                _("This page is for admins: it shows who judged what. Ask one of them if you need it.")
            )
        return view(request, *args, **kwargs)

    return guarded
