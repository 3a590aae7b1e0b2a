"""Tables of values: what they take, in which order, and what they refuse, with the row."""

import numpy as np
import pytest

from annotate.quality.table import TableError
from annotate.quality.values import ValueTable


def test_it_sorts_rows_and_codes_ids_of_any_kind():
    table = ValueTable.from_arrays(["q", "p", "p"], ["ann", "eve", "bob"], ["yes", "no", "yes"])
    assert table.item_labels[table.item].tolist() == ["p", "p", "q"]
    assert table.annotator_labels[table.annotator].tolist() == ["bob", "eve", "ann"]
    assert table.categories[table.code].tolist() == ["yes", "no", "yes"]
    assert table.starts.tolist() == [0, 2, 3]
    assert table.order.tolist() == [2, 1, 0]


def test_it_leaves_sorted_rows_as_they_are():
    table = ValueTable.from_arrays([-4, -4, 1000], [7, 9, 7], [3, 5, 3], "ordinal")
    assert table.order is None
    assert table.item_labels.tolist() == [-4, 1000]
    assert table.item.tolist() == [0, 0, 1]
    assert table.positions.tolist() == [3, 5]


def test_it_codes_ids_far_apart_as_those_close_together():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 50, 400)
    people = np.arange(400)
    close = ValueTable.from_arrays(ids, people, np.zeros(400, int))
    apart = ValueTable.from_arrays(ids * 10**12, people, np.zeros(400, int))
    assert (close.item == apart.item).all()
    assert (close.item_labels * 10**12 == apart.item_labels).all()


def test_it_takes_a_scale_with_values_that_nobody_chose():
    table = ValueTable.from_arrays([1, 1], ["a", "b"], ["good", "bad"], "ordinal", categories=["bad", "fair", "good"])
    assert table.code.tolist() == [2, 0]
    assert table.positions.tolist() == [0, 1, 2]


def test_it_takes_an_empty_table():
    table = ValueTable.from_arrays([], [], [], "interval")
    assert (len(table), table.starts.tolist()) == (0, [0])


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        (([1, 2], ["a"], [0, 1]), {}, "there are 2 items, 1 annotators, 2 values"),
        (([1, 2], ["a", "b"], [0, 1]), {"groups": ["x"]}, "1 groups"),
        (([1, 2], ["a", "b"], [0, 1]), {"level": "ratio"}, "nominal, ordinal, interval"),
        (([1, 2, 1], ["a", "a", "a"], [0, 1, 1]), {}, "Rows 1 and 3 judge the same item by one annotator"),
        (([1, 2], ["a", "b"], [0.5, np.nan]), {}, "Row 2 is empty among the values"),
        (([1, 2], ["a", "b"], ["yes", None]), {}, "Row 2 is empty among the values"),
        (([1, 2], [None, "b"], ["yes", "no"]), {}, "Row 1 is empty among the annotators"),
        (([1, 2], ["a", "b"], [1.0, np.inf]), {"level": "interval"}, "Row 2 has the value inf"),
        (([1, 2], ["a", "b"], ["low", "high"]), {"level": "ordinal"}, "must be numbers"),
        (([1, 2], ["a", "b"], [1, 9]), {"categories": [1, 2, 3]}, "Row 2 has the value 9"),
        (([1, 2], ["a", "b"], [1, 2]), {"categories": [1, 2, 2]}, "named twice"),
        (([1, 2], ["a", "b"], [1, 2]), {"level": "interval", "categories": ["x", "y"]}, "must be numbers"),
    ],
)
def test_it_refuses_what_is_no_table(columns, options, said):
    with pytest.raises(TableError, match=said):
        ValueTable.from_arrays(*columns, **options)
