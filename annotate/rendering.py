"""Markdown with code and LaTeX as HTML that is safe to put into a page: text of models and strangers is hostile input.

Three layers, each of which would do alone for scripts:

1. markdown-it-py with raw HTML off: what looks like a tag in the text is shown as text.
2. The only HTML comes from the rules below: links to http, https and mailto only, images named but never loaded (no
   request leaves for another host), formulas as MathML (`annotate.mathml`), code as spans with classes, and no style
   attribute anywhere, so that it renders under a Content-Security-Policy without 'unsafe-inline'.
3. nh3 (ammonia) lets through a list of tags, attributes and classes.

An annotator judges what is on the screen, so nothing that a model wrote may vanish: refused links and broken LaTeX
appear as they were written, source lists (`[1]: https://...`) are not swallowed as link definitions, and single line
breaks stay line breaks. Time and output are bounded: text that is too long, too deeply nested or too dense is shown as
plain text with a note that says so.

Pure: no Django. Colours for the classes are in `static/css/highlight.css`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

from annotate import mathml

MAX_CHARS = 40_000
"""Longer text is shown as plain text. It is about 10,000 tokens; the worst input found takes about 2 s."""
MAX_NESTING = 32
"""Levels of lists and quotes (a list in a list is two)."""
MAX_TOKENS = 20_000
"""Paragraphs, cells, list items and the like; a table can make 65,000 cells of 5 kB."""
MAX_FORMULAS = 500
MAX_CODE_BLOCK = 4_000
MAX_CODE_LINE = 500
MAX_CODE_TOTAL = 8_000
"""Characters of code that are coloured, per block, line and text; beyond them code is shown without colours.
Pygments' lexers take quadratic time on some input."""

LANGUAGES = {
    "bash": "bash", "c": "c", "c++": "cpp", "console": "console", "cpp": "cpp", "css": "css", "diff": "diff",
    "docker": "docker", "dockerfile": "docker", "go": "go", "golang": "go", "haskell": "haskell",
    "html": "html", "ini": "ini", "java": "java", "javascript": "javascript", "js": "javascript",
    "json": "json", "jsx": "javascript", "julia": "julia", "kotlin": "kotlin", "latex": "latex", "lua": "lua",
    "makefile": "make", "matlab": "matlab", "perl": "perl", "php": "php", "powershell": "powershell",
    "py": "python", "python": "python", "python3": "python", "r": "r", "rb": "ruby", "rs": "rust",
    "ruby": "ruby", "rust": "rust", "scala": "scala", "sh": "bash", "shell": "bash", "sql": "sql",
    "swift": "swift", "tex": "latex", "toml": "toml", "ts": "typescript", "tsx": "typescript",
    "typescript": "typescript", "xml": "xml", "yaml": "yaml", "yml": "yaml", "zsh": "bash",
}  # fmt: skip
"""What may follow the opening fence -> the Pygments lexer that colours it. Without C#: 4,000 short lines took its
lexer 1.5 s; the worst of those listed takes 0.8 s."""

TOKEN_PREFIX = "tok-"
TOKEN_CLASSES = frozenset(TOKEN_PREFIX + short for short in STANDARD_TYPES.values() if short)

