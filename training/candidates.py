"""The policies that a pipeline can make of a night's judgements and put before the gate. Pure.

A candidate is a recipe, with what differs from its defaults. Its name is at once the name of its stage, of its fields
in the pipeline's config, and of its figures. Each is trained from the night's SFT policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from annotate.translations import translatable


@dataclass(frozen=True)
class Candidate:
    """A way of learning from a night's judgements."""

    recipe: str
    label: str
    hint: str
    """What it learns, in a few words."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Of the recipe's configuration, where they differ from its defaults."""
    reads_reward: bool = False
    """Whether it learns from the night's reward model."""


CANDIDATES: dict[str, Candidate] = {
    "dpo": Candidate("dpo", translatable("DPO"), translatable("preferences, without a reward model")),
    "ppo": Candidate("ppo", translatable("PPO"), translatable("what the reward model rewards"), reads_reward=True),
    "raft": Candidate(
        "raft",
        translatable("RAFT"),
        translatable("the best of its own samples by the reward"),
        reads_reward=True,
    ),
    "kto": Candidate(
        "kto",
        translatable("KTO"),
        translatable("good answers and bad ones, without pairs"),
        {"labels": "rankings"},
    ),
    "control": Candidate(
        "control", translatable("Control tokens"), translatable("good and bad answers, each after a word that says so")
    ),
    "preferred": Candidate(
        "sft",
        translatable("Preferred answers only"),
        translatable("the best of each ranking, as if people had written it"),
        {"source": "preferred", "epochs": 1},
    ),
    "ipo": Candidate("dpo", translatable("IPO"), translatable("DPO that aims at a distance"), {"loss": "ipo"}),
    "simpo": Candidate(
        "dpo",
        translatable("SimPO"),
        translatable("DPO by likelihood a token, without a reference"),
        {"loss": "simpo", "beta": 2.0, "margin": 0.5},
    ),
    "rpo": Candidate(
        "dpo", translatable("RPO"), translatable("DPO that learns the preferred answer, too"), {"nll": 1.0}
    ),
    "robust": Candidate(
        "dpo",
        translatable("Robust DPO"),
        translatable("DPO that knows how often people err, by their agreement"),
        {"loss": "robust", "label_noise": "agreement"},
    ),
}
"""By name. KTO learns the ends of rankings, which every pipeline has; `{"kto": {"labels": "flags"}}` says otherwise."""

BY_DEFAULT = ("dpo", "ppo")


def recipe_of(stage: str) -> str:
    """The recipe that a stage of a pipeline runs; a stage that is no candidate has its recipe's name."""
    return CANDIDATES[stage].recipe if stage in CANDIDATES else stage
