"""What many rankings of an item add up to, against numbers worked out by hand and Kemeny's rule by brute force."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.optimize import minimize

from annotate.quality.consensus import Ballots, consensus, contests, strict_order, strict_pairs
from annotate.quality.table import RankingTable, TableError

METHODS = ["borda", "bradley_terry"]


def table_of(*rankings: dict, items: list | None = None) -> RankingTable:
    """One ranking by each annotator 0, 1, 2, ...: {completion: rank}, all of one item unless told otherwise."""
    rows = [
        (items[person] if items else "task", person, completion, rank)
        for person, ranking in enumerate(rankings)
        for completion, rank in ranking.items()
    ]
    return RankingTable.from_arrays(*zip(*rows, strict=True))


def order(*best_first: str) -> dict[str, int]:
    """A ranking from groups of tied completions: order("a", "bc") puts a before b and c."""
    return {one: rank for rank, group in enumerate(best_first, start=1) for one in group}


@pytest.mark.parametrize("method", METHODS)
def test_it_repeats_what_all_say(method):
    found = consensus(table_of(*[order("b", "ac", "d")] * 3), method=method)
    assert found.rank.tolist() == [2, 1, 2, 3]
    assert found.n_rankings.tolist() == [3]
    assert not found.cyclic.any()
    assert found.contest.tolist() == [0.0]


def test_it_gives_bordas_share_of_the_comparisons_won():
    found = consensus(table_of(order("a", "b", "c"), order("b", "a", "c"), order("a", "bc")))
    # a wins 2 + 1 + 2 of its 6, b wins 1 + 2 + 1/2, c wins 1/2.
    assert found.score.tolist() == pytest.approx([5 / 6, 3.5 / 6, 0.5 / 6])


def test_it_weighs_votes():
    found = consensus(table_of(order("a", "b"), order("b", "a"), order("ab")), [3.0, 1.0, 1.0])
    assert found.score.tolist() == pytest.approx([0.5 + 0.5 * 2 / 5, 0.5 - 0.5 * 2 / 5])
    assert found.pairs.votes.tolist() == [[1, 1, 1]]


def test_it_does_not_care_in_which_unit_weights_are():
    table = table_of(order("a", "b", "c"), order("c", "b", "a"), order("b", "c", "a"))
    for method in METHODS:
        one, other = (consensus(table, [unit, 2 * unit, unit], method=method) for unit in (1.0, 50.0))
        assert one.score == pytest.approx(other.score, abs=1e-12)
        assert 50 * one.pairs.margin == pytest.approx(other.pairs.margin)


@pytest.mark.parametrize("method", METHODS)
def test_it_ties_what_is_balanced_and_what_all_but_is(method):
    table = table_of(order("a", "b"), order("b", "a"))
    assert consensus(table, method=method).rank.tolist() == [1, 1]
    assert consensus(table, [1.04, 1.0], method=method).rank.tolist() == [1, 1]
    assert consensus(table, [1.5, 1.0], method=method).rank.tolist() == [1, 2]


@pytest.mark.parametrize("method", METHODS)
def test_it_is_one_big_tie_where_no_vote_weighs_anything(method):
    found = consensus(table_of(order("a", "b", "c"), order("a", "b", "c")), [0.0, 0.0], method=method)
    assert (found.rank.tolist(), found.score.tolist()) == ([1, 1, 1], [0.5, 0.5, 0.5])


@pytest.mark.parametrize("method", METHODS)
def test_it_adds_up_rankings_of_different_completions(method):
    found = consensus(table_of(order("a", "b"), order("b", "c"), order("c", "d"), order("a", "d")), method=method)
    assert found.rank.tolist()[0] == 1
    assert found.rank.tolist()[3] == max(found.rank)


def test_it_favours_nobody_for_being_shown_more_often():
    # a won 1 of 1, b lost its 1 and won 4 of the others.
    table = table_of(order("a", "b"), *[order("b", "c")] * 4)
    assert consensus(table).rank.tolist() == [1, 2, 3]
    assert consensus(table).score.tolist() == pytest.approx([1.0, 0.8, 0.0])


def test_it_maximises_the_likelihood_with_the_prior():
    table = table_of(order("a", "b", "c"), order("b", "ac"), order("c", "a"), order("a", "c", "b"))
    weights, ridge = np.array([2.0, 0.5, 1.0, 0.5]), 0.5
    wins = {("a", "b"): 2.5, ("a", "c"): 2.75, ("b", "c"): 2.5, ("b", "a"): 0.5, ("c", "a"): 1.25, ("c", "b"): 0.5}

    def loss(strength):
        at = dict(zip("abc", strength, strict=True))
        said = sum(n * np.log1p(np.exp(at[worse] - at[better])) for (better, worse), n in wins.items())
        return said + ridge / 2 * np.square(strength).sum()

    best = minimize(loss, np.zeros(3), tol=1e-14).x
    beats = 1 / (1 + np.exp(best[None] - best[:, None]))
    expected = (beats.sum(axis=1) - 0.5) / 2
    assert consensus(table, weights, method="bradley_terry").score == pytest.approx(expected, abs=1e-6)


def test_it_reports_a_condorcet_cycle_and_who_is_on_it():
    found = consensus(table_of(order("a", "b", "c", "d"), order("b", "c", "a", "d"), order("c", "a", "b", "d")))
    assert found.in_cycle.tolist() == [True, True, True, False]
    assert found.cyclic.tolist() == [True]
    assert found.rank.tolist() == [1, 1, 1, 2]


def test_it_sees_no_cycle_in_majorities_that_a_weight_decides():
    table = table_of(order("a", "b", "c"), order("b", "c", "a"), order("c", "a", "b"))
    found = consensus(table, [3.0, 1.0, 1.0])
    assert not found.in_cycle.any()
    assert found.rank.tolist() == [1, 2, 3]


@pytest.mark.parametrize("method", METHODS)
def test_it_contradicts_hardly_more_than_kemenys_rule(method):
    rng = np.random.default_rng(4)
    best, found = 0.0, 0.0
    for _ in range(60):
        k = int(rng.integers(3, 7))
        rankings = [dict(enumerate((np.arange(k) + rng.gumbel(0, 1, k)).argsort().argsort() + 1)) for _ in range(5)]
        weights = rng.uniform(0.2, 2, 5)
        score = consensus(table_of(*rankings), weights, method=method).score
        best += min(contradicted(order, rankings, weights) for order in permutations(range(k)))
        found += contradicted(tuple(np.argsort(-score)), rankings, weights)
    assert best <= found + 1e-9
    assert found <= 1.04 * best  # measured: 1.029 for both, which order complete rankings alike


def contradicted(best_first: tuple[int, ...], rankings: list[dict[int, int]], weights: np.ndarray) -> float:
    """The weight of all preferences that an order contradicts, which Kemeny's rule makes least (Kemeny 1959)."""
    return sum(
        weight * (ranking[worse] < ranking[better])
        for ranking, weight in zip(rankings, weights, strict=True)
        for better, worse in combinations(best_first, 2)
    )


