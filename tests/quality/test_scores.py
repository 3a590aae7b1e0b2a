"""Bradley-Terry with Davidson's ties and style control: parity, planted truth, intervals, poor data."""

import choix
import numpy as np
import pytest
from scipy import optimize

from annotate.quality.scores import Scores, bradley_terry
from annotate.quality.table import TableError
from tests.quality.comparisons import outcomes, pairs


def values(found: Scores) -> np.ndarray:
    return np.array([score.value for score in found.scores])


def test_it_gives_the_scores_of_choix_where_there_are_no_ties():
    rng = np.random.default_rng(0)
    left, right = pairs(rng, 8, 600)
    said = (rng.random(600) < 1 / (1 + np.exp(0.3 * (right - left)))).astype(float)
    found = values(bradley_terry(left, right, said))
    won = [(a, b) if s else (b, a) for a, b, s in zip(left, right, said, strict=True)]
    assert found == pytest.approx(choix.ilsr_pairwise(8, won, alpha=0, tol=1e-12), abs=1e-6)
    assert found == pytest.approx(choix.opt_pairwise(8, won, alpha=0, tol=1e-12), abs=1e-6)
    assert found.sum() == pytest.approx(0, abs=1e-12)


def loss(parameters, design, said, weights, prior):
    """Minus the log-likelihood with its gradient, from a design matrix of gaps whose last column is log nu's."""
    gap, eta = design @ parameters[:-1], parameters[-1]
    logs = np.stack([-gap / 2, np.full(gap.size, eta), gap / 2], axis=1)
    logs -= np.logaddexp.reduce(logs, axis=1, keepdims=True)
    said_so = np.eye(3)[(2 * said).astype(int)]
    surprise = weights[:, None] * (said_so - np.exp(logs))
    gradient = np.append(design.T @ (surprise @ [-0.5, 0, 0.5]), surprise[:, 1].sum())
    penalty = 0.5 * (prior * parameters**2).sum()
    return penalty - (weights[:, None] * said_so * logs).sum(), prior * parameters - gradient


@pytest.mark.parametrize("styled", [False, True])
def test_it_finds_the_maximum_that_scipy_finds(styled):
    rng = np.random.default_rng(1)
    left, right = pairs(rng, 5, 400)
    raw = rng.normal(size=(400, 2)) * [1.0, 30.0]
    said = outcomes(rng, 0.4 * (left - right) + 0.5 * raw[:, 0], 0.6)
    weights = rng.integers(1, 4, 400).astype(float)
    covariates = {"length": raw[:, 0], "lists": raw[:, 1]} if styled else None
    found = bradley_terry(left, right, said, weights=weights, covariates=covariates)
    design = (np.eye(5)[left] - np.eye(5)[right])[:, :4]  # the fifth model is held at 0
    if styled:
        design = np.hstack([design, raw / np.sqrt((raw**2).mean(axis=0))])
    prior = np.r_[np.zeros(4), np.ones(design.shape[1] - 4), 0.0]
    start = np.zeros(design.shape[1] + 1)
    best = optimize.minimize(loss, start, (design, said, weights, prior), "BFGS", jac=True, options={"gtol": 1e-9}).x
    theta = np.append(best[:4], 0.0)
    beta = [coefficient.value for coefficient in found.coefficients.values()]
    expected = [*(theta - theta.mean()), *best[4:]]
    assert [*values(found), *beta, np.log(found.nu.value)] == pytest.approx(expected, abs=1e-8)


def test_it_finds_the_planted_style_and_scores_within_their_intervals():
    rng = np.random.default_rng(2)
    truth = np.linspace(-1, 1, 10)
    left, right = pairs(rng, 10, 120_000)  # enough for the start from every second row
    length, lists = rng.normal(size=(2, left.size))
    said = outcomes(rng, truth[left] - truth[right] + 0.8 * length - 0.2 * lists, 0.4)
    found = bradley_terry(left, right, said, covariates={"length": length, "lists": lists * 7})
    scale = found.scales["length"]
    slope = found.coefficients["length"]
    assert slope.lo / scale < 0.8 < slope.hi / scale
    assert found.coefficients["lists"].lo < -0.2 < found.coefficients["lists"].hi
    assert found.scales["lists"] == pytest.approx(7, rel=0.01)
    assert found.nu.lo < 0.4 < found.nu.hi
    assert np.abs(values(found) - truth).max() < 0.05
    plain = bradley_terry(left, right, said)
    assert np.abs(values(plain)).max() < np.abs(values(found)).max()  # what style decided looks like chance


