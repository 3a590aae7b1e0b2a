"""What the first page, which belongs to the annotation side, tells admins about training."""

import datetime

from django import template

from training import queries
from training.models import Pipeline

register = template.Library()


@register.simple_tag
def running_pipeline() -> Pipeline | None:
    """The pipeline that runs now, if one does."""
    return queries.pipelines().filter(state=Pipeline.State.RUNNING).first()


@register.simple_tag
def next_nightly() -> datetime.datetime:
    """When the next pipeline starts by itself."""
    return queries.next_nightly()
