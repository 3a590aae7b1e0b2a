"""The audit over the API: the numbers of its pages, from the same functions."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.api.base import Documented, StrictSerializer, checked
from annotate.api.bias import AnnotatorAuditSerializer
from annotate.api.figures import (
    AnnotatorPairsSerializer,
    CampaignAuditSerializer,
    GuidelineChangeSerializer,
    PoolCompositionSerializer,
    TimeAndPaySerializer,
    ValueAuditSerializer,
    ValueChangeSerializer,
    ValuePairsSerializer,
)
from annotate.api.work import find_campaign
from annotate.audit_queries.changes import guideline_change
from annotate.audit_queries.compositions import pool_composition
from annotate.audit_queries.pairs import annotator_pairs
from annotate.audit_queries.person import annotator_audit
from annotate.audit_queries.slices import Slice, campaign_audit
from annotate.audit_queries.times import time_and_pay
from annotate.audit_queries.value_changes import question_change
from annotate.audit_queries.value_pairs import question_pairs
from annotate.audit_queries.values import value_audit
from annotate.errors import DomainError
from annotate.models import User


class AgreementQuery(StrictSerializer):
    campaign = serializers.SlugField(help_text="the campaign's slug")
    domain = serializers.CharField(required=False, max_length=64, help_text="a slug; `-`: prompts without a domain")
    version = serializers.CharField(required=False, max_length=80, help_text="of the guideline, such as ranking-2")
    week = serializers.CharField(required=False, max_length=10, help_text="its Monday, such as 2026-11-16")


class Agreement(Documented, APIView):
    """How far the annotators of a ranking campaign agree, over all or in a slice of it."""

    @extend_schema(parameters=[AgreementQuery], responses=CampaignAuditSerializer)
    def get(self, request: Request) -> Response:
        asked = checked(AgreementQuery, request.query_params.dict())
        campaign = find_campaign(asked.pop("campaign"))
        try:
            found = campaign_audit(campaign=campaign, chosen=Slice(**asked))
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(CampaignAuditSerializer(found).data)


class ValuesQuery(StrictSerializer):
    domain = serializers.CharField(required=False, max_length=64, help_text="a slug; `-`: prompts without a domain")
    version = serializers.CharField(required=False, max_length=80, help_text="of the guideline, such as rating-2")
    week = serializers.CharField(required=False, max_length=10, help_text="its Monday, such as 2026-11-16")
    of = serializers.CharField(
        required=False, default="", max_length=80, help_text="such as axis/helpful: what the groups are about"
    )


class ValueAgreement(Documented, APIView):
    """How far annotators agree on axes, flags and marked passages, over all or in a slice of a campaign."""

    @extend_schema(parameters=[ValuesQuery], responses=ValueAuditSerializer)
    def get(self, request: Request, slug: str) -> Response:
        asked = checked(ValuesQuery, request.query_params.dict())
        of = asked.pop("of")
        try:
            found = value_audit(campaign=find_campaign(slug), chosen=Slice(**asked), of=of)
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(ValueAuditSerializer(found).data)


class ValueChangeQuery(StrictSerializer):
    of = serializers.CharField(required=False, default="", max_length=80, help_text="such as axis/helpful")
    before = serializers.CharField(required=False, default="", max_length=80, help_text="such as rating-1")
    after = serializers.CharField(required=False, default="", max_length=80)


class ValueChange(Documented, APIView):
    """The agreement on one axis, flag or type of passage under two versions of the guideline, and the difference."""

    @extend_schema(parameters=[ValueChangeQuery], responses=ValueChangeSerializer)
    def get(self, request: Request, slug: str) -> Response:
        asked = checked(ValueChangeQuery, request.query_params.dict())
        try:
            found = question_change(campaign=find_campaign(slug), **asked)
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(ValueChangeSerializer(found).data)


class PairsQuery(StrictSerializer):
    page = serializers.IntegerField(required=False, min_value=1, default=1)


class AnnotatorPairs(Documented, APIView):
    """How far each two annotators of a ranking campaign agree."""

    @extend_schema(parameters=[PairsQuery], responses=AnnotatorPairsSerializer)
    def get(self, request: Request, slug: str) -> Response:
        page = checked(PairsQuery, request.query_params.dict())["page"]
        return Response(AnnotatorPairsSerializer(annotator_pairs(campaign=find_campaign(slug), page=page)).data)


class ValuePairsQuery(PairsQuery):
    of = serializers.CharField(required=False, default="", max_length=80, help_text="such as axis/helpful")


class ValuePairs(Documented, APIView):
    """How far each two annotators agree on one axis, flag or type of marked passage."""

    @extend_schema(parameters=[ValuePairsQuery], responses=ValuePairsSerializer)
    def get(self, request: Request, slug: str) -> Response:
        asked = checked(ValuePairsQuery, request.query_params.dict())
        try:
            found = question_pairs(campaign=find_campaign(slug), **asked)
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(ValuePairsSerializer(found).data)


class TimeAndPay(Documented, APIView):
    """How long a judgement takes beside what reading takes, and what an hour of the work comes to."""

    @extend_schema(parameters=[PairsQuery], responses=TimeAndPaySerializer)
    def get(self, request: Request, slug: str) -> Response:
        page = checked(PairsQuery, request.query_params.dict())["page"]
        return Response(TimeAndPaySerializer(time_and_pay(campaign=find_campaign(slug), page=page)).data)


class PoolComposition(Documented, APIView):
    """Who judged in a campaign, in groups, beside the share of judgements that is theirs."""

    @extend_schema(responses=PoolCompositionSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(PoolCompositionSerializer(pool_composition(campaign=find_campaign(slug))).data)


class AuditQuery(StrictSerializer):
    campaign = serializers.SlugField(
        required=False, default="", help_text="for leanings, signals, time and pay; without it, where they judged most"
    )


class AnnotatorAudit(Documented, APIView):
    """One annotator beside everybody: agreement, expertise, leanings, signals, time and pay. Signals, no verdicts."""

    @extend_schema(parameters=[AuditQuery], responses=AnnotatorAuditSerializer)
    def get(self, request: Request, pk: int) -> Response:
        asked = checked(AuditQuery, request.query_params.dict())
        try:
            found = annotator_audit(annotator=get_object_or_404(User, pk=pk), **asked)
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(AnnotatorAuditSerializer(found).data)


class ChangeQuery(StrictSerializer):
    before = serializers.CharField(required=False, max_length=80, help_text="a guideline version, such as ranking-1")
    after = serializers.CharField(required=False, max_length=80)


class GuidelineChange(Documented, APIView):
    """The agreement before and after a change of the guideline; without versions, the last two are compared."""

    @extend_schema(parameters=[ChangeQuery], responses=GuidelineChangeSerializer)
    def get(self, request: Request, slug: str) -> Response:
        asked = checked(ChangeQuery, request.query_params.dict())
        try:
            found = guideline_change(campaign=find_campaign(slug), **asked)
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(GuidelineChangeSerializer(found).data)
