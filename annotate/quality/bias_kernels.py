"""The compiled inner loops of `bias.py`: one pass over the judgements, and one over the annotators."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def gradients(
    annotator: NDArray, left: NDArray, columns: NDArray, weight: NDArray, mean: NDArray, covariance: NDArray
) -> tuple[NDArray, NDArray]:
    """One pass over the judgements: the expected slope and information of each annotator's log-likelihood.

    `annotator` (n,) codes, `left` (n,) 1.0 or 0.0, `columns` (n, P), `weight` (n,); the coefficients of a person are
    N(`mean` (P,), `covariance` (P, P)), stacked for A people. Returns gradients (A, P) and information (A, P, P). The
    expectation of a logistic function of N(m, v) is taken as that of m / sqrt(1 + pi v / 8) (MacKay 1992, eq. 10).
    """
    people, width = mean.shape
    slope = np.zeros((people, width))
    information = np.zeros((people, width, width))
    for row in range(annotator.size):
        person = annotator[row]
        score, variance = 0.0, 0.0
        for i in range(width):
            value = columns[row, i]
            score += value * mean[person, i]
            variance += value * value * covariance[person, i, i]
            for j in range(i):
                variance += 2.0 * value * columns[row, j] * covariance[person, i, j]
        shrink = 1.0 / math.sqrt(1.0 + math.pi / 8.0 * variance)
        share = 1.0 / (1.0 + math.exp(-shrink * score)) if shrink * score > -700.0 else 0.0
        residual = weight[row] * (left[row] - share)
        curvature = weight[row] * shrink * share * (1.0 - share)
        for i in range(width):
            value = columns[row, i]
            slope[person, i] += residual * value
            for j in range(i + 1):
                information[person, i, j] += curvature * value * columns[row, j]
    for person in range(people):
        for i in range(width):
            for j in range(i):
                information[person, j, i] = information[person, i, j]
    return slope, information


@njit(cache=True, nogil=True)
def posteriors(information: NDArray, linear: NDArray, precision: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """V = (I + D)^-1 of each annotator, the sum of the V, and the sum of V b.

    `information` I (A, P, P), `linear` b (A, P), `precision` D (P,), the diagonal of the prior's.
    """
    people, width = linear.shape
    covariance = np.empty((people, width, width))
    total = np.zeros((width, width))
    shifted = np.zeros(width)
    lower, solved = np.zeros((width, width)), np.zeros(width)
    for person in range(people):
        inverse = covariance[person]
        _invert(information[person], precision, inverse, lower, solved)
        for i in range(width):
            for j in range(width):
                total[i, j] += inverse[i, j]
                shifted[i] += inverse[i, j] * linear[person, j]
    return covariance, total, shifted


@njit(cache=True, nogil=True)
def _invert(information: NDArray, precision: NDArray, inverse: NDArray, lower: NDArray, solved: NDArray) -> None:
    """The inverse of `information` + diag(`precision`), which is positive definite, by Cholesky.

    `lower` (P, P) and `solved` (P,) are room to work in.
    """
    width = precision.size
    for i in range(width):
        for j in range(i + 1):
            total = information[i, j] + (precision[i] if i == j else 0.0)
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            lower[i, j] = math.sqrt(max(total, 1e-300)) if i == j else total / lower[j, j]
    for column in range(width):
        for i in range(column, width):
            total = 1.0 if i == column else 0.0
            for k in range(column, i):
                total -= lower[i, k] * solved[k]
            solved[i] = total / lower[i, i]
        for i in range(width - 1, column - 1, -1):
            total = solved[i]
            for k in range(i + 1, width):
                total -= lower[k, i] * inverse[k, column]
            inverse[i, column] = inverse[column, i] = total / lower[i, i]


@njit(cache=True, nogil=True)
def means(covariance: NDArray, linear: NDArray, precision: NDArray, pool: NDArray) -> tuple[NDArray, NDArray]:
    """The posterior means V (b + D mu) (A, P), and (P,) the sum over annotators of (mean - mu)^2."""
    people, width = linear.shape
    mean = np.zeros((people, width))
    apart = np.zeros(width)
    for person in range(people):
        for i in range(width):
            total = 0.0
            for j in range(width):
                total += covariance[person, i, j] * (linear[person, j] + precision[j] * pool[j])
            mean[person, i] = total
            apart[i] += (total - pool[i]) ** 2
    return mean, apart
