"""The prompts of a snapshot, each once, whoever judged them and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.modelling.snapshots import Message, Split, read_comparisons, read_demonstrations, read_rankings


@dataclass(frozen=True)
class Prompt:
    """A conversation up to where the assistant speaks."""

    messages: list[Message]
    sha256: str
    domain: str


def read_prompts(snapshot: str | Path, splits: Sequence[Split]) -> list[Prompt]:
    """The prompts of some splits of a snapshot's three tables, ordered by hash: an order that says nothing of them."""
    found = {}
    for split in splits:
        for read in (read_rankings, read_comparisons, read_demonstrations):
            for row in read(snapshot, split):
                found[row.prompt_sha256] = Prompt(row.prompt, row.prompt_sha256, row.domain)
    return [found[sha256] for sha256 in sorted(found)]
