"""What the work pages post, read leniently into an answer: checking is the services' job, and nothing that was typed
may get lost.

A draft is the same answer as far as it goes, so that one shape serves submitting, saving a draft and showing it again.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core import signing
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext

from annotate.answers import MAX_CITATIONS
from annotate.forms import Axis
from annotate.models import Completion, StepLabel
from annotate.queries import AssignmentView
from annotate.services.drafts import Following

LETTERS = "ABCDEFGHI"
STAMP = "annotate.correction"


@dataclass(slots=True)
class Work:
    """An answer as far as it is given (see annotate/answers), and the active seconds so far."""

    answer: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    """None when no script measured them."""

    @classmethod
    def from_post(cls, data: QueryDict, view: AssignmentView) -> "Work":
        """What the page's form says."""
        return cls(READERS[view.campaign.kind](data, view), number(data.get("seconds")))

    @classmethod
    def from_draft(cls, draft: Any) -> "Work":
        """A saved draft; whatever a client stored in another form is passed over."""
        draft = draft if isinstance(draft, Mapping) else {}
        answer = {name: value for name, value in draft.items() if name != "seconds"}
        for name in ("ranks", "ratings", "flags", "spans"):
            if name in answer:
                answer[name] = _by_id(answer[name])
        for name, wanted in (("ranks", int), ("flags", list), ("ratings", dict), ("spans", list)):
            if name in answer:
                answer[name] = {pk: value for pk, value in answer[name].items() if isinstance(value, wanted)}
        for name in ("text", "reasoning", "rationale", "reason"):
            if not isinstance(answer.get(name, ""), str):
                del answer[name]
        return cls(answer, number(draft.get("seconds")))

    def as_draft(self) -> dict:
        """The JSON that `from_draft` reads."""
        return {**self.answer, "seconds": self.seconds}


def following_of(data: QueryDict) -> Following | None:
    """The name that a page's script gives its draft, and the draft that it follows; None without script."""
    return Following.parse(typed(data, "draft_name"), typed(data, "draft_after"))


def _comparison(data: QueryDict, view: AssignmentView) -> dict:
    """Fields rank-ID, rating-ID-AXIS, flag-ID, span-ID (a JSON list), verdict, reason, strength and so on."""
    ids = view.assignment.shown_order
    answer = {
        "ratings": {pk: values for pk in ids if (values := _ratings(data, pk, view))},
        "flags": {pk: names for pk in ids if (names := data.getlist(f"flag-{pk}"))},
        "spans": {pk: spans for pk in ids if (spans := _json_list(data.get(f"span-{pk}", "")))},
        "behaviour": typed(data, "behaviour"),
        "rationale": typed(data, "rationale").strip(),
    }
    if view.campaign.kind == "rating":
        return answer
    return answer | {
        "ranks": {pk: int(rank) for pk in ids if (rank := _digits(data.get(f"rank-{pk}", "")))},
        "verdict": typed(data, "verdict"),
        "reason": typed(data, "reason").strip(),
        "strength": int(strength) if (strength := _digits(data.get("strength", ""))) else None,
    }


def _ratings(data: QueryDict, pk: int, view: AssignmentView) -> dict[str, int]:
    values = {axis.name: _digits(data.get(f"rating-{pk}-{axis.name}", "")) for axis in view.form.axes}
    return {axis: int(value) for axis, value in values.items() if value}


def _writing(data: QueryDict, view: AssignmentView) -> dict:
    """Fields text, reasoning, checklist, source-0, checked-0, source-1 ... and, where the prompt is written too, turn-0
    of the user, turn-1 of the assistant, turn-2 ...; empty turns at the end are those that nobody needed."""
    answer = {"text": _lines(data, "text"), "reasoning": _lines(data, "reasoning").strip()}
    answer["checklist"] = [name for name in data.getlist("checklist") if "\0" not in name]
    sources = [(typed(data, f"source-{row}").strip(), f"checked-{row}" in data) for row in range(MAX_CITATIONS)]
    answer["citations"] = [{"source": source, "checked": checked} for source, checked in sources if source]
    if view.brief:
        turns = [_lines(data, f"turn-{number}").strip() for number in range(2 * view.form.writing.turns - 1)]
        while turns and not turns[-1]:
            turns.pop()
        roles = ("user", "assistant")
        answer["messages"] = [{"role": roles[n % 2], "content": content} for n, content in enumerate(turns)]
    return answer


