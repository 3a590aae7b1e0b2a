"""Errors as problem documents (RFC 9457, application/problem+json): what is wrong, where, what to do."""

import json
import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions

from annotate.errors import DomainError, DraftOutdated, LeaseLost, NotAllowed, NotFound, StepMissing
from annotate.services.bulk import RowsRefused
from annotate.services.setup import SettingsRefused

CONTENT_TYPE = "application/problem+json"
TYPE = "urn:concord:problem:"
SHOWN = 3

# The most specific first: the first class that fits names the problem.
DOMAIN_PROBLEMS: list[tuple[type[DomainError], HTTPStatus, str, Promise]] = [
    (LeaseLost, HTTPStatus.CONFLICT, "lease-lost", gettext_lazy("The task is no longer held")),
    (DraftOutdated, HTTPStatus.PRECONDITION_FAILED, "draft-outdated", gettext_lazy("A newer draft is there")),
    (NotAllowed, HTTPStatus.FORBIDDEN, "not-allowed", gettext_lazy("Not allowed")),
    (NotFound, HTTPStatus.NOT_FOUND, "not-found", gettext_lazy("Not found")),
    (StepMissing, HTTPStatus.FORBIDDEN, "step-missing", gettext_lazy("A step is to be done first")),
    (
        RowsRefused,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "rows-refused",
        gettext_lazy("Some rows are wrong; nothing was written"),
    ),
    (DomainError, HTTPStatus.UNPROCESSABLE_ENTITY, "refused", gettext_lazy("Refused; nothing was written")),
]
TITLES = {
    HTTPStatus.BAD_REQUEST: ("unreadable", gettext_lazy("The request cannot be read")),
    HTTPStatus.UNAUTHORIZED: ("not-logged-in", gettext_lazy("Not logged in")),
    HTTPStatus.FORBIDDEN: ("not-allowed", gettext_lazy("Not allowed")),
    HTTPStatus.NOT_FOUND: ("not-found", gettext_lazy("Not found")),
    HTTPStatus.TOO_MANY_REQUESTS: ("too-many-attempts", gettext_lazy("Too many attempts")),
}
LOG_IN = gettext_lazy(
    "Log in first: POST your username and password to /api/v1/auth/login/ and send the token that it returns in the"
    " header `Authorization: Token …`."
)
OWN_FAULT = gettext_lazy(
    "The server failed; its log says how. Nothing that the answer would have confirmed can be relied on."
)

logger = logging.getLogger("django.request")


def problem(
    status: int,
    name: str,
    title: str | Promise,
    detail: str | Promise,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JsonResponse:
    """A problem document. `members` are extension members, such as `errors`."""
    sentence = f"{str(detail).rstrip('.')}."
    body = {"type": TYPE + name, "title": str(title), "status": int(status), "detail": sentence, **members}
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)


def problem_response(error: Exception, context: Mapping[str, Any]) -> JsonResponse:
    """REST framework's exception handler: every error, the unforeseen ones too, becomes a problem document."""
    if isinstance(error, DomainError):
        return _domain_problem(error)
    if isinstance(error, Http404):
        error = exceptions.NotFound(*error.args)
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(*error.args)
    elif isinstance(error, RequestDataTooBig):
        return problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", _("The request is too large"), _most_of_a_request()
        )
    elif isinstance(error, BadRequest | SuspiciousOperation):
        error = exceptions.ParseError(str(error))
    if isinstance(error, exceptions.ValidationError):
        return _validation_problem(error)
    if isinstance(error, exceptions.APIException):
        return _http_problem(error)
    return _own_fault(error, context)


def _most_of_a_request() -> str:
    megabytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE / 2**20
    return _("A request may have at most %(megabytes).1f MB. Send less at once.") % {"megabytes": megabytes}


def _domain_problem(error: DomainError) -> JsonResponse:
    _, status, name, title = next(row for row in DOMAIN_PROBLEMS if isinstance(error, row[0]))
    if isinstance(error, StepMissing):
        return problem(status, name, title, str(error), step=error.step, campaign=error.campaign)
    if isinstance(error, SettingsRefused):
        fields = [{"field": field, "detail": detail} for field, detail in error.errors.items()]
        return problem(status, name, title, str(error), errors=fields)
    if not isinstance(error, RowsRefused):
        return problem(status, name, title, str(error))
    rows = [{"row": bad.row, "field": bad.field, "detail": bad.detail} for bad in error.problems]
    return problem(status, name, title, str(error), errors=rows)


def brief(error: DomainError) -> dict[str, str]:
    """A problem within an answer that is good otherwise: its type, its detail, and the step to do first, if any."""
    document = json.loads(_domain_problem(error).content)
    return {name: document[name] for name in ("type", "detail", "step", "campaign") if name in document}


def _validation_problem(error: exceptions.ValidationError) -> JsonResponse:
    errors = [{"field": field, "detail": detail} for field, detail in flat_errors(error.detail)]
    shown = "; ".join(f"{row['field']}: {row['detail']}" if row["field"] else row["detail"] for row in errors[:SHOWN])
    return problem(error.status_code, "invalid", _("The request is not valid"), shown, errors=errors)


def flat_errors(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(dotted path of the field, sentence) for each of a serializer's errors, however deep."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            inner = path if key == "non_field_errors" else f"{path}.{key}".lstrip(".")
            yield from flat_errors(value, inner)
    elif isinstance(detail, list):
        for value in detail:
            yield from flat_errors(value, path)
    else:
        yield path, str(detail)


def _http_problem(error: exceptions.APIException) -> JsonResponse:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))
    status = HTTPStatus(error.status_code)
    name, title = TITLES.get(status, (status.phrase.lower().replace(" ", "-"), status.phrase))
    detail = LOG_IN if isinstance(error, exceptions.NotAuthenticated) else str(error.detail)
    return problem(status, name, title, detail, headers=headers)


def _own_fault(error: Exception, context: Mapping[str, Any]) -> JsonResponse:
    request = context["request"]
    # As Django does for pages: tell those who listen (error reporters, the test client), and log the traceback.
    got_request_exception.send(sender=None, request=request)
    logger.error("Internal Server Error: %s", request.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "server-error", _("The server failed"), OWN_FAULT)
