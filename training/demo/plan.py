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
    gold: tuple[RankingTask, ...]
    """Tasks to rank whose answer is known."""
    unused: tuple[world.Case, ...]

    @property
    def to_rank(self) -> list[RankingTask]:
        """All that is ranked, in the order in which it is added: gold is spread evenly, so that no number tells it."""
        tasks = list(self.ranking)
        for number, task in enumerate(self.gold, start=1):
            tasks.insert(number * len(self.ranking) // (len(self.gold) + 1), task)
        return tasks


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
    gold = [_gold_task(rng, pools["train"].pop()) for _ in range(settings.GOLD_TASKS)]
    unused = [case for pool in pools.values() for case in pool]
    return Plan(
        ranking=tuple(ranked),
        demonstration=tuple(DemonstrationTask(world.prompt(case), case.domain, writer) for case, writer in asked),
        gold=tuple(gold),
        unused=tuple(unused),
    )


def _ranking_task(rng: random.Random, case: world.Case, number: int) -> RankingTask:
    """A task for some of the annotators; ``number`` counts the tasks of the split."""
    judges = judges_of(number, settings.JUDGEMENTS[case.split])
    return _task(rng, case, target=settings.TARGET[case.split], judges=judges)


def _gold_task(rng: random.Random, case: world.Case) -> RankingTask:
    return _task(rng, case, target=len(simulated.ANNOTATORS), judges=simulated.ANNOTATORS)


def _task(rng: random.Random, case: world.Case, *, target: int, judges: tuple[simulated.Annotator, ...]) -> RankingTask:
    """Four different replies, one of each draft quality."""
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
        target=target,
        judges=judges,
    )


def judges_of(number: int, count: int) -> tuple[simulated.Annotator, ...]:
    """``count`` simulated annotators for the task of that number: all groups of that size in turn."""
    groups = list(itertools.combinations(simulated.ANNOTATORS, count))
    # Neighbours in the list share members; a step that is prime to every length spreads them over few tasks.
    return groups[number * 17 % len(groups)]