def test_it_is_more_often_right_with_weights_than_without():
    rng = np.random.default_rng(7)
    quality = rng.normal(size=(1500, 4))
    noise = np.array([0.5, 0.5, 4.0])  # the third of each item's three annotators hardly looks
    seen = quality[:, None] + noise[:, None] * rng.gumbel(size=(1500, 3, 4))
    ranks = (-seen).argsort(axis=2).argsort(axis=2) + 1
    item, person, completion = (part.ravel() for part in np.indices(ranks.shape))
    table = RankingTable.from_arrays(item, person, completion, ranks.ravel())

    def accuracy(weights: list[float]) -> float:
        score = consensus(table, weights).score.reshape(1500, 4)
        pairs = list(combinations(range(4), 2))
        agreed = [np.sign(score[:, a] - score[:, b]) == np.sign(quality[:, a] - quality[:, b]) for a, b in pairs]
        return float(np.mean(agreed))

    assert accuracy([1.5, 1.5, 0.2]) > accuracy([1.0, 1.0, 1.0]) + 0.03


def test_it_breaks_ties_at_random_and_always_alike():
    labels = list(range(400))
    table = table_of(*[order("ab")] * 400, items=labels)
    found = consensus(table)
    places = strict_order(found)
    assert sorted(places[:2].tolist()) == [1, 2]
    assert 160 < (places[::2] == 1).sum() < 240
    assert (places == strict_order(consensus(table, method="bradley_terry"))).all()
    alone = consensus(table_of(order("ab"), items=[labels[17]]))
    assert strict_order(alone).tolist() == places[34:36].tolist()
    assert (strict_order(found, seed=1) != places).any()


