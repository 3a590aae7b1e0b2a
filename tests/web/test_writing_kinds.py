"""Writing prompts, revising and reviewing, without any script."""

import pytest

from annotate.models import Demonstration, Review
from annotate.services.judging import submit
from tests.reviewing import EDITED, ORIGINAL, brief_campaign, do_next, held, review_campaign, revision_campaign
from tests.web.conftest import client_of

CHECKLIST = [{"name": "aloud", "label": "I read it aloud"}]
RETURN = {"decision": "return", "reason": "You cannot whistle with your lips closed."}


def page_of(user, campaign) -> str:
    return f"/work/{held(user, campaign).pk}/"


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def reviewing(world):
    """A campaign that reviews the world's demonstrations."""
    return review_campaign(world, world.writing)


def test_it_asks_for_the_whole_conversation_of_a_brief(alice, world):
    page = text_of(alice.get(page_of(world.alice, brief_campaign(world))))
    assert [f'name="turn-{number}"' in page for number in range(4)] == [True, True, True, False]
    assert "<h2>Brief</h2>" in page


def test_it_stores_the_conversation_that_was_written(alice, world):
    posted = {"turn-0": "Hum.\r\n", "turn-1": "", "turn-2": "", "text": "Hmm.", "seconds": "9"}
    alice.post(page_of(world.alice, brief_campaign(world)), posted)
    assert Demonstration.objects.get().completion.prompt.messages == [{"role": "user", "content": "Hum."}]


def test_it_keeps_every_turn_when_one_is_missing(alice, world):
    posted = {"turn-0": "Hum.", "turn-1": "", "turn-2": "Louder!", "text": "Hmm.", "seconds": "9"}
    response = alice.post(page_of(world.alice, brief_campaign(world)), posted)
    assert response.status_code == 422
    assert "Message 2 has no content" in text_of(response)
    assert "Louder!</textarea>" in text_of(response)


def test_it_keeps_ticks_and_sources_in_a_draft(alice, world):
    address = page_of(world.alice, brief_campaign(world, citations=True, checklist=CHECKLIST))
    posted = {"checklist": "aloud", "source-1": "a songbook", "checked-1": "on", "turn-0": "Hum", "seconds": "3"}
    alice.post(f"{address}draft/", posted)
    page = text_of(alice.get(address))
    assert 'value="a songbook"' in page
    assert 'name="checked-0" value="on" checked' in page
    assert 'name="checklist" value="aloud" checked' in page
    assert "Hum</textarea>" in page


def test_it_survives_a_draft_of_another_shape(alice, world):
    assignment = held(world.alice, brief_campaign(world, citations=True, checklist=CHECKLIST))
    assignment.draft = {"messages": [1, {"content": 2}], "citations": ["x", {"source": 3}], "checklist": 5, "text": 7}
    assignment.save()
    assert alice.get(f"/work/{assignment.pk}/").status_code == 200


def test_it_names_the_item_that_is_not_ticked(alice, world):
    campaign = brief_campaign(world, checklist=CHECKLIST)
    response = alice.post(page_of(world.alice, campaign), {"turn-0": "Hum.", "text": "Hmm.", "seconds": "9"})
    assert "Not ticked yet: “I read it aloud”" in text_of(response)


def test_it_shows_a_revision_its_original_as_text_to_edit(alice, world):
    address = page_of(world.alice, revision_campaign(world))
    assert f"{ORIGINAL}</textarea>" in alice.get(address).content.decode()
    alice.post(address, {"text": EDITED, "seconds": "9"})
    assert Demonstration.objects.get().revision.original.text == ORIGINAL


def test_it_shows_what_an_edit_changes(alice, world):
    address = page_of(world.alice, revision_campaign(world))
    shown = text_of(alice.post(f"{address}changes/", {"text": ORIGINAL.replace("hard", "<b>softly")}))
    assert "1 word added, 1 word cut" in shown
    assert "<del>hard</del><ins>&lt;b&gt;softly</ins>" in shown


def test_it_shows_nobody_the_changes_of_another_persons_task(world):
    address = page_of(world.alice, revision_campaign(world))
    assert client_of(world.bob).post(f"{address}changes/", {"text": "x"}).status_code == 404


