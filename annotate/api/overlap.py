"""How many people do a task, and what is uncertain: for admins."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate.api.base import Documented, StrictSerializer, checked, checked_rows
from annotate.api.serializers import BIGGEST_ID
from annotate.api.work import find_campaign
from annotate.models import Task
from annotate.overlap_queries import overlap_figures
from annotate.services.retargeting import retarget, retarget_all
from annotate.services.uncertainty import set_uncertainty


class TargetCountSerializer(serializers.Serializer):
    target = serializers.IntegerField()
    n_tasks = serializers.IntegerField()
    n_complete = serializers.IntegerField(help_text="of these, with all their judgements")
    n_raised = serializers.IntegerField(help_text="of these, raised because people disagree")


class OverlapFiguresSerializer(serializers.Serializer):
    """How many people the tasks of a campaign go to (an overlap_queries.OverlapFigures), as the page shows it."""

    campaign = serializers.CharField(source="campaign.slug")
    ceiling = serializers.IntegerField(allow_null=True, help_text="null where the overlap is fixed")
    targets = TargetCountSerializer(many=True)
    n_tasks = serializers.IntegerField()
    n_raised = serializers.IntegerField(help_text="tasks that went to more people because those before disagreed")
    n_complete = serializers.IntegerField()
    mean_judgements = serializers.FloatField(allow_null=True, help_text="of a complete task; over n_complete")
    n_at_ceiling = serializers.IntegerField(help_text="complete tasks that could not go to anybody more")
    n_unsettled = serializers.IntegerField(help_text="of these, less sure than the campaign wants")


class TargetSerializer(StrictSerializer):
    target = serializers.IntegerField(help_text="how many people are to do it")


class TaskTargetSerializer(serializers.ModelSerializer):
    """A task with its places: submitted <= reserved <= target."""

    class Meta:
        model = Task
        fields = ["id", "target", "raised", "reserved", "submitted"]


class RetargetedSerializer(serializers.Serializer):
    target = serializers.IntegerField()
    n_tasks = serializers.IntegerField()
    n_kept = serializers.IntegerField(help_text="of these, at their taken places instead, which are more")


class UncertaintyRowSerializer(StrictSerializer):
    task = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
    value = serializers.FloatField(help_text="0 to 1")


class UncertaintySetSerializer(serializers.Serializer):
    n_tasks = serializers.IntegerField()


class Overlap(Documented, APIView):
    """How many people the tasks of a campaign go to, and where they still disagree at the ceiling."""

    @extend_schema(responses=OverlapFiguresSerializer)
    def get(self, request: Request, slug: str) -> Response:
        return Response(OverlapFiguresSerializer(overlap_figures(campaign=find_campaign(slug))).data)


class CampaignTarget(Documented, APIView):
    """Have so many people do each task that is in the campaign already."""

    @extend_schema(request=TargetSerializer, responses=RetargetedSerializer)
    def post(self, request: Request, slug: str) -> Response:
        target = checked(TargetSerializer, request.data)["target"]
        found = retarget_all(campaign=find_campaign(slug), target=target, by=request.user)
        return Response(RetargetedSerializer(found).data)


class TaskTarget(Documented, APIView):
    """Have so many people do this task, though never fewer than have taken a place of it: then that is its target."""

    @extend_schema(request=TargetSerializer, responses=TaskTargetSerializer)
    def post(self, request: Request, pk: int) -> Response:
        target = checked(TargetSerializer, request.data)["target"]
        return Response(TaskTargetSerializer(retarget(task_id=pk, target=target, by=request.user)[0]).data)


class Uncertainty(Documented, APIView):
    """Say how uncertain tasks are, by which they can come first: all rows, or none and a 422 that names the bad."""

    @extend_schema(request=UncertaintyRowSerializer(many=True), responses=UncertaintySetSerializer)
    def put(self, request: Request, slug: str) -> Response:
        rows = checked_rows(UncertaintyRowSerializer, request.data)
        values = [(row["task"], row["value"]) for row in rows]
        n = set_uncertainty(campaign=find_campaign(slug), values=values)
        return Response(UncertaintySetSerializer({"n_tasks": n}).data)
