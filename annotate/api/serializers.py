"""JSON in and out. Input is checked for shape only; the rules are the services'."""

import math
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotate.answers import MAX_NOTE, MAX_TEXT
from annotate.api.base import StrictSerializer
from annotate.conversations import ROLES
from annotate.models import (
    Campaign,
    Completion,
    ContentWarning,
    Guideline,
    Judgement,
    Review,
    Span,
    StepLabel,
)
from annotate.services.judging import MAX_SECONDS

BIGGEST_ID = 2**63 - 1


class SecondsField(serializers.FloatField):
    """Active seconds: a number, neither nan nor infinite."""

    def __init__(self, **kwargs: Any):
        super().__init__(min_value=0, max_value=MAX_SECONDS, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        return value if math.isfinite(value) else self.fail("invalid")


class ByCompletionField(serializers.DictField):
    """A JSON object whose keys are completion ids."""

    def to_internal_value(self, data: Any) -> dict[int, Any]:
        values = super().to_internal_value(data)
        for key in values:
            if not (key.isascii() and key.isdigit() and len(key) < 20):
                raise serializers.ValidationError(_("%(key)r is not the id of a completion.") % {"key": key[:40]})
        return {int(key): value for key, value in values.items()}


@extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=ContentWarning.Kind.choices)))
class WarningsField(serializers.Field):
    """The kinds of distressing content that a prompt warns of."""

    def to_representation(self, value: Any) -> list[str]:
        return sorted(warning.kind for warning in value.all())


class MessageSerializer(StrictSerializer):
    role = serializers.ChoiceField(choices=ROLES)
    content = serializers.CharField(trim_whitespace=False)


# What annotators see


class CampaignRefSerializer(serializers.ModelSerializer):
    class Meta:
        model = Campaign
        fields = ["slug", "name", "kind"]


class FlagMeaningSerializer(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()
    meaning = serializers.CharField()


class GuidelineSerializer(serializers.ModelSerializer):
    flags = FlagMeaningSerializer(many=True, help_text="what may be flagged on a completion")

    class Meta:
        model = Guideline
        fields = ["slug", "version", "sha256", "kind", "title", "body", "flags"]


@extend_schema_field(GuidelineSerializer)
class GuidelineField(serializers.Field):
    """A guideline, put into JSON once: a version never changes, and every assignment shows one."""

    def to_representation(self, value: Guideline) -> dict[str, Any]:
        version = (value.slug, value.version, value.sha256)
        if version not in _guidelines:
            _guidelines[version] = GuidelineSerializer(value).data
        return _guidelines[version]


_guidelines: dict[tuple[str, int, str], dict[str, Any]] = {}


class ShownCompletionSerializer(serializers.ModelSerializer):
    """A completion as annotators see it: blind, so without its producer."""

    class Meta:
        model = Completion
        fields = ["id", "text"]


class ChecklistItemSerializer(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()


class CitedSerializer(serializers.Serializer):
    source = serializers.CharField()
    checked = serializers.BooleanField(help_text="whether the writer says that they checked it")


class WrittenBesideSerializer(serializers.Serializer):
    """What came with a demonstration (a queries.WrittenBeside), as its reviewer sees it: blind, without its author."""

    reasoning = serializers.CharField()
    citations = CitedSerializer(many=True)
    ticked = serializers.ListField(child=serializers.CharField(), help_text="what its author ticked, as labels")


class AssignmentSerializer(serializers.Serializer):
    """Everything there is to show for an assignment (a queries.AssignmentView)."""

    id = serializers.UUIDField(source="assignment.pk")
    state = serializers.CharField(source="assignment.state")
    campaign = CampaignRefSerializer()
    guideline = GuidelineField()
    prompt = MessageSerializer(source="messages", many=True)
    brief = serializers.BooleanField(help_text="whether the prompt is a brief: you write the conversation, too")
    completions = ShownCompletionSerializer(
        many=True, help_text="in the order in which this annotator sees them; of a revision, the text to improve"
    )
    claimed_at = serializers.DateTimeField(source="assignment.claimed_at")
    lease_expires_at = serializers.DateTimeField(source="assignment.lease_expires_at")
    checklist = ChecklistItemSerializer(many=True, help_text="what is to be ticked before submitting")
    written_beside = WrittenBesideSerializer(allow_null=True, help_text="review: what came with the completion")
    warnings = serializers.ListField(
        child=serializers.ChoiceField(choices=ContentWarning.Kind.choices),
        help_text="kinds of distressing content: show the content only when it is asked for",
    )
    revealed_at = serializers.DateTimeField(source="assignment.revealed_at", help_text="when it was; else null")
    draft = serializers.JSONField(help_text="unfinished work that was saved, or null")
    draft_name = serializers.CharField(source="assignment.draft_name", help_text="If-Match of the draft that follows")


class CampaignProgressSerializer(serializers.Serializer):
    """A campaign with its progress (a queries.CampaignProgress). A place is one annotator's share of one task."""

    slug = serializers.CharField(source="campaign.slug")
    name = serializers.CharField(source="campaign.name")
    description = serializers.CharField(source="campaign.description")
    kind = serializers.ChoiceField(source="campaign.kind", choices=Campaign.Kind.choices)
    state = serializers.ChoiceField(source="campaign.state", choices=Campaign.State.choices)
    n_tasks = serializers.IntegerField()
    n_places = serializers.IntegerField()
    n_done_places = serializers.IntegerField(
        help_text="submitted by anybody, tasks with a known answer included; all places only when all work is done"
    )
    n_mine = serializers.IntegerField(help_text="submitted by the caller")
    has_work_for_me = serializers.BooleanField()
    holds_task = serializers.BooleanField(help_text="whether the caller holds a task in it")


class AssignmentStateSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    state = serializers.CharField()
    lease_expires_at = serializers.DateTimeField()


class SubmittedSerializer(serializers.ModelSerializer):
    judgement = serializers.IntegerField(source="pk")

    class Meta:
        model = Judgement
        fields = ["judgement", "version", "created_at"]


class NextProblemSerializer(serializers.Serializer):
    """Why there is no next assignment, in short: parts of a problem document."""

    type = serializers.CharField(help_text="stable name of the problem, a URN")
    detail = serializers.CharField(help_text="what is wrong, and what to do")
    step = serializers.CharField(required=False, help_text="the step that is to be done first")
    campaign = serializers.SlugField(required=False, help_text="where that step is to be done")


class WithNextSerializer(serializers.Serializer):
    """What ?next= adds to an answer."""

    next = AssignmentSerializer(required=False, allow_null=True, help_text="only with ?next=; null: there is none")
    next_problem = NextProblemSerializer(
        required=False, allow_null=True, help_text="only with ?next=; why none can be given, though there may be some"
    )


class SubmittedWithNextSerializer(WithNextSerializer, SubmittedSerializer):
    class Meta(SubmittedSerializer.Meta):
        fields = [*SubmittedSerializer.Meta.fields, "next", "next_problem"]


class SkippedWithNextSerializer(WithNextSerializer, AssignmentStateSerializer):
    pass


# What annotators send


class NextSerializer(StrictSerializer):
    campaign = serializers.SlugField(
        required=False, allow_null=True, help_text="the campaign's slug; without one: the most needed task anywhere"
    )


class SkipSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=MAX_TEXT, help_text="why; the admins read it")


def _text(help_text: str) -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_TEXT, trim_whitespace=False, help_text=help_text
    )


