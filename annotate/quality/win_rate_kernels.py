"""The compiled pass over comparisons with a baseline that `win_rates.py` makes for each of Newton's steps."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

RESTLESS = 1e-5
"""Difficulties that would move further than this by themselves are settled first, as long as they are few: the items
that were judged since the last fit. Else each of them would cost all others several passes."""
FEW = 16
"""They are few while they are fewer than one of so many."""
_MOST_MOVES = 30


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
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Information (P, P) and gradient (P,), the items' difficulties profiled out; push and stiffness (items,) of these;
    the weight (n,) of each row; and the difficulties, a few of them settled. Item i has the rows from starts[i] on;
    with a variance of 0 no item is difficult.
    """
    width = style.shape[0]
    size = models + width
    information, gradient = np.zeros((size, size)), np.zeros(size)
    push, stiffness, weight = np.zeros(starts.size - 1), np.full(starts.size - 1, np.inf), np.empty(said.size)
    summed, touched, seen = np.zeros(size), np.empty(size, np.int64), np.zeros(models, np.bool_)
    difficulty, left = difficulty.copy(), (starts.size - 1) // FEW
    applied, chances = np.empty(said.size), np.empty(said.size)
    for item in range(starts.size - 1):
        met, pushed, held = 0, 0.0, 0.0
        begin, end = starts[item], starts[item + 1]
        for row in range(begin, end):
            applied[row] = parameters[model[row]]
            for f in range(width):
                applied[row] += parameters[models + f] * style[f, row]
        for move in range(_MOST_MOVES):
            rest, stiff = -difficulty[item] / variance if variance > 0 else 0.0, 1.0 / variance if variance > 0 else 1.0
            for row in range(begin, end):
                chance = 1.0 / (1.0 + math.exp(-applied[row] - difficulty[item]))
                chances[row] = chance
                rest += count[row] * (said[row] - chance)
                stiff += count[row] * chance * (1.0 - chance)
            if variance == 0.0 or left == 0 or abs(rest) < (RESTLESS if move == 0 else 1e-9) * stiff:
                break
            left -= move == 0
            difficulty[item] += min(max(rest / stiff, -1.0), 1.0)
        for row in range(begin, end):
            one = model[row]
            chance = chances[row]
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
    return information, gradient, push, stiffness, weight, difficulty


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
