"""Questions, reports and notes: who may say what to whom, and that the first answer stands."""

import uuid

import pytest

from annotate.errors import DomainError, NotFound
from annotate.inbox_queries import waiting_for
from annotate.models import Question
from annotate.services import conversation
from annotate.services.claiming import claim_next_task
from tests.web.conftest import rank_all


@pytest.fixture
def held(world):
    return claim_next_task(annotator=world.alice, campaign=world.ranking)


@pytest.fixture
def question(world, held):
    return conversation.ask(assignment_id=held.pk, annotator=world.alice, kind="question", text="Why four?")


def test_it_keeps_a_question_with_its_task(world, held, question):
    assert (question.task, question.asked_by, question.resolved) == (held.task, world.alice, False)


def test_the_same_words_twice_are_one_question(world, held, question):
    again = conversation.ask(assignment_id=held.pk, annotator=world.alice, kind="question", text=" Why four? ")
    assert again == question


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"kind": "question", "text": "  "}, "Write your question"),
        ({"kind": "report", "reason": "bogus"}, "Choose from the list"),
        ({"kind": "poem", "text": "x"}, "Choose whether"),
        ({"kind": "question", "text": "x" * 4001}, "4001 characters"),
    ],
)
def test_it_refuses_what_says_nothing(world, held, said, sentence):
    with pytest.raises(DomainError, match=sentence):
        conversation.ask(assignment_id=held.pk, annotator=world.alice, **said)


def test_a_report_needs_no_words(world, held):
    report = conversation.ask(assignment_id=held.pk, annotator=world.alice, kind="report", reason="unreadable")
    assert (report.kind, report.reason, report.text) == ("report", "unreadable", "")


def test_nobody_asks_about_the_task_of_somebody_else(world, held):
    for pk in (held.pk, uuid.uuid4()):
        with pytest.raises(NotFound):
            conversation.ask(assignment_id=pk, annotator=world.bob, kind="question", text="What is this?")


def test_the_first_answer_stands(world, question):
    conversation.answer_question(question_id=question.pk, by=world.carol, text="Four drafts.")
    with pytest.raises(DomainError, match="their answer stands"):
        conversation.answer_question(question_id=question.pk, by=world.carol, text="No: five.")
    assert Question.objects.get().answer == "Four drafts."


def test_an_answer_is_unread_until_its_asker_reads_it(world, question):
    assert waiting_for(user=world.carol).open_questions == 1
    conversation.answer_question(question_id=question.pk, by=world.carol, text="Four drafts.")
    assert (waiting_for(user=world.alice).unread, waiting_for(user=world.carol).open_questions) == (1, 0)
    assert conversation.mark_read(user=world.bob) == 0
    assert conversation.mark_read(user=world.alice, question_id=question.pk) == 1
    assert waiting_for(user=world.alice).unread == 0


def test_a_question_resolved_without_words_leaves_nothing_to_read(world, question):
    conversation.answer_question(question_id=question.pk, by=world.carol)
    assert waiting_for(user=world.alice).unread == 0


def test_a_withdrawn_task_goes_to_nobody_but_its_holder(world, held):
    conversation.withdraw_task(task_id=held.task_id)
    assert claim_next_task(annotator=world.alice, campaign=world.ranking).pk == held.pk
    assert claim_next_task(annotator=world.bob, campaign=world.ranking).task_id != held.task_id
    conversation.restore_task(task_id=held.task_id)
    assert claim_next_task(annotator=world.outsider, campaign=world.ranking).task_id == held.task_id


def test_it_brings_a_note_to_the_annotator_alone(world):
    judgement = rank_all(world.alice, world)[0]
    note = conversation.write_note(judgement_id=judgement.pk, by=world.carol, text="Well seen.")
    assert (waiting_for(user=world.alice).unread, waiting_for(user=world.bob).unread) == (1, 0)
    assert conversation.mark_read(user=world.bob, note_id=note.pk) == 0
    assert conversation.mark_read(user=world.alice, note_id=note.pk) == 1


def test_it_refuses_a_note_without_words_or_judgement(world):
    judgement = rank_all(world.alice, world)[0]
    with pytest.raises(DomainError, match="empty"):
        conversation.write_note(judgement_id=judgement.pk, by=world.carol, text=" \0 ")
    with pytest.raises(NotFound):
        conversation.write_note(judgement_id=10**9, by=world.carol, text="Hm.")
