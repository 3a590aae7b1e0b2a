"""The compiled inner loops of `expertise.py`: passes over A annotators and their D domains, arrays (A, D)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def moments(share: NDArray, n: NDArray, typical: float) -> tuple[NDArray, NDArray]:
    """Sums that the variances are made of, with weights w = n / (n + typical).

    Returns (D, 4): the sums of w, of w share, of w^2 and of w / (n + typical) in each domain; and (4,): with residuals
    r = w (share - the domain's mean), the sums of r^2, of (sum_d r)^2 and of (sum_d w)^2, and that of the squares of
    w / (sum of w), centred over the domains that anybody answered.
    """
    people, domains = share.shape
    found, crossed = np.zeros((domains, 4)), np.zeros(4)
    weight = np.empty((people, domains))
    for a in range(people):
        for d in range(domains):
            scale = 1.0 / (n[a, d] + typical)
            w = n[a, d] * scale
            weight[a, d] = w
            found[d, 0] += w
            found[d, 1] += w * share[a, d]
            found[d, 2] += w * w
            found[d, 3] += w * scale
    mean, inverse, seen = np.zeros(domains), np.zeros(domains), 0
    for d in range(domains):
        if found[d, 0] > 0.0:
            mean[d], inverse[d] = found[d, 1] / found[d, 0], 1.0 / found[d, 0]
            seen += 1
    for a in range(people):
        residuals, weights, parts, squares = 0.0, 0.0, 0.0, 0.0
        for d in range(domains):
            w = weight[a, d]
            r, part = w * (share[a, d] - mean[d]), w * inverse[d]
            crossed[0] += r * r
            residuals += r
            weights += w
            parts += part
            squares += part * part
        crossed[1] += residuals * residuals
        crossed[2] += weights * weights
        crossed[3] += squares - parts * parts / seen
    return found, crossed


@njit(cache=True, nogil=True)
def working(logit: NDArray, p: NDArray, share: NDArray, n: NDArray, least: float) -> tuple[NDArray, NDArray]:
    """(A, D) the working logits at `logit`, whose probabilities are `p`, and their precisions."""
    people, domains = logit.shape
    seen, precision = np.empty((people, domains)), np.empty((people, domains))
    for a in range(people):
        for d in range(domains):
            inside = max(p[a, d] * (1.0 - p[a, d]), least)
            seen[a, d] = logit[a, d] + (share[a, d] - p[a, d]) / inside
            precision[a, d] = n[a, d] * inside
    return seen, precision


@njit(cache=True, nogil=True)
def eliminated(seen: NDArray, precision: NDArray, spread: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """What cells seen with these precisions (A, D) say of the domains, once annotators are eliminated.

    Returns the weight of a cell's own data (A, D), the variance of u given b (A,), and the equations of b: the matrix
    (D, D), without b's prior, and the right side (D,).
    """
    people, domains = seen.shape
    kept, own = np.empty((people, domains)), np.empty(people)
    matrix, side, weight = np.zeros((domains, domains)), np.zeros(domains), np.empty(domains)
    for a in range(people):
        total, weighted = 1.0 / spread[0], 0.0
        for d in range(domains):
            weight[d] = precision[a, d] / (1.0 + spread[2] * precision[a, d])
            kept[a, d] = spread[2] * weight[d]
            total += weight[d]
            weighted += weight[d] * seen[a, d]
        own[a] = 1.0 / total
        for d in range(domains):
            side[d] += weight[d] * (seen[a, d] - own[a] * weighted)
            matrix[d, d] += weight[d]
            pulled = weight[d] * own[a]
            for e in range(d + 1):
                matrix[d, e] -= pulled * weight[e]
    for d in range(domains):
        for e in range(d):
            matrix[e, d] = matrix[d, e]
    return kept, own, matrix, side


@njit(cache=True, nogil=True)
def predicted(seen: NDArray, kept: NDArray, own: NDArray, level: NDArray, of_cell: float) -> NDArray:
    """(A, D) the predictions where the domains' effects, mu + v, are `level` (D,)."""
    people, domains = seen.shape
    found = np.empty((people, domains))
    for a in range(people):
        effect = 0.0
        for d in range(domains):
            effect += kept[a, d] * (seen[a, d] - level[d])
        effect *= own[a] / of_cell
        for d in range(domains):
            main = effect + level[d]
            found[a, d] = main + kept[a, d] * (seen[a, d] - main)
    return found


@njit(cache=True, nogil=True)
def variances(kept: NDArray, own: NDArray, covariance: NDArray, of_cell: float) -> NDArray:
    """(A, D) the variances of the predictions, given that of b (D, D)."""
    people, domains = kept.shape
    found, pulled, through = np.empty((people, domains)), np.empty(domains), np.empty(domains)
    for a in range(people):
        square = own[a]
        for d in range(domains):
            pulled[d] = kept[a, d] / of_cell * own[a]
        for d in range(domains):
            total = 0.0
            for e in range(domains):
                total += covariance[d, e] * pulled[e]
            through[d] = total
            square += total * pulled[d]
        for d in range(domains):
            left = 1.0 - kept[a, d]
            found[a, d] = left * left * (square + covariance[d, d] - 2.0 * through[d]) + of_cell * left
    return found
