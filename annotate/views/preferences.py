"""What people set for themselves."""

import json

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from annotate.errors import DomainError
from annotate.services import preferences


@require_POST
def shortcuts(request: HttpRequest) -> HttpResponse:
    """Change keys of the workplace; a refusal is the sentence alone, which the page's script shows."""
    try:
        preferences.change_shortcuts(user=request.user, changes=_json(request.POST.get("shortcuts", "")))
    except DomainError as error:
        return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
