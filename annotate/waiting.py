"""Why there is nothing to do: for a person in a campaign, and for admins what waits for whom.

Asked only when nothing can be handed out. Counts stop at MOST: whoever reads "1,000+" knows enough, and it costs the
same whatever waits. Tasks with a known answer are never counted, so that no number tells which they are.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Min, QuerySet
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from annotate.assignment_rules import Needs
from annotate.languages import name_of
from annotate.models import Assignment, Campaign, ContentWarning, Membership, Queue, Task, User
from annotate.services import budgets, daily
from annotate.services.choosing import queues_with_work
from annotate.services.onboarding import standing
from annotate.services.person import Person, several
from annotate.services.queues import Access, Closed, access_of, access_to

MOST = 1000
State = Assignment.State


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nothing is handed out, or why these tasks are not.

    Codes: suspended, step, paused, closed, budget, daily, held, domain, language, skill, opt_out, empty, done.
    """

    code: str
    n_tasks: int | None
    """How many tasks it is about, at most MOST; None where it is about all."""
    sentence: str


def why_nothing(*, annotator: User, campaign: Campaign) -> list[Reason]:
    """Every reason, the ones that pass by themselves first; empty when there is something to do.

    Raises NotFound when the campaign is for members and this person is none.
    """
    where = standing(user=annotator, campaign=campaign)
    if where.is_suspended:
        return [Reason("suspended", None, _("An admin has suspended your work here. Ask them what it is about."))]
    if Assignment.objects.filter(annotator=annotator, campaign=campaign, state=State.CLAIMED).exists():
        return []
    if stopped := _stopped(annotator, campaign, where.next_step):
        return [stopped]
    access = access_of(annotator=annotator, campaign=campaign)
    if queues_with_work(annotator=annotator, queues=access.waiting):
        return []
    return [*_held_by_others(annotator, campaign, access), *_closed(annotator, campaign, access)] or [
        _done(annotator, campaign)
    ]


def _stopped(annotator: User, campaign: Campaign, step: str | None) -> Reason | None:
    """What stops the whole campaign, or all of it for this person."""
    if campaign.state == Campaign.State.PAUSED:
        sentence = _("An admin has paused this campaign; it comes back when they reopen it.")
        return Reason("paused", None, sentence)
    if campaign.state == Campaign.State.CLOSED:
        return Reason("closed", None, _("This campaign is closed: there is no more work in it."))
    if step:
        return Reason("step", None, _("A step comes before your next task here."))
    if budgets.used_up(campaign):
        return Reason("budget", None, _("The campaign’s budget is used up, so nothing more is handed out."))
    return daily_stop(annotator=annotator, campaign=campaign)


def daily_stop(*, annotator: User, campaign: Campaign) -> Reason | None:
    """That this person has done the day's share of the campaign; None while they have not, or it has none."""
    limits = campaign.assignment_rules.daily
    if not daily.has_limits(campaign):
        return None
    done = daily.done_today(annotator=annotator, campaign=campaign)
    which = daily.reached(limits, done)
    if not which:
        return None
    if which == "judgements":
        said = ngettext(
            "You have done %(n)s task here today, as many as one person does in a day.",
            "You have done %(n)s tasks here today, as many as one person does in a day.",
            done.n,
        ) % {"n": number_format(done.n)}
    else:
        said = _("You have worked %(hours)s hours here today, as long as one person does in a day.") % {
            "hours": number_format(round(done.hours, 1), 1)
        }
    goes_on = _("It goes on at midnight (%(zone)s).") % {"zone": timezone.get_current_timezone_name()}
    return Reason("daily", None, f"{said} {goes_on}")


