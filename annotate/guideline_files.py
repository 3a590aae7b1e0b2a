"""Guidelines as files: Markdown with YAML front matter, read strictly and named by their content hash.

A guideline file is

    ---
    slug: ranking                # [a-z0-9-], unique within the folder
    title: Ranking completions
    kind: ranking                # ranking | rating | demonstration | revision | review | steps
    language: en                 # BCP 47 tag, optional, default en
    summary: One sentence.
    flags:                       # optional; yes-or-no questions asked about a completion
      - name: harmful            # [a-z][a-z0-9_]*, unique within the file; stored with each judgement
        label: Harmful
        meaning: One sentence that says when to set it.
    checklist:                   # optional, of demonstrations and revisions: what a writer ticks before submitting
      - name: facts_checked      # as a flag's name
        label: I have looked up every fact
    ---
    Markdown body

The hash is SHA-256 over the canonical text of the whole file, front matter included, because a flag whose meaning
changed is a changed guideline. Canonical means: UTF-8 without byte-order mark, line endings LF, exactly one at the
end. So a checkout on another system, or an editor that adds a last newline, makes no new version.

Pure: no Django. Whatever is malformed is refused with a `GuidelineError` that names the file, the field and the remedy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KINDS = ("ranking", "rating", "demonstration", "revision", "review", "steps")
WRITING_KINDS = ("demonstration", "revision")
MAX_BYTES = 256 * 1024
MAX_SLUG = 64
MAX_TITLE = 200
MAX_SUMMARY = 500
_LIMITS = {"name": 40, "label": 80, "meaning": 500}

_FIELDS = frozenset({"slug", "title", "kind", "language", "summary", "flags", "checklist"})
_FLAG_FIELDS = ("name", "label", "meaning")
_ITEM_FIELDS = ("name", "label")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FLAG_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_FENCE = "---"


class GuidelineError(ValueError):
    """A guideline file that cannot be used; the message names the file, the field and what to do."""


@dataclass(frozen=True, slots=True)
class FlagDefinition:
    """A yes-or-no question about one completion, as the guideline defines it."""

    name: str
    """Stable key stored with judgements, e.g. `harmful`."""
    label: str
    """What the annotator sees on the button."""
    meaning: str
    """One or two sentences: when to set it."""


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """Something that a writer ticks before submitting."""

    name: str
    """Stable key stored with demonstrations, e.g. `facts_checked`."""
    label: str
    """What the annotator reads beside the box."""


@dataclass(frozen=True, slots=True)
class GuidelineFile:
    """One parsed guideline."""

    slug: str
    kind: str
    title: str
    summary: str
    flags: tuple[FlagDefinition, ...]
    checklist: tuple[ChecklistItem, ...]
    language: str
    body: str
    """Markdown below the front matter, line endings LF."""
    sha256: str
    """64 hex digits over the canonical text of the whole file."""


def parse_guideline(path: Path | str) -> GuidelineFile:
    """Read one guideline file. Raises `GuidelineError`, also where the file cannot be read."""
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise GuidelineError(f"{path}: cannot be read ({error.strerror}). Check path and permissions.") from error
    if len(raw) > MAX_BYTES:
        raise GuidelineError(
            f"{path}: has {len(raw):,} bytes, more than the {MAX_BYTES:,} a guideline may have. Shorten or split it."
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GuidelineError(f"{path}: is not UTF-8 (byte {error.start}). Save the file as UTF-8.") from error
    return parse_guideline_text(text, name=str(path))


def parse_guideline_text(text: str, *, name: str) -> GuidelineFile:
    """Parse the text of a guideline; `name` stands for the file in error messages."""
    canonical = canonicalise(text)
    if "\0" in canonical:
        raise GuidelineError(f"{name}: holds a NUL character, which databases refuse. Remove it.")
    front, body = _split_front_matter(canonical, name=name)
    fields = _load_yaml(front, name=name)
    _refuse_unknown(fields, allowed=_FIELDS, where=name)
    slug = _text(fields, "slug", where=name, limit=MAX_SLUG)
    if not _SLUG.fullmatch(slug):
        raise GuidelineError(f"{name}: slug is {slug!r}. Use lower-case letters, digits and single hyphens.")
    kind = _text(fields, "kind", where=name, limit=20)
    if kind not in KINDS:
        raise GuidelineError(f"{name}: kind is {kind!r}. Use one of: {', '.join(KINDS)}.")
    language = _text({"language": "en", **fields}, "language", where=name, limit=35)
    if not _LANGUAGE.fullmatch(language):
        raise GuidelineError(f"{name}: language is {language!r}. Use a tag such as en, de or pt-BR.")
    if not body.strip():
        raise GuidelineError(f"{name}: has no text below the front matter. Write the guideline there, as Markdown.")
    return GuidelineFile(
        slug=slug,
        kind=kind,
        title=_text(fields, "title", where=name, limit=MAX_TITLE),
        summary=_text(fields, "summary", where=name, limit=MAX_SUMMARY),
        flags=tuple(FlagDefinition(**entry) for entry in _entries(fields, "flags", _FLAG_FIELDS, name=name)),
        checklist=_checklist(fields, kind, name=name),
        language=language,
        body=body,
        sha256=hashlib.sha256(canonical.encode("utf-8")).hexdigest(),
    )


def load_guidelines(folder: Path | str) -> tuple[GuidelineFile, ...]:
    """Parse every `*.md` of a folder (not of its subfolders), ordered by file name.

    Raises `GuidelineError` where the folder is missing or holds no guideline, where a file is malformed, or where two
    files share a slug.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise GuidelineError(f"{folder}: is not a folder. Point the setting for guidelines at a folder of .md files.")
    found: dict[str, tuple[Path, GuidelineFile]] = {}
    for path in sorted(folder.glob("*.md")):
        guideline = parse_guideline(path)
        if guideline.slug in found:
            other = found[guideline.slug][0]
            raise GuidelineError(f"{path}: slug {guideline.slug!r} is already used by {other}. Change one of them.")
        found[guideline.slug] = (path, guideline)
    if not found:
        raise GuidelineError(f"{folder}: holds no .md file. Put at least one guideline there.")
    return tuple(guideline for _, guideline in found.values())


