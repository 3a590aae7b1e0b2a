"""What the pages about producers draw and show beyond the audit's other charts."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotate.quality.intervals import Estimate
from annotate.templatetags.audit import CHANCE, Scale, dots
from annotate.templatetags.concord import percent

register = template.Library()


@register.inclusion_tag("annotate/audit/_dot_plot.html")
def rate_plot(rates: Sequence[Any]) -> dict[str, Any]:
    """Win rates, each with `label` and `win_rate`, one under the other, on an axis from 0 to 100 %."""
    summary = _("The win rate of each, with 95 % intervals; the line marks 50 %, as many wins as losses.")
    return dots([(one.label, one.label, one.win_rate) for one in rates], Scale(0.0, CHANCE, True, summary))


@register.simple_tag
def mean_estimate(found: Estimate, is_share: bool = False) -> SafeString:
    """A cell of a table: a mean to one digit, or a share, with its interval and n, or why there is none."""
    if found.value is None:
        return format_html('<span class="undefined">{}</span>', _(found.reason))
    shown = percent if is_share else "{:,.1f}".format
    span = ""
    if found.lo is not None and found.hi is not None:
        ends = {"lo": shown(max(found.lo, 0.0)), "hi": shown(found.hi)}
        span = _("%(lo)s to %(hi)s") % ends if found.lo < found.hi else _("all alike")
    return format_html(
        '<span class="estimate"><strong>{}</strong> <span class="range">{}</span> <span class="n">{}</span></span>',
        shown(found.value),
        span,
        _("n = %(n)d") % {"n": found.n},
    )
