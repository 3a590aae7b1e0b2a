"""The part of the settings page that says who is given what: its controls, how they are read, and what they show.

Reading is lenient, as for the rest of the page: what is no number is passed on as it was typed, and the services refuse
it. The page then says at its field what to write there, in the unit that the field has.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.assignment_rules import LEAST_RANDOM, MAX_OVERLAP, MOST, AssignmentRules, OverlapRules
from annotate.models import Campaign
from annotate.services.campaigns import MAX_SMALL
from annotate.views.assignment_words import rules_in_words
from annotate.views.work_forms import typed

OWN = ("priority", "share", "hourly_rate", "currency")
"""Settings that are columns of the campaign; all other controls are parts of `Campaign.assignment`."""


@dataclass(frozen=True, slots=True)
class Control:
    """One field of the page. A number has bounds, in the unit in which it is typed; a choice has its choices."""

    path: str
    """Where the setting is: "random_share", "gold.rate"."""
    label: Promise
    hint: Promise
    unit: str = "number"
    """number, whole, percent, choice, check or text"""
    low: float = 0
    high: float = MOST
    choices: tuple[tuple[str, Promise], ...] = ()

    @property
    def name(self) -> str:
        """The name of the field."""
        return self.path.replace(".", "_")

    @property
    def step(self) -> str:
        """What the field's arrows add; "any" lets fractions through."""
        return "1" if self.unit == "whole" else "any"

    def read(self, data: QueryDict) -> Any:
        """What was typed: a number, a text that is none, True, or None for nothing."""
        text = typed(data, self.name).strip()
        if self.unit == "check":
            return (self.name in data) or None
        if self.unit in ("choice", "text") or not re.fullmatch(r"-?[0-9]{1,12}([.,][0-9]{1,6})?", text):
            return text or None
        number = float(text.replace(",", "."))
        number = round(number / 100, 8) if self.unit == "percent" else number
        return int(number) if number.is_integer() else number

    def shown(self, value: Any) -> str:
        """A value as its field shows it."""
        if self.unit == "percent" and isinstance(value, int | float):
            return f"{value * 100:.6g}"
        return "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)

    def wrong(self, value: Any) -> str:
        """What to write instead of this value, where the field's own bounds say that; or nothing."""
        if self.unit not in ("number", "whole", "percent"):
            return ""
        scale = 100 if self.unit == "percent" else 1
        is_number = isinstance(value, int | float) and self.low <= value * scale <= self.high
        if value is None or (is_number and (self.unit != "whole" or isinstance(value, int))):
            return ""
        bounds = {"low": f"{self.low:.12g}", "high": f"{self.high:.12g}"}
        if self.unit == "percent":
            return _("Write a percentage from %(low)s to %(high)s.") % bounds
        if self.unit == "whole":
            return _("Write a whole number from %(low)s to %(high)s.") % bounds
        return _("Write a number from %(low)s to %(high)s.") % bounds


ORDER = (
    Control(
        "order",
        gettext_lazy("Order"),
        gettext_lazy("Finishing first gives complete tasks early; spreading gives a first look at all of them early."),
        "choice",
        choices=(
            ("depth", gettext_lazy("Finish what was begun")),
            ("breadth", gettext_lazy("First judgements for all tasks first")),
            ("random", gettext_lazy("At random")),
        ),
    ),
    Control(
        "first",
        gettext_lazy("Before that order"),
        gettext_lazy("Where more judgements teach most. The reward models’ doubts are known after a training run."),
        "choice",
        choices=(
            ("", gettext_lazy("Nothing")),
            ("disagreement", gettext_lazy("What people disagree about")),
            ("uncertainty", gettext_lazy("What the reward models are unsure of")),
        ),
    ),
    Control(
        "random_share",
        gettext_lazy("Drawn at random, %"),
        gettext_lazy("At least 1: only tasks that were drawn at random speak for the whole campaign."),
        "percent",
        100 * LEAST_RANDOM,
        100,
    ),
)
GROUPS: dict[str, tuple[Promise, tuple[Control, ...]]] = {
    "gold": (
        gettext_lazy("Known answers mixed in"),
        (
            Control(
                "gold.first",
                gettext_lazy("First tasks of new people"),
                gettext_lazy("So many known answers come first."),
                "whole",
                0,
                1000,
            ),
            Control(
                "gold.rate",
                gettext_lazy("Share of the work, %"),
                gettext_lazy("Of what is given; 0 for none."),
                "percent",
                0,
                100,
            ),
        ),
    ),
    "overlap": (
        gettext_lazy("More people where they disagree"),
        (
            Control(
                "overlap.ceiling",
                gettext_lazy("At most so many people"),
                gettext_lazy("For a task whose judgements disagree. Empty: every task goes to as many as said above."),
                "whole",
                2,
                MAX_OVERLAP,
            ),
            Control(
                "overlap.confidence",
                gettext_lazy("Sure enough, %"),
                gettext_lazy("Nobody else is asked when the leading answer leads with this chance."),
                "percent",
                50,
                99.9,
            ),
        ),
    ),
    "needs": (
        gettext_lazy("What people must bring"),
        (
            Control(
                "needs.domain",
                gettext_lazy("The task’s domain"),
                gettext_lazy("For tasks that have one."),
                "choice",
                choices=(
                    ("", gettext_lazy("Not needed")),
                    ("declared", gettext_lazy("They say they know it well")),
                    ("verified", gettext_lazy("An admin has verified it")),
                ),
            ),
            Control(
                "needs.skill",
                gettext_lazy("Known answers right, %"),
                gettext_lazy("In the task’s domain; 0 asks for none."),
                "percent",
                0,
                100,
            ),
            Control(
                "needs.measured",
                gettext_lazy("Measured on so many"),
                gettext_lazy("Fewer known answers say too little."),
                "whole",
                1,
                1000,
            ),
            Control(
                "needs.language",
                gettext_lazy("The task’s language is one of theirs"),
                gettext_lazy("For tasks that have one."),
                "check",
            ),
        ),
    ),
    "budget": (
        gettext_lazy("Budget of the campaign"),
        (
            Control("budget.judgements", gettext_lazy("Judgements"), gettext_lazy("Empty: no limit."), "whole"),
            Control("budget.hours", gettext_lazy("Hours of work"), gettext_lazy("Active time, all people together.")),
            Control("budget.money", gettext_lazy("Money"), gettext_lazy("Active time at the hourly rate.")),
            Control("hourly_rate", gettext_lazy("Paid for an hour"), gettext_lazy("What this work costs."), "text"),
            Control("currency", gettext_lazy("Currency"), gettext_lazy("Three letters, such as EUR."), "text"),
        ),
    ),
    "daily": (
        gettext_lazy("Limits per person and day"),
        (
            Control("daily.judgements", gettext_lazy("Judgements a day"), gettext_lazy("Empty: no limit."), "whole", 1),
            Control(
                "daily.hours",
                gettext_lazy("Hours a day"),
                gettext_lazy("Active time in this campaign."),
                "number",
                0,
                24,
            ),
        ),
    ),
    "among": (
        gettext_lazy("Beside other campaigns"),
        (
            Control(
                "priority",
                gettext_lazy("Priority"),
                gettext_lazy("The highest with work for a person comes first."),
                "whole",
                -MAX_SMALL,
                MAX_SMALL,
            ),
            Control(
                "share",
                gettext_lazy("Share"),
                gettext_lazy("How often, among those of the same priority."),
                "whole",
                1,
                MAX_SMALL,
            ),
        ),
    ),
}
CONTROLS = {
    control.name: control for controls in (ORDER, *(part for _title, part in GROUPS.values())) for control in controls
}


