"""Planted worlds of labels: items with a truth, and annotators with known confusions."""

from dataclasses import dataclass

import numpy as np

PER_ITEM = 4
# share of tied truths; Beta of: the better one where it says one, a tie though one is better, a tie where there is one
PAIR_KINDS = {
    "hard": (0.12, (6, 2), (1.5, 12), (4, 4)),
    "good": (0.12, (14, 2), (1.5, 12), (8, 3)),
    "mixed": (0.12, (3, 1), (1.5, 12), (4, 4)),
    "without ties": (0.0, (6, 2), (1, 40), (4, 4)),
}


@dataclass
class World:
    """Labels in columns, the truth of each item, and each annotator's expected accuracy."""

    items: np.ndarray
    annotators: np.ndarray
    values: np.ndarray
    truth: np.ndarray
    accuracy: np.ndarray


def pair_world(rng: np.random.Generator, kind: str, *, annotators: int, labels: int) -> World:
    """Pairs with values -1, 0, 1; every annotator's confusion is the same after a swap."""
    tied, *betas = PAIR_KINDS[kind]
    same, tie, tie_of_tie = (rng.beta(*beta, annotators) for beta in betas)
    better, worse = (1 - tie) * same, (1 - tie) * (1 - same)
    rows = [[better, tie, worse], [(1 - tie_of_tie) / 2, tie_of_tie, (1 - tie_of_tie) / 2], [worse, tie, better]]
    found = _labelled(rng, np.transpose(rows, (2, 0, 1)), [(1 - tied) / 2, tied, (1 - tied) / 2], labels)
    found.values, found.truth = found.values - 1, found.truth - 1
    return found


def class_world(rng: np.random.Generator, classes: int, *, annotators: int, labels: int) -> World:
    """Classes 0, 1, ... of falling frequency; confusions from a Dirichlet with 6 on the diagonal, 1.2 beside it."""
    shapes = np.where(np.eye(classes, dtype=bool), 6.0, 1.2)
    confusion = np.stack([rng.dirichlet(shape, annotators) for shape in shapes], axis=1)
    frequency = np.arange(classes, 0, -1) / (classes * (classes + 1) / 2)
    return _labelled(rng, confusion, frequency, labels)


def _labelled(rng: np.random.Generator, confusion: np.ndarray, frequency, labels: int) -> World:
    """Each item goes to PER_ITEM different annotators; `confusion` is (A, truth, value)."""
    people, classes = confusion.shape[:2]
    items = people * labels // PER_ITEM
    start, stride = rng.integers(0, people, items), rng.integers(1, people // PER_ITEM, items)
    annotators = ((start[:, None] + stride[:, None] * np.arange(PER_ITEM)) % people).ravel()
    truth = rng.choice(classes, p=frequency, size=items)
    item = np.repeat(np.arange(items), PER_ITEM)
    below = rng.random(item.size)[:, None] > confusion[annotators, truth[item]].cumsum(axis=1)
    accuracy = np.einsum("akk,k->a", confusion, np.bincount(truth, minlength=classes) / items)
    return World(item, annotators, np.minimum(below.sum(axis=1), classes - 1), truth, accuracy)
