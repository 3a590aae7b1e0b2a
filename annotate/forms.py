"""What a campaign asks beyond its kind: axes, flags, error spans, strength, the bounds of writing. Pure.

A form is stored as JSON with the campaign and read strictly: an unknown field is refused, because a misspelt option
that is silently ignored costs a campaign. An empty object is the plain form of the kind.

    {"strength": true,                                    K = 2: how much better, from slightly to much
     "axes": [{"name": "helpful", "label": "Helpful", "meaning": "…", "levels": 7, "anchors": ["…", …],
               "low": "…", "high": "…"}],
     "flags": [{"name": "hallucination", "label": "Hallucination", "meaning": "…"}],   else the guideline's
     "spans": [{"name": "false", "label": "False", "meaning": "…"}],
     "rationale": "off" | "optional" | "required", "rationale_hint": "…",
     "behaviour": true,                                   what should the assistant do: answer, with care, decline
     "writing": {"min_words": 20, "max_words": 300, "prompt": "given" | "written", "turns": 1,
                 "reasoning": "off" | "optional" | "required", "citations": true,
                 "checklist": [{"name", "label"}]},                               else the guideline's
     "steps": {"stop_at_first_error": true}}

Axes, flags and spans may be named instead: "axes": "hth7", "flags": ["hallucination"] (see annotate/presets.py).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from annotate import presets
from annotate.refusals import Refusal

PRESENCE = ("off", "optional", "required")
COMPARING = ("ranking", "rating")
WRITING = ("demonstration", "revision")
MAX_LEVELS = 10
MAX_DEFINITIONS = 20
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class FormError(Refusal):
    """A form that cannot be used."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Something that can be said yes to: a flag, a type of error, an item of a checklist."""

    name: str
    label: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """One question with ordered levels, asked about each completion. Values run from 1 to `len(levels)`."""

    name: str
    label: str
    levels: tuple[str, ...]
    """The names of the levels, worst first; "1" to "7" on a plain scale."""
    meaning: str = ""
    anchors: tuple[str, ...] = ()
    """What each level means, as the guideline has it; empty, or one for each level."""
    low: str = ""
    high: str = ""
    """The ends of a plain scale, in a word or two."""
    required: bool = True

    @property
    def scale(self) -> list[tuple[int, str, str]]:
        """(value, name, meaning) of each level; a plain number has no name."""
        meanings = self.anchors or (self.meaning,) * len(self.levels)
        names = ["" if name == str(value) else name for value, name in enumerate(self.levels, start=1)]
        return list(zip(range(1, len(names) + 1), names, meanings, strict=True))


@dataclass(frozen=True, slots=True)
class Writing:
    """The bounds of a written completion."""

    min_words: int = 0
    max_words: int = 0
    """0 = no bound."""
    prompt: str = "given"
    """`written`: the annotator writes the prompt, too; the task's prompt is the brief."""
    turns: int = 1
    """The most user turns of a written prompt."""
    reasoning: str = "optional"
    checklist: tuple[Definition, ...] | None = None
    """None: the checklist of the guideline."""
    citations: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A campaign's form, complete."""

    strength: bool = False
    axes: tuple[Axis, ...] = ()
    flags: tuple[Definition, ...] | None = None
    """None: the flags of the guideline."""
    spans: tuple[Definition, ...] = ()
    rationale: str = "optional"
    rationale_hint: str = ""
    """What the rationale should say."""
    behaviour: bool = False
    writing: Writing = field(default_factory=Writing)
    stop_at_first_error: bool = True


ALLOWED = {
    "ranking": {"strength", "axes", "flags", "spans", "rationale", "rationale_hint", "behaviour"},
    "rating": {"axes", "flags", "spans", "rationale", "rationale_hint", "behaviour"},
    "demonstration": {"writing"},
    "revision": {"writing"},
    "review": set(),
    "steps": {"steps", "rationale", "rationale_hint"},
}


def checklist_of(form: Form, guideline: Iterable[Mapping[str, str]]) -> tuple[Definition, ...]:
    """What is to be ticked before submitting: the form's own checklist, else the guideline's ([{name, label}, ...])."""
    if form.writing.checklist is not None:
        return form.writing.checklist
    return tuple(Definition(item["name"], item["label"]) for item in guideline)


def parse_form(kind: str, data: Any) -> Form:
    """Read a campaign's form. Raises FormError with the field and the remedy."""
    fields = with_presets(_mapping(data, "form", ALLOWED[kind]))
    if kind == "rating" and not fields.get("axes"):
        raise FormError("A rating campaign needs at least one axis; add axes to its form.")
    writing = _mapping(fields.get("writing", {}), "writing", set(Writing.__dataclass_fields__))
    if kind == "revision" and writing.get("prompt", "given") != "given":
        raise FormError(
            "A revision has its prompt already; leave writing.prompt out, or make it a demonstration campaign."
        )
    steps = _mapping(fields.get("steps", {}), "steps", {"stop_at_first_error"})
    return Form(
        strength=_truth(fields, "strength", False),
        axes=_axes(fields.get("axes", [])),
        flags=None if fields.get("flags") is None else _definitions(fields["flags"], "flags"),
        spans=_definitions(fields.get("spans", []), "spans"),
        rationale=_one_of(fields, "rationale", PRESENCE, "optional"),
        rationale_hint=_text(fields, "rationale_hint", 500),
        behaviour=_truth(fields, "behaviour", False),
        writing=_writing(writing),
        stop_at_first_error=_truth(steps, "stop_at_first_error", True),
    )


