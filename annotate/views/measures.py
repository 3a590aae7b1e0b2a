"""The agreement measures in words: their names, what their n counts, and what the figures mean."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.quality.agreement import RankingAgreement
from annotate.quality.intervals import Estimate
from annotate.templatetags.concord import coefficient, points
from annotate.templatetags.mine import active_time


@dataclass(frozen=True, slots=True)
class Measure:
    """How a field of RankingAgreement is shown."""

    name: str
    label: Promise
    counts: Promise
    """What n counts, as a sentence."""
    explanation: Promise
    is_share: bool = False
    low: float = -1.0
    """The left end of its axis; the right end is always 1."""


MEASURES = [
    Measure(
        "strict_agreement",
        gettext_lazy("Strict agreement"),
        gettext_lazy("n counts pairs where both have a preference."),
        gettext_lazy("How often two annotators who both prefer one completion of a pair prefer the same one."),
        is_share=True,
        low=0.0,
    ),
    Measure(
        "exact_agreement",
        gettext_lazy("Same answer"),
        gettext_lazy("n counts pairs that two annotators share."),
        gettext_lazy("How often two annotators say the same of a pair: the first, the second, or a tie."),
        is_share=True,
        low=0.0,
    ),
    Measure(
        "half_credit",
        gettext_lazy("Half credit for ties"),
        gettext_lazy("n counts pairs that two annotators share."),
        gettext_lazy("The same, with half a point where one of the two says tie and the other does not."),
        is_share=True,
        low=0.0,
    ),
    Measure(
        "tie_rate",
        gettext_lazy("Tie rate"),
        gettext_lazy("n counts preferences."),
        gettext_lazy("How often an annotator ranks two completions as equal."),
        is_share=True,
        low=0.0,
    ),
    Measure(
        "alpha",
        gettext_lazy("Krippendorff’s alpha"),
        gettext_lazy("n counts preferences that meet another."),
        gettext_lazy(
            "Agreement beyond chance on first, second or tie: 0 is chance, 1 is perfect. Nominal, on mirrored pairs."
        ),
    ),
    Measure(
        "alpha_interval",
        gettext_lazy("Alpha by distance"),
        gettext_lazy("n counts preferences that meet another."),
        gettext_lazy("The same, where a tie lies midway between the two preferences. Interval, on mirrored pairs."),
    ),
    Measure(
        "alpha_rank",
        gettext_lazy("Alpha for rankings"),
        gettext_lazy("n counts pairs that two annotators share."),
        gettext_lazy("Agreement beyond chance in which a tie against a preference is half a disagreement."),
    ),
    Measure(
        "tau_b",
        gettext_lazy("Kendall’s tau-b"),
        gettext_lazy("n counts times two annotators met on a task."),
        gettext_lazy("How similar two annotators order a whole task: 1 is the same order, −1 the reverse."),
    ),
    Measure(
        "kendall_w",
        gettext_lazy("Kendall’s W"),
        gettext_lazy("n counts tasks that everybody ranked."),
        gettext_lazy(
            "How alike everybody orders the tasks that all of them ranked: 1 is the same order. Without agreement it is"
            " 1 divided by the number of annotators. The interval speaks of other tasks and the same people."
        ),
        low=0.0,
    ),
]


MEASURE = {measure.name: measure for measure in MEASURES}


def meaning(overall: RankingAgreement) -> str:
    """The figures in a sentence or two, for someone who must decide whether to train on these judgements."""
    strict = overall.strict_agreement
    if strict.value is None:
        return _(strict.reason)
    if strict.lo is None:
        said = _("Two annotators who both have a preference agree %(share)s of the time.")
    else:
        said = _(
            "Two annotators who both have a preference agree %(share)s of the time (95 %% interval %(lo)s to %(hi)s)."
        )
    shares = {name: _percent(getattr(strict, of)) for name, of in (("share", "value"), ("lo", "lo"), ("hi", "hi"))}
    if strict.lo is not None and strict.lo <= 0.5:
        advice = _(
            "That is not clearly better than tossing a coin: collect more judgements, and read the disagreements below"
            " to see whether the guideline is unclear or somebody misreads it."
        )
    else:
        advice = _(
            "That is the yardstick for a reward model trained on them: one that matches held-out judgements as often"
            " does as well as another annotator would. Agreement is not correctness: people who share a bias agree,"
            " too."
        )
    return f"{said % shares} {advice}"


def change_meaning(change: Estimate) -> str:
    """The change of strict agreement in a sentence or two."""
    return _told(
        change,
        more=_("People agree more under the later version, by %(value)s points (95 %% interval %(lo)s to %(hi)s)."),
        less=_("People agree less under the later version, by %(value)s points (95 %% interval %(lo)s to %(hi)s)."),
        unclear=_(
            "There is no clear change of strict agreement: %(value)s points (95 %% interval %(lo)s to %(hi)s). The text"
            " may have changed nothing, or more judgements are needed to see it."
        ),
        then=_caution(),
    )


def measure_change_meaning(measure: Measure, change: Estimate) -> str:
    """The change of any measure of which more is better, in a sentence or two."""
    return _told(
        change,
        more=_("%(measure)s is higher under the later version: %(value)s (95 %% interval %(lo)s to %(hi)s)."),
        less=_("%(measure)s is lower under the later version: %(value)s (95 %% interval %(lo)s to %(hi)s)."),
        unclear=_(
            "%(measure)s has not clearly changed: %(value)s (95 %% interval %(lo)s to %(hi)s). The text may have"
            " changed nothing, or more judgements are needed to see it."
        ),
        then=_caution(),
        measure=measure,
    )


def week_meaning(change: Estimate) -> str:
    """The change of strict agreement from the week before, over all campaigns, in a sentence or two."""
    return _told(
        change,
        more=_("People agree more than in the week before, by %(value)s points (95 %% interval %(lo)s to %(hi)s)."),
        less=_("People agree less than in the week before, by %(value)s points (95 %% interval %(lo)s to %(hi)s)."),
        unclear=_(
            "There is no clear change from the week before: %(value)s points of strict agreement (95 %% interval %(lo)s"
            " to %(hi)s)."
        ),
        then=_("Other campaigns, domains or people may have been at work: look within each campaign, below."),
    )


def _told(change: Estimate, *, more: str, less: str, unclear: str, then: str, measure: Measure | None = None) -> str:
    """The sentence that fits the interval of a change, and `then` another; of `measure`, or of a share in points."""
    if change.value is None or change.lo is None or change.hi is None:
        return _(change.reason) if change.reason else _("There is too little to say whether anything changed.")
    said = more if change.lo > 0 else less if change.hi < 0 else unclear
    signed = points if measure is None or measure.is_share else coefficient
    words = {name: signed(getattr(change, name)) for name in ("value", "lo", "hi")}
    if measure is not None:
        words["measure"] = measure.label
        if measure.is_share:
            words["value"] = _("%(value)s points") % {"value": words["value"]}
    return f"{said % words} {then}"


def time_meaning(seconds: Estimate, reading: Estimate) -> str:
    """What a judgement takes beside reading its task once, in a sentence; nothing where one of them is not known."""
    if seconds.value is None or reading.value is None:
        return ""
    words = {"time": active_time(seconds.value), "reading": active_time(reading.value)}
    if seconds.lo is not None and seconds.lo > reading.value:
        return _("People take %(time)s for a judgement, longer than the %(reading)s that reading a task takes.") % words
    if seconds.hi is not None and seconds.hi < reading.value:
        said = _("People take %(time)s for a judgement, less than the %(reading)s that reading a task takes.") % words
        advice = _("Look at some judgements before you believe the agreement.")
    else:
        said = _("People take %(time)s for a judgement, and reading a task takes %(reading)s.") % words
        advice = _("Whether most take longer than that is not clear.")
    return f"{said} {advice}"


def _caution() -> str:
    return _("Other things may have changed at the same time: the tasks, the people, their practice.")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.1f} %"
