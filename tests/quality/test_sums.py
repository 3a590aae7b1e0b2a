"""Sums over items: what is kept of a table, and what adding and replacing some items gives."""

import numpy as np
import pytest

from annotate.quality.agreement import agreement_of, ranking_agreement
from annotate.quality.counts import Sums
from annotate.quality.table import TableError

from .worlds import random_rankings, table_of


def alike(one, other):
    """Both agreements in every number, up to rounding."""
    for name, value in one.as_dict().items():
        expected = other.as_dict()[name]
        if isinstance(value, dict):
            assert value.pop("reason") == expected.pop("reason"), name
            assert [*value.values()] == pytest.approx([*expected.values()], abs=1e-9), name
        else:
            assert value == expected, name
    return True


def judgements_of(rows, table):
    """(item, annotator) of each judgement of the table."""
    return list(
        zip(
            table.item_labels[table.judgement_item].tolist(),
            table.annotator_labels[table.judgement_annotator].tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize("seed", range(4))
def test_it_keeps_what_it_is_told_and_nothing_else(seed):
    rows = random_rankings(seed)
    table = table_of(rows)
    mask = np.random.default_rng(seed).random(table.n_judgements) < 0.6
    kept = {name for name, keep in zip(judgements_of(rows, table), mask, strict=True) if keep}
    expected = ranking_agreement(table_of([row for row in rows if row[:2] in kept]))
    assert alike(ranking_agreement(table, mask), expected)
    assert alike(ranking_agreement(table, np.flatnonzero(mask)), expected)
    assert alike(ranking_agreement(table, (mask.astype(int), 1)), expected)
    first = np.arange(table.n_judgements) < 40
    assert alike(ranking_agreement(table, [(mask, True), (first, True)]), ranking_agreement(table, mask & first))


@pytest.mark.parametrize(("keep", "said"), [([1, 1], "must rise"), ([0, 99], "must rise"), ([True], "mask has 1")])
def test_it_refuses_what_names_no_judgements(keep, said):
    table = table_of([("p", a, c, 1) for a in "ab" for c in "xy"])
    with pytest.raises(TableError, match=said):
        ranking_agreement(table, np.array(keep))


def test_it_adds_the_sums_of_different_items():
    rows = random_rankings(3, people=9)
    halves = [[row for row in rows if int(row[0][1:]) % 2 == side] for side in (0, 1)]
    halves[1] = [row for row in halves[1] if row[1] != "a4"]
    one, other = (Sums.of(table_of(half)) for half in halves)
    expected = ranking_agreement(table_of(halves[0] + halves[1]))
    assert alike(agreement_of(one + other), expected)
    assert alike(agreement_of(other + one), expected)


def test_it_shows_a_new_judgement_by_replacing_the_sums_of_its_item():
    rows = random_rankings(5)
    base = table_of(rows)
    new = [("i3", "newcomer", "c0", 2), ("i3", "newcomer", "c1", 1), ("i70", "a1", "c0", 1), ("i70", "a1", "c1", 1)]
    before = base.only_items(["i3", "i70"])
    after = before.with_judgements(*zip(*new, strict=True))
    updated = Sums.of(base) - Sums.of(before) + Sums.of(after)
    assert alike(agreement_of(updated), ranking_agreement(table_of(rows + new)))


def test_it_is_left_with_nothing_when_everything_is_taken_away():
    sums = Sums.of(table_of(random_rankings(5)))
    found = agreement_of(sums - sums)
    assert (found.n_items, found.n_annotators, found.n_pairs) == (0, 0, 0)
    assert found.alpha.reason.startswith("Nobody has ranked")


def test_it_does_not_add_what_was_made_not_to_be_added():
    sums = Sums.of(table_of(random_rankings(5)), additive=False)
    with pytest.raises(TypeError, match="additive=False"):
        sums + sums
