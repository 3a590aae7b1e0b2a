"""What an annotator's votes weigh, and how sure votes make one, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from annotate.quality.weights import (
    ASSUMED_ACCURACY,
    annotator_weight,
    effective_trials,
    equal_weights,
    export_weights,
    soft_posterior,
)
from tests.bench.weights import Scale, compare


def test_it_weighs_by_the_log_odds_and_never_below_nothing():
    assert annotator_weight([0.5, 0.75, 0.9, 0.2, 0.0]).tolist() == pytest.approx([0, math.log(3), math.log(9), 0, 0])


@pytest.mark.parametrize("p", [1.0, 1.2, -0.1, float("nan")])
def test_it_refuses_an_accuracy_that_was_not_shrunk(p):
    with pytest.raises(ValueError, match="shrink"):
        annotator_weight([0.7, p])


def test_the_mean_weight_of_an_annotator_pair_is_one():
    n_pairs = np.array([10, 30, 60])
    weights = export_weights([0.9, 0.75, 0.4], n_pairs)
    assert weights.weight @ n_pairs / n_pairs.sum() == pytest.approx(1, abs=1e-12)
    assert weights.scale == pytest.approx((10 * math.log(9) + 30 * math.log(3)) / 100)
    assert weights.weight[0] / weights.weight[1] == pytest.approx(2)
    assert weights.weight[2] == 0


@pytest.mark.parametrize(("accuracy", "n_pairs"), [([0.5, 0.3], [5, 5]), ([0.9, 0.8], [0, 0])])
def test_all_weigh_one_where_nobody_can_be_told_apart(accuracy, n_pairs):
    weights = export_weights(accuracy, n_pairs)
    assert (weights.weight.tolist(), weights.scale) == ([1.0, 1.0], 0.0)


def test_the_posterior_is_bayes_rule_for_independent_votes():
    accuracy = np.array([0.9, 0.7, 0.6])
    weights = export_weights(accuracy, [1, 1, 1])
    # The first two prefer A, the third prefers B.
    for_a = 0.9 * 0.7 * 0.4
    for_b = 0.1 * 0.3 * 0.6
    margin = weights.weight @ [1, 1, -1]
    assert soft_posterior(margin, weights.scale) == pytest.approx(for_a / (for_a + for_b))
    prior = 0.2
    expected = prior * for_a / (prior * for_a + (1 - prior) * for_b)
    assert soft_posterior(margin, weights.scale, prior=prior) == pytest.approx(expected)


def test_without_gold_one_vote_is_as_sure_as_is_assumed():
    weights = equal_weights(3)
    assert weights.weight.tolist() == [1.0, 1.0, 1.0]
    assert soft_posterior([0, 1, -1], weights.scale).tolist() == pytest.approx(
        [0.5, ASSUMED_ACCURACY, 1 - ASSUMED_ACCURACY]
    )


def test_it_refuses_a_prior_that_leaves_nothing_to_learn():
    with pytest.raises(ValueError, match="between 0 and 1"):
        soft_posterior([1.0], 1.0, prior=1.0)


def test_a_gold_ranking_counts_as_the_independent_trials_it_is_worth():
    rng = np.random.default_rng(3)
    people, answers, blocks, pairs = 200, 8, 3, 6
    p = rng.uniform(0.55, 0.95, people)
    # Six pairs that come in three blocks of two alike are worth three trials.
    right = rng.random((people, answers, blocks)) < p[:, None, None]
    shares = right.mean(axis=2).ravel()
    found, n = effective_trials(shares, np.repeat(np.arange(people), answers), pairs)
    assert n.tolist() == pytest.approx([answers * blocks] * people, abs=2)
    assert found / n == pytest.approx(right.mean(axis=(1, 2)))


def test_gold_answers_that_are_right_or_wrong_count_one_each():
    right, n = effective_trials([1, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 2], 1)
    assert (right.tolist(), n.tolist()) == ([1, 2, 1], [2, 3, 1])


@pytest.mark.parametrize(("shares", "people", "trials"), [([0.5], [0], [1]), ([1.0, 1.0], [0, 0], [12]), ([], [], [])])
def test_trials_are_defined_where_nothing_varies(shares, people, trials):
    assert effective_trials(shares, people, 6)[1].tolist() == trials


def test_a_weighted_export_teaches_a_reward_model_better():
    # ./run bench weights, smaller: a quarter of 30 people guess, 8 gold rankings each; there it is 25 % over 20 seeds.
    lower = compare(5, Scale(tasks=500, annotators=30))["lower"]
    assert lower["weighted"]["mean"] >= 0.15
    assert lower["majority"]["mean"] < lower["posterior"]["mean"] < lower["weighted"]["mean"]
