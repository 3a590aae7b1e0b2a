"""A board that changed says what one made anew would say, in every slice."""

import numpy as np
import pytest

from annotate.ledger import boards
from annotate.ledger.boards import Board, Sheet, table_of
from annotate.ledger.columns import MONDAY, TYPES, WEEK, Rows, joined
from annotate.quality.agreement import RankingAgreement, ranking_agreement

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


@pytest.mark.parametrize("large", [1, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_a_changed_board_is_as_one_made_anew(seed, large, monkeypatch):
    monkeypatch.setattr(boards, "LARGE", large)
    base = Sheet.of(some_rows(seed, tasks=range(TASKS)))
    again = [4, 17, TASKS - 1]
    gone = np.flatnonzero(np.isin(base.rows.task, again))
    new = joined([some_rows(seed + 9, tasks=again, first=5000), some_rows(seed + 5, tasks=range(90, 93), first=9000)])
    board = Board(base, gone, Sheet.of(new))
    whole = Sheet.of(joined([base.rows.take(~np.isin(base.rows.task, again)), new]))
    for slots in SLICES:
        names = {"version": "guideline"}
        keep = np.ones(len(whole.rows), bool)
        for name, slot in slots.items():
            keep &= getattr(whole.rows, names.get(name, name)) == slot
        wanted = ranking_agreement(table_of(whole.rows.take(keep)))
        assert close(board.agreement(**slots), wanted), slots
    assert board.n_ranked == whole.ranked.size
    assert board.rows.id.tolist() == whole.rows.id.tolist()
    assert np.array_equal(board.annotators[board.annotator], whole.rows.annotator)
    for name in ("annotator", "domain", "week"):
        assert np.array_equal(np.trim_zeros(board.counts(name), "b"), np.bincount(getattr(whole.rows, name)))


def test_a_board_that_lost_its_only_task_has_nothing(monkeypatch):
    base = Sheet.of(some_rows(1, tasks=range(1)))
    nothing = Sheet.of(some_rows(1, tasks=range(0)))
    board = Board(base, np.arange(len(base.rows)), nothing)
    assert board.agreement().strict_agreement.value is None
    assert board.agreement().n_judgements == 0
