"""Files of a line each that people bring: texts, conversations, prompts and tasks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.modelling.errors import RecipeError

ROLES = ("system", "user", "assistant")


def read_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not empty; raise RecipeError where the file is no UTF-8 text."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}.") from error


def are_messages(value: Any, *, fewest: int = 1) -> bool:
    """Whether a value from a file is a conversation of so many messages or more, each with a role and a text."""
    return (
        isinstance(value, list)
        and len(value) >= fewest
        and all(
            isinstance(message, dict) and message.get("role") in ROLES and isinstance(message.get("content"), str)
            for message in value
        )
    )