def _review(data: QueryDict, view: AssignmentView) -> dict:
    """Fields decision, reason and text."""
    return {"decision": typed(data, "decision"), "reason": typed(data, "reason").strip(), "text": _lines(data, "text")}


def _steps(data: QueryDict, view: AssignmentView) -> dict:
    """Fields step-0, step-1, ... and rationale. Labels end with the last one given; a gap is an empty label."""
    labels = [typed(data, f"step-{step}") for step in range(len(view.assignment.task.steps))]
    while labels and not labels[-1]:
        labels.pop()
    return {"labels": labels, "rationale": typed(data, "rationale").strip()}


READERS: dict[str, Callable[[QueryDict, AssignmentView], dict]] = {
    "ranking": _comparison,
    "rating": _comparison,
    "demonstration": _writing,
    "revision": _writing,
    "review": _review,
    "steps": _steps,
}


@dataclass(frozen=True, slots=True)
class Card:
    """A completion on the page: blinded, under a letter, with what is already said about it."""

    letter: str
    completion: Completion
    rank: int | None
    flags: list[str]
    ratings: dict[str, int]
    spans: list[dict]


def cards(view: AssignmentView, work: Work) -> list[Card]:
    """The completions in this annotator's order."""
    said = {name: work.answer.get(name, {}) for name in ("ranks", "flags", "ratings", "spans")}
    return [
        Card(
            letter,
            completion,
            said["ranks"].get(completion.pk),
            said["flags"].get(completion.pk, []),
            said["ratings"].get(completion.pk, {}),
            said["spans"].get(completion.pk, []),
        )
        for letter, completion in zip(LETTERS, view.completions, strict=False)
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the solution on the page, with the radio buttons that label it."""

    text: str
    label: str
    """What it is labelled already, or ""."""
    field: str
    choices: list[tuple[str, str]]


def step_cards(view: AssignmentView, work: Work) -> list[Step]:
    """The steps of the task's solution, in a steps campaign."""
    given = work.answer.get("labels")
    labels = dict(enumerate(given)) if isinstance(given, list) else {}
    return [
        Step(text, labels.get(place, ""), f"step-{place}", StepLabel.Label.choices)
        for place, text in enumerate(view.assignment.task.steps)
    ]


def missing_values(shown: list[Card], axes: Sequence[Axis]) -> str:
    """The required questions without an answer, by letter: `A: Helpful, Truthful; C: Helpful`."""
    required = [axis for axis in axes if axis.required]
    lacking = {card.letter: [gettext(a.label) for a in required if a.name not in card.ratings] for card in shown}
    return "; ".join(f"{letter}: {', '.join(labels)}" for letter, labels in lacking.items() if labels)


def active_seconds(seconds: float | None, since: datetime) -> float:
    """The seconds that the page measured, at most those since it was opened, which stand in when it measured none."""
    elapsed = max(0.0, (timezone.now() - since).total_seconds())
    return elapsed if seconds is None else min(seconds, elapsed)


def stamp() -> str:
    """Now, signed, for a page to bring back: no row says when a correction was opened."""
    return signing.dumps(timezone.now().timestamp(), salt=STAMP)


def opened_at(data: QueryDict) -> datetime:
    """When the page was opened, as its stamp says; now, where it has none of ours."""
    try:
        return datetime.fromtimestamp(signing.loads(data.get("opened", ""), salt=STAMP), tz=UTC)
    except signing.BadSignature:
        return timezone.now()


def typed(data: QueryDict, name: str) -> str:
    """A text of the form, without NUL: nobody types it, and PostgreSQL refuses it."""
    return data.get(name, "").replace("\0", "")


def _lines(data: QueryDict, name: str) -> str:
    """A longer text. Browsers send CRLF; the corpus has LF."""
    return typed(data, name).replace("\r\n", "\n")


def _digits(value: str) -> str:
    return value if re.fullmatch("[0-9]{1,4}", value) else ""


def _json_list(value: str) -> list:
    try:
        found = json.loads(value) if value else []
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def number(value: object) -> float | None:
    """A count of seconds, or None where it says none."""
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _by_id(mapping: object) -> dict[int, object]:
    if not isinstance(mapping, Mapping):
        return {}
    return {int(key): value for key, value in mapping.items() if str(key).isascii() and str(key).isdigit()}
