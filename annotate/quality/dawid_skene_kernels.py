"""The passes over all labels that `dawid_skene.py` makes, compiled. Labels are grouped by item.

`bounds` (I + 1,) of the items' labels in `annotator` and `value` (L,); V = K answers, K truths.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def expect(bounds, annotator, value, log_confusion, log_prior, posterior, counts):
    """One pass: the posterior of each item, what each annotator says of each truth, and the log-likelihood.

    `log_confusion` (A, V, K) is the log probability that an annotator says v where k is true. Fills `posterior` (I, K)
    and `counts` (A, V, K).
    """
    items, classes = posterior.shape
    counts[:] = 0.0
    likelihood = 0.0
    for item in range(items):
        row = posterior[item]
        for k in range(classes):
            row[k] = log_prior[k]
        for at in range(bounds[item], bounds[item + 1]):
            said = log_confusion[annotator[at], value[at]]
            for k in range(classes):
                row[k] += said[k]
        most = row.max()
        total = 0.0
        for k in range(classes):
            row[k] = np.exp(row[k] - most)
            total += row[k]
        for k in range(classes):
            row[k] /= total
        likelihood += most + np.log(total)
        for at in range(bounds[item], bounds[item + 1]):
            seen = counts[annotator[at], value[at]]
            for k in range(classes):
                seen[k] += row[k]
    return likelihood


@njit(cache=True, nogil=True)
def tally(bounds, annotator, value, posterior, counts):
    """Fills `counts` (A, V, K) from the posterior (I, K) alone."""
    counts[:] = 0.0
    for item in range(posterior.shape[0]):
        for at in range(bounds[item], bounds[item + 1]):
            seen = counts[annotator[at], value[at]]
            for k in range(posterior.shape[1]):
                seen[k] += posterior[item, k]


@njit(cache=True, nogil=True)
def rightness(bounds, annotator, value, posterior, sums):
    """Fills `sums` (A, 4): labels, sum of q, sum of q (1 - q), labels that meet another; q = P(the label is right)."""
    sums[:] = 0.0
    for item in range(posterior.shape[0]):
        first, end = bounds[item], bounds[item + 1]
        for at in range(first, end):
            q = posterior[item, value[at]]
            own = sums[annotator[at]]
            own[0] += 1.0
            own[1] += q
            own[2] += q * (1.0 - q)
            if end - first > 1:
                own[3] += 1.0


@njit(cache=True, nogil=True)
def repeated(bounds, annotator, annotators):
    """The position of the first label by an annotator who has labelled that item already, or -1."""
    last = np.full(annotators, -1, np.int64)
    for item in range(bounds.size - 1):
        for at in range(bounds[item], bounds[item + 1]):
            if last[annotator[at]] == item:
                return at
            last[annotator[at]] = item
    return -1
