"""Figures of evaluations, grouped for people: what each one is called and means, and a chart for those that compare."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from training.candidates import CANDIDATES
from training.models import Evaluation

ORDER = {name: place for place, name in enumerate(("base", "sft", *CANDIDATES, "promoted"))}
COMPARED = 2  # rows that a chart needs to show more than the table does


@dataclass(frozen=True)
class Meaning:
    """How a figure is called on a page, and what it says."""

    label: str | Promise
    explanation: str | Promise
    is_share: bool = False
    rule: float | None = None
    """A value worth marking in the chart, such as one half for a win rate."""


MEANINGS = {
    "win_rate": Meaning(_("Win rate"), _("How often the judge prefers its answer; ties count half."), True, 0.5),
    "win_rate_by_reward": Meaning(
        _("Win rate by the reward model"), _("The same, judged by the model that PPO was trained against."), True, 0.5
    ),
    "gold": Meaning(_("Gold score"), _("The demo world's true quality of an answer.")),
    "pair_accuracy": Meaning(
        _("Accuracy on held-out pairs"), _("How often a comparison is ordered as the annotator ordered it."), True, 0.5
    ),
    "pair_agreement": Meaning(
        _("Annotators' own agreement"),
        _("How often two annotators order the same pairs alike: the yardstick."),
        True,
        0.5,
    ),
    "score": Meaning(_("Reward"), _("The reward model's score, in standard deviations of SFT's answers.")),
    "kl": Meaning(
        _("KL to SFT"), _("How far it moved from SFT, in nats of an answer. Far away a reward is not to be trusted.")
    ),
    "entropy": Meaning(_("Entropy"), _("Nats of a token. Near zero it says the same to everybody.")),
    "distinct_1": Meaning(_("Distinct words"), _("Share of words that differ, over all answers."), True),
    "distinct_2": Meaning(_("Distinct bigrams"), _("Share of word pairs that differ, over all answers."), True),
    "length": Meaning(_("Length"), _("Tokens of an answer. A policy may win by length alone.")),
    "test_accuracy": Meaning(
        _("Test accuracy"), _("How often it orders a comparison of the test split as people did."), True
    ),
    "test_edit_accuracy": Meaning(
        _("Edited texts"),
        _("How often it prefers an edited text of the test split to the text that it was made of."),
        True,
        0.5,
    ),
    "validation_edit_accuracy": Meaning(_("Edited texts, validation split"), "", True, 0.5),
    "validation_accuracy": Meaning(
        _("Validation accuracy"), _("The same on the validation split, while it trained."), True
    ),
    "style_words": Meaning(
        _("Words of an answer"), _("What was learnt beside what the model answers: models take over length first.")
    ),
    "style_sentences": Meaning(_("Sentences of an answer"), ""),
    "style_list_share": Meaning(_("Answers with a list"), "", True),
    "style_refusal": Meaning(_("Answers that decline"), _("By phrases near the start of an answer."), True),
    "style_assertive": Meaning(
        _("Sounding sure"), _("Words such as “clearly” against words such as “perhaps”: −1 to 1.")
    ),
    "style_end_rate": Meaning(_("Answers that end by themselves"), "", True),
    "data_rows": Meaning(_("Rows of a pass"), _("How many rows of each source a pass over the data has.")),
    "data_tokens": Meaning(_("Tokens of a pass"), ""),
    "safety_share_rows": Meaning(_("Safety data, share of rows"), "", True),
    "safety_share_tokens": Meaning(_("Safety data, share of tokens"), "", True),
    "test_agreement": Meaning(
        _("Annotators’ agreement"),
        _("How often two annotators order the same pairs of the test split alike: the yardstick of the accuracy."),
        True,
        0.5,
    ),
    "test_leave_one_out": Meaning(
        _("Against the others"),
        _("On pairs that several people judged: how often each says what most of the others say, and the reward too."),
        True,
        0.5,
    ),
    "test_ece": Meaning(
        _("Calibration error"), _("How far the chances that it gives are from how often people agree (ECE)."), True
    ),
    "test_brier": Meaning(_("Brier score"), _("Mean square of what its chances miss; a coin has 0.25.")),
    "test_loss": Meaning(_("Test loss"), _("Nats a comparison of the test split; a coin has 0.693.")),
    "test_disagreement": Meaning(
        _("Members disagree"), _("How often not all members of the ensemble order two completions alike."), True
    ),
    "validation_disagreement": Meaning(_("Members disagree, validation split"), "", True),
    "validation_loss": Meaning(
        _("Validation loss"), _("Nats a comparison, or a token of an answer, of the validation split.")
    ),
    "data_answers": Meaning(_("Answers learnt"), _("How many answers were learnt as good, and how many as bad.")),
    "test_length_correlation": Meaning(
        _("Reward and length"), _("How reward and length go together among answers to the same prompt, from −1 to 1.")
    ),
    "test_length_balanced": Meaning(
        _("Accuracy if length said nothing"),
        _("The mean of the accuracy where people prefer the longer answer, and where they prefer the shorter one."),
        True,
        0.5,
    ),
    "test_equal_length": Meaning(
        _("Accuracy at equal length"), _("On pairs whose lengths differ by a tenth at most."), True, 0.5
    ),
    "test_chosen_shift": Meaning(
        _("Shift of preferred answers"),
        _("Nats that the test split’s preferred answers became likelier than before; below zero, less likely."),
    ),
    "test_rejected_shift": Meaning(
        _("Shift of rejected answers"), _("The same of the answers that were not preferred.")
    ),
    "test_chosen_shift_per_token": Meaning(
        _("Shift of preferred answers, per token"), _("What the alarm watches while training, here on the test split.")
    ),
    "test_rejected_shift_per_token": Meaning(
        _("Shift of rejected answers, per token"), _("The same of the answers that were not preferred.")
    ),
    "lowest_chosen_shift": Meaning(
        _("Lowest shift while training"), _("How far the preferred answers fell at worst, and whether the alarm rang.")
    ),
    "ches_left_out": Meaning(
        _("Pairs left out"), _("Comparisons that were expected to make preferred answers less likely (CHES)."), True
    ),
    "label_noise": Meaning(
        _("Label noise"), _("How often a comparison is the wrong way round, by the annotators’ agreement."), True
    ),
    "end_rate": Meaning(_("Answers that end"), _("Share of answers that end by themselves."), True),
}


@dataclass(frozen=True)
class FigureGroup:
    """One figure of every model it was measured on."""

    name: str
    meaning: Meaning
    rows: list[Evaluation]

    @property
    def drawable(self) -> bool:
        """Whether a chart would say more than the table."""
        return sum(row.lo is not None for row in self.rows) >= COMPARED


def figure_groups(evaluations: Iterable[Evaluation]) -> list[FigureGroup]:
    """Evaluations grouped by figure, the ones that decide first; within a group from base to policy in force."""
    groups: dict[str, list[Evaluation]] = {}
    for row in evaluations:
        groups.setdefault(row.name, []).append(row)
    places = {name: place for place, name in enumerate(MEANINGS)}
    return [
        FigureGroup(name, MEANINGS.get(name, Meaning(name.replace("_", " ").capitalize(), "")), _ordered(rows))
        for name, rows in sorted(groups.items(), key=lambda group: places.get(group[0], len(places)))
    ]


def _ordered(rows: list[Evaluation]) -> list[Evaluation]:
    return sorted(rows, key=lambda row: (ORDER.get(row.subject, len(ORDER)), row.against))
