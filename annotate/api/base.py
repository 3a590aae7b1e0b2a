"""What every API view shares: who may call it, how its input is checked, how it is documented."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.settings import api_settings

from annotate.api.problems import CONTENT_TYPE, flat_errors
from annotate.services.bulk import MAX_ROWS, RowProblem, RowsRefused


class IsAdmin(IsAuthenticated):
    """Admins only: the answer shows other people's work."""

    message = gettext_lazy(
        "This is for admins: it shows or changes other people's work. Ask one of them if you need it."
    )

    def has_permission(self, request: Request, view) -> bool:
        return super().has_permission(request, view) and request.user.is_admin


class StrictSerializer(serializers.Serializer):
    """A serializer for input that refuses fields it does not know: a misspelt one must not be lost silently."""

    def to_internal_value(self, data: Any) -> dict:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            known = ", ".join(self.fields)
            raise ValidationError(
                {str(unknown[0]): [_("There is no such field here; there are %(known)s.") % {"known": known}]}
            )
        return super().to_internal_value(data)


@cache
def shared(serializer: type[serializers.Serializer]) -> serializers.Serializer:
    """One instance for every request: a new one copies all its fields, which takes longer than what it then does.

    Only `to_representation` and `run_validation` may be called, which change nothing in it.
    """
    return serializer()


def checked(serializer: type[serializers.Serializer], data: Any) -> dict:
    """The validated data; raises ValidationError, which becomes a 400."""
    try:
        return shared(serializer).run_validation(data)
    except ValidationError as error:
        if isinstance(error.detail, list):  # it is about the whole, not about a field
            raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: error.detail}) from error
        raise


def checked_rows(serializer: type[serializers.Serializer], data: Any) -> list[dict]:
    """The validated rows of a bulk request. Raises RowsRefused, which names the bad ones, if they are rows at all."""
    filled = serializer(data=data, many=True, allow_empty=False, max_length=MAX_ROWS)
    if filled.is_valid():
        return filled.validated_data
    if not all(isinstance(index, int) for index in filled.errors):  # not a list, or too long, or empty
        raise ValidationError(filled.errors)
    raise RowsRefused(
        RowProblem(index + 1, detail, field)
        for index, errors in sorted(filled.errors.items())
        for field, detail in flat_errors(errors)
    )


class ProblemSerializer(serializers.Serializer):
    """A problem document (RFC 9457)."""

    type = serializers.CharField(help_text="stable name of the problem, a URN")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="what is wrong, where, and what to do")
    errors = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="[{field, detail}], in bulk requests with row (from 1)"
    )


class ProblemSchema(AutoSchema):
    """OpenAPI of an operation whose errors are problem documents."""

    def _get_response_bodies(self, direction="response"):
        bodies = super()._get_response_bodies(direction)
        bodies["default"] = self._get_response_for_code(ProblemSerializer, "default", [CONTENT_TYPE], direction)
        return bodies


class Documented:
    """A view whose errors are documented, and which only admins may call unless it says otherwise."""

    schema = ProblemSchema()
    permission_classes = [IsAdmin]
