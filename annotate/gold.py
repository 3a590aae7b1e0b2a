"""How far an answer agrees with the gold answer. Pure; both are answers in the campaign's JSON shape.

Only what the gold says is compared, aspect by aspect:

| aspect | right |
|---|---|
| verdict | the same verdict ("cannot_rank", "all_bad") |
| ranks | each pair that the gold orders strictly: in the same order 1, tied 1/2, else 0 |
| ratings | each rating at most one level away from the gold's |
| flags | each completion with exactly the gold's flags |
| behaviour | the same behaviour |
| labels | each step with the gold's label, as far as the gold labels them |
| decision | the same decision about a demonstration |

The share of an answer is the mean of its aspects' shares, so that an aspect with many pairs does not drown the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from annotate.refusals import Refusal

SCORED_KINDS = ("ranking", "rating", "review", "steps")
"""The kinds of campaign whose answers can be compared; there is no gold for what people write."""

Answer = Mapping[str, Any]


class GoldError(Refusal):
    """An answer that cannot be a gold answer; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class GoldRow:
    """One thing that was compared. `subject` is a completion's id, a step's number (from 1), or empty."""

    subject: str
    said: Any
    gold: Any
    right: float
    """0 to 1."""
    axis: str = ""
    """The rating's axis."""


@dataclass(frozen=True, slots=True)
class GoldPart:
    """One aspect. For ranks, `rows` show each completion's rank, while `right` and `n` count pairs."""

    aspect: str
    right: float
    n: int
    rows: tuple[GoldRow, ...]

    @property
    def share(self) -> float:
        """Right of n, 0 to 1."""
        return self.right / self.n


@dataclass(frozen=True, slots=True)
class GoldScore:
    """How far an answer agrees with gold: the mean share, 0 to 1, and the parts it comes from."""

    share: float
    parts: tuple[GoldPart, ...]


def score_answer(kind: str, answer: Answer, gold: Answer) -> GoldScore:
    """Compare an answer with the gold one. Raises GoldError when the gold says nothing that can be compared."""
    if kind not in SCORED_KINDS:
        raise GoldError(
            "What people write cannot be compared with one known answer; make gold for ranking, rating, review or"
            " step tasks."
        )
    parts = tuple(part for compare in _ASPECTS if (part := compare(answer, gold)))
    if not parts:
        raise GoldError("The gold answer says nothing: give it ranks, ratings, flags, a verdict, labels or a decision.")
    return GoldScore(sum(part.share for part in parts) / len(parts), parts)


def _equal(aspect: str) -> Callable[[Answer, Answer], GoldPart | None]:
    """The comparison of an aspect that has one value."""

    def compare(answer: Answer, gold: Answer) -> GoldPart | None:
        wanted, said = gold.get(aspect), answer.get(aspect) or ""
        if not wanted:
            return None
        return _part(aspect, [GoldRow("", said, wanted, float(said == wanted))])

    return compare


def _part(aspect: str, rows: Sequence[GoldRow]) -> GoldPart:
    return GoldPart(aspect, sum(row.right for row in rows), len(rows), tuple(rows))


def _by_subject(value: Any) -> dict[str, Any]:
    return {str(key): inner for key, inner in value.items()} if isinstance(value, Mapping) else {}


def _ranks(answer: Answer, gold: Answer) -> GoldPart | None:
    wanted, said = _by_subject(gold.get("ranks")), _by_subject(answer.get("ranks"))
    if len(wanted) < 2:
        return None
    pairs = [pair for pair in combinations(wanted, 2) if wanted[pair[0]] != wanted[pair[1]]]
    right = sum(_pair_right(said, wanted, pair) for pair in pairs)
    if not pairs:  # the gold ties them all: then a pair is right when it is tied
        pairs = list(combinations(wanted, 2))
        right = sum(said.get(one) is not None and said.get(one) == said.get(other) for one, other in pairs)
    rows = [GoldRow(key, said.get(key), rank, float(said.get(key) == rank)) for key, rank in wanted.items()]
    return GoldPart("ranks", float(right), len(pairs), tuple(rows))


def _pair_right(said: Mapping[str, Any], wanted: Mapping[str, Any], pair: tuple[str, str]) -> float:
    one, other = pair
    if said.get(one) is None or said.get(other) is None:
        return 0.0
    if said[one] == said[other]:
        return 0.5
    return float((said[one] < said[other]) == (wanted[one] < wanted[other]))


def _ratings(answer: Answer, gold: Answer) -> GoldPart | None:
    said = _by_subject(answer.get("ratings"))
    rows = [
        GoldRow(key, value := _by_subject(said.get(key)).get(axis), level, float(_near(value, level)), axis)
        for key, axes in _by_subject(gold.get("ratings")).items()
        for axis, level in _by_subject(axes).items()
    ]
    return _part("ratings", rows) if rows else None


def _near(value: Any, level: Any) -> bool:
    return isinstance(value, int) and isinstance(level, int) and abs(value - level) <= 1


def _flags(answer: Answer, gold: Answer) -> GoldPart | None:
    wanted = {key: sorted(names) for key, names in _by_subject(gold.get("flags")).items() if names}
    if not wanted:
        return None
    said = {key: sorted(names or ()) for key, names in _by_subject(answer.get("flags")).items()}
    shown = dict.fromkeys([*_by_subject(gold.get("ranks")), *_by_subject(gold.get("ratings")), *wanted, *said])
    rows = []
    for key in shown:
        mine, theirs = said.get(key, []), wanted.get(key, [])
        rows.append(GoldRow(key, mine, theirs, float(mine == theirs)))
    return _part("flags", rows)


def _labels(answer: Answer, gold: Answer) -> GoldPart | None:
    wanted, said = gold.get("labels") or [], answer.get("labels") or []
    rows = list(_label_rows(said, wanted))
    return _part("labels", rows) if rows else None


def _label_rows(said: Sequence[str], wanted: Sequence[str]) -> Iterator[GoldRow]:
    """Steps beyond the gold's labels are not compared; the gold may stop at the first error."""
    for place, label in enumerate(wanted):
        mine = said[place] if place < len(said) else None
        yield GoldRow(str(place + 1), mine, label, float(mine == label))


_ASPECTS = (_equal("verdict"), _ranks, _ratings, _flags, _equal("behaviour"), _labels, _equal("decision"))
