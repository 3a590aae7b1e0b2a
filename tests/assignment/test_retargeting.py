"""How many people do the tasks that are there: set by an admin, never below what is taken, and on record."""

import pytest

from annotate.errors import DomainError, NotFound
from annotate.models import CampaignChange, Task
from annotate.overlap_queries import TargetCount, overlap_figures
from annotate.services.campaigns import add_task
from annotate.services.claiming import claim_next_task
from annotate.services.conversation import withdraw_task
from annotate.services.people import create_annotator
from annotate.services.retargeting import retarget, retarget_all
from tests.assignment.test_adaptive import DOWN, UP, fresh, hold, judge, set_rules
from tests.services.test_ahead import in_parallel


@pytest.fixture
def task(world) -> Task:
    return world.ranking_tasks[0]


def test_a_task_goes_to_as_many_people_as_an_admin_says(world, task):
    _task, found = retarget(task_id=task.pk, target=4, by=world.carol)
    assert (fresh(task).target, found.n_kept) == (4, 0)
    people = [world.alice, world.bob, world.outsider, create_annotator(username="fourth")]
    assert {claim_next_task(annotator=person, campaign=world.ranking).task for person in people} == {task}


def test_it_never_takes_a_place_away(world, task):
    for person in (world.alice, world.bob):
        hold(task, person)
    changed, found = retarget(task_id=task.pk, target=1, by=world.carol)
    assert (changed.target, changed.reserved, found.n_kept) == (2, 2, 1)


def test_what_disagreement_added_stays_known_as_such_while_it_is_taken(world, task):
    set_rules(world, overlap={"ceiling": 3})
    judge(task, world.alice)
    judge(task, world.bob, DOWN)
    hold(task, world.outsider)
    retarget(task_id=task.pk, target=2, by=world.carol)
    assert (fresh(task).target, fresh(task).raised) == (3, 1)
    retarget(task_id=task.pk, target=4, by=world.carol)
    assert (fresh(task).target, fresh(task).raised) == (4, 0)


def test_it_is_on_record(world, task):
    retarget(task_id=task.pk, target=4, by=world.carol)
    retarget(task_id=task.pk, target=4, by=world.carol)
    retarget_all(campaign=world.ranking, target=3, by=world.carol)
    recorded = [(row.field, row.old, row.new, row.by) for row in CampaignChange.objects.all()]
    assert recorded == [("targets", "2, 4", "3", world.carol), (f"target {task.pk}", 2, 4, world.carol)]


def test_all_tasks_of_a_campaign_at_once(world, task):
    for person in (world.alice, world.bob):
        hold(task, person)
    found = retarget_all(campaign=world.ranking, target=1, by=world.carol)
    assert (found.n_tasks, found.n_kept) == (3, 1)
    assert [fresh(one).target for one in world.ranking_tasks] == [2, 1, 1]
    assert {one.target for one in world.writing_tasks} == {1}


def test_it_concerns_no_task_with_a_known_answer(world, task):
    pair = list(task.completions.all()[:2])
    gold, _new = add_task(campaign=world.ranking, prompt=task.prompt, completions=pair, purpose="gold", target=99)
    retarget_all(campaign=world.ranking, target=5, by=world.carol)
    assert fresh(gold).target == 99
    with pytest.raises(DomainError, match="known answer"):
        retarget(task_id=gold.pk, target=5, by=world.carol)


@pytest.mark.parametrize("target", [0, -1, 32_768])
def test_it_refuses_a_number_that_is_none(world, task, target):
    with pytest.raises(DomainError, match="between 1 and 32767"):
        retarget(task_id=task.pk, target=target, by=world.carol)
    with pytest.raises(DomainError, match="between 1 and 32767"):
        retarget_all(campaign=world.ranking, target=target, by=world.carol)


def test_it_refuses_a_task_that_is_not_there(world):
    with pytest.raises(NotFound):
        retarget(task_id=10**9, target=3, by=world.carol)


def test_places_stay_exact_while_the_target_moves(committed_world):
    campaign, carol = committed_world.ranking, committed_world.carol
    people = [create_annotator(username=f"worker-{number}") for number in range(6)]
    moves = [lambda target=target: retarget_all(campaign=campaign, target=target, by=carol) for target in (1, 5, 1, 3)]
    claims = [lambda person=person: claim_next_task(annotator=person, campaign=campaign) for person in people]
    in_parallel([call for pair in zip(claims, moves * 2, strict=False) for call in pair])
    for task in Task.objects.filter(campaign=campaign):
        assert task.reserved == task.assignments.filter(state="claimed").count()
        assert task.reserved <= task.target <= 5


# What it came to


def test_it_counts_what_adaptive_overlap_did(world):
    set_rules(world, overlap={"ceiling": 3, "confidence": 0.8})
    settled, divided, open_one = world.ranking_tasks
    for task, said in ((settled, (UP, UP)), (divided, (UP, DOWN, (1, 1, 1, 1))), (open_one, (UP, DOWN))):
        for person, ranks in zip((world.alice, world.bob, world.outsider), said, strict=False):
            judge(task, person, ranks)
    found = overlap_figures(campaign=world.ranking)
    assert (found.n_tasks, found.n_raised, found.n_complete) == (3, 2, 2)
    assert (found.mean_judgements, found.n_at_ceiling, found.n_unsettled) == (2.5, 1, 1)
    assert found.targets == [TargetCount(2, 1, 1, 0), TargetCount(3, 2, 1, 2)]


def test_a_fixed_overlap_has_no_ceiling(world):
    judge(world.ranking_tasks[0], world.alice)
    withdraw_task(task_id=world.ranking_tasks[2].pk)
    found = overlap_figures(campaign=world.ranking)
    assert (found.ceiling, found.mean_judgements, found.n_at_ceiling, found.n_unsettled) == (None, None, 0, 0)
    assert found.targets == [TargetCount(2, 2, 0, 0)]
