"""Gold, for admins: which tasks have a known answer, mixing them into the work, and taking them out again."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate import gold_queries
from annotate.api.base import Documented
from annotate.api.figures import EstimateSerializer
from annotate.api.work import find_campaign
from annotate.errors import NotFound
from annotate.models import Task
from annotate.services import gold


class KnownTaskSerializer(serializers.Serializer):
    """A task whose answer is known (a gold_queries.KnownTask)."""

    task = serializers.IntegerField(source="task.pk")
    stands = serializers.ChoiceField(
        choices=[*Task.Purpose.values, "retired"], help_text="gold: mixed in; retired: gold that was taken out"
    )
    answer = serializers.JSONField(source="task.gold.answer")
    explanation = serializers.CharField(source="task.gold.explanation")
    score = EstimateSerializer(help_text="mean score of those who answered; n counts people")


class KnownTasks(Documented, GenericAPIView):
    """The tasks of a campaign whose answer is known, and how people did on them: gold first."""

    serializer_class = KnownTaskSerializer

    @extend_schema(operation_id="campaign_gold", responses=KnownTaskSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        campaign = find_campaign(slug)
        page = self.paginate_queryset(gold_queries.known_tasks(campaign=campaign).select_related("gold"))
        known = gold_queries.with_scores(page, campaign=campaign)
        return self.get_paginated_response(self.get_serializer(known, many=True).data)


class MixIn(Documented, APIView):
    """Mix a task with a known answer into everybody's work. It is no work from then on, and never again."""

    @extend_schema(request=None, responses=KnownTaskSerializer)
    def post(self, request: Request, pk: int) -> Response:
        return _known(gold.mix_in(task=_task(pk), by=request.user))


class Retire(Documented, APIView):
    """Take gold out of the work: nobody gets it any more, and what was answered stays."""

    @extend_schema(request=None, responses=KnownTaskSerializer)
    def post(self, request: Request, pk: int) -> Response:
        return _known(gold.retire(task=_task(pk), by=request.user))


def _task(pk: int) -> Task:
    found = Task.objects.filter(pk=pk).select_related("campaign", "prompt", "gold").first()
    if found is None:
        raise NotFound(_("There is no task %(number)s.") % {"number": pk})
    return found


def _known(task: Task) -> Response:
    [known] = gold_queries.with_scores([task], campaign=task.campaign)
    return Response(KnownTaskSerializer(known).data)
