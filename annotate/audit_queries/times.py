"""How long annotators take for a judgement, beside what reading takes, and what an hour of their work is paid."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import nan

import numpy as np
from numpy.typing import NDArray

from annotate.audit_queries.pairs import usernames
from annotate.ledger.boards import Board, Sheet
from annotate.ledger.columns import empty
from annotate.ledger.live import ledger
from annotate.models import Campaign, Task, TaskCompletion
from annotate.quality.intervals import Estimate
from annotate.quality.medians import median
from annotate.quality.signals import reading_seconds

PEOPLE_A_PAGE = 50
TASKS_READ = 200
"""Tasks whose texts are counted for the estimate of reading time."""
NARROW = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class PersonTime:
    """One annotator's active seconds of a judgement."""

    annotator_id: int
    username: str
    seconds: Estimate
    """The median; n counts judgements."""
    too_little: bool
    """Whether even the upper end of the interval is less than reading everything once takes."""
    hourly: Estimate | None
    """What an hour of this person's work comes to; None where the campaign pays nobody."""


@dataclass(frozen=True, slots=True)
class TimeAndPay:
    """Time and pay in a campaign."""

    campaign: Campaign
    seconds: Estimate
    """The median over annotators of each one's median, so that who works most does not decide; n counts annotators."""
    reading: Estimate
    """The median seconds to read a task once; n counts tasks."""
    hourly: Estimate | None
    """What an hour of work comes to, at `seconds`; None where the campaign pays nobody."""
    pays_too_little_time: bool
    """Whether the paid time is shorter than what half of the people take, beyond doubt."""
    people: list[PersonTime]
    """Those on this page, who judged most first."""
    page: int
    n_pages: int

    @property
    def figures(self) -> list[dict]:
        """Every figure that is shown, one dict each: scope, of, measure, value, lo, hi, n, reason."""
        rows = [("campaign", self.campaign.slug, "seconds", self.seconds)]
        rows += [("campaign", self.campaign.slug, "reading_seconds", self.reading)]
        rows += [("campaign", self.campaign.slug, "hourly_pay", self.hourly)]
        for person in self.people:
            rows += [("annotator", person.username, "seconds", person.seconds)]
            rows += [("annotator", person.username, "hourly_pay", person.hourly)]
        return [
            {"scope": scope, "of": of, "measure": measure, **found.as_dict()}
            for scope, of, measure, found in rows
            if found is not None
        ]


