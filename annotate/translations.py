"""Catalogs of translations, compiled where they are out of date: Django reads .mo files, and only .po files are kept.

Standard library alone, but for Babel, which is imported when there is something to compile. The settings call this, so
that whatever starts the product (`./run`, gunicorn, a test, a benchmark) finds its catalogs, without GNU tools.
"""

import io
from pathlib import Path

from annotate.derived import renew


def translatable(sentence: str) -> str:
    """The sentence itself, marked for makemessages: pure modules choose sentences, and pages translate them."""
    return sentence


def compile_catalogs(source: Path, target: Path) -> None:
    """Compile each `source`/LANGUAGE/LC_MESSAGES/DOMAIN.po to the .mo of the same place under `target`."""
    for catalog in source.glob("*/LC_MESSAGES/*.po"):
        renew(catalog, (target / catalog.relative_to(source)).with_suffix(".mo"), _compiled)


def _compiled(catalog: Path) -> bytes:
    from babel.messages.mofile import write_mo  # noqa: PLC0415  takes 0.1 s, and is rarely needed
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with catalog.open("rb") as file:
        messages = read_po(file, locale=catalog.parent.parent.name, domain=catalog.stem)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    return compiled.getvalue()
