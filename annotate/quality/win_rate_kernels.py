"""The compiled passes over comparisons with a baseline that `win_rates.py` makes: what a step needs, and what is told.

Rows (n,) are sorted by item: item i has the rows from starts[i] on. Parameters (P,) are those of the models, then of
the covariates, whose values are `style` (F, n). With a variance of 0 no item is difficult.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

SETTLED = 1e-8
"""What a difficulty would still move."""
_MOST_MOVES = 30
COMPARED, CHANCE, SAID, ITEMS = range(4)
"""What of each model is added up: comparisons, the chances at equal style, what was preferred; and items."""


@njit(cache=True, nogil=True)
def settle(
    starts: NDArray,
    model: NDArray,
    said: NDArray,
    count: NDArray,
    style: NDArray,
    parameters: NDArray,
    variance: float,
    difficulty: NDArray,
    models: int,
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray, NDArray]:
    """The most likely difficulties (items,), and sums over items of which a step of Newton's method is made:

    the gradient (P,) and the information (P, P) with the difficulties profiled out; (P,) by how much the gradient falls
    with the logarithm of the variance; (2,) the squares of the difficulties, and one over the information on each; and
    (2, P + 1) the derivatives of these two by the parameters and by the logarithm of the variance.
    """
    width = style.shape[0]
    size = models + width
    gradient, information, by_variance = np.zeros(size), np.zeros((size, size)), np.zeros(size)
    spread, slopes = np.zeros(2), np.zeros((2, size + 1))
    pulls, bends = np.zeros(size), np.zeros(size)
    touched, seen = np.empty(size, np.int64), np.zeros(models, np.bool_)
    after, precision = difficulty.copy(), 1.0 / variance if variance > 0 else 0.0
    applied, chances = np.empty(said.size), np.empty(said.size)
    for item in range(starts.size - 1):
        begin, end, gamma = starts[item], starts[item + 1], difficulty[item]
        for row in range(begin, end):
            applied[row] = parameters[model[row]]
            for f in range(width):
                applied[row] += parameters[models + f] * style[f, row]
        stiff, bent = 1.0, 0.0
        for _move in range(_MOST_MOVES):
            rest, stiff, bent = -gamma * precision, precision, 0.0
            for row in range(begin, end):
                chance = 1.0 / (1.0 + math.exp(-applied[row] - gamma))
                chances[row] = chance
                weight = count[row] * chance * (1.0 - chance)
                rest += count[row] * (said[row] - chance)
                stiff += weight
                bent += weight * (1.0 - 2.0 * chance)
            if precision == 0.0 or abs(rest) < SETTLED * stiff:
                break
            gamma += min(max(rest / stiff, -1.0), 1.0)
        after[item] = gamma
        met = 0
        for row in range(begin, end):
            one, chance = model[row], chances[row]
            surprise, weight = count[row] * (said[row] - chance), count[row] * chance * (1.0 - chance)
            bend = weight * (1.0 - 2.0 * chance)
            if not seen[one]:
                seen[one] = True
                touched[met] = one
                met += 1
            gradient[one] += surprise
            information[one, one] += weight
            pulls[one] += weight
            bends[one] += bend
            for f in range(width):
                value = style[f, row]
                gradient[models + f] += surprise * value
                information[one, models + f] += weight * value
                pulls[models + f] += weight * value
                bends[models + f] += bend * value
                for g in range(f, width):
                    information[models + f, models + g] += weight * value * style[g, row]
        for f in range(width):
            touched[met] = models + f
            met += 1
        soft = 1.0 / stiff if precision > 0 else 0.0
        along = gamma * precision * soft
        spread[0] += gamma * gamma
        spread[1] += soft
        slopes[0, size] += 2.0 * gamma * along
        slopes[1, size] -= soft * soft * (bent * along - precision)
        for first in range(met):
            a = touched[first]
            by_variance[a] += pulls[a] * along
            slopes[0, a] -= 2.0 * gamma * pulls[a] * soft
            slopes[1, a] -= soft * soft * (bends[a] - bent * pulls[a] * soft)
            for second in range(first, met):
                b = touched[second]
                information[min(a, b), max(a, b)] -= pulls[a] * pulls[b] * soft
        for place in range(met):
            a = touched[place]
            pulls[a], bends[a] = 0.0, 0.0
            if a < models:
                seen[a] = False
    _mirror(information)
    return after, gradient, information, by_variance, spread, slopes


@njit(cache=True, nogil=True)
def tell(
    starts: NDArray,
    model: NDArray,
    said: NDArray,
    count: NDArray,
    style: NDArray,
    parameters: NDArray,
    variance: float,
    difficulty: NDArray,
    models: int,
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Sums over items, with the most likely difficulties, of which rates and their intervals are made:

    (P, P) the squares of the items' scores; of each model the sums (M, 4) of COMPARED, CHANCE, SAID and ITEMS, the
    products (M, 3, 3) of the first three, and theirs with the scores (M, 3, P); and the derivatives of its chances by
    the parameters and by the logarithm of the variance (M, P + 1).
    """
    width = style.shape[0]
    size = models + width
    squares, totals, products = np.zeros((size, size)), np.zeros((models, 4)), np.zeros((models, 3, 3))
    crossing, slopes = np.zeros((models, 3, size)), np.zeros((models, size + 1))
    pulls, score, own = np.zeros(size), np.zeros(size), np.zeros((models, 3))
    touched, seen = np.empty(size, np.int64), np.zeros(models, np.bool_)
    precision = 1.0 / variance if variance > 0 else 0.0
    for item in range(starts.size - 1):
        met, stiff, gamma = 0, precision, difficulty[item]
        for row in range(starts[item], starts[item + 1]):
            one = model[row]
            applied = parameters[one] + gamma
            for f in range(width):
                applied += parameters[models + f] * style[f, row]
            chance = 1.0 / (1.0 + math.exp(-applied))
            surprise, weight = count[row] * (said[row] - chance), count[row] * chance * (1.0 - chance)
            if not seen[one]:
                seen[one] = True
                touched[met] = one
                met += 1
            own[one, COMPARED] += count[row]
            own[one, SAID] += count[row] * said[row]
            stiff += weight
            score[one] += surprise
            pulls[one] += weight
            for f in range(width):
                score[models + f] += surprise * style[f, row]
                pulls[models + f] += weight * style[f, row]
        present = met
        for f in range(width):
            touched[met] = models + f
            met += 1
        soft = 1.0 / stiff if precision > 0 else 0.0
        for place in range(present):
            one = touched[place]
            chance = 1.0 / (1.0 + math.exp(-parameters[one] - gamma))
            own[one, CHANCE] = own[one, COMPARED] * chance
            steep = own[one, CHANCE] * (1.0 - chance)
            totals[one, ITEMS] += 1.0
            slopes[one, one] += steep
            slopes[one, size] += steep * gamma * precision * soft
            for first in range(3):
                totals[one, first] += own[one, first]
                for second in range(3):
                    products[one, first, second] += own[one, first] * own[one, second]
            for second in range(met):
                a = touched[second]
                slopes[one, a] -= steep * pulls[a] * soft
                for first in range(3):
                    crossing[one, first, a] += own[one, first] * score[a]
        for first in range(met):
            a = touched[first]
            for second in range(first, met):
                b = touched[second]
                squares[min(a, b), max(a, b)] += score[a] * score[b]
        for place in range(met):
            a = touched[place]
            pulls[a], score[a] = 0.0, 0.0
            if a < models:
                own[a], seen[a] = 0.0, False
    _mirror(squares)
    return squares, totals, products, crossing, slopes


@njit(cache=True, nogil=True)
def _mirror(matrix: NDArray) -> None:
    """Copy what is above the diagonal below it."""
    for a in range(matrix.shape[0]):
        for b in range(a):
            matrix[a, b] = matrix[b, a]
