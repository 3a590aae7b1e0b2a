"""The compiled passes behind `value_agreement.py`: from sorted rows to every coefficient and its parts of variance.

A *case* is two judgements of one item by two annotators. Every coefficient is 1 - D/E: D is a weighted mean over cases
of how far the two values lie apart, E what is expected by chance (1 where nothing is corrected). The weight of a case
depends on m, the number of judgements of its item: 1, 2/(m-1) or 2/(m(m-1)).

Items with the same values are alike for everything but who judged them, so all that does not need annotators is
summed over *patterns*: distinct multisets of values. A pattern is known by the first item that shows it.

All in one file although it is long: numba keeps compiled code until the file of the function changes, whatever happens
to functions of other files that it calls.
"""

from __future__ import annotations

import numpy as np
from numba import njit

PERCENT, ALPHA, AC1, AC2, AC2_ORDINAL, FLEISS, POSITIVE = range(7)
"""Codes of the coefficients."""
VALUE, N, SPREAD, OF_PAIRS, OVER_ITEMS, OVER_BOTH, ITEMS, LARGEST = range(8)
"""Columns of what `measure` finds for each coefficient: the sums of squares are those of `dyadic_interval`."""
COLUMNS = 8
NOMINAL, ORDINAL, INTERVAL = range(3)
"""Codes of the levels."""
FEW = 64
"""Up to so many categories distances are looked up in a table."""

_MOST_PATTERNS = 4096
_ROOMY = 4
_EQUAL, _LEVEL, _SQUARE, _TRIANGLE, _SPECIFIC = range(5)
"""Kinds of distance."""


@njit(cache=True, nogil=True)
def take(rows, item, annotator, code, people):
    """The chosen rows (ascending) as a table of their own: starts, annotators numbered anew in the same order, codes,
    and how many annotators there are.
    """
    number_of = np.zeros(people, np.int32)
    for row in rows:
        number_of[annotator[row]] = 1
    found = 0
    for who in range(people):
        found += number_of[who]
        number_of[who] = found - 1
    who, what = np.empty(rows.size, np.int32), np.empty(rows.size, np.int32)
    starts = np.empty(rows.size + 1, np.int64)
    items, before = 0, -1
    for number in range(rows.size):
        row = rows[number]
        if item[row] != before:
            before = item[row]
            starts[items] = number
            items += 1
        who[number], what[number] = number_of[annotator[row]], code[row]
    starts[items] = rows.size
    return starts[: items + 1], who, what, found


@njit(cache=True, nogil=True)
def rows_of_slices(slices, count):
    """The rows of each slice one after the other, ascending, and where each slice begins, and the end."""
    bounds = np.zeros(count + 1, np.int64)
    for one in slices:
        bounds[one + 1] += 1
    for one in range(count):
        bounds[one + 1] += bounds[one]
    free, rows = bounds.copy(), np.empty(slices.size, np.int64)
    for row in range(slices.size):
        rows[free[slices[row]]] = row
        free[slices[row]] += 1
    return rows, bounds


@njit(cache=True, nogil=True)
def patterns(starts, code, categories):
    """(items,) the pattern of each item, (patterns,) the first item of each, (patterns,) how many items show it.

    Where there are too many to be worth it, every item is a pattern of its own.
    """
    items = starts.size - 1
    widest = _widest(starts)
    if not items or categories * np.log2(widest + 1.0) > 62:
        return np.arange(items), np.arange(items), np.ones(items, np.int64)
    powers = np.ones(categories, np.int64)
    for category in range(1, categories):
        powers[category] = powers[category - 1] * (widest + 1)
    size, shift = 1, 64
    while size < 2 * min(items, _MOST_PATTERNS):
        size, shift = size * 2, shift - 1
    keys, numbers = np.full(size, -1, np.int64), np.empty(size, np.int64)
    pattern = np.empty(items, np.int64)
    first, count = np.empty(size, np.int64), np.zeros(size, np.int64)
    found = 0
    for one in range(items):
        key = 0
        for row in range(starts[one], starts[one + 1]):
            key += powers[code[row]]
        slot = _slot(keys, key, shift)
        if keys[slot] < 0:
            if found == _MOST_PATTERNS:
                return np.arange(items), np.arange(items), np.ones(items, np.int64)
            keys[slot], numbers[slot], first[found] = key, found, one
            found += 1
        pattern[one] = numbers[slot]
        count[pattern[one]] += 1
    return pattern, first[:found], count[:found]


