"""Who is given what next, and when it stops: `Campaign.assignment`, read strictly. Pure.

    {"order": "depth" | "breadth" | "random",
     "first": "disagreement" | "uncertainty",
     "random_share": 0.1,
     "gold": {"first": 3, "rate": 0.1},
     "overlap": {"ceiling": 5, "confidence": 0.8},
     "needs": {"domain": "declared" | "verified", "language": true, "skill": 0.7, "measured": 5},
     "budget": {"judgements": 1000, "hours": 40, "money": 800},
     "daily": {"judgements": 200, "hours": 6}}

Every field is optional; `{}` finishes one task after the other and stops at nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from annotate.refusals import Refusal

ORDERS = ("depth", "breadth", "random")
FIRST = ("disagreement", "uncertainty")
KNOWLEDGE = ("declared", "verified")
LEAST_RANDOM = 0.01
"""Some tasks are always drawn at random: without them no estimate over the campaign is unbiased."""
MAX_OVERLAP = 100
MOST = 1_000_000_000


class RulesError(Refusal):
    """Rules that cannot be used; the message names the field and says what to write instead."""

    @property
    def path(self) -> str:
        """Where it is wrong, such as `assignment.gold.rate`."""
        named = [self.values.get("where") or self.values.get("what"), self.values.get("name")]
        inner = ".".join(str(name) for name in named if name and name != "assignment")
        return f"assignment.{inner}".rstrip(".")


@dataclass(frozen=True, slots=True)
class GoldRules:
    """How tasks with a known answer are mixed into the work (those whose purpose is gold)."""

    first: int = 0
    """So many come first when somebody is new to the campaign."""
    rate: float = 0.1
    """Then this share of what is handed out, while there are some."""


@dataclass(frozen=True, slots=True)
class OverlapRules:
    """Adaptive overlap: a task whose judgements disagree goes to more people, until enough is known or the ceiling."""

    ceiling: int
    """The most people for one task."""
    confidence: float = 0.8
    """Stop when the chance that the leading answer leads is this high (annotate/overlap.py)."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a person must bring for a task."""

    domain: str = ""
    """For a task with a domain: "declared" (they say they know it well) or "verified" (an admin has checked that)."""
    language: bool = False
    """For a task with a language: that it is one of theirs."""
    skill: float = 0.0
    """The least share of gold that they get right in the task's domain; 0 asks for none."""
    measured: int = 5
    """How many gold answers make a measured skill."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Where the whole campaign stops handing out; None is no limit."""

    judgements: int | None = None
    hours: float | None = None
    money: float | None = None
    """In the campaign's currency, at its hourly rate."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Where one person stops for the day; None is no limit."""

    judgements: int | None = None
    hours: float | None = None


@dataclass(frozen=True, slots=True)
class AssignmentRules:
    """All of it."""

    order: str = "depth"
    """depth: what was begun is finished first; breadth: every task gets its first judgement before any its second."""
    first: str = ""
    """Before that order: what people disagree about, or what the reward models are unsure of."""
    random_share: float = 0.1
    gold: GoldRules = GoldRules()
    overlap: OverlapRules | None = None
    needs: Needs = Needs()
    budget: Budget = Budget()
    daily: Daily = Daily()

    @property
    def step(self) -> int:
        """What each place taken adds to a task's urgency."""
        return {"depth": 1, "breadth": -1, "random": 0}[self.order]

    @property
    def drawn_share(self) -> float:
        """The share of ordinary tasks that is drawn at random."""
        return 1.0 if self.order == "random" else self.random_share

    def as_json(self) -> dict[str, Any]:
        """What `parse_rules` reads; only what differs from the default."""
        usual = AssignmentRules()
        found: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("order", "first", "random_share")
            if getattr(self, name) != getattr(usual, name)
        }
        for name in _PARTS:
            part, default = getattr(self, name), getattr(usual, name)
            if part != default:
                plain = {} if default is None else asdict(default)
                found[name] = {key: value for key, value in asdict(part).items() if value != plain.get(key)}
        return found


_PARTS: dict[str, type] = {
    "gold": GoldRules,
    "overlap": OverlapRules,
    "needs": Needs,
    "budget": Budget,
    "daily": Daily,
}
_FIELDS = ("order", "first", "random_share", *_PARTS)


