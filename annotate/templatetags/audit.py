"""What the audit's pages draw: simple SVG charts, always with the table of their figures beside them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.audit_queries.pairs import Pairs
from annotate.audit_queries.slices import Group, Slice, iso_week
from annotate.models import Campaign
from annotate.quality.intervals import Estimate
from annotate.templatetags.concord import coefficient, percent

register = template.Library()

CHANCE = 0.5
"""Strict agreement of people who toss coins."""
ROW, LABELS, LEFT, RIGHT, WIDTH = 26, 126, 136, 342, 362
"""Units of a dot plot: a row's height, where labels end, the axis from left to right, and the whole (a telephone's)."""
LABEL_LETTERS = 18
WEEKS_WIDTH, WEEKS_HEIGHT, WEEKS_LEFT, WEEKS_TOP, WEEKS_BOTTOM = 640, 220, 52, 12, 188
WEEK_LABELS = 8


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of a campaign's audit."""

    name: str
    address: str
    label: Promise
    kinds: tuple[str, ...] = (Campaign.Kind.RANKING,)
    """Of campaigns that have it."""


COMPARED = (Campaign.Kind.RANKING, Campaign.Kind.RATING)
TABS = [
    Tab("overview", "annotate:agreement", gettext_lazy("Agreement")),
    Tab("ratings", "annotate:ratings", gettext_lazy("Ratings and flags"), COMPARED),
    Tab("pairs", "annotate:pairs", gettext_lazy("Who agrees with whom")),
    Tab("ratings_pairs", "annotate:ratings_pairs", gettext_lazy("Who agrees with whom"), (Campaign.Kind.RATING,)),
    Tab("consensus", "annotate:consensus", gettext_lazy("Consensus")),
    Tab("producers", "annotate:producers", gettext_lazy("Producers")),
    Tab("composition", "annotate:composition", gettext_lazy("Who judged"), COMPARED),
    Tab("change", "annotate:change", gettext_lazy("Guideline changes")),
    Tab("ratings_change", "annotate:ratings_change", gettext_lazy("Guideline changes"), (Campaign.Kind.RATING,)),
    Tab("time", "annotate:time", gettext_lazy("Time and pay"), COMPARED),
    Tab("disagreements", "annotate:disagreements", gettext_lazy("Disagreements"), COMPARED),
    Tab("bias", "annotate:bias", gettext_lazy("Bias")),
    Tab("gold", "annotate:campaign_gold", gettext_lazy("Gold"), COMPARED),
]


ACROSS = [
    Tab("campaigns", "annotate:agreements", gettext_lazy("Campaigns")),
    Tab("domains", "annotate:domains", gettext_lazy("Domains")),
    Tab("weeks", "annotate:weeks", gettext_lazy("Weeks")),
    Tab("producers", "annotate:all_producers", gettext_lazy("Producers")),
]


@register.simple_tag
def across_tabs() -> list[Tab]:
    """The pages of the audit over all campaigns."""
    return ACROSS


@register.simple_tag
def audit_tabs(campaign: Campaign) -> list[Tab]:
    """The pages of a campaign's audit."""
    return [tab for tab in TABS if campaign.kind in tab.kinds]


@register.simple_tag
def tab_label(name: str) -> Promise:
    """What the page is called by its tab."""
    return next(tab.label for tab in TABS if tab.name == name)


@register.simple_tag
def slice_url(slug: str, chosen: Slice, name: str, key: str) -> str:
    """The address of the slice that is shown, narrowed by one more part."""
    return f"{reverse('annotate:agreement', args=[slug])}?{urlencode({**chosen.given, name: key})}"


@register.simple_tag
def part_url(name: str, key: str) -> str:
    """The address of a domain's, a guideline version's or a week's own page, over all campaigns."""
    if name == "version":
        slug, _dash, version = key.rpartition("-")
        return reverse("annotate:version", args=[slug, int(version)])
    if name == "week":
        return reverse("annotate:week", args=[iso_week(date.fromisoformat(key))])
    return reverse("annotate:domain", args=[key])


