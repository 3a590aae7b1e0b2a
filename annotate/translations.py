"""Catalogs of translations, compiled where they are out of date: Django reads .mo files, and only .po files are kept.

Standard library alone, but for Babel, which is imported when there is something to compile. The settings call this, so
that whatever starts the product (`./run`, gunicorn, a test, a benchmark) finds its catalogs, without GNU tools.
"""

import os
import tempfile
from pathlib import Path


def translatable(sentence: str) -> str:
    """The sentence itself, marked for makemessages: pure modules choose sentences, and pages translate them."""
    return sentence


def compile_catalogs(source: Path, target: Path) -> None:
    """Compile each `source`/LANGUAGE/LC_MESSAGES/DOMAIN.po to the .mo of the same place under `target`.

    A compiled catalog has the time of its source; one with another time is compiled again. Several processes may do
    that at once: each file is put into its place whole.
    """
    for catalog in source.glob("*/LC_MESSAGES/*.po"):
        compiled = (target / catalog.relative_to(source)).with_suffix(".mo")
        changed = catalog.stat().st_mtime_ns
        if not compiled.exists() or compiled.stat().st_mtime_ns != changed:
            compiled.parent.mkdir(parents=True, exist_ok=True)
            _compile(catalog, compiled, changed)


def _compile(catalog: Path, compiled: Path, changed: int) -> None:
    from babel.messages.mofile import write_mo  # noqa: PLC0415  takes 0.1 s, and is rarely needed
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with catalog.open("rb") as file:
        messages = read_po(file, locale=catalog.parent.parent.name, domain=catalog.stem)
    descriptor, draft = tempfile.mkstemp(dir=compiled.parent, suffix=".part")
    with os.fdopen(descriptor, "wb") as file:
        write_mo(file, messages)
    os.utime(draft, ns=(changed, changed))
    os.replace(draft, compiled)
