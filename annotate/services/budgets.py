"""Budgets: where a whole campaign stops handing tasks out.

What is used up is kept in one row, `Spending`, which a campaign has while it has a budget; one without pays no query.
A judgement counts from the moment its task is handed out until it is given back, by a conditional UPDATE in the
transaction that takes the place: so there are never more judgements than the budget allows, whoever asks at once. Hours
and money are known only when somebody submits. Those who have a task by then may finish it, so these two go over by at
most what is in people's hands.
"""

from collections import Counter
from decimal import Decimal

from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce, Round

from annotate.assignment_rules import Budget
from annotate.models import Assignment, Campaign, Judgement, Spending, Task

HOUR = 3600
CENTS = Decimal("0.0001")
IMPORTED = "judged-elsewhere"
"""The guideline of judgements that came with a file: nobody was handed these."""


def has_budget(campaign: Campaign) -> bool:
    """Whether the campaign stops anywhere by itself."""
    return campaign.assignment_rules.budget != Budget()


def reserve(campaign: Campaign) -> bool:
    """Count one more judgement; False when the budget is used up. Call it in the transaction that takes the place.

    Call it after the task's row is taken: everybody locks the task first and the spending last.
    """
    if not has_budget(campaign):
        return True
    left = Spending.objects.filter(_something_left(campaign.assignment_rules.budget), campaign=campaign)
    return left.update(judgements=F("judgements") + 1) == 1


def give_back(*assignments: Assignment) -> None:
    """These places went back: nobody submitted there. Call it in the transaction that gave them back, at its end."""
    handed_out = Counter(one.campaign for one in assignments if one.lane and has_budget(one.campaign))
    for campaign, n in sorted(handed_out.items(), key=lambda found: found[0].pk):
        Spending.objects.filter(campaign=campaign, judgements__gte=n).update(judgements=F("judgements") - n)


def spend(assignment: Assignment, seconds: float) -> None:
    """Count the time and the money of what is submitted there for the first time."""
    campaign = assignment.task.campaign
    if not assignment.lane or not has_budget(campaign):
        return
    money = Round(F("money") + cost(campaign, seconds), precision=4)  # SQLite adds in floating point
    Spending.objects.filter(campaign=campaign).update(seconds=F("seconds") + seconds, money=money)


def cost(campaign: Campaign, seconds: float, *, n: int = 1) -> Decimal:
    """What `n` judgements with so many active seconds in all cost, in the campaign's currency; 0 where nobody is paid.

    A campaign that pays for a fixed time pays for that, whatever time was spent.
    """
    if campaign.hourly_rate is None:
        return Decimal(0)
    paid = Decimal(campaign.pay_seconds * n) if campaign.pay_seconds else Decimal(str(seconds))
    return (campaign.hourly_rate * paid / HOUR).quantize(CENTS)


def used_up(campaign: Campaign) -> str:
    """Which part of the budget is used up: "judgements", "hours" or "money"; "" while something is left of each."""
    if not has_budget(campaign):
        return ""
    spending = getattr(campaign, "spending", None) or Spending(campaign=campaign)
    spent = {"judgements": spending.judgements, "hours": spending.seconds / HOUR, "money": spending.money}
    limits = _limits(campaign.assignment_rules.budget)
    return next((name for name, limit in limits.items() if spent[name] >= limit), "")


def _limits(budget: Budget) -> dict[str, float]:
    found = {"judgements": budget.judgements, "hours": budget.hours, "money": budget.money}
    return {name: limit for name, limit in found.items() if limit is not None}


def _something_left(budget: Budget) -> Q:
    left = Q()
    if budget.judgements is not None:
        left &= Q(judgements__lt=budget.judgements)
    if budget.hours is not None:
        left &= Q(seconds__lt=budget.hours * HOUR)
    if budget.money is not None:
        left &= Q(money__lt=Decimal(str(budget.money)))
    return left


def keep_account(*, campaign: Campaign, anew: bool = False) -> None:
    """Open the account of a campaign whose settings changed, or close it, as it has a budget now or none.

    What was done so far is added up when the account is opened, and `anew`: at the rate of today. Call it in the
    transaction that changes the settings, after the campaign's tasks were written: whoever is just taking one of them
    is either waited for and counted, or waits and counts by the new settings.
    """
    if not has_budget(campaign):
        Spending.objects.filter(campaign=campaign).delete()
    elif anew or not Spending.objects.filter(campaign=campaign).exists():
        Spending.objects.update_or_create(campaign=campaign, defaults=_so_far(campaign))


def _so_far(campaign: Campaign) -> dict[str, int | float | Decimal]:
    taken = Assignment.objects.filter(
        campaign=campaign, state__in=[Assignment.State.CLAIMED, Assignment.State.SUBMITTED]
    )
    taken = taken.exclude(task__purpose=Task.Purpose.QUALIFICATION).exclude(guideline__slug=IMPORTED)
    done = Judgement.objects.filter(assignment__in=taken.order_by(), version=1)
    seconds = done.aggregate(seconds=Coalesce(Sum("seconds"), 0.0))["seconds"]
    money = cost(campaign, seconds, n=done.count() if campaign.pay_seconds else 0)
    return {"judgements": taken.count(), "seconds": seconds, "money": money}
