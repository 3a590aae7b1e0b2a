"""Catalogs are compiled by whatever starts first, and again when they change."""

import ast
import gettext
import os
import re
from pathlib import Path

import pytest

from annotate.translations import compile_catalogs

ROOT = Path(__file__).parents[1]
REFUSING = {"DomainError", "NotAllowed", "NotFound", "LeaseLost", "ValidationError", "PermissionDenied", "Http404"}
# What only a terminal shows stays English.
ENGLISH = {"annotate/services/importing.py"}

CATALOG = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Rank"
msgstr "{}"
"""


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "locale" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text(CATALOG.format("Rang"))
    return tmp_path / "locale"


def rank(target) -> str:
    return gettext.translation("django", target, ["de"]).gettext("Rank")


def test_it_compiles_a_catalog(source, tmp_path):
    compile_catalogs(source, tmp_path / "var")
    assert rank(tmp_path / "var") == "Rang"


def test_it_compiles_again_only_what_changed_even_to_something_older(source, tmp_path):
    compile_catalogs(source, tmp_path / "var")
    [compiled] = (tmp_path / "var").rglob("*.mo")
    before = compiled.stat().st_ino
    compile_catalogs(source, tmp_path / "var")
    assert compiled.stat().st_ino == before
    catalog = source / "de" / "LC_MESSAGES" / "django.po"
    catalog.write_text(CATALOG.format("Platz"))
    os.utime(catalog, (1, 1))
    compile_catalogs(source, tmp_path / "var")
    assert compiled.read_bytes().count(b"Platz") == 1


def test_it_leaves_nothing_else_behind(source, tmp_path):
    compile_catalogs(source, tmp_path / "var")
    assert [path.name for path in (tmp_path / "var").rglob("*.*")] == ["django.mo"]


def refusals(source: str):
    """The calls in this source that refuse with a sentence as it stands: a literal or an f-string."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) in REFUSING:
            yield from (one for one in call.args if isinstance(one, ast.JoinedStr | ast.Constant))


@pytest.mark.parametrize("app", ["annotate", "training"])
def test_it_refuses_in_every_language(app):
    paths = [path for path in (ROOT / app).rglob("*.py") if "management" not in path.parts]
    names = {path.relative_to(ROOT).as_posix(): path for path in paths}
    found = {name: [one.lineno for one in refusals(names[name].read_text())] for name in sorted(set(names) - ENGLISH)}
    assert {name: lines for name, lines in found.items() if lines} == {}


PHYSICAL = re.compile(
    r"(?:margin|padding|border|border-\w+)-(?:left|right)\b|(?<![-\w])(?:left|right)\s*:|(?:align|float|clear):\s*(?:left|right)"
)
# A column of a table that Markdown aligns to the left; what follows the pointer, whose position is physical.
MEANT = {".align-left { text-align: left; }", ".ghost {"}


def test_it_has_no_left_or_right_in_its_styles():
    lines = [line for path in (ROOT / "static" / "css").glob("*.css") for line in path.read_text().splitlines()]
    found = [line for line in lines if PHYSICAL.search(line) and not any(line.startswith(meant) for meant in MEANT)]
    assert found == []
