"""What to learn from: the fields that supervised recipes share, and how they become rows of tokens."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerBase

from training.modelling.artifacts import hash_input
from training.modelling.configs import ExistingPath, require
from training.modelling.learning import SnapshotLearningConfig
from training.modelling.plans import Count, counted
from training.modelling.snapshots import Split, require_rows
from training.modelling.supervised.conversations import Conversation, Example, Reasoning, Turns, encode_conversation
from training.modelling.supervised.mixtures import Mixture, Unit, mix
from training.modelling.supervised.sources import Answers, read_conversations

SNAPSHOT = "snapshot"
"""The name that the field `snapshot` has as a source of a mixture."""
TAKEN = (SNAPSHOT, "base")


@dataclass(frozen=True, kw_only=True)
class SupervisedConfig(SnapshotLearningConfig):
    """What a recipe that learns answers can be told about its data."""

    source: Answers = "demonstrations"
    """What to learn of a snapshot: "demonstrations" that people wrote, or the "preferred" completions of the
    rankings."""
    turns: Turns = "last"
    """What to learn of a conversation: its "last" answer, or "all" that the assistant says; a snapshot's prompts may
    hold earlier answers that nobody judged."""
    reasoning: Reasoning = "drop"
    """What to do with an answer's reasoning: "drop" it, or "learn" it between think tags before the answer."""
    sources: dict[str, ExistingPath] = field(default_factory=dict)
    """More to learn from, by name: snapshots, or .jsonl files with a conversation a line."""
    mixture: dict[str, float] = field(default_factory=dict)
    """The share of a pass that each source gives, by name, "snapshot" among them (they need not sum to 1); empty = each
    row once."""
    mixture_by: Unit = "rows"
    """What shares are counted in: "rows" or "tokens"."""
    mixture_size: int = 0
    """Rows or tokens of a pass over a mixture; 0 = as many as all sources have."""
    safety: list[str] = field(default_factory=lambda: ["safety"])
    """Sources, domains and campaigns whose rows count as safety data."""
    safety_share: float | None = None
    """The share of safety data in a pass, in units of `mixture_by`; null = as it comes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        taken = set(TAKEN) & set(self.sources)
        require(not taken, f"The names {' and '.join(TAKEN)} in 'sources' are taken; name the source otherwise.")
        names = self.all_sources
        for name, share in self.mixture.items():
            require(name in names, f"The field 'mixture' names {name!r}, but the sources are {', '.join(names)}.")
            require(share >= 0, f"The share of {name!r} in 'mixture' must not be below 0.")
        for name in names if self.mixture else ():
            require(name in self.mixture, f"The field 'mixture' has no share for the source {name!r}; 0 leaves it out.")
        require(not self.mixture or sum(self.mixture.values()) > 0, "The shares in 'mixture' are all 0.")
        require(self.mixture_size >= 0, "The field 'mixture_size' must not be below 0.")
        share = self.safety_share
        require(share is None or 0 <= share <= 1, "The field 'safety_share' is a share, from 0 to 1.")

    @property
    def all_sources(self) -> dict[str, str]:
        """The paths of all sources by name, the snapshot first."""
        return {SNAPSHOT: self.snapshot, **self.sources}

    def hash_inputs(self) -> dict[str, str]:
        """What identifies the base and each source, for the manifest."""
        return {name: hash_input(path) for name, path in {"base": self.base, **self.all_sources}.items()}


def read_split(config: SupervisedConfig, split: Split) -> list[Conversation]:
    """Read what one split of the sources offers to learn."""
    return read_conversations(config.all_sources, split, answers=config.source, safety=config.safety)


def encode_all(
    config: SupervisedConfig,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Conversation],
    *,
    whole: bool = False,
) -> list[Example]:
    """Encode conversations as the configuration says; with `whole` uncut."""
    return [
        example
        for conversation in conversations
        for example in encode_conversation(
            tokenizer,
            conversation,
            turns=config.turns,
            reasoning=config.reasoning,
            max_prompt_tokens=sys.maxsize if whole else config.max_prompt_tokens,
            max_completion_tokens=sys.maxsize if whole else config.max_completion_tokens,
        )
    ]


def count_split(
    config: SupervisedConfig, tokenizer: PreTrainedTokenizerBase, split: Split
) -> tuple[Count, list[Example]]:
    """Count the rows that one split of the sources gives before they are mixed, and return them."""
    found = read_split(config, split)
    cut = encode_all(config, tokenizer, found)
    whole = encode_all(config, tokenizer, found, whole=True)
    pairs = zip(whole, cut, strict=True)
    return counted(split, [[(len(long.ids), len(short.ids))] for long, short in pairs]), cut


def mix_pass(config: SupervisedConfig, examples: Sequence[Example]) -> Mixture:
    """Return the rows of a pass; raise RecipeError when there are none."""
    what = "demonstrations" if config.source == "demonstrations" else "rankings with a preferred completion"
    require_rows(examples, what, config.snapshot)
    return mix(
        examples,
        shares=config.mixture,
        safety_share=config.safety_share,
        by=config.mixture_by,
        size=config.mixture_size,
        seed=config.seed,
    )
