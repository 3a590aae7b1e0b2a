"""What admins read and add: prompts, completions, judgements, annotators."""

from django.db.models import Count, Max, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate import people_queries
from annotate.api.base import Documented, StrictSerializer, checked, checked_rows
from annotate.api.figures import ExpertiseFigureSerializer
from annotate.api.record_serializers import (
    AnnotatorSerializer,
    CompletionSerializer,
    JudgementSerializer,
    NewCompletionSerializer,
    NewPromptSerializer,
    PromptSerializer,
)
from annotate.api.serializers import BIGGEST_ID
from annotate.models import Assignment, Completion, Judgement, Prompt, Skill, User
from annotate.services.bulk import add_completions, add_prompts


class Records(Documented, mixins.ListModelMixin, viewsets.GenericViewSet):
    """A list, oldest first. `filters` maps a query parameter to the lookup that it filters by."""

    filters: dict[str, str] = {}
    query_serializer: type[serializers.Serializer]

    def get_queryset(self) -> QuerySet:
        rows = super().get_queryset()
        given = {name: value for name, value in self.request.query_params.items() if name in self.filters}
        if given:
            wanted = checked(self.query_serializer, given)
            rows = rows.filter(**{self.filters[name]: value for name, value in wanted.items()})
        return rows


class PromptQuery(StrictSerializer):
    domain = serializers.SlugField(required=False)


@extend_schema_view(list=extend_schema(parameters=[PromptQuery]))
class Prompts(Records):
    """The prompts of the corpus."""

    queryset = Prompt.objects.select_related("domain").prefetch_related("content_warnings").order_by("pk")
    serializer_class = PromptSerializer
    query_serializer = PromptQuery
    filters = {"domain": "domain__slug"}

    @extend_schema(request=NewPromptSerializer(many=True), responses={201: PromptSerializer(many=True)}, filters=False)
    def create(self, request: Request) -> Response:
        """Add prompts: all rows, or none and a 422 that names the bad ones. Known prompts are returned as they are."""
        added = add_prompts(rows=checked_rows(NewPromptSerializer, request.data), by=request.user)
        return Response(PromptSerializer(added, many=True).data, status=status.HTTP_201_CREATED)


class CompletionQuery(StrictSerializer):
    prompt = serializers.IntegerField(required=False, min_value=1, max_value=BIGGEST_ID)


@extend_schema_view(list=extend_schema(parameters=[CompletionQuery]))
class Completions(Records):
    """The completions of the corpus, with their producers."""

    queryset = Completion.objects.select_related("producer").order_by("pk")
    serializer_class = CompletionSerializer
    query_serializer = CompletionQuery
    filters = {"prompt": "prompt"}

    @extend_schema(
        request=NewCompletionSerializer(many=True), responses={201: CompletionSerializer(many=True)}, filters=False
    )
    def create(self, request: Request) -> Response:
        """Add completions: all rows, or none and a 422 that names the bad ones. Known ones are returned as they are."""
        added = add_completions(rows=checked_rows(NewCompletionSerializer, request.data), by=request.user)
        return Response(CompletionSerializer(added, many=True).data, status=status.HTTP_201_CREATED)


class CampaignQuery(StrictSerializer):
    campaign = serializers.SlugField(required=False, help_text="the campaign's slug")


@extend_schema_view(list=extend_schema(parameters=[CampaignQuery]))
class Judgements(Records):
    """The judgements that count (a correction replaces what it corrects), under pseudonyms."""

    queryset = (
        Judgement.objects.current()
        .select_related(
            "task__campaign",
            "annotator",
            "assignment",
            "guideline",
            "demonstration__completion",
            "demonstration__revision",
            "review__demonstration",
        )
        .prefetch_related("ranked", "ratings", "flags", "spans")
        .order_by("pk")
    )
    serializer_class = JudgementSerializer
    query_serializer = CampaignQuery
    filters = {"campaign": "task__campaign__slug"}


class Annotators(Records):
    """Everybody with an account, with what they did."""

    serializer_class = AnnotatorSerializer

    def get_queryset(self) -> QuerySet[User]:
        judged = Judgement.objects.current().filter(annotator=OuterRef("pk")).order_by().values("annotator")
        skipped = Assignment.objects.filter(annotator=OuterRef("pk"), state="skipped").order_by().values("annotator")
        skills = Prefetch("skills", Skill.objects.select_related("domain"))
        people = User.objects.order_by("pk").prefetch_related(skills)
        return people.annotate(
            n_judgements=Coalesce(Subquery(judged.annotate(n=Count("pk")).values("n")), 0),
            last_judged_at=Subquery(judged.annotate(last=Max("created_at")).values("last")),
            n_skipped=Coalesce(Subquery(skipped.annotate(n=Count("pk")).values("n")), 0),
        )


class AnnotatorExpertise(Documented, APIView):
    """What one annotator declares, what is verified and what gold measured, in all domains and in each."""

    @extend_schema(responses=ExpertiseFigureSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        figures = people_queries.expertise(annotator_id=get_object_or_404(User, pk=pk).pk)
        return Response(ExpertiseFigureSerializer(figures, many=True).data)


class ExpertiseOfAll(Documented, APIView):
    """The same of everybody: the rows of the expertise page, from the same function."""

    @extend_schema(responses=ExpertiseFigureSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(ExpertiseFigureSerializer(people_queries.expertise(), many=True).data)
