"""Proposals for gold from unanimous tasks, signals of answers that go around, and taking gold out with a reason."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate.errors import DomainError
from annotate.gold_review_queries import leaks, proposals
from annotate.models import Assignment, Gold, Question, Skill, Task, User
from annotate.services.claiming import claim_task
from annotate.services.disputes import weigh
from annotate.services.gold import make_gold, retire
from annotate.services.gold_keeping import accept_proposals
from annotate.services.judging import correct, submit
from annotate.services.people import create_annotator
from tests.gold import add_gold
from tests.rating import add_rating_campaign, values_for
from tests.services.test_adjudicating import answer
from tests.web.conftest import rank_all
from tests.world import World


def rank(task: Task, person: User, *, seconds: float = 20.0, right: bool = True, **fields):
    """Rank by completion id, or the other way round."""
    held = claim_task(task=task, annotator=person, guideline=task.campaign.guideline)
    ranks = answer(task)["ranks"]
    ranks = ranks if right else {pk: 5 - place for pk, place in ranks.items()}
    return submit(assignment_id=held.pk, annotator=person, answer={"ranks": ranks, **fields}, seconds=seconds)


@pytest.fixture
def unanimous(world) -> World:
    """Alice and Bob have ranked everything alike."""
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    weigh(campaign=world.ranking)
    return world


def proposed(world: World, least: int = 2) -> list[int]:
    weigh(campaign=world.ranking)
    return [one.task.pk for one in proposals(campaign=world.ranking, least=least)]


def test_it_proposes_what_so_many_agree_on_exactly(unanimous):
    tasks = unanimous.ranking_tasks
    assert proposed(unanimous) == [task.pk for task in tasks]
    assert proposed(unanimous, least=3) == []
    first = proposals(campaign=unanimous.ranking, least=2)[0]
    assert (first.n, first.answer, first.seconds) == (2, answer(tasks[0]), 20.0)
    assert (first.skill.n, first.skill.value) == (0, 0.5)


def test_one_other_answer_is_no_proposal(unanimous):
    task = unanimous.ranking_tasks[0]
    Task.objects.filter(pk=task.pk).update(target=3)
    rank(task, unanimous.outsider, right=False)
    assert task.pk not in proposed(unanimous)


def test_ties_flags_verdicts_and_open_questions_are_no_proposal(world):
    tied, flagged, asked = world.ranking_tasks
    for person in (world.alice, world.bob):
        held = claim_task(task=tied, annotator=person, guideline=world.ranking.guideline)
        ranks = dict.fromkeys(held.shown_order, 1)
        submit(assignment_id=held.pk, annotator=person, answer={"ranks": ranks}, seconds=1)
        rank(flagged, person, flags={flagged.completions.order_by("pk").first().pk: ["hallucination"]})
        rank(asked, person)
    question = Question.objects.create(kind="question", text="Why?", task=asked, asked_by=world.alice)
    assert proposed(world) == []
    done = {"resolved": True, "answered_by": world.carol, "answered_at": timezone.now()}
    Question.objects.filter(pk=question.pk).update(**done)
    assert proposed(world) == [asked.pk]


def test_what_is_known_or_withdrawn_is_no_proposal(unanimous):
    known, withdrawn, left = unanimous.ranking_tasks
    make_gold(task=known, answer=answer(known), explanation="", by=unanimous.carol)
    Task.objects.filter(pk=withdrawn.pk).update(withdrawn=True)
    assert proposed(unanimous) == [left.pk]


def test_those_of_skilled_people_come_first(world):
    first, second, third = world.ranking_tasks
    for task, people in ((first, "ab"), (second, "ao"), (third, "bo")):
        for letter in people:
            rank(task, {"a": world.alice, "b": world.bob, "o": world.outsider}[letter])
    for person, right in ((world.alice, 9), (world.bob, 2), (world.outsider, 5)):
        Skill.objects.create(annotator=person, domain=None, n=10, right=right)
    Skill.objects.create(annotator=world.bob, domain=third.prompt.domain, n=10, right=10)
    # first and third are physics, where Bob is measured to be good.
    assert proposed(world) == [first.pk, third.pk, second.pk]
    assert proposals(campaign=world.ranking, least=2)[0].skill.n == 20


def test_ratings_must_be_the_same_not_only_near(world):
    campaign = add_rating_campaign(world)
    same, near = campaign.tasks.order_by("pk")
    for person, value in ((world.alice, 3), (world.bob, 4)):
        for task in (same, near):
            held = claim_task(task=task, annotator=person, guideline=campaign.guideline)
            rated = values_for(campaign, task, 3 if task == same else value)
            submit(assignment_id=held.pk, annotator=person, answer={"ratings": rated}, seconds=1)
    weigh(campaign=campaign)
    assert [one.task for one in proposals(campaign=campaign, least=2)] == [same]


def test_it_accepts_many_and_mixes_them_in_when_asked(unanimous):
    one, other, third = unanimous.ranking_tasks
    fields = {"campaign": unanimous.ranking, "by": unanimous.carol, "least": 2, "explanation": "All agree."}
    accept_proposals(task_ids=[one.pk, other.pk], **fields)
    assert {gold.explanation for gold in Gold.objects.all()} == {"All agree."}
    assert set(Task.objects.filter(gold__isnull=False).values_list("purpose", flat=True)) == {"work"}
    accept_proposals(task_ids=[third.pk], mixed_in=True, **fields)
    third.refresh_from_db()
    assert third.purpose == "gold"
    assert Skill.objects.get(annotator=unanimous.alice, domain=None).right == 1


def test_it_accepts_all_or_none(unanimous):
    one, other = unanimous.ranking_tasks[:2]
    late = other.judgements.get(annotator=unanimous.bob)
    changed = {"ranks": dict.fromkeys(answer(other)["ranks"], 1)}
    correct(judgement_id=late.pk, annotator=unanimous.bob, answer=changed, seconds=1)
    with pytest.raises(DomainError, match=f"Not proposed any more: {other.pk}"):
        accept_proposals(campaign=unanimous.ranking, task_ids=[one.pk, other.pk], by=unanimous.carol, least=2)
    assert not Gold.objects.exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"task_ids": []}, "Choose at least one"),
        ({"task_ids": list(range(1, 103))}, "at most 100"),
        ({"least": 1}, "from 2 to"),
        ({"least": 10**9}, "from 2 to"),
        ({"task_ids": [2**60]}, "Not proposed any more"),
    ],
)
def test_it_refuses_what_cannot_be_accepted(unanimous, fields, says):
    given = {"task_ids": [unanimous.ranking_tasks[0].pk], "least": 2, **fields}
    with pytest.raises(DomainError, match=says):
        accept_proposals(campaign=unanimous.ranking, by=unanimous.carol, **given)


def test_it_sees_an_answer_that_goes_around(world):
    """Ten people: the later five know the answer of the first task, and are quick there; the second stays hard."""
    leaked, steady = add_gold(world, 2)
    start = timezone.now() - timedelta(days=1)
    for number in range(10):
        person = create_annotator(username=f"p{number}")
        knows = number >= 5
        for task, right, seconds in (
            (leaked, knows, 5 + number / 10 if knows else 60 - number),
            (steady, number % 2, 50),
        ):
            made = rank(task, person, right=bool(right), seconds=seconds)
            Assignment.objects.filter(pk=made.assignment_id).update(ended_at=start + timedelta(minutes=number))
    first, second = leaks(campaign=world.ranking)
    assert (first.task, second.task) == (leaked, steady)
    assert first.signals.rise.value == 1
    assert set(first.signals.standing_out) >= {"rise", "pace"}
    assert first.signals.pace.hi < 0.2
    assert (first.score.value, first.score.n) == (0.5, 10)
    assert second.signals.standing_out == ()
    assert first.as_row()["rise_n"] == 10


def test_gold_that_is_retired_is_listed_no_more_and_keeps_its_history(world):
    one, other = add_gold(world, 2)
    made = rank(one, world.alice)
    retire(task=one, by=world.carol, reason=" It was posted in a forum. ")
    assert [item.task for item in leaks(campaign=world.ranking)] == [other]
    gold = Gold.objects.get(task=one)
    assert (gold.retired_reason, gold.retired_by) == ("It was posted in a forum.", world.carol)
    assert gold.retired_at is not None
    assert Skill.objects.get(annotator=world.alice, domain=None).n == 1
    assert made.task_id == one.pk
    with pytest.raises(DomainError, match="at most 1000"):
        retire(task=other, by=world.carol, reason="x" * 1001)


def test_the_database_refuses_a_reason_without_a_time(world):
    [task] = add_gold(world, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Gold.objects.filter(task=task).update(retired_reason="Why.")
