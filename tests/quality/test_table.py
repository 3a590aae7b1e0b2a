"""What a table of rankings accepts and refuses."""

from dataclasses import fields

import numpy as np
import pytest

from annotate.quality.agreement import ranking_agreement
from annotate.quality.slices import agreement_by_group
from annotate.quality.table import RankingTable, TableError
from annotate.quality.votes import Votes

from .worlds import random_rankings, table_of


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


def test_it_takes_database_keys_and_completion_ids_that_repeat_across_items():
    table = RankingTable.from_arrays([10**12, 10**12, 5, 5], [3, 3, 3, 3], [1, 2, 1, 2], [1, 2, 2, 1])
    assert table.item_labels.tolist() == [5, 10**12]
    assert (table.votes.better.tolist(), table.votes.worse.tolist()) == ([0, 1], [1, 0])


def test_it_takes_ranks_of_any_size():
    table = RankingTable.from_arrays(["p"] * 3, ["a"] * 3, ["x", "y", "z"], [2**40, 7, 2**40])
    assert table.rank.tolist() == [2, 1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_it_adds_judgements_as_if_it_had_been_built_with_them(seed):
    rows = random_rankings(seed)
    groups = {item: f"group {int(item[1:]) % 3}" for item, *_ in rows}
    rng = np.random.default_rng(seed)
    old = [row for row in rows if rng.random() < 0.7]
    new = [(item, annotator, completion, rank + 1) for item, annotator, completion, rank in rows[::17]]
    new += [("i99", "a99 with a long name", "c", 1), ("i99", "a99 with a long name", "d", 2), ("a first", "a0", "c", 1)]
    groups |= {"i99": "another group", "a first": "group 1"}
    replaced = {(item, annotator) for item, annotator, *_ in new}
    whole = table_of([row for row in old if row[:2] not in replaced] + new, groups)
    grown = table_of(old, groups).with_judgements(*zip(*new, strict=True), [groups[row[0]] for row in new])
    assert grown.annotator_labels.tolist() >= whole.annotator_labels.tolist()
    assert ranking_agreement(grown) == ranking_agreement(whole)
    assert agreement_by_group(grown) == agreement_by_group(whole)
    for mine, theirs in zip(grown.columns(), whole.columns(), strict=True):
        assert mine.tolist() == theirs.tolist()


def test_it_finds_the_judgements_of_items_and_annotators():
    table = table_of([("p", "a", "x", 1), ("q", "b", "x", 1), ("q", "c", "x", 1)])
    assert table.find(["q", "q", "p", "z", "p"], ["c", "b", "a", "a", "zz"]).tolist() == [2, 1, 0, -1, -1]


def test_it_refuses_new_judgements_without_groups_where_the_table_has_some():
    table = table_of([("p", "a", "x", 1)], {"p": "code"})
    with pytest.raises(TableError, match="Give groups for the new rows"):
        table.with_judgements(["p"], ["b"], ["x"], [1])


@pytest.mark.parametrize("completions", [2, 5, 13])
@pytest.mark.parametrize("n", [0, 40])
def test_a_matrix_of_ranks_gives_the_table_that_its_columns_give(n, completions):
    rng = np.random.default_rng(completions)
    keys = np.sort(rng.choice(200, n, replace=False))
    items, annotators = keys // 10 * 3, keys % 10 * 7
    ranks = rng.integers(1, 4, (n, completions)) * (rng.random((n, completions)) < 0.6)
    ranks[:, 0] += ~ranks.any(axis=1)
    judgement, completion = np.nonzero(ranks)
    found = RankingTable.from_matrix(items, annotators, ranks)
    wanted = RankingTable.from_arrays(items[judgement], annotators[judgement], completion, ranks[judgement, completion])
    for field in fields(RankingTable):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if field.name == "votes":
            assert all(np.array_equal(getattr(one, part.name), getattr(other, part.name)) for part in fields(Votes))
        else:
            assert (one is None and other is None) or np.array_equal(one, other), field.name


@pytest.mark.parametrize(
    ("items", "annotators", "ranks", "said"),
    [
        ([2, 1], [1, 1], [[1], [1]], "sorted by item"),
        ([1, 1], [3, 3], [[1], [1]], "an item once"),
        ([1, 2], [3, 3], [[1], [0]], "at least one completion"),
    ],
)
def test_it_refuses_a_matrix_that_is_not_in_order(items, annotators, ranks, said):
    with pytest.raises(TableError, match=said):
        RankingTable.from_matrix(np.array(items), np.array(annotators), np.array(ranks))
