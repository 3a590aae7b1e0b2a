"""A conversation as one row of token ids, with a mask that says which of them are learnt.

What an assistant says may be learnt in every turn, or in the last one only; what everybody else says never is. A row
is put together of the same pieces that every other recipe uses (`encode_prompt`, `encode_completion`), so that each
learnt turn is token for token what is scored and sampled there.

A turn's reasoning is learnt between think tags, before the answer, or dropped. Earlier turns are shown without it: that
is how a conversation comes back when the model is used. Where a turn is therefore not what the next one sees (or where
a chat template rewrites earlier turns), the conversation gives a row for each turn instead of one for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase

from training.modelling.chat import encode_completion, encode_prompt

THINK = ("<think>", "</think>")
"""What stands around reasoning; single tokens where the tokenizer knows them."""

Turns = Literal["last", "all"]
Reasoning = Literal["drop", "learn"]


@dataclass(frozen=True)
class Conversation:
    """A conversation to learn from, as it was read."""

    messages: Sequence[Mapping[str, Any]]
    """Role and content each, the last one an assistant's; an assistant's may have "reasoning"."""
    prompt_sha256: str
    """Identity of what the last message answers; intervals are clustered by it."""
    source: str
    """Name of where it comes from."""
    safety: bool = False
    """Whether it counts as safety data."""
    weight: float = 1.0
    """In how many of the passes it is seen: 1 = all, 0 = none."""


@dataclass(frozen=True)
class Example:
    """A row of tokens to learn from."""

    ids: list[int]
    """T token ids."""
    mask: list[int]
    """T numbers: 1 where a token is learnt. The first token never is: nothing predicts it."""
    prompt_sha256: str
    """What intervals are clustered by."""
    source: str = ""
    """Name of where it comes from."""
    safety: bool = False
    """Whether it counts as safety data."""
    weight: float = 1.0
    """In how many of the passes it is seen: 1 = all, 0 = none."""

    @property
    def start(self) -> int:
        """How many tokens stand before the first that is learnt."""
        return self.mask.index(1)

    @property
    def learnt(self) -> int:
        """How many tokens are learnt."""
        return sum(self.mask)


def encode_conversation(
    tokenizer: PreTrainedTokenizerBase,
    conversation: Conversation,
    *,
    turns: Turns,
    reasoning: Reasoning,
    max_prompt_tokens: int,
    max_completion_tokens: int,
) -> list[Example]:
    """Return the conversation's rows: one, unless a later turn does not see the earlier ones as they were learnt.

    A row holds `max_prompt_tokens` before its last turn at most: it loses its beginning, and what is left of a turn
    that was cut there is not learnt. Of a turn, `max_completion_tokens` are learnt; the last one ends there.
    """
    rows: list[tuple[list[int], list[int], int]] = []
    said = conversation.messages
    for turn in _learnt_turns(said, turns):
        prompt = encode_prompt(tokenizer, [_plain(message) for message in said[:turn]])
        answer = encode_answer(tokenizer, said[turn], reasoning)
        ids, mask = [], []
        if rows and prompt[: len(rows[-1][0])] == rows[-1][0]:
            ids, mask, _ = rows.pop()
        mask = [*mask, *[0] * (len(prompt) - len(ids)), *[1] * len(answer[:max_completion_tokens])]
        ids = [*prompt, *answer]
        rows.append((ids, mask + [0] * (len(ids) - len(mask)), len(prompt)))
    return [
        Example(
            *_cut(ids, mask, max(0, prompt - max_prompt_tokens), prompt + max_completion_tokens),
            conversation.prompt_sha256,
            conversation.source,
            conversation.safety,
            conversation.weight,
        )
        for ids, mask, prompt in rows
    ]


def encode_answer(tokenizer: PreTrainedTokenizerBase, message: Mapping[str, Any], reasoning: Reasoning) -> list[int]:
    """Return the ids of an assistant's message, its reasoning first where it is learnt, and the end token last."""
    thought, text = split_reasoning(message)
    if reasoning == "drop" or not thought:
        return encode_completion(tokenizer, text)
    begin, end = (tokenizer(tag, add_special_tokens=False)["input_ids"] for tag in THINK)
    inside = tokenizer(f"\n{thought}\n", add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return [*begin, *inside, *end, *encode_completion(tokenizer, f"\n\n{text}")]


def split_reasoning(message: Mapping[str, Any]) -> tuple[str, str]:
    """Return reasoning and answer of an assistant's message; think tags inside either are broken up.

    The reasoning is in its field, or stands between think tags at the beginning of the content.
    """
    text, thought = message["content"], message.get("reasoning") or ""
    begin, end = THINK
    if not thought and text.lstrip().startswith(begin) and end in text:
        thought, text = text.lstrip()[len(begin) :].split(end, maxsplit=1)
        text = text.lstrip("\n")
    return _without_tags(thought.strip()), _without_tags(text)


def _without_tags(text: str) -> str:
    for tag in THINK:
        text = text.replace(tag, f"{tag[:1]} {tag[1:]}")
    return text


def _plain(message: Mapping[str, Any]) -> dict[str, str]:
    """A message of a conversation's past, as it would come back from a user."""
    text = split_reasoning(message)[1] if message["role"] == "assistant" else message["content"]
    return {"role": message["role"], "content": text}


def _learnt_turns(messages: Sequence[Mapping[str, Any]], turns: Turns) -> list[int]:
    if turns == "last":
        return [len(messages) - 1]
    # A conversation that an assistant opens has nothing before it that it could answer.
    return [index for index, message in enumerate(messages) if index and message["role"] == "assistant"]


def _cut(ids: list[int], mask: list[int], first: int, last: int) -> tuple[list[int], list[int]]:
    """Keep the tokens from `first` to before `last`; a turn that begins earlier is not learnt."""
    mask = list(mask)
    if first and mask[first - 1]:
        for index in range(first, len(mask)):
            if not mask[index]:
                break
            mask[index] = 0
    return ids[first:last], [0, *mask[first + 1 : last]]
