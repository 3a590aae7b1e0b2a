"""Writing, revising and reviewing over HTTP: one behaviour each."""

import pytest

from annotate.models import Demonstration
from tests.api.calls import Client, problem
from tests.reviewing import EDITED, ORIGINAL, brief_campaign, do_next, review_campaign, revision_campaign

CHECKLIST = [{"name": "aloud", "label": "I read it aloud"}]
CITATIONS = [{"source": "a songbook", "checked": False}]
MESSAGES = [{"role": "user", "content": "Hum something."}]


def take(client: Client, campaign) -> dict:
    """The client's next task of the campaign."""
    return client.post("/api/v1/tasks/next/", {"campaign": campaign.slug}).json()


def send(client: Client, shown: dict, **answer):
    return client.post(f"/api/v1/assignments/{shown['id']}/submit/", {"seconds": 30, **answer})


def test_it_says_that_a_prompt_is_a_brief_and_takes_the_conversation(world, alice, admin):
    campaign = brief_campaign(world, citations=True, checklist=CHECKLIST)
    shown = take(alice, campaign)
    assert (shown["brief"], shown["checklist"]) == (True, CHECKLIST)
    answer = {"messages": MESSAGES, "text": "Hmm.", "checklist": ["aloud"], "citations": CITATIONS}
    assert send(alice, shown, **answer).status_code == 201
    (row,) = admin.get("/api/v1/judgements/", {"campaign": campaign.slug}).json()["results"]
    written = Demonstration.objects.get().completion
    assert row["demonstration"] == {
        "prompt": written.prompt_id,
        "completion": written.pk,
        "text": "Hmm.",
        "original": None,
        "reasoning": "",
        "checklist": ["aloud"],
        "citations": CITATIONS,
    }
    assert row["prompt"] != written.prompt_id


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"text": "Hmm."}, "Write the prompt, too"),
        ({"text": "Hmm.", "messages": [{"role": "assistant", "content": "Hi"}]}, "must be the user's"),
        ({"text": "Hmm.", "messages": MESSAGES, "citations": CITATIONS}, "does not ask for sources"),
        ({"text": "Hmm.", "messages": MESSAGES, "checklist": ["no_such"]}, "no item named 'no_such'"),
    ],
)
def test_it_refuses_what_the_campaign_does_not_ask(world, alice, answer, sentence):
    document = problem(send(alice, take(alice, brief_campaign(world)), **answer), 422)
    assert sentence in document["detail"]


@pytest.mark.parametrize("messages", ["Hum", [{"role": "user"}], [{"role": "robot", "content": "x"}], [1]])
def test_it_refuses_messages_of_another_shape(world, alice, messages):
    response = send(alice, take(alice, brief_campaign(world)), text="Hmm.", messages=messages)
    assert response.status_code in (400, 422)
    assert not Demonstration.objects.exists()


def test_it_hands_out_the_text_to_improve(world, alice, admin):
    campaign = revision_campaign(world)
    shown = take(alice, campaign)
    assert [row["text"] for row in shown["completions"]] == [ORIGINAL]
    assert "as it was" in problem(send(alice, shown, text=ORIGINAL), 422)["detail"]
    assert send(alice, shown, text=EDITED).status_code == 201
    (row,) = admin.get("/api/v1/judgements/", {"campaign": campaign.slug}).json()["results"]
    assert row["demonstration"]["original"] == shown["completions"][0]["id"]


def test_it_hands_out_a_demonstration_to_review_without_its_author(world, as_user, admin):
    campaign = review_campaign(world, world.writing)
    written = do_next(world.alice, world.writing, text="Hum.", reasoning="From practice.")
    bob = as_user(world.bob)
    shown = take(bob, campaign)
    assert [row["text"] for row in shown["completions"]] == ["Hum."]
    assert shown["written_beside"] == {"reasoning": "From practice.", "citations": [], "ticked": []}
    assert "alice" not in str(shown)
    assert send(bob, shown, decision="return", reason="That is humming.").status_code == 201
    (row,) = admin.get("/api/v1/judgements/", {"campaign": campaign.slug}).json()["results"]
    assert row["review"] == {"judgement": written.pk, "decision": "return", "reason": "That is humming."}
