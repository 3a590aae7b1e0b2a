"""Scores from matches are those from their comparisons one by one."""

import numpy as np
import pytest

from annotate.quality.matches import Matches, ScoreBase, Styled, matched_scores
from annotate.quality.scores import Scores, bradley_terry, win_rates
from annotate.quality.win_rates import Against, RateBase

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
        found = matched_scores(matches, np.arange(MODELS), features)
        # The passes over rows stop a little earlier, which shows in their intervals.
        assert numbers(found)[::3] == pytest.approx(numbers(wanted)[::3], abs=1e-7)
        assert numbers(found) == pytest.approx(numbers(wanted), abs=1e-4)
        assert (found.n_clusters, found.n_comparisons) == (wanted.n_clusters, wanted.n_comparisons)


def test_a_match_that_nobody_compared_does_not_count():
    columns = judged(2)
    matches, gaps = matches_of(*columns)
    wanted = matched_scores(matches, np.arange(MODELS), {"length": gaps})
    more = [np.append(side, side[:2]) for side in (matches.left, matches.right, matches.item + 0)]
    more[2][-2:] = ITEMS
    counts = np.append(matches.counts, np.zeros((2, 3)), axis=0)
    rest = matches.match, matches.outcome, matches.annotator, matches.begins, MODELS, PEOPLE
    found = matched_scores(Matches(*more, counts, *rest), np.arange(MODELS), {"length": np.append(gaps, [1, 2])})
    assert numbers(found) == pytest.approx(numbers(wanted), abs=1e-12)
    assert found.n_clusters == wanted.n_clusters


def test_nothing_gives_nothing():
    none = np.zeros(0, np.int32)
    columns = none, none, none, np.zeros((0, 3)), none, none.astype(np.int8), none, none.astype(bool)
    assert matched_scores(Matches(*columns, 0, 0), np.zeros(0, int)).scores == []


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

    assert flat(found) == pytest.approx(flat(wanted), abs=1e-7)


def flat(rates) -> list:
    estimates = [one for each in rates.models for one in (each.win_rate, each.lc_win_rate)]
    ends = [end for one in [*estimates, *rates.slopes.values()] for end in (one.value, one.lo, one.hi, one.n)]
    return ends + [one.n_comparisons for one in rates.models]


class World:
    """Items with one comparison or three by each of some people, of which some come, and what is said of some changes.

    `part` gives matches and features of some items, `against` the comparisons with the first model.
    """

    def __init__(self, seed: int, items: int, people: int, shown: int, n_models: int = MODELS):
        self.rng, self.people, self.shown, self.n_models = np.random.default_rng(seed), people, shown, n_models
        self.models = np.argsort(self.rng.random((items, n_models)), axis=1)[:, :shown].astype(np.int32)
        self.length, self.lists = self.rng.normal(size=(items, shown)), self.rng.integers(0, 5, (items, shown))
        judged = self.rng.random((items, people)) < 3.5 / people
        self.ranks = np.where(judged[..., None], self.rng.integers(1, 4, (items, people, shown)), 0)

    def happens(self) -> np.ndarray:
        """Something is judged, judged otherwise, or taken back; the items."""
        items = self.rng.integers(len(self.ranks), size=int(self.rng.integers(1, 4)))
        for item in items:
            said = self.rng.integers(1, 4, self.shown) if self.rng.random() < 0.8 else 0
            self.ranks[item, self.rng.integers(self.people)] = said
        return items

    def part(self, items: np.ndarray) -> tuple[Matches, dict[str, np.ndarray]]:
        pairs = [(one, other) for one in range(self.shown) for other in range(one + 1, self.shown)]
        one, other = np.array(pairs).T
        ranks = self.ranks[items]
        item, who = np.nonzero(ranks[..., 0])
        said = 1 + np.sign(ranks[item, who][:, other] - ranks[item, who][:, one])
        match = item[:, None] * len(pairs) + np.arange(len(pairs))
        counts = np.bincount((match * 3 + said).ravel(), minlength=3 * len(items) * len(pairs)).reshape(-1, 3)
        begins = np.tile(np.arange(len(pairs)) == 0, item.size)
        models = self.models[items]
        matches = Matches(
            left=models[:, one].ravel(),
            right=models[:, other].ravel(),
            item=np.repeat(items, len(pairs)),
            counts=counts.astype(float),
            match=match.ravel().astype(np.int32),
            outcome=said.ravel().astype(np.int8),
            annotator=np.repeat(who, len(pairs)).astype(np.int32),
            begins=begins,
            models=self.n_models,
            annotators=self.people,
        )
        styles = {"length": self.length[items], "lists": self.lists[items].astype(float)}
        return matches, {name: (style[:, one] - style[:, other]).ravel() for name, style in styles.items()}

    def against(self, items: np.ndarray) -> Against:
        matches, features = self.part(items)
        at = np.flatnonzero(((matches.left == 0) | (matches.right == 0)) & (matches.n > 0))
        turned = matches.left[at] == 0
        lost, tied, won = matches.counts[at].T
        said = (np.where(turned, lost, won) + tied / 2) / matches.n[at]
        gaps = np.where(turned, -1, 1) * np.array(list(features.values()))[:, at]
        model = np.where(turned, matches.right[at], matches.left[at]) - 1
        return Against.of(model, matches.item[at], said, matches.n[at], gaps, self.n_models - 1)


