"""What a snapshot makes of the decisions of experts: each one row set in the place of the task's judgements."""

import math
from itertools import combinations

import pytest

from annotate.models import Judgement, Task
from annotate.services.adjudicating import decide, take_back
from tests.rating import add_rating_campaign, rate, values_for
from tests.reviewing import EDITED, ORIGINAL, do_next, review_campaign, revision_campaign
from tests.services.test_skills import add_gold, answer
from tests.training.conftest import rank
from tests.training.test_snapshots import frozen, rows
from tests.training.test_step_labels import proofs  # noqa: F401 (a fixture)
from training.services.snapshots import freeze_snapshot, request_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sent")]
RANKS = (3, 1, 2, 2)


@pytest.fixture
def disputed(world):
    """Alice and Bob rank two tasks, the first in opposite orders."""
    rank(world.alice, world.ranking_tasks[0], [1, 2, 3, 4])
    rank(world.bob, world.ranking_tasks[0], [4, 3, 2, 1])
    for person in (world.alice, world.bob):
        rank(person, world.ranking_tasks[1], [1, 2, 3, 4])
    return world


def settle(world, task: Task, ranks=RANKS, *, cause: str = "factual", **fields):
    ids = task.completions.order_by("task_completions__position").values_list("pk", flat=True)
    said = {"ranks": dict(zip(ids, ranks, strict=True)), **fields.pop("answer", {})} if ranks else fields.pop("answer")
    return decide(task_id=task.pk, by=world.carol, answer=said, cause=cause, **fields)


def of_task(snapshot, table: str, task: Task) -> list[dict]:
    return [row for row in rows(snapshot, table) if row["prompt_sha256"] == task.prompt.sha256]


def test_a_decision_stands_in_for_the_rankings_of_its_task(disputed):
    task = disputed.ranking_tasks[0]
    made = settle(disputed, task)
    snapshot = frozen(disputed)
    (row,) = of_task(snapshot, "rankings", task)
    assert row["ranks"] == list(RANKS)
    assert (row["judgement"], row["annotator"]) == (f"decision-{made.pk}", disputed.carol.pseudonym)
    assert (row["decision"], row["seconds"]) == ("factual", None)
    pairs = of_task(snapshot, "comparisons", task)
    assert len(pairs) == 5  # six pairs, one a tie
    assert {pair["decision"] for pair in pairs} == {"factual"}
    others = of_task(snapshot, "rankings", disputed.ranking_tasks[1])
    assert [other["decision"] for other in others] == ["", ""]


def test_the_manifest_says_what_was_decided(disputed):
    settle(disputed, disputed.ranking_tasks[0])
    assert frozen(disputed).manifest["decisions"] == {
        "tasks": 1,
        "judgements_replaced": 2,
        "experts": 1,
        "causes": {"style": 0, "underspecified": 0, "factual": 1, "safety": 0, "other": 0},
    }


def test_a_decision_about_what_is_right_weighs_as_all_that_it_stands_in_for(disputed):
    settle(disputed, disputed.ranking_tasks[0])
    snapshot = frozen(disputed)
    (row,) = of_task(snapshot, "rankings", disputed.ranking_tasks[0])
    assert row["weight"] == 2.0
    sure = 1 / (1 + math.exp(-2 * snapshot.manifest["weights"]["scale"]))
    for pair in of_task(snapshot, "comparisons", disputed.ranking_tasks[0]):
        assert (pair["weight"], pair["n_votes"]) == (2.0, 2)
        assert pair["posterior"] == pytest.approx(sure, abs=1e-6)


@pytest.mark.parametrize("cause", ["style", "underspecified", "other"])
def test_a_decision_where_nobody_was_wrong_is_one_vote(disputed, cause):
    settle(disputed, disputed.ranking_tasks[0], cause=cause)
    snapshot = frozen(disputed)
    (row,) = of_task(snapshot, "rankings", disputed.ranking_tasks[0])
    assert (row["weight"], row["decision"]) == (1.0, cause)
    pairs = of_task(snapshot, "comparisons", disputed.ranking_tasks[0])
    assert {pair["posterior"] for pair in pairs} == {0.75}


def test_a_decision_weighs_no_less_than_one_vote_whoever_it_stands_in_for(disputed):
    for _ in range(4):
        task = add_gold(disputed)
        for person in (disputed.alice, disputed.bob):
            answer(task, person, (3, 2, 1))  # always wrong on gold
    settle(disputed, disputed.ranking_tasks[0])
    snapshot = frozen(disputed)
    (row,) = of_task(snapshot, "rankings", disputed.ranking_tasks[0])
    assert row["weight"] >= 1.0
    assert all(pair["posterior"] >= 0.75 for pair in of_task(snapshot, "comparisons", disputed.ranking_tasks[0]))


def test_a_task_that_an_expert_cannot_rank_gives_no_pairs_and_keeps_the_cause(disputed):
    task = disputed.ranking_tasks[0]
    said = {"verdict": "cannot_rank", "reason": "Nobody can know what is asked."}
    settle(disputed, task, ranks=None, cause="underspecified", answer=said)
    snapshot = frozen(disputed)
    assert of_task(snapshot, "rankings", task) == of_task(snapshot, "comparisons", task) == []
    verdicts = of_task(snapshot, "ratings", task)
    assert [(row["verdict"], row["decision"]) for row in verdicts] == [("cannot_rank", "underspecified")] * 4
    assert snapshot.manifest["decisions"]["causes"]["underspecified"] == 1