def test_it_gives_the_sandwich_that_brute_force_gives():
    rng = np.random.default_rng(3)
    left, right = pairs(rng, 4, 300)
    said = outcomes(rng, 0.3 * (left - right), 0.5)
    items, people = rng.integers(0, 40, 300), rng.integers(0, 9, 300)
    found = bradley_terry(left, right, said, clusters=(items, people))
    design = np.eye(4)[left] - np.eye(4)[right]
    gap, nu = design @ values(found), found.nu.value
    chances = np.stack([np.exp(-gap / 2), np.full(300, nu), np.exp(gap / 2)], axis=1)
    chances /= chances.sum(axis=1, keepdims=True)
    directions = np.stack([np.hstack([s * design, np.full((300, 1), t)]) for s, t in ((-0.5, 0), (0, 1), (0.5, 0))], 1)
    mean = (chances[..., None] * directions).sum(axis=1)
    scores = directions[np.arange(300), (2 * said).astype(int)] - mean
    moved = directions - mean[:, None]
    bread = np.linalg.pinv(np.einsum("nk,nkp,nkq->pq", chances, moved, moved), rcond=1e-9)

    def meat(clusters) -> np.ndarray:
        sums = np.stack([scores[clusters == cluster].sum(axis=0) for cluster in np.unique(clusters)])
        return sums.T @ sums * len(sums) / (len(sums) - 1)

    crossed = bread @ (meat(items) + meat(people) - meat(items * 100 + people)) @ bread
    single = bread @ meat(items) @ bread
    contrast = np.array([1, -1, 0, 0, 0])
    variance = max(contrast @ crossed @ contrast, contrast @ single @ contrast)
    gotten = found.difference(0, 1)
    assert gotten.value == pytest.approx(values(found)[0] - values(found)[1], abs=1e-12)
    assert (gotten.hi - gotten.value) / 2.306004135 == pytest.approx(np.sqrt(variance), rel=1e-6)  # t(8)
    assert found.n_clusters == 9


def test_its_intervals_cover_where_those_of_independent_rows_do_not():
    """200 tables of 60 items x 10 comparisons whose items differ; 95 %, three standard errors: 181 of 200."""
    rng = np.random.default_rng(4)
    items = np.repeat(np.arange(60), 10)
    covered = naive = 0
    for _ in range(200):
        left, right = pairs(rng, 3, items.size)
        quirks = rng.normal(0, 1.0, (60, 3))
        said = outcomes(rng, quirks[items, left] - quirks[items, right], 0.4)
        # all are alike on average, so each difference is truly 0
        found = bradley_terry(left, right, said, clusters=items).difference(0, 1)
        covered += found.lo <= 0 <= found.hi
        found = bradley_terry(left, right, said).difference(0, 1)
        naive += found.lo <= 0 <= found.hi
    assert 181 <= covered <= 199
    assert naive < 175


def test_it_clusters_by_annotators_and_items_at_once():
    rng = np.random.default_rng(5)
    left, right = pairs(rng, 3, 3000)
    people, items = rng.integers(0, 20, 3000), rng.integers(0, 600, 3000)
    lean = rng.normal(0, 0.8, (20, 3))
    said = outcomes(rng, lean[people, left] - lean[people, right], 0.4)
    by_items = bradley_terry(left, right, said, clusters=items).scores[0]
    by_both = bradley_terry(left, right, said, clusters=(items, people)).scores[0]
    assert by_both.hi - by_both.lo > 2 * (by_items.hi - by_items.lo)


def test_it_does_not_matter_which_of_two_is_left():
    rng = np.random.default_rng(6)
    left, right = pairs(rng, 4, 200)
    said, length = outcomes(rng, 0.5 * (left - right), 0.5), rng.normal(1, 1, 200)
    turned = rng.random(200) < 0.5
    a, b = np.where(turned, right, left), np.where(turned, left, right)
    one = bradley_terry(left, right, said, covariates={"length": length})
    other = bradley_terry(
        a, b, np.where(turned, 1 - said, said), covariates={"length": np.where(turned, -length, length)}
    )
    assert values(one) == pytest.approx(values(other), abs=1e-9)


