"""Scores from matches are those from their comparisons one by one."""

import numpy as np
import pytest

from annotate.quality.matches import Matches, matched_scores
from annotate.quality.scores import Scores, bradley_terry, win_rates

ITEMS, PEOPLE, SHOWN, MODELS = 60, 9, 3, 5


def judged(seed: int, *, people: int = PEOPLE, shown: int = SHOWN):
    """Comparisons (left, right, sign, item, annotator, gap, match, act) of rankings with ties by some of the people."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in range(ITEMS):
        models, length = rng.permutation(MODELS)[:shown], rng.normal(size=shown)
        for who in rng.permutation(people)[:4]:
            ranks = rng.integers(1, 4, shown) + (models > 2)
            for one in range(shown):
                for other in range(one + 1, shown):
                    said = np.sign(ranks[other] - ranks[one])
                    match, act = (item * shown + one) * shown + other, item * people + who
                    gap = length[one] - length[other]
                    rows.append((models[one], models[other], said, item, who, gap, match, act))
    return [np.array(column) for column in zip(*rows, strict=True)]


def matches_of(left, right, sign, item, who, gap, match, act) -> tuple[Matches, np.ndarray]:
    """The matches, and the gap of each."""
    keys, first, of = np.unique(match, return_index=True, return_inverse=True)
    counts = np.bincount(of * 3 + sign + 1, minlength=3 * keys.size).reshape(-1, 3).astype(float)
    sides = left[first].astype(np.int32), right[first].astype(np.int32), item[first]
    begins = np.append(True, act[1:] != act[:-1])
    said = of.astype(np.int32), (sign + 1).astype(np.int8), who.astype(np.int32)
    return Matches(*sides, counts, *said, begins, MODELS, PEOPLE), gap[first]


def numbers(found: Scores) -> list[float]:
    estimates = [*found.scores, found.nu, *found.coefficients.values()]
    return [end for one in estimates for end in (one.value, one.lo, one.hi)] + [*found.scales.values()]


@pytest.mark.parametrize(("people", "shown"), [(PEOPLE, 3), (PEOPLE, 2), (1, 3)])
def test_they_are_the_scores_of_the_comparisons(people, shown):
    left, right, sign, item, who, gap, *codes = judged(1, people=people, shown=shown)
    matches, gaps = matches_of(left, right, sign, item, who, gap, *codes)
    clusters = (item, who) if people > 1 else item
    for covariates, features in ((None, None), ({"length": gap}, {"length": gaps})):
        wanted = bradley_terry(left, right, (1 + sign) / 2, covariates=covariates, clusters=clusters)
        found, end = matched_scores(matches, np.arange(MODELS), features)
        # The passes over rows stop a little earlier, which shows in their intervals.
        assert numbers(found)[::3] == pytest.approx(numbers(wanted)[::3], abs=1e-7)
        assert numbers(found) == pytest.approx(numbers(wanted), abs=1e-4)
        assert (found.n_clusters, found.n_comparisons) == (wanted.n_clusters, wanted.n_comparisons)
        again, _ = matched_scores(matches, np.arange(MODELS), features, end * 1.05)
        assert numbers(again) == pytest.approx(numbers(found), abs=1e-6)


def test_a_match_that_nobody_compared_does_not_count():
    columns = judged(2)
    matches, gaps = matches_of(*columns)
    wanted, _ = matched_scores(matches, np.arange(MODELS), {"length": gaps})
    more = [np.append(side, side[:2]) for side in (matches.left, matches.right, matches.item + 0)]
    more[2][-2:] = ITEMS
    counts = np.append(matches.counts, np.zeros((2, 3)), axis=0)
    rest = matches.match, matches.outcome, matches.annotator, matches.begins, MODELS, PEOPLE
    found, _ = matched_scores(Matches(*more, counts, *rest), np.arange(MODELS), {"length": np.append(gaps, [1, 2])})
    assert numbers(found) == pytest.approx(numbers(wanted), abs=1e-12)
    assert found.n_clusters == wanted.n_clusters


def test_nothing_gives_nothing():
    none = np.zeros(0, np.int32)
    columns = none, none, none, np.zeros((0, 3)), none, none.astype(np.int8), none, none.astype(bool)
    assert matched_scores(Matches(*columns, 0, 0), np.zeros(0, int))[0].scores == []


def test_win_rates_of_counted_comparisons_are_those_of_single_ones():
    left, right, sign, item, _, gap, match, _ = judged(3)
    against = (left == 0) | (right == 0)
    turn = np.where(left == 0, -1, 1)[against]
    model, said = np.where(left == 0, right, left)[against], (1 + turn * sign[against]) / 2
    item, gap, match = item[against], (turn * gap[against]), match[against]
    wanted = win_rates(model, item, said, {"length": (np.zeros(gap.size), gap)})
    _, first, of = np.unique(match, return_index=True, return_inverse=True)
    counts = np.bincount(of)
    columns = model[first], item[first], np.bincount(of, said) / counts
    lengths = {"length": (np.zeros(first.size), gap[first])}
    found = win_rates(*columns, lengths, counts)
    again = win_rates(*columns, lengths, counts, found.end)
    few = win_rates(*(column[:-5] for column in columns), {"length": (np.zeros(first.size - 5), gap[first][:-5])})
    other = win_rates(*columns, lengths, counts, few.end)

    def flat(rates):
        estimates = [one for each in rates.models for one in (each.win_rate, each.lc_win_rate)]
        ends = [end for one in [*estimates, *rates.slopes.values()] for end in (one.value, one.lo, one.hi, one.n)]
        return ends + [one.n_comparisons for one in rates.models]

    for one in (found, again, other):
        assert flat(one) == pytest.approx(flat(wanted), abs=1e-7)