@njit(cache=True, nogil=True)
def _widest(starts):
    """The most judgements that an item has."""
    widest = 0
    for item in range(starts.size - 1):
        widest = max(widest, starts[item + 1] - starts[item])
    return widest


@njit(cache=True, nogil=True)
def _slot(keys, key, shift):
    """Where a whole number >= 0 lies, or may be put, in a table of 2^(64-shift) `keys`, -1 where it is free."""
    if shift == 64:
        return 0
    slot = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(shift))
    while keys[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & (keys.size - 1)
    return slot


@njit(cache=True, nogil=True)
def margins(starts, code, first, count, categories):
    """(K,) margins of all judgements, of those that meet another one, and of the mean over items of their shares."""
    used, met, mean = np.zeros(categories), np.zeros(categories), np.zeros(categories)
    for pattern in range(first.size):
        low, high = starts[first[pattern]], starts[first[pattern] + 1]
        for row in range(low, high):
            used[code[row]] += count[pattern]
            mean[code[row]] += count[pattern] / (high - low)
            if high - low > 1:
                met[code[row]] += count[pattern]
    return used, met, mean / max(count.sum(), 1)


@njit(cache=True, nogil=True)
def _weight(measure, m):
    """Of a case, by the coefficient and the number of judgements of its item."""
    if measure in (PERCENT, POSITIVE):
        return 1.0
    return 2.0 / (m - 1) if measure == ALPHA else 2.0 / (m * (m - 1.0))


@njit(cache=True, nogil=True)
def _kind(measure, level):
    """The distance a coefficient is about."""
    if measure == ALPHA and level != NOMINAL:
        return _LEVEL
    if measure == AC2:
        return _SQUARE
    if measure == AC2_ORDINAL:
        return _TRIANGLE
    return _SPECIFIC if measure == POSITIVE else _EQUAL


@njit(cache=True, nogil=True)
def _distance(kind, k, other, places, scaled):
    """How far two categories lie apart."""
    if k == other:
        return 0.0
    if kind == _LEVEL:
        return (places[k] - places[other]) ** 2
    if kind == _SQUARE:
        return (scaled[k] - scaled[other]) ** 2
    if kind == _TRIANGLE:
        apart, most = abs(k - other), scaled.size - 1.0
        return apart * (apart + 1.0) / (most * (most + 1.0))
    return 1.0


@njit(cache=True, nogil=True)
def _mass(kind, k, other, positive):
    """How much a case adds to the denominator: 1, or how many of its two values are positive."""
    if kind == _SPECIFIC:
        return 1.0 * (k == positive) + (other == positive)
    return 1.0


@njit(cache=True, nogil=True)
def observed(starts, code, first, count, measures, level, places, scaled, positive):
    """(Q,) weighted sums of distance and of mass over all cases, (Q,) cases with mass, (Q,) items with mass, and (K,)
    how much ordinal distance each category's place answers for (half the derivative of the level's sum by its place).
    """
    total = measures.size
    distance, mass = np.zeros(total), np.zeros(total)
    cases, items = np.zeros(total, np.int64), np.zeros(total, np.int64)
    pull = np.zeros(places.size)
    for pattern in range(first.size):
        low, high = starts[first[pattern]], starts[first[pattern] + 1]
        m = high - low
        for number in range(total):
            kind, own = _kind(measures[number], level), 0
            weight = count[pattern] * (_weight(measures[number], m) if m > 1 else 0.0)
            for row in range(low, high):
                for other in range(row + 1, high):
                    k, c = code[row], code[other]
                    part = _mass(kind, k, c, positive)
                    distance[number] += weight * _distance(kind, k, c, places, scaled)
                    mass[number] += weight * part
                    own += part > 0
                    if kind == _LEVEL:
                        pull[k] += weight * (places[k] - places[c])
                        pull[c] += weight * (places[c] - places[k])
            cases[number] += own * count[pattern]
            items[number] += count[pattern] if own else 0
    return distance, mass, cases, items, pull


@njit(cache=True, nogil=True)
def scaled_to_one(positions):
    """(K,) positions from 0 to 1."""
    low, high = positions[0], positions[0]
    for position in positions:
        low, high = min(low, position), max(high, position)
    scaled = np.zeros(positions.size)
    for k in range(positions.size):
        if high > low:
            scaled[k] = (positions[k] - low) / (high - low)
    return scaled


@njit(cache=True, nogil=True)
def midranks(met):
    """(K,) the mean rank of each category's judgements, as a share: what lies below, and half of its own."""
    places, total, below = np.zeros(met.size), met.sum(), 0.0
    for k in range(met.size):
        if total > 0:
            places[k] = (below + met[k] / 2) / total
        below += met[k]
    return places


@njit(cache=True, nogil=True)
def chance(measure, level, met, mean, places, scaled, slope):
    """The distance expected by chance; fills (K,) its slope in the share of each category (about their mean)."""
    categories, alike = met.size, 0.0
    if measure in (PERCENT, POSITIVE):
        return 1.0
    if measure == ALPHA:
        return _chance_of_alpha(level, met, places, slope)
    for k in range(categories):
        alike += mean[k] * mean[k]
    if measure == FLEISS:
        for k in range(categories):
            slope[k] = -2 * (mean[k] - alike)
        return 1 - alike
    if categories < 2:
        return 0.0
    close, kind = categories + 0.0, _kind(measure, level)
    if measure != AC1:
        for k in range(categories):
            for other in range(k):
                close += 2 * (1 - _distance(kind, k, other, places, scaled))
    close /= categories * (categories - 1.0)
    for k in range(categories):
        slope[k] = 2 * close * (mean[k] - alike)
    return 1 - close * (1 - alike)


@njit(cache=True, nogil=True)
def _chance_of_alpha(level, met, places, slope):
    """The same for alpha, whose two judgements are drawn without putting the first back."""
    total, centre, spread, alike = met.sum(), 0.0, 0.0, 0.0
    finite = total / (total - 1)
    for k in range(met.size):
        alike += (met[k] / total) ** 2
        centre += met[k] / total * places[k]
    for k in range(met.size):
        spread += met[k] / total * (places[k] - centre) ** 2
    for k in range(met.size):
        if level == NOMINAL:
            slope[k] = 2 * finite * (alike - met[k] / total)
        else:
            slope[k] = 2 * finite * ((places[k] - centre) ** 2 - spread)
    return finite * (1 - alike if level == NOMINAL else 2 * spread)


@njit(cache=True, nogil=True)
def _farthest(measure, level, met, places):
    """The largest distance between two values that were given."""
    if measure != ALPHA or level == NOMINAL:
        return 1.0
    low, high = np.inf, -np.inf
    for k in range(met.size):
        if met[k] > 0:
            low, high = min(low, places[k]), max(high, places[k])
    return (high - low) ** 2


@njit(cache=True, nogil=True)
def add_rank_slope(met, pull, factor, slope):
    """Adds to `slope` (K,), times a factor, how the sum over categories of pull x place moves when a judgement joins
    one of them, where places are midranks: those above rise by a whole, its own by a half, and all are shares.
    """
    places, above, mean = midranks(met), 0.0, 0.0
    for k in range(met.size):
        mean += pull[k] * places[k]
    for k in range(met.size - 1, -1, -1):
        slope[k] += factor * (above + pull[k] / 2 - mean)
        above += pull[k]


@njit(cache=True, nogil=True)
def slopes(measures, level, met, mean, places, scaled, distance, mass, pull):
    """(Q,) value, (Q,) expected distance, (Q, K) what a judgement adds to the error through the margin.

    The value is nan where nothing meets or chance agreement is complete.
    """
    total = measures.size
    value, expected, slope = np.full(total, np.nan), np.zeros(total), np.zeros((total, met.size))
    for number in range(total):
        if mass[number] <= 0:
            continue
        expected[number] = chance(measures[number], level, met, mean, places, scaled, slope[number])
        if expected[number] <= 1e-12:
            continue
        ratio = distance[number] / mass[number] / expected[number]
        value[number] = 1 - ratio
        for k in range(met.size):
            slope[number, k] *= ratio / expected[number]
        if measures[number] == ALPHA and level == ORDINAL:
            # The distances themselves are made of ranks, in what is observed and in what is expected.
            drawn, others = np.empty(met.size), met.sum() - 1
            for k in range(met.size):
                drawn[k] = 4 * met[k] * (places[k] - 0.5) / others
            add_rank_slope(met, drawn, ratio / expected[number], slope[number])
            add_rank_slope(met, pull, -2 / mass[number] / expected[number], slope[number])
    return value, expected, slope


@njit(cache=True, nogil=True)
def over_patterns(
    starts, code, first, count, own, measures, level, places, scaled, positive, ratio, scale, slope, met_total
):
    """What each judgement adds to the error, (cells, 3Q): by its cases, by itself through the margins, and its load; a
    cell is a category of a pattern, or a row where every item is a pattern of its `own`. And (Q,) sums of
    squares over items, sums over judgements less those over cases, and the largest case.
    """
    total, categories = measures.size, places.size
    cells = code.size if own else first.size * categories
    added = np.zeros((cells, 3 * total))
    items, both, largest = np.zeros(total), np.zeros(total), np.zeros(total)
    all_items = count.sum()
    widest = _widest(starts)
    part, heavy = np.empty(widest), np.empty(widest)
    for pattern in range(first.size):
        low, high = starts[first[pattern]], starts[first[pattern] + 1]
        m = high - low
        for number in range(total):
            kind, measure = _kind(measures[number], level), measures[number]
            weight = _weight(measure, m) if m > 1 else 0.0
            joined = 1 / (m * all_items) if measure != ALPHA else (1 / met_total if m > 1 else 0.0)
            squares, whole = 0.0, 0.0
            for one in range(m):
                part[one], heavy[one] = 0.0, 0.0
            for one in range(m):
                k = code[low + one]
                for other in range(one + 1, m):
                    c = code[low + other]
                    mass = weight * _mass(kind, k, c, positive)
                    case = scale[number] * (weight * _distance(kind, k, c, places, scaled) - ratio[number] * mass)
                    part[one] += case
                    part[other] += case
                    heavy[one] += mass
                    heavy[other] += mass
                    squares += case * case
                    whole += case
                    largest[number] = max(largest[number], abs(case))
            judgements = 0.0
            for one in range(m):
                cell = low + one if own else pattern * categories + code[low + one]
                margin = joined * slope[number, code[low + one]]
                added[cell, number], added[cell, total + number] = part[one], margin
                added[cell, 2 * total + number] = heavy[one]
                judgements += (part[one] + margin) ** 2
                whole += margin
            items[number] += count[pattern] * whole * whole
            both[number] += count[pattern] * (judgements - squares)
    return added, items, both, largest


@njit(cache=True, nogil=True)
def over_annotators(starts, annotator, code, pattern, own, added, people, categories):
    """(people, 3Q) sums of what the judgements of each annotator have `added` (cells, 3Q), and (people, K) how often
    each chose which category, where those are few.
    """
    summed = np.zeros((people, added.shape[1]))
    chosen = np.zeros((people, categories if categories <= FEW else 0))
    cells = added.shape[0]
    if not own and people * cells <= _ROOMY * code.size:
        shown = np.zeros((people, cells), np.int32)
        for item in range(starts.size - 1):
            base = pattern[item] * categories
            for row in range(starts[item], starts[item + 1]):
                shown[annotator[row], base + code[row]] += 1
        for who in range(people):
            for cell in range(cells):
                times = shown[who, cell]
                if times:
                    _add(summed[who], added[cell], times)
                    if categories <= FEW:
                        chosen[who, cell % categories] += times
        return summed, chosen
    for item in range(starts.size - 1):
        for row in range(starts[item], starts[item + 1]):
            cell, who = row if own else pattern[item] * categories + code[row], annotator[row]
            _add(summed[who], added[cell], 1)
            if categories <= FEW:
                chosen[who, code[row]] += 1
    return summed, chosen


@njit(cache=True, nogil=True)
def _add(sums, values, times):
    for number in range(sums.size):
        sums[number] += times * values[number]


@njit(cache=True, nogil=True)
def over_pairs(starts, annotator, code, people, table, weighing, met):
    """(U,) sums over pairs of annotators of the square of what their `met` cases add up to, for a few categories.

    `table` (K * K, U) is what a case with two values adds, `weighing` (U,) the coefficient with whose weights (-1: all
    alike). Annotators ascend within an item.
    """
    total, categories = weighing.size, int(np.sqrt(table.shape[0]))
    size, shift, dense = _room(people, met)
    sums, keys = np.zeros((size, total)), np.full(1 if dense else size, -1, np.int64)
    weight, flat = np.ones(total), dense and total == 1 and weighing[0] < 0
    line = sums[:, 0]
    for item in range(starts.size - 1):
        low, high = starts[item], starts[item + 1]
        for field in range(total):
            if weighing[field] >= 0 and high - low > 1:
                weight[field] = _weight(weighing[field], high - low)
        for row in range(low + 1, high):
            more, values = np.int64(annotator[row]), code[row] * categories
            base = more * (more - 1) // 2
            if flat:
                for other in range(low, row):
                    line[base + annotator[other]] += table[values + code[other], 0]
                continue
            for other in range(low, row):
                slot = base + annotator[other] if dense else _taken(keys, base + annotator[other], shift)
                for field in range(total):
                    sums[slot, field] += weight[field] * table[values + code[other], field]
    return _squares(sums)


@njit(cache=True, nogil=True)
def over_pairs_of_many(starts, annotator, code, people, kinds, ratios, weighing, places, scaled, met):
    """The same for more categories than fit a table: a case adds its distance less the ratio."""
    total = weighing.size
    size, shift, dense = _room(people, met)
    sums, keys = np.zeros((size, total)), np.full(1 if dense else size, -1, np.int64)
    for item in range(starts.size - 1):
        low, high = starts[item], starts[item + 1]
        for row in range(low + 1, high):
            base = np.int64(annotator[row]) * (annotator[row] - 1) // 2
            for other in range(low, row):
                slot = base + annotator[other] if dense else _taken(keys, base + annotator[other], shift)
                for field in range(total):
                    apart = _distance(kinds[field], code[row], code[other], places, scaled) - ratios[field]
                    sums[slot, field] += apart * (_weight(weighing[field], high - low) if weighing[field] >= 0 else 1.0)
    return _squares(sums)


@njit(cache=True, nogil=True)
def _room(people, met):
    """The size of a table for the pairs that meet, the shift of `_slot`, and whether each pair has its own place."""
    triangle = people * (people - 1) // 2
    if triangle <= 8 * met:
        return triangle, 64, True
    size, shift = 1, 64
    while size < 2 * met:
        size, shift = size * 2, shift - 1
    return size, shift, False


@njit(cache=True, nogil=True)
def _taken(keys, key, shift):
    slot = _slot(keys, key, shift)
    keys[slot] = key
    return slot


@njit(cache=True, nogil=True)
def _squares(sums):
    squares = np.zeros(sums.shape[1])
    for slot in range(sums.shape[0]):
        for field in range(sums.shape[1]):
            squares[field] += sums[slot, field] ** 2
    return squares


@njit(cache=True, nogil=True)
def weighings(starts, measures):
    """(Q,) the coefficient with whose weights each weighs its cases, -1 where all items of two or more judgements have
    as many, so that every case weighs alike; the number m of the last of them; and all cases.
    """
    m, same, met = 0, True, 0
    for item in range(starts.size - 1):
        size = starts[item + 1] - starts[item]
        met += size * (size - 1) // 2
        if size > 1:
            same = same and (m == 0 or m == size)
            m = size
    m = max(m, 2)
    found = np.full(measures.size, -1)
    for number in range(measures.size):
        if not same:
            plain = measures[number] in (PERCENT, POSITIVE)
            found[number] = PERCENT if plain else ALPHA if measures[number] == ALPHA else FLEISS
    return found, m, met


@njit(cache=True, nogil=True)
def of_pairs(
    starts, annotator, code, people, measures, level, places, scaled, positive, ratio, scale, weighing, m, met
):
    """(Q,) the sums over pairs of annotators for each coefficient; those that differ by a factor are summed once."""
    total, categories = measures.size, places.size
    field_of, kinds, chosen = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.int64)
    fields = 0
    for number in range(total):
        kind = _kind(measures[number], level)
        field_of[number] = fields
        for field in range(fields):
            if kinds[field] == kind and weighing[chosen[field]] == weighing[number]:
                field_of[number] = field
        if field_of[number] == fields:
            kinds[fields], chosen[fields] = kind, number
            fields += 1
    kinds, ratios, alike = kinds[:fields], np.empty(fields), np.empty(fields, np.int64)
    for field in range(fields):
        ratios[field], alike[field] = ratio[chosen[field]], weighing[chosen[field]]
    if categories <= FEW:
        table = np.empty((categories * categories, fields))
        for field in range(fields):
            for k in range(categories):
                for c in range(categories):
                    mass = _mass(kinds[field], k, c, positive)
                    apart = _distance(kinds[field], k, c, places, scaled)
                    table[k * categories + c, field] = apart - ratios[field] * mass
        squares = over_pairs(starts, annotator, code, people, table, alike, met)
    else:
        squares = over_pairs_of_many(starts, annotator, code, people, kinds, ratios, alike, places, scaled, met)
    found = np.empty(total)
    for number in range(total):
        factor = scale[number] * (_weight(measures[number], m) if weighing[number] < 0 else 1.0)
        found[number] = factor * factor * squares[field_of[number]]
    return found


