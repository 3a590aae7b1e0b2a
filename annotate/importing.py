"""Reading files of prompts and completions. Pure: a file becomes items, or one error that names every bad row.

Formats, told apart by the fields of the first row (or named by the caller):

| format | a row |
|---|---|
| completions | `{"prompt": text or messages, "completions": [text or {"text", "producer", "rank" or "score"}, ...]}` |
| | or with a single one, `{"prompt": text or messages, "completion": text or {"text", "producer"}}` |
| steps | `{"prompt": text or messages, "steps": [text, ...], "producer": name}`: a solution, step by step |
| prompts | `{"prompt": text or messages}`: prompts to write demonstrations for |
| hh | `{"chosen": dialogue, "rejected": dialogue}` of HH-RLHF, with "\\n\\nHuman:" and "\\n\\nAssistant:" turns |
| oasst | an Open-Assistant conversation tree; each assistant fork with at least two replies is an item |

All but the last two may have a `domain`, a `language` (BCP 47, such as de or pt-BR), and `warnings`: kinds of
distressing content (WARNINGS). The `lang` of an Open-Assistant tree is its language. `rank` 1 is best; a
`score` is better when it is higher; in an Open-Assistant tree rank 0 is best. Files are JSON Lines in UTF-8, plain or
gzipped (by the file's first bytes, not by its name).
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotate.conversations import ROLES
from annotate.languages import LanguageError, parse_language
from annotate.steps import MAX_STEPS, join_steps

HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
MAX_REPORTED = 20
MAX_NAME = 200
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class RowError(ValueError):
    """What is wrong with one row, as the end of the sentence "row 12: ..."."""


class ImportFileError(ValueError):
    """A file that is refused whole; the message names each bad row (the first 20 of them)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion in a file. `rank` is dense, 1 = best, or None where the file does not say."""

    text: str
    producer: str
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt with its completions, from row `row` (counted from 1)."""

    row: int
    messages: list[dict[str, str]]
    answers: tuple[Answer, ...]
    domain: str = ""
    steps: tuple[str, ...] = ()
    """The steps of the only answer, where the file gives them; joined, they are its text."""
    warnings: tuple[str, ...] = ()
    """Kinds of distressing content in the prompt or its answers."""
    language: str = ""

    @property
    def ranks(self) -> tuple[int, ...] | None:
        """The ranks of the answers when every one has its rank, else None."""
        ranks = tuple(answer.rank for answer in self.answers)
        return None if not ranks or None in ranks else ranks


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a file holds: its items, the bad rows that were left out (if that was asked for), and its format."""

    items: list[Item]
    bad_rows: list[str]
    format: str


def read_file(path: Path, *, format: str = "auto", skip_bad_rows: bool = False) -> ParsedFile:
    """Read a whole file.

    Raises ImportFileError when the file cannot be read, holds nothing, or has bad rows that are not to be skipped.
    """
    items: list[Item] = []
    bad: list[str] = []
    parse: Callable[[int, dict], list[Item]] | None = FORMATS.get(format)
    for number, line in numbered_lines(path):
        try:
            row = load_row(line)
            if parse is None:
                format = _recognise(row)
                parse = FORMATS[format]
            items += parse(number, row)
        except RowError as error:
            bad.append(f"row {number}: {error}")
    if bad and not skip_bad_rows:
        more = f"\n... and {len(bad) - MAX_REPORTED} more" if len(bad) > MAX_REPORTED else ""
        raise ImportFileError(
            f"{path.name}: {len(bad)} bad rows, so nothing was imported. Correct them, or leave them out with"
            f" --skip-bad-rows.\n" + "\n".join(bad[:MAX_REPORTED]) + more
        )
    if not items:
        raise ImportFileError(f"{path.name} holds no prompt that can be used.")
    return ParsedFile(items, bad, format)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(row number, line) of each line that is not blank."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with (gzip.open if zipped else open)(path, "rt", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise ImportFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, EOFError, zlib.error) as error:
        raise ImportFileError(f"{path.name} is not UTF-8 text in JSON Lines, plain or gzipped: {error}.") from error


def load_row(line: str) -> dict:
    """The JSON object of a line. Raises RowError."""
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise RowError(f"is not JSON ({error.msg} at character {error.colno})") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; brackets thousands deep
        raise RowError("is JSON with a number too long or brackets too deep to be read") from error
    if not isinstance(row, dict):
        raise RowError("must be a JSON object")
    return row


def _recognise(row: dict) -> str:
    if {"chosen", "rejected"} <= row.keys() and "prompt" not in row:
        return "hh"
    if "message_tree_id" in row:
        return "oasst"
    if "prompt" in row:
        if "steps" in row:
            return "steps"
        return "completions" if {"completions", "completion"} & row.keys() else "prompts"
    raise RowError(
        f"has the fields {', '.join(sorted(row)) or '(none)'}; a prompt, chosen and rejected, or a tree is needed"
    )


def _text(value, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise RowError(f"field {field} must be a text that is not empty")
    if UNSTORABLE.search(value):
        raise RowError(f"field {field} has a character that no database keeps: NUL, or half of a surrogate pair")
    return value


def _messages(value) -> list[dict[str, str]]:
    """A prompt as messages: a text is one turn of the user."""
    if isinstance(value, str):
        return [{"role": "user", "content": _text(value, "prompt")}]
    if not isinstance(value, list) or not value:
        raise RowError("field prompt must be a text or a list of messages")
    messages = []
    for number, message in enumerate(value, start=1):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise RowError(f"field prompt: message {number} needs a role ({', '.join(ROLES)}) and a content")
        content = _text(message.get("content"), f"prompt: the content of message {number}")
        messages.append({"role": message["role"], "content": content})
    if messages[-1]["role"] != "user":
        raise RowError("field prompt: the last message must be the user's")
    return messages


def _prompt_row(number: int, row: dict) -> list[Item]:
    return [Item(number, _messages(row.get("prompt")), (), **_about(row))]


WARNINGS = ("violence", "sexual", "self_harm", "hate", "abuse", "medical", "other")


def _warnings(row: dict) -> tuple[str, ...]:
    warnings = row.get("warnings") or []
    if not isinstance(warnings, list) or not all(isinstance(kind, str) and kind in WARNINGS for kind in warnings):
        raise RowError(f"field warnings must be a list of kinds of distressing content: {', '.join(WARNINGS)}")
    return tuple(dict.fromkeys(warnings))


def _domain(row: dict) -> str:
    domain = row.get("domain") or ""
    if not isinstance(domain, str):
        raise RowError("field domain must be a text")
    return re.sub(r"[^a-z0-9]+", "-", domain.lower()).strip("-")[:64]


def _language(value) -> str:
    if not isinstance(value, str):
        raise RowError("field language must be a text")
    try:
        return parse_language(value) if value else ""
    except LanguageError as error:
        raise RowError(f"field language: {str(error).rstrip('.')}") from error


def _about(row: dict) -> dict:
    """What any row may say of its prompt."""
    return {
        "domain": _domain(row),
        "warnings": _warnings(row),
        "language": _language(row.get("language") or ""),
    }


def _completions_row(number: int, row: dict) -> list[Item]:
    messages = _messages(row.get("prompt"))
    completions = [row["completion"]] if "completion" in row else row.get("completions")
    if not isinstance(completions, list) or not completions:
        raise RowError("field completions must be a list that is not empty")
    answers = [_completion(place, value) for place, value in enumerate(completions, start=1)]
    scores = [score for _, _, score in answers]
    if None in scores and any(score is not None for score in scores):
        raise RowError("field completions: either every completion has a rank (or score), or none has")
    ranks = _dense(scores) if scores[0] is not None else [None] * len(scores)
    merged = _distinct(Answer(text, producer, rank) for (text, producer, _), rank in zip(answers, ranks, strict=True))
    return [Item(number, messages, merged, **_about(row))]


def _completion(place: int, value) -> tuple[str, str, float | None]:
    """(text, producer, sort key: lower is better)."""
    if isinstance(value, str):
        value = {"text": value}
    if not isinstance(value, dict):
        raise RowError(f"field completions: number {place} must be a text or an object with a text")
    text = _text(value.get("text"), f"completions: the text of number {place}")
    producer = value.get("producer", "imported")
    if len(_text(producer, f"completions: the producer of number {place}")) > MAX_NAME:
        raise RowError(f"field completions: the producer of number {place} has more than {MAX_NAME} characters")
    for field, sign in (("rank", 1), ("score", -1)):
        key = value.get(field)
        if key is not None:
            return text, producer, sign * _number(key, f"completions: the {field} of number {place}")
    return text, producer, None


def _number(value, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise RowError(f"field {field} must be a number")
    return value


def _dense(keys: Sequence[float]) -> list[int]:
    """Dense ranks, 1 = lowest key; equal keys are ties."""
    places = {key: rank for rank, key in enumerate(sorted(set(keys)), start=1)}
    return [places[key] for key in keys]


def _distinct(answers: Iterator[Answer]) -> tuple[Answer, ...]:
    """The answers without repeated texts: nobody can rank a text against itself. The first one stays."""
    first: dict[str, Answer] = {}
    for answer in answers:
        first.setdefault(answer.text, answer)
    return tuple(first.values())


def _steps_row(number: int, row: dict) -> list[Item]:
    given = row.get("steps")
    if not isinstance(given, list) or not given:
        raise RowError("field steps must be a list of texts that is not empty")
    if len(given) > MAX_STEPS:
        raise RowError(f"field steps has {len(given)} steps; a task has at most {MAX_STEPS}")
    steps = join_steps([_text(step, f"steps: number {place}") for place, step in enumerate(given, start=1)])
    producer = _text(row.get("producer", "imported"), "producer")[:MAX_NAME]
    answer = Answer("".join(steps), producer)
    return [Item(number, _messages(row.get("prompt")), (answer,), steps=tuple(steps), **_about(row))]


def _hh_row(number: int, row: dict) -> list[Item]:
    """One comparison. The prompt is what both dialogues share up to an assistant's turn; the rest is the completion."""
    chosen, rejected = _text(row.get("chosen"), "chosen"), _text(row.get("rejected"), "rejected")
    shared = os.path.commonprefix([chosen, rejected])
    # A dialogue may differ right after the last shared header, so the prefix alone may end within the answer.
    cut = shared.rfind(ASSISTANT)
    if cut < 0:
        raise RowError("chosen and rejected share no prompt that ends where the assistant speaks")
    answers = []
    for field, dialogue, rank in (("chosen", chosen, 1), ("rejected", rejected, 2)):
        answers.append(
            Answer(_text(dialogue[cut + len(ASSISTANT) :], f"{field}: the last answer").strip(), "hh-rlhf", rank)
        )
    if answers[0].text == answers[1].text:
        raise RowError("chosen and rejected are the same")
    return [Item(number, _dialogue(chosen[:cut]), tuple(answers))]