@register.simple_tag
def week_span(first: date, last: date) -> str:
    """The days of a week."""
    return _("%(first)s to %(last)s") % {"first": date_format(first, "j M"), "last": date_format(last, "j M Y")}


@register.simple_tag
def part_select(name: str, parts: Sequence[tuple[str, str, int]], chosen: str, everything: str) -> SafeString:
    """A field to choose one of the parts of a campaign, or all."""
    options = [("", everything), *((key, label) for key, label, _slot in parts)]
    marked = [(key, SafeString(" selected" if key == chosen else ""), label) for key, label in options]
    return format_html(
        '<select name="{}">{}</select>',
        name,
        format_html_join("", '<option value="{}"{} dir="auto">{}</option>', marked),
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """What a chart of groups shows."""

    low: float
    """The left end; the right one is 1."""
    chance: float
    """Where a value says nothing."""
    is_share: bool
    summary: str

    def tick(self, value: float) -> str:
        """A value at the axis."""
        return f"{value:.0%}" if self.is_share else f"{value:.2g}".replace("-", "\N{MINUS SIGN}")


def _strict() -> Scale:
    return Scale(
        0.0, CHANCE, True, _("Strict agreement of each, with 95 % intervals; the line marks 50 %, a coin toss.")
    )


def _strict_of(groups: Sequence[Group]) -> list[tuple[str, str, Estimate]]:
    return [(group.key, group.label, group.agreement.strict_agreement) for group in groups]


@register.inclusion_tag("annotate/audit/_dot_plot.html")
def dot_plot(groups: Sequence[Group]) -> dict[str, Any]:
    """Strict agreement of some groups, one under the other, on an axis from 0 to 100 %."""
    return dots(_strict_of(groups), _strict())


def dots(named: Sequence[tuple[str, str, Estimate]], scale: Scale) -> dict[str, Any]:
    """The dot plot of estimates, by (key, label, estimate)."""

    def across(value: float) -> str:
        return _place((value - scale.low) / (1 - scale.low))

    rows = [_dot_row(place, label, found, scale, across) for place, (_key, label, found) in enumerate(named)]
    bottom = 6 + ROW * len(rows)
    marks = [scale.low + quarter * (1 - scale.low) for quarter in (0, 0.25, 0.5, 0.75, 1)]
    ticks = [{"x": across(mark), "label": scale.tick(mark)} for mark in marks]
    return {
        "rows": rows,
        "ticks": ticks,
        "bottom": bottom,
        "label_y": bottom + 16,
        "height": bottom + 22,
        "chance": across(scale.chance),
        "labels_end": LABELS,
        "width": WIDTH,
        "summary": scale.summary,
    }


def _dot_row(place: int, label: str, found: Estimate, scale: Scale, across: Callable[[float], str]) -> dict[str, Any]:
    y = 6 + ROW * place + ROW // 2
    title = f"{label}: {in_words(found, is_share=scale.is_share)}"
    row = {"y": y, "label": short(label, LABEL_LETTERS), "title": title, "value": None}
    if found.value is not None:
        row["value"] = across(found.value)
    if found.lo is not None and found.hi is not None:
        row["lo"], row["hi"] = across(found.lo), across(found.hi)
    return row


def short(label: str, letters: int) -> str:
    """A label that fits: what is left out is in the middle, since versions and names often differ at their ends."""
    if len(label) <= letters:
        return label
    end = (letters - 1) // 2
    return f"{label[: letters - 1 - end].rstrip()}…{label[-end:].lstrip()}"


def _place(share: float) -> str:
    return f"{LEFT + share * (RIGHT - LEFT):.1f}"


@register.inclusion_tag("annotate/audit/_week_plot.html")
def week_plot(groups: Sequence[Group]) -> dict[str, Any]:
    """Strict agreement week by week, with intervals."""
    summary = _("Strict agreement of each week, with 95 % intervals; the line marks 50 %, a coin toss.")
    return weeks(_strict_of(groups), replace(_strict(), summary=summary))


def weeks(named: Sequence[tuple[str, str, Estimate]], scale: Scale) -> dict[str, Any]:
    """The plot over time of estimates, by (Monday, label, estimate)."""
    found = [(date.fromisoformat(key), one) for key, _label, one in named]
    known = [one for _day, one in found if one.value is not None]
    low = math.floor(10 * min([scale.chance, *(one.value if one.lo is None else one.lo for one in known)])) / 10
    high = math.ceil(10 * max([0.6, *(one.value if one.hi is None else one.hi for one in known)])) / 10
    first, span = found[0][0], max((found[-1][0] - found[0][0]).days, 1)

    def across(day: date) -> str:
        return f"{WEEKS_LEFT + 12 + (day - first).days / span * (WEEKS_WIDTH - WEEKS_LEFT - 40):.1f}"

    def up(share: float) -> str:
        return f"{WEEKS_BOTTOM - (share - low) / (high - low) * (WEEKS_BOTTOM - WEEKS_TOP):.1f}"

    points = [_week_point(day, one, across(day), up, scale) for day, one in found if one.value is not None]
    every = -(-len(found) // WEEK_LABELS)
    shares = [tenth / 10 for tenth in range(round(10 * low), round(10 * high) + 1)]
    shares = shares if len(shares) <= 6 else shares[::2]
    return {
        "points": points,
        "line": " ".join(f"{point['x']},{point['y']}" for point in points),
        "ticks": [
            {"y": up(share), "text_y": f"{float(up(share)) + 4:.1f}", "label": scale.tick(share)} for share in shares
        ],
        "days": [{"x": across(day), "label": date_format(day, "j M")} for day, _one in found[::every]],
        "chance": up(scale.chance),
        "left": WEEKS_LEFT,
        "left_end": WEEKS_LEFT - 8,
        "right": WEEKS_WIDTH - 12,
        "bottom": WEEKS_BOTTOM,
        "days_y": WEEKS_BOTTOM + 20,
        "width": WEEKS_WIDTH,
        "height": WEEKS_HEIGHT,
        "summary": scale.summary,
    }


def _week_point(day: date, found: Estimate, x: str, up: Any, scale: Scale) -> dict[str, Any]:
    point = {"x": x, "y": up(found.value), "title": f"{day}: {in_words(found, is_share=scale.is_share)}"}
    if found.lo is not None and found.hi is not None:
        point |= {"lo": up(found.lo), "hi": up(found.hi)}
    return point


@register.simple_tag
def hourly_estimate(found: Estimate, currency: str) -> SafeString:
    """A cell of a table: money an hour, with its interval where there is one, and n."""
    span = ""
    if found.lo is not None and found.hi is not None:
        span = _("%(lo)s to %(hi)s") % {"lo": f"{found.lo:,.2f}", "hi": f"{found.hi:,.2f}"}
    return format_html(
        '<span class="estimate"><strong>{} <bdi>{}</bdi></strong> <span class="range">{}</span>'
        ' <span class="n">{}</span></span>',
        f"{found.value:,.2f}",
        currency,
        span,
        _("n = %(n)d") % {"n": found.n},
    )


def in_words(found: Estimate, *, is_share: bool = True) -> str:
    """A share, or a coefficient, with its interval and n, in a line."""
    said = percent if is_share else coefficient
    if found.value is None:
        return _(found.reason) if found.reason else _("unknown")
    words: Mapping[str, object] = {"value": said(found.value), "n": f"{found.n:,}"}
    if found.lo is None or found.hi is None:
        return _("%(value)s, n = %(n)s") % words
    words = {**words, "lo": said(found.lo), "hi": said(found.hi)}
    return _("%(value)s (%(lo)s to %(hi)s), n = %(n)s") % words


BARS_LEFT, BARS_RIGHT, BARS_WIDTH, BARS_ROW, BARS_LETTERS = 12, 342, 362, 50, 50
"""Units of the bars: where they begin, 100 %, the whole, a group's height with its label, and how much of that fits."""


@register.inclusion_tag("annotate/audit/_bars.html")
def group_bars(rows: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """For each group (label, Group) a bar for its share of people over one for its share of judgements."""
    drawn = []
    for place, (label, group) in enumerate(rows):
        found, top = group.judgements, 6 + BARS_ROW * place
        words = {"label": label, "people": percent(group.people_share), "judgements": in_words(found)}
        row = {"label": short(label, BARS_LETTERS), "text_y": top + 11, "people_y": top + 17, "judged_y": top + 29}
        row |= {"people": _bar(group.people_share), "middle": top + 34}
        row["title"] = _("%(label)s: %(people)s of the people; of the judgements: %(judgements)s") % words
        if found.value is not None:
            row["judged"] = _bar(found.value)
        if found.lo is not None and found.hi is not None:
            row |= {"lo": f"{BARS_LEFT + float(_bar(found.lo)):.1f}", "hi": f"{BARS_LEFT + float(_bar(found.hi)):.1f}"}
        drawn.append(row)
    bottom = 6 + BARS_ROW * len(drawn)
    shares = (0, 0.25, 0.5, 0.75, 1)
    return {
        "rows": drawn,
        "ticks": [{"x": f"{BARS_LEFT + float(_bar(share)):.1f}", "label": f"{share:.0%}"} for share in shares],
        "bottom": bottom,
        "label_y": bottom + 14,
        "height": bottom + 20,
        "width": BARS_WIDTH,
        "left": BARS_LEFT,
        "summary": _("For each group its share of the people (grey) over its share of the judgements, with intervals."),
    }


def _bar(share: float) -> str:
    return f"{min(share, 1.0) * (BARS_RIGHT - BARS_LEFT):.1f}"


NAME_LETTERS = 15
"""How much of a name fits in a heat map."""
SHADES = 9
HEAT_CELL, NO_CELL = '<td class="shade-{}" title="{}">{}</td>', SafeString("<td></td>")
"""Hundreds of them are one page: drawn here, since a template takes ten times as long."""


@register.inclusion_tag("annotate/audit/_heat_map.html")
def heat_map(found: Pairs, campaign: Campaign) -> dict[str, Any]:
    """A square table of annotators: the stronger a cell's colour, the more often the two prefer the same completion."""
    shares = [(pair.first, pair.second, pair.strict_agreement) for pair in found.pairs]
    legend = _("50\N{NO-BREAK SPACE}% or less, a coin toss"), _("An empty cell: the two have no task in common.")
    return square(shares, found.ids, campaign, least=CHANCE, legend=legend)


def square(
    shares: Sequence[tuple[str, str, Estimate]],
    ids: Mapping[str, int],
    campaign: Campaign,
    *,
    least: float,
    legend: tuple[str, str],
) -> dict[str, Any]:
    """The heat map of the shares of each two people; `least` has no colour. `legend`: what that and a gap mean."""
    cells = {}
    for first, second, share in shares:
        title = _("%(first)s and %(second)s: %(figures)s") % {
            "first": first,
            "second": second,
            "figures": in_words(share),
        }
        value = share.value
        said = ("none", title, "–") if value is None else (shade(value, least), title, f"{100 * value:.0f}")
        cells[first, second] = cells[second, first] = format_html(HEAT_CELL, *said)
    rows = [
        (name, short(name, NAME_LETTERS), pk, SafeString("".join(cells.get((name, other), NO_CELL) for other in ids)))
        for name, pk in ids.items()
    ]
    return {"rows": rows, "campaign": campaign, "shades": range(SHADES + 1), "least": legend[0], "gap": legend[1]}


@register.simple_tag
def people_urls(ids: Mapping[str, int], slug: str) -> dict[str, str]:
    """The addresses of some people's pages within a campaign, by username."""
    query = urlencode({"campaign": slug})
    return {name: f"{reverse('annotate:person', args=[person])}?{query}" for name, person in ids.items()}


@register.simple_tag
def pair_names(first: str, second: str, urls: Mapping[str, str]) -> SafeString:
    """Two people's names, each leading to their page."""
    one, other = (format_html('<a href="{}"><bdi>{}</bdi></a>', urls[name], name) for name in (first, second))
    return SafeString(escape(_("%(first)s and %(second)s")) % {"first": one, "second": other})


def shade(value: float, least: float) -> int:
    """0 for the least share and below, up to 9 for 100 %."""
    return max(0, min(SHADES, round((value - least) / (1 - least) * SHADES)))