def canonicalise(text: str) -> str:
    """The text that is hashed: no byte-order mark, LF line endings, exactly one newline at the end."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return lines.rstrip("\n") + "\n"


def _split_front_matter(canonical: str, *, name: str) -> tuple[str, str]:
    lines = canonical.split("\n")
    if lines[0].rstrip() != _FENCE:
        raise GuidelineError(f"{name}: does not begin with front matter. The first line must be {_FENCE}.")
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == _FENCE:
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]).lstrip("\n")
    raise GuidelineError(f"{name}: the front matter is not closed. Put a line {_FENCE} after its last field.")


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML in which a key written twice is an error instead of silently winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key.value, str) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the field {key.value!r} is written twice", key.start_mark
                )
            if isinstance(key.value, str):
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _load_yaml(front: str, *, name: str) -> dict[str, Any]:
    try:
        fields = yaml.load(front, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise GuidelineError(f"{name}: {_yaml_sentence(error)} Quote values that contain a colon or a hash.") from error
    except (RecursionError, ValueError) as error:
        raise GuidelineError(f"{name}: the front matter cannot be read ({error}). Correct that value.") from error
    if not isinstance(fields, dict):
        raise GuidelineError(f"{name}: the front matter is not a list of fields. Write lines such as `slug: ranking`.")
    return fields


def _yaml_sentence(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is not valid YAML"
    # The fence is line 1 of the file and YAML counts from 0.
    place = f" at line {mark.line + 2}" if mark else ""
    return f"the front matter is wrong{place}: {problem}."


def _refuse_unknown(fields: dict[Any, Any], *, allowed: frozenset[str], where: str) -> None:
    unknown = sorted(str(key) for key in fields if key not in allowed)
    if unknown:
        raise GuidelineError(
            f"{where}: unknown field {', '.join(unknown)}. Known: {', '.join(sorted(allowed))}. Correct or remove it."
        )


def _text(fields: dict[str, Any], field: str, *, where: str, limit: int) -> str:
    """One required line of text; YAML's other scalars (yes, 12, 2026-01-01) are refused, not turned into text."""
    if fields.get(field) is None:
        raise GuidelineError(f"{where}: {field} is missing. Add a line `{field}: ...`.")
    value = fields[field]
    if not isinstance(value, str):
        kind = type(value).__name__
        raise GuidelineError(f"{where}: {field} is read as {kind}, not as text. Put the value in quotes.")
    value = " ".join(value.split())
    if not value:
        raise GuidelineError(f"{where}: {field} is empty. Fill it in.")
    if len(value) > limit:
        raise GuidelineError(f"{where}: {field} has {len(value)} characters, at most {limit} are allowed. Shorten it.")
    return value


def _checklist(fields: dict[str, Any], kind: str, *, name: str) -> tuple[ChecklistItem, ...]:
    items = tuple(ChecklistItem(**entry) for entry in _entries(fields, "checklist", _ITEM_FIELDS, name=name))
    if items and kind not in WRITING_KINDS:
        raise GuidelineError(
            f"{name}: checklist belongs to guidelines of the kinds {' and '.join(WRITING_KINDS)}. Remove it."
        )
    return items


def _entries(fields: dict[str, Any], field: str, wanted: tuple[str, ...], *, name: str) -> list[dict[str, str]]:
    """A list of named entries, each with every wanted field."""
    value = fields.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise GuidelineError(f"{name}: {field} is not a list. Write entries that begin with `- name: ...`.")
    found: dict[str, dict[str, str]] = {}
    for number, entry in enumerate(value, start=1):
        where = f"{name}: {field}, entry {number}"
        if not isinstance(entry, dict):
            named = ", ".join(wanted[:-1]) + f" and {wanted[-1]}"
            raise GuidelineError(f"{where}: is not a set of fields. Give it {named}.")
        _refuse_unknown(entry, allowed=frozenset(wanted), where=where)
        texts = {one: _text(entry, one, where=where, limit=_LIMITS[one]) for one in wanted}
        if not _FLAG_NAME.fullmatch(texts["name"]):
            raise GuidelineError(
                f"{where}: name is {texts['name']!r}. Use lower-case letters, digits and underscores, a letter first."
            )
        if texts["name"] in found:
            raise GuidelineError(f"{where}: name {texts['name']!r} is used by an earlier entry. Rename one of them.")
        found[texts["name"]] = texts
    return list(found.values())
