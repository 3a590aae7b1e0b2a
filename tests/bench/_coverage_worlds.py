"""What `./run bench coverage` draws: populations of annotators and items, whose agreement is known.

To cover other measures, add a `World` to `WORLDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotate.quality.agreement import ranking_agreement
from annotate.quality.bootstrap import item_bootstrap
from annotate.quality.intervals import Estimate
from annotate.quality.table import RankingTable
from annotate.quality.value_agreement import value_agreement
from annotate.quality.values import ValueTable
from tests.bench import _coverage_rankings

ITEMS = 850
SPREAD_OF_HABIT = 0.6
SPREAD_OF_NOISE = 0.5
APART = "completions apart"
"""The way to make intervals that takes completions of one task for independent."""


@dataclass(frozen=True)
class World:
    """A population to draw studies from."""

    name: str
    truth: Callable[[np.random.Generator], Mapping[str, float]]
    """The measures among endlessly many annotators and items, by name."""
    draw: Callable[[np.random.Generator, int], object]
    """A study with so many annotators."""
    ways: Mapping[str, Callable[[object, int], Mapping[str, Estimate]]]
    """By name, the intervals of a study by measure; a seed where they are drawn."""


def people_of_items(rng: np.random.Generator, items: int, annotators: int, overlap: int) -> NDArray:
    """(items, overlap) different annotators at random."""
    if annotators <= 40:
        return np.argpartition(rng.random((items, annotators)), overlap - 1, axis=1)[:, :overlap]
    people = rng.integers(0, annotators, (items, overlap))
    while (doubled := (np.diff(np.sort(people, axis=1), axis=1) == 0).any(axis=1)).any():
        people[doubled] = rng.integers(0, annotators, (int(doubled.sum()), overlap))
    return people


def answers(rng: np.random.Generator, people: NDArray, annotators: int, cuts: tuple[float, ...]) -> NDArray:
    """(items, overlap) levels: an item's own place (normal, sd 1) as each sees it, with a habit of placing all higher
    or lower (sd .6) and a noise that differs between annotators (log-normal, sd .5), between `cuts`.
    """
    habit = rng.normal(0, SPREAD_OF_HABIT, annotators)
    noise = 0.6 * np.exp(rng.normal(0, SPREAD_OF_NOISE, annotators))
    place = rng.normal(size=(people.shape[0], 1))
    return np.digitize(place + habit[people] + noise[people] * rng.normal(size=people.shape), cuts)


def values_world(name: str, level: str, cuts: tuple[float, ...], overlap: int, measures: tuple[str, ...]) -> World:
    """Levels or flags: 850 items, each judged by `overlap` annotators at random."""
    scale = range(len(cuts) + 1)

    def table(levels: NDArray, people: NDArray) -> ValueTable:
        items = np.repeat(np.arange(len(people)), people.shape[1])
        return ValueTable.from_arrays(items, people.ravel(), levels.ravel(), level, categories=scale)

    def draw(rng: np.random.Generator, annotators: int) -> ValueTable:
        people = np.sort(people_of_items(rng, ITEMS, annotators, overlap), axis=1)
        return table(answers(rng, people, annotators, cuts), people)

    def truth(rng: np.random.Generator) -> dict[str, float]:
        people = np.arange(2_000_000).reshape(-1, 2)  # everybody is another one
        found = item_values(table(answers(rng, people, people.size, cuts), people))
        return {measure: found[measure] for measure in measures}

    def dyadic(study: ValueTable, _seed: int) -> dict[str, Estimate]:
        found = value_agreement(study)
        return {measure: getattr(found, measure) for measure in measures}

    def over_items(study: ValueTable, seed: int) -> dict[str, Estimate]:
        found = item_bootstrap(study, draws=400, seed=seed)
        return {measure: found[measure] for measure in measures}

    return World(name, truth, draw, {"annotators and items": dyadic, "items only": over_items})


def tasks_world(name: str, level: str, cuts: tuple[float, ...], measures: tuple[str, ...]) -> World:
    """250 tasks of four completions, all judged by the same five: tasks differ in where all their completions lie and
    in how clear they are (log-normal, sd 1), and people in how they see a whole task (sd .5), beside habits (sd .2) and
    noise of their own. `prevalence` is the share of the last level.
    """
    scale = range(len(cuts) + 1)

    def table(rng: np.random.Generator, people: NDArray, annotators: int, completions: int) -> ValueTable:
        shape = (len(people), completions, people.shape[1])
        habit, noise = rng.normal(0, 0.2, annotators), 0.5 * np.exp(rng.normal(0, 0.2, annotators))
        unclear = np.exp(rng.normal(0, 1, (shape[0], 1, 1)))
        place = rng.normal(size=(shape[0], 1, 1)) + 0.5 * rng.normal(size=(*shape[:2], 1))
        seen = habit[people][:, None] + rng.normal(0, 0.5, (shape[0], 1, shape[2]))
        said = np.digitize(place + seen + unclear * noise[people][:, None] * rng.normal(size=shape), cuts)
        task, completion, _judge = np.indices(shape)
        who = np.broadcast_to(people[:, None], shape)
        columns = (column.ravel() for column in (task * completions + completion, who, said))
        return ValueTable.from_arrays(*columns, level, categories=scale, clusters=task.ravel())

    def draw(rng: np.random.Generator, annotators: int) -> ValueTable:
        return table(rng, np.sort(people_of_items(rng, 250, annotators, 5), axis=1), annotators, 4)

    def truth(rng: np.random.Generator) -> dict[str, float]:
        people = np.arange(2_000_000).reshape(-1, 2)  # everybody is another one
        endless = table(rng, people, people.size, 1)
        found = item_values(endless) | {"prevalence": float(np.mean(endless.code == len(cuts)))}
        return {measure: found[measure] for measure in measures}

    def joined(study: ValueTable, _seed: int) -> dict[str, Estimate]:
        found = value_agreement(study)
        last = {"prevalence": found.usage[-1].share}
        return {measure: last.get(measure) or getattr(found, measure) for measure in measures}

    def apart(study: ValueTable, seed: int) -> dict[str, Estimate]:
        return joined(replace(study, cluster=None), seed)

    return World(name, truth, draw, {"annotators and items": joined, APART: apart})


def item_values(table: ValueTable) -> dict[str, float]:
    """The figures of a table, without intervals over its annotators."""
    return {name: estimate.value for name, estimate in item_bootstrap(table, draws=2).items()}


def rankings_world(name: str, measures: tuple[str, ...], **options: object) -> World:
    """Rankings of `_coverage_rankings.World` with these options."""

    def of(annotators: int) -> _coverage_rankings.World:
        return _coverage_rankings.World(annotators, **options)

    def truth(rng: np.random.Generator) -> dict[str, float]:
        found = of(0).truth(rng)
        return {measure: found[measure] for measure in measures}

    def dyadic(study: RankingTable, _seed: int) -> dict[str, Estimate]:
        found = ranking_agreement(study)
        return {measure: getattr(found, measure) for measure in measures}

    return World(
        name,
        truth=truth,
        draw=lambda rng, annotators: of(annotators).draw(rng),
        ways={"annotators and items": dyadic},
    )


WORLDS = [
    values_world("three categories, 3 judgements", "nominal", (-0.4, 0.7), 3, ("percent_agreement", "alpha", "ac1")),
    values_world("five levels, 2 judgements", "ordinal", (-1.2, -0.4, 0.4, 1.2), 2, ("alpha", "ac2")),
    values_world("a flag on 10 %, 3 judgements", "nominal", (1.9,), 3, ("alpha", "ac1", "positive_agreement")),
    tasks_world("levels of 4 completions of a task x 5", "ordinal", (-1.2, -0.4, 0.4, 1.2), ("alpha", "prevalence")),
    tasks_world(
        "a flag, 4 completions of a task x 5", "nominal", (1.9,), ("alpha", "positive_agreement", "prevalence")
    ),
    rankings_world(
        "rankings of three with ties, 3 of each",
        ("strict_agreement", "alpha_rank", "tau_b"),
        items=300,
        judges=3,
        skills="wide",
        completions=3,
        step=1.0,
    ),
    rankings_world(
        "rankings of four with ties, 4 of each, unequal work",
        ("strict_agreement", "alpha", "tau_b"),
        items=300,
        judges=4,
        skills="wide",
        loads=0.7,
        completions=4,
        step=1.0,
    ),
    rankings_world(
        "pairs with ties, 3 of each, 15 % of people guess",
        ("strict_agreement", "alpha"),
        items=400,
        judges=3,
        skills="careless",
        step=1.0,
    ),
    rankings_world(
        "rankings of three, 2 of each, all people alike",
        ("strict_agreement", "alpha_rank", "tau_b"),
        items=400,
        judges=2,
        skills="same",
        completions=3,
    ),
]
