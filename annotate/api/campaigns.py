"""Setting campaigns up over the API, with the services and the sentences of the pages. The list is for everybody."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate import campaign_queries
from annotate.api.base import Documented, IsAdmin, StrictSerializer, checked
from annotate.api.figures import EstimateSerializer
from annotate.api.record_serializers import GuidelineRefSerializer
from annotate.api.work import CampaignList, find_campaign
from annotate.errors import DomainError
from annotate.models import Campaign, CampaignChange, Guideline, Queue
from annotate.services.setup import change_campaign, move_campaign, set_up_campaign

KEPT = ["name", "description", "overlap", "lease_minutes", "correction_minutes", "pay_seconds"]
KEPT += ["show_agreement", "show_gold", "access", "onboarding", "form"]
KEPT += ["assignment", "priority", "share", "hourly_rate", "currency"]


class SettingsSerializer(StrictSerializer):
    """The settings of a campaign; what is left out keeps its default, or stays as it is."""

    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(required=False, allow_blank=True)
    guideline = serializers.SlugField(required=False, help_text="its slug; the newest version is taken")
    overlap = serializers.IntegerField(required=False, help_text="people per task, for tasks added from now on")
    lease_minutes = serializers.IntegerField(required=False)
    correction_minutes = serializers.IntegerField(required=False)
    pay_seconds = serializers.IntegerField(required=False, allow_null=True)
    show_agreement = serializers.BooleanField(required=False)
    show_gold = serializers.BooleanField(required=False)
    access = serializers.ChoiceField(choices=Campaign.Access.choices, required=False)
    onboarding = serializers.JSONField(required=False, help_text="what comes before a person's first task")
    form = serializers.JSONField(required=False, help_text="what people are asked beyond the campaign's kind")
    assignment = serializers.JSONField(
        required=False,
        help_text="who is given what next, and when it stops; replaced as a whole, and only what differs from the"
        " defaults is stored. {order: depth|breadth|random, first: disagreement|uncertainty, random_share: 0.01 to 1,"
        " gold: {first, rate}, overlap: {ceiling, confidence}, needs: {domain: declared|verified, language: true,"
        " skill, measured}, budget: {judgements, hours, money}, daily: {judgements, hours}}",
    )
    priority = serializers.IntegerField(
        required=False,
        help_text="whoever asks for any task is given one of the highest priority that has some for them",
    )
    share = serializers.IntegerField(
        required=False,
        help_text="of campaigns of the same priority: how often this one, in proportion",
    )
    hourly_rate = serializers.DecimalField(
        max_digits=10, decimal_places=2, required=False, allow_null=True, help_text="what an hour of this work is paid"
    )
    currency = serializers.CharField(
        max_length=3, required=False, allow_blank=True, help_text="of the hourly rate: ISO 4217, such as EUR"
    )


class NewCampaignSerializer(SettingsSerializer):
    slug = serializers.SlugField(max_length=64)
    kind = serializers.ChoiceField(choices=Campaign.Kind.choices)
    source = serializers.SlugField(required=False, help_text="review: the campaign whose texts are reviewed")


class ChangedCampaignSerializer(SettingsSerializer):
    state = serializers.ChoiceField(choices=Campaign.State.choices, required=False, help_text="closed is for good")


class CampaignChangeSerializer(serializers.ModelSerializer):
    by = serializers.CharField(source="by.username", default="")

    class Meta:
        model = CampaignChange
        fields = ["at", "by", "field", "old", "new"]


class SpentSerializer(serializers.Serializer):
    spent = serializers.FloatField()
    limit = serializers.FloatField(allow_null=True, help_text="null: no limit")


class SpendingSerializer(serializers.Serializer):
    """What is used up of the budget; judgements count from when they are handed out."""

    judgements = SpentSerializer()
    hours = SpentSerializer()
    money = SpentSerializer()
    currency = serializers.CharField()
    n_submitted = serializers.IntegerField(help_text="the judgements that hours and money are of")
    n_in_hand = serializers.IntegerField(help_text="handed out, and not submitted yet")
    used_up = serializers.ChoiceField(choices=["judgements", "hours", "money", ""], help_text="the part that is")


class NewRulesSerializer(serializers.Serializer):
    """Assignment rules that changed, and how many of the tasks follow them."""

    n_done = serializers.IntegerField()
    n_tasks = serializers.IntegerField()
    asked_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True, help_text="null: under way")


class CampaignSerializer(serializers.ModelSerializer):
    """A campaign with all its settings, and who changed what."""

    guideline = GuidelineRefSerializer()
    source = serializers.CharField(source="source.slug", default=None, allow_null=True)
    changes = CampaignChangeSerializer(many=True, help_text="newest first")
    spending = serializers.SerializerMethodField()
    new_rules = serializers.SerializerMethodField()

    class Meta:
        model = Campaign
        fields = ["slug", "kind", "state", "guideline", "source", *KEPT, "spending", "new_rules", "changes"]

    @extend_schema_field(SpendingSerializer(allow_null=True))
    def get_spending(self, campaign: Campaign) -> dict | None:
        found = campaign_queries.spending_of(campaign=campaign)
        return SpendingSerializer(found).data if found else None

    @extend_schema_field(NewRulesSerializer(allow_null=True))
    def get_new_rules(self, campaign: Campaign) -> dict | None:
        found = campaign_queries.new_rules_of(campaign=campaign)
        return NewRulesSerializer(found).data if found else None


def _with_guideline(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the guideline that the slug names; the services say what is wrong with None."""
    if "guideline" in settings:
        versions = Guideline.objects.filter(slug=settings["guideline"])
        settings["guideline"] = versions.order_by("-version").first()
    return settings


