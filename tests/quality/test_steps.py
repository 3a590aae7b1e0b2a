"""Agreement on steps: against literals, brute force and the krippendorff package (tolerance 1e-12)."""

import itertools
import random

import krippendorff
import numpy as np
import pytest

from annotate.quality.steps import LABELS, step_agreement
from annotate.quality.table import TableError


def world(seed, items=12, people=5):
    rng = random.Random(seed)
    rows = []
    for item in range(items):
        length = rng.randint(1, 6)
        truth = [rng.choice(LABELS) for _ in range(length)]
        for person in rng.sample(range(people), rng.randint(1, 4)):
            said = [label if rng.random() < 0.7 else rng.choice(LABELS) for label in truth]
            rows.append((item, person, said[: said.index("bad") + 1] if "bad" in said else said))
    return [list(column) for column in zip(*rows, strict=True)]


def test_it_counts_steps_and_first_errors():
    found = step_agreement([1, 1, 2, 2], ["a", "b", "a", "b"], [["good", "bad"], ["good", "good", "bad"]] * 2)
    # Two cases on each item: good = good, bad != good; the first error is at another step both times.
    assert (found.agreement.value, found.agreement.n) == (0.5, 4)
    assert (found.right_or_wrong.value, found.first_error.value, found.first_error.n) == (0.5, 0.0, 2)
    assert (found.n_items, found.n_annotators, found.n_judgements, found.n_labels) == (2, 2, 4, 10)


def test_neutral_counts_as_not_wrong():
    found = step_agreement([1, 1], ["a", "b"], [["good", "bad"], ["neutral", "bad"]])
    assert (found.agreement.value, found.right_or_wrong.value, found.first_error.value) == (0.5, 1.0, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_brute_force_and_with_the_krippendorff_package(seed):
    items, people, labels = world(seed)
    found = step_agreement(items, people, labels)
    rows = list(zip(items, people, labels, strict=True))
    cases = [
        (one, other)
        for (item, _, a), (twin, _, b) in itertools.combinations(rows, 2)
        if item == twin
        for one, other in zip(a, b, strict=False)
    ]
    assert found.agreement.value == pytest.approx(np.mean([one == other for one, other in cases]), abs=1e-12)
    assert found.agreement.n == len(cases)
    units = [(item, step) for item in sorted(set(items)) for step in range(6)]
    matrix = np.full((5, len(units)), np.nan)
    for item, person, said in rows:
        for step, label in enumerate(said):
            matrix[person, units.index((item, step))] = LABELS.index(label)
    expected = krippendorff.alpha(reliability_data=matrix, level_of_measurement="nominal")
    assert found.alpha.value == pytest.approx(expected, abs=1e-12)
    assert found.alpha.lo <= found.alpha.value <= found.alpha.hi
    assert found.agreement.lo < found.agreement.value < found.agreement.hi


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (([], [], []), "Nobody has labelled"),
        (([1], ["a"], [["good"]]), "Only one annotator"),
        (([1, 2], ["a", "b"], [["good"], ["bad"]]), "No two annotators"),
    ],
)
def test_it_says_why_there_is_no_number(rows, reason):
    assert reason in step_agreement(*rows).agreement.reason


def test_alpha_is_undefined_where_all_labels_are_alike():
    found = step_agreement([1, 1], ["a", "b"], [["good"], ["good"]])
    assert (found.agreement.value, found.alpha.value) == (1.0, None)


@pytest.mark.parametrize(
    "rows", [([1], ["a"], [["fine"]]), ([1, 1], ["a", "a"], [["good"], ["good"]]), ([1], [], [["good"]])]
)
def test_it_refuses_what_are_no_step_labels(rows):
    with pytest.raises(TableError):
        step_agreement(*rows)
