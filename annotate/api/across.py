"""The audit over all campaigns, for admins: the numbers of its pages, from the same functions."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.api.audit import PairsQuery
from annotate.api.base import Documented, checked
from annotate.api.figures import (
    ComparedSerializer,
    EstimateSerializer,
    ExpertiseFigureSerializer,
    RankingAgreementSerializer,
)
from annotate.audit_queries.domain import audited_domains, domain_audit
from annotate.audit_queries.producer import audited_producers, producer_audit
from annotate.audit_queries.version import version_audit
from annotate.audit_queries.week import audited_weeks, week_audit
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


class ProducerListedSerializer(serializers.Serializer):
    id = serializers.IntegerField(source="producer.pk")
    producer = serializers.CharField(source="producer.name")
    kind = serializers.CharField(source="producer.kind")
    win_rate = EstimateSerializer(help_text="against all others, a tie being half a win; n counts tasks")
    n_comparisons = serializers.IntegerField()
    n_opponents = serializers.IntegerField()


class WinRateSerializer(serializers.Serializer):
    key = serializers.CharField(help_text="of an opponent its id, of a domain or campaign its slug")
    name = serializers.CharField(source="label")
    win_rate = EstimateSerializer(help_text="a tie being half a win; n counts tasks")
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    ties = serializers.IntegerField()


class ProducerScoresSerializer(serializers.Serializer):
    score = EstimateSerializer(help_text="log-odds of being preferred, 0 on average; n counts comparisons")
    styled_score = EstimateSerializer(help_text="the same if all completions had the same style")


class ProducerInCampaignSerializer(serializers.Serializer):
    campaign = serializers.CharField(source="campaign.slug")
    score = ProducerScoresSerializer(help_text="Bradley-Terry, plain and at equal style")
    win_rate = WinRateSerializer(help_text="against all others there")
    rank = serializers.IntegerField(source="score.rank", help_text="its place by score")
    of = serializers.IntegerField(source="score.of", help_text="among so many producers")


class BesideSerializer(serializers.Serializer):
    name = serializers.CharField()
    own = EstimateSerializer()
    others = EstimateSerializer(help_text="of what stood beside it in the same tasks")


class ExampleSerializer(serializers.Serializer):
    task = serializers.IntegerField(source="task_id")
    question = serializers.CharField()
    text = serializers.CharField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    ties = serializers.IntegerField()


class ProducerAuditSerializer(serializers.Serializer):
    """One producer over all ranking campaigns (a ProducerAudit), as the page shows it."""

    id = serializers.IntegerField(source="producer.pk")
    producer = serializers.CharField(source="producer.name")
    kind = serializers.CharField(source="producer.kind")
    overall = WinRateSerializer(help_text="against all others")
    lc_win_rate = EstimateSerializer(source="levelled", help_text="the same at equal length")
    n_tasks = serializers.IntegerField()
    campaigns = ProducerInCampaignSerializer(many=True)
    opponents = WinRateSerializer(many=True)
    domains = WinRateSerializer(many=True)
    flags = BesideSerializer(many=True, help_text="how often each flag is set; n counts looks at a completion")
    styles = BesideSerializer(many=True, help_text="means; n counts texts")
    best = ExampleSerializer(many=True, help_text="everybody preferred it")
    worst = ExampleSerializer(many=True, help_text="everybody preferred what stood beside it")
    disputed = ExampleSerializer(many=True, help_text="people disagree most")


class AllProducers(Documented, APIView):
    """How often each producer is preferred to the others, over all ranking campaigns."""

    @extend_schema(responses=ProducerListedSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(ProducerListedSerializer(audited_producers(), many=True).data)


class ProducerDetail(Documented, APIView):
    """One producer over all ranking campaigns: whom it wins against, where, with what flags and style."""

    @extend_schema(responses=ProducerAuditSerializer)
    def get(self, request: Request, pk: int) -> Response:
        try:
            found = producer_audit(pk=pk)
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(ProducerAuditSerializer(found).data)


class UsedInSerializer(serializers.Serializer):
    campaign = serializers.CharField(source="campaign.slug")
    first = serializers.DateField(help_text="the day of the first judgement, in UTC")
    last = serializers.DateField()
    n_judgements = serializers.IntegerField()
    agreement = RankingAgreementSerializer()
    change = ComparedSerializer(
        source="strict", allow_null=True, help_text="null where nobody judged under the version before there"
    )


class VersionAuditSerializer(serializers.Serializer):
    """One version of a guideline over all campaigns (a VersionAudit), as the page shows it."""

    guideline = serializers.CharField(source="guideline.slug")
    version = serializers.IntegerField(source="guideline.version")
    kind = serializers.CharField(source="guideline.kind")
    before = serializers.IntegerField(source="before.version", default=None, help_text="the version before")
    n_judgements = serializers.IntegerField()
    overall = RankingAgreementSerializer()
    earlier = RankingAgreementSerializer(help_text="under the version before")
    gold = EstimateSerializer(help_text="the share of known answers that people get right; n counts answers")
    gold_before = EstimateSerializer(allow_null=True)
    campaigns = UsedInSerializer(many=True)


class VersionDetail(Documented, APIView):
    """One version of a guideline over all campaigns: when it was used, agreement and accuracy, and what changed."""

    @extend_schema(responses=VersionAuditSerializer)
    def get(self, request: Request, slug: str, version: int) -> Response:
        try:
            found = version_audit(slug=slug, version=version)
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(VersionAuditSerializer(found).data)


class WeekListedSerializer(serializers.Serializer):
    week = serializers.CharField(source="key", help_text="by ISO 8601, such as 2026-W47, in UTC")
    first = serializers.DateField(help_text="its Monday")
    n_judgements = serializers.IntegerField(help_text="of any kind")
    agreement = RankingAgreementSerializer(help_text="over all ranking campaigns")


class WeekInCampaignSerializer(serializers.Serializer):
    campaign = serializers.CharField(source="campaign.slug")
    kind = serializers.CharField(source="campaign.kind")
    n_judgements = serializers.IntegerField()
    n_people = serializers.IntegerField()
    agreement = RankingAgreementSerializer(help_text="of rankings")
    change = ComparedSerializer(
        source="strict", allow_null=True, help_text="null where nothing was ranked there in the week before"
    )
    seconds = EstimateSerializer(help_text="the median over annotators of each one's median; n counts annotators")


class PartOfWeekSerializer(serializers.Serializer):
    key = serializers.CharField(help_text="a domain's slug, or a guideline version such as ranking-2")
    name = serializers.CharField(source="label")
    agreement = RankingAgreementSerializer()


class InWeekSerializer(serializers.Serializer):
    id = serializers.IntegerField(source="annotator_id")
    annotator = serializers.CharField(source="username")
    n_judgements = serializers.IntegerField(help_text="of any kind")
    strict_agreement = EstimateSerializer(source="agreement.strict_agreement", help_text="with the others")
    gold = EstimateSerializer(
        source="known.measured", allow_null=True, help_text="accuracy on gold so far; null where they answered none"
    )
    verified = serializers.ListField(child=serializers.CharField(), source="known.verified_in", help_text="slugs")
    n_declared = serializers.IntegerField(source="known.n_declared", help_text="domains declared and not verified")
    seconds = EstimateSerializer(help_text="the median for a ranking; n counts rankings")


class WeekAuditSerializer(serializers.Serializer):
    """One week over all campaigns (a WeekAudit), as the page shows it."""

    week = serializers.CharField(source="listed.key")
    first = serializers.DateField(source="listed.first", help_text="its Monday, in UTC")
    before = serializers.CharField(source="key_before", help_text="the week before")
    n_judgements = serializers.IntegerField(source="listed.n_judgements", help_text="of any kind")
    overall = RankingAgreementSerializer(help_text="over all ranking campaigns")
    earlier = RankingAgreementSerializer(help_text="in the week before")
    change = ComparedSerializer(source="compared", many=True, help_text="this week less the week before")
    gold = EstimateSerializer(help_text="the share of known answers that people got right; n counts answers")
    gold_before = EstimateSerializer()
    seconds = EstimateSerializer(help_text="for a ranking: the median over annotators of each one's median")
    seconds_before = EstimateSerializer()
    campaigns = WeekInCampaignSerializer(many=True)
    domains = PartOfWeekSerializer(many=True)
    versions = PartOfWeekSerializer(many=True)
    people = InWeekSerializer(many=True, help_text="who judged most first, some to a page")
    n_people = serializers.IntegerField()
    page = serializers.IntegerField()
    n_pages = serializers.IntegerField()


class Weeks(Documented, APIView):
    """How far people agreed week by week, over all ranking campaigns, the latest first."""

    @extend_schema(responses=WeekListedSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(WeekListedSerializer(audited_weeks(), many=True).data)


class WeekDetail(Documented, APIView):
    """One week over all campaigns: agreement beside the week before, by campaign, domain and version, who judged."""

    @extend_schema(parameters=[PairsQuery], responses=WeekAuditSerializer)
    def get(self, request: Request, key: str) -> Response:
        page = checked(PairsQuery, request.query_params.dict())["page"]
        try:
            found = week_audit(key=key, page=page)
        except DomainError as error:
            raise NotFound(str(error)) from error
        return Response(WeekAuditSerializer(found).data)
