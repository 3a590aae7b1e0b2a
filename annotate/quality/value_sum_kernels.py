"""The compiled passes behind `value_sums.py`: rows of a few clusters, or of all, into sums that can be added.

A *case* is two judgements of one item; its feature is which two of K values they are, one of F = K(K+1)/2. It weighs 1,
2/(m-1) or 2/(m(m-1)), by the class of the coefficient, where m people judged the item. A judgement has a feature, too:
its value, which weighs 1, 1 where it meets another one, and 1/m. What a coefficient's error is made of is a linear
function of these, whatever the margins are: so sums of features and of their products are all it needs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

PLAIN, MEETING, ITEM = range(3)
"""Classes of coefficients, by how a case weighs: 1; 2/(m-1), as in alpha; 2/(m(m-1)): items alike."""
CLASSES = 3
CLUSTERS, WITH_CASE, WITH_POSITIVE = range(3)
"""What is counted: clusters, those where two judgements meet, and those where one of these is positive."""


@njit(cache=True, nogil=True)
def feature(k, c):
    """The number of a case of two values."""
    return k * (k + 1) // 2 + c if k >= c else c * (c + 1) // 2 + k


@njit(cache=True, nogil=True)
def weight(kind, m):
    """Of a case, where m people judged the item."""
    if kind == PLAIN:
        return 1.0
    return 2.0 / (m - 1) if kind == MEETING else 2.0 / (m * (m - 1.0))


@njit(cache=True, nogil=True)
def add_up(starts, annotator, code, cluster, people, positive, widest):
    """Of items (n,), sorted by cluster, annotators ascending in each: (widest + 1, K, K) cases by m and their values,
    the larger first; (widest + 1, K) judgements by m; (people, 3, F + K) by annotator and class the features of cases
    and of judgements; (2, 3, F + K, F + K) products of features, by class, of whole clusters, and of annotators in them
    less those of pairs of annotators in them; (3,) counts. `positive` (K,) says which values are a yes.
    """
    categories = positive.size
    features = categories * (categories + 1) // 2
    width = features + categories
    cases = np.zeros((widest + 1, categories, categories), np.int64)
    judged = np.zeros((widest + 1, categories), np.int64)
    by_annotator = np.zeros((people, CLASSES, width))
    products = np.zeros((2, CLASSES, width, width))
    counts = np.zeros(3, np.int64)
    place, who = np.full(people, -1), np.empty(people, np.int64)
    whole, mine = np.zeros((CLASSES, width)), np.zeros((CLASSES, width))
    touched, own = np.empty(width, np.int64), np.empty(width, np.int64)
    marked, own_marked = np.zeros(width, np.bool_), np.zeros(width, np.bool_)
    begin = 0
    while begin < starts.size - 1:
        end = begin + 1
        while end < starts.size - 1 and cluster[end] == cluster[begin]:
            end += 1
        n = _number(starts, annotator, begin, end, place, who)
        local = np.full((n, end - begin), -1, np.int64)
        case, yes_case = False, False
        for item in range(begin, end):
            m, yes = starts[item + 1] - starts[item], False
            for row in range(starts[item], starts[item + 1]):
                local[place[annotator[row]], item - begin] = code[row]
                yes = yes or positive[code[row]]
                judged[m, code[row]] += 1
            case = case or m > 1
            yes_case = yes_case or (m > 1 and yes)
        counts[CLUSTERS] += 1
        counts[WITH_CASE] += case
        counts[WITH_POSITIVE] += yes_case
        n_touched = 0
        for one in range(n):
            n_own = 0
            for item in range(end - begin):
                k = local[one, item]
                if k < 0:
                    continue
                m = starts[begin + item + 1] - starts[begin + item]
                n_own = _mark(features + k, own_marked, own, n_own)
                mine[PLAIN, features + k] += 1
                mine[MEETING, features + k] += m > 1
                mine[ITEM, features + k] += 1.0 / m
                for other in range(n):
                    c = local[other, item]
                    if c < 0 or other == one:
                        continue
                    at = feature(k, c)
                    n_own = _mark(at, own_marked, own, n_own)
                    for kind in range(CLASSES):
                        mine[kind, at] += weight(kind, m)
                    if other < one:
                        cases[m, max(k, c), min(k, c)] += 1
            _add_products(mine, own[:n_own], products[1])
            _take_pairs(local, one, starts, begin, products[1])
            n_touched = _take_in(mine, own[:n_own], own_marked, features, whole, touched, marked, n_touched)
            _keep(mine, own[:n_own], by_annotator[who[one]])
            place[who[one]] = -1
        _add_products(whole, touched[:n_touched], products[0])
        _clear(whole, touched[:n_touched], marked)
        begin = end
    return cases, judged, by_annotator, products, counts


@njit(cache=True, nogil=True)
def _number(starts, annotator, begin, end, place, who):
    """Numbers the annotators of a cluster; how many there are."""
    n = 0
    for row in range(starts[begin], starts[end]):
        if place[annotator[row]] < 0:
            place[annotator[row]], who[n] = n, annotator[row]
            n += 1
    return n


@njit(cache=True, nogil=True)
def _mark(at, marked, touched, n):
    """Notes that a feature is not 0; how many there are of these."""
    if not marked[at]:
        marked[at], touched[n] = True, at
        return n + 1
    return n


@njit(cache=True, nogil=True)
def _add_products(sums, touched, products):
    for kind in range(sums.shape[0]):
        for at in touched:
            for other in touched:
                products[kind, at, other] += sums[kind, at] * sums[kind, other]


@njit(cache=True, nogil=True)
def _take_pairs(local, one, starts, begin, products):
    """Takes off the products of what an annotator and each one before share in a cluster."""
    items = local.shape[1]
    for other in range(one):
        for item in range(items):
            if local[one, item] < 0 or local[other, item] < 0:
                continue
            at, m = feature(local[one, item], local[other, item]), starts[begin + item + 1] - starts[begin + item]
            for more in range(items):
                if local[one, more] < 0 or local[other, more] < 0:
                    continue
                also = feature(local[one, more], local[other, more])
                size = starts[begin + more + 1] - starts[begin + more]
                for kind in range(CLASSES):
                    products[kind, at, also] -= weight(kind, m) * weight(kind, size)


@njit(cache=True, nogil=True)
def _take_in(mine, own, own_marked, features, whole, touched, marked, n):
    """Adds an annotator's features to those of the cluster: half of a case, which both of its annotators bring."""
    for at in own:
        own_marked[at] = False
        n = _mark(at, marked, touched, n)
        for kind in range(CLASSES):
            whole[kind, at] += mine[kind, at] / 2 if at < features else mine[kind, at]
    return n


