"""The votes behind a snapshot, and what they weigh: read once, before its rows are written."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any

import numpy as np

from annotate.models import Campaign, RankedCompletion, Task
from annotate.weight_queries import PairAccuracy, counted, pair_accuracy
from training.weighing import Votes

ROWS_AT_A_TIME = 10_000
COLUMNS = ("judgement_id", "judgement__annotator_id", "judgement__task_id", "completion_id", "rank")


def read_votes(
    *, campaigns: Collection[str], until: datetime, alive: Callable[[], None]
) -> tuple[Votes, dict[str, Any]]:
    """The votes that counted at `until` in these campaigns, and what the manifest says about their weights.

    `alive` is called now and then.
    """
    known = pair_accuracy(until=until)
    rows = np.fromiter(_rows(campaigns, until, alive), dtype=np.dtype((np.int64, 5)))
    people = np.unique(rows[:, 1]).tolist()
    votes = Votes.of(rows, {one: known.of(one).value for one in people} if known.n_gold else None)
    return votes, _described(votes, known)


def _rows(campaigns: Collection[str], until: datetime, alive: Callable[[], None]) -> Iterator[tuple[int, ...]]:
    ranked = RankedCompletion.objects.filter(
        judgement__task__campaign__slug__in=list(campaigns),
        judgement__task__campaign__kind=Campaign.Kind.RANKING,
        judgement__task__purpose=Task.Purpose.WORK,
    )
    found = counted(ranked, until, "judgement__").order_by().values_list(*COLUMNS)
    for number, row in enumerate(found.iterator(chunk_size=ROWS_AT_A_TIME)):
        if number % ROWS_AT_A_TIME == 0:
            alive()
        yield row


def _described(votes: Votes, known: PairAccuracy) -> dict[str, Any]:
    """What the weights rest on."""
    tested = [known.known[one].n for one in votes.annotators.tolist() if one in known.known]
    return {
        "method": "gold" if known.n_gold else "equal",
        "n_gold": sum(tested),
        "annotators_with_gold": len(tested),
        "annotators": votes.annotators.size,
        "n_pairs": int(votes.n_pairs.sum()),
        "scale": round(votes.weights.scale, 6),
    }
