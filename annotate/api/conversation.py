"""Questions about tasks and reports of broken ones: asking for annotators, reading and answering for admins."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from annotate import inbox_queries
from annotate.api.base import Documented, StrictSerializer, checked
from annotate.api.work import Work
from annotate.models import Question
from annotate.services import conversation


class AskSerializer(StrictSerializer):
    kind = serializers.ChoiceField(choices=Question.Kind.choices)
    reason = serializers.ChoiceField(
        choices=Question.Reason.choices, required=False, allow_blank=True, help_text="of a report: what is wrong"
    )
    text = serializers.CharField(required=False, allow_blank=True, max_length=conversation.MAX_TEXT)


class QuestionSerializer(serializers.ModelSerializer):
    """A question or report, under its asker's pseudonym."""

    asked_by = serializers.CharField(source="asked_by.pseudonym")
    withdrawn = serializers.BooleanField(source="task.withdrawn", help_text="whether nobody gets the task any more")

    class Meta:
        model = Question
        fields = ["id", "kind", "reason", "task", "withdrawn", "asked_by", "text", "created_at"]
        fields += ["resolved", "answer", "answered_at"]


class AskedSerializer(serializers.ModelSerializer):
    """An own question. Without its task: the number of a task would say when it was imported."""

    class Meta:
        model = Question
        fields = ["id", "kind", "reason", "text", "created_at"]


class AnswerSerializer(StrictSerializer):
    text = serializers.CharField(
        required=False, allow_blank=True, max_length=conversation.MAX_TEXT, help_text="'' resolves it without words"
    )


class Ask(Work):
    """Ask about the task of an own assignment, or report it as broken. The same words twice are one question."""

    @extend_schema(request=AskSerializer, responses={201: AskedSerializer})
    def post(self, request: Request, pk: UUID) -> Response:
        said = checked(AskSerializer, request.data)
        asked = conversation.ask(assignment_id=pk, annotator=request.user, **said)
        return Response(AskedSerializer(asked).data, status=status.HTTP_201_CREATED)


class Questions(Documented, mixins.ListModelMixin, viewsets.GenericViewSet):
    """Questions and reports: the open ones first."""

    queryset = Question.objects.none()
    lookup_value_regex = "[0-9]{1,18}"
    serializer_class = QuestionSerializer

    def get_queryset(self):
        return inbox_queries.inbox()

    @extend_schema(request=AnswerSerializer, responses=QuestionSerializer)
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, pk: str) -> Response:
        """Answer one, which resolves it. The first answer stands; a second one is refused."""
        text = checked(AnswerSerializer, request.data).get("text", "")
        answered = conversation.answer_question(question_id=int(pk), by=request.user, text=text)
        return Response(QuestionSerializer(answered).data)
