"""Why there is nothing to do."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.api.base import Documented
from annotate.api.work import find_campaign
from annotate.waiting import MOST, why_nothing

CODES = ["suspended", "step", "paused", "closed", "budget", "daily", "held", "domain", "language", "skill", "opt_out"]
CODES += ["empty", "done"]


class ReasonSerializer(serializers.Serializer):
    code = serializers.ChoiceField(choices=CODES)
    n_tasks = serializers.IntegerField(allow_null=True, help_text=f"counted up to {MOST}; null where it is about all")
    detail = serializers.CharField(source="sentence", help_text="the reason in a sentence")


class WaitingSerializer(serializers.Serializer):
    reasons = ReasonSerializer(many=True, help_text="empty when there is something to do")


class Waiting(Documented, APIView):
    """Why the caller gets no task of the campaign: what stops it, and what waits for whom.

    A `tasks/next/` without a task (204) links here, with `rel="help"`.
    """

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=WaitingSerializer)
    def get(self, request: Request, slug: str) -> Response:
        reasons = why_nothing(annotator=request.user, campaign=find_campaign(slug))
        return Response(WaitingSerializer({"reasons": reasons}).data)
