"""What judgements say, as far as it can be a known answer: each is read once and kept, since judgements never change.

What is kept is the ledger's (`Ledger.kept`): it goes when the database is another.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from annotate.ledger.live import ledger
from annotate.models import Judgement
from annotate.services.adjudicating import ASPECTS
from annotate.services.records import answer_of, with_answers

AT_ONCE = 5_000
"""Judgements in one question."""
MOST = 20_000
"""Answers that are kept: some ten megabytes."""


def said_in(judgements: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """What these judgements say of the ASPECTS, by judgement, as far as they are there; for reading only."""
    if not judgements:
        return {}
    ledger().look()
    kept: dict[int, Mapping[str, Any]] = ledger().kept.setdefault("answers", {})
    missing = [one for one in judgements if one not in kept]
    if len(kept) + len(missing) > MOST:
        kept.clear()
        missing = list(judgements)
    found = {one: kept[one] for one in judgements if one in kept}
    for first in range(0, len(missing), AT_ONCE):
        part = Judgement.objects.filter(pk__in=missing[first : first + AT_ONCE]).order_by()
        for one in with_answers(part).select_related("task__campaign"):
            answer = answer_of(one)
            found[one.pk] = kept[one.pk] = {name: answer[name] for name in ASPECTS if answer.get(name)}
    return found
