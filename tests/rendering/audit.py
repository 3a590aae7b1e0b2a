"""An independent look at rendered HTML: what a browser's parser would find in it, against a list of what may be."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

from annotate.mathml import ATTRIBUTES as MATH_ATTRIBUTES
from annotate.mathml import TAGS as MATH_TAGS

HTML_TAGS = {
    "a", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {"class", "data-language", "href", "id", "rel", "start", "tabindex", "target", "title"}


class Audit(HTMLParser):
    """Collects the faults of a fragment, its links, its classes and the text that a reader sees."""

    def __init__(self, fragment: str):
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.links: list[str] = []
        self.classes: set[str] = set()
        self.tags: list[str] = []
        self.text = ""
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in HTML_TAGS | MATH_TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if name not in (MATH_ATTRIBUTES if tag in MATH_TAGS else ATTRIBUTES):
                self.faults.append(f"<{tag} {name}>")
            if name == "class":
                self.classes |= set((value or "").split())
            if name == "href":
                self.links.append(value or "")
                if urlsplit(value or "").scheme not in ("http", "https", "mailto"):
                    self.faults.append(f"href {value}")
        if tag == "a" and dict(attrs).get("rel") != "noopener noreferrer nofollow":
            self.faults.append("<a> without rel")

    def handle_comment(self, data: str) -> None:
        self.faults.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.faults.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.faults.append("processing instruction")

    def handle_data(self, data: str) -> None:
        self.text += data
