"""Win rates against a baseline: as judged, and at equal length."""

import numpy as np
import pytest

from annotate.quality.intervals import clustered_proportion
from annotate.quality.scores import win_rates
from annotate.quality.table import TableError

ITEMS = 300


def logistic(x):
    return 1 / (1 + np.exp(-x))


def judged(seed: int, quality, extra_length, *, slope: float = 1.0, items: int = ITEMS):
    """A row for each model and item: (model, item, preference, lengths of the model's answers), and the true rates."""
    rng = np.random.default_rng(seed)
    quality, extra = np.asarray(quality), np.asarray(extra_length)
    model, item = np.repeat(np.arange(quality.size), items), np.tile(np.arange(items), quality.size)
    difficulty = rng.normal(0, 0.7, items)
    gap = rng.normal(0, 1, model.size) + extra[model]
    z = np.tanh(gap / np.sqrt((gap**2).mean()))
    said = (rng.random(model.size) < logistic(quality[model] + difficulty[item] + slope * z)).astype(float)
    return (model, item, said, 300 + 100 * gap), logistic(quality[:, None] + rng.normal(0, 0.7, (1, 20_000))).mean(
        axis=1
    )


def test_it_removes_what_a_model_gained_by_length():
    (model, item, said, length), _ = judged(0, [0.0, 0.0, 0.5, -0.5], [0.0, 2.0, 0.0, 1.0], items=1500)
    found = win_rates(model, item, said, {"length": (np.full(said.size, 300.0), length)})
    terse, verbose = found.models[0], found.models[1]
    assert verbose.win_rate.lo > 0.6
    assert verbose.lc_win_rate.lo < 0.5 < verbose.lc_win_rate.hi
    assert abs(verbose.lc_win_rate.value - terse.lc_win_rate.value) < 0.06
    assert found.slopes["length"].lo < 1.0 < found.slopes["length"].hi


def test_its_intervals_cover_the_truth():
    """150 tables of 3 models x 80 items; 95 % and three standard errors of 450 dependent cases."""
    covered = 0
    for seed in range(150):
        (model, item, said, length), truth = judged(seed, [0.0, 0.8, -0.4], [0.5, 0.0, 1.5], items=80)
        found = win_rates(model, item, said, {"length": (np.full(said.size, 300.0), length)})
        covered += sum(
            one.lc_win_rate.lo <= t <= one.lc_win_rate.hi for one, t in zip(found.models, truth, strict=True)
        )
    assert 0.91 <= covered / 450 <= 0.985


def test_its_plain_win_rate_is_the_mean_clustered_by_item():
    (model, item, said, _), _ = judged(1, [0.2, 1.0], [0, 0])
    said[:40] = 0.5
    item = item // 2
    found = win_rates(model, item, said).models
    for code, one in enumerate(found):
        expected = clustered_proportion(said[model == code], item[model == code].tolist())
        assert (one.win_rate.value, one.win_rate.n) == (pytest.approx(expected.value), expected.n)
        assert (one.win_rate.lo, one.win_rate.hi) == pytest.approx((expected.lo, expected.hi), abs=1e-9)
        assert one.lc_win_rate.value is None
        assert "nothing to control for" in one.lc_win_rate.reason


def test_answers_of_equal_length_leave_the_win_rate_as_it_is():
    (model, item, said, _), _ = judged(2, [0.4], [0.0])
    same = np.full(said.size, 250.0)
    found = win_rates(model, item, said, {"length": (same, same)})
    (one,) = found.models
    assert found.slopes["length"].reason == "No two answers that were compared differ in it."
    assert one.lc_win_rate.value == pytest.approx(one.win_rate.value, abs=1e-3)
    assert one.lc_win_rate.lo == pytest.approx(one.win_rate.lo, abs=2e-3)


def test_a_model_that_is_always_longer_borrows_the_slope_of_the_others():
    (model, item, said, length), _ = judged(3, [0.0, 0.0], [0.0, 0.0], slope=1.5)
    said = np.append(said, np.ones(ITEMS))  # the third model always won, with 2 more of length each time
    columns = np.append(model, np.full(ITEMS, 2)), np.append(item, np.arange(ITEMS)), said
    base, own = np.full(said.size, 300.0), np.append(length, np.full(ITEMS, 500.0))
    third = win_rates(*columns, {"length": (base, own)}).models[2]
    assert 0.9 < third.lc_win_rate.value < 1
    assert third.win_rate.value == 1


def test_preferences_between_count_as_so_much_of_a_win():
    found = win_rates(["m"] * 4, [1, 2, 3, 4], [0.5, 0.75, 1.0, 0.25], {"length": ([1, 2, 3, 4], [2, 2, 2, 5])})
    assert found.models[0].win_rate.value == 0.625
    assert 0 < found.models[0].lc_win_rate.value < 1
    assert set(found.as_dict()["models"]["m"]["lc_win_rate"]) == {"value", "lo", "hi", "n", "reason"}


def test_a_single_item_has_no_interval():
    one = win_rates(["m"], ["i"], [1.0], {"length": ([1], [2])}).models[0]
    assert (one.win_rate.value, one.win_rate.lo, one.win_rate.reason) == (
        1.0,
        None,
        "A single cluster has no interval.",
    )
    assert one.lc_win_rate.lo is None


def test_nothing_gives_nothing():
    assert win_rates([], [], []).models == []


@pytest.mark.parametrize(
    ("preference", "covariates", "said"),
    [
        ([1.0, 1.2], None, "Row 2 has 1.2 as its preference; that must be from 0 to 1"),
        ([1.0], None, "1 values for 2 rows"),
        ([1.0, 0.0], {"length": ([1, 2], [1, float("nan")])}, "Row 2 has nan as its length of the model"),
    ],
)
def test_it_refuses_what_is_no_table(preference, covariates, said):
    with pytest.raises(TableError, match=said):
        win_rates(["m", "m"], ["i", "j"], preference, covariates)
