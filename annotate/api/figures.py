"""Figures in JSON: each with its interval and n, as the pages show them."""

from rest_framework import serializers


class EstimateSerializer(serializers.Serializer):
    """A number with its 95 % interval and n; null where it is undefined, which `reason` explains."""

    value = serializers.FloatField(allow_null=True)
    lo = serializers.FloatField(allow_null=True)
    hi = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    reason = serializers.CharField()


class RankingAgreementSerializer(serializers.Serializer):
    n_items = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    n_judgements = serializers.IntegerField()
    n_pairs = serializers.IntegerField(help_text="annotator pair x completion pair")
    strict_agreement = EstimateSerializer()
    exact_agreement = EstimateSerializer()
    half_credit = EstimateSerializer()
    tie_rate = EstimateSerializer()
    alpha = EstimateSerializer()
    alpha_interval = EstimateSerializer(help_text="alpha whose distance is the squared difference of -1, 0 (tie) and 1")
    alpha_rank = EstimateSerializer()
    tau_b = EstimateSerializer()
    kendall_w = EstimateSerializer(help_text="over the tasks that every annotator ranked; n counts those")


class PairAgreementSerializer(serializers.Serializer):
    first = serializers.CharField()
    second = serializers.CharField()
    n_items = serializers.IntegerField()
    n_pairs = serializers.IntegerField(help_text="pairs of completions both ranked")
    strict_agreement = EstimateSerializer()
    tau_b = EstimateSerializer()


class CampaignAuditSerializer(serializers.Serializer):
    """The agreement in a campaign or a slice of it (a CampaignAudit), with the numbers that the page shows."""

    campaign = serializers.CharField(source="campaign.slug")
    slice = serializers.DictField(source="chosen.given", child=serializers.CharField())
    overall = RankingAgreementSerializer()
    by_domain = serializers.DictField(child=RankingAgreementSerializer(), help_text="empty in a slice of one domain")
    by_version = serializers.DictField(child=RankingAgreementSerializer(), help_text="of the guideline")
    by_week = serializers.DictField(child=RankingAgreementSerializer(), help_text="from Monday, in UTC")
    n_raised = serializers.IntegerField(
        help_text="tasks that went to more people because those before disagreed: they lower every figure here"
    )


class AnsweredSerializer(serializers.Serializer):
    """How far annotators agree on the answers to one question (an Answered)."""

    n_items = serializers.IntegerField(source="answered.found.n_items", help_text="completions in tasks")
    n_annotators = serializers.IntegerField(source="answered.found.n_annotators")
    n_judgements = serializers.IntegerField(source="answered.found.n_judgements", help_text="answers")
    measures = serializers.DictField(
        child=EstimateSerializer(),
        help_text="of an axis alpha (ordinal), alpha_interval (where levels are plain numbers), ac2 (quadratic) and"
        " percent_agreement; of a flag or span prevalence, positive_agreement, alpha (nominal) and ac1",
    )


class ValueQuestionSerializer(AnsweredSerializer):
    kind = serializers.CharField(source="question.kind", help_text="axis, flag, or span: a type of marked passage")
    name = serializers.CharField(source="question.name")
    shares = serializers.DictField(child=EstimateSerializer(), help_text="of an axis: how often each value is given")
    caution = serializers.CharField(source="answered.found.caution", help_text="what not to conclude, or nothing")


class ValueGroupSerializer(AnsweredSerializer):
    key = serializers.CharField()


class ValueAuditSerializer(serializers.Serializer):
    """The agreement on axes, flags and marked passages in a campaign or a slice of it (a ValueAudit)."""

    campaign = serializers.CharField(source="campaign.slug")
    slice = serializers.DictField(source="chosen.given", child=serializers.CharField())
    n_judgements = serializers.IntegerField()
    n_annotators = serializers.IntegerField()
    asked = ValueQuestionSerializer(many=True)
    of = serializers.CharField(source="of.key", default="", help_text="what the groups below are about")
    by_domain = ValueGroupSerializer(many=True, source="domains", help_text="empty in a slice of one domain")
    by_version = ValueGroupSerializer(many=True, source="versions", help_text="of the guideline")
    by_week = ValueGroupSerializer(many=True, source="weeks", help_text="from Monday, in UTC")
    n_raised = serializers.IntegerField(help_text="tasks that went to more people because those before disagreed")


class AnnotatorPairsSerializer(serializers.Serializer):
    """How far each two annotators agree (a Pairs): those with the most judgements first, some to a page."""

    campaign = serializers.CharField(source="campaign.slug")
    page = serializers.IntegerField()
    n_pages = serializers.IntegerField()
    n_annotators = serializers.IntegerField(help_text="in all")
    pairs = PairAgreementSerializer(many=True)


