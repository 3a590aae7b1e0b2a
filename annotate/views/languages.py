"""The choice of languages that a person reads, on the pages that ask for it."""

import re
from collections.abc import Iterable

from django.http import QueryDict

from annotate.errors import DomainError
from annotate.languages import COMMON
from annotate.services.people import check_languages
from annotate.views.work_forms import typed


def chosen_languages(data: QueryDict) -> list[str]:
    """What the form says: boxes that are ticked, and tags that are typed."""
    return [*data.getlist("language"), *re.findall(r"[^\s,;،؛]+", typed(data, "other_languages"))]


def language_choice(chosen: Iterable[str]) -> dict[str, object]:
    """What `annotate/_languages.html` shows: (tag, own name, ticked) of the common ones, and the others as typed."""
    chosen = list(chosen)
    boxes = [(tag, name, tag in chosen) for tag, name in COMMON.items()]
    others = ", ".join(tag for tag in chosen if tag not in COMMON)
    return {"language_boxes": boxes, "other_languages": others, "wrong_language": _is_wrong(chosen)}


def _is_wrong(chosen: list[str]) -> bool:
    try:
        check_languages(chosen)
    except DomainError:
        return True
    return False
