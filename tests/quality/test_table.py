"""What a table of rankings accepts and refuses."""

import pytest

from annotate.quality.counts import count_units, expand_preferences
from annotate.quality.table import RankingTable, TableError

from .worlds import random_rankings, table_of, units_of


def test_it_refuses_columns_of_different_lengths():
    with pytest.raises(TableError, match="there are 2 items, 2 annotators, 1 completions, 2 ranks"):
        RankingTable.from_arrays(["p", "p"], ["a", "a"], ["x"], [1, 2])


@pytest.mark.parametrize(("ranks", "said"), [([1, 0], "Row 2 has rank 0"), ([1.5, 1], "Row 1 has rank 1.5")])
def test_it_refuses_ranks_that_are_not_whole_and_positive(ranks, said):
    with pytest.raises(TableError, match=said):
        RankingTable.from_arrays(["p", "p"], ["a", "a"], ["x", "y"], ranks)


def test_it_refuses_a_missing_rank():
    with pytest.raises(TableError, match="Row 2 has rank nan"):
        RankingTable.from_arrays(["p", "p"], ["a", "a"], ["x", "y"], [1, float("nan")])


def test_it_refuses_ranks_that_are_text():
    with pytest.raises(TableError, match="Ranks must be whole numbers"):
        RankingTable.from_arrays(["p"], ["a"], ["x"], ["first"])


def test_it_refuses_a_completion_ranked_twice_by_one_annotator():
    with pytest.raises(TableError, match="Rows 1 and 3 rank the same completion"):
        RankingTable.from_arrays(["p", "p", "p"], ["a", "b", "a"], ["x", "x", "x"], [1, 1, 2])


def test_it_refuses_ids_that_have_no_order():
    with pytest.raises(TableError, match="The groups cannot be sorted .* and no None"):
        RankingTable.from_arrays(["p", "q"], ["a", "a"], ["x", "y"], [1, 2], groups=["code", None])


def test_it_refuses_an_item_in_two_groups():
    with pytest.raises(TableError, match="Item p is in more than one group"):
        RankingTable.from_arrays(["p", "p"], ["a", "a"], ["x", "y"], [1, 2], groups=["code", "chat"])


@pytest.mark.parametrize("seed", range(5))
def test_it_counts_the_preferences_of_each_unit_as_brute_force_does(seed):
    rows = random_rankings(seed)
    counted = count_units(expand_preferences(table_of(rows)))
    expected = sorted([list(votes.values()).count(s) for s in (-1, 0, 1)] for _, votes in units_of(rows))
    assert sorted(counted.tolist()) == expected


def test_it_takes_database_keys_and_completion_ids_that_repeat_across_items():
    table = RankingTable.from_arrays([10**12, 10**12, 5, 5], [3, 3, 3, 3], [1, 2, 1, 2], [1, 2, 2, 1])
    assert count_units(expand_preferences(table)).tolist() == [[1, 0, 0], [0, 0, 1]]
