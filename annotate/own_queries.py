"""What a person's own pages and GET /api/v1/me/ show: how much, how fast, how far in agreement, and what was said."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from annotate.gold import SCORED_KINDS, GoldScore, score_answer
from annotate.inbox_queries import waiting_for
from annotate.models import Campaign, Domain, Expertise, Judgement, RankedCompletion, Task, User
from annotate.quality.intervals import Estimate, clustered_proportion, credible_share, undefined
from annotate.quality.medians import median
from annotate.quality.slices import OwnAgreement, agreement_with_others
from annotate.quality.table import RankingTable
from annotate.services.daily import midnight
from annotate.services.records import answer_of, with_answers
from annotate.translations import translatable

NOTHING_TOLD = translatable("No gold answer to show yet.")
WEEK = timedelta(days=6)  # before today: seven days in all


@dataclass(frozen=True, slots=True)
class Pace:
    """Median active seconds of a judgement in one campaign, and what the campaign pays for (None: it does not say)."""

    campaign: Campaign
    today: Estimate
    week: Estimate

    @property
    def pay_seconds(self) -> int | None:
        """Active seconds of a judgement that the campaign pays for."""
        return self.campaign.pay_seconds

    @property
    def against_pay(self) -> str:
        """Where the week's interval lies: "shorter" or "longer" than what is paid, "about" it, or "" for no saying."""
        if not self.pay_seconds or self.week.lo is None:
            return ""
        if self.week.hi < self.pay_seconds:
            return "shorter"
        return "longer" if self.week.lo > self.pay_seconds else "about"


@dataclass(frozen=True, slots=True)
class GoldFigure:
    """The mean share of gold that somebody met in a campaign; n counts gold tasks."""

    campaign: Campaign
    mean: Estimate


@dataclass(frozen=True, slots=True)
class SkillFigure:
    """What somebody knows about a domain (None: all together): what they declare, and what gold measures."""

    domain: Domain | None
    declared: Expertise | None
    measured: Estimate
    """n counts gold tasks; the value is None while there is none."""


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """Everything that a person sees about their own work."""

    today: int
    week: int
    seconds_today: float
    pace: list[Pace]
    agreement: list[tuple[Campaign, OwnAgreement]]
    gold: list[GoldFigure]
    skills: list[SkillFigure]
    unread: int


def own_figures(*, user: User) -> OwnFigures:
    """The figures of my page and of the API."""
    today_began = midnight()
    times = _times(user, since=today_began - WEEK)
    today = [seconds for _, seconds, at in times if at >= today_began]
    feedback = gold_feedback(user=user)
    return OwnFigures(
        today=len(today),
        week=len(times),
        seconds_today=sum(today),
        pace=_pace(times, today_began),
        agreement=own_agreement(user=user),
        gold=gold_figures(feedback),
        skills=own_skills(user=user, feedback=feedback),
        unread=waiting_for(user=user).unread,
    )


def _times(user: User, since: datetime) -> list[tuple[int, float, datetime]]:
    """(campaign, active seconds, when) of each first submission: corrections are not another task."""
    mine = Judgement.objects.filter(annotator=user, version=1, created_at__gte=since)
    return list(mine.values_list("task__campaign_id", "seconds", "created_at"))


def _pace(times: list[tuple[int, float, datetime]], today_began: datetime) -> list[Pace]:
    campaigns = Campaign.objects.filter(pk__in={campaign for campaign, _, _ in times})
    return [
        Pace(
            campaign=campaign,
            today=median([seconds for pk, seconds, at in times if pk == campaign.pk and at >= today_began]),
            week=median([seconds for pk, seconds, _ in times if pk == campaign.pk]),
        )
        for campaign in campaigns
    ]


def own_agreement(*, user: User) -> list[tuple[Campaign, OwnAgreement]]:
    """How far a person's rankings agree with the others' on the tasks they share, where the campaign shows it.

    On tasks of work whose time to correct is over: a figure that moved with each submission, or did not, would tell
    work from gold.
    """
    campaigns = list(campaigns_of(user=user).filter(show_agreement=True))
    now = timezone.now()
    over = Q(pk__in=[])
    for campaign in campaigns:
        until = now - timedelta(minutes=campaign.correction_minutes)
        over |= Q(task__campaign=campaign, assignment__ended_at__lte=until)
    shared = Judgement.objects.current().of_work().filter(over, annotator=user)
    rows = (
        RankedCompletion.objects.filter(judgement__task__in=shared.values("task"))
        .exclude(judgement__superseded_by__isnull=False)
        .order_by()
        .values_list(
            "judgement__task__campaign_id", "judgement__task_id", "judgement__annotator_id", "completion_id", "rank"
        )
    )
    by_campaign: dict[int, list[tuple]] = {}
    for campaign, *row in rows:
        by_campaign.setdefault(campaign, []).append(row)
    return [
        (
            campaign,
            agreement_with_others(RankingTable.from_arrays(*zip(*by_campaign[campaign.pk], strict=True)), user.pk),
        )
        for campaign in campaigns
        if campaign.pk in by_campaign
    ]