class SpanSerializer(StrictSerializer):
    start = serializers.IntegerField(min_value=0, help_text="first code point of the completion's text")
    end = serializers.IntegerField(min_value=1, help_text="the code point after the last")
    type = serializers.SlugField(max_length=64)
    severity = serializers.ChoiceField(choices=Span.Severity.choices, required=False)
    note = _text("what is wrong there")


class CitationSerializer(StrictSerializer):
    source = serializers.CharField(max_length=MAX_NOTE, help_text="an address, or what else names it")
    checked = serializers.BooleanField(default=False, help_text="you have opened it, and it says so")


class AnswerSerializer(StrictSerializer):
    """An answer. Which fields a task has depends on its campaign's kind and form; another one is refused."""

    ranks = ByCompletionField(
        child=serializers.IntegerField(min_value=1, max_value=9),
        required=False,
        help_text="ranking: {completion id: rank}; 1 = best, equal = tie",
    )
    verdict = serializers.ChoiceField(
        choices=Judgement.Verdict.choices, required=False, allow_blank=True, help_text="ranking; needs a reason"
    )
    reason = _text("why the verdict (ranking), or the decision (review)")
    strength = serializers.IntegerField(
        min_value=1,
        max_value=3,
        required=False,
        allow_null=True,
        help_text="pairs: 1 slightly, 2 clearly, 3 much better",
    )
    ratings = ByCompletionField(
        child=serializers.DictField(child=serializers.IntegerField(min_value=1, max_value=10)),
        required=False,
        help_text="{completion id: {axis: value}}",
    )
    flags = ByCompletionField(
        child=serializers.ListField(child=serializers.SlugField(max_length=64)),
        required=False,
        help_text="{completion id: [flag name, ...]}",
    )
    spans = ByCompletionField(child=SpanSerializer(many=True), required=False, help_text="{completion id: [passage]}")
    behaviour = serializers.ChoiceField(choices=Judgement.Behaviour.choices, required=False, allow_blank=True)
    rationale = _text("why, in your words")
    text = _text("demonstration, revision, review: what you wrote")
    reasoning = _text("demonstration, revision: how you got there")
    messages = MessageSerializer(
        many=True, required=False, help_text="demonstration where the prompt is written too: the conversation you wrote"
    )
    checklist = serializers.ListField(
        child=serializers.SlugField(max_length=64), required=False, help_text="demonstration, revision: items ticked"
    )
    citations = CitationSerializer(many=True, required=False, help_text="demonstration, revision: your sources")
    decision = serializers.ChoiceField(choices=Review.Decision.choices, required=False, help_text="review")
    labels = serializers.ListField(
        child=serializers.ChoiceField(choices=StepLabel.Label.choices), required=False, help_text="steps: one for each"
    )


class SubmissionSerializer(AnswerSerializer):
    seconds = SecondsField(help_text="active seconds spent")


class DraftSerializer(AnswerSerializer):
    """Unfinished work: any part of an answer."""

    seconds = SecondsField(required=False, allow_null=True)
