"""How long and in which style answers are: those that were learnt beside those that the trained model gives.

Models take over length and looks before they take over anything else, and both win comparisons by themselves (Dubois et
al. 2024, arXiv 2404.04475; Singhal et al. 2023, arXiv 2310.03716). So a fine-tuned model is shown beside its data: on
the same held-out prompts where there are demonstrations, with intervals over prompts. The measures are those by which
the product explains comparisons (annotate/quality/style.py says when they are wrong).
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from annotate.quality.style import count_words, style_of
from training.modelling.artifacts import Result
from training.modelling.chat import decode_completion, encode_prompt
from training.modelling.decoding import sample_completions
from training.modelling.reporting import mean_result, share_result
from training.modelling.supervised.conversations import Conversation, Reasoning, encode_answer, split_reasoning

SHARES = frozenset({"refusal", "list_share", "end_rate"})
"""Measures that are 0 or 1 for an answer."""
TOLD = frozenset(f"style_{name}" for name in ("words", "sentences", "list_share", "refusal", "assertive", "end_rate"))
"""Results that a manifest and a run's page tell; report.json has them all."""
_SENTENCE_END = re.compile(r"[.!?。！？]+(?=\s|$|[\"'”’)])|[。！？]+")


@dataclass(frozen=True)
class Answered:
    """An answer whose looks are measured."""

    text: str
    question: str
    """The user's last message."""
    tokens: int
    """Of the whole answer as it is learnt or sampled, its end included."""
    prompt_sha256: str
    ended: bool = True
    """Whether it came to its end."""


def written(
    tokenizer: PreTrainedTokenizerBase, conversations: Sequence[Conversation], reasoning: Reasoning
) -> list[Answered]:
    """The last answers of conversations, as they were written."""
    found = []
    for one in conversations:
        tokens = len(encode_answer(tokenizer, one.messages[-1], reasoning))
        found.append(Answered(split_reasoning(one.messages[-1])[1], _question(one), tokens, one.prompt_sha256))
    return found


def sampled(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Conversation],
    *,
    max_prompt_tokens: int,
    max_completion_tokens: int,
    seed: int,
) -> list[Answered]:
    """One answer of the model to each conversation's prompt, drawn at temperature 1."""
    plain = [[{"role": m["role"], "content": m["content"]} for m in one.messages[:-1]] for one in conversations]
    prompts = [encode_prompt(tokenizer, messages, max_tokens=max_prompt_tokens) for messages in plain]
    generator = torch.Generator(model.device).manual_seed(seed)
    drawn = sample_completions(model, tokenizer, prompts, max_completion_tokens, 1.0, generator)
    found = []
    for one, ids in zip(conversations, drawn, strict=True):
        text = split_reasoning({"content": decode_completion(tokenizer, ids)})[1]
        ended = ids[-1] == tokenizer.eos_token_id
        found.append(Answered(text, _question(one), len(ids), one.prompt_sha256, ended))
    return found


def one_a_prompt(conversations: Sequence[Conversation], limit: int) -> list[Conversation]:
    """The first conversation of each prompt, of `limit` prompts in the order of their hashes."""
    unique = {one.prompt_sha256: one for one in reversed(conversations)}
    return [unique[sha256] for sha256 in sorted(unique)[:limit]]


def measures(answer: Answered) -> dict[str, float]:
    """What an answer looks like, in counts and shares."""
    style = style_of(answer.text, answer.question)
    return {
        "tokens": float(answer.tokens),
        "words": float(count_words(answer.text)),
        "sentences": float(count_sentences(answer.text)),
        "list_items": math.expm1(style.lists),
        "list_share": float(style.lists > 0),
        "bold": math.expm1(style.bold),
        "headers": math.expm1(style.headers),
        "refusal": style.refusal,
        "assertive": style.assertive,
        "end_rate": float(answer.ended),
    }


def count_sentences(text: str) -> int:
    """How many sentences a text has: runs of closing marks, and 1 more for a last one without."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    rest = text[ends[-1] :] if ends else text
    return len(ends) + any(letter.isalnum() for letter in rest)


def style_results(answers: Sequence[Answered], *, subject: str, note: str) -> list[Result]:
    """The mean of every measure over `answers`, with intervals over prompts."""
    if not answers:
        return []
    clusters = [answer.prompt_sha256 for answer in answers]
    columns: dict[str, list[float]] = {}
    for answer in answers:
        for name, value in measures(answer).items():
            columns.setdefault(name, []).append(value)
    note = f"{len(answers)} answers, {note}; n and interval are over prompts"
    return [
        (share_result if name in SHARES else mean_result)(
            f"style_{name}", values, clusters, subject=subject, note=note, **_unit(name)
        )
        for name, values in columns.items()
    ]


def _unit(name: str) -> dict[str, str]:
    return {} if name in SHARES or name == "assertive" else {"unit": f"{name.replace('_', ' ')}/answer"}


def _question(conversation: Conversation) -> str:
    asked = [message["content"] for message in conversation.messages[:-1] if message["role"] == "user"]
    return asked[-1] if asked else ""
