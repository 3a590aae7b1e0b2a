"""Compiled passes over matches (see matches.py): one Newton step, residuals, and the sums of the sandwich.

counts (C, 3) say how often the right one won, both tied, and the left one won. Parameters stand in the order: models,
features, log nu; the last is -inf where there are no ties.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from annotate.quality.score_kernels import put_together


@njit(cache=True, nogil=True)
def count_matches(left: NDArray, right: NDArray, counts: NDArray, models: int) -> NDArray:
    """(3, models, models) comparisons by outcome, left and right."""
    cells = np.zeros((3, models, models))
    for match in range(left.size):
        for outcome in range(3):
            cells[outcome, left[match], right[match]] += counts[match, outcome]
    return cells


@njit(cache=True, nogil=True, error_model="numpy")
def match_pass(
    left: NDArray, right: NDArray, counts: NDArray, features: NDArray, parameters: NDArray, models: int
) -> tuple[float, NDArray, NDArray]:
    """Log-likelihood, gradient (P,) and information (P, P) of Davidson's model; features (F, C), all finite."""
    width = features.shape[0]
    eta = parameters[models + width]
    nu = math.exp(eta)
    log_likelihood, ties = 0.0, 0.0
    gradient, style_gradient = np.zeros(models), np.zeros(width + 1)
    between, across, style = np.zeros((models, models)), np.zeros((width + 1, models)), np.zeros((width + 1, width + 1))
    for match in range(left.size):
        lost, tied, won = counts[match, 0], counts[match, 1], counts[match, 2]
        n = lost + tied + won
        if n == 0:
            continue
        a, b = left[match], right[match]
        gap = parameters[a] - parameters[b]
        for f in range(width):
            gap += parameters[models + f] * features[f, match]
        up = math.exp(0.5 * gap)
        down = 1.0 / up
        total = up + down + nu
        mean, tie = 0.5 * (up - down) / total, nu / total
        surprise, tie_surprise = 0.5 * (won - lost) - n * mean, tied - n * tie
        spread, crossing = n * (0.25 * (up + down) / total - mean * mean), -n * mean * tie
        log_likelihood += 0.5 * gap * (won - lost) - n * math.log(total)
        ties += tied
        gradient[a] += surprise
        gradient[b] -= surprise
        style_gradient[width] += tie_surprise
        between[a, b] -= spread
        across[width, a] += crossing
        across[width, b] -= crossing
        style[width, width] += n * tie * (1.0 - tie)
        for f in range(width):
            value = features[f, match]
            style_gradient[f] += surprise * value
            style[f, width] += crossing * value
            across[f, a] += spread * value
            across[f, b] -= spread * value
            for g in range(f, width):
                style[f, g] += spread * value * features[g, match]
    if ties > 0:
        log_likelihood += ties * eta
    return log_likelihood, np.append(gradient, style_gradient), put_together(between, across, style)


@njit(cache=True, nogil=True)
def match_residuals(
    left: NDArray, right: NDArray, counts: NDArray, features: NDArray, parameters: NDArray, models: int
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """(C, 3) derivatives of the log-likelihood of each outcome of each match, by the gap and by log nu; and (C,) their
    sums over what was said of it.
    """
    width = features.shape[0]
    nu = math.exp(parameters[models + width])
    by_gap, by_tie = np.empty((left.size, 3)), np.empty((left.size, 3))
    gaps, ties = np.zeros(left.size), np.zeros(left.size)
    for match in range(left.size):
        gap = parameters[left[match]] - parameters[right[match]]
        for f in range(width):
            gap += parameters[models + f] * features[f, match]
        up = math.exp(0.5 * gap)
        down = 1.0 / up
        total = up + down + nu
        mean, tie = 0.5 * (up - down) / total, nu / total
        for outcome in range(3):
            by_gap[match, outcome] = 0.5 * (outcome - 1) - mean
            by_tie[match, outcome] = (1.0 if outcome == 1 else 0.0) - tie
            gaps[match] += counts[match, outcome] * by_gap[match, outcome]
            ties[match] += counts[match, outcome] * by_tie[match, outcome]
    return by_gap, by_tie, gaps, ties


@njit(cache=True, nogil=True)
def scatter_of_acts(
    match: NDArray,
    outcome: NDArray,
    annotator: NDArray,
    begins: NDArray,
    left: NDArray,
    right: NDArray,
    by_gap: NDArray,
    by_tie: NDArray,
    features: NDArray,
    models: int,
    annotators: int,
) -> tuple[NDArray, NDArray]:
    """(annotators, P) summed scores of each annotator, and (P, P) the sum over acts of the outer product of theirs.

    An act is all that one annotator said of one item: the rows from one of `begins` up to the next.
    """
    width = features.shape[0]
    size = models + width + 1
    of_annotators, summed = np.zeros((annotators, size)), np.zeros((size, size))
    score, touched, count = np.zeros(size), np.empty(size, np.int64), 0
    for row in range(match.size + 1):
        if row == match.size or begins[row]:
            for first in range(count):
                a = touched[first]
                for second in range(first, count):
                    b = touched[second]
                    summed[min(a, b), max(a, b)] += score[a] * score[b]
            for place in range(count):
                score[touched[place]] = 0.0
            if row == match.size:
                break
            count = width + 1
            for f in range(count):
                touched[f] = models + f
        m, said, who = match[row], outcome[row], annotator[row]
        pushed, tied = by_gap[m, said], by_tie[m, said]
        if begins[row] and (row + 1 == match.size or begins[row + 1]):  # an act of two completions: most are
            a, b = left[m], right[m]
            of_annotators[who, a] += pushed
            of_annotators[who, b] -= pushed
            summed[a, a] += pushed * pushed
            summed[b, b] += pushed * pushed
            summed[min(a, b), max(a, b)] -= pushed * pushed
            for f in range(width + 1):
                one = tied if f == width else pushed * features[f, m]
                of_annotators[who, models + f] += one
                summed[a, models + f] += pushed * one
                summed[b, models + f] -= pushed * one
                for g in range(f, width + 1):
                    summed[models + f, models + g] += one * (tied if g == width else pushed * features[g, m])
            count = 0
            continue
        for side in range(2):
            model = left[m] if side == 0 else right[m]
            push = pushed if side == 0 else -pushed
            of_annotators[who, model] += push
            known = False
            for place in range(width + 1, count):
                known |= touched[place] == model
            if not known:
                touched[count] = model
                count += 1
            score[model] += push
        for f in range(width):
            score[models + f] += pushed * features[f, m]
            of_annotators[who, models + f] += pushed * features[f, m]
        score[models + width] += tied
        of_annotators[who, models + width] += tied
    for a in range(size):
        for b in range(a):
            summed[a, b] = summed[b, a]
    return of_annotators, summed
