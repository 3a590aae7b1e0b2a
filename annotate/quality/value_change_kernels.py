"""The compiled passes behind `value_change.py`: what two parts of a table have in common."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def items_in_both(item, code, before, after, old, new, positive, specific):
    """(Q,) sums over items of what their rows `before` add to the error times what those `after` do; how many items
    are in both; and (Q,) how many have a denominator in both. Rows ascend; `old` and `new` are `value_kernels.terms`;
    `specific` (Q,) says which coefficients are about the `positive` value alone.
    """
    total = specific.size
    products, shared, heavy = np.zeros(total), 0, np.zeros(total, np.int64)
    one, other = np.empty(total), np.empty(total)
    at = 0
    low = 0
    while low < before.size:
        high = low
        while high < before.size and item[before[high]] == item[before[low]]:
            high += 1
        while at < after.size and item[after[at]] < item[before[low]]:
            at += 1
        end = at
        while end < after.size and item[after[end]] == item[before[low]]:
            end += 1
        if end > at:
            shared += 1
            _whole(code, before, low, high, old, one)
            _whole(code, after, at, end, new, other)
            for number in range(total):
                products[number] += one[number] * other[number]
                if specific[number]:
                    in_both = _any(code, before, low, high, positive) and _any(code, after, at, end, positive)
                else:
                    in_both = True
                heavy[number] += in_both and high - low > 1 and end - at > 1
        low, at = high, end
    return products, shared, heavy


@njit(cache=True, nogil=True)
def _whole(code, rows, low, high, terms, found):
    """Fills (Q,) what all cases and judgements of an item add."""
    of_case, by_case, of_judgement, by_judgement = terms
    m = high - low
    for number in range(found.size):
        found[number] = 0.0
        for row in range(low, high):
            k = code[rows[row]]
            found[number] += by_judgement[number, m] * of_judgement[number, k]
            for other in range(row + 1, high):
                found[number] += by_case[number, m] * of_case[number, k, code[rows[other]]]


@njit(cache=True, nogil=True)
def _any(code, rows, low, high, value):
    found = 0
    for row in range(low, high):
        found += code[rows[row]] == value
    return found > 0


@njit(cache=True, nogil=True)
def pairs_in_both(item, annotator, code, people, before, after, old, new):
    """(Q,) sums over pairs of annotators of what their cases `before` add to the error times what those `after` do."""
    total = old[0].shape[0]
    met = min(_cases(item, before), people * (people - 1) // 2)
    size = 2
    while size < 2 * met:
        size *= 2
    keys, sums = np.full(size, -1, np.int64), np.zeros((size, 2, total))
    _add_cases(item, annotator, code, people, before, old, keys, sums[:, 0], True)
    _add_cases(item, annotator, code, people, after, new, keys, sums[:, 1], False)
    products = np.zeros(total)
    for slot in range(size):
        for number in range(total):
            products[number] += sums[slot, 0, number] * sums[slot, 1, number]
    return products


@njit(cache=True, nogil=True)
def _cases(item, rows):
    found, low = 0, 0
    for row in range(rows.size):
        if item[rows[row]] != item[rows[low]]:
            low = row
        found += row - low
    return found


@njit(cache=True, nogil=True)
def _add_cases(item, annotator, code, people, rows, terms, keys, sums, new):
    """Adds what cases add to the sums of their pairs; to those that are known alone, unless `new` ones may come."""
    of_case, by_case = terms[0], terms[1]
    low = 0
    while low < rows.size:
        high = low
        while high < rows.size and item[rows[high]] == item[rows[low]]:
            high += 1
        for row in range(low, high):
            for other in range(row + 1, high):
                one, two = np.int64(annotator[rows[row]]), np.int64(annotator[rows[other]])
                slot = _slot(keys, min(one, two) * people + max(one, two))
                if keys[slot] < 0:
                    if not new:
                        continue
                    keys[slot] = min(one, two) * people + max(one, two)
                for number in range(sums.shape[1]):
                    weight = by_case[number, high - low]
                    sums[slot, number] += weight * of_case[number, code[rows[row]], code[rows[other]]]
        low = high


@njit(cache=True, nogil=True)
def _slot(keys, key):
    """Where a key lies, or may be put, in a table of a power of two."""
    slot = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (keys.size - 1)
    while keys[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & (keys.size - 1)
    return slot
