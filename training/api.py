"""What models learned, and from what: snapshots, runs, checkpoints, pipelines. Admins only."""

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from annotate.api.base import Documented, StrictSerializer, checked
from training.candidates import BY_DEFAULT, CANDIDATES
from training.models import Checkpoint, Evaluation, Pipeline, Run, RunInput, Snapshot
from training.services.pipelines import start_pipeline
from training.services.runs import cancel_run
from training.services.stages import candidates_of


class ResultSerializer(serializers.ModelSerializer):
    """A figure with its 95 % interval and n; where there is no value or no interval, `note` says why."""

    class Meta:
        model = Evaluation
        fields = ["name", "subject", "against", "value", "lo", "hi", "n", "unit", "note"]


class SnapshotSerializer(serializers.ModelSerializer):
    class Meta:
        model = Snapshot
        fields = ["id", "state", "sha256", "selection", "manifest", "message", "created_at"]


class RunInputSerializer(serializers.ModelSerializer):
    sha256 = serializers.CharField(source="checkpoint.sha256")

    class Meta:
        model = RunInput
        fields = ["role", "checkpoint", "sha256"]


class RunSerializer(serializers.ModelSerializer):
    checkpoint = serializers.IntegerField(source="checkpoint.pk", default=None, help_text="what it made, or null")
    inputs = RunInputSerializer(many=True)
    results = ResultSerializer(source="evaluations", many=True)

    class Meta:
        model = Run
        fields = ["id", "recipe", "state", "config", "seed", "snapshot", "pipeline", "stage", "attempt", "progress"]
        fields += ["message", "exit_code", "created_at", "started_at", "ended_at", "checkpoint", "inputs", "results"]


class CheckpointSerializer(serializers.ModelSerializer):
    results = ResultSerializer(source="evaluations", many=True)

    class Meta:
        model = Checkpoint
        fields = ["id", "kind", "name", "sha256", "location", "run", "created_at", "promoted_at", "results"]


class StageSerializer(serializers.ModelSerializer):
    results = ResultSerializer(source="evaluations", many=True)

    class Meta:
        model = Run
        fields = ["id", "stage", "recipe", "state", "progress", "message", "results"]


class PipelineSerializer(serializers.ModelSerializer):
    next_campaign = serializers.CharField(source="next_campaign.slug", default=None, help_text="slug, or null")
    candidates = serializers.SerializerMethodField(help_text="names of the policies that it puts before the gate")
    runs = StageSerializer(many=True)

    class Meta:
        model = Pipeline
        fields = ["id", "date", "number", "state", "trigger", "base_model", "config", "candidates", "snapshot"]
        fields += ["decision", "reason"]
        fields += ["promoted", "next_campaign", "created_at", "ended_at", "runs"]

    def get_candidates(self, pipeline: Pipeline) -> list[str]:
        return list(candidates_of(pipeline))


class StartSerializer(StrictSerializer):
    again = serializers.BooleanField(
        default=False, help_text="start another one although this date already has one; else that one is returned"
    )
    candidates = serializers.ListField(
        child=serializers.CharField(max_length=32),
        required=False,
        help_text=f"the policies that it makes and puts before the gate, by default {' and '.join(BY_DEFAULT)}; "
        f"there are {', '.join(CANDIDATES)}",
    )


class Records(Documented, viewsets.ReadOnlyModelViewSet):
    """A list, newest first, and its rows."""

    lookup_value_regex = r"\d+"


class Snapshots(Records):
    """Immutable exports of judgements, named by their content hash."""

    queryset = Snapshot.objects.order_by("-pk")
    serializer_class = SnapshotSerializer


class Runs(Records):
    """Executions of recipes."""

    queryset = (
        Run.objects.select_related("checkpoint").prefetch_related("inputs__checkpoint", "evaluations").order_by("-pk")
    )
    serializer_class = RunSerializer

    @extend_schema(request=None, responses=RunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a queued run at once, a running one within about three seconds."""
        cancel_run(run_id=self.get_object().pk, by=request.user)
        return Response(RunSerializer(self.get_object()).data)


class Checkpoints(Records):
    """What runs made: weights, named by their content hash."""

    queryset = Checkpoint.objects.prefetch_related("evaluations").order_by("-pk")
    serializer_class = CheckpointSerializer


class Pipelines(Records, mixins.CreateModelMixin):
    """The nightly chain from judgements to a promoted policy."""

    queryset = (
        Pipeline.objects.select_related("next_campaign")
        .prefetch_related(Prefetch("runs", Run.objects.order_by("pk").prefetch_related("evaluations")))
        .order_by("-date", "-number")
    )
    serializer_class = PipelineSerializer

    @extend_schema(request=StartSerializer, responses={200: PipelineSerializer, 201: PipelineSerializer})
    def create(self, request: Request) -> Response:
        """Start today's pipeline: 201 if this call started it, 200 with the one that there is."""
        wanted = checked(StartSerializer, request.data)
        again = wanted.pop("again")
        pipeline, started = start_pipeline(
            date=timezone.localdate(), trigger="person", by=request.user, again=again, config=wanted
        )
        found = self.get_queryset().get(pk=pipeline.pk)
        code = status.HTTP_201_CREATED if started else status.HTTP_200_OK
        return Response(PipelineSerializer(found).data, status=code)


app_name = "training_api"
router = SimpleRouter()
router.register("snapshots", Snapshots, "snapshots")
router.register("runs", Runs, "runs")
router.register("checkpoints", Checkpoints, "checkpoints")
router.register("pipelines", Pipelines, "pipelines")
urlpatterns = router.urls
