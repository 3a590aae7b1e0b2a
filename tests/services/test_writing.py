"""Writing prompts, demonstrations and revisions."""

import pytest

from annotate.errors import DomainError
from annotate.models import Completion, Demonstration, Prompt
from annotate.services.corpus import person_as_producer
from annotate.services.records import answer_of
from tests.reviewing import EDITED, ORIGINAL, brief_campaign, do_next, held, review_campaign, revision_campaign

pytestmark = pytest.mark.django_db
CONVERSATION = [
    {"role": "user", "content": "Hum something."},
    {"role": "assistant", "content": "Hmmm."},
    {"role": "user", "content": "Louder!"},
]


def test_it_makes_the_prompt_that_was_written_and_the_answer_under_it(world):
    campaign = brief_campaign(world)
    judgement = do_next(world.alice, campaign, messages=CONVERSATION, text="HMMM.")
    written = judgement.demonstration.completion
    assert written.prompt.messages == CONVERSATION
    assert written.prompt.created_by == world.alice
    assert judgement.task.prompt.messages[0]["content"] == "Somebody asks about music."


def test_it_puts_two_answers_to_the_same_written_prompt_under_one_prompt(world):
    campaign = brief_campaign(world)
    first, second = (do_next(user, campaign, messages=CONVERSATION, text="HMMM.") for user in (world.alice, world.bob))
    assert first.demonstration.completion.prompt == second.demonstration.completion.prompt
    assert Prompt.objects.filter(messages=CONVERSATION).count() == 1
    assert Completion.objects.filter(text="HMMM.").count() == 2


def test_it_writes_nothing_when_the_prompt_is_missing(world):
    campaign = brief_campaign(world)
    with pytest.raises(DomainError, match="Write the prompt, too"):
        do_next(world.alice, campaign, text="HMMM.")
    assert not Demonstration.objects.exists()
    assert held(world.alice, campaign).state == "claimed"


def test_it_reads_back_what_was_submitted(world):
    campaign = brief_campaign(world, citations=True, checklist=[{"name": "aloud", "label": "I read it aloud"}])
    answer = {
        "messages": CONVERSATION,
        "text": "HMMM.",
        "reasoning": "Louder is in capitals.",
        "checklist": ["aloud"],
        "citations": [{"source": "a songbook", "checked": False}],
    }
    assert answer_of(do_next(world.alice, campaign, **answer)) == answer


def test_it_stores_a_revision_beside_its_original_with_the_difference(world):
    judgement = do_next(world.alice, revision_campaign(world), text=EDITED)
    revision = judgement.demonstration.revision
    assert revision.original.text == ORIGINAL
    assert judgement.demonstration.completion.prompt == revision.original.prompt
    assert f"-{ORIGINAL}\n+{EDITED}" in revision.diff


def test_it_refuses_a_revision_that_changes_nothing(world):
    with pytest.raises(DomainError, match="The text is as it was"):
        do_next(world.alice, revision_campaign(world), text=f" {ORIGINAL}\n")


def test_it_never_gives_people_their_own_text_to_revise(world):
    campaign = revision_campaign(world)
    for task in campaign.tasks.all():
        completion = task.completions.get()
        Completion.objects.filter(pk=completion.pk).update(producer=person_as_producer(user=world.alice))
    assert held(world.alice, campaign) is None
    assert held(world.bob, campaign) is not None


def test_it_refuses_a_review_of_a_campaign_where_nothing_is_written(world):
    with pytest.raises(DomainError, match="Only demonstrations and revisions are reviewed; Rank answers has none"):
        review_campaign(world, world.ranking)
