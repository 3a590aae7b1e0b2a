"""The API's own description: OpenAPI, a page that shows it, and a problem document for unknown addresses."""

from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from annotate.api.problems import problem


class TokenScheme(KnoxTokenScheme):
    """The tokens, as the description names them."""

    target_class = "annotate.api.authentication.TokenAuthentication"


class Schema(SpectacularAPIView):
    """The OpenAPI description of this API."""


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI from this server alone, its start script apart: the content policy allows no inline one.

    The template is ours because drf-spectacular's has an inline style element, which the policy refuses too.
    """

    url_name = "api:schema"
    template_name = "api/docs.html"


@csrf_exempt
@login_not_required
def unknown_address(request: HttpRequest, rest: str) -> JsonResponse:
    """Whatever is not an address of the API."""
    detail = f"There is nothing at {request.path}; addresses end with a slash, and /api/v1/docs/ lists them."
    return problem(HTTPStatus.NOT_FOUND, "not-found", "Not found", detail)