class ExpertiseFigureSerializer(serializers.Serializer):
    """What a person declares of a domain, what is verified and measured (a people_queries.ExpertiseFigure)."""

    annotator = serializers.CharField(source="annotator.username")
    domain = serializers.CharField(source="domain.slug", default="", help_text="'' = all domains together")
    declared = serializers.BooleanField(help_text="whether they say that they know it")
    verified = serializers.BooleanField(help_text="whether an admin has checked that")
    level = serializers.CharField(source="claim.level", default="", help_text="'' = nothing declared")
    measured = EstimateSerializer(help_text="accuracy on gold, shrunk toward the pool; n counts gold answers")


class ComparedSerializer(serializers.Serializer):
    measure = serializers.CharField()
    before = EstimateSerializer()
    after = EstimateSerializer()
    change = EstimateSerializer(help_text="after less before; people and tasks may be the same in both")


class GuidelineChangeSerializer(serializers.Serializer):
    """The agreement under two versions of the guideline (a GuidelineChange)."""

    campaign = serializers.CharField(source="campaign.slug")
    before = serializers.CharField(help_text="a version such as ranking-1; empty where there are no two to compare")
    after = serializers.CharField()
    n_in_both = serializers.IntegerField(help_text="tasks that were judged under both")
    compared = ComparedSerializer(many=True)


class ValueChangeSerializer(serializers.Serializer):
    """The agreement on one question under two versions of the guideline (a ValueChange)."""

    campaign = serializers.CharField(source="campaign.slug")
    of = serializers.CharField(source="of.key", default="", help_text="such as axis/helpful; empty: nothing is asked")
    before = serializers.CharField(help_text="a version such as rating-1; empty where there are no two to compare")
    after = serializers.CharField()
    n_in_both = serializers.IntegerField(help_text="completions that were judged under both")
    compared = ComparedSerializer(many=True)


class ValuePairSerializer(serializers.Serializer):
    first = serializers.CharField()
    second = serializers.CharField()
    n_items = serializers.IntegerField(help_text="completions that both answered for")
    percent_agreement = EstimateSerializer()
    difference = EstimateSerializer(help_text="by how many levels the first one's values are higher on average")
    positive_agreement = EstimateSerializer(help_text="of a flag or span; n counts completions with a yes")


class ValuePairsSerializer(serializers.Serializer):
    """How far each two annotators agree on one question (a ValuePairs), some of them to a page."""

    campaign = serializers.CharField(source="campaign.slug")
    of = serializers.CharField(source="of.key", default="", help_text="such as axis/helpful; empty: nothing is asked")
    page = serializers.IntegerField()
    n_pages = serializers.IntegerField()
    n_annotators = serializers.IntegerField(help_text="in all")
    pairs = ValuePairSerializer(many=True)


class PersonTimeSerializer(serializers.Serializer):
    username = serializers.CharField()
    seconds = EstimateSerializer(help_text="the median of active seconds; n counts judgements")
    too_little = serializers.BooleanField(help_text="the whole interval is below the time to read a task: a signal")
    hourly = EstimateSerializer(allow_null=True, help_text="null where the campaign pays nobody")


class TimeAndPaySerializer(serializers.Serializer):
    """How long a judgement takes, and what an hour comes to (a TimeAndPay)."""

    campaign = serializers.CharField(source="campaign.slug")
    seconds = EstimateSerializer(help_text="the median over annotators of each one's median; n counts annotators")
    reading = EstimateSerializer(help_text="the median seconds to read a task once; n counts tasks")
    pay_seconds = serializers.IntegerField(source="campaign.pay_seconds", allow_null=True)
    hourly = EstimateSerializer(allow_null=True)
    currency = serializers.CharField(source="campaign.currency")
    pays_too_little_time = serializers.BooleanField()
    page = serializers.IntegerField()
    n_pages = serializers.IntegerField()
    people = PersonTimeSerializer(many=True)


class PoolGroupSerializer(serializers.Serializer):
    value = serializers.CharField(help_text="empty: nothing declared or answered; `others`: small groups together")
    people = serializers.IntegerField(help_text="a multiple of 5 where the attribute is protected")
    people_share = serializers.FloatField(help_text="a count over a count, no estimate")
    judgements = EstimateSerializer(help_text="the share of judgements; n counts all judgements")
    difference = EstimateSerializer(help_text="the share of judgements less the share of people; n counts all people")


class PoolAttributeSerializer(serializers.Serializer):
    kind = serializers.CharField(help_text="expertise, languages, age, gender, education, language or region")
    of = serializers.CharField(help_text="the domain of an expertise")
    protected = serializers.BooleanField(help_text="rounded, of whole weeks, no group below 5 people")
    groups = PoolGroupSerializer(many=True)


class PoolCompositionSerializer(serializers.Serializer):
    """Who judged in a campaign, in groups (a PoolComposition)."""

    campaign = serializers.CharField(source="campaign.slug")
    n_people = serializers.IntegerField()
    n_judgements = serializers.IntegerField()
    until = serializers.DateField(help_text="protected attributes count judgements before this Monday (UTC)")
    n_people_before = serializers.IntegerField(help_text="who judged before that")
    n_judgements_before = serializers.IntegerField()
    attributes = PoolAttributeSerializer(many=True)
