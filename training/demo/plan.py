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
    target: int
    """Annotators whom it wants."""
    judges: tuple[simulated.Annotator, ...]
    """The simulated ones who judge it."""


@dataclass(frozen=True)
class DemonstrationTask:
    """A prompt for which somebody is to write the reply."""

    messages: world.Messages
    domain: str
    writer: simulated.Annotator | None
    """The simulated annotator who does; None leaves it to people."""


@dataclass(frozen=True)
class Plan:
    """The demo's first two campaigns, and the prompts that are left for the nights to come."""

    ranking: tuple[RankingTask, ...]
    demonstration: tuple[DemonstrationTask, ...]
    unused: tuple[world.Case, ...]


def make_plan(seed: int = settings.SEED) -> Plan:
    """Draw the plan of a seed; the same seed gives the same plan."""
    rng = random.Random(f"plan/{seed}")
    pools = {split: [case for case in world.cases() if case.split == split] for split in settings.RANKING_TASKS}
    for pool in pools.values():
        rng.shuffle(pool)
    ranked = [
        _ranking_task(rng, pools[split].pop(), number)
        for split, count in settings.RANKING_TASKS.items()
        for number in range(count)
    ]
    rng.shuffle(ranked)
    writers = [judges_of(number, 1)[0] for number in range(settings.DEMONSTRATIONS)]
    asked = [(pools["train"].pop(), writer) for writer in [*writers, *[None] * settings.OPEN_DEMONSTRATIONS]]
    unused = [case for pool in pools.values() for case in pool]
    return Plan(
        ranking=tuple(ranked),
        demonstration=tuple(DemonstrationTask(world.prompt(case), case.domain, writer) for case, writer in asked),
        unused=tuple(unused),
    )


def _ranking_task(rng: random.Random, case: world.Case, number: int) -> RankingTask:
    """Four different replies, one of each draft quality; ``number`` counts the tasks of the split."""
    texts: dict[str, str] = {}
    for producer, quality in settings.DRAFTS.items():
        text = world.reply(rng, case, quality)
        while text in texts:
            text = world.reply(rng, case, quality)
        texts[text] = producer
    return RankingTask(
        messages=world.prompt(case),
        domain=case.domain,
        completions=tuple(texts),
        producers=tuple(texts.values()),
        target=settings.TARGET[case.split],
        judges=judges_of(number, settings.JUDGEMENTS[case.split]),
    )


def judges_of(number: int, count: int) -> tuple[simulated.Annotator, ...]:
    """``count`` simulated annotators for the task of that number: all groups of that size in turn."""
    groups = list(itertools.combinations(simulated.ANNOTATORS, count))
    # Neighbours in the list share members; a step that is prime to every length spreads them over few tasks.
    return groups[number * 17 % len(groups)]
