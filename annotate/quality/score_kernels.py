"""Compiled passes over comparisons for `scores.py`: cells, one Newton step, residuals and the sums of the sandwich.

In every pass `left` and `right` (n,) are codes of models, `sign` (n,) is 1 (left won), 0 (tie) or -1, and `weight` (n,)
is how often a row counts, or (0,) where every row counts once. Parameters stand in the order: models, features, log nu.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_LOG_BEFORE = 1e250
"""Factors are multiplied up to here before a logarithm is taken of their product."""
_BLOCK = 512
"""Rows that are taken through each step together, while they are in the fastest cache."""


@njit(cache=True, nogil=True)
def read_outcomes(outcome: NDArray, left: NDArray, right: NDArray) -> tuple[NDArray, bool]:
    """(n,) signs of outcomes 0, 0.5 and 1, and whether all outcomes are such, and no model stands on both sides."""
    sign = np.empty(outcome.size, np.int8)
    fine = True
    for row in range(outcome.size):
        doubled = 2.0 * outcome[row] - 1.0
        said = np.int8(doubled)
        sign[row] = said
        fine &= (said == doubled) & (said >= -1) & (said <= 1) & (left[row] != right[row])
    return sign, fine


@njit(cache=True, nogil=True)
def group_rows(codes: NDArray, groups: int) -> tuple[NDArray, NDArray]:
    """Rows in the order of their group (stable), and (groups + 1,) where each group starts."""
    starts = np.zeros(groups + 1, np.int64)
    for row in range(codes.size):
        starts[codes[row] + 1] += 1
    for group in range(groups):
        starts[group + 1] += starts[group]
    place = starts[:-1].copy()
    order = np.empty(codes.size, np.int64)
    for row in range(codes.size):
        order[place[codes[row]]] = row
        place[codes[row]] += 1
    return order, starts


@njit(cache=True, nogil=True)
def split_groups(order: NDArray, starts: NDArray, codes: NDArray, groups: int) -> tuple[NDArray, NDArray]:
    """The groups of `group_rows` split by a second column of codes: rows in their order, and where each part starts."""
    by_second = group_rows(codes, groups)[0]
    first = np.empty(order.size, np.int64)
    for group in range(starts.size - 1):
        for place in range(starts[group], starts[group + 1]):
            first[order[place]] = group
    place = starts[:-1].copy()
    split = np.empty(order.size, np.int64)
    for row in by_second:
        split[place[first[row]]] = row
        place[first[row]] += 1
    begins = np.empty(order.size + 1, np.int64)
    parts = 0
    for at in range(order.size):
        row, before = split[at], split[at - 1]
        if at == 0 or first[row] != first[before] or codes[row] != codes[before]:
            begins[parts] = at
            parts += 1
    begins[parts] = order.size
    return split, begins[: parts + 1]


@njit(cache=True, nogil=True)
def count_cells(left: NDArray, right: NDArray, sign: NDArray, weight: NDArray, power: int, models: int) -> NDArray:
    """(3, models, models) sums of weight**power by sign + 1, left and right."""
    cells = np.zeros((3, models, models))
    for row in range(left.size):
        counts = 1.0 if weight.size == 0 else weight[row] ** power
        cells[sign[row] + 1, left[row], right[row]] += counts
    return cells


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def style_pass(
    left: NDArray,
    right: NDArray,
    sign: NDArray,
    weight: NDArray,
    features: NDArray,
    parameters: NDArray,
    models: int,
    squared: bool,
) -> tuple[float, NDArray, NDArray]:
    """Log-likelihood, gradient (P,) and information (P, P) of Davidson's model.

    features (F, n), all finite; P = models + F + 1. Where log nu is -inf there are no ties in the model. With
    `squared`, instead of the information the sum of the outer products of the rows' own scores.
    """
    width = features.shape[0]
    theta, beta, eta = parameters[:models].copy(), parameters[models:-1].copy(), parameters[models + width]
    nu = math.exp(eta)
    log_likelihood, product, ties = 0.0, 1.0, 0.0
    gradient, style_gradient = np.zeros(models), np.zeros(width + 1)
    between, across, style = np.zeros((models, models)), np.zeros((width + 1, models)), np.zeros((width + 1, width + 1))
    gaps, surprises = np.empty(_BLOCK), np.empty(_BLOCK)
    spreads, crossings = np.empty(_BLOCK), np.empty(_BLOCK)
    for first in range(0, left.size, _BLOCK):
        size = min(_BLOCK, left.size - first)
        for k in range(size):
            row = first + k
            gaps[k] = theta[np.uintp(left[row])] - theta[np.uintp(right[row])]
        for f in range(width):
            for k in range(size):
                gaps[k] += beta[f] * features[f, first + k]
        for k in range(size):
            row = first + k
            a, b, said = np.uintp(left[row]), np.uintp(right[row]), float(sign[row])
            counts = 1.0 if weight.size == 0 else weight[row]
            up = math.exp(0.5 * gaps[k])
            down = 1.0 / up
            total = up + down + nu
            one = 1.0 / total
            mean, tied, is_tie = 0.5 * (up - down) * one, nu * one, 1.0 - said * said
            surprise, tie_surprise = counts * (0.5 * said - mean), counts * (is_tie - tied)
            if squared:
                spread, crossing = surprise * surprise, surprise * tie_surprise
                style[width, width] += tie_surprise * tie_surprise
            else:
                spread, crossing = counts * (0.25 * (up + down) * one - mean * mean), -counts * mean * tied
                style[width, width] += counts * tied * (1.0 - tied)
            if weight.size:
                log_likelihood -= counts * math.log(total)
            else:
                product *= total
                if product > _LOG_BEFORE:
                    log_likelihood -= math.log(product)
                    product = 1.0
            log_likelihood += counts * 0.5 * gaps[k] * said
            ties += counts * is_tie
            gradient[a] += surprise
            gradient[b] -= surprise
            style_gradient[width] += tie_surprise
            between[a, b] -= spread
            across[width, a] += crossing
            across[width, b] -= crossing
            surprises[k], spreads[k], crossings[k] = surprise, spread, crossing
        for f in range(width):
            pushed, by_tie = 0.0, 0.0
            for k in range(size):
                value = features[f, first + k]
                pushed += surprises[k] * value
                by_tie += crossings[k] * value
                gaps[k] = spreads[k] * value
            style_gradient[f] += pushed
            style[f, width] += by_tie
            for k in range(size):
                row = first + k
                across[f, np.uintp(left[row])] += gaps[k]
                across[f, np.uintp(right[row])] -= gaps[k]
            for g in range(f, width):
                both = 0.0
                for k in range(size):
                    both += gaps[k] * features[g, first + k]
                style[f, g] += both
    log_likelihood -= math.log(product)
    if ties > 0:
        log_likelihood += ties * eta
    return log_likelihood, np.append(gradient, style_gradient), put_together(between, across, style)


@njit(cache=True, nogil=True)
def put_together(between: NDArray, across: NDArray, style: NDArray) -> NDArray:
    """(P, P) from what was added up once: its models' rows sum to 0 over the models, and it is symmetric."""
    width, models = across.shape
    size = models + width
    whole = np.zeros((size, size))
    for a in range(models):
        for b in range(a + 1, models):
            both = between[a, b] + between[b, a]
            whole[a, b] = both
            whole[b, a] = both
            whole[a, a] -= both
            whole[b, b] -= both
        for f in range(width):
            whole[a, models + f] = across[f, a]
            whole[models + f, a] = across[f, a]
    for f in range(width):
        for g in range(f, width):
            whole[models + f, models + g] = style[f, g]
            whole[models + g, models + f] = style[f, g]
    return whole