def parse_rules(data: Any) -> AssignmentRules:
    """The rules that `data` describes. Raises RulesError for whatever it does not know."""
    _check_fields(data, _FIELDS, "assignment")
    parts = {name: _part(name, data[name]) for name in _PARTS if data.get(name) is not None}
    return AssignmentRules(
        order=_one_of(data, "order", ORDERS, "depth"),
        first=_one_of(data, "first", ("", *FIRST), ""),
        random_share=float(_number(data, "random_share", 0.1, LEAST_RANDOM, 1)),
        **parts,
    )


def _part(name: str, data: Any) -> Any:
    _check_fields(data, tuple(_PARTS[name].__dataclass_fields__), name)
    return _READERS[name](data)


def _gold(data: Mapping) -> GoldRules:
    return GoldRules(
        first=_whole(data, "first", 0, 0, 1000, "gold"), rate=float(_number(data, "rate", 0.1, 0, 1, "gold"))
    )


def _overlap(data: Mapping) -> OverlapRules:
    if "ceiling" not in data:
        raise RulesError(
            "overlap: ceiling is missing; write the most people that one task may go to.",
            where="overlap",
            name="ceiling",
        )
    return OverlapRules(
        ceiling=_whole(data, "ceiling", None, 2, MAX_OVERLAP, "overlap"),
        confidence=float(_number(data, "confidence", 0.8, 0.5, 0.999, "overlap")),
    )


def _needs(data: Mapping) -> Needs:
    language = data.get("language", False)
    if not isinstance(language, bool):
        raise RulesError(
            "%(where)s: %(name)s is %(value)r, but must be true or false.",
            where="needs",
            name="language",
            value=language,
        )
    return Needs(
        domain=_one_of(data, "domain", ("", *KNOWLEDGE), "", "needs"),
        language=language,
        skill=float(_number(data, "skill", 0, 0, 1, "needs")),
        measured=_whole(data, "measured", 5, 1, 1000, "needs"),
    )


def _budget(data: Mapping) -> Budget:
    return Budget(
        judgements=_whole(data, "judgements", None, 0, MOST, "budget"),
        hours=_number(data, "hours", None, 0, MOST, "budget"),
        money=_number(data, "money", None, 0, MOST, "budget"),
    )


def _daily(data: Mapping) -> Daily:
    return Daily(
        judgements=_whole(data, "judgements", None, 1, MOST, "daily"),
        hours=_number(data, "hours", None, 0, 24, "daily"),
    )


_READERS = {"gold": _gold, "overlap": _overlap, "needs": _needs, "budget": _budget, "daily": _daily}


def _check_fields(data: Any, known: tuple[str, ...], what: str) -> None:
    if not isinstance(data, Mapping):
        raise RulesError(
            "%(what)s must be a JSON object with some of the fields %(known)s.", what=what, known=", ".join(known)
        )
    if unknown := sorted(str(name) for name in data if name not in known):
        raise RulesError(
            "%(what)s has no field %(name)r; there are %(known)s.", what=what, name=unknown[0], known=", ".join(known)
        )


def _one_of(data: Mapping, name: str, known: tuple[str, ...], default: str, where: str = "assignment") -> str:
    value = data.get(name, default)
    if value not in known:
        raise RulesError(
            "%(where)s: %(name)s is %(value)r, but must be one of %(known)s.",
            where=where,
            name=name,
            value=value,
            known=", ".join(known) if known[0] else ", ".join(['""', *known[1:]]),
        )
    return value


def _number(data: Mapping, name: str, default: float | None, low: float, high: float, where: str = "assignment") -> Any:
    value = data.get(name, default)
    if value is None and default is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise RulesError(
            "%(where)s: %(name)s is %(value)r, but must be a number from %(low)s to %(high)s.",
            where=where,
            name=name,
            value=value,
            low=low,
            high=high,
        )
    return value


def _whole(data: Mapping, name: str, default: int | None, low: int, high: int, where: str) -> Any:
    value = _number(data, name, default, low, high, where)
    if value is not None and not isinstance(value, int):
        raise RulesError(
            "%(where)s: %(name)s is %(value)r, but must be a whole number.", where=where, name=name, value=value
        )
    return value
