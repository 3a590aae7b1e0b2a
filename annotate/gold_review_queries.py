"""What admins read to keep gold in order: which unanimous tasks could become gold, and whose answer may go around."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from statistics import median
from typing import Any

from django.db.models import Exists, OuterRef, Q

from annotate.gold import SCORED_KINDS
from annotate.gold_queries import NOBODY
from annotate.gold_shares import Scored, given, known_answers, scored
from annotate.kept_answers import said_in
from annotate.models import Campaign, Dispute, Gold, Judgement, Question, Skill, Task
from annotate.quality.intervals import Estimate, clustered_proportion, credible_share, undefined
from annotate.quality.leaks import LeakSignals, leak_signals

LEAST = 3
"""Annotators who must agree, unless another number is asked for."""
CANDIDATES = 100
"""Tasks of which proposals are made at once, the oldest first."""
ANSWERS = 5_000
"""Answers to gold, the newest, that the signals of leaks are computed from."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A task on which everybody gave exactly the same answer, so that it could become gold."""

    task: Task
    answer: Mapping[str, Any]
    """What they all said, as far as it can be a known answer."""
    n: int
    """Annotators who agree: all who judged it."""
    skill: Estimate
    """The share of gold that these people get right (in the task's domain where that is measured); n: gold answers."""
    seconds: float
    """Their median active time."""

    def as_row(self) -> dict:
        """What page, CSV and API show."""
        return {
            "task": self.task.pk,
            "domain": self.task.prompt.domain.slug if self.task.prompt.domain else "",
            "n": self.n,
            "seconds": self.seconds,
            "skill": self.skill.value,
            "skill_lo": self.skill.lo,
            "skill_hi": self.skill.hi,
            "skill_n": self.skill.n,
            "answer": self.answer,
        }


