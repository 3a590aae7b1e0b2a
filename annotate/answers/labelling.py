"""Answers of steps campaigns: each step of a solution is good, neutral or bad. Pure."""

from typing import Any

from annotate.answers.base import AnswerError, Shown, fields_of, presence, text_of

LABELS = ("good", "neutral", "bad")


def check_steps(answer: Any, shown: Shown) -> dict:
    """A label for each step, or up to the first bad one where the campaign stops there."""
    fields = fields_of(answer, {"labels", "rationale"})
    labels = fields.get("labels")
    if not isinstance(labels, list) or any(label not in ("", *LABELS) for label in labels):
        raise AnswerError("Labels must be a list of good, neutral and bad.")
    stopped = shown.form.stop_at_first_error and "bad" in labels[: shown.n_steps]
    if stopped:
        labels = labels[: labels.index("bad") + 1]
    elif len(labels) != shown.n_steps:
        raise AnswerError(
            "Labels for %(given)d of %(steps)d steps; label every step.", given=len(labels), steps=shown.n_steps
        )
    if "" in labels:
        raise AnswerError("Step %(step)d has no label yet. Label it, and submit again.", step=labels.index("") + 1)
    rationale = text_of(fields, "rationale")
    return {
        "labels": list(labels),
        "rationale": presence(rationale, shown.form.rationale, "Give your rationale: why did you judge so?"),
    }
