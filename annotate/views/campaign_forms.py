"""The forms that set a campaign up: what they post is read leniently into settings, and settings are shown in them.

Checking is the services' job: what a kind does not ask is passed on all the same, and refused there with a sentence.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.text import slugify
from django.utils.translation import gettext as _

from annotate import presets
from annotate.models import Campaign, Guideline
from annotate.services.retargeting import TASK
from annotate.services.setup import NUMBERS
from annotate.views.assignment_forms import label_of, read_rules
from annotate.views.work_forms import typed

BLANK_ROWS = 2
MORE_ROWS = 3
LEVELS_APART = " | "
ROW_TEXTS = ("label", "meaning", "low", "high")


def read_settings(data: QueryDict) -> dict[str, Any]:
    """The settings that the page posted. Form and onboarding are there only when the page offered them."""
    settings: dict[str, Any] = {name: typed(data, name).strip() for name in ("name", "description", "access")}
    settings |= {name: typed(data, name).strip() for name in NUMBERS if name != "pay_seconds"}
    settings["pay_seconds"] = typed(data, "pay_seconds").strip() or None
    settings |= {name: name in data for name in ("show_agreement", "show_gold")}
    number = typed(data, "guideline")
    settings["guideline"] = Guideline.objects.filter(pk=number).first() if _is_number(number) else None
    settings["onboarding"] = _read_onboarding(data)
    settings |= read_rules(data)
    form = _read_form(data)
    if form or "form_offered" in data:
        settings["form"] = form
    return settings


def _is_number(text: str) -> bool:
    return bool(re.fullmatch("[0-9]{1,9}", text))


def _number(text: str) -> int | str:
    """The number, or the text for the services to refuse."""
    return int(text) if _is_number(text.strip()) else text.strip()


def _read_form(data: QueryDict) -> dict[str, Any]:
    form: dict[str, Any] = {name: True for name in ("strength", "behaviour") if name in data}
    for part, rows in (("axes", _read_axes(data)), ("spans", _read_rows(data, "spans"))):
        if chosen := [*data.getlist(f"{part}_preset"), *rows]:
            form[part] = chosen
    flags = [*data.getlist("flags_preset"), *_read_rows(data, "flags")]
    if flags or typed(data, "flags_from") == "own":
        form["flags"] = flags
    if typed(data, "rationale") not in ("", "optional"):
        form["rationale"] = typed(data, "rationale")
    if hint := typed(data, "rationale_hint").strip():
        form["rationale_hint"] = hint
    if writing := _read_writing(data):
        form["writing"] = writing
    if "steps_offered" in data:
        form["steps"] = {"stop_at_first_error": "stop_at_first_error" in data}
    return form


def _read_writing(data: QueryDict) -> dict[str, Any]:
    writing: dict[str, Any] = {
        name: _number(given) for name in ("min_words", "max_words", "turns") if (given := typed(data, name).strip())
    }
    writing |= {name: given for name in ("prompt", "reasoning") if (given := typed(data, name))}
    if "citations" in data:
        writing["citations"] = True
    checklist = [{key: row[key] for key in ("name", "label")} for row in _read_rows(data, "checklist")]
    if checklist or typed(data, "checklist_from") == "own":
        writing["checklist"] = checklist
    return writing


def _read_rows(data: QueryDict, part: str) -> list[dict[str, Any]]:
    return [row for _prefix, row in _rows(data, part)]


def _rows(data: QueryDict, part: str) -> list[tuple[str, dict[str, Any]]]:
    """The rows of a part with the prefix of their fields, without those where nothing was typed.

    A new row takes its name from its label; a row that was stored before keeps its own.
    """
    places = sorted({int(found[1]) for key in data if (found := re.fullmatch(rf"{part}-(\d{{1,3}})-label", key))})
    rows, names = [], set()
    for place in places:
        prefix = f"{part}-{place}-"
        texts = {name: typed(data, prefix + name).strip() for name in ROW_TEXTS}
        if not any(texts.values()):
            continue
        name = typed(data, prefix + "name") or slugify(texts["label"]).replace("-", "_")[:50]
        name = name if re.match("[a-z]", name) else f"{part}_{name or place}"
        while name in names:
            name += "_2"
        names.add(name)
        given = {key: text for key, text in texts.items() if text}
        rows.append((prefix, {"name": name, "label": "", **given}))
    return rows


def _read_axes(data: QueryDict) -> list[dict[str, Any]]:
    axes = []
    for prefix, row in _rows(data, "axes"):
        levels = typed(data, prefix + "levels").strip() or "7"
        row["levels"] = int(levels) if _is_number(levels) else [name.strip() for name in levels.split("|")]
        row["required"] = prefix + "optional" not in data
        if anchors := typed(data, prefix + "anchors"):
            row["anchors"] = _json(anchors)
        axes.append(row)
    return axes


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read_onboarding(data: QueryDict) -> dict[str, Any]:
    found: dict[str, Any] = {name: True for name in ("demographics", "expertise", "acknowledge") if name in data}
    if consent := typed(data, "consent").replace("\r\n", "\n").strip():
        found["consent"] = consent
    if "qualification" in data:
        share = _number(typed(data, "pass_percent"))
        found["qualification"] = {
            "pass": share / 100 if isinstance(share, int) else share,
            "tasks": _number(typed(data, "qualification_tasks")),
            "retry_hours": _number(typed(data, "retry_hours")),
        }
    return found


# Showing


def shown(campaign: Campaign, more: str = "") -> dict[str, Any]:
    """What the page's controls show for the settings of a campaign; `more` names a part that gets more blank rows."""
    form = campaign.form if isinstance(campaign.form, Mapping) else {}
    writing = form.get("writing", {})
    onboarding = campaign.onboarding if isinstance(campaign.onboarding, Mapping) else {}
    qualification = onboarding.get("qualification") or {}
    share = qualification.get("pass", 0.8)
    return {
        "campaign": campaign,
        "form": form,
        "writing": writing,
        "stop": form.get("steps", {}).get("stop_at_first_error", True),
        "parts": {part: _part(form, part, more) for part in ("axes", "flags", "spans")},
        "checklist": _with_blanks(writing.get("checklist") or [], "checklist", more),
        "onboarding": onboarding,
        "qualification": {"tasks": 5, "retry_hours": 24, **qualification},
        "pass_percent": round(share * 100) if isinstance(share, int | float) else share,
    }


