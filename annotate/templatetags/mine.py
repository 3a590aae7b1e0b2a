"""What a person's own pages need: times in words."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotate.quality.intervals import Estimate

register = template.Library()


@register.filter
def active_time(seconds: float) -> str:
    """75 as 1 min 15 s, 7400 as 2 h 3 min."""
    whole = round(seconds)
    if whole < 60:
        return _("%(s)d s") % {"s": whole}
    if whole < 3600:
        return _("%(m)d min %(s)d s") % {"m": whole // 60, "s": whole % 60}
    return _("%(h)d h %(m)d min") % {"h": whole // 3600, "m": whole % 3600 // 60}


@register.simple_tag
def seconds_estimate(found: Estimate) -> SafeString:
    """A cell of a table: a median of seconds, its interval and n, or why there is none."""
    n = _("n = %(n)d") % {"n": found.n}
    if found.value is None:
        return format_html('<span class="undefined">{}</span>', _("Nothing yet."))
    if found.lo is None or found.hi is None:
        span = _("too few for an interval")
    else:
        span = _("%(lo)s to %(hi)s") % {"lo": active_time(found.lo), "hi": active_time(found.hi)}
    return format_html(
        '<span class="estimate"><strong>{}</strong> <span class="range">{}</span> <span class="n">{}</span></span>',
        active_time(found.value),
        span,
        n,
    )
