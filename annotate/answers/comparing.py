"""Answers of ranking and rating campaigns: ranks, verdict, strength, axes, flags, spans, rationale. Pure."""

from collections.abc import Mapping
from typing import Any

from annotate.answers.base import MAX_NOTE, AnswerError, Shown, by_completion, fields_of, names_of, presence, text_of
from annotate.forms import Axis
from annotate.rankings import RankingError, validate_ranks

VERDICTS = ("", "cannot_rank", "all_bad")
BEHAVIOURS = ("answer", "careful", "decline")
SEVERITIES = ("minor", "major", "critical")
STRENGTHS = (1, 2, 3)
RATING_FIELDS = {"ratings", "flags", "spans", "behaviour", "rationale"}
RANKING_FIELDS = RATING_FIELDS | {"ranks", "verdict", "reason", "strength"}


def check_ranking(answer: Any, shown: Shown) -> dict:
    """A ranking of all completions, or a verdict with its reason, with whatever the form asks beside."""
    fields = fields_of(answer, RANKING_FIELDS)
    verdict = fields.get("verdict") or ""
    if verdict not in VERDICTS:
        raise AnswerError("The verdict is %(verdict)r; it must be cannot_rank, all_bad or empty.", verdict=verdict)
    reason = text_of(fields, "reason", MAX_NOTE)
    if verdict and not reason:
        raise AnswerError("Say in a few words why these cannot be ranked, or why all are bad; the admins read it.")
    ranks = _ranks(fields, shown, verdict)
    return {
        "ranks": ranks,
        "verdict": verdict,
        "reason": reason if verdict else "",
        "strength": _strength(fields, shown, ranks),
        **_beside(fields, shown, complete=verdict != "cannot_rank"),
    }


def check_rating(answer: Any, shown: Shown) -> dict:
    """A value on each axis for each completion, with whatever the form asks beside."""
    return _beside(fields_of(answer, RATING_FIELDS), shown, complete=True)


def _ranks(fields: Mapping[str, Any], shown: Shown, verdict: str) -> dict[int, int]:
    given = by_completion(fields, "ranks", shown, lambda _, rank: rank)
    if verdict == "cannot_rank" or (verdict and not given):
        return {}
    try:
        return validate_ranks(given, shown.completions)
    except RankingError as error:
        raise AnswerError(error.sentence, **error.values) from error


def _strength(fields: Mapping[str, Any], shown: Shown, ranks: Mapping[int, int]) -> int | None:
    strength = fields.get("strength")
    if strength in (None, ""):
        return None
    if isinstance(strength, bool) or strength not in STRENGTHS:
        raise AnswerError("The strength is %(strength)r; it must be 1, 2 or 3.", strength=strength)
    if not shown.form.strength or len(shown.completions) != 2:
        raise AnswerError("This task does not ask how much better one is; leave the strength out.")
    return int(strength) if len(set(ranks.values())) == 2 else None


def _beside(fields: Mapping[str, Any], shown: Shown, *, complete: bool) -> dict:
    """What ranking and rating share. `complete` = required questions must be answered."""
    form = shown.form
    rationale = text_of(fields, "rationale")
    return {
        "ratings": _ratings(fields, shown, complete=complete),
        "flags": _flags(fields, shown),
        "spans": {
            pk: spans
            for pk, spans in by_completion(fields, "spans", shown, lambda pk, found: _spans(found, pk, shown)).items()
            if spans
        },
        "behaviour": _behaviour(fields, shown, complete=complete),
        "rationale": presence(
            rationale, form.rationale if complete else "optional", "Give your rationale: why did you judge so?"
        ),
    }


def _ratings(fields: Mapping[str, Any], shown: Shown, *, complete: bool) -> dict[int, dict[str, int]]:
    axes = {axis.name: axis for axis in shown.form.axes}
    found = by_completion(fields, "ratings", shown, lambda _, values: _values(values, axes))
    if complete:
        for place, pk in enumerate(shown.completions, start=1):
            for axis in axes.values():
                if axis.required and axis.name not in found.get(pk, {}):
                    raise AnswerError(
                        "No value for “%(axis)s” on completion %(place)d; rate every completion.",
                        axis=axis.label,
                        place=place,
                    )
    return {pk: values for pk, values in found.items() if values}


def _values(values: Any, axes: Mapping[str, Axis]) -> dict[str, int]:
    if not isinstance(values, Mapping):
        raise AnswerError("Ratings must be an object by axis.")
    for name, value in values.items():
        if name not in axes:
            raise AnswerError(
                "This campaign has no axis %(name)r; it has %(known)s.", name=name, known=", ".join(axes) or "-"
            )
        most = len(axes[name].levels)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise AnswerError(
                "The value on “%(axis)s” is %(value)r; it must be a whole number from 1 to %(most)d.",
                axis=axes[name].label,
                value=value,
                most=most,
            )
    return dict(values)


def _flags(fields: Mapping[str, Any], shown: Shown) -> dict[int, list[str]]:
    unknown = "The guideline has no flag named %(name)r; it has %(known)s."
    found = by_completion(fields, "flags", shown, lambda _, names: names_of(names, shown.flags, unknown))
    return {pk: names for pk, names in found.items() if names}


def _spans(found: Any, pk: int, shown: Shown) -> list[dict]:
    if not isinstance(found, list) or len(found) > 100:
        raise AnswerError("Marked passages must be a list of at most 100.")
    return [_span(item, pk, shown) for item in found]


def _span(item: Any, pk: int, shown: Shown) -> dict:
    fields = fields_of(item, {"start", "end", "type", "severity", "note"})
    start, end = fields.get("start"), fields.get("end")
    length = len(shown.texts.get(pk, ""))
    if not (type(start) is int and type(end) is int and 0 <= start < end <= length):
        raise AnswerError("A marked passage must lie within the completion's %(length)d characters.", length=length)
    types = {definition.name for definition in shown.form.spans}
    if not isinstance(fields.get("type"), str) or fields["type"] not in types:
        raise AnswerError(
            "The type of a marked passage is %(type)r; it must be one of %(known)s.",
            type=fields.get("type"),
            known=", ".join(sorted(types)) or "-",
        )
    severity = fields.get("severity", "major")
    if severity not in SEVERITIES:
        raise AnswerError("The severity is %(severity)r; it must be minor, major or critical.", severity=severity)
    note = text_of(fields, "note", MAX_NOTE)
    return {"start": start, "end": end, "type": fields["type"], "severity": severity, "note": note}


def _behaviour(fields: Mapping[str, Any], shown: Shown, *, complete: bool) -> str:
    behaviour = fields.get("behaviour") or ""
    if behaviour and (behaviour not in BEHAVIOURS or not shown.form.behaviour):
        raise AnswerError("The expected behaviour is %(behaviour)r, which this task does not ask.", behaviour=behaviour)
    if complete and shown.form.behaviour and not behaviour:
        raise AnswerError("Say what the assistant should do: answer, answer with care, or decline.")
    return behaviour
