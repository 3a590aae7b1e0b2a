"""The catalogs hold every string of the code, translated, with the same placeholders and elements."""

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from annotate.management.commands.makemessages import messages_of

LOCALE = Path(__file__).parents[1] / "locale"
CATALOGS = sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))
NAMES = [f"{path.parent.parent.name}-{path.stem}" for path in CATALOGS]
# Placeholders with their type, doubled percent signs, character references, the tags of elements.
PARTS = re.compile(r"%\(\w+\)[a-z]|%[sd%]|&\w+;|</?\w+[^>]*>")
HINT = "Run ./run manage makemessages, and translate what it names in locale."


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain=path.stem)


def known(catalog: Catalog) -> set:
    return {(message.context, message.id) for message in catalog if message.id}


def wrong_parts(message: Message) -> bool:
    """Whether a translation has other parts than its original. Forms of one or two may leave the number out."""
    if isinstance(message.string, str):
        return Counter(PARTS.findall(message.id)) != Counter(PARTS.findall(message.string))
    wanted = Counter(PARTS.findall(message.id[1]))
    return any(Counter(PARTS.findall(form)) - wanted for form in message.string) or (
        Counter(PARTS.findall(message.string[-1])) != wanted
    )


@pytest.mark.parametrize("path", CATALOGS, ids=NAMES)
def test_it_holds_every_string_of_the_code_and_no_other(path):
    wanted, held = known(messages_of(path.stem)), known(read(path))
    assert sorted(map(str, wanted - held)) == [], HINT
    assert sorted(map(str, held - wanted)) == [], HINT


@pytest.mark.parametrize("path", CATALOGS, ids=NAMES)
def test_it_translates_every_string_for_certain(path):
    messages = [message for message in read(path) if message.id]
    assert len(messages) > 50
    bare = [m.id for m in messages if not (all(m.string) if isinstance(m.string, tuple) else m.string)]
    assert bare == [], HINT
    assert [message.id for message in messages if message.fuzzy] == []


@pytest.mark.parametrize("path", CATALOGS, ids=NAMES)
def test_it_keeps_placeholders_and_elements(path):
    assert [message.id for message in read(path) if message.id and wrong_parts(message)] == []
