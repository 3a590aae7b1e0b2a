"""How far the judgements of one task agree, and whether more people should do it. Pure.

Every answer says something about each thing that the task asks:

| asked | answers |
|---|---|
| pair of completions (ranking) | the first is better, a tie, the second is; or the verdict instead of a ranking |
| rating of a completion on an axis | within one level of the median, or not (on an axis of two levels: the level) |
| step of a solution | its label, as far as the answer goes |
| decision of a review, expected behaviour | the decision, the behaviour |

Flags, marked passages and texts are not compared; where a campaign asks nothing else, there is nothing to go on.

**Confidence** is the chance that the leading answer leads. With `a` answers for the leading one, `b` for the runner-up
and a uniform prior, the share p of people who would side with the leader is Beta(1 + a, 1 + b), and

    P(p > 1/2) = sum over j = 0..a of C(a + b + 1, j) / 2^(a + b + 1)

which is one minus the "label uncertainty" of Sheng, Provost & Ipeirotis 2008 ("Get Another Label?", KDD), by which they
choose what to label again. It is averaged over the things asked. 2 to 1 gives 0.6875, 3 to 1 0.8125, 3 to 0 0.9375. A
task gets another annotator while this is below the campaign's confidence and its ceiling is not reached: a stopping
rule for each task, by the gap between its votes, as in Abraham et al. 2016 ("How Many Workers to Ask?", SIGIR).

**Disagreement** is one minus the mean agreement of two judgements about one thing asked: 1 when they say the same (for
ratings: at most one level apart), 1/2 for a tie against a preference, else 0.

Departures: both papers have one yes-or-no question a task; here a task asks several, which are not independent (the
pairs of a ranking), so that their mean is a rule and not a probability. Looking after every answer and stopping at the
first confident moment makes the stated chance optimistic, as in every sequential test that does not correct for it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb
from statistics import median_low
from typing import Any

from annotate.assignment_rules import OverlapRules

Answer = Mapping[str, Any]
Question = tuple[Hashable, ...]
Said = dict[Question, Counter]

FIRST, TIE, SECOND = "first", "tie", "second"
NEAR = "rating"
EXACT = "level"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a task stands after the judgements so far."""

    disagreement: float
    """0: all say the same, 1: all say the opposite; 0 with fewer than two judgements."""
    confidence: float
    """The mean chance that the leading answer leads: from 1/2, less where ratings lie on both sides of their median."""
    n: int
    """Judgements."""


def standing(kind: str, answers: Sequence[Answer], *, exact_axes: Collection[str] = ()) -> Standing | None:
    """How the answers to one task stand; None when they say nothing that can be compared.

    `answers` are in the campaign's JSON shape; `exact_axes` are those with two levels, where near is not the same.
    """
    said = _said(kind, answers, exact_axes)
    if not said:
        return None
    agreed, pairs = map(sum, zip(*(_agreement(question, counts) for question, counts in said.items()), strict=True))
    confidences = [_confidence(question, counts) for question, counts in said.items()]
    return Standing(
        disagreement=1 - agreed / pairs if pairs else 0.0,
        confidence=sum(confidences) / len(confidences),
        n=len(answers),
    )


def wants_more(standing: Standing, *, target: int, rules: OverlapRules) -> bool:
    """Whether a task that is complete should go to one more person."""
    return standing.n >= target and standing.confidence < rules.confidence and target < rules.ceiling


@cache
def leads(lead: int, runner_up: int) -> float:
    """P(p > 1/2) for p ~ Beta(1 + lead, 1 + runner_up)."""
    n = lead + runner_up + 1
    return sum(comb(n, j) for j in range(lead + 1)) / 2**n


def _said(kind: str, answers: Sequence[Answer], exact_axes: Collection[str]) -> Said:
    """How often each answer was given to each thing asked."""
    said: Said = defaultdict(Counter)
    if kind == "ranking":
        _count_pairs(said, answers)
    for answer in answers:
        for completion, values in answer.get("ratings", {}).items():
            for axis, value in values.items():
                said[EXACT if axis in exact_axes else NEAR, str(completion), axis][value] += 1
        for step, label in enumerate(answer.get("labels", ())):
            said["step", step][label] += 1
        for name in ("decision", "behaviour"):
            if answer.get(name):
                said[(name,)][answer[name]] += 1
    return said


def _count_pairs(said: Said, answers: Sequence[Answer]) -> None:
    """What is said of each pair of completions; who gives a verdict instead of ranks says it of every pair."""
    rankings = [{str(key): rank for key, rank in answer.get("ranks", {}).items()} for answer in answers]
    shown = sorted({key for ranks in rankings for key in ranks})
    questions = [("pair", *pair) for pair in combinations(shown, 2)] or [("pair",)]
    for answer, ranks in zip(answers, rankings, strict=True):
        for question in questions:
            said[question][_preferred(*(ranks[key] for key in question[1:])) if ranks else answer["verdict"]] += 1


def _preferred(one: int, other: int) -> str:
    return TIE if one == other else FIRST if one < other else SECOND


def _agreement(question: Question, counts: Counter) -> tuple[float, int]:
    """How many pairs of judgements agree, and how many pairs there are."""
    n = counts.total()
    agreed: float = sum(count * (count - 1) // 2 for count in counts.values())
    if question[0] == "pair":
        agreed += counts[TIE] * (counts[FIRST] + counts[SECOND]) / 2
    elif question[0] == NEAR:
        agreed += sum(count * counts.get(value + 1, 0) for value, count in counts.items())
    return agreed, n * (n - 1) // 2


def _confidence(question: Question, counts: Counter) -> float:
    if question[0] == NEAR:
        median = median_low(counts.elements())
        near = sum(count for value, count in counts.items() if abs(value - median) <= 1)
        return leads(near, counts.total() - near)
    lead, runner_up = (*(count for _answer, count in counts.most_common(2)), 0)[:2]
    return leads(lead, runner_up)
