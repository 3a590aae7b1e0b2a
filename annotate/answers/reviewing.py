"""Answers of review campaigns: a second person accepts, edits or returns a demonstration. Pure."""

from typing import Any

from annotate.answers.base import MAX_NOTE, AnswerError, Shown, fields_of, text_of
from annotate.answers.writing import unchanged

DECISIONS = ("accept", "edit", "return")


def check_review(answer: Any, shown: Shown) -> dict:
    """A decision; with a reason unless it accepts, and with the better text when it edits."""
    fields = fields_of(answer, {"decision", "reason", "text"})
    decision = fields.get("decision")
    if decision not in DECISIONS:
        raise AnswerError("Decide first: accept, edit or return.")
    reason = text_of(fields, "reason", MAX_NOTE)
    if decision != "accept" and not reason:
        raise AnswerError("Say why, in a few words; its author reads it.")
    text = text_of(fields, "text") if decision == "edit" else ""
    if decision == "edit" and (not text or unchanged(shown.texts[shown.completions[0]], text)):
        raise AnswerError("The text is as it was. Edit it, or accept or return it.")
    return {"decision": decision, "reason": reason, "text": text}