def test_decisions_count_as_they_stood_when_the_snapshot_was_asked_for(disputed):
    task = disputed.ranking_tasks[0]
    undecided = request_snapshot(campaigns=[disputed.ranking], by=disputed.carol)
    first = settle(disputed, task)
    decided = request_snapshot(campaigns=[disputed.ranking], by=disputed.carol)
    second = settle(disputed, task, ranks=(1, 2, 3, 4), supersedes=first.pk)
    corrected = request_snapshot(campaigns=[disputed.ranking], by=disputed.carol)
    take_back(adjudication_id=second.pk, by=disputed.carol, note="I misread it.")
    taken_back = request_snapshot(campaigns=[disputed.ranking], by=disputed.carol)
    found = []
    for snapshot in (undecided, decided, corrected, taken_back):
        freeze_snapshot(snapshot_id=snapshot.pk)
        snapshot.refresh_from_db()
        found.append([row["judgement"] for row in of_task(snapshot, "rankings", task)])
    said = [str(pk) for pk in Judgement.objects.filter(task=task).values_list("pk", flat=True)]
    assert found == [said, [f"decision-{first.pk}"], [f"decision-{second.pk}"], said]


def test_the_same_decisions_have_the_same_hash(disputed):
    settle(disputed, disputed.ranking_tasks[0])
    assert frozen(disputed).sha256 == frozen(disputed).sha256


def test_a_decided_task_that_becomes_gold_trains_nothing(disputed):
    task = disputed.ranking_tasks[0]
    settle(disputed, task)
    Task.objects.filter(pk=task.pk).update(purpose=Task.Purpose.GOLD)
    snapshot = frozen(disputed)
    assert of_task(snapshot, "rankings", task) == []
    assert snapshot.manifest["decisions"]["tasks"] == 0


def test_it_exports_decided_ratings(world):
    campaign = add_rating_campaign(world)
    for person in (world.alice, world.bob):
        rate(person, campaign)
    task = campaign.tasks.first()
    said = {"ratings": values_for(campaign, task, 1)}
    decide(task_id=task.pk, by=world.carol, answer=said, cause="safety")
    found = of_task(frozen(world, campaign), "ratings", task)
    assert len(found) == task.completions.count()
    assert {value["value"] for row in found for value in row["ratings"]} == {1}
    assert {row["decision"] for row in found} == {"safety"}


def test_it_exports_decided_steps(world, proofs):  # noqa: F811
    said = {"labels": ["good", "good", "bad"]}
    decide(task_id=proofs.tasks.get().pk, by=world.carol, answer=said, cause="factual")
    (row,) = rows(frozen(world, proofs), "steps")
    assert (row["verdicts"], row["decision"]) == (said["labels"], "factual")


@pytest.fixture
def reviewed(world):
    """A revision that Bob wrote, and a review of it by Alice, who accepts it."""
    campaign = revision_campaign(world)
    do_next(world.bob, campaign, text=EDITED, reasoning="Than is not then.")
    reviewing = review_campaign(world, campaign)
    do_next(world.alice, reviewing, decision="accept")
    return campaign, reviewing.tasks.get()


def test_a_decision_about_reviews_decides_what_becomes_of_the_text(world, reviewed):
    campaign, task = reviewed
    better = {"decision": "edit", "reason": "Too loud.", "text": "Blow softly."}
    first = decide(task_id=task.pk, by=world.carol, answer=better, cause="style")
    snapshot = frozen(world, campaign)
    (row,) = rows(snapshot, "demonstrations")
    assert row["messages"][-1]["content"] == "Blow softly."
    assert (row["judgement"], row["decision"]) == (f"decision-{first.pk}", "style")
    (pair,) = rows(snapshot, "comparisons")
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("Blow softly.", EDITED)
    assert snapshot.manifest["reviews"] == {"accept": 0, "edit": 1, "return": 0}
    accepted = {"decision": "accept"}
    decide(task_id=task.pk, by=world.carol, answer=accepted, cause="style", supersedes=first.pk)
    (row,) = rows(frozen(world, campaign), "demonstrations")
    assert (row["messages"][-1]["content"], row["decision"]) == (EDITED, "style")


def test_a_text_that_an_expert_returned_is_left_out(world, reviewed):
    campaign, task = reviewed
    do_next(world.outsider, campaign, text="Whistle!")
    decide(task_id=task.pk, by=world.carol, answer={"decision": "return", "reason": "Humming."}, cause="factual")
    snapshot = frozen(world, campaign)
    assert [row["messages"][-1]["content"] for row in rows(snapshot, "demonstrations")] == ["Whistle!"]
    assert [row["rejected"][0]["content"] for row in rows(snapshot, "comparisons")] == [ORIGINAL]


def test_the_pairs_of_a_decision_are_as_sure_as_its_ranks_say(disputed):
    settle(disputed, disputed.ranking_tasks[0], ranks=(4, 3, 2, 1))
    texts = [f"Answer 0{letter} with **weight**." for letter in "abcd"]
    pairs = of_task(frozen(disputed), "comparisons", disputed.ranking_tasks[0])
    said = {(pair["chosen"][0]["content"], pair["rejected"][0]["content"]): pair["posterior"] for pair in pairs}
    assert set(said) == {(worse, better) for better, worse in combinations(texts, 2)}
    assert min(said.values()) > 0.75
