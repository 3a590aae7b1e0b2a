"""Ratings, flags and marked passages in a snapshot: one row for each completion, nothing lost."""

import pytest

from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit
from tests.rating import ANSWERS, add_rating_campaign, rate
from tests.training.test_snapshots import frozen, rows

SPAN = {"start": 4, "end": 7, "type": "untrue", "severity": "minor", "note": "Not mine"}


@pytest.fixture
def campaign(world):
    return add_rating_campaign(world)


def test_it_gives_a_row_for_each_rated_completion(world, campaign, sent):
    first = campaign.tasks.first().completions.get(text=ANSWERS[0])
    judgement = rate(world.alice, campaign, flags={first.pk: ["sycophancy"]}, spans={first.pk: [SPAN]}, rationale="So.")
    found = {row["completion"][0]["content"]: row for row in rows(frozen(world, campaign), "ratings")}
    assert set(found) == set(ANSWERS)
    row = found[ANSWERS[0]]
    assert row["ratings"] == [{"axis": axis, "value": 3} for axis in ("harmless", "helpful", "truthful")]
    assert (row["flags"], row["rationale"], row["producer"]) == (["sycophancy"], "So.", "model-0")
    assert row["spans"] == [{**SPAN, "text": "sky"}]
    assert (row["judgement"], row["annotator"]) == (str(judgement.pk), world.alice.pseudonym)
    assert found[ANSWERS[1]]["flags"] == []


def test_it_gives_the_same_ratings_the_same_hash(world, campaign, sent):
    rate(world.alice, campaign)
    first, second = frozen(world, campaign), frozen(world, campaign)
    assert first.sha256 == second.sha256
    rate(world.bob, campaign)
    assert frozen(world, campaign).sha256 != first.sha256


def test_it_keeps_what_a_ranking_says_beside_its_ranks(world, sent):
    form = {"axes": "overall7", "strength": True, "behaviour": True}
    campaign = add_rating_campaign(world, kind="ranking", form=form)
    held = claim_next_task(annotator=world.alice, campaign=campaign)
    a, b = held.shown_order
    answer = {
        "ranks": {a: 1, b: 2},
        "strength": 3,
        "behaviour": "careful",
        "ratings": {a: {"overall": 6}, b: {"overall": 2}},
    }
    submit(assignment_id=held.pk, annotator=world.alice, answer=answer, seconds=9.0)
    snapshot = frozen(world, campaign)
    (ranking,) = rows(snapshot, "rankings")
    assert (ranking["strength"], ranking["behaviour"], ranking["verdict"]) == (3, "careful", "")
    assert sorted(row["ratings"][0]["value"] for row in rows(snapshot, "ratings")) == [2, 6]
    assert len(rows(snapshot, "comparisons")) == 1


def test_a_verdict_without_ranks_adds_no_comparison_and_is_not_lost(world, sent):
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    answer = {"verdict": "cannot_rank", "reason": "All in Greek"}
    submit(assignment_id=held.pk, annotator=world.alice, answer=answer, seconds=9.0)
    snapshot = frozen(world, world.ranking)
    assert rows(snapshot, "rankings") == rows(snapshot, "comparisons") == []
    assert {(row["verdict"], row["reason"]) for row in rows(snapshot, "ratings")} == {("cannot_rank", "All in Greek")}


def test_a_plain_ranking_adds_no_ratings(judged, sent):
    assert rows(frozen(judged), "ratings") == []