def _held_by_others(annotator: User, campaign: Campaign, access: Access) -> list[Reason]:
    """What others have in hand of what this person could do otherwise. Found by the leases: they are few."""
    taken = Assignment.objects.filter(campaign=campaign, state=State.CLAIMED, task__queue__in=access.work)
    taken = taken.filter(task__withdrawn=False).exclude(task__in=_mine(annotator)).order_by()
    taken = taken.exclude(task__in=annotator.adjudications.order_by().values("task"))
    found = taken.aggregate(n=Count("task", distinct=True), first=Min("lease_expires_at"))
    if not found["n"]:
        return []
    minutes = max(1, math.ceil((found["first"] - timezone.now()).total_seconds() / 60))
    sentence = ngettext(
        "Somebody is at work on the last task. Look again in %(minutes)s min: what is not done by then is free again.",
        "Others are at work on the last %(n)s tasks. Look again in %(minutes)s min: what is not done by then is free"
        " again.",
        found["n"],
    )
    return [_reason("held", found["n"], sentence, minutes=minutes)]


def _mine(annotator: User) -> QuerySet:
    """The tasks that never come (back) to this person."""
    seen = Assignment.objects.filter(annotator=annotator, state__in=[State.CLAIMED, State.SUBMITTED, State.SKIPPED])
    return seen.values("task")


def _closed(annotator: User, campaign: Campaign, access: Access) -> list[Reason]:
    """What waits for somebody else; queues that are closed for the same reason together."""
    groups: dict[str, list[Closed]] = {}
    for closed in access.closed:
        if not closed.queue.gold:
            groups.setdefault(repr(sorted(closed.why.items(), key=lambda item: item[0])), []).append(closed)
    found = []
    for group in groups.values():
        free = Task.objects.filter(queue__in=[closed.queue for closed in group], reserved__lt=F("target"))
        free = free.filter(withdrawn=False).exclude(pk__in=_mine(annotator)).order_by()
        if n := free[: MOST + 1].count():
            found.append(_because(annotator, campaign, group[0].why, n))
    return sorted(found, key=lambda one: -one.n_tasks)


def _because(annotator: User, campaign: Campaign, why: Mapping[str, object], n: int) -> Reason:
    if "opt_out" in why:
        labels = dict(ContentWarning.Kind.choices)
        kinds = ", ".join(str(labels.get(kind, kind)) for kind in why["opt_out"])
        sentence = ngettext(
            "%(n)s task has content that you never want to be given: %(kinds)s.",
            "%(n)s tasks have content that you never want to be given: %(kinds)s.",
            n,
        )
        return _reason("opt_out", n, sentence, kinds=kinds)
    if "language" in why:
        sentence = ngettext(
            "%(n)s task waits for someone who reads %(language)s.",
            "%(n)s tasks wait for someone who reads %(language)s.",
            n,
        )
        return _reason("language", n, sentence, language=name_of(why["language"], get_language()))
    if "skill" in why:
        return _too_little_skill(annotator, campaign, why, n)
    if why["level"] == "verified":
        sentence = ngettext(
            "%(n)s task waits for someone with %(domain)s, verified.",
            "%(n)s tasks wait for someone with %(domain)s, verified.",
            n,
        )
        if Person(annotator).knows(why["domain"].pk, verified=False):
            sentence = f"{sentence} {_('You have declared it; an admin has not verified it yet.')}"
    else:
        sentence = ngettext(
            "%(n)s task waits for someone with %(domain)s.", "%(n)s tasks wait for someone with %(domain)s.", n
        )
    return _reason("domain", n, sentence, domain=why["domain"])


def _too_little_skill(annotator: User, campaign: Campaign, why: Mapping[str, object], n: int) -> Reason:
    wanted = round(why["skill"] * 100)
    if why["domain"]:
        sentence = ngettext(
            "%(n)s task asks for a measured skill of %(wanted)s %% in %(domain)s.",
            "%(n)s tasks ask for a measured skill of %(wanted)s %% in %(domain)s.",
            n,
        )
    else:
        sentence = ngettext(
            "%(n)s task asks for a measured skill of %(wanted)s %%.",
            "%(n)s tasks ask for a measured skill of %(wanted)s %%.",
            n,
        )
    said = _reason("skill", n, sentence, wanted=wanted, domain=why["domain"])
    return Reason(said.code, said.n_tasks, f"{said.sentence} {_own_skill(annotator, campaign, why)}")


