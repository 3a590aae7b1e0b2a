"""What the first page, which belongs to the annotation side, tells admins about training."""

import datetime

from django import template
from django.utils.translation import gettext_lazy as _

from training import queries
from training.models import Pipeline

register = template.Library()
STATES = {
    "waiting": _("waiting"),
    "queued": _("queued"),
    "freezing": _("freezing"),
    "running": _("running"),
    "ready": _("ready"),
    "done": _("done"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "lost": _("lost"),
    "skipped": _("skipped"),
}


@register.filter
def state_name(state: str) -> str:
    """The state of a snapshot, run, stage or pipeline, in the page's language."""
    return STATES[state]


@register.simple_tag
def running_pipeline() -> Pipeline | None:
    """The pipeline that runs now, if one does."""
    return queries.pipelines().filter(state=Pipeline.State.RUNNING).first()


@register.simple_tag
def next_nightly() -> datetime.datetime:
    """When the next pipeline starts by itself."""
    return queries.next_nightly()
