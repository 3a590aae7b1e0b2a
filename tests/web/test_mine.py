"""My page: figures, history, what was submitted, feedback."""

import pytest

from annotate.models import Campaign, Note, Question
from annotate.services import conversation
from annotate.services.corpus import add_prompt
from annotate.services.judging import submit_demonstration
from tests.services.test_needs import declare
from tests.services.test_own_queries import end_correction, gold_of
from tests.services.test_skills import add_gold, answer
from tests.web.conftest import client_of


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_it_shows_figures_with_their_n(alice, ranked_world):
    Campaign.objects.update(pay_seconds=60)
    end_correction(ranked_world.alice)
    page = text(alice.get("/me/"))
    assert '<p class="name">Done today</p><p class="value">3</p>' in page
    assert "n = 3" in page
    assert "The campaign pays for 60 seconds each." in page
    assert "Agreement with the others" in page


def test_the_api_has_the_same_figures(alice, ranked_world):
    gold_of(ranked_world.ranking_tasks[0])
    end_correction(ranked_world.alice)
    found = alice.get("/api/v1/me/").json()
    assert (found["today"], found["week"], found["unread"]) == (3, 3, 0)
    assert found["pace"][0]["today"] == {
        "value": 20.0,
        "lo": None,
        "hi": None,
        "n": 3,
        "reason": "Fewer than 6 values: too few for an interval of a median.",
    }
    assert found["agreement"][0]["strict_agreement"]["value"] == 0.0
    assert found["gold"][0]["mean"]["n"] == 1


def test_it_shows_what_one_knows_and_the_api_too(alice, world):
    declare(world.alice, "art", "expert", verified_by=world.carol)
    answer(add_gold(world), world.alice)
    end_correction(world.alice)
    page = text(alice.get("/me/"))
    assert '<bdi>Art</bdi></th><td>Expert <span class="badge good">Verified</span></td>' in page
    assert "No gold answer to show yet." in page
    assert "66.7 %" in page
    in_all, art = alice.get("/api/v1/me/").json()["skills"]
    assert (in_all["domain"], in_all["measured"]["n"], art["domain"]) == ("", 1, "art")
    assert (art["declared"], art["verified"], art["measured"]["value"]) == ("expert", True, None)


def test_it_says_that_nothing_is_there_yet(alice):
    assert "Nothing submitted in the last seven days." in text(alice.get("/me/"))
    assert "Nothing submitted yet" in text(alice.get("/me/history/"))
    assert "None yet." in text(alice.get("/me/feedback/"))


def test_history_links_to_the_correction_while_there_is_time(alice, ranked_world):
    assert text(alice.get("/me/history/")).count("/correct/") == 3
    end_correction(ranked_world.alice)
    page = text(alice.get("/me/history/"))
    assert "/correct/" not in page
    assert page.count("/me/judgements/") == 3


def test_history_keeps_the_search_over_its_pages(alice, ranked_world, monkeypatch):
    monkeypatch.setattr("annotate.views.mine.HISTORY_A_PAGE", 1)
    page = text(alice.get("/me/history/", {"q": "sky & blue", "campaign": "answers"}))
    assert "Nothing found" in page
    page = text(alice.get("/me/history/", {"q": "sky", "campaign": "answers", "page": "2"}))
    assert "?q=sky&amp;campaign=answers&amp;page=3" in page


@pytest.mark.parametrize(
    "asked",
    [
        {"day": "2026-99-99"},
        {"day": "\0"},
        {"q": "\0" * 9},
        {"q": "x" * 9000},
        {"campaign": "no such"},
        {"page": "999999999999999999999"},
        {"page": "-1"},
        {"q": "%_\\'\""},
    ],
)
def test_history_takes_hostile_searches(alice, ranked_world, asked):
    assert alice.get("/me/history/", asked).status_code == 200


def test_it_shows_what_was_submitted_to_its_author_alone(alice, ranked_world):
    judgement = ranked_world.ranking_tasks[0].judgements.get(annotator=ranked_world.alice)
    address = f"/me/judgements/{judgement.assignment_id}/"
    page = text(alice.get(address))
    assert "Why is the sky blue? (0)" in page
    assert page.count('class="badge busy">rank') == 4
    assert client_of(ranked_world.bob).get(address).status_code == 404


def test_it_shows_what_was_written(alice, world, writing):
    submit_demonstration(assignment_id=writing.pk, annotator=world.alice, text="**Blow.**", reasoning="So.", seconds=9)
    page = text(alice.get(f"/me/judgements/{writing.pk}/"))
    assert "<strong>Blow.</strong>" in page


def test_it_has_nothing_to_show_before_submitting(alice, ranking):
    assert alice.get(f"/me/judgements/{ranking.pk}/").status_code == 404


def test_distressing_prompts_stay_hidden_in_the_history(alice, ranked_world):
    prompt = ranked_world.ranking_tasks[0].prompt
    add_prompt(messages=prompt.messages, by=None, warnings=["violence"])
    judgement = ranked_world.ranking_tasks[0].judgements.get(annotator=ranked_world.alice)
    page = text(alice.get("/me/history/"))
    assert "sky blue? (0)" not in page
    assert "Content warning: Violence" in page
    address = f"/me/judgements/{judgement.assignment_id}/"
    assert "sky blue?" not in text(alice.get(address))
    assert "sky blue? (0)" in text(alice.get(address, {"show": "1"}))


def test_it_brings_notes_and_answers_and_marks_them_as_read(alice, ranked_world):
    judgement = ranked_world.ranking_tasks[0].judgements.get(annotator=ranked_world.alice)
    note = conversation.write_note(judgement_id=judgement.pk, by=ranked_world.carol, text="Well <seen>.")
    question = conversation.ask(
        assignment_id=judgement.assignment_id, annotator=ranked_world.alice, kind="question", text="Why?"
    )
    conversation.answer_question(question_id=question.pk, by=ranked_world.carol, text="Because.")
    page = text(alice.get("/me/feedback/"))
    assert "Well &lt;seen&gt;." in page
    assert "Because." in page
    assert 'title="2 new">2</span>' in page
    alice.post("/me/read/", {"note": note.pk})
    assert Note.objects.get().read_at
    assert not Question.objects.get().read_at
    alice.post("/me/read/", {"all": "1"})
    assert Question.objects.get().read_at


def test_nobody_marks_the_notes_of_somebody_else(ranked_world):
    judgement = ranked_world.ranking_tasks[0].judgements.get(annotator=ranked_world.alice)
    note = conversation.write_note(judgement_id=judgement.pk, by=ranked_world.carol, text="Well seen.")
    for data in ({"note": note.pk}, {"all": "1"}, {"note": "9" * 30}, {"note": "\0"}, {}):
        assert client_of(ranked_world.bob).post("/me/read/", data).status_code == 302
    assert Note.objects.get().read_at is None


def test_it_shows_what_the_gold_says_and_why(alice, ranked_world):
    gold_of(ranked_world.ranking_tasks[0], "reverse", "The last is the truest.")
    assert "The last is the truest." not in text(alice.get("/me/feedback/"))
    end_correction(ranked_world.alice)
    page = text(alice.get("/me/feedback/"))
    assert "The last is the truest." in page
    assert "A · Rank" in page
