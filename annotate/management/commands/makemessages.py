"""`manage.py makemessages`: brings locale/ up to date with the strings in the code, without GNU gettext.

Takes the place of Django's command of this name, which needs xgettext. The templates are turned into Python by the
function that Django's command uses, and Babel reads the strings.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management import BaseCommand
from django.utils.translation.template import templatize

LAZY = {f"{name}_lazy": DEFAULT_KEYWORDS[name] for name in ("gettext", "ngettext", "pgettext", "npgettext")}
# The pure modules refuse with a sentence, which the services translate: annotate/refusals.py.
REFUSALS = {"Refusal": None, "presence": (3,), "translatable": None}
KEYWORDS = {**DEFAULT_KEYWORDS, **LAZY, **REFUSALS, "gettext_noop": None}
SOURCES = {
    "django": [("annotate", "**/*.py"), ("training", "**/*.py"), ("config", "*.py"), ("templates", "**/*.html")],
    "djangojs": [("static/js", "**/*.js")],
}


class Command(BaseCommand):
    help = "Brings locale/*/LC_MESSAGES/*.po up to date with the strings in the code, and says what is untranslated."

    def handle(self, **options):
        for domain in SOURCES:
            template = messages_of(domain)
            for path in sorted(settings.LOCALE_DIR.glob(f"*/LC_MESSAGES/{domain}.po")):
                catalog = renew(path, template)
                missing = [message.id for message in catalog if message.id and not message.string]
                self.stdout.write(f"{path.relative_to(settings.BASE_DIR)}: {len(catalog)} strings")
                for text in missing:
                    self.stdout.write(f"  not translated: {text if isinstance(text, str) else text[0]}")


def messages_of(domain: str) -> Catalog:
    """Every translatable string of the code, with the files that it is in."""
    found = Catalog(domain=domain)
    keywords = {**KEYWORDS, **dict.fromkeys(_refusals())}
    for folder, pattern in SOURCES[domain]:
        for path in sorted((settings.BASE_DIR / folder).glob(pattern)):
            for text, comments, context in _strings(path, keywords):
                name = str(path.relative_to(settings.BASE_DIR))
                found.add(text, locations=[(name, None)], auto_comments=comments, context=context)
    return found


def _refusals() -> list[str]:
    """The names of the classes that are a Refusal."""
    sources = (settings.BASE_DIR / "annotate").glob("**/*.py")
    return [name for path in sources for name in re.findall(r"^class (\w+)\(Refusal\)", path.read_text(), re.MULTILINE)]


def _strings(path: Path, keywords: dict) -> Iterator[tuple]:
    text, method, options = path.read_text(), "python", {}
    if path.suffix == ".html":
        # What is not to be translated is blanked out, and must not look like an indented block.
        text = "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())
    elif path.suffix == ".js":
        method, options = "javascript", {"parse_template_string": True}
    source = io.BytesIO(text.encode())
    for _, message, comments, context in extract(
        method, source, keywords, ["Translators:"], options, strip_comment_tags=True
    ):
        yield message, comments, context


def renew(path: Path, template: Catalog) -> Catalog:
    """Take up new strings and drop those that are gone; what is translated stays as it is."""
    with path.open("rb") as file:
        catalog = read_po(file, locale=path.parent.parent.name, domain=path.stem)
    template.creation_date = catalog.creation_date  # the file changes when its strings do
    catalog.update(template, no_fuzzy_matching=True)
    text = io.BytesIO()
    write_po(text, catalog, width=120, sort_output=True, ignore_obsolete=True, include_lineno=False)
    if text.getvalue() != path.read_bytes():
        path.write_bytes(text.getvalue())
    return catalog
