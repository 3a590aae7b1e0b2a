"""Accuracy by annotator and domain against a dense mixed model, the research's errors and seeded coverage."""

import numpy as np
import pytest
from scipy.special import expit

from annotate.quality.expertise import PRIOR_VARIANCE, _linear, _variance, domain_accuracy, expertise
from annotate.quality.table import TableError


def people(rng, annotators=1000, domains=8):
    """True accuracies: annotators sd .65, domains .3, cells .55 on the logit scale, mean about .78."""
    logit = 1.4 + 0.65 * rng.normal(size=(annotators, 1)) + 0.3 * rng.normal(size=domains)
    return expit(logit + 0.55 * rng.normal(size=(annotators, domains)))


def test_its_predictions_are_those_of_the_dense_mixed_model():
    rng = np.random.default_rng(0)
    spread = np.array([0.4, 0.1, 0.3])
    domains, annotators = 3, 5
    seen, precision = rng.normal(size=(annotators, domains)), rng.integers(0, 4, (annotators, domains)) * 0.7
    a, d = (each.ravel() for each in np.meshgrid(range(annotators), range(domains), indexing="ij"))
    prior = PRIOR_VARIANCE + spread[0] * (a[:, None] == a) + spread[1] * (d[:, None] == d) + spread[2] * np.eye(d.size)
    measured = np.flatnonzero(precision.ravel())
    noisy = prior[np.ix_(measured, measured)] + np.diag(1 / precision.ravel()[measured])
    gain = prior[:, measured] @ np.linalg.inv(noisy)
    mean, known = _linear(seen, precision, spread)
    assert mean.ravel() == pytest.approx(gain @ seen.ravel()[measured], abs=1e-10)
    assert _variance(known, spread).ravel() == pytest.approx(np.diag(prior - gain @ prior[measured]), abs=1e-10)


# the research's table: raw .237/.181/.130/.075, crossed .107/.096/.082/.061
@pytest.mark.parametrize(
    ("n", "raw", "crossed"), [(3, 0.237, 0.107), (5, 0.181, 0.096), (10, 0.13, 0.082), (30, 0.075, 0.061)]
)
def test_it_reproduces_the_errors_of_the_research_and_covers(n, raw, crossed):
    rng = np.random.default_rng(n)
    truth = people(rng)
    right = rng.binomial(n, truth)
    found = domain_accuracy(right, np.full(truth.shape, n))
    lo, hi = found.interval
    assert np.sqrt(np.square(right / n - truth).mean()) == pytest.approx(raw, abs=0.012)
    assert np.sqrt(np.square(found.value - truth).mean()) == pytest.approx(crossed, abs=0.005)
    assert 0.93 <= ((lo <= truth) & (truth <= hi)).mean() <= 0.97
    assert found.sds == pytest.approx((0.65, 0.3, 0.55), abs=0.2)


def test_it_covers_in_a_small_pool_with_gaps():
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(200):
        truth = people(rng, 4, 3)
        n = rng.integers(0, 12, truth.shape)
        n[0, 0] = 5
        lo, hi = domain_accuracy(rng.binomial(n, truth), n).interval
        inside.append(((lo <= truth) & (truth <= hi)).mean())
    assert np.mean(inside) > 0.9


def test_what_somebody_knows_elsewhere_counts_where_they_were_not_measured():
    right, n = np.array([[19, 0], [10, 11], [12, 10]]), np.array([[20, 0], [20, 20], [20, 20]])
    (_, newcomer), (_, weak), _ = domain_accuracy(right, n).estimates()
    assert newcomer.value > weak.value
    assert (newcomer.n, newcomer.reason) == (
        0,
        "No gold answered yet: this is what the others would lead one to expect.",
    )


@pytest.mark.parametrize("right", [0, 6])
def test_all_wrong_and_all_right_are_defined(right):
    found = domain_accuracy([[right] * 3] * 4, [[6] * 3] * 4).estimates()[0][0]
    assert 0 < found.lo < found.value < found.hi < 1


def test_one_annotator_in_one_domain_is_defined():
    ((found,),) = domain_accuracy([[3]], [[3]]).estimates()
    assert found.value == pytest.approx(0.8, abs=0.02)  # as under Beta(1, 1)
    assert (found.lo < 0.4, found.hi > 0.98, found.n) == (True, True, 3)


def test_without_gold_there_is_no_accuracy():
    assert domain_accuracy(np.zeros((0, 0)), np.zeros((0, 0))).estimates() == []
    ((found,),) = domain_accuracy([[0]], [[0]]).estimates()
    assert (found.value, found.reason) == (None, "Nobody has answered gold yet.")


def test_it_names_the_cell_that_cannot_be():
    with pytest.raises(TableError, match="Row 2, column 1 has 3 right of 2"):
        domain_accuracy([[1], [3]], [[1], [2]])
    with pytest.raises(TableError, match="1 dimension"):
        domain_accuracy([1], [1])


def test_declared_verified_and_measured_stand_side_by_side():
    rows = expertise(
        declared=[("ann", "law"), ("ann", "art")],
        verified=[("ann", "law")],
        gold={("ann", "law"): (8, 10), ("bob", "law"): (3.5, 10), ("bob", "art"): (0, 0)},
    )
    said = {(one.annotator, one.domain): (one.declared, one.verified, one.measured.n) for one in rows}
    assert said == {
        ("ann", "law"): (True, True, 10),
        ("ann", "art"): (True, False, 0),
        ("bob", "law"): (False, False, 10),
        ("bob", "art"): (False, False, 0),
    }
    measured = domain_accuracy([[8, 0], [3.5, 0]], [[10, 0], [10, 0]]).estimates()
    assert [rows[0].measured, rows[2].measured] == [measured[0][0], measured[1][0]]
    only = expertise(
        declared=[("ann", "art")],
        verified=[],
        gold={("ann", "law"): (8, 10), ("bob", "law"): (3.5, 10), ("bob", "art"): (0, 0)},
        wanted=lambda place: place[0] == "ann",
    )
    assert [(one.domain, one.measured) for one in only] == [("art", rows[1].measured), ("law", rows[0].measured)]
    assert rows[1].measured.reason == "No gold answered in this domain yet."
    assert expertise(declared=[], verified=[], gold={}) == []