PRESETS = {"axes": presets.AXES, "flags": presets.FLAGS, "spans": presets.SPANS}


def with_presets(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form with the definitions in the place of preset names; what is no name stays as it is."""
    return {name: _written_out(name, value) if name in PRESETS else value for name, value in form.items()}


def _written_out(where: str, value: Any) -> Any:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return value
    return [entry for item in value for entry in (_preset(where, item) if isinstance(item, str) else [item])]


def _preset(where: str, name: str) -> list[dict]:
    known = PRESETS[where]
    if name in known:
        return known[name]
    single = {entry["name"]: entry for entries in known.values() for entry in entries}
    if name not in single:
        raise FormError(
            "%(where)s has no preset %(name)r; use one of %(known)s, or write the entry out.",
            where=where,
            name=name[:64],
            known=", ".join([*known, *single]),
        )
    return [single[name]]


def _writing(fields: Mapping[str, Any]) -> Writing:
    writing = Writing(
        min_words=_number(fields, "min_words", 0, 0, 10_000),
        max_words=_number(fields, "max_words", 0, 0, 10_000),
        prompt=_one_of(fields, "prompt", ("given", "written"), "given"),
        turns=_number(fields, "turns", 1, 1, 10),
        reasoning=_one_of(fields, "reasoning", PRESENCE, "optional"),
        checklist=None if fields.get("checklist") is None else _definitions(fields["checklist"], "checklist"),
        citations=_truth(fields, "citations", False),
    )
    if writing.max_words and writing.max_words < writing.min_words:
        raise FormError("max_words is smaller than min_words; nobody could write that. Correct one of them.")
    return writing


def _axes(data: Any) -> tuple[Axis, ...]:
    axes = tuple(_axis(item) for item in _list(data, "axes"))
    _refuse_twins(axes, "axes")
    return axes


def _axis(data: Any) -> Axis:
    fields = _mapping(data, "axes", set(Axis.__dataclass_fields__))
    levels = fields.get("levels", 7)
    if isinstance(levels, int) and not isinstance(levels, bool) and 2 <= levels <= MAX_LEVELS:
        levels = [str(number) for number in range(1, levels + 1)]
    if (
        not isinstance(levels, list)
        or not 2 <= len(levels) <= MAX_LEVELS
        or not all(isinstance(level, str) and 1 <= len(level) <= 60 for level in levels)
    ):
        raise FormError("The levels of an axis must be a number from 2 to 10, or a list of 2 to 10 names.")
    anchors = fields.get("anchors", [])
    if not isinstance(anchors, list) or len(anchors) not in (0, len(levels)):
        raise FormError("The anchors of an axis must be a list with one text for each level, or be left out.")
    texts = {name: _text(fields, name, 500) for name in ("meaning", "low", "high")}
    return Axis(
        _name(fields, "axes"),
        _label(fields, "axes"),
        tuple(levels),
        anchors=tuple(_text({"anchors": anchor}, "anchors", 500) for anchor in anchors),
        required=_truth(fields, "required", True),
        **texts,
    )


def _definitions(data: Any, where: str) -> tuple[Definition, ...]:
    found = []
    for item in _list(data, where):
        fields = _mapping(item, where, {"name", "label", "meaning"})
        found.append(Definition(_name(fields, where), _label(fields, where), _text(fields, "meaning", 500)))
    _refuse_twins(found, where)
    return tuple(found)


def _refuse_twins(items, where: str) -> None:
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        raise FormError("Two entries of %(where)s have the same name; names must differ.", where=where)


def _mapping(data: Any, where: str, allowed: set[str]) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise FormError("%(where)s must be an object with named fields.", where=where)
    for name in data:
        if name not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            raise FormError(
                "%(where)s has no field %(name)r; it may have: %(known)s.", where=where, name=name, known=known
            )
    return data


def _list(data: Any, where: str) -> list:
    if not isinstance(data, list) or len(data) > MAX_DEFINITIONS:
        raise FormError("%(where)s must be a list of at most %(most)d entries.", where=where, most=MAX_DEFINITIONS)
    return data


def _name(fields: Mapping[str, Any], where: str) -> str:
    name = fields.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise FormError(
            "A name in %(where)s is %(name)r; use lower-case letters, digits and _, at most 64.", where=where, name=name
        )
    return name


def _label(fields: Mapping[str, Any], where: str) -> str:
    label = _text(fields, "label", 80)
    if not label:
        raise FormError("An entry of %(where)s has no label; say what the annotator reads.", where=where)
    return label


def _text(fields: Mapping[str, Any], name: str, most: int) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise FormError("%(name)s must be a text of at most %(most)d characters.", name=name, most=most)
    return value.strip()


def _truth(fields: Mapping[str, Any], name: str, default: bool) -> bool:
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise FormError("%(name)s is %(value)r, but must be true or false.", name=name, value=value)
    return value


def _one_of(fields: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = fields.get(name, default)
    if value not in allowed:
        raise FormError(
            "%(name)s is %(value)r, but must be one of %(allowed)s.", name=name, value=value, allowed=", ".join(allowed)
        )
    return value


def _number(fields: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise FormError(
            "%(name)s is %(value)r, but must be a whole number from %(low)d to %(high)d.",
            name=name,
            value=value,
            low=low,
            high=high,
        )
    return value
