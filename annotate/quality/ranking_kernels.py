"""The loops behind agreement on rankings, compiled by numba: one pass over items, one over pairs of annotators.

What two judgements of an item say is a *meeting*, described by the CHANNELS below. Channels are summed over meetings,
and so are their PRODUCTS: with those, the sum of squares of any linear combination of channels is known without another
pass, which is what a variance needs before the estimate it is around is known. All sums are additive over items.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

CHANNELS = (
    "agreeing",  # units on which both prefer the same completion
    "strict",  # units on which both prefer one
    "exact",  # units on which both say the same, a tie included
    "shared",  # units both judged
    "distance",  # sum of |difference of signs| / 2
    "tau_b",  # Kendall's tau-b over the shared completions; 0 where it is undefined
    "has_tau_b",
    "weighted",  # as `shared`, each unit with Krippendorff's weight 2/(m-1) where m judged it
    "unequal",  # as `weighted`, of units on which the two differ
    "squared",  # as `weighted`, times the squared difference of signs
    "judged",  # from here on of a judgement alone: its preferences
    "ties",  # its ties
    "met",  # its preferences on units that another judged, too
    "met_ties",
)
OF_MEETING = 10
"""The channels before this one are of meetings."""
PRODUCTS = (
    (0, 0), (0, 1), (1, 1), (2, 2), (2, 3), (3, 3), (4, 4), (3, 4), (5, 5), (5, 6), (6, 6),
    (7, 7), (7, 8), (8, 8), (7, 9), (9, 9),
    (3, 10), (3, 11), (4, 10), (4, 11), (10, 10), (10, 11), (11, 11),
    (7, 12), (7, 13), (8, 12), (8, 13), (9, 12), (9, 13), (12, 12), (12, 13), (13, 13),
)  # fmt: skip
"""Pairs of channels whose products are summed; the first 16 are of meetings."""
MEETING_PRODUCTS = 16
_ROOTS = np.sqrt(np.arange(4097.0))
_TAU_UNDEFINED = np.float32(2.0)


@intrinsic
def _bits(typing_context, word):
    """How many bits of a uint64 are set: one instruction."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True)
def _count(word):
    return np.int64(_bits(word))


@njit(cache=True, nogil=True)
def _meet(x, x_end, y, y_end, number, better, worse, tied, weigh, weight):
    """Two judgements with words x to x_end and y to y_end -> (agreeing, opposite, both tied, one tied, strict of one
    on shared units, of the other, weighted: shared, one tied, opposite).

    `weight` (units,) counts only where `weigh` is set.
    """
    agreeing = opposite = both = shared = mine = yours = np.int64(0)
    weighted = weighted_half = weighted_opposite = 0.0
    while x < x_end and y < y_end:
        if number[x] < number[y]:
            x += 1
            continue
        if number[x] > number[y]:
            y += 1
            continue
        for_x, against_x, tied_x = better[x], worse[x], tied[x]
        for_y, against_y, tied_y = better[y], worse[y], tied[y]
        strict_x, strict_y = for_x | against_x, for_y | against_y
        differ = (for_x & against_y) | (against_x & for_y)
        share = (strict_x | tied_x) & (strict_y | tied_y)
        agreeing += _count((for_x & for_y) | (against_x & against_y))
        opposite += _count(differ)
        both += _count(tied_x & tied_y)
        shared += _count(share)
        mine += _count(strict_x & share)
        yours += _count(strict_y & share)
        if weigh:
            while share:
                bit = share & (~share + np.uint64(1))
                one = weight[number[x] * 64 + _count(bit - np.uint64(1))]
                weighted += one
                if differ & bit:
                    weighted_opposite += one
                elif (strict_x ^ strict_y) & bit:
                    weighted_half += one
                share ^= bit
        x += 1
        y += 1
    half = shared - agreeing - opposite - both
    return agreeing, opposite, both, half, mine, yours, weighted, weighted_half, weighted_opposite


