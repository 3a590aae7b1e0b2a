"""Reviews: whose tasks appear, for whom, and what comes back to the author."""

import pytest

from annotate.errors import DomainError
from annotate.models import Task
from annotate.review_queries import returned_to, reviews_of
from annotate.services.campaigns import create_campaign, set_campaign_state
from annotate.services.judging import correct
from annotate.services.reviewing import add_review_tasks, fill_review_campaigns
from tests.reviewing import EDITED, correct_with, do_next, held, review_campaign, revision_campaign
from tests.world import add_guideline

pytestmark = pytest.mark.django_db
RETURN = {"decision": "return", "reason": "You cannot whistle with your lips closed."}


@pytest.fixture
def reviewing(world):
    """A campaign that reviews the world's demonstrations."""
    return review_campaign(world, world.writing)


def open_tasks(campaign) -> list[Task]:
    return list(Task.objects.filter(campaign=campaign, withdrawn=False))


def test_it_asks_for_a_review_of_each_demonstration_that_is_there(world):
    first, second = (do_next(world.alice, world.writing, text=text) for text in ("Blow.", "Blow."))
    correct_with(first, text="Blow gently.")
    campaign = review_campaign(world, world.writing)
    texts = [task.completions.get().text for task in open_tasks(campaign)]
    assert sorted(texts) == ["Blow gently.", "Blow."]
    assert add_review_tasks(campaign=campaign) == 0
    assert second.demonstration.review_tasks.count() == 1


def test_it_asks_for_a_review_as_soon_as_something_is_written(world, reviewing):
    judgement = do_next(world.alice, world.writing, text="Blow.")
    (task,) = open_tasks(reviewing)
    assert (task.demonstration, task.prompt, task.k) == (judgement.demonstration, judgement.task.prompt, 1)


def test_it_reviews_revisions_too(world):
    source = revision_campaign(world)
    campaign = review_campaign(world, source)
    do_next(world.alice, source, text=EDITED)
    assert [task.completions.get().text for task in open_tasks(campaign)] == [EDITED]


def test_it_asks_for_two_reviews_of_one_text_that_two_people_wrote(world):
    world.writing.tasks.update(target=2)
    campaign = review_campaign(world, world.writing)
    for user in (world.alice, world.bob):
        do_next(user, world.writing, text="Blow.")
    assert len(open_tasks(campaign)) == 2


def test_it_adds_nothing_to_a_closed_campaign(world, reviewing):
    set_campaign_state(campaign=reviewing, state="closed")
    do_next(world.alice, world.writing, text="Blow.")
    assert open_tasks(reviewing) == []


def test_it_fills_a_campaign_that_was_made_another_way(world):
    do_next(world.alice, world.writing, text="Blow.")
    add_guideline("review")
    fields = {"slug": "made", "name": "Made", "kind": "review", "guideline_slug": "review"}
    campaign = create_campaign(**fields, source=world.writing, by=world.carol)
    assert open_tasks(campaign) == []
    assert fill_review_campaigns() == 1
    assert len(open_tasks(campaign)) == 1


def test_it_never_shows_people_their_own_demonstration(world, reviewing):
    do_next(world.alice, world.writing, text="Blow.")
    assert held(world.alice, reviewing) is None
    assert held(world.bob, reviewing) is not None


def test_it_brings_a_return_back_to_its_author_with_the_reason(world, reviewing):
    do_next(world.alice, world.writing, text="Blow.")
    do_next(world.bob, reviewing, **RETURN)
    (came_back,) = returned_to(annotator=world.alice)
    assert came_back.reason == RETURN["reason"]
    assert returned_to(annotator=world.bob) == []


def test_it_lets_the_author_correct_a_return_after_the_time_for_corrections(world, reviewing):
    world.writing.correction_minutes = 0
    world.writing.save()
    judgement = do_next(world.alice, world.writing, text="Blow.")
    with pytest.raises(DomainError, match="The time to correct this is over"):
        correct_with(judgement, text="Blow gently.")
    do_next(world.bob, reviewing, **RETURN)
    correct_with(judgement, text="Blow gently.")
    assert returned_to(annotator=world.alice) == []


def test_it_asks_for_a_review_of_the_corrected_version_alone(world, reviewing):
    judgement = do_next(world.alice, world.writing, text="Blow.")
    correct_with(judgement, text="Blow gently.")
    assert [task.completions.get().text for task in open_tasks(reviewing)] == ["Blow gently."]


def test_it_takes_a_review_of_a_version_that_was_corrected_meanwhile(world, reviewing):
    judgement = do_next(world.alice, world.writing, text="Blow.")
    held(world.bob, reviewing)
    correct_with(judgement, text="Blow gently.")
    do_next(world.bob, reviewing, **RETURN)
    assert returned_to(annotator=world.alice) == []
    assert [review.reason for review in reviews_of(author=world.alice)] == [RETURN["reason"]]


def test_it_follows_the_newest_review(world):
    campaign = review_campaign(world, world.writing, overlap=2)
    do_next(world.alice, world.writing, text="Blow.")
    do_next(world.bob, campaign, **RETURN)
    assert len(returned_to(annotator=world.alice)) == 1
    do_next(world.outsider, campaign, decision="accept")
    assert returned_to(annotator=world.alice) == []


def test_it_follows_a_reviewer_who_changes_their_mind(world, reviewing):
    do_next(world.alice, world.writing, text="Blow.")
    returned = do_next(world.bob, reviewing, **RETURN)
    correct(judgement_id=returned.pk, annotator=world.bob, answer={"decision": "accept"}, seconds=3.0)
    assert returned_to(annotator=world.alice) == []


def test_it_keeps_an_edit_as_a_revision_by_the_reviewer(world, reviewing):
    judgement = do_next(world.alice, world.writing, text="Blow hard.")
    review = do_next(world.bob, reviewing, decision="edit", reason="Too loud.", text="Blow gently.")
    assert review.review.demonstration == judgement.demonstration
    assert review.demonstration.completion.text == "Blow gently."
    assert review.demonstration.revision.original == judgement.demonstration.completion
    assert review.demonstration.completion.producer.user == world.bob
