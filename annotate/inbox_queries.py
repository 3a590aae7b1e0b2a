"""What people tell each other: what waits in the inbox, what came back, and what is unread."""

from dataclasses import dataclass

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from annotate.models import Note, Question, User


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person: words they have not read, and, for an admin, open questions."""

    unread: int
    open_questions: int


def waiting_for(*, user: User) -> Waiting:
    """The numbers beside the links of every page, in one query."""
    notes = Note.objects.filter(judgement__annotator=OuterRef("pk"), read_at__isnull=True)
    answers = Question.objects.filter(asked_by=OuterRef("pk"), read_at__isnull=True, resolved=True)
    counts = {"notes": _count(notes, "judgement__annotator"), "answers": _count(answers, "asked_by")}
    if user.is_admin:
        counts["open"] = _count(Question.objects.filter(resolved=False), "resolved")
    row = User.objects.filter(pk=user.pk).annotate(**counts).values(*counts).get()
    return Waiting(row["notes"] + row["answers"], row.get("open", 0))


def _count(rows: QuerySet, group: str) -> Coalesce:
    return Coalesce(Subquery(rows.order_by().values(group).annotate(n=Count("pk")).values("n")), 0)


def inbox() -> QuerySet[Question]:
    """Every question and report: the open ones first, oldest first; then the resolved ones, newest first."""
    return (
        Question.objects.select_related("task__campaign", "task__prompt", "asked_by", "answered_by")
        .prefetch_related("task__prompt__content_warnings", "task__completions")
        .order_by("resolved", "-answered_at", "created_at", "pk")
    )


def own_questions(*, user: User) -> QuerySet[Question]:
    """What a person asked and reported, the newest answers first."""
    return (
        Question.objects.filter(asked_by=user)
        .select_related("task__campaign", "task__prompt", "answered_by")
        .order_by("read_at", "-answered_at", "-created_at")
    )


def own_notes(*, user: User) -> QuerySet[Note]:
    """What reviewers wrote about a person's judgements, the newest first."""
    return Note.objects.filter(judgement__annotator=user).select_related("by", "judgement__task__campaign")