def test_it_shows_a_reviewer_the_demonstration_without_its_author(world, reviewing):
    writing = held(world.alice, world.writing)
    answer = {"text": "Blow **softly**.", "reasoning": "From practice."}
    submit(assignment_id=writing.pk, annotator=world.alice, answer=answer, seconds=9.0)
    page = text_of(client_of(world.bob).get(page_of(world.bob, reviewing)))
    assert "<strong>softly</strong>" in page
    assert "From practice." in page
    assert "alice" not in page.lower()


def test_it_stores_each_decision(world, reviewing):
    bob = client_of(world.bob)
    for text in ("Hum.", "Blow hard."):
        do_next(world.alice, world.writing, text=text)
    bob.post(page_of(world.bob, reviewing), {**RETURN, "text": "Hum.", "seconds": "9"})
    edit = {"decision": "edit", "reason": "Too loud.", "text": "Blow.", "seconds": "9"}
    bob.post(page_of(world.bob, reviewing), edit)
    assert list(Review.objects.order_by("pk").values_list("decision", flat=True)) == ["return", "edit"]
    assert Demonstration.objects.last().completion.text == "Blow."


def test_it_asks_a_reviewer_for_the_reason(world, reviewing):
    do_next(world.alice, world.writing, text="Hum.")
    response = client_of(world.bob).post(page_of(world.bob, reviewing), {"decision": "return", "seconds": "9"})
    assert response.status_code == 422
    assert "Say why, in a few words; its author reads it." in text_of(response)


def test_it_tells_the_author_on_the_first_page_and_where_they_correct_it(alice, world, reviewing):
    judgement = do_next(world.alice, world.writing, text="Hum.")
    assert "came back to you" not in text_of(alice.get("/"))
    do_next(world.bob, reviewing, **RETURN)
    home = text_of(alice.get("/"))
    address = f"/work/{judgement.assignment_id}/correct/"
    assert "1 demonstration came back to you" in home
    assert RETURN["reason"] in home
    assert f'href="{address}"' in home
    page = text_of(alice.get(address))
    assert "A reviewer returned this to you." in page
    assert RETURN["reason"] in page
    alice.post(address, {"text": "Blow.", "judgement": judgement.pk, "seconds": "9"})
    assert "came back to you" not in text_of(alice.get("/"))


def test_it_shows_a_reviewer_what_they_decided_when_they_correct_it(world, reviewing):
    do_next(world.alice, world.writing, text="Hum.")
    review = do_next(world.bob, reviewing, **RETURN)
    page = text_of(client_of(world.bob).get(f"/work/{review.assignment_id}/correct/"))
    assert 'value="return" form="judgement" checked' in page
    assert "Hum.</textarea>" in page


def test_it_shows_admins_what_was_written_what_changed_and_what_reviewers_said(world, carol):
    source = revision_campaign(world, citations=True)
    campaign = review_campaign(world, source)
    cited = [{"source": "https://a.example/x", "checked": True}, {"source": "a songbook", "checked": False}]
    written = do_next(world.alice, source, text=EDITED, reasoning="Than is not then.", citations=cited)
    review = do_next(world.bob, campaign, **RETURN)
    page = text_of(carol.get(f"/agreement/tasks/{written.task_id}/"))
    assert "<del>and than</del>" in page
    assert "Than is not then." in page
    assert 'href="https://a.example/x"' in page
    assert 'a songbook</bdi> <span class="badge warn">not checked' in page
    assert RETURN["reason"] in page
    page = text_of(carol.get(f"/agreement/tasks/{review.task_id}/"))
    assert '<span class="badge warn">Return</span>' in page


def test_it_shows_admins_the_conversation_that_was_written(world, carol):
    messages = [{"role": "user", "content": "Hum **something**."}]
    written = do_next(world.alice, brief_campaign(world), messages=messages, text="Hmm.")
    page = text_of(carol.get(f"/agreement/tasks/{written.task_id}/"))
    assert "Hum <strong>something</strong>." in page
    assert "Somebody asks about music." in page


def test_it_makes_no_link_of_a_source_that_is_no_address(world, carol):
    campaign = brief_campaign(world, citations=True)
    messages = [{"role": "user", "content": "Hum."}]
    cited = [{"source": "javascript:alert(1)", "checked": True}, {"source": "https://a b", "checked": True}]
    written = do_next(world.alice, campaign, messages=messages, text="Hmm.", citations=cited)
    page = text_of(carol.get(f"/agreement/tasks/{written.task_id}/"))
    assert "<bdi>javascript:alert(1)</bdi>" in page
    assert "<bdi>https://a b</bdi>" in page