USUAL = {
    **asdict(AssignmentRules()),
    "overlap": {"ceiling": None, "confidence": OverlapRules(ceiling=2).confidence},
    **dict.fromkeys(OWN),
}


def read_rules(data: QueryDict) -> dict[str, Any]:
    """The settings that these controls posted; none when the page did not offer them."""
    if "order" not in data:
        return {}
    rules: dict[str, Any] = {}
    settings: dict[str, Any] = {"assignment": rules}
    for control in CONTROLS.values():
        value = control.read(data)
        if control.path in OWN:
            settings[control.path] = value
        elif value is not None:
            *parts, last = control.path.split(".")
            (rules.setdefault(parts[0], {}) if parts else rules)[last] = value
    if "ceiling" not in rules.get("overlap", {}):
        rules.pop("overlap", None)  # its confidence is posted whether it is wanted or not
    settings["hourly_rate"] = (settings["hourly_rate"] or "").replace(",", ".") or None
    return settings | {
        "currency": settings["currency"] or "",
        "priority": 0 if settings["priority"] is None else settings["priority"],
        "share": 1 if settings["share"] is None else settings["share"],
    }


# Showing


@dataclass(frozen=True, slots=True)
class Shown:
    """A control with what it shows."""

    control: Control
    value: str
    error: str


def shown_rules(campaign: Campaign, errors: Mapping[str, str]) -> dict[str, Any]:
    """What the page shows: the controls in their groups, and `errors` by the names of the fields."""
    named = {_field(path): sentence for path, sentence in errors.items()}
    words = {} if errors else rules_in_words(campaign)
    said, controls = {}, {}
    for name, control in CONTROLS.items():
        value = _value(campaign, control.path)
        if name in named:
            said[name] = control.wrong(value) or named[name]
        controls[name] = Shown(control, control.shown(value), said.get(name, ""))
    groups = []
    for key, (title, parts) in GROUPS.items():
        within = [controls[control.name] for control in parts]
        groups.append((title, words.get(key, ""), within, any(control.error for control in within)))
    order = [controls[control.name] for control in ORDER]
    return {"order": order, "groups": groups, "errors": named | said}


def titles() -> dict[str, Promise]:
    """The groups of rules by their keys in `rules_in_words`, as the page calls them."""
    return {"order": CONTROLS["order"].label, **{key: title for key, (title, _parts) in GROUPS.items()}}


def on_record(rules: Mapping[str, Any] | None) -> str:
    """`Campaign.assignment` in the words of the page: what differs from the usual, one after the other."""
    rules = rules or {}
    found = []
    for control in CONTROLS.values():
        part, _dot, name = control.path.rpartition(".")
        within = rules.get(part, {}) if part else rules
        if name in within:
            choices = dict(control.choices)
            value = choices.get(within[name]) or control.shown(within[name])
            found.append(f"{control.label}: {value}" if control.unit != "check" else str(control.label))
    return "; ".join(found) or _("As usual")


def label_of(field: str) -> str:
    """What the page calls this field; the field itself where it has no control."""
    return str(CONTROLS[field].label) if field in CONTROLS else field


def _field(path: str) -> str:
    """The field that an error speaks of: "gold_rate" for "assignment.gold.rate"."""
    return path.removeprefix("assignment.").replace(".", "_")


def _value(campaign: Campaign, path: str) -> Any:
    """The setting there, or what holds unless it is set; what was typed, when that is no number."""
    if path in OWN:
        return getattr(campaign, path)
    part, _dot, name = path.rpartition(".")
    rules = campaign.assignment if isinstance(campaign.assignment, Mapping) else {}
    found, usual = (rules.get(part), USUAL[part]) if part else (rules, USUAL)
    return found.get(name, usual[name]) if isinstance(found, Mapping) else usual[name]
