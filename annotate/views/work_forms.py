"""What the work pages post, read leniently: checking is the services' job, and nothing that was typed may get lost.

A draft has the same content as the form, so that one reader serves submitting, saving a draft and showing it again.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils import timezone

from annotate.models import Assignment, Completion, Judgement
from annotate.queries import AssignmentView

LETTERS = "ABCDEFGHI"


@dataclass(slots=True)
class RankingWork:
    """A ranking as far as it is done. Keys are completion ids."""

    ranks: dict[int, int] = field(default_factory=dict)
    flags: dict[int, list[str]] = field(default_factory=dict)
    rationale: str = ""
    seconds: float | None = None
    """Active seconds so far; None when no script measured them."""

    @classmethod
    def from_post(cls, data: QueryDict, view: AssignmentView) -> "RankingWork":
        """From the form's fields rank-ID, flag-ID, rationale and seconds."""
        ids = view.assignment.shown_order
        ranks = {pk: data.get(f"rank-{pk}", "") for pk in ids}
        return cls(
            ranks={pk: int(rank) for pk, rank in ranks.items() if re.fullmatch("[0-9]{1,4}", rank)},
            flags={pk: names for pk in ids if (names := data.getlist(f"flag-{pk}"))},
            rationale=typed(data, "rationale").strip(),
            seconds=_number(data.get("seconds")),
        )

    @classmethod
    def from_draft(cls, draft: Mapping | None) -> "RankingWork":
        """From a saved draft; whatever a client stored in another form is passed over."""
        draft = draft or {}
        return cls(
            ranks={pk: rank for pk, rank in _by_id(draft.get("ranks")) if isinstance(rank, int)},
            flags={pk: names for pk, names in _by_id(draft.get("flags")) if isinstance(names, list)},
            rationale=str(draft.get("rationale", "")),
            seconds=_number(draft.get("seconds")),
        )

    @classmethod
    def from_judgement(cls, judgement: Judgement) -> "RankingWork":
        """What was submitted, for correcting it. The time counts anew."""
        flags: dict[int, list[str]] = {}
        for flag in judgement.flags.all():
            flags.setdefault(flag.completion_id, []).append(flag.name)
        ranks = {ranked.completion_id: ranked.rank for ranked in judgement.ranked.all()}
        return cls(ranks=ranks, flags=flags, rationale=judgement.rationale)

    def as_draft(self) -> dict:
        """The JSON that `from_draft` reads."""
        return {"ranks": self.ranks, "flags": self.flags, "rationale": self.rationale, "seconds": self.seconds}


@dataclass(slots=True)
class WritingWork:
    """A demonstration as far as it is written."""

    text: str = ""
    reasoning: str = ""
    seconds: float | None = None

    @classmethod
    def from_post(cls, data: QueryDict, view: AssignmentView) -> "WritingWork":
        """From the form's fields text, reasoning and seconds. Browsers send CRLF; the corpus has LF."""
        text, reasoning = (typed(data, name).replace("\r\n", "\n") for name in ("text", "reasoning"))
        return cls(text=text, reasoning=reasoning.strip(), seconds=_number(data.get("seconds")))

    @classmethod
    def from_draft(cls, draft: Mapping | None) -> "WritingWork":
        """From a saved draft; whatever a client stored in another form is passed over."""
        draft = draft or {}
        return cls(str(draft.get("text", "")), str(draft.get("reasoning", "")), _number(draft.get("seconds")))

    @classmethod
    def from_judgement(cls, judgement: Judgement) -> "WritingWork":
        """What was submitted, for correcting it. The time counts anew."""
        written = judgement.demonstration
        return cls(text=written.completion.text, reasoning=written.reasoning)

    def as_draft(self) -> dict:
        """The JSON that `from_draft` reads."""
        return {"text": self.text, "reasoning": self.reasoning, "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class Card:
    """A completion on the ranking page: blinded, under a letter."""

    letter: str
    completion: Completion
    rank: int | None
    flags: list[str]


def cards(view: AssignmentView, work: RankingWork) -> list[Card]:
    """The completions in this annotator's order, with what is already said about them."""
    return [
        Card(letter, completion, work.ranks.get(completion.pk), work.flags.get(completion.pk, []))
        for letter, completion in zip(LETTERS, view.completions, strict=False)
    ]


def active_seconds(seconds: float | None, assignment: Assignment) -> float:
    """The seconds that the page measured, at most those since the claim, which also stand in when it measured none."""
    elapsed = max(0.0, (timezone.now() - assignment.claimed_at).total_seconds())
    return elapsed if seconds is None else min(seconds, elapsed)


def typed(data: QueryDict, name: str) -> str:
    """A text of the form, without NUL: nobody types it, and PostgreSQL refuses it."""
    return data.get(name, "").replace("\0", "")


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _by_id(mapping: object) -> list[tuple[int, object]]:
    if not isinstance(mapping, Mapping):
        return []
    return [(int(key), value) for key, value in mapping.items() if str(key).isascii() and str(key).isdigit()]