@njit(cache=True, nogil=True)
def _tau_b(concordance, mine, yours):
    """Kendall's tau-b: concordant less discordant pairs over the root of both counts of untied ones; nan if none."""
    untied = mine * yours
    if untied == 0:
        return np.nan
    if untied < _ROOTS.size:
        return concordance / _ROOTS[untied]
    return concordance / np.sqrt(untied)


@njit(cache=True, nogil=True)
def _same_units(chosen, start, end, word_start, number, better, worse, tied):
    """Whether all judgements chosen[start:end] judged the same units."""
    first, last = word_start[chosen[start]], word_start[chosen[start] + 1]
    for place in range(start + 1, end):
        word = word_start[chosen[place]]
        if word_start[chosen[place] + 1] - word != last - first:
            return False
        for other in range(first, last):
            if number[word] != number[other]:
                return False
            if (better[word] | worse[word] | tied[word]) != (better[other] | worse[other] | tied[other]):
                return False
            word += 1
    return True


@njit(cache=True, nogil=True)
def _count_judges(chosen, start, end, word_start, number, better, worse, tied, judges, weight, met):
    """Writes how many judged each unit of the item, its weight 2/(m-1), and which of a word two or more judged."""
    for place in range(start, end):
        for word in range(word_start[chosen[place]], word_start[chosen[place] + 1]):
            for unit in range(number[word] * 64, number[word] * 64 + 64):
                judges[unit] = 0
            met[number[word]] = 0
    for place in range(start, end):
        for word in range(word_start[chosen[place]], word_start[chosen[place] + 1]):
            left = better[word] | worse[word] | tied[word]
            while left:
                bit = left & (~left + np.uint64(1))
                unit = number[word] * 64 + _count(bit - np.uint64(1))
                judges[unit] += 1
                if judges[unit] > 1:
                    met[number[word]] |= bit
                    weight[unit] = 2.0 / (judges[unit] - 1)
                left ^= bit


@njit(cache=True, nogil=True)
def survey(chosen, item, annotator, word_start, number, begun):
    """Sizes to provide for: most judgements of an item, most words of an item; begun[a + 1] += meetings a begins."""
    most, words, start = 0, 1, 0
    while start < chosen.size:
        end = start
        while end < chosen.size and item[chosen[end]] == item[chosen[start]]:
            end += 1
        most = max(most, end - start)
        for place in range(start, end):
            judgement = chosen[place]
            begun[annotator[judgement] + 1] += end - 1 - place
            if word_start[judgement + 1] > word_start[judgement]:
                words = max(words, number[word_start[judgement + 1] - 1] + 1)
        start = end
    return most, words


@njit(cache=True, nogil=True)
def _add_products(into, agreeing, strict, exact, shared, distance, tau, has_tau, weighted, unequal, squared):
    """Adds the PRODUCTS of a meeting's channels."""
    into[0] += agreeing * agreeing
    into[1] += agreeing * strict
    into[2] += strict * strict
    into[3] += exact * exact
    into[4] += exact * shared
    into[5] += shared * shared
    into[6] += distance * distance
    into[7] += shared * distance
    into[8] += tau * tau
    into[9] += tau * has_tau
    into[10] += has_tau * has_tau
    into[11] += weighted * weighted
    into[12] += weighted * unequal
    into[13] += unequal * unequal
    into[14] += weighted * squared
    into[15] += squared * squared


@njit(cache=True, nogil=True)
def _add_row_products(into, v, row):
    """Adds the PRODUCTS of a meeting's channels v[row]."""
    _add_products(
        into,
        v[row, 0],
        v[row, 1],
        v[row, 2],
        v[row, 3],
        v[row, 4],
        v[row, 5],
        v[row, 6],
        v[row, 7],
        v[row, 8],
        v[row, 9],
    )


