"""What the rankings of a campaign's tasks add up to, and what everybody's votes weigh: for admins."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.api.base import Documented
from annotate.api.figures import EstimateSerializer
from annotate.api.work import find_campaign
from annotate.consensus_queries import CampaignConsensus, campaign_consensus
from annotate.errors import NotFound
from annotate.models import Campaign


class PlaceSerializer(serializers.Serializer):
    completion = serializers.IntegerField()
    letter = serializers.CharField(help_text="as on the task's page")
    rank = serializers.IntegerField(help_text="1 = best, equal = tie")
    score = serializers.FloatField(help_text="share of the others that it beats, 0 to 1")
    in_cycle = serializers.BooleanField(help_text="beats one that beats ... that beats it")


class PairSerializer(serializers.Serializer):
    first = serializers.CharField(help_text="letter of a completion")
    second = serializers.CharField()
    for_first = serializers.IntegerField(help_text="votes; everybody counts 1")
    tied = serializers.IntegerField()
    for_second = serializers.IntegerField()
    n = serializers.IntegerField()
    posterior = serializers.FloatField(help_text="how sure the weighted votes make one that the first is better")


class TaskConsensusSerializer(serializers.Serializer):
    """The consensus of a task (a consensus_queries.TaskConsensus), as the page shows it."""

    task = serializers.IntegerField()
    n_rankings = serializers.IntegerField()
    n_cannot_rank = serializers.IntegerField(help_text="said that these cannot be ranked; they have no vote")
    contest = serializers.FloatField(
        help_text="0 nobody dissents, 1 as many on either side; describes the votes there are"
    )
    cyclic = serializers.BooleanField(help_text="the majorities contradict each other")
    decided = serializers.BooleanField(help_text="an expert decided: the places are theirs, not the votes'")
    places = PlaceSerializer(many=True, help_text="best first")
    pairs = PairSerializer(many=True)


class VoterSerializer(serializers.Serializer):
    """What an annotator's votes weigh in a campaign (a consensus_queries.Voter)."""

    annotator = serializers.CharField(source="username")
    weight = serializers.FloatField(help_text="their mean over the pairs that were put in an order is 1")
    n_pairs = serializers.IntegerField(help_text="pairs of completions that they put in an order")
    accuracy = EstimateSerializer(help_text="on pairs of gold, shrunk toward the pool; n counts gold rankings")


class TaskConsensuses(Documented, GenericAPIView):
    """The consensus of each task of a ranking campaign, most contested first."""

    serializer_class = TaskConsensusSerializer

    @extend_schema(operation_id="campaign_consensus", responses=TaskConsensusSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(_found(slug).tasks)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class Voters(Documented, GenericAPIView):
    """What the votes of a ranking campaign's annotators weigh, heaviest first."""

    serializer_class = VoterSerializer

    @extend_schema(operation_id="campaign_weights", responses=VoterSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(_found(slug).voters)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def _found(slug: str) -> CampaignConsensus:
    campaign = find_campaign(slug)
    if campaign.kind != Campaign.Kind.RANKING:
        raise NotFound(_("Only ranking campaigns have a consensus; %(name)r is none.") % {"name": slug})
    return campaign_consensus(campaign=campaign)
