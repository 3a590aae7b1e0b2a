"""The loops of `consensus`: votes of pairs, Borda and Bradley-Terry scores, ranks with ties and cycles, item by item.

Pairs (c, d), c < d, of an item with K completions are numbered c(2K-c-1)/2 + d-c-1 from the item's first pair.
"""

import numpy as np
from numba import njit

_STEPS = 50
_CONVERGED = 1e-10
_LONGEST_STEP = 2.0


@njit(cache=True, nogil=True)
def _pair(c, d, k):
    return c * (2 * k - c - 1) // 2 + d - c - 1


@njit(cache=True, nogil=True)
def count_votes(item, annotator, completion, rank, weight, size, first_pair):
    """(pairs, 3) votes for the first, tied, for the second; (pairs,) weighted margin; (pairs,) weight of the votes."""
    votes = np.zeros((first_pair[-1], 3), np.int64)
    margin, total = np.zeros(first_pair[-1]), np.zeros(first_pair[-1])
    start = 0
    for row in range(1, item.size + 1):
        if row < item.size and item[row] == item[start] and annotator[row] == annotator[start]:
            continue
        this, w = item[start], weight[annotator[start]]
        for one in range(start, row):
            for other in range(one + 1, row):
                pair = first_pair[this] + _pair(completion[one], completion[other], size[this])
                sign = int(rank[one] < rank[other]) - int(rank[one] > rank[other])
                votes[pair, 1 - sign] += 1
                margin[pair] += w * sign
                total[pair] += w
        start = row
    return votes, margin, total


