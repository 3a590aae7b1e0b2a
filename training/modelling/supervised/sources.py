"""What supervised fine-tuning reads: the conversations of snapshots and of .jsonl files.

A line of a .jsonl file is {"messages": [{"role", "content"}, ...]}, ending with an assistant's message, or {"prompt":
[...] or text, "completion": [...] or text}; an assistant's message may have "reasoning". Beside them a line may have
"safety": true and "domain". Whoever made a file may have taken prompts that a snapshot holds out: those are left out.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from annotate.hashing import prompt_sha256
from training.modelling.artifacts import RecipeError
from training.modelling.lines import are_messages, read_lines
from training.modelling.snapshots import RankingRow, Split, read_demonstrations, read_rankings
from training.modelling.supervised.conversations import Conversation

Answers = Literal["demonstrations", "preferred"]
DECLINE = "decline"


def read_conversations(
    sources: Mapping[str, str], split: Split, *, answers: Answers, safety: Collection[str]
) -> list[Conversation]:
    """Return what one split offers, by source in the order given; a .jsonl file is all train.

    `safety` names the sources, domains and campaigns whose rows count as safety data; rankings of which the annotator
    says that the prompt is to be declined count, too.
    """
    found: list[Conversation] = []
    held_out = _held_out(sources)
    for name, path in sources.items():
        marked = name in safety
        if Path(path).is_dir():
            read = _demonstrations if answers == "demonstrations" else _preferred
            found += read(name, path, split, () if marked else safety, marked)
        elif split == "train":
            rows = _of_file(name, Path(path), () if marked else safety, marked)
            found += [row for row in rows if row.prompt_sha256 not in held_out]
    return found


def _held_out(sources: Mapping[str, str]) -> set[str]:
    """The prompts that some snapshot among the sources keeps for measuring."""
    snapshots = [path for path in sources.values() if Path(path).is_dir()]
    if len(snapshots) == len(sources):
        return set()
    return {
        row.prompt_sha256
        for path in snapshots
        for split in ("validation", "test")
        for read in (read_demonstrations, read_rankings)
        for row in read(path, split)
    }


def _demonstrations(
    name: str, snapshot: str, split: Split, safety: Collection[str], marked: bool
) -> list[Conversation]:
    return [
        Conversation(
            messages=[*row.prompt, {**row.messages[-1], "reasoning": row.reasoning}],
            prompt_sha256=row.prompt_sha256,
            source=name,
            safety=marked or row.domain in safety or row.campaign in safety,
        )
        for row in read_demonstrations(snapshot, split)
    ]


def _preferred(name: str, snapshot: str, split: Split, safety: Collection[str], marked: bool) -> list[Conversation]:
    """Each completion that some ranking puts first, once; a ranking in which all tie prefers nothing."""
    unique: dict[tuple[str, str], Conversation] = {}
    for row in read_rankings(snapshot, split):
        best = min(row.ranks)
        for text, rank in zip(row.completions, row.ranks, strict=True):
            if rank == best < max(row.ranks):
                unique.setdefault(
                    (row.prompt_sha256, text),
                    Conversation(
                        messages=[*row.prompt, {"role": "assistant", "content": text}],
                        prompt_sha256=row.prompt_sha256,
                        source=name,
                        safety=marked or _is_safety(row, safety),
                    ),
                )
    return list(unique.values())


def _is_safety(row: RankingRow, safety: Collection[str]) -> bool:
    return row.domain in safety or row.campaign in safety or row.behaviour == DECLINE


def _of_file(name: str, path: Path, safety: Collection[str], marked: bool) -> list[Conversation]:
    if path.suffix != ".jsonl":
        raise RecipeError(f"The source {name!r}, {path}, is neither a snapshot directory nor a .jsonl file.")
    found = []
    for number, line in read_lines(path):
        value, messages = _read_line(path, number, line)
        found.append(
            Conversation(
                messages=messages,
                prompt_sha256=prompt_sha256(messages[:-1]),
                source=name,
                safety=marked or value.get("safety") is True or value.get("domain") in safety,
            )
        )
    return found


def _read_line(path: Path, number: int, line: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise RecipeError(f"Line {number} of {path} is not JSON: {error.msg}.") from error
    messages = _messages(value) if isinstance(value, dict) else None
    if not _is_conversation(messages):
        raise RecipeError(
            f'Line {number} of {path} is no conversation; a line is {{"messages": [{{"role", "content"}}, ...]}} that '
            'end with an assistant\'s message after a prompt, or {"prompt": ..., "completion": ...}.'
        )
    return value, messages


def _messages(value: dict[str, Any]) -> Any:
    if "messages" in value:
        return value["messages"]
    prompt, completion = value.get("prompt"), value.get("completion")
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    if isinstance(completion, str):
        completion = [{"role": "assistant", "content": completion}]
    return [*prompt, *completion] if isinstance(prompt, list) and isinstance(completion, list) else None


def _is_conversation(messages: Any) -> bool:
    return (
        are_messages(messages, fewest=2)
        and all(isinstance(message.get("reasoning") or "", str) for message in messages)
        and messages[-1]["role"] == "assistant"
    )
