"""What the templates need beyond Django's own tags."""

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotate.rendering import render_markdown

register = template.Library()


@register.simple_tag(takes_context=True)
def nav_link(context, view_name: str, label: str, section: str) -> SafeString:
    """A link of the top navigation, marked as current when the page's `section` (or its URL namespace) is this one."""
    match = getattr(context.get("request"), "resolver_match", None)
    current = context.get("section") == section or (match is not None and match.namespace == section)
    return format_html(
        '<a href="{}"{}>{}</a>', reverse(view_name), SafeString(' aria-current="page"' if current else ""), label
    )


@register.filter
def markdown(text: str) -> SafeString:
    """Markdown, code and LaTeX as safe HTML (annotate.rendering escapes and sanitises)."""
    return SafeString(render_markdown(text))
