"""What a run would do, without doing it: the resolved configuration, tokens, steps and memory.

    python -m training.recipes.NAME --config run.json --dry-run [--json]

Weights are not loaded and nothing is written. memory.py says how memory is estimated.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from training.modelling.processes import asked_for


@dataclasses.dataclass(frozen=True)
class Count:
    """The rows of one split."""

    name: str
    rows: int
    tokens: int
    """As the model would read them, cut."""
    longest: int
    """Of the rows, in tokens."""
    truncated: int
    """How many rows lose some of their text."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would do."""

    counts: Sequence[Count] = ()
    steps: int | None = None
    """Optimiser steps, or what the recipe counts instead; None where it counts nothing."""
    memory: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Bytes by what takes them; empty where nothing is trained."""
    notes: Sequence[str] = ()


def counted(name: str, rows: Iterable[Sequence[tuple[int, int]]]) -> Count:
    """Count rows of texts, each given by its length in tokens and the most that is read of it."""
    lengths, truncated = [], 0
    for row in rows:
        lengths.append(sum(min(length, most) for length, most in row))
        truncated += any(length > most for length, most in row)
    return Count(name, len(lengths), sum(lengths), max(lengths, default=0), truncated)


def show(config: Any, plan: Plan, *, as_json: bool) -> str:
    """Return what a dry run prints."""
    fields = dataclasses.asdict(config)
    if as_json:
        return json.dumps({"config": fields, "processes": asked_for(), **dataclasses.asdict(plan)}, ensure_ascii=False)
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    if plan.counts:
        lines += ["", f"{'':<14}{'rows':>9}{'tokens':>12}{'longest':>9}{'truncated':>11}"]
        lines += [f"{c.name:<14}{c.rows:>9,}{c.tokens:>12,}{c.longest:>9,}{c.truncated:>11,}" for c in plan.counts]
    if plan.steps is not None:
        lines += ["", f"steps: {plan.steps:,}"]
    if plan.memory:
        lines += ["", "memory, estimated:"]
        lines += [f"  {name:<12}{size / 2**20:>12,.1f} MiB" for name, size in plan.memory.items()]
    lines += ["", *plan.notes] if plan.notes else []
    return "\n".join([*lines, "", "Nothing was written."])