@njit(cache=True, nogil=True)
def _add_all_products(into, v, row):
    """Adds all PRODUCTS of v[row]."""
    _add_row_products(into, v, row)
    shared, distance, weighted, unequal, squared = v[row, 3], v[row, 4], v[row, 7], v[row, 8], v[row, 9]
    judged, ties, met, met_ties = v[row, 10], v[row, 11], v[row, 12], v[row, 13]
    into[16] += shared * judged
    into[17] += shared * ties
    into[18] += distance * judged
    into[19] += distance * ties
    into[20] += judged * judged
    into[21] += judged * ties
    into[22] += ties * ties
    into[23] += weighted * met
    into[24] += weighted * met_ties
    into[25] += unequal * met
    into[26] += unequal * met_ties
    into[27] += squared * met
    into[28] += squared * met_ties
    into[29] += met * met
    into[30] += met * met_ties
    into[31] += met_ties * met_ties


@njit(cache=True, nogil=True)
def _add_meeting(own, row, agreeing, strict, exact, shared, distance, tau, has_tau, weighted, unequal, squared):
    """Adds a meeting's channels to own[row]."""
    own[row, 0] += agreeing
    own[row, 1] += strict
    own[row, 2] += exact
    own[row, 3] += shared
    own[row, 4] += distance
    own[row, 5] += tau
    own[row, 6] += has_tau
    own[row, 7] += weighted
    own[row, 8] += unequal
    own[row, 9] += squared


@njit(cache=True, nogil=True)
def _concordance_w(chosen, start, end, row_start, net):
    """Kendall's W of judgements of the same completions, sum_i (sum_j net_ij)^2 / (m sum_ij net_ij^2), or -1."""
    first = row_start[chosen[start]]
    size = row_start[chosen[start] + 1] - first
    above = below = np.int64(0)
    for row in range(size):
        total = np.int64(0)
        for place in range(start, end):
            said = np.int64(net[row_start[chosen[place]] + row])
            total += said
            below += said * said
        above += total * total
    return above / (below * (end - start)) if below else -1.0


