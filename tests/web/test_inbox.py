"""Asking from the work page, and the admins' inbox."""

import pytest

from annotate.models import Note, Question, Task
from annotate.services import conversation
from tests.web.conftest import client_of, rank_all


@pytest.fixture
def question(world, ranking) -> Question:
    return conversation.ask(assignment_id=ranking.pk, annotator=world.alice, kind="question", text="Why <b>four</b>?")


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_it_offers_to_ask_on_the_work_page(alice, ranking):
    page = text(alice.get(f"/work/{ranking.pk}/"))
    assert f'action="/work/{ranking.pk}/ask/"' in page
    assert "Something is wrong with this task" in page


def test_it_takes_a_question_without_script(alice, ranking):
    response = alice.post(f"/work/{ranking.pk}/ask/", {"kind": "question", "text": "Why?"}, follow=True)
    assert "Sent. The answer will come to your page." in text(response)
    assert response.redirect_chain[-1][0] == f"/work/{ranking.pk}/"
    assert Question.objects.get().text == "Why?"


def test_it_answers_a_script_with_a_sentence(alice, ranking):
    headers = {"X-Concord-Script": "1"}
    sent = alice.post(f"/work/{ranking.pk}/ask/", {"kind": "report", "reason": "duplicate"}, headers=headers)
    assert (sent.status_code, sent.content) == (201, b"Sent. The answer will come to your page.")
    refused = alice.post(f"/work/{ranking.pk}/ask/", {"kind": "report", "reason": ""}, headers=headers)
    assert refused.status_code == 422
    assert refused.content.startswith(b"Choose from the list")


@pytest.mark.parametrize("data", [{}, {"kind": "\0", "text": "\0"}, {"kind": "question", "text": "x" * 10_000}])
def test_it_refuses_hostile_questions_with_a_sentence(alice, ranking, data):
    response = alice.post(f"/work/{ranking.pk}/ask/", data, headers={"X-Concord-Script": "1"})
    assert response.status_code == 422
    assert response.content.endswith(b".")
    assert not Question.objects.exists()


def test_nobody_asks_about_the_task_of_somebody_else(world, ranking):
    response = client_of(world.bob).post(f"/work/{ranking.pk}/ask/", {"kind": "question", "text": "?"})
    assert response.status_code == 404


def test_it_shows_open_questions_with_their_task(carol, question):
    page = text(carol.get("/inbox/"))
    assert "Why &lt;b&gt;four&lt;/b&gt;?" in page
    assert "Why is the sky blue?" in page
    assert 'title="1 new">1</span>' in page


def test_it_is_for_admins(alice, question):
    for address in ("/inbox/", f"/inbox/{question.pk}/answer/", f"/tasks/{question.task_id}/withdraw/"):
        method = alice.get if address == "/inbox/" else alice.post
        assert method(address).status_code == 403, address


def test_it_answers_a_question_once(carol, question):
    answered = carol.post(f"/inbox/{question.pk}/answer/", {"how": "answer", "text": "Four drafts."}, follow=True)
    assert "Answered. It appears on their page." in text(answered)
    again = carol.post(f"/inbox/{question.pk}/answer/", {"how": "answer", "text": "Five."}, follow=True)
    assert "their answer stands" in text(again)


def test_it_refuses_an_empty_answer(carol, question):
    page = text(carol.post(f"/inbox/{question.pk}/answer/", {"how": "answer", "text": " "}, follow=True))
    assert "The answer is empty" in page
    assert not Question.objects.get().resolved


def test_it_withdraws_a_task_and_gives_it_out_again(carol, question):
    carol.post(f"/tasks/{question.task_id}/withdraw/")
    assert Task.objects.get(pk=question.task_id).withdrawn
    assert "Give this task out again" in text(carol.get("/inbox/"))
    carol.post(f"/tasks/{question.task_id}/restore/")
    assert not Task.objects.get(pk=question.task_id).withdrawn


@pytest.mark.parametrize("address", ["/inbox/999999/answer/", "/tasks/999999/withdraw/", "/judgements/999999/note/"])
def test_it_does_not_know_what_is_not_there(carol, address):
    assert carol.post(address, {"text": "x"}).status_code == 404


def test_it_writes_a_note_from_the_audit_page(carol, world):
    judgement = rank_all(world.alice, world)[0]
    address = f"/agreement/tasks/{judgement.task_id}/"
    assert "Write <bdi>alice</bdi> a note" in text(carol.get(address))
    response = carol.post(f"/judgements/{judgement.pk}/note/", {"text": "Well seen.", "back": address}, follow=True)
    assert response.redirect_chain[-1][0] == address
    assert Note.objects.get().text == "Well seen."


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "javascript:alert(1)", ""])
def test_it_goes_back_only_to_its_own_pages(carol, world, back):
    judgement = rank_all(world.alice, world)[0]
    response = carol.post(f"/judgements/{judgement.pk}/note/", {"text": "Well seen.", "back": back})
    assert response.url == "/inbox/"
