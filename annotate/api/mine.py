"""What a person reads about their own work: the figures of my page."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.api.figures import EstimateSerializer
from annotate.api.serializers import CampaignRefSerializer
from annotate.api.work import Work
from annotate.own_queries import own_figures


class PaceSerializer(serializers.Serializer):
    """Median active seconds of a judgement, with an interval by order statistics."""

    campaign = CampaignRefSerializer()
    today = EstimateSerializer()
    week = EstimateSerializer(help_text="of the last seven days, today included")
    pay_seconds = serializers.IntegerField(allow_null=True, help_text="that the campaign pays for; null: unsaid")
    against_pay = serializers.CharField(help_text="where the week's interval lies: shorter, about, longer, or empty")


class OwnAgreementSerializer(serializers.Serializer):
    """Agreement with the others' rankings of the same tasks."""

    campaign = CampaignRefSerializer()
    n_items = serializers.IntegerField(help_text="tasks shared with anybody")
    n_others = serializers.IntegerField()
    strict_agreement = EstimateSerializer()


class GoldFigureSerializer(serializers.Serializer):
    campaign = CampaignRefSerializer()
    mean = EstimateSerializer(help_text="mean score on gold tasks whose time to correct is over; n counts tasks")


class SkillFigureSerializer(serializers.Serializer):
    domain = serializers.CharField(source="domain.slug", default="", help_text="'' = all domains together")
    declared = serializers.CharField(source="declared.level", default="", help_text="'' = nothing")
    verified = serializers.SerializerMethodField()
    measured = EstimateSerializer(help_text="posterior mean under Beta(1, 1), of gold whose time to correct is over")

    def get_verified(self, figure) -> bool:
        return figure.declared is not None and figure.declared.verified_at is not None


class MeSerializer(serializers.Serializer):
    """A person's own figures (an own_queries.OwnFigures)."""

    today = serializers.IntegerField()
    week = serializers.IntegerField(help_text="in the last seven days, today included")
    seconds_today = serializers.FloatField()
    pace = PaceSerializer(many=True)
    agreement = serializers.SerializerMethodField()
    gold = GoldFigureSerializer(many=True)
    skills = SkillFigureSerializer(many=True)
    unread = serializers.IntegerField(help_text="notes and answers")

    @extend_schema_field(OwnAgreementSerializer(many=True))
    def get_agreement(self, figures) -> list[dict]:
        rows = [
            {
                "campaign": campaign,
                "n_items": found.n_items,
                "n_others": found.n_others,
                "strict_agreement": found.strict_agreement,
            }
            for campaign, found in figures.agreement
        ]
        return OwnAgreementSerializer(rows, many=True).data


class Me(Work):
    """The caller's own figures: those of my page, from the same function."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(own_figures(user=request.user)).data)