@njit(cache=True, nogil=True)
def _meet_in_one_word(
    chosen, start, end, annotator, word_start, better, worse, tied, own, of_meetings, fill, partner, records
):  # fmt: skip
    """All meetings of an item whose judges judged the same units, all in one word: adds to all but the first.

    The number of units is the same for all, so sums of agreeing, opposite and exact and of their products say it all.
    """
    size = end - start
    word = word_start[chosen[start]]
    units = float(_count(better[word] | worse[word] | tied[word]))
    scale = 2.0 / (size - 1)
    a = o = e = aa = ao = oo = ee = eo = tau_sum = tau_squares = taus = 0.0
    for one in range(size):
        x = word_start[chosen[start + one]]
        for_x, against_x, tied_x = better[x], worse[x], tied[x]
        mine = _count(for_x | against_x)
        beginner = annotator[chosen[start + one]]
        at = fill[beginner]
        for other in range(one + 1, size):
            y = word_start[chosen[start + other]]
            for_y, against_y = better[y], worse[y]
            agreeing = float(_count((for_x & for_y) | (against_x & against_y)))
            opposite = float(_count((for_x & against_y) | (against_x & for_y)))
            exact = agreeing + float(_count(tied_x & tied[y]))
            untied = mine * _count(for_y | against_y)
            has_tau = 1.0 if untied else 0.0
            tau = (agreeing - opposite) / _ROOTS[untied] if untied else 0.0
            a += agreeing
            o += opposite
            e += exact
            aa += agreeing * agreeing
            ao += agreeing * opposite
            oo += opposite * opposite
            ee += exact * exact
            eo += exact * opposite
            tau_sum += tau
            tau_squares += tau * tau
            taus += has_tau
            own[one, 0] += agreeing
            own[one, 1] += opposite
            own[one, 2] += exact
            own[one, 5] += tau
            own[one, 6] += has_tau
            own[other, 0] += agreeing
            own[other, 1] += opposite
            own[other, 2] += exact
            own[other, 5] += tau
            own[other, 6] += has_tau
            partner[at] = annotator[chosen[start + other]]
            records[at, 0] = agreeing
            records[at, 1] = opposite
            records[at, 2] = exact
            records[at, 3] = units
            records[at, 4] = tau if untied else _TAU_UNDEFINED
            records[at, 5] = scale * units
            records[at, 6] = scale * (units - exact)
            records[at, 7] = scale * (units - exact + 3.0 * opposite)
            at += 1
        fill[beginner] = at
    n = 0.5 * size * (size - 1)
    # Of a meeting, distance = (units - exact + opposite)/2, unequal = scale (units - exact), and
    # squared = unequal + 3 scale opposite: the products follow from those above.
    unequal = n * units - e
    unequal_squares = n * units * units - 2.0 * units * e + ee
    unequal_opposite = units * o - eo
    of_meetings[0] += aa
    of_meetings[1] += aa + ao
    of_meetings[2] += aa + 2.0 * ao + oo
    of_meetings[3] += ee
    of_meetings[4] += e * units
    of_meetings[5] += n * units * units
    of_meetings[6] += 0.25 * (unequal_squares + 2.0 * unequal_opposite + oo)
    of_meetings[7] += 0.5 * units * (unequal + o)
    of_meetings[8] += tau_squares
    of_meetings[9] += tau_sum
    of_meetings[10] += taus
    of_meetings[11] += scale * scale * n * units * units
    of_meetings[12] += scale * scale * units * unequal
    of_meetings[13] += scale * scale * unequal_squares
    of_meetings[14] += scale * scale * units * (unequal + 3.0 * o)
    of_meetings[15] += scale * scale * (unequal_squares + 6.0 * unequal_opposite + 9.0 * oo)
    shared = units * (size - 1)
    for place in range(size):
        opposite, unlike = own[place, 1], shared - own[place, 2]
        own[place, 1] += own[place, 0]
        own[place, 3] = shared
        own[place, 4] = 0.5 * (unlike + opposite)
        own[place, 7] = scale * shared
        own[place, 8] = scale * unlike
        own[place, 9] = scale * (unlike + 3.0 * opposite)


@njit(cache=True, nogil=True)
def _meet_anyhow(
    chosen, start, end, annotator, word_start, number, better, worse, tied, weight, own, of_meetings, fill, partner,
    records,
):  # fmt: skip
    """All meetings of an item: adds to the last five."""
    for one in range(end - start):
        x, x_end = word_start[chosen[start + one]], word_start[chosen[start + one] + 1]
        beginner = annotator[chosen[start + one]]
        at = fill[beginner]
        for other in range(one + 1, end - start):
            y, y_end = word_start[chosen[start + other]], word_start[chosen[start + other] + 1]
            agreeing, opposite, both, half, mine, yours, w, w_half, w_opposite = _meet(
                x, x_end, y, y_end, number, better, worse, tied, True, weight
            )
            shared = agreeing + opposite + both + half
            if shared == 0:
                continue
            has_tau = 1.0 if mine * yours else 0.0
            tau = _tau_b(agreeing - opposite, mine, yours) if mine * yours else 0.0
            strict, exact, distance = agreeing + opposite, agreeing + both, opposite + 0.5 * half
            unequal, squared = w_half + w_opposite, w_half + 4.0 * w_opposite
            _add_products(of_meetings, agreeing, strict, exact, shared, distance, tau, has_tau, w, unequal, squared)
            _add_meeting(own, one, agreeing, strict, exact, shared, distance, tau, has_tau, w, unequal, squared)
            _add_meeting(own, other, agreeing, strict, exact, shared, distance, tau, has_tau, w, unequal, squared)
            partner[at] = annotator[chosen[start + other]]
            records[at, 0], records[at, 1], records[at, 2], records[at, 3] = agreeing, opposite, exact, shared
            records[at, 4] = tau if has_tau else _TAU_UNDEFINED
            records[at, 5], records[at, 6], records[at, 7] = w, unequal, squared
            at += 1
        fill[beginner] = at


