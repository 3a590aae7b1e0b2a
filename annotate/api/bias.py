"""Which way the annotators of a campaign lean, and how they work: for admins."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.api.base import Documented
from annotate.api.figures import EstimateSerializer, ExpertiseFigureSerializer, PersonTimeSerializer
from annotate.api.work import find_campaign
from annotate.bias_queries import CampaignBias, campaign_bias
from annotate.errors import DomainError
from annotate.models import Campaign
from annotate.quality.signals import Signal


class LeaningSerializer(serializers.Serializer):
    """How much a feature of texts weighs in preferences."""

    feature = serializers.CharField()
    coefficient = EstimateSerializer(help_text="log-odds for one unit of the feature's difference")
    share = EstimateSerializer(help_text="how often the text with more of it is preferred, by a difference to picture")


class PoolLeaningSerializer(LeaningSerializer):
    spread = serializers.FloatField(allow_null=True, help_text="standard deviation of the coefficient between people")
    known = EstimateSerializer(
        allow_null=True, help_text="the share where the better text is known; null where no task has a known answer"
    )


class SignalSerializer(serializers.Serializer):
    """How judgements were made: a signal, never a verdict."""

    name = serializers.CharField(help_text="pace (median of active time over reading time), fast or untouched (shares)")
    estimate = EstimateSerializer()
    said = serializers.SerializerMethodField(help_text="what it says, with harmless explanations")

    @extend_schema_field(serializers.CharField)
    def get_said(self, signal: Signal) -> str:
        return signal.said.in_words(_)


class PersonBiasSerializer(serializers.Serializer):
    annotator = serializers.CharField()
    leanings = LeaningSerializer(many=True)
    signals = SignalSerializer(many=True)


class CampaignBiasSerializer(serializers.Serializer):
    """How the annotators of a campaign lean and work (a bias_queries.CampaignBias), as the page shows it."""

    campaign = serializers.CharField(source="campaign.slug")
    n_judgements = serializers.IntegerField(help_text="rankings that the figures are from: the newest")
    is_cut = serializers.BooleanField(help_text="whether there are more, which are older")
    n_waiting = serializers.IntegerField(help_text="texts that were not looked at yet; the next request goes on")
    n_comparisons = serializers.IntegerField(help_text="pairs with a preference")
    n_ties = serializers.IntegerField(help_text="pairs without one, which are left out")
    pool = PoolLeaningSerializer(many=True)
    people = PersonBiasSerializer(many=True)
    signals = SignalSerializer(many=True)
    alpha = EstimateSerializer()
    gold_accuracy = EstimateSerializer(help_text="share right of comparisons whose better text is known")
    warnings = serializers.SerializerMethodField(help_text="what agreement cannot tell you, in sentences")

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_warnings(self, found: CampaignBias) -> list[str]:
        return [one.in_words(_) for one in found.warnings]


class WithOthersSerializer(serializers.Serializer):
    scope = serializers.CharField(help_text="all, campaign or domain")
    key = serializers.CharField(help_text="the slug; empty for all")
    n_items = serializers.IntegerField(source="agreement.n_items", help_text="tasks that others ranked, too")
    n_others = serializers.IntegerField(source="agreement.n_others")
    strict_agreement = EstimateSerializer(source="agreement.strict_agreement")
    pool = EstimateSerializer(help_text="the strict agreement of everybody there")


class InCampaignSerializer(serializers.Serializer):
    campaign = serializers.CharField(source="campaign.slug")
    n_waiting = serializers.IntegerField(source="bias.n_waiting", help_text="texts that were not looked at yet")
    leanings = LeaningSerializer(source="person.leanings", many=True, default=[])
    signals = SignalSerializer(source="person.signals", many=True, default=[])
    pool_leanings = PoolLeaningSerializer(source="bias.pool", many=True)
    pool_signals = SignalSerializer(source="bias.signals", many=True)
    time = PersonTimeSerializer(allow_null=True)
    pool_seconds = EstimateSerializer(source="times.seconds", help_text="the median over annotators of their medians")
    reading = EstimateSerializer(source="times.reading", help_text="the median seconds to read a task once")
    pool_hourly = EstimateSerializer(source="times.hourly", allow_null=True)
    currency = serializers.CharField(source="campaign.currency")


class AnnotatorAuditSerializer(serializers.Serializer):
    """What the audit says about one annotator (an audit_queries.person.AnnotatorAudit), as the page shows it."""

    id = serializers.IntegerField(source="annotator.pk")
    annotator = serializers.CharField(source="annotator.username")
    n_judgements = serializers.IntegerField(help_text="in ranking campaigns, without gold")
    with_others = WithOthersSerializer(many=True, help_text="over all, by campaign, by domain")
    expertise = ExpertiseFigureSerializer(many=True)
    chosen = InCampaignSerializer(allow_null=True, help_text="null where they judged in no ranking campaign")


class Bias(Documented, APIView):
    """How much length, format, position and the like weigh in the preferences of a ranking campaign's annotators."""

    @extend_schema(responses=CampaignBiasSerializer)
    def get(self, request: Request, slug: str) -> Response:
        campaign = find_campaign(slug)
        if campaign.kind != Campaign.Kind.RANKING:
            raise DomainError(_("Only a ranking campaign has preferences from which a bias could be told."))
        return Response(CampaignBiasSerializer(campaign_bias(campaign=campaign)).data)
