"""What admins read to keep gold in order: which unanimous tasks could become gold, and whose answer may go around."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from annotate.gold import SCORED_KINDS, score_answer
from annotate.gold_queries import NOBODY
from annotate.models import Campaign, Dispute, Judgement, Question, Skill, Task
from annotate.quality.intervals import Estimate, clustered_proportion, credible_share, undefined
from annotate.quality.leaks import LeakSignals, leak_signals
from annotate.services.adjudicating import ASPECTS
from annotate.services.records import answer_of, with_answers

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
    rows = Dispute.objects.filter(campaign=campaign, score=0, n__gte=least, task__gold__isnull=True)
    rows = rows.filter(~Exists(waiting), task__purpose=Task.Purpose.WORK, task__withdrawn=False)
    if task_ids is not None:
        rows = rows.filter(task__in=list(task_ids))
    tasks = {
        row.task_id: row.task for row in rows.select_related("task__prompt__domain").order_by("task_id")[:CANDIDATES]
    }
    judged: dict[int, list[Judgement]] = defaultdict(list)
    for one in sorted(with_answers(_judgements(tasks)), key=lambda one: one.pk):
        one.task = tasks[one.task_id]
        one.task.campaign = campaign
        judged[one.task_id].append(one)
    skills = _skills({one.annotator_id for found in judged.values() for one in found})
    found = [_proposal(tasks[pk], said, skills) for pk, said in judged.items() if len(said) >= least]
    kept = [one for one in found if one]
    return sorted(kept, key=lambda one: (-(one.skill.lo or 0.0), -one.n, one.task.pk))


def _judgements(tasks: Iterable[int]) -> QuerySet[Judgement]:
    """Those that count, unsorted: a database that sorts by number may read all judgements there are."""
    return Judgement.objects.current().filter(task__in=list(tasks)).order_by()


def _skills(people: set[int]) -> dict[tuple[int, int | None], tuple[float, int]]:
    rows = Skill.objects.filter(annotator__in=people).values_list("annotator", "domain", "right", "n")
    return {(person, domain): (right, n) for person, domain, right, n in rows}


def _proposal(task: Task, judged: Sequence[Judgement], skills: Mapping) -> Proposal | None:
    answers = [answer_of(one) for one in judged]
    said = [{name: answer[name] for name in ASPECTS if answer.get(name)} for answer in answers]
    if any(one != said[0] for one in said) or not _can_be_gold(task, said[0]):
        return None
    domain = task.prompt.domain_id
    known = [skills.get((one.annotator_id, domain)) or skills.get((one.annotator_id, None)) for one in judged]
    right, n = (sum(column) for column in zip(*(one for one in known if one), (0.0, 0), strict=True))
    seconds = median(one.seconds for one in judged)
    return Proposal(task, said[0], len(judged), credible_share(min(right, n), n), seconds)


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


@dataclass(frozen=True, slots=True)
class _Answered:
    person: int
    score: float
    seconds: float


def leaks(*, campaign: Campaign) -> list[GoldItem]:
    """The gold that is mixed into the work, that with the most signals first; of the newest ANSWERS answers."""
    known = campaign.tasks.filter(purpose=Task.Purpose.GOLD, gold__isnull=False).select_related("prompt", "gold")
    if campaign.kind not in SCORED_KINDS:
        return []
    tasks = {task.pk: task for task in known}
    answered = _answered(campaign, tasks)
    by_person: dict[int, dict[int, _Answered]] = defaultdict(dict)
    for pk, found in answered.items():
        for one in found:
            by_person[one.person][pk] = one
    items = [_item(task, answered.get(pk, []), by_person) for pk, task in tasks.items() if not task.withdrawn]
    return sorted(items, key=lambda one: (-len(one.signals.standing_out), -(one.signals.rise.value or -1), one.task.pk))


def _answered(campaign: Campaign, tasks: Mapping[int, Task]) -> dict[int, list[_Answered]]:
    """Everybody's answer to each of these tasks, the earliest first; a correction in the place of the first version."""
    newest = sorted(_judgements(tasks).values_list("pk", flat=True))[-ANSWERS:]
    found: dict[int, list[tuple]] = defaultdict(list)
    for one in with_answers(Judgement.objects.filter(pk__in=newest).order_by()).select_related("assignment"):
        one.task = tasks[one.task_id]
        one.task.campaign = campaign
        share = score_answer(campaign.kind, answer_of(one), one.task.gold.answer).share
        found[one.task_id].append((one.assignment.ended_at, one.pk, _Answered(one.annotator_id, share, one.seconds)))
    return {pk: [row[2] for row in sorted(rows, key=lambda row: row[:2])] for pk, rows in found.items()}


def _item(task: Task, answered: Sequence[_Answered], by_person: Mapping[int, Mapping[int, _Answered]]) -> GoldItem:
    nothing = float("nan")
    others = [[one for pk, one in by_person[mine.person].items() if pk != task.pk] for mine in answered]
    signals = leak_signals(
        [one.score for one in answered],
        [one.seconds for one in answered],
        [mean(one.score for one in rest) if rest else nothing for rest in others],
        [median(one.seconds for one in rest) if rest else nothing for rest in others],
    )
    scores, people = [one.score for one in answered], [one.person for one in answered]
    return GoldItem(task, clustered_proportion(scores, people) if scores else undefined(NOBODY), signals)