@njit(cache=True, nogil=True)
def usage(starts, code, first, count, used):
    """(K, 2) of each category: its share of all judgements, and the sum over items of squares of the share's error."""
    categories, total = used.size, used.sum()
    found, seen = np.zeros((categories, 2)), np.zeros(categories)
    for k in range(categories):
        found[k, 0] = used[k] / total
    for pattern in range(first.size):
        low, high = starts[first[pattern]], starts[first[pattern] + 1]
        for k in range(categories):
            seen[k] = 0
        for row in range(low, high):
            seen[code[row]] += 1
        for k in range(categories):
            error = (seen[k] - found[k, 0] * (high - low)) / total
            found[k, 1] += count[pattern] * error * error
    return found


@njit(cache=True, nogil=True)
def measure(starts, annotator, code, people, measures, level, positions, positive):
    """Of a table that is not empty: (Q, COLUMNS) of each coefficient, value nan where it does not exist; (people, 3Q)
    sums of what cases and margins add to the error, and of load; for a few categories `usage` (K, 2) and (people, K)
    who chose each how often; and the number of cases. `positions` (K,): where categories lie, `positive` the code of
    one or -1.
    """
    categories, total = positions.size, measures.size
    found = np.zeros((total, COLUMNS))
    found[:, VALUE] = np.nan
    pattern, first, count = patterns(starts, code, categories)
    own = first.size == starts.size - 1
    used, met, mean = margins(starts, code, first, count, categories)
    weighing, m, cases_met = weighings(starts, measures)
    scaled = scaled_to_one(positions)
    places = midranks(met) if level == ORDINAL else positions
    distance, mass, cases, items, pull = observed(starts, code, first, count, measures, level, places, scaled, positive)
    value, expected, slope = slopes(measures, level, met, mean, places, scaled, distance, mass, pull)
    ratio, scale = np.zeros(total), np.zeros(total)
    for number in range(total):
        if not np.isnan(value[number]):
            ratio[number] = distance[number] / mass[number]
            scale[number] = -1 / (mass[number] * expected[number])
    added, over_items, over_both, largest = over_patterns(
        starts, code, first, count, own, measures, level, places, scaled, positive, ratio, scale, slope, met.sum()
    )
    summed, chosen = over_annotators(starts, annotator, code, pattern, own, added, people, categories)
    pairs = of_pairs(
        starts, annotator, code, people, measures, level, places, scaled, positive, ratio, scale, weighing, m, cases_met
    )
    for number in range(total):
        plain = measures[number] in (PERCENT, POSITIVE)
        found[number, N] = cases[number] if plain else met.sum() if measures[number] == ALPHA else items[number]
        if np.isnan(value[number]):
            continue
        found[number, VALUE] = value[number]
        found[number, SPREAD] = spread(measures[number], level, met, places, expected[number])
        found[number, OF_PAIRS] = pairs[number]
        found[number, OVER_ITEMS], found[number, OVER_BOTH] = over_items[number], over_both[number]
        found[number, ITEMS], found[number, LARGEST] = items[number], largest[number]
    use = usage(starts, code, first, count, used) if categories <= FEW else np.zeros((0, 2))
    return found, summed, use, chosen, cases_met


