"""Gold, for admins: which tasks have a known answer, mixing them into the work, and taking them out again."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotate import gold_queries, gold_review_queries
from annotate.answers import MAX_NOTE, MAX_TEXT
from annotate.api.base import Documented, StrictSerializer, checked
from annotate.api.figures import EstimateSerializer
from annotate.api.serializers import BIGGEST_ID
from annotate.api.work import find_campaign
from annotate.errors import NotFound
from annotate.gold_review_queries import LEAST
from annotate.models import Task
from annotate.services import gold
from annotate.services.disputes import weigh
from annotate.services.gold_keeping import AT_ONCE, MOST, accept_proposals


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


class RetireSerializer(StrictSerializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NOTE, help_text="stays with it")


class Retire(Documented, APIView):
    """Take gold out of the work: nobody gets it any more, and what was answered stays."""

    @extend_schema(request=RetireSerializer, responses=KnownTaskSerializer)
    def post(self, request: Request, pk: int) -> Response:
        reason = checked(RetireSerializer, request.data).get("reason", "")
        return _known(gold.retire(task=_task(pk), by=request.user, reason=reason))


class ProposalSerializer(serializers.Serializer):
    """A task on which everybody gave exactly the same answer (a gold_review_queries.Proposal)."""

    task = serializers.IntegerField(source="task.pk")
    domain = serializers.CharField(source="task.prompt.domain.slug", default="", help_text="'' = none")
    answer = serializers.JSONField(help_text="what they all said, as far as it can be a known answer")
    n = serializers.IntegerField(help_text="annotators who agree: all who judged it")
    seconds = serializers.FloatField(help_text="median active time")
    skill = EstimateSerializer(help_text="share of gold that these people get right; n counts gold answers")


class ProposalQuery(StrictSerializer):
    least = serializers.IntegerField(
        default=LEAST, min_value=2, max_value=MOST, help_text="annotators who must agree exactly"
    )


class AcceptSerializer(ProposalQuery):
    tasks = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID), allow_empty=False, max_length=AT_ONCE
    )
    explanation = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_TEXT, help_text="why, for annotators"
    )
    mix_in = serializers.BooleanField(default=False, help_text="mix them into the work at once; there is no way back")


class AcceptedSerializer(serializers.Serializer):
    tasks = serializers.ListField(child=serializers.IntegerField())


class Proposals(Documented, APIView):
    """The tasks that could become gold: unanimous, strictly ordered, without flags and open questions.

    Those first whose annotators get most gold right. Accepted twice, they are refused: they are gold already.
    """

    @extend_schema(operation_id="gold_proposals", parameters=[ProposalQuery], responses=ProposalSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        campaign, asked = find_campaign(slug), checked(ProposalQuery, request.query_params.dict())
        weigh(campaign=campaign)
        found = gold_review_queries.proposals(campaign=campaign, least=asked["least"])
        return Response(ProposalSerializer(found, many=True).data)

    @extend_schema(operation_id="gold_accept", request=AcceptSerializer, responses={201: AcceptedSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Make gold of these proposals: of all of them, or of none and a 422 that names the bad ones."""
        asked = dict(checked(AcceptSerializer, request.data))
        made = accept_proposals(
            campaign=find_campaign(slug),
            task_ids=asked["tasks"],
            by=request.user,
            least=asked["least"],
            explanation=asked.get("explanation", ""),
            mixed_in=asked["mix_in"],
        )
        return Response({"tasks": [task.pk for task in made]}, status=status.HTTP_201_CREATED)


class GoldItemSerializer(serializers.Serializer):
    """Gold that is mixed in, with signals that its answer goes around: never a verdict (annotate/quality/leaks.py)."""

    task = serializers.IntegerField(source="task.pk")
    score = EstimateSerializer(help_text="mean score of those who answered; n counts people")
    rise = EstimateSerializer(source="signals.rise", help_text="later half of the answers minus earlier half")
    above = EstimateSerializer(source="signals.above", help_text="score here minus the same people's on other gold")
    pace = EstimateSerializer(source="signals.pace", help_text="answer time, later half / earlier half")
    standing_out = serializers.ListField(
        source="signals.standing_out",
        child=serializers.ChoiceField(choices=["rise", "above", "pace"]),
        help_text="the signals whose interval lies on the side that speaks for a leak",
    )


class Leaks(Documented, APIView):
    """The gold that is mixed into the work, that with the most signals of a leak first."""

    @extend_schema(operation_id="gold_leaks", responses=GoldItemSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        found = gold_review_queries.leaks(campaign=find_campaign(slug))
        return Response(GoldItemSerializer(found, many=True).data)


def _task(pk: int) -> Task:
    found = Task.objects.filter(pk=pk).select_related("campaign", "prompt", "gold").first()
    if found is None:
        raise NotFound(_("There is no task %(number)s.") % {"number": pk})
    return found


def _known(task: Task) -> Response:
    [known] = gold_queries.with_scores([task], campaign=task.campaign)
    return Response(KnownTaskSerializer(known).data)
