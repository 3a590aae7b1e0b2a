"""Texts for training a base model from scratch: the demo's world, a snapshot's train split, or a file of texts."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from training.demo import world
from training.modelling.artifacts import RecipeError
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.lines import are_messages, read_lines
from training.modelling.snapshots import Message, read_demonstrations, read_rankings

WORLD = "world"


@dataclass(frozen=True)
class Document:
    """One text of a corpus: a conversation that ends with the assistant's message, or a plain text."""

    messages: list[Message]
    """The conversation, or [] for a plain text."""
    text: str = ""
    """The plain text, or "" for a conversation."""

    def texts(self) -> list[str]:
        """Return the texts without any markup, for training a tokenizer."""
        return [message["content"] for message in self.messages] or [self.text]

    def encode(self, tokenizer: PreTrainedTokenizerBase) -> list[int]:
        """Return the ids of the whole document, with the end token last."""
        if not self.messages:
            return encode_completion(tokenizer, self.text)
        prompt = encode_prompt(tokenizer, self.messages[:-1])
        return prompt + encode_completion(tokenizer, self.messages[-1]["content"])


def read_corpus(corpus: str, *, documents: int, seed: int) -> list[Document]:
    """Return the documents of a corpus, the same ones for the same seed.

    "world": `documents` dialogues of the demo. A snapshot directory: every demonstration and every ranked completion of
    the train split, each once; validation and test stay unseen. A .txt file: one text a line. A .jsonl file: one JSON
    object a line with "messages" or "text", or a JSON string. Raises RecipeError for anything else, by line number.
    """
    path = Path(corpus)
    if corpus == WORLD:
        found = [Document(messages) for messages in world.corpus(random.Random(seed), documents)]
    elif path.is_dir():
        found = _of_snapshot(path)
    elif path.suffix in (".txt", ".jsonl"):
        found = _of_file(path)
    else:
        raise RecipeError(f"The corpus {corpus} is neither a snapshot directory nor a .txt or .jsonl file.")
    if not found:
        raise RecipeError(f"The corpus {corpus} holds no text.")
    return found


def _of_snapshot(snapshot: Path) -> list[Document]:
    conversations = [row.messages for row in read_demonstrations(snapshot, "train")]
    for row in read_rankings(snapshot, "train"):
        conversations += [[*row.prompt, {"role": "assistant", "content": text}] for text in row.completions]
    unique = {json.dumps(messages, sort_keys=True): messages for messages in conversations}
    return [Document(messages) for messages in unique.values()]


def _of_file(path: Path) -> list[Document]:
    plain = path.suffix == ".txt"
    return [Document([], line.strip()) if plain else _of_line(path, number, line) for number, line in read_lines(path)]


def _of_line(path: Path, number: int, line: str) -> Document:
    try:
        value: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise RecipeError(f"Line {number} of {path} is not JSON: {error.msg}.") from error
    if isinstance(value, str):
        return Document([], value)
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return Document([], value["text"])
    messages = value.get("messages") if isinstance(value, dict) else None
    if not are_messages(messages, fewest=2) or messages[-1]["role"] != "assistant":
        raise RecipeError(
            f'Line {number} of {path} has neither a "text" nor "messages" (each with "role" and "content") that end'
            " with an assistant's message."
        )
    return Document(messages)