def time_and_pay(*, campaign: Campaign, page: int = 1, person: int | None = None) -> TimeAndPay:
    """How long a judgement takes and what it pays, over all and for the annotators of one page, or for one `person`."""
    board = ledger().board(campaign.pk)
    counts = board.counts("annotator")
    ids = board.annotators[np.argsort(-counts[board.annotators], kind="stable")].tolist()
    reading = board.base.once("reading", lambda: _reading(board)) if len(board.base.rows) else _reading(board)
    seconds = board.once("median", lambda: median(list(_medians(board).values())))
    if person is not None:
        ids = [who for who in ids if who == person]
    n_pages = max(1, -(-len(ids) // PEOPLE_A_PAGE))
    page = min(max(page, 1), n_pages)
    shown = ids[(page - 1) * PEOPLE_A_PAGE : page * PEOPLE_A_PAGE]
    names = usernames(shown)
    people = [_person(campaign, who, names[who], median(_seconds_of(board, who)), reading) for who in shown]
    paid = campaign.pay_seconds
    return TimeAndPay(
        campaign=campaign,
        seconds=seconds,
        reading=reading,
        hourly=hourly_pay(campaign, seconds),
        pays_too_little_time=bool(paid and seconds.lo is not None and paid < seconds.lo),
        people=people,
        page=page,
        n_pages=n_pages,
    )


def _person(campaign: Campaign, annotator_id: int, username: str, seconds: Estimate, reading: Estimate) -> PersonTime:
    too_little = seconds.hi is not None and reading.value is not None and seconds.hi < reading.value
    return PersonTime(annotator_id, username, seconds, too_little, hourly_pay(campaign, seconds))


def hourly_pay(campaign: Campaign, seconds: Estimate) -> Estimate | None:
    """What an hour comes to where a judgement takes so long: a campaign that pays for a fixed time pays for that."""
    if campaign.hourly_rate is None:
        return None
    rate, paid = float(Decimal(campaign.hourly_rate)), campaign.pay_seconds
    if not paid or not seconds.value:
        return Estimate(rate, None, None, seconds.n)
    lo, hi = (rate * paid / bound if bound else None for bound in (seconds.hi, seconds.lo))
    return Estimate(rate * paid / seconds.value, lo, hi, seconds.n, seconds.reason)


def _medians(board: Board) -> dict[int, float]:
    """The median seconds of everybody who judged, by id: anew for those whose judgements are others than before."""
    base = board.base
    known: dict[int, float] = base.once("medians", lambda: _medians_of_base(base))
    changed = {
        who: base.latest(("median", who), of, lambda who=who: _median_of(board, who)) for who, of in _changed(board)
    }
    return {who: changed[who] if who in changed else known[who] for who in board.annotators.tolist()}


def _medians_of_base(base: Sheet) -> dict[int, float]:
    board = Board(base, np.zeros(0, np.int64), Sheet.of(empty()))
    return {who: _median_of(board, who) for who in board.annotators.tolist()}


def _median_of(board: Board, who: int) -> float:
    """nan where nothing is left."""
    found = _seconds_of(board, who)
    return float(np.median(found)) if found.size else nan


def _changed(board: Board) -> Iterator[tuple[int, bytes]]:
    """Whose judgements are others than those of the base, with what says which: most of a changed task stay."""
    was, now = board.base.rows.take(board.gone), board.now.rows
    gone, new = (np.flatnonzero(~np.isin(one.id, other.id)) for one, other in ((was, now), (now, was)))
    people = np.concatenate([was.annotator[gone], now.annotator[new]])
    keys = np.concatenate([-was.id[gone], now.id[new]])
    order = np.lexsort((keys, people))
    labels, starts = np.unique(people[order], return_index=True)
    for who, of in zip(labels.tolist(), np.split(keys[order], starts[1:]), strict=bool(labels.size)):
        yield who, of.tobytes()


def _seconds_of(board: Board, who: int) -> NDArray[np.float64]:
    """The active seconds of each judgement of an annotator."""
    base, now = board.base, board.now.rows
    order, starts = base.once("by annotator", lambda: _by_annotator(base.rows.annotator))
    places = order[starts[who] : starts[who + 1]] if who + 1 < starts.size else order[:0]
    places = places[~np.isin(places, board.gone)]
    return np.concatenate([base.rows.seconds[places], now.seconds[now.annotator == who]])


def _by_annotator(annotator: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The places of judgements by annotator, and where each annotator's begin, by id."""
    counts = np.bincount(annotator)
    codes = (np.cumsum(counts > 0) - 1)[annotator]
    if codes.max(initial=0) <= NARROW:
        codes = codes.astype(np.uint16)  # which numpy sorts in one pass
    return np.argsort(codes, kind="stable").astype(np.int32), np.concatenate([[0], np.cumsum(counts)])


def _reading(board: Board) -> Estimate:
    """From tasks that lie evenly among those that were judged."""
    rows = board.base.rows if len(board.base.rows) else board.now.rows
    tasks = rows.task[np.diff(rows.task, prepend=-1) > 0]
    chosen = tasks[np.unique(np.linspace(0, tasks.size - 1, TASKS_READ).astype(int))] if tasks.size else tasks
    words: dict[int, int] = {}
    for task, messages in Task.objects.filter(pk__in=chosen.tolist()).values_list("pk", "prompt__messages"):
        words[task] = sum(len(message["content"].split()) for message in messages)
    shown = TaskCompletion.objects.filter(task__in=chosen.tolist()).values_list("task", "completion__text")
    for task, text in shown:
        words[task] += len(text.split())
    return median(reading_seconds(list(words.values())))
