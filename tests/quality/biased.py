"""Annotators with known tastes who compare texts of known quality: for tests and benchmarks of bias."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NAMES = ["length", "lists"]


@dataclass(frozen=True, eq=False)
class Judged:
    """Comparisons (n,) by A annotators, and the truth that made them."""

    annotators: NDArray
    left_preferred: NDArray
    features: NDArray
    """(n, 2) differences: of length, spread by 1, and of having a list, -1, 0 or 1."""
    quality: NDArray
    truth: NDArray
    """(A, 4) coefficients: quality, length, lists, position."""

    @property
    def columns(self) -> dict:
        """What `annotator_bias` takes."""
        fields = ("annotators", "left_preferred", "features", "quality")
        return {name: getattr(self, name) for name in fields} | {"names": NAMES}


def judge(
    *,
    seed: int,
    people: int = 200,
    each: int = 100,
    pool: tuple[float, ...] = (1.0, 0.3, 0.2, 0.0),
    spread: tuple[float, ...] = (0.3, 0.5, 0.2, 0.1),
    lovers: int = 0,
) -> Judged:
    """Comparisons by people whose coefficients are drawn around `pool`; the first `lovers` love length by 1 more."""
    rng = np.random.default_rng(seed)
    truth = np.array(pool) + rng.normal(size=(people, 4)) * spread
    truth[:lovers, 1] += 1.0
    who = np.repeat(np.arange(people), each)
    quality, length = rng.normal(size=(2, who.size))
    lists = rng.integers(-1, 2, who.size).astype(float)
    columns = np.stack([quality, length, lists, np.ones(who.size)], axis=1)
    left = rng.random(who.size) < 1 / (1 + np.exp(-(columns * truth[who]).sum(axis=1)))
    return Judged(who, left.astype(float), columns[:, 1:3], quality, truth)


@dataclass(frozen=True, eq=False)
class Crowd:
    """`each` of `people` judged pairs of texts, whose quality and length differ independently."""

    pairs: NDArray
    annotators: NDArray
    left_preferred: NDArray
    quality: NDArray
    length: NDArray

    @property
    def right(self) -> NDArray:
        """(n,) whether the better text was preferred."""
        return (self.quality[self.pairs] > 0) == (self.left_preferred > 0.5)


def crowd(*, taste: float, seed: int, people: int = 200, each: int = 100, lovers: int = 20) -> Crowd:
    """A pool that shares a taste for length, a tenth of it more so; four annotators on a pair."""
    rng = np.random.default_rng(seed)
    pairs = people * each // 4
    quality, length = rng.normal(size=(2, pairs))
    shuffled = [rng.permutation(pairs) for _ in range(4)]
    pair = np.concatenate(shuffled)
    who = np.repeat(np.arange(people), each)
    coefficients = taste + 0.3 * rng.normal(size=people) + 1.0 * (np.arange(people) < lovers) * (taste > 0)
    score = 1.5 * quality[pair] + coefficients[who] * length[pair]
    left = rng.random(pair.size) < 1 / (1 + np.exp(-score))
    return Crowd(pair, who, left.astype(float), quality, length)


def area_under_curve(scores: NDArray, found: NDArray) -> float:
    """How often a random one of `found` scores above a random other one: the AUC."""
    ranks = np.argsort(np.argsort(scores)) + 1
    k = int(found.sum())
    return float((ranks[found].sum() - k * (k + 1) / 2) / (k * (found.size - k)))


def top_tenth(values: NDArray) -> NDArray:
    """(A,) whether a value is among the largest tenth."""
    return values >= np.sort(values)[-(values.size // 10)]
