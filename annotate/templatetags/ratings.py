"""What the pages of ratings and flags draw."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from annotate.audit_queries.inquiry import AXIS, CHARTED, Question, ValueGroup
from annotate.audit_queries.slices import Slice
from annotate.audit_queries.value_pairs import ValuePairs
from annotate.audit_queries.values import Asked, ValueAudit
from annotate.quality.intervals import Estimate
from annotate.templatetags.audit import LABEL_LETTERS, Scale, dots, in_words, short, square, weeks

register = template.Library()

LEFT, RIGHT, WIDTH, ROW, BAR = 128, 502, 520, 30, 18
"""Units of the bars of levels: where they begin and end, the whole, a row's height and a bar's."""
SHADES = 9
LETTERED = 16
"""The narrowest part of a bar in which its number fits."""


@register.filter
def is_drawn(groups: Sequence[ValueGroup], measure: str) -> bool:
    """Whether a chart of this would compare anything."""
    return len(groups) > 1 and any(group.answered.measure(measure).value is not None for group in groups)


@register.simple_tag
def part_url(audit: ValueAudit, name: str, key: str) -> str:
    """The address of the slice that is shown, narrowed by one more part."""
    return _address(audit.campaign.slug, audit.chosen, audit.of, {name: key})


@register.simple_tag
def question_url(audit: ValueAudit, question: Question) -> str:
    """The address of the page that shows another question by domain, version and week."""
    return f"{_address(audit.campaign.slug, audit.chosen, question, {})}#groups"


def _address(slug: str, chosen: Slice, of: Question | None, more: dict[str, str]) -> str:
    named = {**chosen.given, **more} | ({"of": of.key} if of else {})
    return f"{reverse('annotate:ratings', args=[slug])}?{urlencode(named)}"


def _scale(question: Question, found: Sequence[Estimate]) -> Scale:
    if question.kind != AXIS:
        return Scale(0.0, 0.0, True, _("Agreement on yes of each, with 95 % intervals."))
    lowest = min((one.value if one.lo is None else one.lo for one in found if one.value is not None), default=0.0)
    summary = _("Krippendorff’s alpha of each, with 95 % intervals; the line marks 0, which is chance.")
    return Scale(-1.0 if lowest < 0 else 0.0, 0.0, False, summary)


def _named(groups: Sequence[ValueGroup], question: Question) -> list[tuple[str, str, Estimate]]:
    return [(group.key, group.label, group.answered.measure(CHARTED[question.kind])) for group in groups]


@register.inclusion_tag("annotate/audit/_dot_plot.html")
def question_dots(asked: Sequence[Asked]) -> dict[str, Any]:
    """Alpha of each axis, or agreement on yes of each flag, one under the other."""
    kind = asked[0].question
    named = [(one.question.key, one.question.label, one.answered.measure(CHARTED[kind.kind])) for one in asked]
    return dots(named, _scale(kind, [one for _key, _label, one in named]))


@register.inclusion_tag("annotate/audit/_dot_plot.html")
def value_dots(groups: Sequence[ValueGroup], question: Question) -> dict[str, Any]:
    """Alpha, or agreement on yes, of some groups, one under the other."""
    named = _named(groups, question)
    return dots(named, _scale(question, [one for _key, _label, one in named]))


@register.inclusion_tag("annotate/audit/_week_plot.html")
def value_weeks(groups: Sequence[ValueGroup], question: Question) -> dict[str, Any]:
    """The same week by week."""
    named = _named(groups, question)
    return weeks(named, _scale(question, [one for _key, _label, one in named]))


@register.inclusion_tag("annotate/audit/_heat_map.html")
def value_heat_map(found: ValuePairs) -> dict[str, Any]:
    """A square table of annotators: the stronger a cell's colour, the more often the two say the same."""
    shares = [(pair.first, pair.second, getattr(pair, found.measures[0])) for pair in found.pairs]
    legend = _("0\N{NO-BREAK SPACE}%"), _("An empty cell: the two have no completion in common.")
    return square(shares, found.ids, found.campaign, least=0.0, legend=legend)


@register.inclusion_tag("annotate/audit/_levels.html")
def level_bars(asked: Sequence[Asked]) -> dict[str, Any]:
    """How the levels of each axis are used: one bar for each, parted by the shares of its levels."""
    rows = [_level_row(place, one) for place, one in enumerate(one for one in asked if one.usage)]
    bottom = 6 + ROW * len(rows)
    ticks = [
        {"x": f"{LEFT + share * (RIGHT - LEFT):.1f}", "label": f"{share:.0%}"} for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    return {
        "rows": rows,
        "ticks": ticks,
        "bottom": bottom,
        "label_y": bottom + 14,
        "height": bottom + 20,
        "width": WIDTH,
        "labels_end": LEFT - 10,
        "bar": BAR,
        "summary": _("How often each level is given, the lowest first; the table has the figures."),
    }


def _level_row(place: int, one: Asked) -> dict[str, Any]:
    top = 6 + ROW * place
    shares = [share.value or 0.0 for _value, _name, share in one.usage]
    ends = [LEFT + end * (RIGHT - LEFT) for end in accumulate(shares, initial=0.0)]
    most = max(len(one.question.levels) - 1, 1)
    parts = []
    for (value, name, share), left, right in zip(one.usage, ends, ends[1:], strict=False):
        words = {"axis": one.question.label, "level": name, "share": in_words(share)}
        parts.append(
            {
                "x": f"{left:.1f}",
                "width": f"{right - left:.1f}",
                "middle": f"{(left + right) / 2:.1f}",
                "shade": 1 + round((value - 1) / most * (SHADES - 1)),
                "value": value if right - left >= LETTERED else "",
                "title": _("%(axis)s, %(level)s: %(share)s") % words,
            }
        )
    label = short(one.question.label, LABEL_LETTERS)
    return {"label": label, "title": one.question.label, "y": top, "middle": top + BAR // 2, "parts": parts}
