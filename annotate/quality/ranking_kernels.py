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
MOMENTS = (
    "items",
    # of meetings: sums of agreeing, opposite and exact, of their products, and of tau-b
    "a", "o", "e", "aa", "ao", "oo", "ee", "eo", "tau", "tau_tau", "has", "ties",
    # of judgements
    "j_aa", "j_ao", "j_oo", "j_ee", "j_eo", "j_tau_tau", "j_tau_has", "j_has_has",
    "j_e_ties", "j_o_ties", "j_ties_ties",
    # of items
    "i_aa", "i_ao", "i_oo", "i_ee", "i_eo", "i_tau_tau", "i_tau_has", "i_has_has",
    "i_e_ties", "i_o_ties", "i_ties_ties",
)  # fmt: skip
"""What is summed over plain items by their numbers of judges and of units: PRODUCTS follow, see `counts.expanded`."""
PLAIN_JUDGES = 16
PLAIN_UNITS = 55
"""An item is plain when at most so many judged the same units, and these fit into a word."""
_ROOTS = np.sqrt(np.maximum(np.arange(4097.0), 1.0))
_TAU_UNDEFINED = np.float32(2.0)


@intrinsic
def _bits(typing_context, word):
    """How many bits of a uint64 are set: one instruction."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True, error_model="numpy")
def _count(word):
    return np.int64(_bits(word))


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def _tau_b(concordance, mine, yours):
    """Kendall's tau-b: concordant less discordant pairs over the root of both counts of untied ones; nan if none."""
    untied = mine * yours
    if untied == 0:
        return np.nan
    if untied < _ROOTS.size:
        return concordance / _ROOTS[untied]
    return concordance / np.sqrt(untied)


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def survey(chosen, item, annotator, word_start, number, shift, begun, seen):
    """What to provide for: most judgements of an item, most words of an item, meetings.

    Writes begun (crowds + 1,), where the meetings that begin with an annotator of a crowd (the code >> shift) lie among
    the records, and seen (annotators,), who judged.
    """
    most, words, start = 0, 1, 0
    while start < chosen.size:
        end = start
        while end < chosen.size and item[chosen[end]] == item[chosen[start]]:
            end += 1
        most = max(most, end - start)
        for place in range(start, end):
            judgement = chosen[place]
            who = annotator[judgement]
            begun[(who >> shift) + 1] += end - 1 - place
            seen[who] = True
            if word_start[judgement + 1] > word_start[judgement]:
                words = max(words, number[word_start[judgement + 1] - 1] + 1)
        start = end
    for crowd in range(begun.size - 1):
        begun[crowd + 1] += begun[crowd]
    return most, words, begun[begun.size - 1]