def test_a_weight_counts_like_as_many_rows_in_one_cluster():
    left, right, said = ["a", "b", "c", "a", "b", "c"], ["b", "c", "a", "c", "a", "b"], [1, 1, 0, 0.5, 0, 0]
    rows = np.repeat(np.arange(6), [2, 1, 1, 3, 1, 1])
    weighted = bradley_terry(left, right, said, weights=[2, 1, 1, 3, 1, 1])
    repeated = bradley_terry(*(np.array(column)[rows] for column in (left, right, said)), clusters=rows)
    assert values(weighted) == pytest.approx(values(repeated), abs=1e-9)
    assert weighted.scores[0].lo == pytest.approx(repeated.scores[0].lo, abs=1e-9)
    assert (weighted.n_comparisons, repeated.n_comparisons) == (6, 9)


def test_it_keeps_a_model_finite_that_never_lost_and_says_so():
    found = bradley_terry(["a", "a", "b", "b", "c"], ["b", "c", "c", "a", "b"], [1, 1, 1, 0, 1])
    best = found.scores[0]
    assert "never lost" in found.reason == best.reason
    assert best.value > 2
    assert best.hi - best.lo > 5
    assert found.nu == bradley_terry(["a"], ["b"], [1]).nu.__class__(0.0, None, None, 5, "There are no ties.")


def test_it_says_that_groups_which_never_met_cannot_be_compared():
    found = bradley_terry(["a", "b", "c", "d"], ["b", "a", "d", "c"], [1, 1, 1, 1])
    assert "never compared with the others" in found.reason
    across = found.difference(0, 2)
    assert across.lo < -15 < 15 < across.hi


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (["a", "b", "c"], ["b", "c", "a"], [0.5, 0.5, 0.5]),
        (["a", "a", "b"], ["b", "b", "c"], [1, 0.5, 0.5]),
        (["a"], ["b"], [1]),
    ],
)
def test_it_gives_defined_answers_whatever_was_said(left, right, said):
    found = bradley_terry(left, right, said)
    assert found.reason
    assert np.isfinite(values(found)).all()
    assert np.isfinite(found.nu.value)


def test_a_round_trip_with_more_wins_than_ties_needs_no_prior():
    assert bradley_terry(["a", "b", "c"], ["b", "c", "a"], [1, 1, 0.5]).reason == ""


def test_nothing_gives_nothing_with_a_reason():
    found = bradley_terry([], [], [], covariates={"length": []})
    assert (found.scores, found.nu.value, found.n_comparisons) == ([], None, 0)
    assert found.coefficients["length"].reason == found.reason != ""


def test_it_is_ready_for_json():
    found = bradley_terry(["x", "y", "x"], ["y", "x", "y"], [1, 1, 0.5], covariates={"length": [1, 2, 3]}).as_dict()
    assert set(found["scores"]) == {"x", "y"}
    assert set(found["coefficients"]["length"]) == {"value", "lo", "hi", "n", "reason"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"outcome": [1, 0.7]}, "Row 2 has outcome 0.7"),
        ({"outcome": [1, float("nan")]}, "Row 2 has nan as its outcome"),
        ({"right": ["b", "a"], "left": ["a", "a"]}, "Row 2 compares a with itself"),
        ({"left": ["a"]}, "there are 1 and 2"),
        ({"weights": [1, -1]}, "Row 2 has -1 as its weight; that must be at least 0"),
        ({"covariates": {"length": [1, float("inf")]}}, "Row 2 has inf as its length"),
        ({"covariates": {"length": ["long", "short"]}}, "no number"),
        ({"clusters": ["i"]}, "there are 1 for 2 rows"),
        ({"clusters": (["i", "j"],)}, "one column or two, not 1"),
    ],
)
def test_it_refuses_what_is_no_table(arguments, said):
    columns = {"left": ["a", "b"], "right": ["b", "a"], "outcome": [1, 0]}
    with pytest.raises(TableError, match=said):
        bradley_terry(**(columns | arguments))


def test_it_says_that_nothing_differs_in_a_feature():
    found = bradley_terry(["x", "y", "x"], ["y", "x", "y"], [1, 1, 0.5], covariates={"lists": [0, 0, 0]})
    assert found.coefficients["lists"].value is None
    assert found.coefficients["lists"].reason == "No two answers that were compared differ in it."
    assert np.isfinite(values(found)).all()


def test_a_few_comparisons_leave_the_style_as_open_as_the_prior_does():
    found = bradley_terry(["x", "y"], ["y", "x"], [1, 1], covariates={"length": [1, 1]}).coefficients["length"]
    assert found.hi - found.lo > 2
