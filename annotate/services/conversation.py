"""Questions about tasks, reports of broken ones, and notes on judgements."""

from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.errors import DomainError, NotFound
from annotate.models import Judgement, Note, Question, Task, User
from annotate.services.own import own_assignment

MAX_TEXT = 4_000
MAX_OPEN = 50  # of one person: more than anybody asks, and few enough to keep the inbox usable


def ask(*, assignment_id: UUID, annotator: User, kind: str, text: str = "", reason: str = "") -> Question:
    """Ask about the task of an own assignment, or report it as broken, with a reason from the list.

    The same words twice are one question. Raises DomainError for what says nothing, NotFound for no own assignment.
    """
    assignment = own_assignment(assignment_id=assignment_id, annotator=annotator)
    text = _checked(text)
    if kind not in Question.Kind.values:
        raise DomainError(_("Choose whether this is a question or a problem."))
    if kind == Question.Kind.REPORT and reason not in Question.Reason.values:
        raise DomainError(_("Choose from the list what is wrong with the task."))
    if kind == Question.Kind.QUESTION:
        reason = ""
        if not text:
            raise DomainError(_("Write your question; the admins see the task beside it."))
    mine = Question.objects.filter(asked_by=annotator, resolved=False)
    same = mine.filter(task=assignment.task_id, kind=kind, reason=reason, text=text).first()
    if same:
        return same
    if mine.count() >= MAX_OPEN:
        raise DomainError(_("You have %(n)d open questions; wait until some are answered.") % {"n": MAX_OPEN})
    return Question.objects.create(
        kind=kind, reason=reason, task=assignment.task, assignment=assignment, asked_by=annotator, text=text
    )


def _checked(text: str) -> str:
    text = text.replace("\0", "").strip()
    if len(text) > MAX_TEXT:
        raise DomainError(
            _("The text has %(n)d characters; at most %(most)d are kept. Shorten it.")
            % {"n": len(text), "most": MAX_TEXT}
        )
    return text


def answer_question(*, question_id: int, by: User, text: str = "") -> Question:
    """Answer a question, which resolves it; without words it is resolved silently. The first answer stands.

    Raises NotFound when there is no such question, and DomainError when it is resolved already.
    """
    text = _checked(text)
    now = timezone.now()
    # Nobody has to read an empty answer.
    fields = {"answer": text, "answered_by": by, "answered_at": now, "resolved": True}
    fields["read_at"] = None if text else now
    if not Question.objects.filter(pk=question_id, resolved=False).update(**fields):
        if not Question.objects.filter(pk=question_id).exists():
            raise NotFound(_("There is no such question."))
        raise DomainError(_("Somebody has answered this meanwhile; their answer stands."))
    return Question.objects.get(pk=question_id)


def withdraw_task(*, task_id: int) -> Task:
    """Give this task to nobody any more. Who holds it goes on, and what was submitted stays. Raises NotFound."""
    return _set_withdrawn(task_id, withdrawn=True)


def restore_task(*, task_id: int) -> Task:
    """Give a withdrawn task out again. Raises NotFound."""
    return _set_withdrawn(task_id, withdrawn=False)


def _set_withdrawn(task_id: int, *, withdrawn: bool) -> Task:
    if not Task.objects.filter(pk=task_id).update(withdrawn=withdrawn):
        raise NotFound(_("There is no such task."))
    return Task.objects.get(pk=task_id)


def write_note(*, judgement_id: int, by: User, text: str) -> Note:
    """Tell an annotator something about one of their judgements. Raises NotFound, or DomainError for no words."""
    text = _checked(text)
    if not text:
        raise DomainError(_("The note is empty; write what the annotator should know."))
    judgement = Judgement.objects.filter(pk=judgement_id).first()
    if judgement is None:
        raise NotFound(_("There is no such judgement."))
    return Note.objects.create(judgement=judgement, by=by, text=text)


def mark_read(*, user: User, note_id: int | None = None, question_id: int | None = None) -> int:
    """Mark own notes and answers as read: the one that is named, or all of them. Returns how many were unread."""
    notes = Note.objects.filter(judgement__annotator=user, read_at__isnull=True)
    answers = Question.objects.filter(asked_by=user, read_at__isnull=True, resolved=True)
    if note_id is not None or question_id is not None:
        notes, answers = notes.filter(Q(pk=note_id)), answers.filter(Q(pk=question_id))
    now = timezone.now()
    return notes.update(read_at=now) + answers.update(read_at=now)
