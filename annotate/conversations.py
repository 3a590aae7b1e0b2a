"""Prompts: conversations up to the point where the assistant speaks. Pure."""

from typing import Any

from annotate.refusals import Refusal

ROLES = ("system", "user", "assistant")


class ConversationError(Refusal):
    """What is not a prompt."""


def check_messages(messages: Any) -> None:
    """Refuse, with a sentence, what is not a prompt: a list of {role, content} that ends with the user's turn."""
    if not isinstance(messages, list) or not messages:
        raise ConversationError("A prompt must be a list of at least one message.")
    for number, message in enumerate(messages, start=1):
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise ConversationError("Message %(number)s must have exactly the fields role and content.", number=number)
        if message["role"] not in ROLES:
            raise ConversationError(
                "Message %(number)s has the role %(role)r; it must be one of %(known)s.",
                number=number,
                role=message["role"],
                known=", ".join(ROLES),
            )
        if not isinstance(message["content"], str) or not message["content"].strip():
            raise ConversationError(
                "Message %(number)s has no content; write some or leave the message out.", number=number
            )
    if messages[-1]["role"] != "user":
        raise ConversationError("The last message of a prompt must be the user's: the assistant speaks next.")
