"""What a snapshot makes of revisions and of reviews: the edited text over its original, and no returned one."""

import pytest

from annotate.errors import DomainError
from annotate.services.judging import correct
from tests.reviewing import EDITED, ORIGINAL, brief_campaign, correct_with, do_next, review_campaign, revision_campaign
from tests.training.test_snapshots import frozen, rows
from training.exporting import split_of
from training.services.snapshots import request_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
EDIT = {"decision": "edit", "reason": "Too loud.", "text": "Blow gently."}
RETURN = {"decision": "return", "reason": "That is humming."}


@pytest.fixture
def reviewing(world):
    """A campaign that reviews the world's demonstrations."""
    return review_campaign(world, world.writing)


def said(snapshot, table: str = "demonstrations") -> list[str]:
    return [row["messages"][-1]["content"] for row in rows(snapshot, table)]


def pairs(snapshot) -> list[tuple[str, str]]:
    return [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows(snapshot, "comparisons")]


def test_it_exports_a_revision_as_demonstration_and_as_comparison(world):
    campaign = revision_campaign(world)
    judgement = do_next(world.alice, campaign, text=EDITED, reasoning="Than is not then.")
    snapshot = frozen(world, campaign)
    (row,) = rows(snapshot, "demonstrations")
    assert (row["messages"][-1]["content"], row["reasoning"]) == (EDITED, "Than is not then.")
    assert pairs(snapshot) == [(EDITED, ORIGINAL)]
    assert {row["judgement"] for table in ("demonstrations", "comparisons") for row in rows(snapshot, table)} == {
        str(judgement.pk)
    }


def test_it_exports_the_prompt_that_was_written_and_splits_by_it(world):
    campaign = brief_campaign(world)
    messages = [{"role": "user", "content": "Hum something."}]
    written = do_next(world.alice, campaign, messages=messages, text="Hmmm.").demonstration.completion.prompt
    snapshot = frozen(world, campaign)
    (row,) = rows(snapshot, "demonstrations")
    assert row["messages"] == [*messages, {"role": "assistant", "content": "Hmmm."}]
    assert row["prompt_sha256"] == written.sha256
    assert snapshot.manifest["counts"]["demonstrations"][split_of(written.sha256)] == 1


def test_it_leaves_out_what_its_newest_review_returned(world, reviewing):
    for text in ("Hum.", "Blow."):
        do_next(world.alice, world.writing, text=text)
    do_next(world.bob, reviewing, **RETURN)
    do_next(world.bob, reviewing, decision="accept")
    snapshot = frozen(world, world.writing)
    assert said(snapshot) == ["Blow."]
    assert snapshot.manifest["reviews"] == {"accept": 1, "edit": 0, "return": 1}


def test_it_exports_a_corrected_return_again(world, reviewing):
    judgement = do_next(world.alice, world.writing, text="Hum.")
    do_next(world.bob, reviewing, **RETURN)
    correct_with(judgement, text="Blow.")
    assert said(frozen(world, world.writing)) == ["Blow."]


def test_it_exports_an_edit_as_the_reviewers_text_and_as_a_comparison(world, reviewing):
    do_next(world.alice, world.writing, text="Blow hard.")
    review = do_next(world.bob, reviewing, **EDIT)
    snapshot = frozen(world, world.writing, reviewing)
    (row,) = rows(snapshot, "demonstrations")
    assert row["messages"][-1]["content"] == "Blow gently."
    assert (row["judgement"], row["annotator"]) == (str(review.pk), world.bob.pseudonym)
    assert pairs(snapshot) == [("Blow gently.", "Blow hard.")]


def test_it_counts_reviews_whether_or_not_their_campaign_is_named(world, reviewing):
    do_next(world.alice, world.writing, text="Blow hard.")
    do_next(world.bob, reviewing, **EDIT)
    both, source = frozen(world, world.writing, reviewing), frozen(world, world.writing)
    assert both.sha256 == source.sha256


def test_it_says_so_when_only_a_campaign_of_reviews_is_named(world, reviewing):
    do_next(world.alice, world.writing, text="Blow hard.")
    do_next(world.bob, reviewing, decision="accept")
    with pytest.raises(DomainError, match="reviewing only reviews what others wrote"):
        request_snapshot(campaigns=[reviewing], by=world.carol)


def test_it_keeps_the_reviews_that_counted_when_the_snapshot_was_asked_for(world, reviewing):
    do_next(world.alice, world.writing, text="Blow hard.")
    edited = do_next(world.bob, reviewing, **EDIT)
    before = frozen(world, world.writing)
    correct(judgement_id=edited.pk, annotator=world.bob, answer=RETURN, seconds=2.0)
    do_next(world.outsider, world.writing, text="Whistle.")
    after = frozen(world, world.writing)
    assert (said(before), said(after)) == (["Blow gently."], ["Whistle."])


def test_it_fails_with_a_sentence_when_everything_was_returned(world, reviewing):
    do_next(world.alice, world.writing, text="Hum.")
    do_next(world.bob, reviewing, **RETURN)
    snapshot = frozen(world, world.writing)
    assert (snapshot.state, "gives no rows" in snapshot.message) == ("failed", True)
