"""What reward models are unsure of can come first."""

import math

import pytest

from annotate.models import Task
from annotate.services import uncertainty
from annotate.services.bulk import RowsRefused
from annotate.services.campaigns import add_task
from annotate.services.claiming import claim_next_task
from annotate.services.uncertainty import set_uncertainty
from tests.assignment.test_adaptive import fresh, set_rules


def test_the_most_uncertain_task_comes_first(world, monkeypatch):
    monkeypatch.setattr(uncertainty, "AT_ONCE", 2)
    set_rules(world, first="uncertainty")
    values = dict(zip((task.pk for task in world.ranking_tasks), (0.1, 0.9, 0.5), strict=True))
    assert set_uncertainty(campaign=world.ranking, values=values) == 3
    assert [fresh(task).uncertainty for task in world.ranking_tasks] == [0.1, 0.9, 0.5]
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert (held.task, fresh(held.task).urgency) == (world.ranking_tasks[1], Task.URGENT * 0.9 + 1)


def test_it_waits_until_the_rules_ask_for_it(world):
    set_uncertainty(campaign=world.ranking, values={world.ranking_tasks[2].pk: 1.0})
    assert claim_next_task(annotator=world.alice, campaign=world.ranking).task == world.ranking_tasks[0]
    set_rules(world, first="uncertainty")
    assert claim_next_task(annotator=world.bob, campaign=world.ranking).task == world.ranking_tasks[2]


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_it_refuses_what_is_no_share(world, value):
    rows = [(world.ranking_tasks[0].pk, 0.5), (world.ranking_tasks[1].pk, value)]
    with pytest.raises(RowsRefused, match="row 2, value: An uncertainty is a number from 0 to 1"):
        set_uncertainty(campaign=world.ranking, values=rows)
    assert fresh(world.ranking_tasks[0]).uncertainty is None


def test_it_names_every_row_that_is_wrong(world):
    [task, *_others] = world.ranking_tasks
    pair = list(task.completions.all()[:2])
    gold, _new = add_task(campaign=world.ranking, prompt=task.prompt, completions=pair, purpose="gold", target=9)
    rows = [(task.pk, 0.5), (world.writing_tasks[0].pk, 0.5), (task.pk, 0.4), (gold.pk, 0.1)]
    with pytest.raises(RowsRefused) as refused:
        set_uncertainty(campaign=world.ranking, values=rows)
    assert [(problem.row, problem.field) for problem in refused.value.problems] == [
        (2, "task"),
        (3, "task"),
        (4, "task"),
    ]
