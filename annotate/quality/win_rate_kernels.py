"""The compiled pass over comparisons with a baseline that `win_rates.py` makes for each of Newton's steps."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def difficulty_pass(
    starts: NDArray,
    model: NDArray,
    said: NDArray,
    count: NDArray,
    style: NDArray,
    parameters: NDArray,
    difficulty: NDArray,
    variance: float,
    models: int,
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Information (P, P) and gradient (P,), the items' difficulties profiled out; push and stiffness (items,) of these;
    and the weight (n,) of each row. Item i has the rows from starts[i] on; with a variance of 0 no item is difficult.
    """
    width = style.shape[0]
    size = models + width
    information, gradient = np.zeros((size, size)), np.zeros(size)
    push, stiffness, weight = np.zeros(starts.size - 1), np.full(starts.size - 1, np.inf), np.empty(said.size)
    summed, touched, seen = np.zeros(size), np.empty(size, np.int64), np.zeros(models, np.bool_)
    for item in range(starts.size - 1):
        met, pushed, held = 0, 0.0, 0.0
        for row in range(starts[item], starts[item + 1]):
            one = model[row]
            gap = parameters[one] + difficulty[item]
            for f in range(width):
                gap += parameters[models + f] * style[f, row]
            chance = 1.0 / (1.0 + math.exp(-gap))
            surprise, w = count[row] * (said[row] - chance), count[row] * chance * (1.0 - chance)
            weight[row] = w
            pushed += surprise
            held += w
            gradient[one] += surprise
            information[one, one] += w
            if not seen[one]:
                seen[one] = True
                touched[met] = one
                met += 1
            summed[one] += w
            for f in range(width):
                value = style[f, row]
                gradient[models + f] += surprise * value
                information[one, models + f] += w * value
                summed[models + f] += w * value
                for g in range(f, width):
                    information[models + f, models + g] += w * value * style[g, row]
        for f in range(width):
            touched[met] = models + f
            met += 1
        if variance > 0:
            push[item] = pushed - difficulty[item] / variance
            stiffness[item] = held + 1.0 / variance
            for first in range(met):
                a = touched[first]
                gradient[a] -= summed[a] * push[item] / stiffness[item]
                for second in range(first, met):
                    b = touched[second]
                    information[min(a, b), max(a, b)] -= summed[a] * summed[b] / stiffness[item]
        for place in range(met):
            summed[touched[place]] = 0.0
            if touched[place] < models:
                seen[touched[place]] = False
    for a in range(size):
        for b in range(a):
            information[a, b] = information[b, a]
    return information, gradient, push, stiffness, weight


@njit(cache=True, nogil=True)
def moved(
    starts: NDArray,
    model: NDArray,
    style: NDArray,
    weight: NDArray,
    push: NDArray,
    stiffness: NDArray,
    difficulty: NDArray,
    step: NDArray,
    shortened: float,
    models: int,
) -> tuple[NDArray, float]:
    """(items,) the difficulties after the parameters moved by `step` over `shortened`, and the longest of the moves."""
    after, longest = np.empty(difficulty.size), 0.0
    for item in range(starts.size - 1):
        pushed = push[item]
        for row in range(starts[item], starts[item + 1]):
            gap = step[model[row]]
            for f in range(style.shape[0]):
                gap += step[models + f] * style[f, row]
            pushed -= weight[row] * gap
        move = pushed / stiffness[item] / shortened
        after[item] = difficulty[item] + move
        longest = max(longest, abs(move))
    return after, longest
