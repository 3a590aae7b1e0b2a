"""The knowledge gate: does the base model know what a demonstration states?

Fine-tuning on facts that a model does not know teaches it to state what it does not know: the larger their share, the
more it hallucinates, once they are fitted (Gekhman et al. 2024, arXiv 2405.05904; Goldberg 2023 after Schulman 2023,
"Reinforcement learning for language models"). So the base is asked for the facts of each answer before it is trained.

What counts as a fact is found by patterns: numbers, names (capitalised words within a sentence), quoted passages and
citations. One that stands in the prompt needs no knowledge and is passed over. The base is asked in one of two forms:
"cloze" lets it go on with the answer where the fact begins, and the fact must come first; "question" lets it answer the
prompt, and the fact must occur. Each fact is asked after `draws` different draws of few-shot examples, in each once
greedily and `samples` times at a temperature, and sorted as SliCK does (section 3, table 1):

    HighlyKnown   every greedy answer is right         P(T = 0) = 1
    MaybeKnown    some greedy answers are              0 < P(T = 0) < 1
    WeaklyKnown   only some sampled answers are        P(T = 0) = 0, P(T > 0) > 0
    Unknown       none is

Limits: the patterns are made for English, miss facts without a capital or a digit, and take some words for names. A
fact must come word for word, so that one known in other words counts as unknown. None of n answers right leaves up to
3.84 / (n + 3.84) open (Wilson's upper end): the report gives every fact's share with n and interval. Departures from
the paper: facts of whole answers instead of questions with one answer; 4 draws of 1 + 4 answers, not 10 of 1 + 16.
"""

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from annotate.quality.intervals import wilson
from training.modelling.artifacts import Result
from training.modelling.chat import decode_completion, encode_prompt
from training.modelling.configs import require
from training.modelling.decoding import sample_completions
from training.modelling.reporting import share_result
from training.modelling.supervised.conversations import Conversation, split_reasoning
from training.modelling.supervised.reading import SupervisedConfig

Kind = Literal["citation", "quote", "number", "name"]
CATEGORIES = ("highly_known", "maybe_known", "weakly_known", "unknown")
SPARE_TOKENS = 4
"""Tokens that a continuation may have beyond the fact's own, for other ways to write it."""
_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w'’-]+"
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "citation",
        re.compile(
            r"https?://[^\s)\]}>\"']+[^\s)\]}>\"'.,;:!?]"
            r"|\b10\.\d{4,9}/[^\s)\]\"']+[^\s)\]\"'.,;]"
            r"|\barXiv:? ?\d{4}\.\d{4,5}\b"
            r"|\((?:[A-Z][\w'’-]+(?: et al\.| and [A-Z][\w'’-]+)?),? \d{4}[a-z]?\)"
            r"|\[\d{1,3}(?:, ?\d{1,3})*\]"
        ),
    ),
    ("quote", re.compile(r"(?<=[\"“«])(?:[^\s\"”»]+\s+){2,}[^\s\"”»]+(?=[\"”»])")),
    ("number", re.compile(r"(?<![\w.])[-−]?\d+(?:[.,]\d+)*(?:\s?%)?(?![\w])")),
    ("name", re.compile(rf"\b{_CAPITAL}(?:\s+(?:(?:of|de|von|van|the)\s+)?{_CAPITAL})*")),
)
_SENTENCE_STARTS = re.compile(r"(?:^|[.!?:]\s+|\n\s*(?:[-*#>]+\s*)?|[\"“«(])$")
_OPENING_WORD = re.compile(r"^\w+\s+")
_EDGES = " \t\n.,;:!?\"'“”‘’«»()[]*_"


