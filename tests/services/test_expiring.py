"""Leases that ran out: many at once, and while people go on working."""

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from annotate.errors import DomainError
from annotate.models import Assignment, Judgement, Spending, Task
from annotate.services import expiring
from annotate.services.claiming import claim_next_task, claim_task, extend_lease
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit_ranking
from annotate.services.people import create_annotator
from annotate.services.setup import change_campaign
from tests.services.test_ahead import in_parallel

State = Assignment.State


def lapse_all() -> None:
    Assignment.objects.update(lease_expires_at=timezone.now() - timedelta(minutes=1))


def hold(world, people) -> list[Assignment]:
    """Everybody holds something of the three tasks, as they come."""
    Task.objects.filter(campaign=world.ranking).update(target=100)
    tasks = Task.objects.filter(campaign=world.ranking).select_related("campaign")
    return [
        claim_task(task=tasks[n % 3], annotator=person, guideline=world.ranking.guideline)
        for n, person in enumerate(people)
    ]


def places() -> dict[int, tuple[int, float]]:
    return {task.pk: (task.reserved, task.urgency) for task in Task.objects.all()}


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_it_gives_every_place_back_whatever_the_batch(world, monkeypatch, batch):
    monkeypatch.setattr(expiring, "BATCH", batch)
    change_campaign(campaign=world.ranking, by=world.carol, assignment={"order": "breadth"})
    before = places()
    hold(world, [create_annotator(username=f"worker-{n}") for n in range(7)])
    assert [places()[task.pk] for task in world.ranking_tasks] == [(3, -3), (2, -2), (2, -2)]
    lapse_all()
    assert expire_leases() == 7
    assert places() == before
    assert not Assignment.objects.filter(state=State.CLAIMED).exists()
    assert not Assignment.objects.filter(ended_at=None).exists()


def test_it_leaves_those_whose_time_runs(world):
    late, busy = hold(world, [world.alice, world.bob])
    Assignment.objects.filter(pk=late.pk).update(lease_expires_at=timezone.now())
    assert expire_leases() == 1
    assert Assignment.objects.get(state=State.CLAIMED) == busy


def test_it_gives_back_what_the_budget_had_counted(world):
    change_campaign(campaign=world.ranking, by=world.carol, assignment={"budget": {"judgements": 3}})
    world.ranking.refresh_from_db()
    for user in (world.alice, world.bob, world.outsider):
        claim_next_task(annotator=user, campaign=world.ranking)
    assert Spending.objects.get().judgements == 3
    lapse_all()
    expire_leases()
    assert Spending.objects.get().judgements == 0


def test_its_queries_do_not_grow_with_the_leases(world, django_assert_num_queries):
    hold(world, [create_annotator(username=f"worker-{n}") for n in range(12)])
    lapse_all()
    with django_assert_num_queries(8):  # find; lock, expire, give back twice, in a savepoint; find
        expire_leases()


def quietly(call):
    try:
        return call()
    except DomainError:
        return None


def test_work_that_goes_on_while_leases_expire_is_counted_once(committed_world):
    people = [create_annotator(username=f"worker-{n}") for n in range(8)]
    held = hold(committed_world, people)
    lapse_all()
    calls = [expire_leases] * 3
    for person, assignment in zip(people, held, strict=True):
        ranks = dict.fromkeys(assignment.shown_order, 1)
        of_this = {"assignment_id": assignment.pk, "annotator": person}
        calls.append(partial(submit_ranking, ranks=ranks, seconds=1, **of_this))
        calls.append(partial(extend_lease, **of_this))
        calls.append(partial(claim_next_task, annotator=person, campaign=committed_world.ranking))
    in_parallel([partial(quietly, call) for call in calls])
    in_place = [State.CLAIMED, State.SUBMITTED]
    held = Counter(Assignment.objects.filter(state__in=in_place).values_list("task_id", flat=True))
    tasks = Task.objects.filter(campaign=committed_world.ranking)
    assert {task.pk: task.reserved for task in tasks} == {task.pk: held[task.pk] for task in tasks}
    assert Judgement.objects.count() == Assignment.objects.filter(state=State.SUBMITTED).count()
