"""Accuracy on gold against conjugate literals, a brute-force integral and seeded simulations of error and coverage."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln

from annotate.quality.gold_accuracy import accuracy_and_f1, gold_accuracy
from annotate.quality.table import TableError


def columns(estimates):
    return (np.array([getattr(one, name) for one in estimates]) for name in ("value", "lo", "hi"))


def test_it_has_nothing_to_say_of_nobody():
    assert gold_accuracy([], []) == []
    (found,) = gold_accuracy([0], [0])
    assert (found.value, found.n, found.reason) == (None, 0, "Nobody has answered gold yet.")


@pytest.mark.parametrize(("right", "n"), [([3], [3]), ([0], [3]), ([2, 3, 1], [3, 3, 3]), ([7.5, 3.25], [9, 4])])
def test_it_is_the_integral_over_what_the_pool_may_be(right, n):
    logit, log_s = np.meshgrid(np.linspace(-14, 14, 700), np.linspace(-5, 10, 700), indexing="ij")
    m, s = 1 / (1 + np.exp(-logit)), np.exp(log_s)
    log_weight = np.log(m * (1 - m)) - np.square(log_s - np.log(10)) / 2
    for x, k in zip(right, n, strict=True):
        log_weight += betaln(m * s + x, (1 - m) * s + k - x) - betaln(m * s, (1 - m) * s)
    weight = np.exp(log_weight - log_weight.max())
    for found, x, k in zip(gold_accuracy(right, n), right, n, strict=True):
        assert found.value == pytest.approx((weight * (m * s + x) / (s + k)).sum() / weight.sum(), abs=0.005)


def test_much_gold_speaks_for_itself():
    found = gold_accuracy([8000, 5000], [10_000, 10_000])[0]
    alone = stats.beta(8001, 2001)
    assert (found.value, found.lo, found.hi) == pytest.approx((alone.mean(), *alone.interval(0.95)), abs=2e-4)


@pytest.mark.parametrize(("right", "side"), [(5, "above"), (0, "below")])
def test_a_pool_that_is_all_alike_is_defined(right, side):
    found = gold_accuracy([right] * 4, [5] * 4)[0]
    assert 0 <= found.lo < found.value < found.hi <= 1
    assert found.value > 0.9 if side == "above" else found.value < 0.1


def test_who_answered_none_gets_what_the_pool_leads_to_expect():
    *_, newcomer = gold_accuracy([8, 7, 9, 0], [10, 10, 10, 0])
    assert newcomer.value == pytest.approx(0.78, abs=0.03)
    assert (newcomer.n, newcomer.reason) == (
        0,
        "No gold answered yet: this is what the others would lead one to expect.",
    )
    assert newcomer.hi - newcomer.lo > 0.3


# raw -> shrunk error of the research's table: .236 -> .097, .131 -> .083, .092 -> .070, .041 -> .038
@pytest.mark.parametrize(("n", "raw", "shrunk"), [(3, 0.236, 0.1), (10, 0.131, 0.084), (100, 0.041, 0.039)])
def test_shrinking_lowers_the_error_and_intervals_cover(n, raw, shrunk):
    rng = np.random.default_rng(n)
    truth = rng.beta(13, 4, (25, 1000))
    right = rng.binomial(n, truth)
    found = [tuple(columns(gold_accuracy(row, np.full(1000, n)))) for row in right]
    value, lo, hi = np.swapaxes(np.array(found), 0, 1)
    assert np.sqrt(np.square(right / n - truth).mean()) == pytest.approx(raw, abs=0.015)
    assert np.sqrt(np.square(value - truth).mean()) < shrunk
    assert 0.925 <= ((lo <= truth) & (truth <= hi)).mean() <= 0.96


def test_intervals_cover_in_a_pool_of_three():
    rng = np.random.default_rng(3)
    truth = rng.beta(8, 3, (150, 3))
    found = [tuple(columns(gold_accuracy(row, [10] * 3))) for row in rng.binomial(10, truth)]
    _, lo, hi = np.swapaxes(np.array(found), 0, 1)
    assert 0.92 <= ((lo <= truth) & (truth <= hi)).mean() <= 0.98


@pytest.mark.parametrize(
    ("right", "n", "said"),
    [
        ([1, 5], [2, 4], "Row 2 has 5 right of 4"),
        ([1], [1.5], "Row 1 has 1 right of 1.5"),
        ([float("nan")], [1], "Row 1 has nan right"),
        ([1, 1], [1], "Every n needs its right"),
    ],
)
def test_it_refuses_what_cannot_be(right, n, said):
    with pytest.raises(TableError, match=said):
        gold_accuracy(right, n)


def test_accuracy_and_f1_are_the_textbooks():
    truth, said = list("aaaabbbccc"), list("aaabbbcccd")
    found = accuracy_and_f1(said, truth)
    assert (found.accuracy.value, found.accuracy.n) == (0.7, 10)
    f1 = {label: one.value for label, one in found.by_class.items()}
    assert f1 == pytest.approx({"a": 6 / 7, "b": 4 / 6, "c": 4 / 6, "d": 0.0})
    assert (found.f1.value, found.f1.n) == (pytest.approx(np.mean(list(f1.values()))), 10)
    assert found.by_class["a"].n == 4  # it is a, or is said to be
    assert found.as_dict()["by_class"]["d"]["value"] == 0.0


def test_intervals_of_f1_cover():
    rng = np.random.default_rng(0)
    cells = np.array([[0.35, 0.1, 0.05], [0.05, 0.2, 0.05], [0.05, 0.05, 0.1]])  # truth x said
    f1 = 2 * np.diag(cells) / (cells.sum(axis=0) + cells.sum(axis=1))
    inside = []
    for drawn in rng.choice(9, p=cells.ravel(), size=(300, 150)):
        found = accuracy_and_f1(drawn % 3, drawn // 3)
        wanted = [(found.f1, f1.mean()), *zip(found.by_class.values(), f1, strict=True)]
        inside.append([one.lo <= true <= one.hi for one, true in wanted])
    assert np.all(np.mean(inside, axis=0) > 0.92)
    assert np.all(np.mean(inside, axis=0) < 0.98)


def test_perfect_and_missing_estimates_are_defined():
    perfect = accuracy_and_f1([1, 2, 2], [1, 2, 2])
    assert (perfect.f1.value, perfect.f1.hi, perfect.by_class[1].value) == (1, 1, 1)
    assert perfect.f1.lo < 0.5
    none = accuracy_and_f1([], [])
    assert (none.accuracy.value, none.f1.value, none.f1.reason) == (None, None, "Nothing counted yet.")
    with pytest.raises(TableError, match="2 estimates and 1 truths"):
        accuracy_and_f1([1, 2], [1])