@dataclass(frozen=True, kw_only=True)
class KnowledgeConfig(SupervisedConfig):
    """What a recipe can be told about facts that its base does not know."""

    knowledge: Literal["off", "report", "weight", "drop"] = "off"
    """What becomes of answers with facts that the base does not know: nothing is asked ("off"), it is reported
    ("report"), they are seen in fewer passes, by their share of unknown facts ("weight"), or left out ("drop")."""
    knowledge_form: Literal["cloze", "question"] = "cloze"
    """How the base is asked: "cloze" = go on where the fact begins, "question" = answer the prompt, fact and all."""
    knowledge_format: Literal["chat", "plain"] = "chat"
    """How prompts are written: by the "chat" template, or "plain" as Question and Answer, for a base that has never
    seen a chat."""
    knowledge_shots: int = 2
    """Other answers shown before each question; a base that has never followed instructions needs some."""
    knowledge_draws: int = 4
    """Draws of such examples; without `knowledge_shots` one is enough."""
    knowledge_samples: int = 4
    """Sampled answers after each draw, beside the greedy one."""
    knowledge_temperature: float = 0.5
    """Of the sampled answers (the paper's)."""
    knowledge_limit: float = 0.5
    """With "drop", answers go of whose facts more than this share is unknown."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("knowledge_draws", "knowledge_samples", "knowledge_temperature")
        require(self.knowledge_shots >= 0, "The field 'knowledge_shots' must not be below 0.")
        require(0 <= self.knowledge_limit <= 1, "The field 'knowledge_limit' is a share, from 0 to 1.")


@dataclass(frozen=True)
class Fact:
    """Something that an answer states."""

    kind: Kind
    text: str
    start: int
    """Where it begins in the answer."""


@dataclass(frozen=True)
class Asked:
    """A fact and how often the base gave it."""

    conversation: int
    """Index of the answer that states it."""
    fact: Fact
    greedy: int
    greedy_n: int
    sampled: int
    sampled_n: int

    @property
    def category(self) -> str:
        """How well it is known, as SliCK sorts."""
        if self.greedy:
            return "highly_known" if self.greedy == self.greedy_n else "maybe_known"
        return "weakly_known" if self.sampled else "unknown"

    def as_dict(self) -> dict[str, Any]:
        """The fact as a line of the report: its share of right answers, over all of them, with interval."""
        share = wilson(self.greedy + self.sampled, self.greedy_n + self.sampled_n)
        return {
            "kind": self.fact.kind,
            "fact": self.fact.text,
            "category": self.category,
            "share": share.value,
            "lo": share.lo,
            "hi": share.hi,
            "n": share.n,
            "greedy": f"{self.greedy}/{self.greedy_n}",
            "sampled": f"{self.sampled}/{self.sampled_n}",
        }


@dataclass(frozen=True)
class Gate:
    """What the base knows of some conversations, and what follows."""

    kept: list[Conversation]
    """Those to learn, with their weights."""
    asked: list[Asked]
    lines: list[dict[str, Any]]
    """One for each fact, for knowledge.json."""
    changed: list[dict[str, Any]]
    """What is dropped or weighted, and why."""
    without_facts: int
    """Conversations in which no fact was found; they are kept as they are."""

    def as_dict(self) -> dict[str, Any]:
        """The summary for report.json."""
        by_kind: dict[str, Counter[str]] = {}
        for one in self.asked:
            by_kind.setdefault(one.fact.kind, Counter())[one.category] += 1
        return {
            "facts": len(self.asked),
            "without_facts": self.without_facts,
            "by_kind": {kind: {name: found[name] for name in CATEGORIES} for kind, found in by_kind.items()},
            "changed": self.changed,
        }

    def results(self) -> list[Result]:
        """The share of facts in each category, with intervals over answers."""
        if not self.asked:
            return []
        clusters = [one.conversation for one in self.asked]
        categories = [one.category for one in self.asked]
        answers = "; n and interval are over answers"
        note = f"{len(self.asked)} facts, each asked {self.asked[0].greedy_n + self.asked[0].sampled_n} times{answers}"
        return [
            share_result(
                f"facts_{name}", [float(found == name) for found in categories], clusters, subject="base", note=note
            )
            for name in CATEGORIES
        ]


def facts_of(text: str, prompt: str = "") -> list[Fact]:
    """The facts that a text states and its prompt does not, in order; none lies within another."""
    found: list[Fact] = []
    taken = [False] * len(text)
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if kind == "name":
                start, end = _without_opening(text, start, end)
            fact = text[start:end].strip(_EDGES) if kind != "citation" else text[start:end]
            if not fact or any(taken[start:end]) or _normal(fact) in _normal(prompt):
                continue
            start = text.index(fact, start)
            taken[start : start + len(fact)] = [True] * len(fact)
            found.append(Fact(kind, fact, start))
    return sorted(found, key=lambda fact: fact.start)


def _without_opening(text: str, start: int, end: int) -> tuple[int, int]:
    """Cut the first word of a sentence off a name: its capital says nothing. A single such word is no name."""
    if not _SENTENCE_STARTS.search(text[:start]):
        return start, end
    opening = _OPENING_WORD.match(text[start:end])
    return (start + opening.end(), end) if opening else (start, start)


def examine(
    config: KnowledgeConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Conversation],
) -> Gate:
    """Ask the base for every fact, and weigh or drop the conversations as the configuration says."""
    stated = [facts_of(_answer(one), _said_before(one)) for one in conversations]
    asked = _ask(config, model, tokenizer, conversations, stated)
    kept, changed = [], []
    for index, conversation in enumerate(conversations):
        facts = [one for one in asked if one.conversation == index]
        unknown = [one.fact.text for one in facts if one.category == "unknown"]
        share = len(unknown) / len(facts) if facts else 0.0
        weight = {"weight": 1 - share, "drop": float(share <= config.knowledge_limit)}.get(config.knowledge, 1.0)
        if weight:
            kept.append(replace(conversation, weight=weight))
        if weight < 1:
            row = {"prompt_sha256": conversation.prompt_sha256, "source": conversation.source, "weight": weight}
            changed.append({**row, "facts": len(facts), "unknown": unknown, "answer": _answer(conversation)})
    lines = [{"prompt_sha256": conversations[one.conversation].prompt_sha256, **one.as_dict()} for one in asked]
    return Gate(kept, asked, lines, changed, sum(not facts for facts in stated))


def _ask(
    config: KnowledgeConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Conversation],
    stated: Sequence[Sequence[Fact]],
) -> list[Asked]:
    """Ask for each fact (cloze) or each answer with facts (question), after every draw of examples."""
    generator = torch.Generator(model.device).manual_seed(config.seed)
    answers = [index for index, facts in enumerate(stated) if facts]
    cloze = config.knowledge_form == "cloze"
    questions = [(index, fact) for index in answers for fact in (stated[index] if cloze else (None,))]
    right = {(index, fact): [0, 0] for index in answers for fact in stated[index]}
    draws = config.knowledge_draws if config.knowledge_shots else 1
    times = [(0.0, 1), (config.knowledge_temperature, config.knowledge_samples)]
    for draw in range(draws):
        prompts = [
            _question(
                config, tokenizer, conversations, index, fact, random.Random(f"shots/{config.seed}/{draw}/{index}")
            )
            for index, fact in questions
        ]
        for place, (temperature, count) in enumerate(times):
            for _ in range(count):
                said = _continuations(config, model, tokenizer, prompts, questions, temperature, generator)
                for (index, fact), text in zip(questions, said, strict=True):
                    for one in stated[index] if fact is None else (fact,):
                        right[index, one][place] += gives(text, one.text, first=cloze)
    return [
        Asked(index, fact, found[0], draws, found[1], draws * config.knowledge_samples)
        for (index, fact), found in right.items()
    ]


def _question(
    config: KnowledgeConfig,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Conversation],
    index: int,
    fact: Fact | None,
    rng: random.Random,
) -> list[int]:
    """The ids of what stands before the fact: examples, the prompt, and the answer as far as it goes."""
    others = [place for place in range(len(conversations)) if place != index]
    shots = [conversations[place] for place in rng.sample(others, min(config.knowledge_shots, len(others)))]
    asked = conversations[index]
    before = _answer(asked)[: fact.start].rstrip() if fact else ""
    if config.knowledge_format == "plain":
        examples = [f"Question: {_said_before(shot)}\nAnswer: {_answer(shot)}\n\n" for shot in shots]
        text = f"{''.join(examples)}Question: {_said_before(asked)}\nAnswer:{' ' if before else ''}{before}"
        ids = tokenizer(text, add_special_tokens=True, split_special_tokens=True)["input_ids"]
    else:
        turns = [
            {"role": turn["role"], "content": turn["content"]}
            for shot in shots
            for turn in (*_past(shot), {"role": "assistant", "content": _answer(shot)})
            if turn["role"] != "system"
        ]
        ids = encode_prompt(tokenizer, [*turns, *_past(asked)])
        ids += tokenizer(before, add_special_tokens=False, split_special_tokens=True)["input_ids"] if before else []
    return ids[-config.max_prompt_tokens :]


def _continuations(
    config: KnowledgeConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[list[int]],
    questions: Sequence[tuple[int, Fact | None]],
    temperature: float,
    generator: torch.Generator,
) -> list[str]:
    """What the model says after each prompt: as many tokens as the longest fact needs, or a whole answer."""
    if not prompts:
        return []
    facts = [fact.text for _, fact in questions if fact]
    needed = config.max_completion_tokens
    if facts:
        longest = max(len(ids) for ids in tokenizer(facts, add_special_tokens=False)["input_ids"])
        needed = min(needed, longest + SPARE_TOKENS)
    drawn = sample_completions(model, tokenizer, prompts, needed, temperature, generator)
    return [decode_completion(tokenizer, ids) for ids in drawn]


def gives(text: str, fact: str, *, first: bool) -> bool:
    """Whether `text` states `fact` word for word, case and punctuation at the edges aside; `first` = begins with it."""
    wanted = re.escape(_normal(fact))
    pattern = rf"(?<!\w){wanted}(?!\w)(?![.,]\d)"
    said = _normal(text)
    return bool(re.match(pattern, said) if first else re.search(pattern, said))


def _normal(text: str) -> str:
    return " ".join(text.casefold().replace("’", "'").split()).strip(_EDGES)


def _answer(conversation: Conversation) -> str:
    return split_reasoning(conversation.messages[-1])[1]


def _past(conversation: Conversation) -> list[dict[str, str]]:
    return [{"role": turn["role"], "content": turn["content"]} for turn in conversation.messages[:-1]]


def _said_before(conversation: Conversation) -> str:
    return "\n".join(turn["content"] for turn in conversation.messages[:-1])
