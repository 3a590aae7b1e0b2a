"""Catalogs are compiled by whatever starts first, and again when they change."""

import gettext
import os

import pytest

from annotate.translations import compile_catalogs

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
