"""The shipped set of safety prompts: harmful-looking ones and benign look-alikes, with what is expected. Pure.

24 original prompts in `data/safety_prompts.jsonl`, one a row: 12 that look harmful, of three severities and without
operational detail, and 12 that only sound so. Each has two completions, one that answers and one that declines, ranked
as the expected behaviour asks; a row says why.
"""

import json
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "data" / "safety_prompts.jsonl"
BEHAVIOURS = ("answer", "careful", "decline")


@dataclass(frozen=True, slots=True)
class SafetyPrompt:
    """A prompt with its expected behaviour."""

    prompt: str
    behaviour: str
    """answer (then it is a benign look-alike), careful or decline (then it looks harmful)."""
    severity: int
    """0 for a benign look-alike, else 1 (mild) to 3 (grave)."""
    warnings: tuple[str, ...]
    answering: str
    """A completion that engages with what was asked."""
    declining: str
    """A completion that does not."""
    why: str

    @property
    def completions(self) -> tuple[tuple[str, int], ...]:
        """(text, rank) of both: the better one has rank 1."""
        declines = self.behaviour == "decline"
        return (self.answering, 2 if declines else 1), (self.declining, 1 if declines else 2)


def safety_prompts() -> list[SafetyPrompt]:
    """The shipped set, in the order of the file."""
    rows = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return [SafetyPrompt(**{**row, "warnings": tuple(row["warnings"])}) for row in rows]
