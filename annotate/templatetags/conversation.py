"""What every page says about messages, and what the "Question or problem" form offers."""

from django import template

from annotate.inbox_queries import Waiting, waiting_for
from annotate.models import Question, User

register = template.Library()


@register.simple_tag
def waiting(user: User) -> Waiting:
    """How many unread words and open questions wait for this person."""
    return waiting_for(user=user)


@register.simple_tag
def report_reasons() -> list[tuple[str, str]]:
    """(value, label) of what may be wrong with a task."""
    return Question.Reason.choices
