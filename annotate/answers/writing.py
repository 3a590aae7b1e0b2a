"""Answers of demonstration and revision campaigns: a written completion, and its prompt where asked. Pure."""

from collections.abc import Mapping
from typing import Any

from annotate.answers.base import (
    MAX_NOTE,
    MAX_TEXT,
    AnswerError,
    Shown,
    count_words,
    fields_of,
    names_of,
    presence,
    text_of,
)
from annotate.conversations import ConversationError, check_messages
from annotate.translations import translatable

FIELDS = {"text", "reasoning", "checklist", "citations"}
MAX_CITATIONS = 20


def check_writing(answer: Any, shown: Shown) -> dict:
    """A written completion within the campaign's bounds, with everything that the campaign asks beside."""
    writes_prompt = shown.form.writing.prompt == "written"
    fields = fields_of(answer, FIELDS | {"messages"} if writes_prompt else FIELDS)
    checked = {"messages": _messages(fields, shown.form.writing.turns)} if writes_prompt else {}
    reasoning = text_of(fields, "reasoning")
    return checked | {
        "text": _text(fields, shown),
        "reasoning": presence(
            reasoning, shown.form.writing.reasoning, "Add your reasoning: how did you get to the answer?"
        ),
        "citations": _citations(fields, shown),
        "checklist": _checklist(fields, shown),
    }


def unchanged(old: str, new: str) -> bool:
    """Whether an edit changed nothing but white space."""
    return old.split() == new.split()


def _text(fields: Mapping[str, Any], shown: Shown) -> str:
    text = text_of(fields, "text", MAX_TEXT)
    if not text:
        raise AnswerError("The demonstration is empty; write the answer that you would want to read.")
    words, writing = count_words(text), shown.form.writing
    if words < writing.min_words:
        raise AnswerError(
            "The answer is too short: %(words)d of at least %(low)d words.", words=words, low=writing.min_words
        )
    if writing.max_words and words > writing.max_words:
        raise AnswerError(
            "The answer is too long: %(words)d words, where %(high)d are allowed.", words=words, high=writing.max_words
        )
    if shown.kind == "revision" and unchanged(shown.texts[shown.completions[0]], text):
        raise AnswerError("The text is as it was. Make it better, or skip the task if there is nothing to improve.")
    return text


def _messages(fields: Mapping[str, Any], turns: int) -> list[dict[str, str]]:
    """The written prompt: turns of user and assistant that begin and end with the user's."""
    messages = fields.get("messages")
    if not messages:
        raise AnswerError("Write the prompt, too: what does the user say?")
    try:
        check_messages(messages)
    except ConversationError as error:
        raise AnswerError(error.sentence, **error.values) from error
    for number, message in enumerate(messages):
        if message["role"] != ("user", "assistant")[number % 2]:
            raise AnswerError("In the prompt that you write, user and assistant take turns, and the user begins.")
    if len(messages) > 2 * turns - 1:
        raise AnswerError("The prompt has too many turns; this campaign allows %(turns)d of the user.", turns=turns)
    return [{"role": message["role"], "content": text_of(message, "content")} for message in messages]


def _citations(fields: Mapping[str, Any], shown: Shown) -> list[dict[str, Any]]:
    """The sources. One that was not checked may be listed; it is marked so wherever it is shown."""
    given = fields.get("citations") or []
    if not isinstance(given, list) or len(given) > MAX_CITATIONS:
        raise AnswerError("Sources must be a list of at most %(most)d.", most=MAX_CITATIONS)
    if given and not shown.form.writing.citations:
        raise AnswerError("This campaign does not ask for sources; leave them out.")
    found = []
    for item in given:
        citation = fields_of(item, {"source", "checked"})
        source = text_of(citation, "source", MAX_NOTE)
        checked = citation.get("checked", False)
        if not isinstance(checked, bool):
            raise AnswerError("Whether a source was checked must be true or false.")
        if not source:
            raise AnswerError("A source is empty; name it, or remove its line.")
        found.append({"source": source, "checked": checked})
    return found


def _checklist(fields: Mapping[str, Any], shown: Shown) -> list[str]:
    """The ticked items, in the checklist's order. Every one has to be ticked."""
    unknown = translatable("The checklist has no item named %(name)r; it has %(known)s.")
    ticked = names_of(fields.get("checklist") or [], (item.name for item in shown.checklist), unknown)
    for item in shown.checklist:
        if item.name not in ticked:
            raise AnswerError("Not ticked yet: “%(item)s”. Do it, then tick it.", item=item.label)
    return [item.name for item in shown.checklist]