@njit(cache=True, nogil=True)
def residuals(
    left: NDArray,
    right: NDArray,
    sign: NDArray,
    weight: NDArray,
    features: NDArray,
    parameters: NDArray,
    models: int,
) -> tuple[NDArray, NDArray]:
    """(n,) weighted derivatives of each row's log-likelihood by the gap of the two models, and by log nu."""
    width = features.shape[0]
    nu = math.exp(parameters[models + width])
    by_gap, by_tie = np.empty(left.size), np.empty(left.size)
    for row in range(left.size):
        gap = parameters[left[row]] - parameters[right[row]]
        for f in range(width):
            gap += parameters[models + f] * features[f, row]
        up = math.exp(0.5 * gap)
        down = 1.0 / up
        one = 1.0 / (up + down + nu)
        counts = 1.0 if weight.size == 0 else weight[row]
        by_gap[row] = counts * 0.5 * (sign[row] - (up - down) * one)
        by_tie[row] = counts * ((1.0 if sign[row] == 0 else 0.0) - nu * one)
    return by_gap, by_tie


@njit(cache=True, nogil=True)
def scatter(
    order: NDArray,
    starts: NDArray,
    left: NDArray,
    right: NDArray,
    by_gap: NDArray,
    by_tie: NDArray,
    features: NDArray,
    models: int,
) -> NDArray:
    """(P, P) sum over groups of rows of the outer product of their summed scores; group g is order[starts[g]:...]."""
    width = features.shape[0]
    last = models + width
    summed = np.zeros((last + 1, last + 1))
    score = np.zeros(last + 1)
    seen = np.zeros(models, np.bool_)
    touched = np.empty(last + 1, np.int64)
    for group in range(starts.size - 1):
        count = 0
        for place in range(starts[group], starts[group + 1]):
            row = order[place]
            for side in range(2):
                model = left[row] if side == 0 else right[row]
                if not seen[model]:
                    seen[model] = True
                    touched[count] = model
                    count += 1
                score[model] += by_gap[row] if side == 0 else -by_gap[row]
            for f in range(width):
                score[models + f] += by_gap[row] * features[f, row]
            score[last] += by_tie[row]
        for parameter in range(models, last + 1):
            touched[count] = parameter
            count += 1
        for first in range(count):
            a = touched[first]
            for second in range(first, count):
                b = touched[second]
                summed[a, b] += score[a] * score[b]
        for place in range(count):
            score[touched[place]] = 0.0
            if touched[place] < models:
                seen[touched[place]] = False
    for a in range(last + 1):
        for b in range(a):
            summed[a, b] += summed[b, a]  # each pair of parameters was added in the one place or in the other
            summed[b, a] = summed[a, b]
    return summed
