"""Dawid-Skene against a brute-force step, majority vote in planted worlds, and mirrored pairs."""

import numpy as np
import pytest

from annotate.quality.dawid_skene import dawid_skene, majority
from annotate.quality.dawid_skene_kernels import expect
from annotate.quality.table import TableError

from .label_worlds import class_world, pair_world


def test_a_step_is_bayes_rule():
    rng = np.random.default_rng(0)
    confusion, prior = rng.dirichlet(np.ones(3), (4, 3)).swapaxes(1, 2).copy(), np.array([0.5, 0.3, 0.2])
    bounds, annotator, value = np.array([0, 3, 4, 7]), np.array([0, 1, 3, 2, 0, 2, 3]), np.array([0, 2, 2, 1, 1, 0, 0])
    posterior, counts = np.empty((3, 3)), np.empty((4, 3, 3))
    likelihood = expect(bounds, annotator, value, np.log(confusion), np.log(prior), posterior, counts)
    joint = np.array([prior * confusion[annotator[a:b], value[a:b]].prod(axis=0) for a, b in [(0, 3), (3, 4), (4, 7)]])
    assert posterior == pytest.approx(joint / joint.sum(axis=1, keepdims=True), abs=1e-12)
    assert likelihood == pytest.approx(np.log(joint.sum(axis=1)).sum(), abs=1e-12)
    assert counts[2] == pytest.approx(np.stack([posterior[2], posterior[1], np.zeros(3)]), abs=1e-12)


@pytest.mark.parametrize("kind", ["hard", "good", "mixed", "without ties"])
def test_pairs_are_never_below_the_majority_at_ten_labels_an_annotator(kind):
    for seed in range(8):
        world = pair_world(np.random.default_rng(seed), kind, annotators=1000, labels=10)
        found = dawid_skene(world.items, world.annotators, world.values, pairs=True)
        _, voted = majority(world.items, world.values, seed=seed)
        assert (found.labels == world.truth).mean() > (voted == world.truth).mean()
        assert found.converged


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_classes_are_never_below_the_majority_at_ten_labels_an_annotator(classes):
    for seed in range(8):
        world = class_world(np.random.default_rng(seed), classes, annotators=1000, labels=10)
        found = dawid_skene(world.items, world.annotators, world.values)
        _, voted = majority(world.items, world.values, seed=seed)
        assert (found.labels == world.truth).mean() > (voted == world.truth).mean()


@pytest.mark.parametrize("labels", [10, 100])
def test_intervals_of_accuracy_cover_without_any_gold(labels):
    inside, errors, spread = [], [], []
    for seed in range(3):
        world = pair_world(np.random.default_rng(seed), "good", annotators=400, labels=labels)
        found = dawid_skene(world.items, world.annotators, world.values, pairs=True)
        value, lo, hi = np.array([(one.value, one.lo, one.hi) for one in found.accuracy]).T
        inside.append(((lo <= world.accuracy) & (world.accuracy <= hi)).mean())
        errors.append(np.square(value - world.accuracy).mean())
        spread.append(world.accuracy.var())
    assert 0.92 <= np.mean(inside) <= 0.98
    assert np.mean(errors) < np.mean(spread)


def test_the_mirrored_pairs_have_the_mirrored_posterior():
    world = pair_world(np.random.default_rng(1), "hard", annotators=40, labels=20)
    plain = dawid_skene(world.items, world.annotators, world.values, pairs=True)
    mirrored = dawid_skene(world.items, world.annotators, -world.values, pairs=True)
    assert mirrored.posterior == pytest.approx(plain.posterior[:, ::-1], abs=1e-9)
    assert plain.confusion == pytest.approx(plain.confusion[:, ::-1, ::-1], abs=1e-12)
    assert plain.confusion.sum(axis=2) == pytest.approx(np.ones((40, 3)), abs=1e-12)
    assert plain.prior[0] == plain.prior[2]


def test_it_weighs_who_is_right_more_than_who_guesses():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 300)
    values = np.stack([np.where(rng.random(300) < p, truth, 1 - truth) for p in (0.95, 0.95, 0.5, 0.5, 0.5)], axis=1)
    items, annotators = np.repeat(np.arange(300), 5), np.tile(list("abcde"), 300)
    found = dawid_skene(items, annotators, values.ravel())
    assert (found.labels == truth).mean() > (majority(items, values.ravel())[1] == truth).mean() + 0.1
    assert [one.value > 0.85 for one in found.accuracy] == [True, True, False, False, False]
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(300))


def test_any_number_of_labels_and_any_ids_will_do():
    found = dawid_skene(["q2", "q1", "q1", "q1"], ["x", "x", "y", "z"], ["no", "yes", "yes", "no"])
    assert found.item_labels.tolist() == ["q1", "q2"]
    assert found.labels.tolist() == ["yes", "no"]
    assert found.posterior[0, 1] > 0.5
    assert [one.n for one in found.accuracy] == [2, 1, 1]


def test_poor_data_give_reasons():
    nothing = dawid_skene([], [], [])
    assert (nothing.labels.size, nothing.accuracy, nothing.converged) == (0, [], True)
    same = dawid_skene([1, 1, 2], ["a", "b", "a"], [5, 5, 5])
    assert (same.labels.tolist(), same.accuracy[0].value) == ([5, 5], None)
    assert same.accuracy[0].reason.startswith("Everybody gave the same answer")
    alone = dawid_skene([1, 2, 3], ["a", "a", "a"], [0, 1, 1])
    assert alone.labels.tolist() == [0, 1, 1]
    assert alone.accuracy[0].reason.startswith("Nobody else has labelled these items")
    pairs = dawid_skene([1, 1], ["a", "b"], [1, 1], pairs=True)
    assert (pairs.labels.tolist(), pairs.classes.tolist()) == ([1], [-1, 0, 1])


def test_the_majority_breaks_ties_at_random_but_the_same_way_each_time():
    items, values = np.repeat(np.arange(1000), 2), np.tile([0, 1], 1000)
    labels, voted = majority(items, values, seed=1)
    assert labels.tolist() == list(range(1000))
    assert 0.45 < voted.mean() < 0.55
    assert (majority(items, values, seed=1)[1] == voted).all()
    assert majority([], [])[1].size == 0


@pytest.mark.parametrize(
    ("columns", "pairs", "said"),
    [
        (([1, 1], ["a", "a"], [0, 1]), False, "Row 2 labels an item that this annotator has labelled before"),
        (([1, 2], ["a"], [0, 1]), False, "2 items, 1 annotators and 2 values"),
        (([1, 1], ["a", "b"], [0, 2]), True, "Row 2 has the value 2; values of pairs are -1, 0 and 1"),
        (([1], ["a"], ["better"]), True, "something else"),
        (([1, 1], ["a", "b"], [1.0, float("nan")]), False, "Row 2 has no value"),
        (([1] * 8000, range(8000), range(8000)), False, "8000 different values"),
    ],
)
def test_it_refuses_what_cannot_be(columns, pairs, said):
    with pytest.raises(TableError, match=said):
        dawid_skene(*columns, pairs=pairs)