class Campaigns(CampaignList):
    """The campaigns that are not closed, with the caller's part in them; admins set new ones up."""

    def get_permissions(self) -> list[BasePermission]:
        return [IsAdmin()] if self.request.method == "POST" else [IsAuthenticated()]

    @extend_schema(operation_id="campaigns_create", request=NewCampaignSerializer, responses={201: CampaignSerializer})
    def post(self, request: Request) -> Response:
        settings = _with_guideline({"guideline": "", **checked(NewCampaignSerializer, request.data)})
        source = find_campaign(settings.pop("source")) if "source" in settings else None
        campaign = set_up_campaign(by=request.user, source=source, **settings)
        return Response(CampaignSerializer(campaign).data, status=status.HTTP_201_CREATED)


class CampaignDetail(Documented, APIView):
    """A campaign's settings, for admins."""

    @extend_schema(responses=CampaignSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(CampaignSerializer(find_campaign(slug)).data)

    @extend_schema(request=ChangedCampaignSerializer, responses=CampaignSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        campaign = find_campaign(slug)
        settings = _with_guideline(checked(ChangedCampaignSerializer, request.data))
        state = settings.pop("state", "")
        change_campaign(campaign=campaign, by=request.user, **settings)
        if state and state != campaign.state:
            move_campaign(campaign=campaign, state=state, by=request.user)
        return Response(CampaignSerializer(find_campaign(slug)).data)


class QueueSerializer(serializers.ModelSerializer):
    domain = serializers.CharField(source="domain.slug", default="", help_text="'' = none")
    n_tasks = serializers.IntegerField()
    n_open = serializers.IntegerField(help_text="tasks with a free place")
    n_places = serializers.IntegerField(allow_null=True, help_text="free places; null for gold, which all get once")
    n_done = serializers.IntegerField(help_text="judgements")

    class Meta:
        model = Queue
        fields = ["id", "domain", "language", "warnings", "gold", "n_tasks", "n_open", "n_places", "n_done"]


class CampaignQueuesSerializer(serializers.Serializer):
    """What waits in a campaign, and how what was judged came to people."""

    campaign = serializers.CharField(source="campaign.slug")
    queues = QueueSerializer(many=True)
    lanes = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="judgements by the lane of their task: gold, random, ordered; none for imports and qualification",
    )
    seconds = EstimateSerializer(help_text="active seconds of a judgement over all tasks; n counts the random ones")
    seconds_so_far = serializers.FloatField(allow_null=True, help_text="mean of all judgements: of what came first")
    n_so_far = serializers.IntegerField(help_text="judgements in that mean: not of gold, nor of qualification")


class CampaignQueues(Documented, APIView):
    """A campaign's queues and lanes, for admins, with the numbers that the page shows."""

    @extend_schema(responses=CampaignQueuesSerializer)
    def get(self, request: Request, slug: str) -> Response:
        found = campaign_queries.campaign_queues(campaign=find_campaign(slug))
        return Response(CampaignQueuesSerializer(found).data)


class StepFiguresSerializer(serializers.Serializer):
    n_items = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    n_judgements = serializers.IntegerField()
    n_labels = serializers.IntegerField()
    agreement = EstimateSerializer(help_text="same label; n counts steps that two labelled")
    right_or_wrong = EstimateSerializer(help_text="the same, good and neutral being one")
    first_error = EstimateSerializer(help_text="first error at the same step, or none; n counts meetings")
    alpha = EstimateSerializer(help_text="Krippendorff, nominal; n counts labels that meet another")


class StepAgreementSerializer(serializers.Serializer):
    """A steps campaign's agreement, with the numbers that the page shows."""

    campaign = serializers.CharField(source="campaign.slug")
    overall = StepFiguresSerializer()
    by_domain = serializers.DictField(child=StepFiguresSerializer())


class StepAgreement(Documented, APIView):
    """How far the annotators of a steps campaign agree, with n and 95 % intervals."""

    @extend_schema(responses=StepAgreementSerializer)
    def get(self, request: Request, slug: str) -> Response:
        campaign = find_campaign(slug)
        if campaign.kind != Campaign.Kind.STEPS:
            raise DomainError(_("Only a steps campaign has step labels; see agreement/ for rankings."))
        return Response(StepAgreementSerializer(campaign_queries.campaign_step_agreement(campaign=campaign)).data)
