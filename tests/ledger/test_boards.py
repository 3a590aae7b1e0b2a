"""A board that changed says what one made anew would say, in every slice."""

from dataclasses import replace

import numpy as np
import pytest

from annotate.ledger import boards
from annotate.ledger.boards import Board, Sheet, table_of
from annotate.ledger.columns import MONDAY, TYPES, WEEK, Rows, joined
from annotate.ledger.crossed import items_in_both, pairs_in_both
from annotate.quality.agreement import RankingAgreement, ranking_agreement
from annotate.quality.change import InBoth, dyads_in_both
from annotate.quality.counts import Sums

PEOPLE, TASKS = 9, 60


def some_rows(seed: int, *, tasks: range, first: int = 1) -> Rows:
    """Random rankings with ties, gaps and verdicts alone: two to four people a task."""
    rng = np.random.default_rng(seed)
    pairs = [(task, who) for task in tasks for who in rng.permutation(PEOPLE)[: rng.integers(2, 5)]]
    task, annotator = np.array(pairs, np.int64).reshape(-1, 2).T
    n = task.size
    ranks = np.zeros((n, 9), TYPES["ranks"])
    ranks[:, :5] = rng.integers(1, 4, (n, 5)) * (rng.random((n, 5)) < 0.85)
    ranks[rng.random(n) < 0.1] = 0
    domain, week = task % 3 + 1, rng.integers(2900, 2903, n)
    return Rows(
        id=np.arange(first, first + n),
        task=task,
        annotator=annotator + 1 + (annotator > 4) * 30,
        campaign=np.ones(n, np.int64),
        guideline=rng.integers(1, 3, n),
        domain=domain,
        supersedes=np.zeros(n, np.int64),
        created=week * WEEK + MONDAY,
        seconds=rng.exponential(30.0, n),
        ranks=ranks,
    )


def close(one: RankingAgreement, other: RankingAgreement) -> bool:
    def flat(found: RankingAgreement) -> list:
        values = found.as_dict().values()
        return [part for value in values for part in (value.values() if isinstance(value, dict) else [value])]

    return all(
        a == b or (isinstance(a, float) and a == pytest.approx(b, abs=1e-9))
        for a, b in zip(flat(one), flat(other), strict=True)
    )


SLICES = [{}, {"domain": 1}, {"version": 2}, {"week": 2901}, {"domain": 2, "version": 1, "week": 2900}, {"week": 1}]


def kept(rows: Rows, slots: dict[str, int]) -> Rows:
    keep = np.ones(len(rows), bool)
    for name, slot in slots.items():
        keep &= getattr(rows, {"version": "guideline"}.get(name, name)) == slot
    return rows.take(keep)


def changed(base: Sheet, again: list[int], new: Rows) -> tuple[Board, Sheet]:
    """The board after some of the base's tasks are as `new` says, with what else is new; and the same made anew."""
    gone = np.flatnonzero(np.isin(base.rows.task, again))
    whole = joined([base.rows.take(~np.isin(base.rows.task, again)), new])
    return Board(base, gone, Sheet.of(new)), Sheet.of(whole)


@pytest.fixture(params=[1, 10_000])
def large(request, monkeypatch):
    """From how many judgements on the sums of a slice are kept."""
    monkeypatch.setattr(boards, "LARGE", request.param)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("seed", range(3))
def test_a_changed_board_is_as_one_made_anew(seed):
    again = [4, 17, TASKS - 1]
    new = joined([some_rows(seed + 9, tasks=again, first=5000), some_rows(seed + 5, tasks=range(90, 93), first=9000)])
    board, whole = changed(Sheet.of(some_rows(seed, tasks=range(TASKS))), again, new)
    for slots in SLICES:
        assert close(board.agreement(**slots), ranking_agreement(table_of(kept(whole.rows, slots)))), slots
    assert board.n_ranked == whole.ranked.size
    assert board.rows.id.tolist() == whole.rows.id.tolist()
    assert np.array_equal(board.annotators[board.annotator], whole.rows.annotator)
    for name in ("annotator", "domain", "week"):
        assert np.array_equal(np.trim_zeros(board.counts(name), "b"), np.bincount(getattr(whole.rows, name)))


@pytest.mark.usefixtures("large")
def test_one_change_after_the_other_is_as_all_made_anew():
    """Of the same base: a task changes, then another one too, then the first is as it was."""
    base = Sheet.of(some_rows(4, tasks=range(TASKS)))
    one, other = (some_rows(seed, tasks=range(seed, seed + 1), first=1000 * seed) for seed in (7, 8))
    for again, new in (([7], one), ([7, 8], joined([one, other])), ([8], other), ([], other.take(slice(0)))):
        board, whole = changed(base, again, new)
        for slots in SLICES:
            assert close(board.agreement(**slots), ranking_agreement(table_of(kept(whole.rows, slots)))), (again, slots)


@pytest.mark.usefixtures("large")
def test_a_slice_in_which_nothing_changed_is_not_computed_again(monkeypatch):
    base = Sheet.of(some_rows(4, tasks=range(TASKS)))
    before = Board(base, np.zeros(0, np.int64), Sheet.of(base.rows.take(slice(0)))).agreement(domain=2)
    same = base.rows.take(base.rows.task == 7)
    assert set(same.domain.tolist()) == {2}
    more = same.take(slice(0, 1))
    later = joined([same, replace(more, id=more.id + 9000, annotator=more.annotator + 90, domain=more.domain + 1)])
    board, _whole = changed(base, [7], later)
    monkeypatch.setattr(boards, "agreement_of", None)
    assert board.agreement(domain=2) is before


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("again", [[], [4, 17]])
def test_what_two_slices_have_in_common_is_as_made_anew(again):
    new = joined([some_rows(9, tasks=again, first=5000), some_rows(5, tasks=range(90, 93), first=9000)])
    board, whole = changed(Sheet.of(some_rows(2, tasks=range(TASKS))), again, new)
    one, other = {"version": 1}, {"version": 2}
    tables = [table_of(kept(whole.rows, slots)) for slots in (one, other)]
    found, wanted = items_in_both(board, one, other), InBoth.of(*((table, None) for table in tables))
    assert found.items == wanted.items > 30
    assert found.with_cases.tolist() == wanted.with_cases.tolist()
    assert found.products == pytest.approx(wanted.products, abs=1e-9)
    assert pairs_in_both(board, one, other) == pytest.approx(dyads_in_both(*map(Sums.of, tables)), abs=1e-9)


def test_it_finds_the_judgements_of_people_and_of_tasks():
    again = [4, 17]
    board, whole = changed(Sheet.of(some_rows(2, tasks=range(TASKS))), again, some_rows(9, tasks=again, first=5000))
    for people in ([], [2, 5], [2, 38, 1000]):
        wanted = whole.rows.id[np.isin(whole.rows.annotator, people)]
        assert sorted(board.of_annotators(people).id.tolist()) == sorted(wanted.tolist())
    for tasks in ([], [3, 4, 1000]):
        wanted = whole.rows.id[np.isin(whole.rows.task, tasks)]
        assert sorted(board.of_tasks(np.array(tasks, np.int64)).id.tolist()) == sorted(wanted.tolist())


def test_a_board_that_lost_its_only_task_has_nothing():
    base = Sheet.of(some_rows(1, tasks=range(1)))
    nothing = Sheet.of(some_rows(1, tasks=range(0)))
    board = Board(base, np.arange(len(base.rows)), nothing)
    assert board.agreement().strict_agreement.value is None
    assert board.agreement().n_judgements == 0
