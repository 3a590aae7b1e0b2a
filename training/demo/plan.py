"""What the demo starts with: which prompts are ranked, between which completions, and which await a demonstration.

The command that seeds the database and the benchmark that needs none both follow this plan, so what the benchmark
proves is what the product ships.
"""

import itertools
import random
from dataclasses import dataclass

from training.demo import settings, simulated, world


@dataclass(frozen=True)
class RankingTask:
    """A prompt and the completions to rank; ``producers`` is parallel to ``completions``."""

    messages: world.Messages
    domain: str
    completions: tuple[str, ...]
    producers: tuple[str, ...]


@dataclass(frozen=True)
class DemonstrationTask:
    """A prompt for which somebody is to write the reply."""

    messages: world.Messages
    domain: str


@dataclass(frozen=True)
class Plan:
    """The demo's first two campaigns, and the prompts that are left for the nights to come."""

    ranking: tuple[RankingTask, ...]
    demonstration: tuple[DemonstrationTask, ...]
    open_demonstration: tuple[DemonstrationTask, ...]
    unused: tuple[world.Case, ...]


def make_plan(seed: int = settings.SEED) -> Plan:
    """Draw the plan of a seed; the same seed gives the same plan."""
    rng = random.Random(f"plan/{seed}")
    pools = {split: [case for case in world.cases() if case.split == split] for split in settings.RANKING_TASKS}
    for pool in pools.values():
        rng.shuffle(pool)
    ranked = [pools[split].pop() for split, count in settings.RANKING_TASKS.items() for _ in range(count)]
    rng.shuffle(ranked)
    written = [pools["train"].pop() for _ in range(settings.DEMONSTRATIONS)]
    unwritten = [pools["train"].pop() for _ in range(settings.OPEN_DEMONSTRATIONS)]
    unused = [case for pool in pools.values() for case in pool]
    rng.shuffle(unused)
    return Plan(
        ranking=tuple(_ranking_task(rng, case) for case in ranked),
        demonstration=tuple(DemonstrationTask(world.prompt(case), case.domain) for case in written),
        open_demonstration=tuple(DemonstrationTask(world.prompt(case), case.domain) for case in unwritten),
        unused=tuple(unused),
    )


def _ranking_task(rng: random.Random, case: world.Case) -> RankingTask:
    """Four different replies, one of each draft quality."""
    texts: dict[str, str] = {}
    for producer, quality in settings.DRAFTS.items():
        text = world.reply(rng, case, quality)
        while text in texts:
            text = world.reply(rng, case, quality)
        texts[text] = producer
    return RankingTask(world.prompt(case), case.domain, tuple(texts), tuple(texts.values()))


def judges_of(index: int, count: int) -> tuple[simulated.Annotator, ...]:
    """The ``count`` simulated annotators of the ranking task at ``index``: all groups of that size in turn."""
    groups = list(itertools.combinations(simulated.ANNOTATORS, count))
    return groups[index % len(groups)]
