"""The compiled pass behind agreement on items that depend on each other, such as the completions of one task."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def over_clusters(starts, annotator, code, order, bounds, people, terms, specific, positive, shares):
    """What sums of squares over items become where whole clusters of items are joined.

    `order` (items,) has the items by cluster, `bounds` (clusters + 1,) where each begins in it; `terms` are those of
    `value_kernels.terms`; `specific` (Q,) says which coefficients are about the `positive` value alone; `shares` (K,)
    how often each value is given. Gives (Q, 3): sums over clusters of (sum of residuals)^2; over what shares an
    annotator and a cluster, each pair of annotators once; clusters with a denominator. And (K, 2) of the error of each
    share: sums of squares over clusters, and over annotators in them.
    """
    of_case, by_case, of_judgement, by_judgement = terms
    total, categories, most = specific.size, shares.size, 1
    for cluster in range(bounds.size - 1):
        rows = 0
        for at in range(bounds[cluster], bounds[cluster + 1]):
            rows += starts[order[at] + 1] - starts[order[at]]
        most = max(most, min(rows, people))
    found, use = np.zeros((total, 3)), np.zeros((categories, 2))
    place, who = np.full(people, -1), np.empty(most, np.int64)
    sums, pairs, said = np.zeros((most, total)), np.zeros((most, most, total)), np.zeros((most, categories))
    whole, heavy = np.zeros(total), np.zeros(total, np.bool_)
    for cluster in range(bounds.size - 1):
        n = 0
        whole[:], heavy[:] = 0.0, False
        for at in range(bounds[cluster], bounds[cluster + 1]):
            low, high = starts[order[at]], starts[order[at] + 1]
            m, yes = high - low, False
            for row in range(low, high):
                if place[annotator[row]] < 0:
                    place[annotator[row]], who[n] = n, annotator[row]
                    n += 1
                one, k = place[annotator[row]], code[row]
                yes = yes or k == positive
                said[one, k] += 1
                for number in range(total):
                    own = by_judgement[number, m] * of_judgement[number, k]
                    sums[one, number] += own
                    whole[number] += own
                for before in range(low, row):
                    other = place[annotator[before]]
                    for number in range(total):
                        case = by_case[number, m] * of_case[number, k, code[before]]
                        sums[one, number] += case
                        sums[other, number] += case
                        pairs[min(one, other), max(one, other), number] += case
                        whole[number] += case
            for number in range(total):
                heavy[number] = heavy[number] or (m > 1 and (yes or not specific[number]))
        for number in range(total):
            found[number, 0] += whole[number] ** 2
            found[number, 2] += heavy[number]
        _join(n, sums, pairs, found, said, shares, code.size, use)
        for one in range(n):
            place[who[one]] = -1
    return found, use


@njit(cache=True, nogil=True)
def _join(n, sums, pairs, found, said, shares, rows, use):
    """Adds the squares of one cluster's `n` annotators to `found` and `use`, and leaves the sums at 0."""
    for one in range(n):
        for number in range(sums.shape[1]):
            found[number, 1] += sums[one, number] ** 2
            sums[one, number] = 0.0
            for other in range(one + 1, n):
                found[number, 1] -= pairs[one, other, number] ** 2
                pairs[one, other, number] = 0.0
    for k in range(shares.size):
        whole = 0.0
        for one in range(n):
            error = -shares[k] * said[one].sum() / rows + said[one, k] / rows
            whole += error
            use[k, 1] += error * error
        use[k, 0] += whole * whole
    for one in range(n):
        said[one] = 0.0