_MATH_TOKENS = frozenset({"math_inline", "math_inline_double", "math_block"})
_CLOSING = {r"\(": r"\)", r"\[": r"\]"}
_FORMATTER = HtmlFormatter(nowrap=True, classprefix=TOKEN_PREFIX)
_LINK = re.compile(r"(?:https?://[^/\s]|mailto:[^/\s])", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n?")
_CACHED_CHARS = 16_000


def render_markdown(text: str) -> str:
    """Render a prompt, a completion or a comment. Deterministic; never raises for any text."""
    return _cached(text) if len(text) <= _CACHED_CHARS else _render(text)


@lru_cache(maxsize=32)  # every task's page shows one, the same for a whole campaign
def render_guideline(body: str) -> str:
    """Render a guideline's body: headings one level down instead of two and with anchors (`heading_anchor`), so that
    a page can link to the passage that defines a flag; single line breaks are spaces, as usual in Markdown files."""
    return _render(body, guideline=True)


def render_plain(text: str, *, note: str = "") -> str:
    """Show the text exactly as written, optionally below a note that says why."""
    above = f'<p class="render-note">{html.escape(note)}</p>\n' if note else ""
    return f'{above}<div class="plain-text">{html.escape(text.replace(chr(0), chr(0xFFFD)))}</div>\n'


def heading_anchor(title: str) -> str:
    """The id that `render_guideline` gives the first heading with this title."""
    words = re.findall(r"\w+", title.lower())
    return "guideline-" + ("-".join(words) or "section")


def code_lines(text: str) -> list[tuple[int, int]]:
    """The first line and the one after the last of each block of code in the text, counted from 0, without the line
    that opens a fence."""
    tokens: list[Token] = []
    try:
        _PARSER.block.parse(_LINE_END.sub("\n", text), _PARSER, {}, tokens)
    except RecursionError:
        return []
    blocks = [(token.type, *token.map) for token in tokens if token.type in ("fence", "code_block") and token.map]
    return [(first + (kind == "fence"), last) for kind, first, last in blocks]


@lru_cache(maxsize=512)
def _cached(text: str) -> str:
    return _render(text)


def _render(text: str, *, guideline: bool = False) -> str:
    if not text.strip():
        return render_plain(text, note="Empty: there is no text here.")
    if len(text) > MAX_CHARS:
        return render_plain(
            text, note=f"Shown as plain text: {len(text):,} characters, more than the {MAX_CHARS:,} that are formatted."
        )
    parser = _GUIDELINE_PARSER if guideline else _PARSER
    env: dict[str, Any] = {}
    try:
        tokens = parser.parse(text, env)
    except RecursionError:
        tokens = None
    if tokens is None or _too_dense(tokens):
        return render_plain(text, note="Shown as plain text: nested too deeply or too dense to be formatted.")
    if guideline:
        _set_anchors(tokens)
    unclean = parser.renderer.render(tokens, parser.options, env)
    return (_GUIDELINE_CLEANER if guideline else _CLEANER).clean(unclean)


def _too_dense(tokens: Sequence[Token]) -> bool:
    if len(tokens) > MAX_TOKENS or any(token.level >= MAX_NESTING - 1 for token in tokens):
        return True
    formulas = sum(token.type in _MATH_TOKENS for token in _flat(tokens))
    return formulas > MAX_FORMULAS


def _flat(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _set_anchors(tokens: Sequence[Token]) -> None:
    seen: dict[str, int] = {}
    for opening, title in zip(tokens, tokens[1:], strict=False):
        if opening.type == "heading_open":
            anchor = heading_anchor(title.content)
            seen[anchor] = seen.get(anchor, 0) + 1
            opening.attrs["id"] = anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor]}"


# Rules of the parser


def _bracket_inline(state: StateInline, silent: bool) -> bool:
    r"""`\(x\)` and, within a paragraph, `\[x\]`: what most models write instead of dollars."""
    start = state.pos
    opening = state.src[start : start + 2]
    if opening not in _CLOSING:
        return False
    end = state.src.find(_CLOSING[opening], start + 2, min(state.posMax, start + mathml.MAX_FORMULA))
    content = state.src[start + 2 : end].strip() if end > 0 else ""
    if not content:
        return False
    if not silent:
        token = state.push("math_inline" if opening == r"\(" else "math_inline_double", "math", 0)
        token.content, token.markup = content, opening
    state.pos = end + 2
    return True


def _bracket_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    r"""A paragraph of its own from `\[` to `\]`; its lines may look like lists or headings, and are not."""
    if state.is_code_block(first) or not state.getLines(first, first + 1, state.blkIndent, False).lstrip().startswith(
        r"\["
    ):
        return False
    for line in range(first, min(last, first + 100)):
        written = state.getLines(line, line + 1, state.blkIndent, False).strip()
        if not written:
            return False
        if written.endswith(r"\]"):
            content = state.getLines(first, line + 1, state.blkIndent, False).strip()[2:-2].strip()
            if not content or r"\[" in content.replace(r"\\[", ""):
                return False
            if not silent:
                token = state.push("math_block", "math", 0)
                token.content, token.markup, token.map = content, r"\[", [first, line + 1]
                state.line = line + 1
            return True
    return False


def _no_styles(state: Any) -> None:
    """The table rule aligns cells by a style attribute, which the CSP forbids; make it a class."""
    for token in state.tokens:
        if token.type in ("th_open", "td_open") and "style" in token.attrs:
            token.attrs = {"class": str(token.attrs["style"]).replace("text-align:", "align-")}