@njit(cache=True, nogil=True)
def sum_items(
    chosen, item, annotator, row_start, net, word_start, number, better, worse, tied, most, words, fill, partner,
    records, of_annotators, of_meetings, of_judgements, of_items, items, panels,
):  # fmt: skip
    """The pass over the items of the judgements `chosen` (sorted): adds to every sum, and leaves a record per meeting.

    of_annotators (annotators, 15): channels, then judgements; of_meetings (16,), of_judgements and of_items (32,):
    PRODUCTS; items (5,): items, those with a strict case, a case, a tau-b, a judged unit;
    panels (most + 1, 3): by number of judges, items all of them ranked completely: how many, sums of W and of W^2.
    Records (meetings, 8) and `partner` lie in stretches by the annotator that begins the meeting, up to fill[a].
    """
    judges = np.zeros(words * 64, np.int64)
    weight = np.zeros(words * 64)
    met = np.zeros(words, np.uint64)
    own = np.zeros((most + 1, 14))
    start = 0
    while start < chosen.size:
        end = start + 1
        while end < chosen.size and item[chosen[end]] == item[chosen[start]]:
            end += 1
        size = end - start
        for row in range(size + 1):
            for channel in range(14):
                own[row, channel] = 0.0
        uniform = _same_units(chosen, start, end, word_start, number, better, worse, tied)
        words_each = word_start[chosen[start] + 1] - word_start[chosen[start]]
        if size > 1 and uniform and words_each == 1:
            _meet_in_one_word(
                chosen, start, end, annotator, word_start, better, worse, tied, own, of_meetings, fill, partner, records
            )
        elif size > 1:
            _count_judges(chosen, start, end, word_start, number, better, worse, tied, judges, weight, met)
            _meet_anyhow(
                chosen, start, end, annotator, word_start, number, better, worse, tied, weight, own, of_meetings,
                fill, partner, records,
            )  # fmt: skip
        for place in range(size):
            judged = ties = judged_met = ties_met = np.int64(0)
            for word in range(word_start[chosen[start + place]], word_start[chosen[start + place] + 1]):
                said = better[word] | worse[word] | tied[word]
                judged += _count(said)
                ties += _count(tied[word])
                if not uniform:
                    judged_met += _count(said & met[number[word]])
                    ties_met += _count(tied[word] & met[number[word]])
            if uniform and size > 1:
                judged_met, ties_met = judged, ties
            own[place, 10], own[place, 11], own[place, 12], own[place, 13] = judged, ties, judged_met, ties_met
            _add_all_products(of_judgements, own, place)
            who = annotator[chosen[start + place]]
            for channel in range(14):
                of_annotators[who, channel] += own[place, channel]
                own[size, channel] += own[place, channel]
            of_annotators[who, 14] += 1.0
        for channel in range(10):
            own[size, channel] *= 0.5
        _add_all_products(of_items, own, size)
        items[0] += 1
        items[1] += own[size, 1] > 0
        items[2] += own[size, 3] > 0
        items[3] += own[size, 6] > 0
        items[4] += own[size, 10] > 0
        if uniform and size > 1 and own[size, 10] > 0:
            found = _concordance_w(chosen, start, end, row_start, net)
            if found >= 0:
                panels[size, 0] += 1.0
                panels[size, 1] += found
                panels[size, 2] += found * found
        start = end