@dataclass(frozen=True, slots=True)
class GoldFeedback:
    """An own judgement of a task whose answer is known, scored."""

    judgement: Judgement
    score: GoldScore

    @property
    def explanation(self) -> str:
        """Why the gold answer is the answer."""
        return self.judgement.task.gold.explanation


def gold_feedback(*, user: User) -> list[GoldFeedback]:
    """An own judgement and its score for each gold task that is over, the newest first, where the campaign shows it.

    Over means that the time to correct has passed: who knows the answer could otherwise still correct towards it.
    Tasks that are not submitted never appear, so nobody learns which of the open ones are gold.
    """
    mine = (
        Judgement.objects.current()
        .filter(annotator=user, task__gold__isnull=False)
        .filter(task__campaign__show_gold=True, task__campaign__kind__in=SCORED_KINDS)
    )
    judged = with_answers(mine).select_related(
        "task__campaign", "task__prompt__domain", "task__gold", "assignment__guideline"
    )
    now = timezone.now()
    return [
        GoldFeedback(one, score_answer(one.task.campaign.kind, answer_of(one), one.task.gold.answer))
        for one in judged.order_by("-created_at", "-pk")
        if correctable_until(one) <= now
    ]


def correctable_until(judgement: Judgement) -> datetime:
    """When the time to correct a judgement ends."""
    return judgement.assignment.ended_at + timedelta(minutes=judgement.task.campaign.correction_minutes)


def gold_figures(feedback: Iterable[GoldFeedback]) -> list[GoldFigure]:
    """The mean share in each campaign, with an interval over gold tasks like those seen."""
    shares: dict[Campaign, dict[int, float]] = {}
    for one in feedback:
        shares.setdefault(one.judgement.task.campaign, {})[one.judgement.task_id] = one.score.share
    return [
        GoldFigure(campaign, clustered_proportion(list(found.values()), list(found)))
        for campaign, found in shares.items()
    ]


def own_skills(*, user: User, feedback: Iterable[GoldFeedback]) -> list[SkillFigure]:
    """What a person declares and what is measured, by domain, with all domains first.

    The figures are those of `services/skills.py`, as far as `gold_feedback` tells of the answers: so that nobody learns
    from a figure that moves which task was gold.
    """
    shares: dict[Domain | None, list[float]] = {}
    for one in feedback:
        task = one.judgement.task
        if task.purpose == Task.Purpose.GOLD:
            for place in dict.fromkeys((None, task.prompt.domain)):
                shares.setdefault(place, []).append(one.score.share)
    mine = Expertise.objects.filter(user=user).exclude(level=Expertise.Level.NONE).select_related("domain")
    declared = {one.domain: one for one in mine}
    domains = sorted({*shares, *declared} - {None}, key=lambda domain: domain.name)
    return [
        SkillFigure(domain, declared.get(domain), _skill(shares.get(domain, [])))
        for domain in [*([None] if shares else []), *domains]
    ]


def _skill(shares: Sequence[float]) -> Estimate:
    return credible_share(sum(shares), len(shares)) if shares else undefined(NOTHING_TOLD)


def history(*, user: User, text: str = "", campaign: str = "", day: date | None = None) -> QuerySet[Judgement]:
    """A person's judgements that count, the newest first; `text` is looked for in the prompts, whatever its case."""
    mine = Judgement.objects.current().filter(annotator=user)
    if campaign:
        mine = mine.filter(task__campaign__slug=campaign)
    if day:
        mine = mine.filter(created_at__date=day)
    if text.strip():
        mine = mine.filter(pk__in=_mentioning(mine, text.strip()))
    return mine.select_related("task__campaign", "task__prompt", "assignment").order_by("-created_at", "-pk")


def _mentioning(judgements: QuerySet[Judgement], text: str) -> list[int]:
    """The judgements with this text in what somebody says in the prompt.

    The database narrows them down by a word, where JSON escapes none of it; it would also find "role" and "content".
    """
    words = sorted(re.findall("[A-Za-z0-9]+", text), key=len) if text.isascii() else []
    narrowed = judgements.filter(task__prompt__messages__icontains=words[-1]) if words else judgements
    wanted = text.casefold()
    return [
        pk
        for pk, messages in narrowed.values_list("pk", "task__prompt__messages").iterator()
        if any(wanted in message["content"].casefold() for message in messages)
    ]


def campaigns_of(*, user: User) -> QuerySet[Campaign]:
    """The campaigns in which a person has submitted something."""
    return Campaign.objects.filter(Q(tasks__judgements__annotator=user)).distinct()