@njit(cache=True, nogil=True, error_model="numpy")
def _is_plain(chosen, start, end, word_start, number, better, worse, tied):
    """Whether at most PLAIN_JUDGES judged, the same units, all in the first word."""
    if end - start > PLAIN_JUDGES:
        return False
    first = word_start[chosen[start]]
    if word_start[chosen[start] + 1] != first + 1 or number[first]:
        return False
    units = better[first] | worse[first] | tied[first]
    for place in range(start + 1, end):
        word = word_start[chosen[place]]
        if word_start[chosen[place] + 1] != word + 1 or (better[word] | worse[word] | tied[word]) != units:
            return False
    return number[first] == 0 and _count(units) <= PLAIN_UNITS


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_plain(
    chosen, start, end, annotator, word_start, better, worse, tied, bits, own, of_annotators, moments, items, shift,
    fill, plain,
):  # fmt: skip
    """Adds a plain item to of_annotators, moments and items, and leaves its records in `plain`.

    All meetings share the same number of units, so the numbers that agree, are opposite and are the same say it all.
    """
    size = end - start
    word = word_start[chosen[start]]
    units = _count(better[word] | worse[word] | tied[word])
    for place in range(size):
        word = word_start[chosen[start + place]]
        bits[place, 0], bits[place, 1], bits[place, 2] = better[word], worse[word], tied[word]
        own[place, 0] = own[place, 1] = own[place, 2] = own[place, 3] = own[place, 4] = 0.0
    weight = np.float32(2.0 / max(size - 1, 1))
    s_a = s_o = s_e = s_aa = s_ao = s_oo = s_ee = s_eo = 0
    s_tau = s_tau_tau = s_has = 0.0
    for one in range(size):
        for_x, against_x, tied_x = bits[one, 0], bits[one, 1], bits[one, 2]
        mine = _count(for_x | against_x)
        o_a = o_o = o_e = 0
        o_tau = o_has = 0.0
        beginner = annotator[chosen[start + one]]
        at = fill[beginner >> shift]
        fill[beginner >> shift] += size - 1 - one
        for other in range(one + 1, size):
            for_y, against_y = bits[other, 0], bits[other, 1]
            a = _count((for_x & for_y) | (against_x & against_y))
            o = _count((for_x & against_y) | (against_x & for_y))
            e = a + _count(tied_x & bits[other, 2])
            untied = mine * _count(for_y | against_y)
            has = float(min(untied, 1))
            tau = (a - o) / _ROOTS[untied]  # 0 where it is undefined; a branch here would cost more than all the rest
            o_a += a
            o_o += o
            o_e += e
            o_tau += tau
            o_has += has
            s_aa += a * a
            s_ao += a * o
            s_oo += o * o
            s_ee += e * e
            s_eo += e * o
            s_tau_tau += tau * tau
            own[other, 0] += a
            own[other, 1] += o
            own[other, 2] += e
            own[other, 3] += tau
            own[other, 4] += has
            plain[at, 0] = beginner
            plain[at, 1] = annotator[chosen[start + other]]
            plain[at, 2] = a + 64 * o + 4096 * e + 262144 * units
            plain[at, 3] = tau + _TAU_UNDEFINED * (1.0 - has)
            plain[at, 4] = weight
            at += 1
        s_a += o_a
        s_o += o_o
        s_e += o_e
        s_tau += o_tau
        s_has += o_has
        own[one, 0] += o_a
        own[one, 1] += o_o
        own[one, 2] += o_e
        own[one, 3] += o_tau
        own[one, 4] += o_has
    j_aa = j_ao = j_oo = j_ee = j_eo = j_tt = j_th = j_hh = j_et = j_ot = j_ss = ties_all = 0.0
    shared = float(units * (size - 1))
    scale = 2.0 / max(size - 1, 1)
    met = float(units) if size > 1 else 0.0
    for place in range(size):
        a, o, e, tau, has = own[place, 0], own[place, 1], own[place, 2], own[place, 3], own[place, 4]
        ties = float(_count(bits[place, 2]))
        j_aa += a * a
        j_ao += a * o
        j_oo += o * o
        j_ee += e * e
        j_eo += e * o
        j_tt += tau * tau
        j_th += tau * has
        j_hh += has * has
        j_et += e * ties
        j_ot += o * ties
        j_ss += ties * ties
        ties_all += ties
        who = annotator[chosen[start + place]]
        of_annotators[who, 0] += a
        of_annotators[who, 1] += a + o
        of_annotators[who, 2] += e
        of_annotators[who, 3] += shared
        of_annotators[who, 4] += 0.5 * (shared - e + o)
        of_annotators[who, 5] += tau
        of_annotators[who, 6] += has
        of_annotators[who, 7] += scale * shared
        of_annotators[who, 8] += scale * (shared - e)
        of_annotators[who, 9] += scale * (shared - e + 3.0 * o)
        of_annotators[who, 10] += units
        of_annotators[who, 11] += ties
        of_annotators[who, 12] += met
        of_annotators[who, 13] += ties if size > 1 else 0.0
        of_annotators[who, 14] += 1.0
    into = moments[size, units]
    into[0] += 1.0
    into[1] += s_a
    into[2] += s_o
    into[3] += s_e
    into[4] += s_aa
    into[5] += s_ao
    into[6] += s_oo
    into[7] += s_ee
    into[8] += s_eo
    into[9] += s_tau
    into[10] += s_tau_tau
    into[11] += s_has
    into[12] += ties_all
    into[13] += j_aa
    into[14] += j_ao
    into[15] += j_oo
    into[16] += j_ee
    into[17] += j_eo
    into[18] += j_tt
    into[19] += j_th
    into[20] += j_hh
    into[21] += j_et
    into[22] += j_ot
    into[23] += j_ss
    into[24] += s_a * s_a
    into[25] += s_a * s_o
    into[26] += s_o * s_o
    into[27] += s_e * s_e
    into[28] += s_e * s_o
    into[29] += s_tau * s_tau
    into[30] += s_tau * s_has
    into[31] += s_has * s_has
    into[32] += s_e * ties_all
    into[33] += s_o * ties_all
    into[34] += ties_all * ties_all
    items[0] += 1
    items[1] += s_a + s_o > 0
    items[2] += shared > 0
    items[3] += s_has > 0
    items[4] += units > 0


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
def _meet_anyhow(
    chosen, start, end, annotator, word_start, number, better, worse, tied, weight, own, of_meetings, shift, fill,
    records,
):  # fmt: skip
    """All meetings of an item: adds to own and of_meetings, and leaves its records."""
    for one in range(end - start):
        beginner = annotator[chosen[start + one]]
        x, x_end = word_start[chosen[start + one]], word_start[chosen[start + one] + 1]
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
            at = fill[beginner >> shift]
            fill[beginner >> shift] = at + 1
            records[at, 0], records[at, 1] = beginner, annotator[chosen[start + other]]
            records[at, 2], records[at, 3], records[at, 4], records[at, 5] = agreeing, opposite, exact, shared
            records[at, 6] = tau if has_tau else _TAU_UNDEFINED
            records[at, 7], records[at, 8], records[at, 9] = w, unequal, squared


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_anyhow(
    chosen, start, end, annotator, word_start, number, better, worse, tied, judges, weight, met, own, of_annotators,
    of_meetings, of_judgements, of_items, items, shift, fill, records,
):  # fmt: skip
    """Adds any item to every sum, and leaves its records; says whether all judged the same units."""
    size = end - start
    for row in range(size + 1):
        for channel in range(14):
            own[row, channel] = 0.0
    _count_judges(chosen, start, end, word_start, number, better, worse, tied, judges, weight, met)
    _meet_anyhow(
        chosen, start, end, annotator, word_start, number, better, worse, tied, weight, own, of_meetings, shift, fill,
        records,
    )  # fmt: skip
    same = True
    for place in range(size):
        judged = ties = judged_met = ties_met = np.int64(0)
        for word in range(word_start[chosen[start + place]], word_start[chosen[start + place] + 1]):
            said = better[word] | worse[word] | tied[word]
            judged += _count(said)
            ties += _count(tied[word])
            judged_met += _count(said & met[number[word]])
            ties_met += _count(tied[word] & met[number[word]])
        own[place, 10], own[place, 11], own[place, 12], own[place, 13] = judged, ties, judged_met, ties_met
        same = same and own[place, 3] == judged * (size - 1) and judged == own[0, 10]
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
    return same


