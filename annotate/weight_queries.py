"""How often annotators are right about pairs of completions, by the gold that they ranked: what their votes weigh."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations, groupby
from operator import itemgetter

import numpy as np
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from annotate.gold import score_answer
from annotate.gold_shares import given, known_answers
from annotate.ledger.live import ledger
from annotate.models import Campaign, Gold, RankedCompletion, Task
from annotate.quality.gold_accuracy import gold_accuracy
from annotate.quality.intervals import Estimate
from annotate.quality.weights import effective_trials


@dataclass(frozen=True, slots=True)
class PairAccuracy:
    """The accuracy of everybody who ranked gold, shrunk toward the pool; n counts gold rankings."""

    known: dict[int, Estimate]
    """By annotator."""
    expected: Estimate
    """Of somebody who ranked no gold: what the others lead one to expect. Undefined when nobody ranked any."""
    n_gold: int
    """Gold rankings in all."""

    def of(self, annotator: int) -> Estimate:
        """The accuracy of an annotator."""
        return self.known.get(annotator, self.expected)


def pair_accuracy(*, until: datetime | None = None) -> PairAccuracy:
    """Everybody's accuracy on the pairs of gold rankings, by the judgements that count (that counted at `until`).

    People of all campaigns are one pool, so that a person has one accuracy wherever it is shown or used. What was
    computed last is kept while neither gold nor what was said about it changes.
    """
    answers = known_answers(
        Gold.objects.filter(task__purpose=Task.Purpose.GOLD, task__campaign__kind=Campaign.Kind.RANKING)
    )
    if until is not None:
        return _estimated(list(_shares(_ranks(answers), until)))
    judged = given(of="rankings", tasks=answers).judgement
    last: _Last | None = ledger().kept.get("pair accuracy")
    if last is None or last.answers != answers or not np.array_equal(last.judged, judged):
        found = _estimated(list(_shares(_ranks(answers), None)))
        last = ledger().kept["pair accuracy"] = _Last(answers, judged, found)
    return last.found


@dataclass(frozen=True, slots=True, eq=False)
class _Last:
    """The accuracies, and all that they were computed from: what is known, and who judged that."""

    answers: dict[int, str]
    judged: NDArray[np.int64]
    found: PairAccuracy


def _estimated(rows: list[tuple[int, float, int]]) -> PairAccuracy:
    """The accuracies from rows (annotator, share right, pairs), one for each gold ranking."""
    people = sorted({annotator for annotator, _, _ in rows})
    codes = {annotator: code for code, annotator in enumerate(people)}
    most = max((pairs for _, _, pairs in rows), default=1)
    right, trials = effective_trials([share for _, share, _ in rows], [codes[one] for one, _, _ in rows], most)
    *known, expected = gold_accuracy([*right, 0.0], [*trials, 0.0])
    answers = dict.fromkeys(people, 0)
    for annotator, _, _ in rows:
        answers[annotator] += 1
    estimates = zip(people, known, strict=True)
    return PairAccuracy({one: replace(found, n=answers[one]) for one, found in estimates}, expected, len(rows))


def counted(rows: QuerySet, until: datetime | None, path: str = "") -> QuerySet:
    """Those of `rows` whose judgement, at `path`, counts; with `until`, whose judgement counted then."""
    superseded = f"{path}superseded_by"
    if until is None:
        return rows.filter(**{f"{superseded}__isnull": True})
    later = Q(**{f"{superseded}__isnull": True}) | Q(**{f"{superseded}__created_at__gt": until})
    return rows.filter(later, **{f"{path}created_at__lte": until})


def _ranks(answers: Mapping[int, str]) -> dict[int, dict[str, int]]:
    """The known ranks of each gold ranking, by task."""
    known = ((task, json.loads(answer).get("ranks") or {}) for task, answer in answers.items())
    return {task: ranks for task, ranks in known if len(ranks) > 1}


def _shares(wanted: Mapping[int, dict], until: datetime | None) -> Iterator[tuple[int, float, int]]:
    """(annotator, share of the pairs that are right, pairs compared) of each gold ranking."""
    ranked = counted(RankedCompletion.objects.filter(judgement__task__in=wanted), until, "judgement__")
    columns = ("judgement_id", "judgement__annotator_id", "judgement__task_id", "completion_id", "rank")
    rows = ranked.order_by("judgement_id").values_list(*columns).iterator(chunk_size=10_000)
    for (_, annotator, task), said in groupby(rows, key=itemgetter(0, 1, 2)):
        ranks = {completion: rank for *_, completion, rank in said}
        score = score_answer(Campaign.Kind.RANKING, {"ranks": ranks}, {"ranks": wanted[task]})
        pairs = sum(one != other for one, other in combinations(wanted[task].values(), 2))
        yield annotator, score.share, max(pairs, 1)