PRESETS = {"axes": presets.AXES, "flags": presets.FLAGS, "spans": presets.SPANS}


def _part(form: Mapping[str, Any], part: str, more: str) -> dict[str, Any]:
    """The presets of a part with what is ticked, and its own rows: what is no preset's."""
    stored = form.get(part) or []
    choices = []
    for name, entries in PRESETS[part].items():
        # Axes are chosen by the preset; flags and types one by one.
        for key, group in ((name, entries),) if part == "axes" else ((entry["name"], [entry]) for entry in entries):
            ticked = key in stored or all(any(_alike(entry, one) for one in stored) for entry in group)
            choices.append({"key": key, "entries": group, "ticked": ticked})
    taken = [entry for choice in choices if choice["ticked"] for entry in choice["entries"]]
    own = [one for one in stored if isinstance(one, Mapping) and not any(_alike(entry, one) for entry in taken)]
    return {"given": form.get(part) is not None, "choices": choices, "rows": _with_blanks(own, part, more)}


def _alike(entry: Mapping[str, Any], stored: Any) -> bool:
    return isinstance(stored, Mapping) and entry["name"] == stored.get("name") and entry["label"] == stored.get("label")


def _with_blanks(rows: list[Mapping[str, Any]], part: str, more: str) -> list[dict[str, Any]]:
    """Rows as the page shows them, and blank ones behind."""
    found = []
    for row in rows:
        levels = row.get("levels", 7)
        text = levels if isinstance(levels, int) else len(levels) if _is_plain(levels) else LEVELS_APART.join(levels)
        anchors = json.dumps(row["anchors"]) if row.get("anchors") else ""
        found.append({**row, "levels": text, "anchors": anchors, "optional": not row.get("required", True)})
    blank = MORE_ROWS if more == part else BLANK_ROWS
    return found + [{"levels": 7, "name": ""} for _place in range(blank)]


def _is_plain(levels: list[str]) -> bool:
    return levels == [str(number) for number in range(1, len(levels) + 1)]


def in_words(field: str) -> str:
    """The name of a setting, as the page calls it."""
    if field.startswith(TASK):
        return _("People for task %(number)s") % {"number": field.removeprefix(TASK)}
    return {
        "name": _("Name"),
        "slug": _("Address"),
        "kind": _("Kind"),
        "description": _("Description"),
        "guideline": _("Guideline"),
        "source": _("Campaign to review"),
        "overlap": _("People per task"),
        "lease_minutes": _("Minutes a task is held"),
        "correction_minutes": _("Minutes to correct"),
        "pay_seconds": _("Paid seconds each"),
        "show_agreement": _("Show agreement"),
        "show_gold": _("Show results on known answers"),
        "access": _("Who may work here"),
        "onboarding": _("Before the first task"),
        "form": _("What people are asked"),
        "state": _("State"),
        "tasks": _("Tasks"),
        "gold": _("Tasks mixed in as gold"),
        "gold_out": _("Gold taken out"),
        "adjudicator": _("Right to decide disagreements given to"),
        "adjudicator_out": _("Right to decide disagreements taken from"),
        "targets": _("People for the tasks that are there"),
        "strength": _("How much better"),
        "axes": _("Scales"),
        "flags": _("Flags"),
        "spans": _("Marked passages"),
        "rationale": _("Rationale"),
        "rationale_hint": _("Rationale"),
        "behaviour": _("Expected behaviour"),
        "writing": _("Writing"),
        "steps": _("Steps"),
        "assignment": _("Who is given what"),
    }.get(field) or label_of(field)