@njit(cache=True, nogil=True, error_model="numpy")
def sum_items(
    chosen, item, annotator, row_start, net, word_start, number, better, worse, tied, words, shift, plain_fill,
    plain, fill, records, moments, of_annotators, of_meetings, of_judgements, of_items, items, panels,
):  # fmt: skip
    """The pass over the items of the judgements `chosen` (sorted): adds to every sum, and leaves a record per meeting.

    moments (judges + 1, PLAIN_UNITS + 1, MOMENTS) of plain items, whose products are in none of the others;
    of_annotators (annotators, 15): channels, then judgements; of_meetings (16,), of_judgements and of_items (32,):
    PRODUCTS; items (5,): items, those with a strict case, a case, a tau-b, a judged unit;
    panels (most + 1, 3): by number of judges, items all of them ranked completely: how many, sums of W and of W^2;
    it may be empty. Records lie by the crowd of the annotator that begins the meeting, from where `survey` says
    (plain_fill and fill at first) to where the two are at last. They hold both annotators, and then: plain
    (meetings, 5) three counts and the units as one number, tau-b and weight; records (meetings, 10) channels.
    """
    judges = np.zeros(words * 64, np.int64)
    weight = np.zeros(words * 64)
    met = np.zeros(words, np.uint64)
    own = np.zeros((moments.shape[0] + 1, 14))
    bits = np.zeros((moments.shape[0] + 1, 3), np.uint64)
    start = 0
    while start < chosen.size:
        end = start + 1
        while end < chosen.size and item[chosen[end]] == item[chosen[start]]:
            end += 1
        size = end - start
        same = _is_plain(chosen, start, end, word_start, number, better, worse, tied)
        if same:
            _sum_plain(
                chosen, start, end, annotator, word_start, better, worse, tied, bits, own, of_annotators, moments,
                items, shift, plain_fill, plain,
            )  # fmt: skip
        else:
            if size >= own.shape[0]:
                own = np.zeros((size + 1, 14))
            same = _sum_anyhow(
                chosen, start, end, annotator, word_start, number, better, worse, tied, judges, weight, met, own,
                of_annotators, of_meetings, of_judgements, of_items, items, shift, fill, records,
            )  # fmt: skip
        if same and 1 < size < panels.shape[0]:
            found = _concordance_w(chosen, start, end, row_start, net)
            if found >= 0:
                panels[size, 0] += 1.0
                panels[size, 1] += found
                panels[size, 2] += found * found
        start = end