@pytest.mark.parametrize(("items", "people", "shown"), [(60, 3, 2), (40, 6, 3), (25, 1, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_what_changed_is_put_right_as_if_all_were_counted_anew(seed, items, people, shown):
    world = World(seed, items, people, shown)
    models, names, every = np.arange(MODELS), ["length", "lists"], np.arange(items)
    older = World(seed, items, people, shown)
    matches, features = world.part(every)
    plain, styled = ScoreBase(Styled.of(matches, {})), ScoreBase(Styled.of(matches, features))
    rates, changed = RateBase(world.against(every)), np.zeros(0, int)
    for _round in range(8):
        changed = np.union1d(changed, world.happens())
        (gone, were), (now, are) = older.part(changed), world.part(changed)
        matches, features = world.part(every)
        changes = [(Styled.of(gone, {}), -1), (Styled.of(now, {}), 1)]
        assert numbers(plain.scores(models, [], changes)) == pytest.approx(
            numbers(matched_scores(matches, models)), abs=2e-6
        )
        changes = [(Styled.of(gone, were), -1), (Styled.of(now, are), 1)]
        assert numbers(styled.scores(models, names, changes)) == pytest.approx(
            numbers(matched_scores(matches, models, features)), abs=2e-6
        )
        against = [(older.against(changed), -1), (world.against(changed), 1)]
        wanted = RateBase(world.against(every)).rates(models[1:], names)
        assert flat(rates.rates(models[1:], names, against)) == pytest.approx(flat(wanted), abs=2e-6)


def test_one_judgement_of_many_costs_no_look_at_the_others():
    """What was summed where the last fit ended serves, to a millionth, until it has moved too far."""
    items = 30_000
    world, older = World(5, items, 12, 2, 2), World(5, items, 12, 2, 2)
    changed = np.flatnonzero(np.abs(np.diff(world.lists)[:, 0]) == 2)[:1]  # the typical difference
    models, names, every = np.arange(2), ["length", "lists"], np.arange(items)
    scores, rates = ScoreBase(Styled.of(*world.part(every))), RateBase(world.against(every))
    scores.scores(models, names)
    rates.rates(models[1:], names)
    kept = scores.last, rates.last
    world.ranks[changed[0], :2] = [[1, 2], [2, 1]]
    changes = [(Styled.of(*older.part(changed)), -1), (Styled.of(*world.part(changed)), 1)]
    found = scores.scores(models, names, changes)
    against = [(older.against(changed), -1), (world.against(changed), 1)]
    found_rates = rates.rates(models[1:], names, against)
    assert scores.last is kept[0]
    assert rates.last is kept[1]
    matches, features = world.part(every)
    wanted = matched_scores(matches, models, features)
    assert numbers(found) == pytest.approx(numbers(wanted), abs=1e-6)
    wanted = RateBase(world.against(every)).rates(models[1:], names)
    assert flat(found_rates) == pytest.approx(flat(wanted), abs=1e-6)
    assert flat(found_rates) != flat(rates.rates(models[1:], names))