def _own_skill(annotator: User, campaign: Campaign, why: Mapping[str, object]) -> str:
    """What is known of this person's skill, where the campaign tells.

    It waits until nothing of theirs can be corrected, gold or not: else its change would tell which was gold.
    """
    since = timezone.now() - timedelta(minutes=campaign.correction_minutes)
    recent = Assignment.objects.filter(
        annotator=annotator, campaign=campaign, state=State.SUBMITTED, ended_at__gt=since
    )
    if not campaign.show_gold or recent.exists():
        return _("You have not shown it yet.")
    if why["mean"] is None:
        return _("Yours is not measured yet: %(n)s of %(measured)s known answers.") % why
    mean = round(why["mean"] * 100)
    return _("Yours is %(mean)s %% (n = %(n)s).") % {"mean": mean, "n": number_format(why["n"])}


def _reason(code: str, n: int, sentence: str, **values: object) -> Reason:
    many = f"{number_format(MOST, force_grouping=True)}+" if n > MOST else number_format(n, force_grouping=True)
    return Reason(code, min(n, MOST), sentence % {"n": many, **values})


def _done(annotator: User, campaign: Campaign) -> Reason:
    mine = Assignment.objects.filter(annotator=annotator, campaign=campaign, state__in=[State.SUBMITTED, State.SKIPPED])
    if mine.exists():
        return Reason("done", None, _("You have done all there is for you here. New tasks appear by themselves."))
    if Task.objects.filter(campaign=campaign, purpose=Task.Purpose.WORK, withdrawn=False).exists():
        return Reason("done", None, _("Every task here is done. New ones appear by themselves."))
    return Reason("empty", None, _("It has no tasks yet. They appear here once they are imported."))


# For admins


@dataclass(frozen=True, slots=True)
class Asked:
    """What some waiting tasks ask of a person, and how many people have it."""

    what: str
    n_tasks: int
    n_people: int
    """Of those who may work in the campaign and have an active account."""


def who_is_missing(*, campaign: Campaign) -> list[Asked]:
    """What the waiting tasks of a campaign with needs ask for, what fewest people have first; empty without needs."""
    if campaign.assignment_rules.needs == Needs():
        return []
    queues = list(campaign.queues.filter(gold=False).select_related("domain"))
    free = Task.objects.filter(queue__in=queues, reserved__lt=F("target"), withdrawn=False).order_by()
    waiting = dict(free.values_list("queue").annotate(n=Count("pk")))
    people = several(_who_may_work(campaign))
    tasks, able = Counter(), {}
    for queue in queues:
        what = _asked(campaign, queue)
        if what and queue.pk in waiting:
            tasks[what] += waiting[queue.pk]
            qualified = sum(queue.pk in access_to(person=one, campaign=campaign, queues=[queue]).work for one in people)
            able[what] = max(able.get(what, 0), qualified)
    return sorted(
        (Asked(what, n, able[what]) for what, n in tasks.items()), key=lambda one: (one.n_people, -one.n_tasks)
    )


def _who_may_work(campaign: Campaign) -> QuerySet[User]:
    parts = Membership.objects.filter(campaign=campaign)
    suspended = parts.filter(state=Membership.State.SUSPENDED).values("user")
    people = User.objects.filter(is_active=True, is_simulated=False).exclude(pk__in=suspended)
    everyone = campaign.access == Campaign.Access.EVERYONE
    return people if everyone else people.filter(pk__in=parts.values("user"))


def _asked(campaign: Campaign, queue: Queue) -> str:
    """What a queue asks for, in words; "" where it asks for nothing."""
    needs = campaign.assignment_rules.needs
    parts = []
    if needs.domain and queue.domain:
        verified = _("%(domain)s, verified") % {"domain": queue.domain.name}
        parts.append(verified if needs.domain == "verified" else queue.domain.name)
    if needs.language and queue.language:
        parts.append(name_of(queue.language, get_language()))
    if needs.skill:
        parts.append(_("a measured skill of %(share)s %%") % {"share": round(needs.skill * 100)})
    return " · ".join(parts)
