"""Setting campaigns up and changing them: all settings are checked together, and every change is on record."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, Model, OuterRef
from django.utils.translation import gettext as _

from annotate.assignment_rules import RulesError, parse_rules
from annotate.errors import DomainError
from annotate.forms import FormError, parse_form, with_presets
from annotate.models import Campaign, CampaignChange, Judgement, User
from annotate.services import budgets
from annotate.services.campaigns import MAX_SMALL, set_campaign_state, wrong_source
from annotate.services.onboarding import check_onboarding
from annotate.services.overlap import reconsider_all
from annotate.services.queues import set_steps
from annotate.services.releasing import release_what_is_ahead
from annotate.services.reviewing import add_review_tasks

NUMBERS = ("overlap", "lease_minutes", "correction_minutes", "pay_seconds")
SETTINGS = (
    "name",
    "description",
    "guideline",
    *NUMBERS,
    "show_agreement",
    "show_gold",
    "access",
    "onboarding",
    "form",
    "assignment",
    "priority",
    "share",
    "hourly_rate",
    "currency",
)
"""What may be changed. A campaign's slug, kind and source are fixed: its tasks and judgements rest on them."""


class SettingsRefused(DomainError):
    """Some settings cannot be used, and nothing was written. `errors` has a sentence for each, by its name."""

    def __init__(self, errors: Mapping[str, str]):
        self.errors = dict(errors)
        super().__init__(" ".join(self.errors.values()))


def set_up_campaign(*, by: User, slug: str, kind: str, source: Campaign | None = None, **settings: Any) -> Campaign:
    """A new, open campaign with these SETTINGS. Raises SettingsRefused when some of them cannot be used."""
    campaign = Campaign(slug=slug, kind=kind, source=source, created_by=by)
    errors = _apply(campaign, settings)
    if kind in Campaign.Kind.values and (refusal := wrong_source(kind, source)):
        errors["source"] = refusal
    _refuse(errors)
    try:
        with transaction.atomic():
            campaign.save(force_insert=True)
            budgets.keep_account(campaign=campaign)
            if source:
                add_review_tasks(campaign=campaign)
    except IntegrityError as error:
        taken = _("There is already a campaign named %(name)r; choose another name.") % {"name": slug}
        raise SettingsRefused({"slug": taken}) from error
    return campaign


def change_campaign(*, campaign: Campaign, by: User, **settings: Any) -> list[CampaignChange]:
    """Change these SETTINGS of a campaign; returns what is different now.

    Raises SettingsRefused when some cannot be used, or when the form would change after somebody submitted an answer.
    """
    fresh = Campaign.objects.select_related("guideline", "source").get(pk=campaign.pk)
    before = {name: getattr(fresh, name) for name in SETTINGS}
    _refuse(_apply(fresh, settings))
    changed = [name for name in SETTINGS if not _same(fresh.kind, name, before[name], getattr(fresh, name))]
    if not changed:
        return []
    with transaction.atomic():
        rows = Campaign.objects.filter(pk=campaign.pk)
        if "form" in changed:
            rows = rows.exclude(Exists(Judgement.objects.filter(task__campaign=OuterRef("pk"))))
        if not rows.update(**{name: getattr(fresh, name) for name in changed}):
            raise SettingsRefused({"form": form_is_fixed()})
        if "assignment" in changed:
            set_steps(campaign=fresh)
            reconsider_all(campaign=fresh)
        if "assignment" in changed or "currency" in changed:
            budgets.keep_account(campaign=fresh, anew="currency" in changed)
        changes = [_change(fresh, by, name, before[name], getattr(fresh, name)) for name in changed]
    campaign.refresh_from_db()
    return changes


def form_is_fixed() -> str:
    """Why the form cannot be changed any more."""
    return _("People have already submitted answers to this form; make a new campaign with the other form.")


def move_campaign(*, campaign: Campaign, state: str, by: User) -> Campaign:
    """Pause, reopen or close a campaign. Raises DomainError when the state machine has no such arrow.

    Paused and closed campaigns hand nothing out: what was leased ahead goes back at once, and what is on somebody's
    screen can be submitted. A paused one renews leases and takes late submissions as ever; a closed one does neither,
    so that it ends with the leases that run.
    """
    if state not in Campaign.State.values:
        raise DomainError(
            _("A campaign is open, paused or closed; %(state)r is none of these.") % {"state": state[:40]}
        )
    old = campaign.state
    with transaction.atomic():
        moved = set_campaign_state(campaign=campaign, state=state)
        _change(moved, by, "state", old, state)
    if state != Campaign.State.OPEN:
        release_what_is_ahead(campaign=moved)
    return moved


def record_tasks(*, campaign: Campaign, by: User, before: int, after: int) -> None:
    """Put on record that tasks were added."""
    if after != before:
        _change(campaign, by, "tasks", before, after)


def _change(campaign: Campaign, by: User, field: str, old: Any, new: Any) -> CampaignChange:
    return CampaignChange.objects.create(campaign=campaign, by=by, field=field, old=_plain(old), new=_plain(new))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Model | Decimal) else value


