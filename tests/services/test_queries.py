"""The reads: progress, what an assignment shows, agreement."""

import pytest

from annotate import queries
from annotate.errors import DomainError
from annotate.services import daily
from annotate.services.claiming import claim_next_task
from annotate.services.judging import submit_ranking


def rank(world, annotator, *ranks):
    """Let an annotator rank the next task; ranks are for its completions in canonical order."""
    assignment = claim_next_task(annotator=annotator, campaign=world.ranking)
    canonical = assignment.task.task_completions.values_list("completion_id", flat=True)
    return submit_ranking(
        assignment_id=assignment.pk,
        annotator=annotator,
        ranks=dict(zip(canonical, ranks, strict=True)),
        seconds=10,
    )


def test_it_counts_places_and_my_part(world):
    rank(world, world.alice, 1, 2, 3, 4)
    progress = next(
        row for row in queries.campaigns_with_progress(annotator=world.alice) if row.campaign == world.ranking
    )
    assert (progress.n_tasks, progress.n_places, progress.n_done_places, progress.n_mine) == (3, 6, 1, 1)
    assert progress.fraction == 1 / 6
    assert (progress.has_work_for_me, progress.holds_task) == (True, False)


def test_it_counts_what_i_did_today(world):
    rank(world, world.alice, 1, 2, 3, 4)
    rank(world, world.alice, 1, 2, 3, 4)
    assert daily.done_today(annotator=world.alice) == daily.DoneToday(n=2, seconds=20.0)


def test_it_shows_completions_in_the_annotators_order_without_producers(world, django_assert_num_queries):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    view = queries.assignment_to_show(assignment_id=assignment.pk, annotator=world.alice)
    assert [completion.pk for completion in view.completions] == assignment.shown_order
    with django_assert_num_queries(1):  # the producer was not even loaded
        _ = view.completions[0].producer_id


def test_it_does_not_show_another_ones_assignment(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    with pytest.raises(DomainError):
        queries.assignment_to_show(assignment_id=assignment.pk, annotator=world.bob)


def test_it_shows_a_judged_task(world):
    judgement = rank(world, world.alice, 2, 1, 3, 4)
    shown = queries.judged_task(task_id=judgement.task_id)
    assert [shown.rank(shown.judgements[0], completion) for completion in shown.completions] == [2, 1, 3, 4]
    assert shown.completions[0].producer.name == "model-0"
