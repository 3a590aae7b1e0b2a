"""What admins read about distressing content and refusals, and how a client shows what it was warned of."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate import safety_queries
from annotate.api.base import Documented
from annotate.api.figures import EstimateSerializer
from annotate.api.serializers import CampaignRefSerializer
from annotate.api.work import Work
from annotate.services import safety


class RevealedSerializer(serializers.Serializer):
    revealed_at = serializers.DateTimeField()


class Reveal(Work):
    """The annotator asks to see what the warnings are about; the first time counts, for their exposure."""

    @extend_schema(request=None, responses=RevealedSerializer)
    def post(self, request: Request, pk: UUID) -> Response:
        return Response(RevealedSerializer(safety.reveal(assignment_id=pk, annotator=request.user)).data)


class ExposureSerializer(serializers.Serializer):
    """An annotator's exposure (a safety_queries.Exposure). Lists are [today, 7 days, 28 days]."""

    annotator = serializers.CharField(source="annotator.pseudonym")
    by_kind = serializers.DictField(child=serializers.ListField(child=serializers.IntegerField()))
    skips = serializers.ListField(child=serializers.IntegerField(), help_text="because the content distresses")


class Exposure(Documented, APIView):
    """Who was shown how much distressing content: the numbers of the exposure page."""

    @extend_schema(responses=ExposureSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(ExposureSerializer(safety_queries.exposure(), many=True).data)


class SafetySerializer(serializers.Serializer):
    """A campaign's refusals (a safety_queries.SafetyFigures); n counts judgements."""

    campaign = CampaignRefSerializer()
    over_refusal = EstimateSerializer(help_text="of judgements on prompts to be answered: the share that declines")
    under_refusal = EstimateSerializer(help_text="of those on harmful-looking prompts: the share that answers")


class Safety(Documented, APIView):
    """How often annotators decline what should be answered, and the other way round: as on the safety page."""

    @extend_schema(responses=SafetySerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(SafetySerializer(safety_queries.safety_figures(), many=True).data)
