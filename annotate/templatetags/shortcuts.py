"""The keys of the workplace in its templates, as the person who looks has set them."""

import json

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotate import shortcuts

register = template.Library()
ASKED = ("axes", "spans", "behaviour")


def _stored(context: template.Context) -> dict:
    request = context["request"]
    if not hasattr(request, "stored_shortcuts"):  # read once: a page names many keys, and not everybody has a profile
        profile = getattr(request.user, "profile", None)
        request.stored_shortcuts = profile.shortcuts if profile else {}
    return request.stored_shortcuts


def _page(context: template.Context) -> str:
    view = context["view"]
    pair = view.campaign.kind == shortcuts.RANKING and len(view.completions) == 2
    return shortcuts.PAIRWISE if pair else view.campaign.kind


def _keys(context: template.Context) -> dict[str, str]:
    keys, page = shortcuts.current_keys(_stored(context)), _page(context)
    asked = {"flags": context["flags"], **{name: getattr(context["asked"], name) for name in ASKED}}
    known = {name: shortcuts.SHORTCUTS[name] for name in keys}
    return {name: key for name, key in keys.items() if known[name].shown_on(page) and asked.get(known[name].asks, True)}


@register.simple_tag(takes_context=True)
def shortcut_data(context: template.Context) -> str:
    """The keys of this page as JSON for its script."""
    return json.dumps({"off": bool(_stored(context).get("off")), "keys": _keys(context)}, ensure_ascii=False)


@register.simple_tag(takes_context=True)
def key(context: template.Context, name: str) -> SafeString:
    """The key of a shortcut, to stand on its button; the page's script keeps it up to date."""
    pressed = _keys(context).get(name, "")
    hidden = SafeString("" if pressed else " hidden")
    return format_html('<kbd aria-hidden="true" data-key="{}"{}>{}</kbd>', name, hidden, pressed.upper())


@register.inclusion_tag("annotate/_shortcuts.html", takes_context=True)
def shortcut_rows(context: template.Context) -> dict:
    """The page's shortcuts, each with a button that changes its key."""
    keys = _keys(context)
    return {"rows": [(shortcuts.SHORTCUTS[name], pressed.upper()) for name, pressed in keys.items()]}