@njit(cache=True, nogil=True)
def sum_dyads(begun, fill, partner, records, of_dyads, keys, sums):
    """The pass over pairs of annotators: adds the PRODUCTS of their sums to of_dyads (16,), and returns how many met.

    Writes keys (dyads,), annotator * annotators + annotator, in sorted order, and sums (dyads, 10) if they have room.
    """
    people = fill.size
    v = np.zeros((people, 10))
    touched = np.zeros(people, np.bool_)
    dyads = 0
    for one in range(people):
        low, high = people, 0
        for at in range(begun[one], fill[one]):
            other = partner[at]
            touched[other] = True
            low, high = min(low, other), max(high, other + 1)
            agreeing, opposite, exact, shared = records[at, 0], records[at, 1], records[at, 2], records[at, 3]
            v[other, 0] += agreeing
            v[other, 1] += agreeing + opposite
            v[other, 2] += exact
            v[other, 3] += shared
            v[other, 4] += 0.5 * (shared - exact + opposite)
            if records[at, 4] != _TAU_UNDEFINED:
                v[other, 5] += records[at, 4]
                v[other, 6] += 1.0
            v[other, 7] += records[at, 5]
            v[other, 8] += records[at, 6]
            v[other, 9] += records[at, 7]
        for other in range(low, high):
            if touched[other]:
                _add_row_products(of_dyads, v, other)
                if keys.size:
                    keys[dyads] = one * people + other
                    for channel in range(10):
                        sums[dyads, channel] = v[other, channel]
                dyads += 1
                touched[other] = False
                for channel in range(10):
                    v[other, channel] = 0.0
    return dyads


@njit(cache=True, nogil=True)
def square_dyads(sums, of_dyads):
    """Adds the PRODUCTS of sums (dyads, 10) to of_dyads (16,)."""
    for dyad in range(sums.shape[0]):
        _add_row_products(of_dyads, sums, dyad)


@njit(cache=True, nogil=True)
def list_meetings(chosen, item, word_start, number, better, worse, tied, left, right, counts, tau):
    """Writes all meetings: left, right (meetings,) judgements, counts (meetings, 4) agreeing, opposite, both tied, one
    tied; tau (meetings,) with nan where it is undefined. Returns how many there are."""
    weight = np.zeros(0)
    found = start = 0
    while start < chosen.size:
        end = start + 1
        while end < chosen.size and item[chosen[end]] == item[chosen[start]]:
            end += 1
        for one in range(start, end):
            x, x_end = word_start[chosen[one]], word_start[chosen[one] + 1]
            for other in range(one + 1, end):
                y, y_end = word_start[chosen[other]], word_start[chosen[other] + 1]
                agreeing, opposite, both, half, mine, yours, _, _, _ = _meet(
                    x, x_end, y, y_end, number, better, worse, tied, False, weight
                )
                if agreeing + opposite + both + half == 0:
                    continue
                left[found], right[found] = chosen[one], chosen[other]
                counts[found, 0], counts[found, 1] = agreeing, opposite
                counts[found, 2], counts[found, 3] = both, half
                tau[found] = _tau_b(agreeing - opposite, mine, yours)
                found += 1
        start = end
    return found


@njit(cache=True, nogil=True)
def fill_matrix(chosen, item, annotator, word_start, number, better, worse, tied, matrix):
    """Adds to matrix (annotators, annotators, 2) agreeing and strict cases of each two, the lower code first."""
    weight = np.zeros(0)
    start = 0
    while start < chosen.size:
        end = start + 1
        while end < chosen.size and item[chosen[end]] == item[chosen[start]]:
            end += 1
        for one in range(start, end):
            x, x_end = word_start[chosen[one]], word_start[chosen[one] + 1]
            row = matrix[annotator[chosen[one]]]
            for other in range(one + 1, end):
                y, y_end = word_start[chosen[other]], word_start[chosen[other] + 1]
                agreeing, opposite, _, _, _, _, _, _, _ = _meet(
                    x, x_end, y, y_end, number, better, worse, tied, False, weight
                )
                who = annotator[chosen[other]]
                row[who, 0] += agreeing
                row[who, 1] += agreeing + opposite
        start = end
