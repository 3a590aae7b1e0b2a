"""A small `./run bench coverage`: intervals over annotators and items hold, those over items alone do not."""

import numpy as np
import pytest

from annotate.quality.crossing import variance_over_annotators
from tests.bench._coverage_worlds import WORLDS
from tests.bench.coverage import FEWEST, HIGH, LOW, cover, holds


def test_it_covers_other_annotators_from_20_up():
    rows = {(row["measure"], row["way"]): row for row in cover(WORLDS[0], [20], times=160, seed=3)}
    for measure in ("percent_agreement", "alpha", "ac1"):
        assert LOW - 0.03 <= rows[measure, "annotators and items"]["coverage"] <= HIGH + 0.03
        assert rows[measure, "items only"]["coverage"] < 0.8


def test_it_fails_the_benchmark_where_intervals_do_not_hold():
    row = {"way": "annotators and items", "annotators": FEWEST, "coverage": 0.85, "error": 0.01}
    assert not holds(row)
    assert holds(row | {"way": "items only"})
    assert holds(row | {"annotators": 8})
    assert holds(row | {"coverage": 0.95})


def test_it_draws_different_annotators_for_an_item():
    for world in WORLDS[:3]:
        study = world.draw(np.random.default_rng(0), 60)
        assert np.unique(study.item * 60 + study.annotator).size == len(study)


def test_the_part_of_annotators_is_unbiased_where_what_they_add_to_chance_cancels_what_they_add_to_cases():
    """Pairs deviate by u + u + e (sd 1, 1, .5); what each annotator adds through the margins takes u away again, and
    all that is left is e. As with a rare flag, where who says yes often differs often, and is expected to.
    """
    rng, people = np.random.default_rng(7), 12
    one, other = np.triu_indices(people, 1)
    found = []
    for _ in range(2000):
        u, e = rng.normal(size=people), rng.normal(scale=0.5, size=one.size)
        pairs = u[one] + u[other] + e
        pairs -= pairs.mean()
        of_meetings = np.bincount(one, pairs, people) + np.bincount(other, pairs, people)
        margins = -(people - 1) * (u - u.mean())
        loads = np.full(people, people - 1.0)
        found.append(
            variance_over_annotators(of_meetings, margins, loads, float(np.square(pairs).sum()), float(people))[1]
        )
    assert np.mean(found) == pytest.approx(one.size * 0.25, rel=0.05)