def _dialogue(text: str) -> list[dict[str, str]]:
    parts = re.split(f"({HUMAN}|{ASSISTANT})", text)
    if parts[0].strip() or len(parts) < 3:
        raise RowError(f"the dialogue must start with {HUMAN.strip()}")
    roles = {HUMAN: "user", ASSISTANT: "assistant"}
    turns = [
        {"role": roles[head], "content": body.strip()} for head, body in zip(parts[1::2], parts[2::2], strict=True)
    ]
    if any(not turn["content"] for turn in turns):
        raise RowError("the dialogue has an empty turn")
    if turns[-1]["role"] != "user":
        raise RowError("the dialogue has two turns of the assistant in a row before the answers")
    return turns


def _oasst_row(number: int, row: dict) -> list[Item]:
    """Every fork of a tree at which at least two replies of the assistant can be told apart."""
    root = row.get("prompt")
    if not isinstance(root, dict):
        raise RowError("field prompt must be the tree's first message")
    language = _language(root.get("lang") or "")
    items: list[Item] = []
    stack = [(root, [])]
    while stack:
        node, history = stack.pop()
        if not isinstance(node, dict) or not isinstance(node.get("replies") or [], list):
            raise RowError("a message must be an object, and its replies a list of them")
        role = {"prompter": "user", "assistant": "assistant"}.get(str(node.get("role")))
        if role is None:
            raise RowError(f"a message has the role {node.get('role')!r}; it must be prompter or assistant")
        path = [*history, {"role": role, "content": _text(node.get("text"), "text")}]
        replies = [
            reply for reply in node.get("replies") or [] if not (isinstance(reply, dict) and reply.get("deleted"))
        ]
        if role == "user" and len(replies) >= 2:
            items += _fork(number, path, replies, language)
        stack += [(reply, path) for reply in reversed(replies)]
    return items


def _fork(number: int, path: list[dict], replies: list[dict], language: str) -> list[Item]:
    if not all(isinstance(reply, dict) for reply in replies):
        raise RowError("a message must be an object")
    ranked = all(reply.get("rank") is not None for reply in replies)
    ranks = _dense([_number(reply["rank"], "rank") for reply in replies]) if ranked else [None] * len(replies)
    answers = _distinct(
        Answer(_text(reply.get("text"), "text"), _model(reply), rank)
        for reply, rank in zip(replies, ranks, strict=True)
    )
    return [Item(number, path, answers, language=language)] if len(answers) >= 2 else []


def _model(reply: dict) -> str:
    return _text(reply.get("model_name") or "open-assistant-people", "model_name")[:MAX_NAME]


FORMATS: dict[str, Callable[[int, dict], list[Item]]] = {
    "completions": _completions_row,
    "prompts": _prompt_row,
    "steps": _steps_row,
    "hh": _hh_row,
    "oasst": _oasst_row,
}