@njit(cache=True, nogil=True)
def contests(starts, ranks, weight, tolerance):
    """(items,) rankings, contest and whether majorities run in a circle, of judgements (n, K) sorted by item.

    Item i is starts[i] : starts[i + 1]; rank 0: not ranked. As `Consensus` has them, in one pass without its rows.
    """
    items, widest = starts.size - 1, ranks.shape[1]
    n_rankings, contest, cyclic = np.zeros(items, np.int64), np.zeros(items), np.zeros(items, np.bool_)
    votes, margin, total = (
        np.zeros((widest, widest, 3), np.int64),
        np.zeros((widest, widest)),
        np.zeros((widest, widest)),
    )
    reach = np.zeros((widest, widest), np.bool_)
    for item in range(items):
        k = 0
        votes[:], margin[:], total[:] = 0, 0.0, 0.0
        for row in range(starts[item], starts[item + 1]):
            said = False
            for d in range(widest):
                if not ranks[row, d]:
                    continue
                said = True
                k = max(k, d + 1)
                for c in range(d):
                    if ranks[row, c]:
                        sign = int(ranks[row, c] < ranks[row, d]) - int(ranks[row, c] > ranks[row, d])
                        votes[c, d, 1 - sign] += 1
                        margin[c, d] += weight[row] * sign
                        total[c, d] += weight[row]
            n_rankings[item] += said
        split = 0.0
        for c in range(k):
            for d in range(c + 1, k):
                n = votes[c, d].sum()
                if n:
                    split += 2.0 * min(votes[c, d, 0], votes[c, d, 2]) / n
        if k > 1:
            contest[item] = split / (k * (k - 1) // 2)
        if k > 2:
            _majorities(k, margin, total, tolerance, reach)
            for c in range(k):
                cyclic[item] |= reach[c, c]
    return n_rankings, contest, cyclic


@njit(cache=True, nogil=True)
def _majorities(k, margin, total, tolerance, reach):
    """Set reach[c, d]: c beats d, or one that beats d, and so on; margin and total (k, k) hold pairs c < d."""
    reach[:] = False
    for c in range(k):
        for d in range(c + 1, k):
            reach[c, d] = margin[c, d] > tolerance * total[c, d]
            reach[d, c] = -margin[c, d] > tolerance * total[c, d]
    for via in range(k):
        for c in range(k):
            if reach[c, via]:
                for d in range(k):
                    reach[c, d] |= reach[via, d]


@njit(cache=True, nogil=True)
def borda(size, first_row, first_pair, margin, total):
    """(rows,) the share of its weighted comparisons that each completion wins, a tie half; 1/2 without any."""
    score = np.full(first_row[-1], 0.5)
    for item in range(size.size):
        k = size[item]
        for c in range(k):
            won, held = 0.0, 0.0
            for d in range(k):
                if d != c:
                    pair = first_pair[item] + _pair(min(c, d), max(c, d), k)
                    won += margin[pair] if c < d else -margin[pair]
                    held += total[pair]
            if held > 0:
                score[first_row[item] + c] += 0.5 * won / held
    return score


@njit(cache=True, nogil=True)
def bradley_terry(size, first_row, first_pair, margin, total, ridge):
    """(rows,) the share of the others that each completion beats under a Bradley-Terry model of its item."""
    score = np.full(first_row[-1], 0.5)
    for item in range(size.size):
        k = size[item]
        strength = _strengths(k, first_pair[item], margin, total, ridge)
        for c in range(k):
            won = 0.0
            for d in range(k):
                if d != c:
                    won += 1.0 / (1.0 + np.exp(strength[d] - strength[c]))
            if k > 1:
                score[first_row[item] + c] = won / (k - 1)
    return score


@njit(cache=True, nogil=True)
def _strengths(k, first_pair, margin, total, ridge):
    """(k,) strengths that maximise the weighted log-likelihood less ridge/2 * their squares; Newton's steps, capped."""
    strength = np.zeros(k)
    for _ in range(_STEPS):
        gradient, hessian = -ridge * strength, np.zeros((k, k))
        for c in range(k):
            hessian[c, c] += ridge
            for d in range(c + 1, k):
                pair = first_pair + _pair(c, d, k)
                if total[pair] <= 0:
                    continue
                p = 1.0 / (1.0 + np.exp(strength[d] - strength[c]))
                pull = (total[pair] + margin[pair]) / 2 - total[pair] * p
                curve = total[pair] * p * (1 - p)
                gradient[c] += pull
                gradient[d] -= pull
                hessian[c, c] += curve
                hessian[d, d] += curve
                hessian[c, d] -= curve
                hessian[d, c] -= curve
        step = _solve(hessian, gradient)
        longest = np.max(np.abs(step)) if k else 0.0
        strength += step * min(1.0, _LONGEST_STEP / longest) if longest > 0 else step
        if longest < _CONVERGED:
            break
    return strength


@njit(cache=True, nogil=True)
def _solve(matrix, right):
    """Gauss without pivots: the matrix is symmetric and positive definite, and is used up."""
    k = right.size
    for c in range(k):
        for d in range(c + 1, k):
            factor = matrix[d, c] / matrix[c, c]
            for e in range(c, k):
                matrix[d, e] -= factor * matrix[c, e]
            right[d] -= factor * right[c]
    for c in range(k - 1, -1, -1):
        for e in range(c + 1, k):
            right[c] -= matrix[c, e] * right[e]
        right[c] /= matrix[c, c]
    return right


@njit(cache=True, nogil=True)
def ranks_with_ties(size, first_row, score, tolerance):
    """(rows,) dense ranks, 1 = best: a rank holds the scores within `tolerance` of its best one."""
    rank = np.zeros(first_row[-1], np.int64)
    for item in range(size.size):
        mine = score[first_row[item] : first_row[item + 1]]
        order = np.argsort(-mine)
        best, now = 0.0, 0
        for place in range(size[item]):
            c = order[place]
            if place == 0 or best - mine[c] > tolerance:
                best, now = mine[c], now + 1
            rank[first_row[item] + c] = now
    return rank


@njit(cache=True, nogil=True)
def in_cycle(size, first_row, first_pair, margin, total, tolerance):
    """(rows,) whether a completion lies on a cycle of majorities: it beats one that beats ... that beats it."""
    found = np.zeros(first_row[-1], np.bool_)
    for item in range(size.size):
        k = size[item]
        if k < 3:
            continue
        margins, totals, reach = np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, k), np.bool_)
        for c in range(k):
            for d in range(c + 1, k):
                pair = first_pair[item] + _pair(c, d, k)
                margins[c, d], totals[c, d] = margin[pair], total[pair]
        _majorities(k, margins, totals, tolerance, reach)
        for c in range(k):
            found[first_row[item] + c] = reach[c, c]
    return found
