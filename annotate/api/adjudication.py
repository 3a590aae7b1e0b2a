"""Disagreements over the API: the queue, holding a task, decisions, and who may decide."""

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from annotate import adjudication_queries as queries
from annotate.adjudication_queries import Filters
from annotate.answers import MAX_TEXT
from annotate.api.base import Documented, StrictSerializer, checked
from annotate.api.serializers import BIGGEST_ID, AnswerSerializer, ShownCompletionSerializer
from annotate.api.work import IDEMPOTENCY_KEY, find_campaign, idempotency_key
from annotate.errors import LeaseLost, NotAllowed, NotFound
from annotate.models import Adjudication, Adjudicator, Campaign, Dispute, Task
from annotate.services import adjudicating, disputes
from annotate.services.adjudicating import AsGold
from annotate.services.records import answer_of

TRIES = 5
"""Tasks that are tried when others take them in the same moment."""


class QueueQuery(StrictSerializer):
    state = serializers.ChoiceField(choices=queries.STATES, required=False)
    cause = serializers.ChoiceField(choices=Adjudication.Cause.choices, required=False)
    domain = serializers.SlugField(required=False, max_length=64)
    unfinished = serializers.BooleanField(required=False, help_text="also tasks that not everybody has judged yet")
    after = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_ID, help_text="a task of the queue: those below it"
    )
    limit = serializers.IntegerField(required=False, default=100, min_value=1, max_value=1_000)


class DisputedSerializer(serializers.Serializer):
    """A disputed task, as the page lists it (an adjudication_queries.Disputed)."""

    task = serializers.IntegerField()
    domain = serializers.CharField(help_text="'' = none")
    score = serializers.FloatField(help_text="0 = all say the same, 1 = the opposite; describes, so has no interval")
    n = serializers.IntegerField(help_text="judgements")
    target = serializers.IntegerField(help_text="how many the task is to have")
    state = serializers.ChoiceField(choices=["open", "decided"])
    cause = serializers.CharField(help_text="'' while it is open")
    decided_at = serializers.DateTimeField(allow_null=True)


class DisputesSerializer(serializers.Serializer):
    """A part of the queue. How long all of it is nobody counts: it may have a million tasks."""

    results = DisputedSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="the part below this one")


class AdjudicationSerializer(serializers.ModelSerializer):
    """A decision. One without an answer took the one before back."""

    by = serializers.CharField(source="by.pseudonym")
    answer = serializers.JSONField(allow_null=True, help_text="as annotators submit it")
    cause = serializers.CharField(help_text="'' where a decision is taken back")
    stands = serializers.SerializerMethodField(help_text="whether it is the task's answer now")

    class Meta:
        model = Adjudication
        fields = ["id", "task", "by", "at", "guideline", "version", "supersedes", "answer", "cause", "note", "stands"]

    def get_stands(self, one: Adjudication) -> bool:
        return one.answer is not None and getattr(one, "successor", None) is None


class DecidedAnswerSerializer(AnswerSerializer):
    """The answer that an expert decides on, in the shape that annotators submit."""


class DecisionSerializer(StrictSerializer):
    task = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID)
    answer = DecidedAnswerSerializer()
    cause = serializers.ChoiceField(choices=Adjudication.Cause.choices)
    note = serializers.CharField(required=False, allow_blank=True, max_length=MAX_TEXT)
    gold = serializers.BooleanField(required=False, help_text="make the answer the task's known answer")
    explanation = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_TEXT, help_text="with gold: why, for annotators"
    )
    supersedes = serializers.IntegerField(
        required=False, allow_null=True, max_value=BIGGEST_ID, help_text="the decision that stands, to replace it"
    )


class TakeSerializer(StrictSerializer):
    task = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_ID, help_text="none: the most disputed one that is open"
    )
    after = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_ID, help_text="a task that was passed over: the one below it"
    )
    domain = serializers.SlugField(required=False, max_length=64)
    unfinished = serializers.BooleanField(required=False)


class HoldSerializer(serializers.Serializer):
    task = serializers.IntegerField(source="task_id")
    expires_at = serializers.DateTimeField()


class TakeBackSerializer(StrictSerializer):
    note = serializers.CharField(max_length=MAX_TEXT, help_text="why; it stays on record")


