"""What the ledger reads of the database."""

from collections.abc import Iterator, Sequence

import numpy as np
from django.db.models import BigIntegerField, Count, Func, Q, Sum
from django.db.models.functions import Coalesce

from annotate.ledger.columns import TYPES, WIDTHS, Rows, empty, joined
from annotate.ledger.store import Gap, Meta
from annotate.models import Judgement, Queue, Task
from annotate.statements import run

CHUNK = 20_000
AT_ONCE = 5_000
"""Keys in one question."""

RANKS = """SELECT r.judgement_id, c.position, r.rank FROM annotate_rankedcompletion r
JOIN annotate_judgement j ON j.id = r.judgement_id
JOIN annotate_taskcompletion c ON c.task_id = j.task_id AND c.completion_id = r.completion_id
WHERE r.judgement_id BETWEEN %s AND %s"""


class Epoch(Func):
    """A time as whole seconds since 1970."""

    output_field = BigIntegerField()

    def as_sqlite(self, compiler, connection, **context):
        template = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler, connection, **context):
        template = "FLOOR(EXTRACT(EPOCH FROM %(expressions)s))::bigint"
        return self.as_sql(compiler, connection, template=template, **context)


FIELDS = {
    "id": "pk",
    "task": "task_id",
    "annotator": "annotator_id",
    "campaign": "task__campaign_id",
    "guideline": "guideline_id",
    "domain": "task__prompt__domain_id",
    "supersedes": "supersedes_id",
    "created": Epoch("created_at"),
    "seconds": "seconds",
}


def read(where: Q) -> Rows:
    """The judgements that a condition names."""
    return joined([empty(), *chunks(where)])


def chunks(where: Q) -> Iterator[Rows]:
    """The judgements that a condition names, by rising key, so many at a time."""
    last = 0
    while True:
        found = Judgement.objects.filter(where, pk__gt=last).order_by("pk").values_list(*FIELDS.values())[:CHUNK]
        columns = list(zip(*found, strict=True))
        if not columns:
            return
        rows = dict(zip(FIELDS, columns, strict=True))
        arrays = {name: np.array([value or 0 for value in rows[name]], TYPES[name]) for name in FIELDS}
        yield Rows(**arrays, ranks=_ranks(arrays["id"]))
        if len(columns[0]) < CHUNK:
            return
        last = int(arrays["id"][-1])


def _ranks(ids: np.ndarray) -> np.ndarray:
    """(n, 9) ranks of judgements by rising key; of others between them, nothing is taken."""
    ranks = np.zeros((ids.size, *WIDTHS["ranks"]), TYPES["ranks"])
    found = np.array(run(RANKS, [int(ids[0]), int(ids[-1])]), np.int64).reshape(-1, 3)
    at = np.searchsorted(ids, found[:, 0])
    known = ids[np.minimum(at, ids.size - 1)] == found[:, 0]
    ranks[at[known], found[known, 1]] = found[known, 2]
    return ranks


def keys(meta: Meta) -> list[tuple[int, str]] | None:
    """(key, assignment) of what is not stored, by rising key; None when the ledger is of other judgements.

    Newer ones and those whose keys were skipped are asked for apart: the database would read all for an "or".
    """
    found = _keys([Q(pk__gte=meta.high)])
    if meta.high and (not found or found[0] != (meta.high, meta.mark)):
        return None
    skipped = _keys([Q(pk__range=(gap.first, gap.last)) for gap in meta.gaps]) if meta.gaps else []
    return [*skipped, *found[1 if meta.high else 0 :]]


def _keys(parts: Sequence[Q]) -> list[tuple[int, str]]:
    one, *others = (Judgement.objects.filter(part).order_by().values_list("pk", "assignment") for part in parts)
    return sorted((pk, str(of)) for pk, of in one.union(*others, all=True))


def of_keys(wanted: Sequence[int]) -> Rows:
    """The judgements with these keys, as far as they are there."""
    parts = [wanted[first : first + AT_ONCE] for first in range(0, len(wanted), AT_ONCE)]
    return joined([empty(), *(read(Q(pk__in=part)) for part in parts)])


SUMMED = ("id", "task", "annotator", "guideline", "domain", "supersedes")


def totals(*, without: Sequence[int]) -> tuple[int, dict[str, int]]:
    """How many judgements there are, and the sums of their columns; those of the named keys do not count."""
    sums = {name: Coalesce(Sum(FIELDS[name]), 0) for name in SUMMED}
    left = Judgement.objects.exclude(pk__in=without).order_by()
    found = left.aggregate(n=Count("pk"), **{f"of_{name}": total for name, total in sums.items()})
    return found.pop("n"), {name: int(found[f"of_{name}"]) for name in SUMMED}


def mark_of(high: int) -> str:
    """Which assignment the judgement with a key is of."""
    return str(Judgement.objects.values_list("assignment", flat=True).get(pk=high)) if high else ""


def not_work() -> np.ndarray:
    """The tasks with a known answer, whose judgements measure people, sorted: few."""
    gold = Task.objects.filter(queue__in=Queue.objects.filter(gold=True)).values_list("pk", flat=True)
    waiting_nowhere = Task.objects.filter(queue__isnull=True).values_list("pk", flat=True)
    return np.unique(np.array([*gold.order_by(), *waiting_nowhere.order_by()], np.int64))


def gaps_of(ids: np.ndarray, *, after: int, seen: float) -> list[Gap]:
    """The runs of keys that are missing between `after` and the highest of sorted ids."""
    edges = np.concatenate([[after], ids])
    steps = np.diff(edges)
    return [Gap(int(edges[at]) + 1, int(edges[at + 1]) - 1, seen) for at in np.flatnonzero(steps > 1)]