def proposals(*, campaign: Campaign, least: int = LEAST, task_ids: Iterable[int] | None = None) -> list[Proposal]:
    """The tasks that could become gold, those first whose annotators are shown to be the most skilled.

    At least `least` people judged it, all alike: every rank, rating, label or decision; a ranking without ties, and
    nobody gave a verdict or set a flag. It is work, not withdrawn, without a known answer, and nobody's question or
    report about it is open. Unanimous is not right: people can share a mistake, so an admin looks at each.
    """
    waiting = Question.objects.filter(task=OuterRef("pk"), resolved=False)
    known = Gold.objects.filter(task=OuterRef("pk"))
    rows = Dispute.objects.filter(Q(n__gte=least), campaign=campaign, score=0, n__gte=2)  # which is so: for the index
    rows = rows.filter(~Exists(known), ~Exists(waiting), task__purpose=Task.Purpose.WORK, task__withdrawn=False)
    if task_ids is not None:
        rows = rows.filter(task__in=list(task_ids))
    tasks = {
        row.task_id: row.task for row in rows.select_related("task__prompt__domain").order_by("task_id")[:CANDIDATES]
    }
    for task in tasks.values():
        task.campaign = campaign
    judged = _judged(tasks)
    skills = _skills({one.person for found in judged.values() for one in found})
    found = [_proposal(tasks[pk], answers, skills) for pk, answers in judged.items() if len(answers) >= least]
    kept = [one for one in found if one]
    return sorted(kept, key=lambda one: (-(one.skill.lo or 0.0), -one.n, one.task.pk))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a judgement says, and how long it took."""

    person: int
    seconds: float
    said: Mapping[str, Any]


def _judged(tasks: Collection[int]) -> dict[int, list[_Answer]]:
    """The judgements of tasks that count, by task.

    Unsorted: a database that sorts by number may read all judgements there are.
    """
    counted = Judgement.objects.current().filter(task__in=list(tasks)).order_by()
    rows = sorted(counted.values_list("pk", "task_id", "annotator_id", "seconds"))
    said = said_in([row[0] for row in rows])
    judged: dict[int, list[_Answer]] = defaultdict(list)
    for pk, task, person, seconds in rows:
        judged[task].append(_Answer(person, seconds, said[pk]))
    return judged


def _skills(people: set[int]) -> dict[tuple[int, int | None], tuple[float, int]]:
    rows = Skill.objects.filter(annotator__in=people).values_list("annotator", "domain", "right", "n")
    return {(person, domain): (right, n) for person, domain, right, n in rows}


def _proposal(task: Task, judged: Sequence[_Answer], skills: Mapping) -> Proposal | None:
    said = judged[0].said
    if any(one.said != said for one in judged) or not _can_be_gold(task, said):
        return None
    domain = task.prompt.domain_id
    known = [skills.get((one.person, domain)) or skills.get((one.person, None)) for one in judged]
    right, n = (sum(column) for column in zip(*(one for one in known if one), (0.0, 0), strict=True))
    seconds = median(one.seconds for one in judged)
    return Proposal(task, said, len(judged), credible_share(min(right, n), n), seconds)


def _can_be_gold(task: Task, said: Mapping[str, Any]) -> bool:
    if not said or said.get("verdict") or said.get("flags"):
        return False
    ranks = said.get("ranks")
    return task.campaign.kind != Campaign.Kind.RANKING or (bool(ranks) and len(set(ranks.values())) == task.k)


@dataclass(frozen=True, slots=True)
class GoldItem:
    """A gold task that is mixed into the work, how people do on it, and the signals that its answer goes around."""

    task: Task
    score: Estimate
    """Mean score of those who answered; n counts people."""
    signals: LeakSignals

    def as_row(self) -> dict:
        """What page, CSV and API show."""
        figures = {"score": self.score, **{name: getattr(self.signals, name) for name in ("rise", "above", "pace")}}
        return {
            "task": self.task.pk,
            "standing_out": " ".join(self.signals.standing_out),
            **{
                f"{name}{end}": getattr(figure, field)
                for name, figure in figures.items()
                for end, field in (("", "value"), ("_lo", "lo"), ("_hi", "hi"), ("_n", "n"))
            },
        }


def leaks(*, campaign: Campaign) -> list[GoldItem]:
    """The gold that is mixed into the work, that with the most signals first; of the newest ANSWERS answers."""
    if campaign.kind not in SCORED_KINDS:
        return []
    answers = known_answers(Gold.objects.filter(task__campaign=campaign, task__purpose=Task.Purpose.GOLD))
    if not answers:
        return []
    mixed_in = campaign.tasks.filter(purpose=Task.Purpose.GOLD, gold__isnull=False, withdrawn=False).order_by()
    newest = given(of=f"campaign {campaign.pk}", tasks=answers).newest(ANSWERS)
    found = scored(judgements=newest, answers=answers)
    answered: dict[int, list[Scored]] = defaultdict(list)
    for _pk, one in sorted(found.items(), key=lambda row: (row[1].ended_at, row[0])):
        answered[one.task].append(one)
    usual = _Usual.of(found.values())
    items = [_item(task, answered[task.pk], usual) for task in mixed_in]
    return sorted(items, key=lambda one: (-len(one.signals.standing_out), -(one.signals.rise.value or -1), one.task.pk))


@dataclass(frozen=True, slots=True)
class _Usual:
    """How right each person is on gold, and how long they take; everybody answers a task once."""

    total: Mapping[int, float]
    seconds: Mapping[int, Sequence[float]]
    """By rising length."""

    @classmethod
    def of(cls, answered: Iterable[Scored]) -> "_Usual":
        total: dict[int, float] = defaultdict(float)
        seconds: dict[int, list[float]] = defaultdict(list)
        for one in answered:
            total[one.person] += one.share
            seconds[one.person].append(one.seconds)
        return cls(total, {person: sorted(times) for person, times in seconds.items()})

    def elsewhere(self, one: Scored) -> tuple[float, float]:
        """The mean score and the median time of this person's other answers; nan where there is none."""
        times = self.seconds[one.person]
        others = len(times) - 1
        if not others:
            return nan, nan
        own = bisect_left(times, one.seconds)
        low, high = (times[at + (at >= own)] for at in ((others - 1) // 2, others // 2))
        return (self.total[one.person] - one.share) / others, (low + high) / 2


def _item(task: Task, answered: Sequence[Scored], usual: _Usual) -> GoldItem:
    scores, seconds, people = ([getattr(one, name) for one in answered] for name in ("share", "seconds", "person"))
    elsewhere = [usual.elsewhere(one) for one in answered]
    signals = leak_signals(
        scores, seconds, [mean for mean, _median in elsewhere], [median for _mean, median in elsewhere]
    )
    return GoldItem(task, clustered_proportion(scores, people) if scores else undefined(NOBODY), signals)