class AdjudicatorSerializer(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username")
    domains = serializers.SerializerMethodField(help_text="in which an admin has verified what they know")

    class Meta:
        model = Adjudicator
        fields = ["username", "domains", "given_at"]

    def get_domains(self, right: Adjudicator) -> list[str]:
        return [known.domain.slug for known in right.user.verified]


class NameSerializer(StrictSerializer):
    username = serializers.CharField(max_length=150)


class Disputes(Documented):
    """A view for admins, and for those to whom one gave the right to decide in the campaign: the service says."""

    permission_classes = [IsAuthenticated]

    def campaign(self, slug: str) -> Campaign:
        campaign = find_campaign(slug)
        adjudicating.check_may_open(user=self.request.user, campaign=campaign)
        return campaign


class Disagreements(Disputes, APIView):
    """The tasks about which annotators disagree, the most disputed first: `limit` of them, below `after`."""

    @extend_schema(operation_id="campaign_disagreements", parameters=[QueueQuery], responses=DisputesSerializer)
    def get(self, request: Request, slug: str) -> Response:
        campaign = self.campaign(slug)
        asked = dict(checked(QueueQuery, request.query_params.dict()))
        limit, after = asked.pop("limit"), asked.pop("after", None)
        asked.setdefault("state", "decided" if "cause" in asked else "open")
        disputes.weigh(campaign=campaign)
        found = queries.queue(campaign=campaign, filters=Filters(**asked))
        if after is not None:
            found = queries.below(found, _disputed(campaign, after))
        rows = list(found[: limit + 1])
        more = rows[limit - 1].task_id if len(rows) > limit else None
        following = replace_query_param(request.build_absolute_uri(), "after", more) if more else None
        return Response({"results": [row.as_row() for row in queries.listed(rows[:limit])], "next": following})


def _disputed(campaign: Campaign, task: int) -> Dispute:
    found = Dispute.objects.filter(campaign=campaign, task=task).first()
    if found is None:
        raise ValidationError({"after": [_("Task %(number)s is not in this queue.") % {"number": task}]})
    return found


class SaidSerializer(serializers.Serializer):
    """What one annotator said; without a name, so that the answer decides and not who gave it."""

    answer = serializers.JSONField()
    seconds = serializers.FloatField(help_text="active seconds")
    guideline = serializers.IntegerField(source="guideline.version", help_text="the version it was made under")


class EvidenceSerializer(serializers.Serializer):
    """All that an expert sees of a disputed task (an adjudication_queries.Evidence)."""

    task = serializers.IntegerField(source="task.pk")
    messages = serializers.JSONField(source="task.prompt.messages")
    completions = ShownCompletionSerializer(many=True, help_text="in the canonical order")
    score = serializers.FloatField(source="dispute.score", default=None, allow_null=True)
    judgements = SaidSerializer(many=True, source="said", help_text="in the order in which they came")
    decision = AdjudicationSerializer(allow_null=True, help_text="the one that stands")
    may_not = serializers.CharField(help_text="why the caller may not decide it; '' when they may")


class Disagreement(Disputes, APIView):
    """A task with everything that annotators said about it, without their names and without the producers."""

    @extend_schema(operation_id="campaign_disagreement", responses=EvidenceSerializer)
    def get(self, request: Request, slug: str, pk: int) -> Response:
        campaign = self.campaign(slug)
        task = adjudicating.find_task(pk, request.user)
        if task.campaign_id != campaign.pk or task.purpose != Task.Purpose.WORK:
            raise NotFound(_("There is no task %(number)s.") % {"number": pk})
        disputes.weigh(campaign=campaign)
        found = queries.evidence(task=task)
        body = {name: getattr(found, name) for name in ("task", "completions", "dispute", "decision")}
        said = [
            {"answer": answer_of(one), "seconds": one.seconds, "guideline": one.guideline} for one in found.judgements
        ]
        may_not = adjudicating.why_not(user=request.user, task=task)
        return Response(EvidenceSerializer({**body, "said": said, "may_not": may_not}).data)


class Take(Disputes, APIView):
    """Hold a disputed task while deciding it; 204 when nothing is left that the caller may decide."""

    @extend_schema(request=TakeSerializer, responses={200: HoldSerializer, 204: None})
    def post(self, request: Request, slug: str) -> Response:
        campaign = self.campaign(slug)
        asked = dict(checked(TakeSerializer, request.data))
        if task := asked.pop("task", None):
            _check_of(campaign, task)
            return Response(HoldSerializer(adjudicating.take(task_id=task, by=request.user)).data)
        after = asked.pop("after", None)
        disputes.weigh(campaign=campaign)
        for _try in range(TRIES):
            after = queries.next_open(campaign=campaign, user=request.user, filters=Filters(**asked), after=after)
            if after is None:
                break
            try:
                return Response(HoldSerializer(adjudicating.take(task_id=after, by=request.user)).data)
            except (LeaseLost, NotAllowed):  # somebody was quicker
                continue
        return Response(status=status.HTTP_204_NO_CONTENT)


class LetGo(Disputes, APIView):
    """Hold a task no longer, without a decision; a second time changes nothing."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, pk: int) -> Response:
        adjudicating.find_task(pk, request.user)
        adjudicating.let_go(task_id=pk, by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Adjudications(Disputes, GenericAPIView):
    """Every decision in a campaign, superseded ones too, oldest first; and deciding."""

    serializer_class = AdjudicationSerializer

    @extend_schema(operation_id="campaign_adjudications", responses=AdjudicationSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(queries.history_of(campaign=self.campaign(slug)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="campaign_adjudicate",
        request=DecisionSerializer,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: AdjudicationSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Decide a task. Agreement figures stay as they are: they describe the annotators."""
        campaign = self.campaign(slug)
        said = dict(checked(DecisionSerializer, request.data))
        _check_of(campaign, said["task"])
        gold, explanation = said.pop("gold", False), said.pop("explanation", "")
        if explanation and not gold:
            raise ValidationError({"explanation": [_("It goes with gold; set gold to true, or leave it out.")]})
        made = adjudicating.decide(
            task_id=said.pop("task"),
            by=request.user,
            gold=AsGold(explanation) if gold else None,
            idempotency_key=idempotency_key(request),
            **said,
        )
        return Response(AdjudicationSerializer(made).data, status=status.HTTP_201_CREATED)


class TakeBack(Disputes, APIView):
    """Take a decision back: the task is open again, and both stay on record. One's own; admins anybody's."""

    @extend_schema(request=TakeBackSerializer, parameters=[IDEMPOTENCY_KEY], responses={201: AdjudicationSerializer})
    def post(self, request: Request, pk: int) -> Response:
        note, key = checked(TakeBackSerializer, request.data)["note"], idempotency_key(request)
        made = adjudicating.take_back(adjudication_id=pk, by=request.user, note=note, idempotency_key=key)
        return Response(AdjudicationSerializer(made).data, status=status.HTTP_201_CREATED)


def _check_of(campaign: Campaign, task: int) -> None:
    if not campaign.tasks.filter(pk=task).exists():
        raise ValidationError({"task": [_("There is no task %(number)s in this campaign.") % {"number": task}]})


class Adjudicators(Documented, GenericAPIView):
    """Who may decide in a campaign besides admins. For admins."""

    serializer_class = AdjudicatorSerializer

    @extend_schema(operation_id="campaign_adjudicators", responses=AdjudicatorSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        page = self.paginate_queryset(queries.adjudicators(campaign=find_campaign(slug)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(operation_id="campaign_allow", request=NameSerializer, responses={201: AdjudicatorSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Give somebody the right; a second time changes nothing."""
        campaign, name = find_campaign(slug), checked(NameSerializer, request.data)["username"]
        right = adjudicating.allow(campaign=campaign, username=name, by=request.user)
        row = queries.adjudicators(campaign=campaign).get(pk=right.pk)
        return Response(AdjudicatorSerializer(row).data, status=status.HTTP_201_CREATED)


class Disallow(Documented, APIView):
    """Take somebody's right to decide away. What they decided stays. For admins."""

    @extend_schema(request=NameSerializer, responses={204: None})
    def post(self, request: Request, slug: str) -> Response:
        name = checked(NameSerializer, request.data)["username"]
        adjudicating.disallow(campaign=find_campaign(slug), username=name, by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
