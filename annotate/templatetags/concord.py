"""What the templates need beyond Django's own tags."""

import json
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language_bidi, gettext, ngettext

from annotate.passages import runs_of
from annotate.quality.intervals import Estimate
from annotate.rendering import render_guideline, render_markdown

register = template.Library()
AXIS = 160  # units of the drawing's width


@register.simple_tag(takes_context=True)
def nav_link(context: template.Context, url: str, label: str, section: str, waiting: int = 0) -> SafeString:
    """A link of the top navigation, marked as current when the page's `section` (or its URL namespace) is this one.

    `waiting` counts what is new there.
    """
    match = getattr(context.get("request"), "resolver_match", None)
    current = context.get("section") == section or (match is not None and match.namespace == section)
    here = SafeString(' aria-current="page"' if current else "")
    if not waiting:
        return format_html('<a href="{}"{}>{}</a>', url, here, label)
    new = ngettext("%(n)d new", "%(n)d new", waiting) % {"n": waiting}
    return format_html(
        '<a href="{}"{}>{} <span class="badge busy num" title="{}">{}</span></a>', url, here, label, new, waiting
    )


@register.filter
def markdown(text: str) -> SafeString:
    """Markdown, code and LaTeX as safe HTML (annotate.rendering escapes and sanitises)."""
    return SafeString(render_markdown(text))


@register.filter
def guideline_html(body: str) -> SafeString:
    """A guideline's body as safe HTML, with anchors."""
    return SafeString(render_guideline(body))


@register.filter
def passage_runs(text: str) -> str:
    """How a completion's rendered text lines up with its source, as JSON for the page's script."""
    return json.dumps(runs_of(text), separators=(",", ":"))


@register.filter
def as_json(value: object) -> str:
    """A value as JSON, for a hidden field."""
    return json.dumps(value, ensure_ascii=False)


@register.filter
def at(mapping: Mapping, key: str) -> object:
    """What a mapping has under a key, or nothing."""
    return mapping.get(key, "")


@register.filter
def lettered(entries: Sequence) -> list[tuple[str, object]]:
    """(letter, entry) of each: the key that chooses it."""
    return list(zip(ascii_lowercase, entries, strict=False))


@register.filter
def last_content(messages: list[dict[str, str]]) -> str:
    """What the last message of a conversation says."""
    return messages[-1]["content"]


@register.filter
def citation_link(source: str) -> SafeString | str:
    """A source as a link when it is an address."""
    if not source.startswith(("https://", "http://")) or any(mark.isspace() for mark in source):
        return source
    return format_html('<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>', source, source)


@register.filter
def percent(share: float) -> str:
    """0.726 as 72.6 %, with a real minus sign."""
    return _signed(f"{share * 100:.1f}\N{NO-BREAK SPACE}%")


@register.filter
def points(share: float) -> str:
    """A difference of two shares: 0.037 as +3.7. In points, since 3.7 % of what would be the question."""
    return _signed(f"{share * 100:+.1f}")


@register.filter
def coefficient(value: float) -> str:
    """0.3624 as 0.362, with a real minus sign."""
    return _signed(f"{value:.3f}")


@register.filter
def count(n: int) -> str:
    """1128 as 1,128."""
    return f"{n:,}"


@register.filter
def significant(value: float) -> str:
    """0.00021875 as 0.0002188: four significant digits, for numbers whose size nobody knows beforehand."""
    return _signed(f"{value:.4g}")


def _signed(number: str) -> str:
    """With a real minus sign; amid a right-to-left text, a mark keeps it in front of the number."""
    if not {"-", "+"} & set(number):
        return number
    return "\N{LEFT-TO-RIGHT MARK}" * get_language_bidi() + number.replace("-", "\N{MINUS SIGN}")


@register.filter
def translated(sentence: str) -> str:
    """A sentence that a pure module gave, marked there as `translatable`, in the page's language."""
    return gettext(sentence) if sentence else ""


INTERVAL = (
    '<svg class="interval" viewBox="0 0 160 18" aria-hidden="true"><line class="axis" x1="0" x2="160" y1="9" y2="9"/>'
    '<line class="axis" x1="{zero}" x2="{zero}" y1="3" y2="15"/><line class="span" x1="{lo}" x2="{hi}" y1="9" y2="9"/>'
    '<circle class="dot" cx="{value}" cy="9" r="4"/></svg>'
)


@register.simple_tag
def estimate(
    found: Estimate,
    is_share: bool = False,
    low: float = -1.0,
    drawn: bool = True,
    middle: float = 0.0,
    high: float = 1.0,
    in_points: bool = False,
) -> SafeString:
    """A cell of a table: value, interval (drawn on an axis from `low` to `high`, too) and n, or the reason why not.

    The axis has a mark at `middle`: where a value says nothing. The difference of two shares is said `in_points`.
    Tables have hundreds of these, which a template of their own would make slow.
    """
    if found.value is None:
        return format_html('<span class="undefined">{}</span>', translated(found.reason))
    number = points if in_points else percent if is_share else coefficient
    value = gettext("%(value)s points") % {"value": number(found.value)} if in_points else number(found.value)
    why, reason = "", translated(found.reason)
    if found.lo is None or found.hi is None:
        span, why, reason = reason or gettext("no interval"), SafeString(" why"), ""
    else:
        span = gettext("%(lo)s to %(hi)s") % {"lo": number(found.lo), "hi": number(found.hi)}
    return format_html(
        '<span class="estimate">{}<strong>{}</strong> <span class="range{}">{}</span>'
        ' <span class="n">n&nbsp;=&nbsp;{}</span>{}</span>',
        _drawing(found, low, middle, high) if drawn else "",
        value,
        why,
        span,
        count(found.n),
        format_html(' <span class="range why">{}</span>', reason) if reason else "",
    )


def _drawing(found: Estimate, low: float, middle: float, high: float) -> SafeString | str:
    """The interval on an axis from `low` to `high`; nothing where there is none."""
    if found.value is None or found.lo is None or found.hi is None:
        return ""
    places = {"lo": found.lo, "hi": found.hi, "value": found.value, "zero": max(middle, low)}
    at_axis = {name: f"{(place - low) / (high - low) * AXIS:.1f}" for name, place in places.items()}
    return SafeString(INTERVAL.format(**at_axis))