@njit(cache=True, nogil=True)
def distances(measure, level, places, scaled, positive):
    """(K, K) how far two values lie apart for a coefficient, (K, K) what a case of them adds to its denominator."""
    apart, mass = np.empty((places.size, places.size)), np.empty((places.size, places.size))
    kind = _kind(measure, level)
    for k in range(places.size):
        for c in range(places.size):
            apart[k, c] = _distance(kind, k, c, places, scaled)
            mass[k, c] = _mass(kind, k, c, positive)
    return apart, mass


@njit(cache=True, nogil=True)
def spread(measure, level, met, places, expected):
    """The widest that a coefficient may move by one case."""
    return _farthest(measure, level, met, places) / expected


@njit(cache=True, nogil=True)
def terms(starts, code, measures, level, positions, positive):
    """What each case and each judgement adds to the error of a coefficient, by their values and by the number m of
    judgements of the item, of a table for few categories: (Q, K, K) of a case, times (Q, widest + 1) by m; (Q, K) of a
    judgement, times (Q, widest + 1) by m; all 0 where the coefficient does not exist.
    """
    total, categories, widest = measures.size, positions.size, _widest(starts)
    _pattern, first, count = patterns(starts, code, categories)
    _used, met, mean = margins(starts, code, first, count, categories)
    scaled = scaled_to_one(positions)
    places = midranks(met) if level == ORDINAL else positions
    distance, mass, _cases, _items, pull = observed(
        starts, code, first, count, measures, level, places, scaled, positive
    )
    value, expected, slope = slopes(measures, level, met, mean, places, scaled, distance, mass, pull)
    of_case, by_case = np.zeros((total, categories, categories)), np.zeros((total, widest + 1))
    by_judgement = np.zeros((total, widest + 1))
    for number in range(total):
        if np.isnan(value[number]):
            slope[number] = 0.0
            continue
        kind, ratio = _kind(measures[number], level), distance[number] / mass[number]
        for k in range(categories):
            for c in range(categories):
                apart = _distance(kind, k, c, places, scaled) - ratio * _mass(kind, k, c, positive)
                of_case[number, k, c] = -apart / (mass[number] * expected[number])
        for m in range(1, widest + 1):
            by_case[number, m] = _weight(measures[number], m) if m > 1 else 0.0
            if measures[number] != ALPHA:
                by_judgement[number, m] = 1 / (m * (starts.size - 1.0))
            elif m > 1:
                by_judgement[number, m] = 1 / met.sum()
    return of_case, by_case, slope, by_judgement
