"""The audit over all campaigns, for admins: the numbers of its pages, from the same functions."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.api.audit import PairsQuery
from annotate.api.base import Documented, checked
from annotate.api.figures import EstimateSerializer, ExpertiseFigureSerializer, RankingAgreementSerializer
from annotate.audit_queries.domain import audited_domains, domain_audit
from annotate.errors import DomainError


class DomainListedSerializer(serializers.Serializer):
    domain = serializers.CharField(source="key", help_text="a slug; `-`: prompts without a domain")
    name = serializers.CharField(source="label")
    agreement = RankingAgreementSerializer(help_text="over all ranking campaigns")
    gold = EstimateSerializer(help_text="the share of known answers that people get right; n counts answers")
    n_open = serializers.IntegerField(help_text="tasks that two people ordered differently, undecided")
    n_verified = serializers.IntegerField(help_text="people whose knowledge an admin has verified")


class DomainInCampaignSerializer(serializers.Serializer):
    campaign = serializers.CharField(source="campaign.slug")
    here = RankingAgreementSerializer()
    elsewhere = RankingAgreementSerializer(help_text="in the campaign's other domains")
    n_disputed = serializers.IntegerField(help_text="tasks that two people ordered differently")
    n_decided = serializers.IntegerField(help_text="those of them about which an expert decided")


class WeekGroupSerializer(serializers.Serializer):
    week = serializers.CharField(source="key", help_text="its Monday, in UTC")
    agreement = RankingAgreementSerializer()


class InDomainSerializer(serializers.Serializer):
    id = serializers.IntegerField(source="annotator_id")
    annotator = serializers.CharField(source="username")
    n_judgements = serializers.IntegerField()
    expertise = ExpertiseFigureSerializer(source="known", allow_null=True)
    strict_agreement = EstimateSerializer(source="agreement.strict_agreement", help_text="with the others")


class DomainAuditSerializer(serializers.Serializer):
    """One domain over all ranking campaigns (a DomainAudit), as the page shows it."""

    domain = serializers.CharField(source="key")
    name = serializers.CharField(source="label")
    overall = RankingAgreementSerializer()
    elsewhere = RankingAgreementSerializer(help_text="in all other domains")
    gold = EstimateSerializer(help_text="the share of known answers that people get right; n counts answers")
    gold_elsewhere = EstimateSerializer()
    campaigns = DomainInCampaignSerializer(many=True)
    weeks = WeekGroupSerializer(many=True)
    people = InDomainSerializer(many=True, help_text="who judged most first, some to a page")
    n_people = serializers.IntegerField()
    n_verified = serializers.IntegerField()
    n_open = serializers.IntegerField()
    page = serializers.IntegerField()
    n_pages = serializers.IntegerField()


class Domains(Documented, APIView):
    """How far people agree in each domain, over all ranking campaigns."""

    @extend_schema(responses=DomainListedSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(DomainListedSerializer(audited_domains(), many=True).data)


class DomainDetail(Documented, APIView):
    """One domain over all ranking campaigns: agreement beside other domains, who knows it, what is disputed."""

    @extend_schema(parameters=[PairsQuery], responses=DomainAuditSerializer)
    def get(self, request: Request, slug: str) -> Response:
        page = checked(PairsQuery, request.query_params.dict())["page"]
        try:
            found = domain_audit(slug=slug, page=page)
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(DomainAuditSerializer(found).data)
