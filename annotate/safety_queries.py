"""What pages and the API read about distressing content: the warnings of a task, and who saw how much of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, override

from annotate.models import Assignment, Campaign, ContentWarning, Judgement, Prompt, Task, User
from annotate.quality.crossing import share_over_judgements
from annotate.quality.intervals import Estimate, wilson

DISTRESSED = gettext_lazy("The content distresses me")


def warnings_of(*, prompt_id: int) -> list[ContentWarning]:
    """The content warnings of a prompt, in the order of their kinds."""
    order = ContentWarning.Kind.values
    return sorted(ContentWarning.objects.filter(prompt=prompt_id), key=lambda one: order.index(one.kind))


def distressed_reasons() -> Iterable[str]:
    """How a skip for distress begins, in each language: what is stored is what the annotator chose and read."""
    for code, _name in settings.LANGUAGES:
        with override(code):
            yield gettext("The content distresses me")


def warned_prompts(*, prompt_ids: Iterable[int]) -> dict[int, list[str]]:
    """The labels of what these prompts warn of, by prompt id; prompts without a warning are left out."""
    found: dict[int, list[str]] = {}
    for warning in ContentWarning.objects.filter(prompt__in=list(prompt_ids)).order_by("kind"):
        found.setdefault(warning.prompt_id, []).append(warning.get_kind_display())
    return found


@dataclass(frozen=True, slots=True)
class Exposure:
    """How much distressing content an annotator was shown, by kind and period, and how often they skipped some."""

    annotator: User
    by_kind: dict[str, tuple[int, int, int]]
    """Kind -> items shown today, in the last 7 days, in the last 28 days, each ending today."""
    skips: tuple[int, int, int]
    """Tasks skipped because they distress, in the same periods."""


PERIODS = (1, 7, 28)


def exposure() -> list[Exposure]:
    """Everybody who was shown distressing content, or skipped some, in the last 28 days; the most exposed first."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - timedelta(days=days - 1) for days in PERIODS]
    shown = (
        Assignment.objects.filter(revealed_at__gte=starts[-1])
        .values("annotator", "task__prompt__content_warnings__kind")
        .annotate(**_counts("revealed_at", starts))
    )
    distressed = Q()
    for reason in distressed_reasons():
        distressed |= Q(skip_reason__startswith=reason)
    skipped = (
        Assignment.objects.filter(distressed, state=Assignment.State.SKIPPED, ended_at__gte=starts[-1])
        .values("annotator")
        .annotate(**_counts("ended_at", starts))
    )
    kinds: dict[int, dict[str, tuple[int, int, int]]] = {}
    for row in shown:
        if kind := row["task__prompt__content_warnings__kind"]:
            kinds.setdefault(row["annotator"], {})[kind] = _numbers(row)
    skips = {row["annotator"]: _numbers(row) for row in skipped}
    people = User.objects.in_bulk({*kinds, *skips})
    found = [Exposure(person, kinds.get(pk, {}), skips.get(pk, (0, 0, 0))) for pk, person in people.items()]
    return sorted(found, key=lambda one: (-sum(n for *_, n in one.by_kind.values()), one.annotator.username))


def _counts(field: str, starts: Sequence[datetime]) -> dict[str, Count]:
    named = zip(("day", "week", "month"), starts, strict=True)
    return {name: Count("pk", filter=Q(**{f"{field}__gte": start})) for name, start in named}


def _numbers(row: dict) -> tuple[int, int, int]:
    return row["day"], row["week"], row["month"]


@dataclass(frozen=True, slots=True)
class SafetyPromptFigure:
    """What annotators said that the assistant should do with one prompt."""

    task: int
    prompt: str
    warnings: list[str]
    expected: str
    said: dict[str, int]


@dataclass(frozen=True, slots=True)
class SafetyFigures:
    """How far annotators see the expected behaviour in a campaign; n counts judgements."""

    campaign: Campaign
    over_refusal: Estimate
    """Of the judgements on prompts to be answered: the share that chose to decline."""
    under_refusal: Estimate
    """Of those on harmful-looking prompts (to be declined, or answered with care): the share that chose to answer."""
    prompts: list[SafetyPromptFigure]


def safety_figures() -> list[SafetyFigures]:
    """The figures of each campaign whose gold says what the assistant should do, the newest campaign first.

    Intervals are clustered by annotator and by prompt: a share of judgements that share both is not a plain one.
    """
    rows = (
        Judgement.objects.current()
        .filter(task__gold__isnull=False)
        .exclude(behaviour="")
        .values_list("task_id", "annotator_id", "behaviour", "task__gold__answer", "task__campaign_id")
    )
    by_campaign: dict[int, list[tuple[int, int, str, str]]] = {}
    for task, annotator, said, answer, campaign in rows:
        if expected := answer.get("behaviour"):
            by_campaign.setdefault(campaign, []).append((task, annotator, said, expected))
    campaigns = Campaign.objects.filter(pk__in=by_campaign).order_by("-created_at", "-pk")
    return [_safety_of(campaign, by_campaign[campaign.pk]) for campaign in campaigns]


def _safety_of(campaign: Campaign, rows: Sequence[tuple[int, int, str, str]]) -> SafetyFigures:
    answer, decline = Judgement.Behaviour.ANSWER, Judgement.Behaviour.DECLINE
    benign = [(task, person, said == decline) for task, person, said, expected in rows if expected == answer]
    harmful = [(task, person, said == answer) for task, person, said, expected in rows if expected != answer]
    return SafetyFigures(campaign, _share(benign), _share(harmful), _prompts(rows))


def _share(cases: Sequence[tuple[int, int, bool]]) -> Estimate:
    if not cases:
        return wilson(0, 0)
    tasks, people, hits = (np.array(column) for column in zip(*cases, strict=True))
    items, annotators = (np.unique(column, return_inverse=True)[1] for column in (tasks, people))
    return share_over_judgements(
        hits.astype(float), np.ones(len(cases)), item=items, annotator=annotators, n=len(cases)
    )


def _prompts(rows: Sequence[tuple[int, int, str, str]]) -> list[SafetyPromptFigure]:
    """Those first on which most people chose otherwise."""
    tasks = Task.objects.in_bulk({task for task, *_ in rows})
    prompts = dict(
        Prompt.objects.filter(pk__in={one.prompt_id for one in tasks.values()}).values_list("pk", "messages")
    )
    warned = warned_prompts(prompt_ids=prompts)
    expected = {task: wanted for task, _, _, wanted in rows}
    said = {task: Counter(one for other, _, one, _ in rows if other == task) for task in expected}
    order = sorted(expected, key=lambda task: (said[task][expected[task]] / said[task].total(), task))
    return [
        SafetyPromptFigure(
            task=task,
            prompt=prompts[tasks[task].prompt_id][-1]["content"],
            warnings=warned.get(tasks[task].prompt_id, []),
            expected=expected[task],
            said={value: said[task][value] for value in Judgement.Behaviour.values},
        )
        for task in order
    ]
