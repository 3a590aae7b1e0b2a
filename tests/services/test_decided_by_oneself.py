"""Who decided a task as an expert has seen what others said about it: they never get it as an annotator."""

import pytest

from annotate.errors import LeaseLost
from annotate.models import Assignment, Task
from annotate.services.adjudicating import AsGold, allow, decide, take_back
from annotate.services.anywhere import campaigns_with_work
from annotate.services.claiming import claim_ahead, claim_next_task, claim_task, open_ahead
from annotate.services.expiring import expire_leases
from annotate.services.gold import mix_in
from annotate.services.judging import submit_ranking
from annotate.services.releasing import release_assignment
from tests.gold import set_rules
from tests.services.test_claiming import lapse
from tests.world import World


@pytest.fixture
def expert(world) -> World:
    """Alice may decide, and has nothing to do with domains."""
    allow(campaign=world.ranking, username="alice", by=world.carol)
    for task in world.ranking_tasks:
        task.prompt.domain = None
        task.prompt.save()
    return world


def settle(world: World, task: Task, user=None):
    ids = task.completions.order_by("pk").values_list("pk", flat=True)
    ranks = {pk: rank for rank, pk in enumerate(ids, 1)}
    return decide(task_id=task.pk, by=user or world.alice, answer={"ranks": ranks}, cause="style")


def submit(held: Assignment):
    ranks = dict.fromkeys(held.shown_order, 1)
    return submit_ranking(assignment_id=held.pk, annotator=held.annotator, ranks=ranks, seconds=1)


def tasks_of(world: World, user) -> list[Task]:
    done = []
    while held := claim_next_task(annotator=user, campaign=world.ranking):
        done.append(submit(held).task)
    return done


@pytest.mark.parametrize("order", ["depth", "breadth", "random"])
def test_they_are_given_the_others(expert, order):
    set_rules(expert, order=order)
    settle(expert, expert.ranking_tasks[1])
    assert set(tasks_of(expert, expert.alice)) == {expert.ranking_tasks[0], expert.ranking_tasks[2]}
    assert set(tasks_of(expert, expert.bob)) == set(expert.ranking_tasks)


def test_also_when_the_decision_was_taken_back(expert):
    made = settle(expert, expert.ranking_tasks[0])
    take_back(adjudication_id=made.pk, by=expert.alice, note="I misread it.")
    assert expert.ranking_tasks[0] not in tasks_of(expert, expert.alice)


def test_it_is_not_held_ahead_for_them(expert):
    settle(expert, expert.ranking_tasks[1])
    claim_next_task(annotator=expert.alice, campaign=expert.ranking)
    assert claim_ahead(annotator=expert.alice, campaign=expert.ranking).task == expert.ranking_tasks[2]


def test_there_is_no_work_for_them_where_they_decided_all(expert):
    for task in expert.ranking_tasks:
        settle(expert, task)
    found = {
        user: campaigns_with_work(annotator=user, campaigns=[expert.ranking]) for user in (expert.alice, expert.bob)
    }
    assert found == {expert.alice: set(), expert.bob: {expert.ranking.pk}}
    assert claim_next_task(annotator=expert.alice, campaign=expert.ranking) is None


def test_nobody_leads_them_to_it(expert):
    settle(expert, expert.ranking_tasks[0])
    held = claim_task(task=expert.ranking_tasks[0], annotator=expert.alice, guideline=expert.ranking.guideline)
    assert held is None
    assert Task.objects.get(pk=expert.ranking_tasks[0].pk).reserved == 0


def test_what_they_gave_back_and_then_decided_does_not_come_again(expert):
    set_rules(expert, gold={"rate": 0.5})
    held = claim_next_task(annotator=expert.alice, campaign=expert.ranking)
    release_assignment(assignment_id=held.pk, annotator=expert.alice)
    settle(expert, held.task)
    assert held.task not in tasks_of(expert, expert.alice)


def test_what_was_ahead_and_then_decided_is_not_opened_again(expert):
    held = claim_next_task(annotator=expert.alice, campaign=expert.ranking)
    ahead = claim_ahead(annotator=expert.alice, campaign=expert.ranking)
    release_assignment(assignment_id=held.pk, annotator=expert.alice)
    settle(expert, ahead.task)
    with pytest.raises(LeaseLost, match="decided this task as an expert"):
        open_ahead(assignment_id=ahead.pk, annotator=expert.alice)


def test_a_late_submission_after_the_own_decision_is_kept_as_a_draft(expert):
    held = claim_next_task(annotator=expert.alice, campaign=expert.ranking)
    lapse(held)
    expire_leases()
    settle(expert, held.task)
    with pytest.raises(LeaseLost, match="decided this task as an expert"):
        submit(held)
    held.refresh_from_db()
    assert (held.state, "ranks" in held.draft) == ("expired", True)
    assert held.task.judgements.count() == 0


def test_it_is_not_asked_of_them_as_gold(expert):
    task = expert.ranking_tasks[0]
    ids = task.completions.order_by("pk").values_list("pk", flat=True)
    ranks = {pk: rank for rank, pk in enumerate(ids, 1)}
    why = AsGold("The first one is right.")
    decide(task_id=task.pk, by=expert.alice, answer={"ranks": ranks}, cause="factual", gold=why)
    mix_in(task=task, by=expert.carol)
    set_rules(expert, gold={"rate": 1})
    assert task not in tasks_of(expert, expert.alice)
    assert task in tasks_of(expert, expert.bob)
