"""Several campaigns together say what one with all their judgements would say, in every part, also after changes."""

from dataclasses import replace

import numpy as np
import pytest

from annotate.ledger import boards
from annotate.ledger.boards import Board, Sheet, table_of
from annotate.ledger.columns import Rows, joined
from annotate.ledger.crossed import change_together, items_in_both, pairs_in_both
from annotate.ledger.together import ALL, Part, Together
from annotate.quality.agreement import agreement_of, ranking_agreement
from annotate.quality.change import agreement_change
from annotate.quality.counts import meet
from tests.ledger.test_boards import close, some_rows

PARTS = [
    ALL,
    Part(domain=1),
    Part(elsewhere=1),
    Part(version=2),
    Part(week=2901),
    Part(domain=2, week=2900),
    Part(version=1, week=2902),
    Part(week=1),
]


def inside(rows: Rows, part: Part) -> Rows:
    keep = np.ones(len(rows), bool)
    for column, wanted in (("domain", part.domain), ("guideline", part.version), ("week", part.week)):
        if wanted is not None:
            keep &= getattr(rows, column) == wanted
    if part.elsewhere is not None:
        keep &= rows.domain != part.elsewhere
    return rows.take(keep)


def some_boards(seed: int) -> tuple[Together, Rows]:
    """Three campaigns, one changed, one unchanged and one that began since; and all that counts in them."""
    first, second = (Sheet.of(some_rows(seed + n, tasks=tasks)) for n, tasks in enumerate((range(40), range(100, 120))))
    again = [3, 17]
    new = some_rows(seed + 7, tasks=again, first=5000)
    third = some_rows(seed + 8, tasks=range(200, 210), first=9000)
    nothing = Sheet.of(third.take(slice(0, 0)))
    of_again = np.isin(first.rows.task, again)
    boards = {
        1: Board(first, np.flatnonzero(of_again), Sheet.of(new)),
        2: Board(second, np.zeros(0, np.int64), nothing),
        3: Board(nothing, np.zeros(0, np.int64), Sheet.of(third)),
    }
    return Together(boards), joined([first.rows.take(~of_again), new, second.rows, third])


@pytest.mark.parametrize("seed", range(3))
def test_it_is_as_one_campaign_with_all_of_them(seed):
    together, rows = some_boards(seed)
    for part in PARTS:
        wanted = ranking_agreement(table_of(inside(rows, part)))
        assert close(together.agreement(part), wanted), part
        assert close(agreement_of(together.sums(part)), wanted), part
        assert sorted(together.rows(part).id.tolist()) == sorted(inside(rows, part).id.tolist())


def test_it_follows_a_change_of_one_campaign():
    together, _rows = some_boards(1)
    before = together.agreement(Part(domain=1))
    assert together.agreement(Part(domain=1)) is before
    board = together.boards[2]
    gone = np.flatnonzero(board.base.rows.task == board.base.rows.task[0])
    changed = Together({**together.boards, 2: replace(board, gone=gone, memo={})})
    wanted = ranking_agreement(table_of(changed.rows()))
    assert close(changed.agreement(), wanted)
    assert close(together.agreement(Part(domain=1)), before)


@pytest.mark.parametrize("seed", range(2))
def test_a_change_is_that_of_one_campaign_with_all_of_them(seed):
    together, rows = some_boards(seed)
    one = Board(Sheet.of(rows), np.zeros(0, np.int64), Sheet.of(rows.take(slice(0, 0))))
    for before, after in ((Part(week=2900), Part(week=2901)), (Part(week=1), Part(week=2901)), (ALL, Part(version=2))):
        sums = (one.corrected(part.slots).sums() for part in (before, after))
        shared = {"items": items_in_both(one, before.slots, after.slots)}
        shared["dyads"] = pairs_in_both(one, before.slots, after.slots)
        wanted = agreement_change(*sums, **shared)
        for name, found in change_together(together, before, after).items():
            numbers = [
                (getattr(side[name], field)) for side in ({name: found}, wanted) for field in ("value", "lo", "hi")
            ]
            assert numbers[:3] == pytest.approx(numbers[3:], abs=1e-9), name
            assert (found.n, found.reason) == (wanted[name].n, wanted[name].reason)


def test_only_the_sums_of_large_parts_are_kept():
    together, _rows = some_boards(1)
    for part in PARTS:
        together.agreement(part)
    memo = together.boards[1].base.memo
    assert ("together", (1, 2, 3, ("size", Part(week=2901)))) in memo
    assert not [key for key in memo if isinstance(key, tuple) and key[0] == "together" and key[1][-1][0] == "sums"]


def test_of_small_parts_the_last_few_sums_are_kept(monkeypatch):
    monkeypatch.setattr(boards, "RECENT", 2)
    together, rows = some_boards(0)
    parts = [Part(week=2900), Part(week=2901), Part(week=2902)]
    for part in parts:
        assert close(together.agreement(part), ranking_agreement(table_of(inside(rows, part))))
    assert list(together.of_stored("sums of small parts", dict)) == parts[1:]
    together.corrected(parts[1])
    assert list(together.of_stored("sums of small parts", dict)) == [parts[2], parts[1]]


def test_what_is_told_of_a_part_stays_while_nothing_changes_in_it():
    together, _rows = some_boards(0)
    told = []
    same = Part(domain=77)
    for board in together.boards.values():
        assert not same.inside(board.now).any()
    assert together.is_as_stored(same)
    assert not together.is_as_stored(ALL)
    for _look in range(2):
        assert together.of_part("told", same, lambda: told.append(same) or len(told)) == 1
    again = Together({**together.boards, 1: replace(together.boards[1], memo={})})
    assert again.of_part("told", same, lambda: told.append(same) or len(told)) == 1


def test_disputed_are_the_tasks_that_two_ordered_differently():
    together, rows = some_boards(2)
    for part in PARTS:
        table = table_of(inside(rows, part))
        meetings = meet(table)
        items = table.judgement_item[meetings.left[meetings.distance > 0]]
        assert together.disputed(part).tolist() == np.unique(table.item_labels[items]).tolist(), part


def test_no_campaign_at_all_has_nothing():
    nothing = Together({})
    assert nothing.agreement().strict_agreement.reason == "Nobody has ranked anything yet."
    assert (len(nothing.rows()), nothing.disputed().size, nothing.counts("domain").size) == (0, 0, 0)
