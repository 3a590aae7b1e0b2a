"""A language in which every translated string stands in brackets, and what of a page stands outside of them."""

import re
from collections.abc import Iterable
from html.parser import HTMLParser

import pytest
from django.utils import translation

OPEN, CLOSE = "⟦", "⟧"
SPOKEN = ("aria-label", "title", "placeholder", "alt", "aria-description", "aria-valuetext")
# What is in these is code, a key or a drawing.
UNREAD = {"script", "style", "code", "pre", "kbd", "samp", "svg", "math"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
TRANSLATED = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")
# Not words: the brand, formats, the letters of completions, n, and content hashes.
NAMES = re.compile(r"\b(?:Concord|CSV|JSON|[A-I]|n|[0-9a-f]{12}|\S{64})\b")
WORD = re.compile(r"[^\W\d_]+")


@pytest.fixture
def pseudo_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every translated string comes in brackets, whatever the language."""
    for name in ("gettext", "ngettext", "pgettext", "npgettext"):
        real = getattr(translation._trans, name)
        monkeypatch.setattr(translation._trans, name, lambda *given, real=real: f"{OPEN}{real(*given)}{CLOSE}")


class Reader(HTMLParser):
    """Collects what a person reads or hears, but for what people wrote: that is in <bdi> or under dir="auto"."""

    def __init__(self):
        super().__init__()
        self.pieces: list[str] = []
        self.open: list[tuple[str, bool]] = []
        self.title: list[str] = []
        self.unread = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if not self.unread:
            self.pieces += [f"{given[name]}\n" for name in SPOKEN if given.get(name)]
            if tag == "meta" and given.get("name") == "description":
                self.pieces.append(given["content"])
        if tag in VOID:
            return
        unread = tag in UNREAD or tag == "bdi" or given.get("dir") == "auto"
        self.pieces.append(" ")
        self.open.append((tag, unread))
        self.unread += unread

    def handle_endtag(self, tag: str) -> None:
        self.pieces.append(" ")
        while self.open:
            closed, unread = self.open.pop()
            self.unread -= unread
            if closed == tag:
                return

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] == "title" and not any(tag == "svg" for tag, _unread in self.open):
            self.title.append(data)
        elif not self.unread:
            self.pieces.append(data)


def untranslated(page: str, written: Iterable[str] = ()) -> str:
    """The words of a page, made in the pseudo language, that no translation can reach.

    `written` by people are the names that may stand in its title, where there are no elements.
    """
    reader = Reader()
    reader.feed(page)
    title = "".join(reader.title)
    for name in written:
        title = title.replace(name, "")
    left = f"{title}\n{''.join(reader.pieces)}"
    while TRANSLATED.search(left):
        left = TRANSLATED.sub("\n", left)
    lines = (" ".join(NAMES.sub("", line).split()) for line in left.splitlines())
    return "; ".join(line for line in lines if WORD.search(line))