@njit(cache=True, nogil=True)
def _keep(mine, own, by_annotator):
    """Adds an annotator's features to what is kept of them, and leaves them at 0."""
    for at in own:
        for kind in range(CLASSES):
            by_annotator[kind, at] += mine[kind, at]
            mine[kind, at] = 0.0


@njit(cache=True, nogil=True)
def _clear(sums, touched, marked):
    for at in touched:
        marked[at] = False
        for kind in range(sums.shape[0]):
            sums[kind, at] = 0.0


@njit(cache=True, nogil=True)
def list_cases(starts, annotator, code, people):
    """(n,) the pair of annotators of each case, the earlier one first; (n,) its feature; (n,) m of its item."""
    total = 0
    for item in range(starts.size - 1):
        m = starts[item + 1] - starts[item]
        total += m * (m - 1) // 2
    pair, of, size = np.empty(total, np.int64), np.empty(total, np.int16), np.empty(total, np.int32)
    at = 0
    for item in range(starts.size - 1):
        low, high = starts[item], starts[item + 1]
        for row in range(low + 1, high):
            for before in range(low, row):
                pair[at] = np.int64(annotator[before]) * people + annotator[row]
                of[at], size[at] = feature(code[row], code[before]), high - low
                at += 1
    return pair, of, size


@njit(cache=True, nogil=True)
def square_pairs(cases, features, sizes):
    """(3, F, F) over pairs of annotators the products of their cases' sums, by class. Each case (n,), sorted, is one
    number of its pair, its feature and the m of its item, which is below `sizes`: (pair * F + feature) * sizes + m.
    """
    products = np.zeros((CLASSES, features, features))
    sums, touched = np.zeros((CLASSES, features)), np.empty(features, np.int64)
    marked, n, last = np.zeros(features, np.bool_), 0, np.int64(-1)
    for case in cases:
        rest = case // sizes
        pair, m = rest // features, case - rest * sizes
        if pair != last:
            _add_products(sums, touched[:n], products)
            _clear(sums, touched[:n], marked)
            n, last = 0, pair
        at = rest - pair * features
        n = _mark(at, marked, touched, n)
        for kind in range(CLASSES):
            sums[kind, at] += weight(kind, m)
    _add_products(sums, touched[:n], products)
    return products


@njit(cache=True, nogil=True)
def add_to_pairs(pair, of, size, wanted, features):
    """(n, 3, F) what the cases of the `wanted` pairs (n,), sorted, add up to, by class."""
    sums = np.zeros((wanted.size, CLASSES, features))
    for case in range(pair.size):
        at = np.searchsorted(wanted, pair[case])
        if at < wanted.size and wanted[at] == pair[case]:
            for kind in range(CLASSES):
                sums[at, kind, of[case]] += weight(kind, size[case])
    return sums


@njit(cache=True, nogil=True)
def in_common(first, second, tasks, bounds):
    """The tasks that two annotators both judged, for each pair of them, one after the other; unsorted, and repeated.

    `tasks` are those of each annotator, rising, one annotator after the other; `bounds` say where each one's begin.
    """
    found, n = np.empty(64, np.int64), 0
    for pair in range(first.size):
        one, other = bounds[first[pair]], bounds[second[pair]]
        while one < bounds[first[pair] + 1] and other < bounds[second[pair] + 1]:
            left, right = tasks[one], tasks[other]
            if left == right:
                if n == found.size:
                    found = np.append(found, np.empty(n, np.int64))
                found[n] = left
                n += 1
            one += left <= right
            other += right <= left
    return found[:n]
