"""The rules of a campaign in words: who is given what, and when it stops, as short as a line each."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.assignment_rules import AssignmentRules, Budget, Needs
from annotate.models import Campaign

APART = " · "


def rules_in_words(campaign: Campaign) -> dict[str, str]:
    """A sentence or two for each group of rules: order, gold, overlap, needs, budget, daily, among."""
    rules = campaign.assignment_rules
    return {
        "order": _order(rules),
        "gold": _gold(rules),
        "overlap": _overlap(rules, campaign.overlap),
        "needs": _needs(rules.needs) or _("Nothing"),
        "budget": _budget(rules.budget, campaign) or _("No limit"),
        "daily": _amounts(rules.daily.judgements, rules.daily.hours) or _("No limit"),
        "among": _("Priority %(priority)d, share %(share)d") % {"priority": campaign.priority, "share": campaign.share},
    }


def _order(rules: AssignmentRules) -> str:
    order = {
        "depth": _("What was begun is finished first"),
        "breadth": _("Every task gets its first judgement before any gets its second"),
        "random": _("Every task is drawn at random"),
    }[rules.order]
    if rules.order == "random":
        return order
    first = {
        "": "",
        "disagreement": _("First what people disagree about"),
        "uncertainty": _("First what the reward models are unsure of"),
    }[rules.first]
    share = _("%(share)s at random") % {"share": _percent(rules.random_share)}
    return APART.join(filter(None, (first, order, share)))


def _gold(rules: AssignmentRules) -> str:
    parts = []
    if n := rules.gold.first:
        parts.append(
            ngettext("The first task of new people", "The first %(n)s tasks of new people", n) % {"n": _count(n)}
        )
    if rules.gold.rate:
        parts.append(_("%(share)s of what is given") % {"share": _percent(rules.gold.rate)})
    return APART.join(parts) or _("None")


def _overlap(rules: AssignmentRules, overlap: int) -> str:
    if rules.overlap is None:
        return _("Off")
    values = {"few": overlap, "many": rules.overlap.ceiling, "sure": _percent(rules.overlap.confidence)}
    return _("%(few)d to %(many)d people, until one answer leads with %(sure)s certainty") % values


def _needs(needs: Needs) -> str:
    domain = {"": "", "declared": _("Know the domain well"), "verified": _("Verified in the domain")}[needs.domain]
    language = _("Speak the language") if needs.language else ""
    skill = ""
    if needs.skill:
        values = {"share": _percent(needs.skill), "n": _count(needs.measured)}
        skill = _("%(share)s of at least %(n)s known answers right") % values
    return APART.join(filter(None, (domain, language, skill)))


def _budget(budget: Budget, campaign: Campaign) -> str:
    money = ""
    if budget.money is not None:
        values = {"money": _count(budget.money), "rate": _count(campaign.hourly_rate), "currency": campaign.currency}
        money = _("%(money)s %(currency)s at %(rate)s %(currency)s an hour") % values
    elif campaign.hourly_rate:
        values = {"rate": _count(campaign.hourly_rate), "currency": campaign.currency}
        money = _("No limit in money; %(rate)s %(currency)s an hour") % values
    return APART.join(filter(None, (_amounts(budget.judgements, budget.hours), money)))


def _amounts(judgements: int | None, hours: float | None) -> str:
    parts = []
    if judgements is not None:
        parts.append(ngettext("%(n)s judgement", "%(n)s judgements", judgements) % {"n": _count(judgements)})
    if hours is not None:
        parts.append(
            ngettext("%(n)s hour", "%(n)s hours", hours if hours == int(hours) else 100) % {"n": _count(hours)}
        )
    return APART.join(parts)


def _percent(share: float) -> str:
    return f"{share * 100:.4g}\N{NO-BREAK SPACE}%"


def _count(number: float) -> str:
    return number_format(number, use_l10n=True, force_grouping=True)
