"""JSON of what admins read and add: prompts, completions, judgements, annotators."""

from typing import Any

from rest_framework import serializers

from annotate.api.base import StrictSerializer
from annotate.api.serializers import BIGGEST_ID, CitedSerializer, MessageSerializer, WarningsField
from annotate.models import (
    Campaign,
    Completion,
    ContentWarning,
    Demonstration,
    Guideline,
    Judgement,
    Producer,
    Prompt,
    Review,
    Task,
    User,
)


class PromptSerializer(serializers.ModelSerializer):
    messages = MessageSerializer(many=True)
    domain = serializers.SlugField(source="domain.slug", default="", help_text="'' = none")
    warnings = WarningsField(source="content_warnings", read_only=True)

    class Meta:
        model = Prompt
        fields = ["id", "sha256", "messages", "domain", "language", "warnings", "created_at"]


class NewPromptSerializer(StrictSerializer):
    messages = MessageSerializer(many=True, allow_empty=False)
    domain = serializers.SlugField(required=False, allow_blank=True, max_length=64)
    language = serializers.CharField(
        required=False, allow_blank=True, max_length=64, help_text="BCP 47, such as de or pt-BR; '' = not known"
    )
    warnings = serializers.ListField(
        child=serializers.ChoiceField(choices=ContentWarning.Kind.choices),
        required=False,
        help_text="kinds of distressing content in it or in its completions",
    )


class CompletionSerializer(serializers.ModelSerializer):
    prompt = serializers.IntegerField(source="prompt_id")
    producer = serializers.CharField(source="producer.name")
    kind = serializers.ChoiceField(source="producer.kind", choices=Producer.Kind.choices)

    class Meta:
        model = Completion
        fields = ["id", "sha256", "prompt", "producer", "kind", "text", "created_at"]


class NewCompletionSerializer(StrictSerializer):
    prompt = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID, help_text="the prompt's id")
    producer = serializers.CharField(max_length=200, help_text="the name of the model that wrote it")
    kind = serializers.ChoiceField(
        choices=[(Producer.Kind.IMPORTED, "Imported model"), (Producer.Kind.POLICY, "Policy checkpoint")],
        default=Producer.Kind.IMPORTED,
    )
    text = serializers.CharField(trim_whitespace=False)


class WrittenSerializer(serializers.ModelSerializer):
    prompt = serializers.IntegerField(source="completion.prompt_id", help_text="differs where it was written, too")
    completion = serializers.IntegerField(source="completion_id")
    text = serializers.CharField(source="completion.text")
    original = serializers.IntegerField(
        source="revision.original_id", default=None, help_text="the completion that it was made of by editing"
    )
    checklist = serializers.ListField(child=serializers.CharField())
    citations = CitedSerializer(many=True)

    class Meta:
        model = Demonstration
        fields = ["prompt", "completion", "text", "original", "reasoning", "checklist", "citations"]


class ReviewSerializer(serializers.ModelSerializer):
    judgement = serializers.IntegerField(source="demonstration.judgement_id", help_text="what was reviewed")

    class Meta:
        model = Review
        fields = ["judgement", "decision", "reason"]


class GuidelineRefSerializer(serializers.ModelSerializer):
    class Meta:
        model = Guideline
        fields = ["slug", "version", "sha256"]


class JudgementSerializer(serializers.ModelSerializer):
    """A judgement that counts, under its annotator's pseudonym."""

    campaign = serializers.CharField(source="task.campaign.slug")
    kind = serializers.ChoiceField(source="task.campaign.kind", choices=Campaign.Kind.choices)
    task = serializers.IntegerField(source="task_id")
    purpose = serializers.ChoiceField(
        source="task.purpose",
        choices=Task.Purpose.choices,
        help_text="gold measures people: it is in no agreement and no snapshot",
    )
    prompt = serializers.IntegerField(source="task.prompt_id")
    annotator = serializers.CharField(source="annotator.pseudonym")
    guideline = GuidelineRefSerializer()
    ranks = serializers.SerializerMethodField()
    ratings = serializers.SerializerMethodField(help_text="{completion id: {axis: value}}")
    flags = serializers.SerializerMethodField()
    spans = serializers.SerializerMethodField(help_text="{completion id: [marked passage]}, in code points of its text")
    demonstration = WrittenSerializer(default=None, allow_null=True)
    review = ReviewSerializer(default=None, allow_null=True)
    lane = serializers.CharField(source="assignment.lane", help_text="gold, random, ordered; empty when not chosen")
    probability = serializers.FloatField(
        source="assignment.probability", allow_null=True, help_text="the chance with which this task was given"
    )
    began_with = serializers.SerializerMethodField(
        help_text="how many people the task was for at first: only the first so many judgements of each task (by id)"
        " are unbiased where more were asked because people disagreed"
    )

    class Meta:
        model = Judgement
        fields = ["id", "campaign", "kind", "task", "purpose", "prompt", "annotator", "guideline", "version", "seconds"]
        fields += ["lane", "probability", "began_with"]
        fields += ["rationale", "created_at", "verdict", "reason", "strength", "behaviour"]
        fields += ["ranks", "ratings", "flags", "spans", "demonstration", "review"]

    def get_began_with(self, judgement: Judgement) -> int:
        return judgement.task.target - judgement.task.raised

    def get_ranks(self, judgement: Judgement) -> dict[str, int]:
        return {str(ranked.completion_id): ranked.rank for ranked in judgement.ranked.all()}

    def get_ratings(self, judgement: Judgement) -> dict[str, dict[str, int]]:
        ratings: dict[str, dict[str, int]] = {}
        for rating in judgement.ratings.all():
            ratings.setdefault(str(rating.completion_id), {})[rating.axis] = rating.value
        return ratings

    def get_spans(self, judgement: Judgement) -> dict[str, list[dict[str, Any]]]:
        spans: dict[str, list[dict[str, Any]]] = {}
        for span in judgement.spans.all():
            marked = {name: getattr(span, name) for name in ("start", "end", "type", "severity", "note")}
            spans.setdefault(str(span.completion_id), []).append(marked)
        return spans

    def get_flags(self, judgement: Judgement) -> dict[str, list[str]]:
        flags: dict[str, list[str]] = {}
        for flag in judgement.flags.all():
            flags.setdefault(str(flag.completion_id), []).append(flag.name)
        return flags


class SkillSerializer(serializers.Serializer):
    """A measured skill (a models.Skill): the posterior mean under Beta(1, 1), with its 95 % interval."""

    domain = serializers.CharField(source="domain.slug", default="", help_text="'' = all domains together")
    n = serializers.IntegerField(help_text="gold answers")
    mean = serializers.FloatField(source="estimate.value")
    lo = serializers.FloatField(source="estimate.lo")
    hi = serializers.FloatField(source="estimate.hi")


class AnnotatorSerializer(serializers.ModelSerializer):
    n_judgements = serializers.IntegerField(help_text="that count: corrections replace what they correct")
    n_skipped = serializers.IntegerField()
    last_judged_at = serializers.DateTimeField(allow_null=True)
    skills = SkillSerializer(many=True, help_text="measured by gold, in each domain and in all")

    class Meta:
        model = User
        fields = ["id", "username", "pseudonym", "role", "is_simulated", "is_active"]
        fields += ["n_judgements", "n_skipped", "last_judged_at", "skills"]