def _shift_headings(state: Any, *, by: int) -> None:
    """Text is shown below the page's own headings, so its first level must not be theirs."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + by)}"


# Rules of the renderer


def _math(_: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    display = token.type != "math_inline"
    try:
        drawn = mathml.to_mathml(token.content.strip(), display=display)
    except mathml.LatexError as error:
        source = html.escape(f"{token.markup}{token.content}{_CLOSING.get(token.markup, token.markup)}")
        drawn = f'<code class="math-source" title="{html.escape(f"Shown as written: {error}.")}">{source}</code>'
    return f'<div class="math-block">{drawn}</div>\n' if token.type == "math_block" else drawn


def _image(_: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """An image is a link, or bare text inside a link: loading it would tell its host who reads what and when."""
    token = tokens[index]
    label = html.escape(f"image not loaded: {token.content or token.attrs.get('src', '')}")
    inside_link = sum((t.type == "link_open") - (t.type == "link_close") for t in tokens[:index]) > 0
    if inside_link:
        return f'<span class="image-link">[{label}]</span>'
    return f'<a class="image-link" href="{html.escape(str(token.attrs["src"]))}">[{label}]</a>'


def _fence(_: Any, tokens: Sequence[Token], index: int, options: Any, env: dict[str, Any]) -> str:
    token = tokens[index]
    info = token.info.strip()
    inner = _coloured(token.content, info.split(maxsplit=1)[0].lower() if info else "", env)
    label = f' data-language="{html.escape(info)}"' if info else ""
    return f'<pre class="code"{label}><code>{inner}</code></pre>\n'


def _code_block(_: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return f'<pre class="code"><code>{html.escape(tokens[index].content)}</code></pre>\n'


def _coloured(code: str, language: str, env: dict[str, Any]) -> str:
    spent = env.get("coloured", 0) + len(code)
    longest = max((len(line) for line in code.split("\n")), default=0)
    if language not in LANGUAGES or len(code) > MAX_CODE_BLOCK or spent > MAX_CODE_TOTAL or longest > MAX_CODE_LINE:
        return html.escape(code)
    env["coloured"] = spent
    return highlight(code, get_lexer_by_name(LANGUAGES[language], stripnl=False), _FORMATTER)


def _table_open(*_: Any) -> str:
    return '<div class="table-scroll" tabindex="0"><table>\n'


def _table_close(*_: Any) -> str:
    return "</table></div>\n"


def _build_parser(*, breaks: bool, heading_shift: int) -> MarkdownIt:
    options = {"html": False, "breaks": breaks, "maxNesting": MAX_NESTING}
    parser = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    # A list of sources written as `[1]: https://...` would be read as link definitions, and vanish.
    parser.block.ruler.disable("reference")
    # Prices are not formulas: no space inside the dollars and no digit outside them.
    dollarmath_plugin(
        parser, allow_labels=False, allow_space=False, allow_digits=False, allow_blank_lines=False, double_inline=True
    )
    parser.inline.ruler.before("escape", "bracket_inline", _bracket_inline)
    parser.block.ruler.before("fence", "bracket_block", _bracket_block, {"alt": ["paragraph", "list", "blockquote"]})
    parser.core.ruler.push("no_styles", _no_styles)
    parser.core.ruler.push("shift_headings", partial(_shift_headings, by=heading_shift))
    parser.validateLink = lambda url: bool(_LINK.match(url))  # type: ignore[method-assign]
    for name in _MATH_TOKENS:
        parser.add_render_rule(name, _math)
    for name, rule in {
        "image": _image, "fence": _fence, "code_block": _code_block, "table_open": _table_open,
        "table_close": _table_close,
    }.items():  # fmt: skip
        parser.add_render_rule(name, rule)
    return parser


def _build_cleaner(*, anchors: bool) -> nh3.Cleaner:
    headings = {f"h{level}" for level in range(1, 7)}
    tags = {
        "a", "blockquote", "br", "code", "del", "div", "em", "hr", "li", "ol", "p", "pre", "s", "span", "strong",
        "table", "tbody", "td", "th", "thead", "tr", "ul",
    }  # fmt: skip
    attributes: dict[str, set[str]] = {tag: set(mathml.ATTRIBUTES) for tag in mathml.TAGS}
    attributes |= {"a": {"href", "title"}, "code": {"title"}, "ol": {"start"}, "pre": {"data-language"}}
    attributes |= {tag: {"id"} for tag in headings if anchors}
    return nh3.Cleaner(
        tags=tags | headings | mathml.TAGS,
        attributes=attributes,
        tag_attribute_values={"div": {"tabindex": {"0"}}},
        allowed_classes={
            "a": {"image-link"},
            "code": {"math-source"},
            "div": {"math-block", "plain-text", "table-scroll"},
            "p": {"render-note"},
            "pre": {"code"},
            "span": {"image-link", *TOKEN_CLASSES},
            **{cell: {"align-left", "align-center", "align-right"} for cell in ("td", "th")},
        },
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
    )


_PARSER = _build_parser(breaks=True, heading_shift=2)
_GUIDELINE_PARSER = _build_parser(breaks=False, heading_shift=1)
_CLEANER = _build_cleaner(anchors=False)
_GUIDELINE_CLEANER = _build_cleaner(anchors=True)