@njit(cache=True, nogil=True, error_model="numpy")
def _by_beginner(records, first, last, lowest, turn, begun):
    """Writes turn (n,), the records first to last in the order of who begins them, and begun (width + 1,)."""
    begun[:] = 0
    for at in range(first, last):
        begun[int(records[at, 0]) - lowest + 1] += 1
    for who in range(begun.size - 1):
        begun[who + 1] += begun[who]
    for at in range(first, last):
        who = int(records[at, 0]) - lowest
        turn[begun[who]] = at
        begun[who] += 1
    for who in range(begun.size - 1, 0, -1):
        begun[who] = begun[who - 1]
    begun[0] = 0


@njit(cache=True, nogil=True, error_model="numpy")
def sum_dyads(people, shift, begun, plain_fill, plain, fill, records, of_dyads, keys, sums):
    """The pass over pairs of annotators: adds the PRODUCTS of their sums to of_dyads (16,), and returns how many met.

    A crowd's records fit into a cache, where they are then taken annotator by annotator. Writes keys (dyads,),
    annotator * people + annotator, in sorted order, and sums (dyads, 10) if they have room.
    """
    v = np.zeros((people, 10))
    crowd_size = 1 << shift
    most = most_plain = 0
    for crowd in range(fill.size):
        most, most_plain = max(most, fill[crowd] - begun[crowd]), max(most_plain, plain_fill[crowd] - begun[crowd])
    turn, turn_plain = np.empty(most, np.int64), np.empty(most_plain, np.int64)
    start, start_plain = np.zeros(crowd_size + 1, np.int64), np.zeros(crowd_size + 1, np.int64)
    touched = np.empty(people, np.int64)
    dyads = 0
    for one in range(people):
        crowd, mine = one >> shift, one & (crowd_size - 1)
        if mine == 0:
            _by_beginner(plain, begun[crowd], plain_fill[crowd], one, turn_plain, start_plain)
            _by_beginner(records, begun[crowd], fill[crowd], one, turn, start)
        low, high, partners = people, 0, 0
        for place in range(start_plain[mine], start_plain[mine + 1]):
            at = turn_plain[place]
            other, counts = int(plain[at, 1]), int(plain[at, 2])
            if counts == 0:
                continue
            if v[other, 3] == 0.0:
                low, high, touched[partners] = min(low, other), max(high, other + 1), other
                partners += 1
            agreeing, opposite = float(counts & 63), float((counts >> 6) & 63)
            shared, tau, weight = float(counts >> 18), plain[at, 3], float(plain[at, 4])
            unlike = shared - float((counts >> 12) & 63)
            v[other, 0] += agreeing
            v[other, 1] += agreeing + opposite
            v[other, 2] += shared - unlike
            v[other, 3] += shared
            v[other, 4] += 0.5 * (unlike + opposite)
            if tau != _TAU_UNDEFINED:
                v[other, 5] += tau
                v[other, 6] += 1.0
            v[other, 7] += weight * shared
            v[other, 8] += weight * unlike
            v[other, 9] += weight * (unlike + 3.0 * opposite)
        for place in range(start[mine], start[mine + 1]):
            at = turn[place]
            other = int(records[at, 1])
            if v[other, 3] == 0.0:
                low, high, touched[partners] = min(low, other), max(high, other + 1), other
                partners += 1
            agreeing, opposite, exact, shared = records[at, 2], records[at, 3], records[at, 4], records[at, 5]
            v[other, 0] += agreeing
            v[other, 1] += agreeing + opposite
            v[other, 2] += exact
            v[other, 3] += shared
            v[other, 4] += 0.5 * (shared - exact + opposite)
            if records[at, 6] != _TAU_UNDEFINED:
                v[other, 5] += records[at, 6]
                v[other, 6] += 1.0
            v[other, 7] += records[at, 7]
            v[other, 8] += records[at, 8]
            v[other, 9] += records[at, 9]
        # Keys are to be in order, which goes by code; without them it is by whom there are, few in a small slice.
        for place in range(high - low if keys.size else partners):
            other = low + place if keys.size else touched[place]
            if v[other, 3]:
                _add_row_products(of_dyads, v, other)
                if keys.size:
                    keys[dyads] = one * people + other
                    for channel in range(10):
                        sums[dyads, channel] = v[other, channel]
                dyads += 1
                for channel in range(10):
                    v[other, channel] = 0.0
    return dyads


@njit(cache=True, nogil=True, error_model="numpy")
def square_dyads(sums, of_dyads):
    """Adds the PRODUCTS of sums (dyads, 10) to of_dyads (16,)."""
    for dyad in range(sums.shape[0]):
        _add_row_products(of_dyads, sums, dyad)


@njit(cache=True, nogil=True, error_model="numpy")
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


@njit(cache=True, nogil=True, error_model="numpy")
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
