"""Qualification: what is asked, what passes, when one may try again, and what two tabs do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotate.errors import DomainError, NotFound, StepMissing
from annotate.models import Assignment, Judgement, Membership, QualificationAnswer, QualificationAttempt, Task
from annotate.services.claiming import claim_next_task, save_draft
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit_ranking
from annotate.services.onboarding import next_step
from annotate.services.qualification import answer_qualification, feedback, qualifying, take_qualification_task
from annotate.services.releasing import skip_assignment
from tests.world import World, ask_for_qualification, set_onboarding


@pytest.fixture
def testing(world) -> World:
    ask_for_qualification(world)
    return world


def take(world: World) -> Assignment:
    return take_qualification_task(user=world.alice, campaign=world.ranking)


def give(world: World, assignment: Assignment, *, right: bool = True) -> QualificationAnswer:
    order = sorted(assignment.shown_order, reverse=not right)
    answer = {"ranks": {completion: rank for rank, completion in enumerate(order, start=1)}}
    return answer_qualification(assignment_id=assignment.pk, user=world.alice, answer=answer, seconds=5.0)


def attempt(world: World, *right: bool) -> QualificationAttempt:
    """Go through an attempt."""
    for one in right:
        given = give(world, take(world), right=one)
    return QualificationAttempt.objects.get(pk=given.attempt_id)


def pause_is_over() -> None:
    QualificationAttempt.objects.update(ended_at=timezone.now() - timedelta(hours=25))


def test_it_lets_in_who_passes(testing):
    assert next_step(testing.alice, testing.ranking) == "qualification"
    found = attempt(testing, True, True, True)
    assert (found.passed, found.share, found.n_tasks, found.wanted) == (True, 1.0, 3, 0.8)
    assert next_step(testing.alice, testing.ranking) is None
    assert Membership.objects.get().state == "active"
    assert claim_next_task(annotator=testing.alice, campaign=testing.ranking).task.purpose == "work"


def test_it_makes_no_judgement_and_takes_no_place(testing):
    attempt(testing, True, True, True)
    assert not Judgement.objects.exists()
    assert set(Task.objects.filter(purpose="qualification").values_list("reserved", "submitted")) == {(0, 0)}


def test_it_asks_for_different_tasks(testing):
    attempt(testing, True, True, True)
    tasks = QualificationAnswer.objects.values_list("assignment__task", flat=True)
    assert len(set(tasks)) == 3


def test_who_fails_waits_and_tries_again_with_what_they_saw_least(testing):
    found = attempt(testing, True, False, True)
    assert (found.passed, found.share) == (False, pytest.approx(2 / 3, abs=1e-12))
    with pytest.raises(DomainError, match=r"try again from \d{4}-\d\d-\d\d, \d\d:\d\d"):
        take(testing)
    seen = set(QualificationAnswer.objects.values_list("assignment__task", flat=True))
    pause_is_over()
    assert take(testing).task_id not in seen
    assert attempt(testing, True, True, True).number == 2
    assert next_step(testing.alice, testing.ranking) is None


def test_it_names_the_result_with_its_interval(testing):
    attempt(testing, True, False, True)
    found = qualifying(user=testing.alice, campaign=testing.ranking)
    result = found.result
    assert (result.n, result.value) == (3, pytest.approx(2 / 3, abs=1e-12))
    assert (result.lo, result.hi) == (pytest.approx(0.2077, abs=1e-4), pytest.approx(0.9385, abs=1e-4))
    assert found.retry_at > timezone.now() + timedelta(hours=23)


def test_it_passes_at_exactly_what_is_wanted(world):
    ask_for_qualification(world, made=5, tasks=5)
    set_onboarding(campaign=world.ranking, onboarding={"qualification": {"tasks": 5, "pass": 0.8}}, access="everyone")
    world.ranking.refresh_from_db()
    assert attempt(world, True, True, True, True, False).passed


def test_it_asks_for_as_many_as_there_are(world):
    ask_for_qualification(world, made=1)
    assert attempt(world, True).passed


def test_it_says_when_there_are_none(world):
    ask_for_qualification(world, made=0)
    with pytest.raises(DomainError, match="no qualification tasks yet"):
        take(world)


def test_a_second_click_is_the_same_answer(testing):
    taken = take(testing)
    assert give(testing, taken) == give(testing, taken, right=False)
    assert QualificationAnswer.objects.get().share == 1


def test_a_reload_shows_the_same_task(testing):
    assert take(testing) == take(testing)


def test_an_answer_counts_after_the_time_ran_out(testing):
    taken = take(testing)
    Assignment.objects.filter(pk=taken.pk).update(lease_expires_at=timezone.now() - timedelta(hours=1))
    expire_leases()
    assert give(testing, taken).share == 1


def test_the_next_attempt_begins_without_the_old_draft(testing):
    taken = take(testing)
    save_draft(assignment_id=taken.pk, annotator=testing.alice, draft={"ranks": {}})
    give(testing, taken, right=False)
    assert not Assignment.objects.filter(draft__isnull=False).exists()


def test_it_refuses_an_answer_that_is_not_whole(testing):
    taken = take(testing)
    with pytest.raises(DomainError, match="rank"):
        answer_qualification(assignment_id=taken.pk, user=testing.alice, answer={"ranks": {}}, seconds=1.0)
    assert Assignment.objects.get(pk=taken.pk).state == "claimed"


def test_it_is_no_judgement_and_cannot_be_skipped(testing):
    taken = take(testing)
    ranks = dict.fromkeys(taken.shown_order, 1)
    with pytest.raises(DomainError, match="is no judgement"):
        submit_ranking(assignment_id=taken.pk, annotator=testing.alice, ranks=ranks, seconds=1.0)
    with pytest.raises(DomainError, match="cannot be skipped"):
        skip_assignment(assignment_id=taken.pk, annotator=testing.alice, reason="Hard.")


def test_who_holds_work_when_it_is_asked_gives_that_back(world):
    held = claim_next_task(annotator=world.alice, campaign=world.ranking)
    ask_for_qualification(world)
    assert take(world).task.purpose == "qualification"
    assert Assignment.objects.get(pk=held.pk).state == "released"


def test_who_holds_such_a_task_when_it_is_asked_no_more_gets_work(testing):
    held = take(testing)
    testing.ranking = set_onboarding(campaign=testing.ranking, onboarding={}, access="everyone")
    assert claim_next_task(annotator=testing.alice, campaign=testing.ranking).task.purpose == "work"
    assert Assignment.objects.get(pk=held.pk).state == "released"


def test_it_comes_after_the_other_steps(testing):
    onboarding = {"consent": "Yes?", **testing.ranking.onboarding}
    testing.ranking = set_onboarding(campaign=testing.ranking, onboarding=onboarding, access="everyone")
    with pytest.raises(StepMissing) as refused:
        take(testing)
    assert refused.value.step == "consent"


def test_it_is_not_for_who_has_passed_or_where_nothing_is_asked(testing):
    attempt(testing, True, True, True)
    with pytest.raises(DomainError, match="passed the qualification"):
        take(testing)
    with pytest.raises(NotFound, match="no qualification"):
        take_qualification_task(user=testing.alice, campaign=testing.writing)


def test_the_feedback_is_for_its_own_person(testing):
    given = give(testing, take(testing), right=False)
    found = feedback(assignment_id=given.assignment_id, user=testing.alice)
    assert (found.score.share, found.given.explanation) == (0, "Because of 0.")
    with pytest.raises(NotFound):
        feedback(assignment_id=given.assignment_id, user=testing.bob)
    with pytest.raises(NotFound):
        answer_qualification(assignment_id=given.assignment_id, user=testing.bob, answer={}, seconds=1.0)


def at_once(action, times: int = 6) -> list:
    def run(_):
        try:
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def test_many_tabs_begin_one_attempt_and_hold_one_task(committed_world):
    ask_for_qualification(committed_world)
    at_once(lambda: take(committed_world))
    assert QualificationAttempt.objects.count() == 1
    assert Assignment.objects.filter(state="claimed").count() == 1


def test_many_clicks_are_one_answer(committed_world):
    ask_for_qualification(committed_world, made=1)
    taken = take(committed_world)
    answers = at_once(lambda: give(committed_world, taken).pk)
    assert len(set(answers)) == 1
    assert QualificationAttempt.objects.get().passed