def test_it_breaks_only_ties():
    found = consensus(table_of(order("c", "ab", "d")))
    assert strict_order(found)[[2, 3]].tolist() == [1, 4]


def test_it_measures_how_evenly_votes_are_split():
    found = consensus(table_of(order("a", "b", "c"), order("b", "a", "c")))
    assert found.pairs.contest.tolist() == [1.0, 0.0, 0.0]
    assert found.contest.tolist() == pytest.approx([1 / 3])


def test_it_says_nothing_of_nothing():
    found = consensus(RankingTable.from_arrays([], [], [], []))
    assert (found.score.size, found.pairs.item.size, strict_order(found).size) == (0, 0, 0)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, float("nan")]])
def test_it_refuses_weights_that_do_not_fit(weights):
    with pytest.raises(TableError, match="2 annotators: give each a weight"):
        consensus(table_of(order("a", "b"), order("a", "b")), weights)


def test_it_refuses_another_method():
    with pytest.raises(ValueError, match="borda and bradley_terry"):
        consensus(table_of(order("a", "b")), method="kemeny")


def test_it_counts_the_pairs_that_each_judgement_puts_in_an_order():
    ranks = np.array([[1, 2, 3, 0], [1, 1, 2, 0], [1, 1, 0, 0], [1, 2, 2, 2], [0, 0, 0, 0]], np.int8)
    assert strict_pairs(ranks).tolist() == [3, 2, 0, 3, 0]


@pytest.mark.parametrize("seed", range(4))
def test_contests_are_those_of_the_whole_consensus(seed):
    rng = np.random.default_rng(seed)
    item, person = np.sort(rng.integers(0, 40, 200)), rng.integers(0, 9, 200)
    ranks = (rng.integers(1, 4, (200, 9)) * (rng.random((200, 9)) < 0.5)).astype(np.int8)
    ranks[rng.random(200) < 0.1] = 0
    item, person = np.unique(np.stack([item, person]), axis=1)
    ranks, weight = ranks[: item.size], rng.exponential(1, 9) * (rng.random(9) < 0.8)
    found = contests(np.searchsorted(item, np.arange(41)), ranks, weight[person])
    row, completion = np.nonzero(ranks)
    items, code = np.unique(item[row], return_inverse=True)
    ballots = Ballots(code, person[row], completion, ranks[row, completion].astype(int), items, np.arange(9))
    whole = consensus(ballots, weight)
    ranked = found.n_rankings > 0
    assert np.flatnonzero(ranked).tolist() == whole.item_labels.tolist()
    assert found.n_rankings[ranked].tolist() == whole.n_rankings.tolist()
    assert found.cyclic[ranked].tolist() == whole.cyclic.tolist()
    assert found.cyclic.any()
    assert found.contest[ranked] == pytest.approx(whole.contest, abs=1e-12)


def test_it_orders_items_by_contest():
    one, two = order("a", "b"), order("b", "a")
    found = consensus(table_of(one, one, one, two, one, one, items=[1, 1, 2, 2, 3, 3]))
    assert found.item_labels[found.most_contested].tolist() == [2, 1, 3]
