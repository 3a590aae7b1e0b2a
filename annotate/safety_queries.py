"""What pages and the API read about distressing content: the warnings of a task, and who saw how much of it."""

from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import gettext, gettext_lazy, override

from annotate.models import ContentWarning

DISTRESSED = gettext_lazy("The content distresses me")


def warnings_of(*, prompt_id: int) -> list[ContentWarning]:
    """The content warnings of a prompt, in the order of their kinds."""
    order = ContentWarning.Kind.values
    return sorted(ContentWarning.objects.filter(prompt=prompt_id), key=lambda one: order.index(one.kind))


def distressed_reasons() -> Iterable[str]:
    """How a skip for distress begins, in each language: what is stored is what the annotator chose and read."""
    for code, _name in settings.LANGUAGES:
        with override(code):
            yield gettext("The content distresses me")


def warned_prompts(*, prompt_ids: Iterable[int]) -> dict[int, list[str]]:
    """The labels of what these prompts warn of, by prompt id; prompts without a warning are left out."""
    found: dict[int, list[str]] = {}
    for warning in ContentWarning.objects.filter(prompt__in=list(prompt_ids)).order_by("kind"):
        found.setdefault(warning.prompt_id, []).append(warning.get_kind_display())
    return found
