"""An answer, and a gold answer beside it, in the words that the work page uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.gold import GoldRow, score_answer
from annotate.models import Assignment, Campaign, Completion, Guideline, Judgement, Review, StepLabel, Task
from annotate.own_queries import GoldFeedback
from annotate.views.work_forms import LETTERS

ASPECTS = {
    "verdict": gettext_lazy("Verdict"),
    "ranks": gettext_lazy("Rank"),
    "ratings": gettext_lazy("Rating"),
    "flags": gettext_lazy("Flags"),
    "behaviour": gettext_lazy("What the assistant should do"),
    "labels": gettext_lazy("Step"),
    "decision": gettext_lazy("Decision"),
}
VALUES = dict(
    Judgement.Verdict.choices + Judgement.Behaviour.choices + StepLabel.Label.choices + Review.Decision.choices
)


@dataclass(frozen=True, slots=True)
class SaidRow:
    """One thing that was compared with gold, in words."""

    about: str
    said: str
    gold: str
    right: bool


def compared(feedback: GoldFeedback) -> list[SaidRow]:
    """What was said beside what the gold says, row by row."""
    letters = letters_of(feedback.judgement.assignment)
    labels = labels_of(feedback.judgement)
    return [
        SaidRow(
            _about(part.aspect, row, letters, labels),
            _words(row.said, labels),
            _words(row.gold, labels),
            row.right == 1,
        )
        for part in feedback.score.parts
        for row in sorted(part.rows, key=lambda row: letters.get(row.subject, ""))
    ]


def letters_of(assignment: Assignment) -> dict[str, str]:
    """The letter under which this annotator saw each completion, by its id as text."""
    return dict(zip((str(pk) for pk in assignment.shown_order), LETTERS, strict=False))


def known_answer(task: Task, completions: Sequence[Completion]) -> list[tuple[str, str]]:
    """What the known answer of a task says, row by row: (about, in words), by the letters of these completions."""
    letters = dict(zip((str(one.pk) for one in completions), LETTERS, strict=False))
    labels = answer_labels(task.campaign, task.campaign.guideline)
    return [
        (_about(part.aspect, row, letters, labels), _words(row.gold, labels))
        for part in score_answer(task.campaign.kind, task.gold.answer, task.gold.answer).parts
        for row in sorted(part.rows, key=lambda row: letters.get(row.subject, ""))
    ]


def labels_of(judgement: Judgement) -> dict[str, str]:
    """The labels of axes and flags by name."""
    return answer_labels(judgement.task.campaign, judgement.assignment.guideline)


def answer_labels(campaign: Campaign, guideline: Guideline) -> dict[str, str]:
    """The labels of axes, flags and types of error by name."""
    form = campaign.parsed_form
    labels = {flag["name"]: flag["label"] for flag in guideline.flags}
    return labels | {one.name: one.label for one in (*form.axes, *(form.flags or ()), *form.spans)}


def _about(aspect: str, row: GoldRow, letters: dict[str, str], labels: dict[str, str]) -> str:
    what = labels.get(row.axis, str(ASPECTS[aspect]))
    return f"{letters.get(row.subject, row.subject)} · {what}" if row.subject else what


def _words(value: Any, labels: dict[str, str]) -> str:
    if value in (None, "", []):
        return _("nothing")
    if isinstance(value, list):
        return ", ".join(labels.get(name, name) for name in value)
    return str(VALUES.get(value, value))


@dataclass(frozen=True, slots=True)
class SaidCompletion:
    """What a judgement says about one completion."""

    letter: str
    text: str
    rank: int | None
    ratings: list[tuple[str, int]]
    flags: list[str]
    marked: list[str]


def said_completions(judgement: Judgement, answer: dict, texts: dict[int, str]) -> list[SaidCompletion]:
    """What was said about each completion, in the order in which the annotator saw them."""
    labels = labels_of(judgement)
    found = []
    for letter, pk in zip(LETTERS, judgement.assignment.shown_order, strict=False):
        text = texts.get(pk, "")
        ratings = answer.get("ratings", {}).get(pk, {})
        spans = answer.get("spans", {}).get(pk, [])
        found.append(
            SaidCompletion(
                letter=letter,
                text=text,
                rank=answer.get("ranks", {}).get(pk),
                ratings=[(labels.get(axis, axis), value) for axis, value in ratings.items()],
                flags=[labels.get(name, name) for name in answer.get("flags", {}).get(pk, [])],
                marked=[
                    f"{labels.get(one['type'], one['type'])}: “{text[one['start'] : one['end']]}”" for one in spans
                ],
            )
        )
    return found


def said_steps(judgement: Judgement, answer: dict) -> list[tuple[str, str]]:
    """Each step that was labelled, with its label in words."""
    if judgement.task.campaign.kind != Campaign.Kind.STEPS:
        return []
    return [(step, str(VALUES[label])) for step, label in zip(judgement.task.steps, answer["labels"], strict=False)]
