r"""LaTeX formulas as MathML, which browsers draw without JavaScript, or a clear refusal.

latex2mathml parses; this module decides what is let through. Its element tree is written out against a list of
presentation elements and attributes, so links, styles, classes, colours and event attributes that LaTeX can ask for
(`\style`, `\class`, `\color`, `\href`) never reach the page.

An annotator must see everything a model wrote. So a formula of which a part would be lost or invisible is refused
rather than drawn in part: unknown commands, links, wrong numbers of arguments, `\phantom`, and a bare `%`, which LaTeX
reads as the beginning of a comment. Macro definitions are refused as well: they can grow exponentially.

Pure: no Django.
"""

from __future__ import annotations

import html
import re
from xml.etree.ElementTree import Element

from latex2mathml import exceptions
from latex2mathml.converter import Converter

MAX_FORMULA = 2_000
"""Characters of one formula; longer ones are shown as written."""
MAX_DEPTH = 60
"""Nested elements of one formula."""

TAGS = frozenset({
    "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mprescripts", "mroot",
    "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder",
    "munderover", "none",
})  # fmt: skip
ATTRIBUTES = frozenset({
    "accent", "accentunder", "alttext", "columnalign", "columnlines", "columnspacing", "columnspan", "depth",
    "display", "displaystyle", "fence", "form", "height", "largeop", "linethickness", "lspace", "mathsize",
    "mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowlines", "rowspacing", "rspace",
    "scriptlevel", "separator", "stretchy", "symmetric", "voffset", "width",
})  # fmt: skip

_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
_DEFINITION = re.compile(r"\\(?:(?:re|provide)?newcommand|newenvironment|[egx]?def|let|DeclareMathOperator)\b")
_COMMAND = re.compile(r"\\[a-zA-Z]+\*?")
_ESCAPED = re.compile(r"\\([{}|_#$&])")
_COMMENT = re.compile(r"(?<!\\)(?:\\\\)*%")
# Words, or up to eight small sizes: a formula may not move itself over the page or push the rest out of sight.
_SIZE = r"(?:-0?|\+?\d)(?:\.\d{1,4})?(?:em|ex|pt|px|mu|%)?"
_ATTRIBUTE_VALUE = re.compile(rf"[a-zA-Z][a-zA-Z -]{{0,60}}|{_SIZE}(?: {_SIZE}){{0,7}}")
_LATEX_ERRORS = tuple(
    error for error in vars(exceptions).values() if isinstance(error, type) and issubclass(error, Exception)
)


class LatexError(ValueError):
    """A formula that cannot be drawn faithfully."""


def to_mathml(latex: str, *, display: bool) -> str:
    """Return the formula as a `<math>` element. Raises `LatexError`; the caller then shows the source.

    `display` asks for the block form. The source stays readable for screen readers in `alttext`.
    """
    if len(latex) > MAX_FORMULA:
        raise LatexError(f"the formula has {len(latex)} characters, more than {MAX_FORMULA}")
    if _DEFINITION.search(latex):
        raise LatexError("the formula defines macros")
    if not _braces_match(latex):
        raise LatexError("the braces do not match")
    if _COMMENT.search(latex):
        raise LatexError("the formula holds a bare %, which hides the rest of the line")
    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(latex)
    # The parser has no error class of its own for broken input: besides those it declares, it runs off its lists.
    except (*_LATEX_ERRORS, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise LatexError(f"the formula cannot be parsed ({type(error).__name__})") from error
    except (RecursionError, StopIteration, RuntimeError) as error:
        raise LatexError("the formula is nested too deeply or breaks off") from error
    tree.attrib.pop("xmlns", None)
    tree.set("alttext", latex)
    return _write(tree, depth=0)


def _braces_match(latex: str) -> bool:
    """latex2mathml draws a closing brace that nothing opened, so they are counted here."""
    depth = 0
    for brace in re.findall(r"\\.|[{}]", latex, flags=re.DOTALL):
        depth += (brace == "{") - (brace == "}")
        if depth < 0:
            return False
    return depth == 0


def _write(element: Element, *, depth: int) -> str:
    tag = element.tag
    if tag not in TAGS:
        raise LatexError(f"<{tag}> is not drawn")
    if depth > MAX_DEPTH:
        raise LatexError("the formula is nested too deeply")
    if len(element) != _CHILDREN.get(tag, len(element)):
        raise LatexError(f"<{tag}> has {len(element)} parts instead of {_CHILDREN[tag]}")
    # latex2mathml leaves symbols as character references (&#x003B1;) in the tree's text.
    text = html.unescape(element.text or "")
    if tag in ("mi", "mo") and _COMMAND.fullmatch(text):
        raise LatexError(f"{text} is not known")
    if "href" in element.attrib:
        raise LatexError("links in formulas are not drawn")
    text = _ESCAPED.sub(lambda match: "‖" if match[1] == "|" else match[1], text) if tag in ("mi", "mo") else text
    attributes = "".join(
        f' {name}="{html.escape(value)}"'
        for name, value in element.attrib.items()
        if name in ATTRIBUTES and (name == "alttext" or _ATTRIBUTE_VALUE.fullmatch(value))
    )
    inner = html.escape(text, quote=False) + "".join(_write(child, depth=depth + 1) for child in element)
    return f"<{tag}{attributes}>{inner}</{tag}>"
