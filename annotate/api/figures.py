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


class DisagreementSerializer(serializers.Serializer):
    task = serializers.IntegerField(source="item")
    score = serializers.FloatField(help_text="0 = all say the same, 1 = all opposite; describes, so has no interval")
    n = serializers.IntegerField(help_text="annotator pair x completion pair")
    n_annotators = serializers.IntegerField()
    strict_agreement = serializers.FloatField(allow_null=True)


class CampaignAgreementSerializer(serializers.Serializer):
    """A campaign's agreement (a queries.CampaignAgreement), with the numbers that the page shows."""

    campaign = serializers.CharField(source="campaign.slug")
    overall = RankingAgreementSerializer()
    by_pair = PairAgreementSerializer(many=True)
    by_domain = serializers.DictField(child=RankingAgreementSerializer())
    disagreements = DisagreementSerializer(many=True, help_text="worst first")
    n_raised = serializers.IntegerField(
        help_text="tasks that went to more people because those before disagreed: they lower every figure here"
    )
