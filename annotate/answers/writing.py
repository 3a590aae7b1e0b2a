"""Answers of demonstration and revision campaigns: a written completion. Pure."""

from typing import Any

from annotate.answers.base import MAX_TEXT, AnswerError, Shown, count_words, fields_of, presence, text_of

FIELDS = {"text", "reasoning"}


def check_writing(answer: Any, shown: Shown) -> dict:
    """A written completion within the campaign's bounds."""
    fields = fields_of(answer, FIELDS)
    writing = shown.form.writing
    text = text_of(fields, "text", MAX_TEXT)
    if not text:
        raise AnswerError("The demonstration is empty; write the answer that you would want to read.")
    words = count_words(text)
    if words < writing.min_words or (writing.max_words and words > writing.max_words):
        raise AnswerError(
            "The answer has %(words)d words; this campaign asks for %(low)d to %(high)s.",
            words=words,
            low=writing.min_words,
            high=writing.max_words or "∞",
        )
    reasoning = presence(
        text_of(fields, "reasoning"), writing.reasoning, "Add your reasoning: how did you get to the answer?"
    )
    return {"text": text, "reasoning": reasoning}
