"""How often the intervals of agreement on rankings hold the truth: worlds of annotators, drawn again and again.

Skills differ between annotators, quality between completions; what a person sees is skill x quality + noise. The truth
is the same measure with very many annotators and items. `coverage` is what a benchmark calls; alone:

    python -m tests.bench._coverage_rankings 1000
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.quality.agreement import ranking_agreement
from annotate.quality.table import RankingTable

MEASURES = ("strict_agreement", "half_credit", "alpha", "alpha_interval", "alpha_rank", "tau_b")
POPULATION = 4000


@dataclass(frozen=True)
class World:
    """Who judges what."""

    people: int
    items: int
    judges: int
    """Annotators an item."""
    skills: str
    """wide: N(1, 1); mild: N(1, .4); same: 1; careless: 1.6, but 0 for 15 % of people."""
    loads: float = 0.0
    """Standard deviation of the logarithm of how much people work; 0 = all alike."""
    completions: int = 2
    step: float = 0.0
    """What is seen is rounded to this, so that there are ties; 0 = no ties."""

    def skill(self, rng: np.random.Generator, people: int) -> NDArray[np.float64]:
        """(people,)"""
        if self.skills == "careless":
            return np.where(rng.random(people) < 0.15, 0.0, 1.6)
        return rng.normal(1.0, {"wide": 1.0, "mild": 0.4, "same": 0.0}[self.skills], people)

    def draw(self, rng: np.random.Generator) -> RankingTable:
        """One table: the annotators of an item are drawn with chances by how much they work."""
        work = rng.lognormal(0.0, self.loads, self.people) if self.loads else np.ones(self.people)
        keys = rng.gumbel(size=(self.items, self.people)) + np.log(work)
        who = np.argpartition(-keys, self.judges - 1, axis=1)[:, : self.judges]
        return self._rankings(rng, self.skill(rng, self.people), who)

    def truth(self, rng: np.random.Generator, repeats: int = 40) -> dict[str, float]:
        """The measures of very many annotators: means of `repeats` tables of 4,000 annotators, two an item."""
        found = []
        for _ in range(repeats):
            items = 60_000 // self.completions
            first = rng.integers(0, POPULATION, items)
            who = np.stack([first, (first + rng.integers(1, POPULATION, items)) % POPULATION], axis=1)
            agreement = ranking_agreement(self._rankings(rng, self.skill(rng, POPULATION), who))
            found.append([getattr(agreement, name).value for name in MEASURES])
        return dict(zip(MEASURES, np.mean(found, axis=0).tolist(), strict=True))

    def _rankings(self, rng: np.random.Generator, skill: NDArray, who: NDArray) -> RankingTable:
        """Rankings by the annotators `who` (items, judges)."""
        items, judges = who.shape
        quality = rng.normal(0.0, 1.5, (items, 1, self.completions))
        noise = rng.logistic(0.0, 0.6, (items, judges, self.completions))
        seen = quality * skill[who][:, :, None] + noise
        if self.step:
            seen = np.round(seen / self.step)
        ranks = np.unique(-seen.ravel(), return_inverse=True)[1] + 1
        item, place, completion = (index.ravel() for index in np.indices(seen.shape))
        return RankingTable.from_arrays(item, who[item, place], completion, ranks)


WORLDS = (
    World(4, 200, 3, "wide"),
    World(8, 200, 3, "wide"),
    World(12, 200, 3, "mild", loads=0.7, step=1.0),
    World(20, 600, 2, "wide"),
    World(20, 300, 4, "wide", loads=0.7, completions=4, step=1.0),
    World(20, 400, 3, "careless", step=1.0),
    World(20, 200, 3, "mild", loads=0.7, completions=3, step=1.0),
    World(20, 400, 2, "same", completions=3),
    World(60, 400, 3, "wide", loads=0.7, step=1.0),
    World(200, 600, 2, "wide", loads=0.7),
)


def coverage(world: World, *, repeats: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """By measure: `coverage`, the share of nominal 95 % intervals that hold the truth, and the mean `half_width`."""
    truth = world.truth(np.random.default_rng((seed, 1)))
    held = dict.fromkeys(MEASURES, 0)
    widths = dict.fromkeys(MEASURES, 0.0)
    for repeat in range(repeats):
        agreement = ranking_agreement(world.draw(np.random.default_rng((seed, 2, repeat))))
        for name in MEASURES:
            estimate = getattr(agreement, name)
            held[name] += estimate.lo <= truth[name] <= estimate.hi
            widths[name] += (estimate.hi - estimate.lo) / 2
    return {name: {"coverage": held[name] / repeats, "half_width": widths[name] / repeats} for name in MEASURES}


def main() -> None:
    """Print the coverage of every world, in percent."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print("annotators items judges skills    loads  K  " + "  ".join(MEASURES))
    for world in WORLDS:
        found = coverage(world, repeats=repeats)
        shares = "  ".join(f"{found[name]['coverage']:{len(name)}.1%}" for name in MEASURES)
        who = (
            f"{world.people:10} {world.items:5} {world.judges:6} {world.skills:9} {world.loads:5} {world.completions:2}"
        )
        print(f"{who}  {shares}", flush=True)


if __name__ == "__main__":
    main()
