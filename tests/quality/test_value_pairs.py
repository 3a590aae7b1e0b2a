"""Each two annotators on the items they share: figures that can be checked by hand."""

import numpy as np
import pytest

from annotate.quality.intervals import clustered_ratio
from annotate.quality.value_agreement import NEVER_POSITIVE, value_agreement
from annotate.quality.value_pairs import agreement_by_pair
from annotate.quality.values import ValueTable
from tests.quality.value_worlds import columns_of, random_matrix


def table_of(matrix, level="ordinal"):
    columns = columns_of(matrix)
    return ValueTable.from_arrays(*columns, level, categories=sorted(set(columns[2]))), columns[0] // 2


def test_two_annotators_are_as_a_table_of_these_two():
    matrix = random_matrix(2, people=5, categories=4)
    pairs = agreement_by_pair(*table_of(matrix))
    assert len(pairs) == 10
    assert [one.n_items for one in pairs] == sorted((one.n_items for one in pairs), reverse=True)
    for pair in pairs:
        two = matrix[:, [pair.first, pair.second]]
        met = two[~np.isnan(two).any(axis=1)]
        assert pair.n_items == len(met)
        assert pair.percent_agreement.value == pytest.approx(np.mean(met[:, 0] == met[:, 1]), abs=1e-12)
        assert pair.difference.value == pytest.approx(np.mean(met[:, 0] - met[:, 1]), abs=1e-12)


def test_items_that_belong_together_are_one_cluster():
    matrix = random_matrix(5, people=2, categories=3, gaps=0.1)
    (pair,) = agreement_by_pair(*table_of(matrix))
    met = ~np.isnan(matrix).any(axis=1)
    same = (matrix[met, 0] == matrix[met, 1]).astype(float)
    clusters = np.unique(np.flatnonzero(met) // 2, return_inverse=True)[1]
    wanted = clustered_ratio(same, np.ones(same.size), clusters, n=same.size)
    assert (pair.percent_agreement.lo, pair.percent_agreement.hi) == pytest.approx((wanted.lo, wanted.hi), abs=1e-12)


def test_agreement_on_yes_is_that_of_the_table():
    matrix = random_matrix(7, people=2, categories=2)
    (pair,) = agreement_by_pair(*table_of(matrix, "nominal"))
    whole = value_agreement(table_of(matrix, "nominal")[0])
    wanted = whole.positive_agreement
    assert (pair.positive_agreement.value, pair.positive_agreement.n) == (pytest.approx(wanted.value), wanted.n)


def test_what_does_not_exist_has_a_reason():
    matrix = np.array([[1.0, 1.0, np.nan], [1.0, 1.0, np.nan], [np.nan, np.nan, 2.0]])
    (pair,) = agreement_by_pair(*table_of(matrix, "nominal"))
    assert (pair.first, pair.second, pair.percent_agreement.value) == (0, 1, 1.0)
    assert pair.positive_agreement.reason == NEVER_POSITIVE
    assert agreement_by_pair(*table_of(matrix[:, 1:], "nominal")) == []
