"""What a campaign asks of a person before their first task: `Campaign.onboarding`, read strictly. Pure.

    {"consent": "Markdown text", "demographics": true, "expertise": true, "acknowledge": true,
     "qualification": {"pass": 0.8, "tasks": 5, "retry_hours": 24}}

Every field is optional; `{}` asks for nothing. The steps always come in this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotate.refusals import Refusal

STEPS = ("consent", "demographics", "expertise", "guideline", "qualification")
MAX_CONSENT = 20_000
MAX_TASKS = 50
MAX_RETRY_HOURS = 24 * 365

_FIELDS = ("consent", "demographics", "expertise", "acknowledge", "qualification")
_QUALIFICATION_FIELDS = ("pass", "tasks", "retry_hours")


class OnboardingError(Refusal):
    """Settings that cannot be used; the message names the field and says what to write instead."""


@dataclass(frozen=True, slots=True)
class Qualification:
    """Tasks with a known answer, of which a share must be got right."""

    share: float = 0.8
    """What the mean score must reach, above 0 and at most 1."""
    tasks: int = 5
    """Tasks in one attempt."""
    retry_hours: float = 24
    """The pause after a failed attempt."""


@dataclass(frozen=True, slots=True)
class Onboarding:
    """The steps that a campaign asks for."""

    consent: str = ""
    """The text to agree to, Markdown; empty for none."""
    demographics: bool = False
    expertise: bool = False
    acknowledge: bool = False
    """Whether each version of the guideline must be read and acknowledged."""
    qualification: Qualification | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of the steps, in their order."""
        asked = (self.consent, self.demographics, self.expertise, self.acknowledge, self.qualification)
        return tuple(step for step, wanted in zip(STEPS, asked, strict=True) if wanted)

    def as_json(self) -> dict[str, Any]:
        """What `parse_onboarding` reads; only the steps that are asked for."""
        found: dict[str, Any] = {"consent": self.consent} if self.consent else {}
        found |= {name: True for name in ("demographics", "expertise", "acknowledge") if getattr(self, name)}
        if self.qualification:
            rules = self.qualification
            found["qualification"] = {
                "pass": rules.share,
                "tasks": rules.tasks,
                "retry_hours": rules.retry_hours,
            }
        return found


def parse_onboarding(data: Any) -> Onboarding:
    """The steps that `data` describes. Raises OnboardingError for whatever it does not know."""
    _check_fields(data, _FIELDS, "onboarding")
    consent = data.get("consent", "")
    if not isinstance(consent, str):
        raise OnboardingError("consent must be a text; leave it out when there is nothing to agree to.")
    if len(consent) > MAX_CONSENT:
        raise OnboardingError(
            "consent has %(length)d characters; at most %(most)d are kept. Shorten it.",
            length=len(consent),
            most=MAX_CONSENT,
        )
    if "\0" in consent:
        raise OnboardingError("consent holds a NUL character, which databases refuse. Remove it.")
    for name in ("demographics", "expertise", "acknowledge"):
        if not isinstance(data.get(name, False), bool):
            raise OnboardingError("%(name)s is %(value)r, but must be true or false.", name=name, value=data[name])
    return Onboarding(
        consent=consent.strip(),
        demographics=data.get("demographics", False),
        expertise=data.get("expertise", False),
        acknowledge=data.get("acknowledge", False),
        qualification=_qualification(data.get("qualification")),
    )


def _qualification(data: Any) -> Qualification | None:
    if data is None:
        return None
    _check_fields(data, _QUALIFICATION_FIELDS, "qualification")
    usual = Qualification()
    share = _number(data, "pass", usual.share)
    if not 0 < share <= 1:
        raise OnboardingError(
            "qualification: pass is %(value)s, but must be above 0 and at most 1, such as 0.8.", value=share
        )
    tasks = _number(data, "tasks", usual.tasks)
    if not isinstance(tasks, int) or not 1 <= tasks <= MAX_TASKS:
        raise OnboardingError(
            "qualification: tasks is %(value)s, but must be a whole number from 1 to %(most)d.",
            value=tasks,
            most=MAX_TASKS,
        )
    hours = _number(data, "retry_hours", usual.retry_hours)
    if not 0 <= hours <= MAX_RETRY_HOURS:
        raise OnboardingError(
            "qualification: retry_hours is %(value)s, but must be from 0 to %(most)d.",
            value=hours,
            most=MAX_RETRY_HOURS,
        )
    return Qualification(share=float(share), tasks=tasks, retry_hours=hours)


def _check_fields(data: Any, known: tuple[str, ...], what: str) -> None:
    if not isinstance(data, Mapping):
        raise OnboardingError(
            "%(what)s must be a JSON object with some of the fields %(known)s.", what=what, known=", ".join(known)
        )
    if unknown := sorted(str(name) for name in data if name not in known):
        raise OnboardingError(
            "%(what)s has no field %(name)r; there are %(known)s.", what=what, name=unknown[0], known=", ".join(known)
        )


def _number(data: Mapping, name: str, default: float) -> float:
    value = data.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OnboardingError("qualification: %(name)s is %(value)r, but must be a number.", name=name, value=value)
    return value
