"""What a snapshot says each vote weighs, and how sure all of them make one of a pair."""

import math

import numpy as np
import pytest

from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit
from annotate.weight_queries import pair_accuracy
from tests.reviewing import EDITED, do_next, revision_campaign
from tests.services.test_skills import add_gold, answer
from tests.training.conftest import rank
from tests.training.test_snapshots import frozen, rows
from training.exporting import Sureness
from training.services.snapshots import freeze_snapshot, request_snapshot
from training.weighing import Votes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]


def answer_gold(world, n: int = 6) -> None:
    """Alice ranks gold as it is known, bob the other way round, now and then with a slip."""
    for number in range(n):
        task = add_gold(world)
        answer(task, world.alice, (1, 3, 2) if number == 2 else (1, 2, 3))
        answer(task, world.bob, (2, 1, 3) if number == 4 else (3, 2, 1))


def texts(row: dict) -> tuple[str, str]:
    return row["chosen"][0]["content"], row["rejected"][0]["content"]


def test_without_gold_all_weigh_the_same(judged):
    snapshot = frozen(judged)
    assert {row["weight"] for table in ("rankings", "comparisons") for row in rows(snapshot, table)} == {1.0}
    assert snapshot.manifest["weights"] == {
        "method": "equal",
        "n_gold": 0,
        "annotators_with_gold": 0,
        "annotators": 2,
        "n_pairs": 265,
        "scale": round(math.log(3), 6),
    }


def test_it_weighs_votes_by_gold(world):
    answer_gold(world)
    for task in world.ranking_tasks:
        rank(world.alice, task, [1, 2, 3, 4])
    rank(world.bob, world.ranking_tasks[0], [1, 2, 2, 3])
    snapshot = frozen(world)
    weight = {row["annotator"]: row["weight"] for row in rows(snapshot, "rankings")}
    comparisons = rows(snapshot, "comparisons")
    assert {(row["annotator"], row["weight"]) for row in comparisons} == set(weight.items())
    assert np.mean([row["weight"] for row in comparisons]) == pytest.approx(1, abs=1e-6)
    # Bob is mostly wrong on gold: shrunk, and still below chance.
    assert weight[world.bob.pseudonym] == 0.0
    accuracy = pair_accuracy().of(world.alice.pk).value
    assert snapshot.manifest["weights"] == {
        "method": "gold",
        "n_gold": 12,
        "annotators_with_gold": 2,
        "annotators": 2,
        "n_pairs": 3 * 6 + 5,
        "scale": pytest.approx(math.log(accuracy / (1 - accuracy)) * 18 / 23, abs=1e-6),
    }


def test_the_posterior_follows_from_the_votes_and_their_weights(world):
    for number in range(4):
        task = add_gold(world)
        answer(task, world.alice)
        answer(task, world.bob, (2, 1, 3) if number else (1, 2, 3))
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    rank(world.bob, world.ranking_tasks[0], [2, 1, 3, 3])
    rank(world.outsider, world.ranking_tasks[1], [1, 2, 3, 4])
    snapshot = frozen(world)
    scale = snapshot.manifest["weights"]["scale"]
    weight = {row["annotator"]: row["weight"] for row in rows(snapshot, "rankings")}
    alice, bob, other = (weight[person.pseudonym] for person in (world.alice, world.bob, world.outsider))
    assert alice > other > bob > 0  # of the outsider nothing is known but the pool
    comparisons = rows(snapshot, "comparisons")
    found = {(row["annotator"], *texts(row)): (row["posterior"], row["n_votes"]) for row in comparisons}

    def chance(margin: float) -> float:
        return pytest.approx(1 / (1 + math.exp(-scale * margin)), abs=2e-6)

    a, b, c, d = (f"Answer 0{letter} with **weight**." for letter in "abcd")
    assert found[world.alice.pseudonym, a, b] == (chance(alice - bob), 2)
    assert found[world.bob.pseudonym, b, a] == (chance(bob - alice), 2)
    assert found[world.alice.pseudonym, a, c] == found[world.bob.pseudonym, a, c] == (chance(alice + bob), 2)
    assert found[world.alice.pseudonym, c, d] == (chance(alice), 2)
    assert (world.bob.pseudonym, c, d) not in found  # a tie votes, and is no row
    assert found[world.outsider.pseudonym, "Answer 1a with **weight**.", "Answer 1b with **weight**."] == (
        chance(other),
        1,
    )


def test_the_same_judgements_have_the_same_hash_and_more_gold_another(judged):
    answer_gold(judged)
    first = frozen(judged)
    assert frozen(judged).sha256 == first.sha256
    answer(add_gold(judged), judged.alice)
    assert frozen(judged).sha256 != first.sha256


def test_gold_that_is_judged_after_a_snapshot_was_asked_for_does_not_count(judged):
    snapshot = request_snapshot(campaigns=[judged.ranking], by=judged.carol)
    answer_gold(judged)
    freeze_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    assert snapshot.manifest["weights"]["method"] == "equal"


def test_who_says_that_they_cannot_be_ranked_has_no_vote(world):
    task = world.ranking_tasks[0]
    rank(world.alice, task, [1, 2, 3, 4])
    held = claim_next_task(annotator=world.bob, campaign=world.ranking)
    said = {"verdict": "cannot_rank", "reason": "All cut off."}
    submit(assignment_id=held.pk, annotator=world.bob, answer=said, seconds=1.0)
    assert {row["n_votes"] for row in rows(frozen(world), "comparisons")} == {1}


def test_an_edited_text_is_one_vote_of_weight_one(world):
    answer_gold(world)
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    campaign = revision_campaign(world)
    do_next(world.bob, campaign, text=EDITED, reasoning="Than is not then.")
    snapshot = frozen(world, world.ranking, campaign)
    (row,) = [row for row in rows(snapshot, "comparisons") if texts(row)[0] == EDITED]
    chance = 1 / (1 + math.exp(-snapshot.manifest["weights"]["scale"]))
    assert (row["weight"], row["n_votes"]) == (1.0, 1)
    assert row["posterior"] == pytest.approx(chance, abs=1e-6)


def test_it_pools_the_votes_of_a_task_and_not_of_others():
    columns = [
        (1, 7, 1, 10, 1),
        (1, 7, 1, 11, 2),
        (2, 8, 1, 11, 1),
        (2, 8, 1, 10, 2),
        (3, 8, 2, 10, 1),
        (3, 8, 2, 11, 2),
    ]
    votes = Votes.of(np.array(columns), {7: 0.9, 8: 0.75})
    # Two strict pairs by 8 and one by 7: the mean log-odds is (log 9 + 2 log 3) / 3.
    assert votes.weights.scale == pytest.approx(4 * math.log(3) / 3)
    assert votes.sureness(1, [10, 11]) == (Sureness(pytest.approx(0.75), 2),)  # log 9 - log 3 = log 3
    assert votes.sureness(2, [10, 11]) == (Sureness(pytest.approx(0.75), 1),)


def test_there_may_be_no_votes_at_all():
    votes = Votes.of(np.zeros((0, 5), np.int64), None)
    assert votes.of_one == Sureness(0.75, 1)
