"""Comparisons drawn from Davidson's model, for tests of scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def outcomes(rng: np.random.Generator, gap: NDArray, nu: float) -> NDArray:
    """(n,) 1, 0.5 or 0 for gaps (n,): a win, a tie or a loss of the left one."""
    up = np.exp(gap / 2)
    total = up + 1 / up + nu
    drawn = rng.random(gap.size) * total
    return np.where(drawn < up, 1.0, np.where(drawn < up + nu, 0.5, 0.0))


def pairs(rng: np.random.Generator, models: int, n: int) -> tuple[NDArray, NDArray]:
    """(n,) left and right, never the same."""
    left = rng.integers(0, models, n)
    return left, (left + rng.integers(1, models, n)) % models
