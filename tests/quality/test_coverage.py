"""A small `./run bench coverage`: intervals over annotators and items hold, those over items alone do not."""

import numpy as np

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
