"""What several people said about one task, side by side: one row for each thing asked, one column for each person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotate.models import Campaign, Completion, Guideline, Judgement
from annotate.views.said import VALUES, answer_labels
from annotate.views.work_forms import LETTERS

STRENGTHS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One thing asked, and what each person said: "" where they said nothing."""

    about: str
    cells: list[str]
    is_rank: bool = False


def rows_of(
    campaign: Campaign, guideline: Guideline, completions: Sequence[Completion], answers: Sequence[Mapping[str, Any]]
) -> list[Row]:
    """The rows of a table whose columns are these answers; rows in which nobody said anything are left out."""
    labels = answer_labels(campaign, guideline)
    rows = []
    for letter, completion in zip(LETTERS, completions, strict=False):
        rows += _of_completion(letter, completion.pk, campaign, answers, labels)
    for step in range(max((len(answer.get("labels", ())) for answer in answers), default=0)):
        said = [answer.get("labels", [])[step : step + 1] for answer in answers]
        rows.append(Row(_("Step %(n)d") % {"n": step + 1}, [str(VALUES[one[0]]) if one else "" for one in said]))
    whole = {"verdict": _("Verdict"), "behaviour": _("Should"), "decision": _("Decision"), "strength": _("How much")}
    for name, title in whole.items():
        rows.append(Row(title, [_words(name, answer.get(name)) for answer in answers]))
    return [row for row in rows if any(row.cells)]


def _of_completion(
    letter: str, pk: int, campaign: Campaign, answers: Sequence[Mapping[str, Any]], labels: Mapping[str, str]
) -> list[Row]:
    def said(name: str, answer: Mapping[str, Any], nothing: Any) -> Any:
        return answer.get(name, {}).get(pk, nothing)

    rows = [Row(letter, [str(said("ranks", answer, "")) for answer in answers], is_rank=True)]
    for axis in campaign.parsed_form.axes:
        values = [str(said("ratings", answer, {}).get(axis.name, "")) for answer in answers]
        rows.append(Row(f"{letter} · {labels[axis.name]}", values))
    flags = [", ".join(labels.get(name, name) for name in said("flags", answer, [])) for answer in answers]
    return [*rows, Row(f"{letter} · {_('Flags')}", flags)]


def _words(name: str, value: Any) -> str:
    if value in (None, ""):
        return ""
    if name == "strength":
        return f"{value} / {STRENGTHS}"
    return str(VALUES.get(value, value))


@dataclass(frozen=True, slots=True)
class Words:
    """What one person wrote beside their answer."""

    who: str
    reason: str
    rationale: str
    marked: list[str]


def words_of(
    who: str, judgement: Judgement, answer: Mapping[str, Any], completions: Sequence[Completion]
) -> Words | None:
    """The reason of a verdict or review, the rationale and marked passages; None when there is nothing."""
    labels = answer_labels(judgement.task.campaign, judgement.guideline)
    marked = [
        f"{letter}: {labels.get(one['type'], one['type'])} “{completion.text[one['start'] : one['end']]}” {one['note']}"
        for letter, completion in zip(LETTERS, completions, strict=False)
        for one in answer.get("spans", {}).get(completion.pk, [])
    ]
    words = Words(who, answer.get("reason", ""), answer.get("rationale", ""), marked)
    return words if words.reason or words.rationale or marked else None
