"""Scores of producers over the API, for admins: annotators judge without knowing who wrote what."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.api.base import Documented
from annotate.api.figures import EstimateSerializer
from annotate.api.work import find_campaign
from annotate.score_queries import producer_scores


class ProducerScoreSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField()
    score = EstimateSerializer(help_text="log-odds of being preferred, 0 on average; n counts comparisons")
    styled_score = EstimateSerializer(help_text="the same if all completions had the same style")
    win_rate = EstimateSerializer(help_text="against the baseline, a tie being half a win; n counts tasks")
    lc_win_rate = EstimateSerializer(help_text="the same at equal length")


class TriadsSerializer(serializers.Serializer):
    """Three producers that were all compared; intransitive where A mostly beats B, B beats C and C beats A."""

    n_triads = serializers.IntegerField()
    n_intransitive = serializers.IntegerField()
    expected = serializers.FloatField(allow_null=True, help_text="intransitive ones if one scale explained everything")
    expected_at_random = serializers.FloatField(help_text="if all producers were alike")
    p_value = serializers.FloatField(allow_null=True, help_text="chance of such a share under one scale")
    n_comparisons = serializers.IntegerField()
    n_simulations = serializers.IntegerField()
    reason = serializers.CharField()


class CampaignProducersSerializer(serializers.Serializer):
    """The producers of a campaign (a score_queries.CampaignProducers), best first, as the page shows them."""

    campaign = serializers.CharField(source="campaign.slug")
    baseline = serializers.CharField()
    producers = ProducerScoreSerializer(many=True)
    n_comparisons = serializers.IntegerField()
    n_tasks = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    tie = EstimateSerializer(help_text="how often two equally good producers tie")
    style = serializers.DictField(child=EstimateSerializer(), help_text="log-odds of one typical difference")
    triads = TriadsSerializer()
    reason = serializers.CharField(help_text="why a weak prior was needed, or why there is nothing")


class Producers(Documented, APIView):
    """Who is preferred, by how much, at equal style and length, against a baseline."""

    @extend_schema(
        parameters=[OpenApiParameter("baseline", description="its name; left out, the one that was compared most")],
        responses=CampaignProducersSerializer,
    )
    def get(self, request: Request, slug: str) -> Response:
        found = producer_scores(campaign=find_campaign(slug), baseline=request.query_params.get("baseline", ""))
        return Response(CampaignProducersSerializer(found).data)