def _same(kind: str, name: str, old: Any, new: Any) -> bool:
    """Whether nothing changed: a form that says in other words what it said is the same form."""
    return parse_form(kind, old) == parse_form(kind, new) if name == "form" else old == new


def _refuse(errors: Mapping[str, str]) -> None:
    if errors:
        raise SettingsRefused(errors)


def _apply(campaign: Campaign, settings: Mapping[str, Any]) -> dict[str, str]:
    """Set the settings on the object; returns what is wrong with it then, by field."""
    unknown = {
        name: _("A campaign has no setting %(name)r that can be changed; there are %(known)s.")
        % {"name": name, "known": ", ".join(SETTINGS)}
        for name in settings
        if name not in SETTINGS
    }
    if unknown:
        return unknown
    for name, value in settings.items():
        setattr(campaign, name, value)
    errors = _wrong_fields(campaign)
    if campaign.kind in Campaign.Kind.values:
        errors |= _wrong_guideline(campaign) | _wrong_form(campaign) | _wrong_onboarding(campaign)
    return errors | _wrong_rules(campaign) | _wrong_rate(campaign)


def _wrong_fields(campaign: Campaign) -> dict[str, str]:
    try:
        campaign.clean_fields(exclude=["created_by", "form", "onboarding", "assignment", "guideline", "source"])
    except ValidationError as error:
        return {name: sentences[0] for name, sentences in error.message_dict.items()}
    small = [name for name in ("overlap", "lease_minutes", "share") if getattr(campaign, name) < 1]
    # SQLite takes any number here, PostgreSQL does not.
    big = [name for name in ("priority", "share") if abs(getattr(campaign, name)) > MAX_SMALL]
    sentence = _("This must be at most %(most)s.") % {"most": MAX_SMALL}
    return dict.fromkeys(small, _("This must be at least 1.")) | dict.fromkeys(big, sentence)


def _wrong_guideline(campaign: Campaign) -> dict[str, str]:
    if campaign.guideline_id is None:
        return {"guideline": _("Choose a guideline; there is none yet for this kind if the list is empty.")}
    if campaign.guideline.kind != campaign.kind:
        sentence = _("This guideline is for %(of)s, not for %(kind)s.")
        kinds = {"of": campaign.guideline.get_kind_display(), "kind": campaign.get_kind_display()}
        return {"guideline": sentence % kinds}
    return {}


def _wrong_form(campaign: Campaign) -> dict[str, str]:
    try:
        parse_form(campaign.kind, campaign.form)
        campaign.form = with_presets(campaign.form)
    except FormError as error:
        return {_field_of(error): _(error.sentence) % error.values}
    return {}


PARTS = {
    **dict.fromkeys(["strength", "axes", "flags", "spans", "rationale", "rationale_hint", "behaviour"]),
    **dict.fromkeys(["min_words", "max_words", "prompt", "turns", "reasoning", "checklist", "citations"], "writing"),
    **dict.fromkeys(["axis", "levels", "anchors"], "axes"),
    "writing": None,
    "steps": None,
    "stop_at_first_error": "steps",
}
"""The parts of a form, and the greater part that some belong to."""


def _field_of(error: FormError) -> str:
    """The part of the form that the error speaks of."""
    named = [str(error.values.get(key, "")) for key in ("where", "name")] + error.sentence.split()
    part = next((word for word in named if word in PARTS), "form")
    return PARTS.get(part) or part


def _wrong_onboarding(campaign: Campaign) -> dict[str, str]:
    try:
        campaign.onboarding = check_onboarding(campaign.onboarding, kind=campaign.kind).as_json()
    except DomainError as error:
        return {"onboarding": str(error)}
    return {}


def _wrong_rules(campaign: Campaign) -> dict[str, str]:
    try:
        rules = parse_rules(campaign.assignment)
    except RulesError as error:
        return {error.path: _(error.sentence) % error.values}
    campaign.assignment = rules.as_json()
    if rules.overlap and isinstance(campaign.overlap, int) and rules.overlap.ceiling < campaign.overlap:
        sentence = _("Each task goes to %(overlap)d people anyway; the ceiling must be at least that.")
        return {"assignment.overlap.ceiling": sentence % {"overlap": campaign.overlap}}
    if rules.budget.money is not None and campaign.hourly_rate is None:
        return {"hourly_rate": _("A budget in money needs to know what an hour is paid.")}
    return {}


def _wrong_rate(campaign: Campaign) -> dict[str, str]:
    if campaign.hourly_rate is None:
        campaign.currency = ""
        return {}
    if not isinstance(campaign.hourly_rate, Decimal):
        return {}  # no number, which was said already
    if campaign.hourly_rate <= 0:
        return {"hourly_rate": _("An hour is paid more than nothing; leave this empty when nobody is paid by Concord.")}
    campaign.hourly_rate = campaign.hourly_rate.quantize(Decimal("0.01"))  # as it is stored
    campaign.currency = campaign.currency.upper()
    if not re.fullmatch("[A-Z]{3}", campaign.currency):
        return {"currency": _("Say in which currency an hour is paid, by its three letters, such as EUR.")}
    return {}
