"""The task after the one on screen, held for the same annotator: never more than one open and one ahead."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from annotate.errors import DomainError, LeaseLost
from annotate.models import Assignment, Judgement, Task
from annotate.services.campaigns import set_campaign_state
from annotate.services.claiming import claim_ahead, claim_next_task, claim_task, extend_lease, open_ahead
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit_ranking
from annotate.services.people import create_annotator
from annotate.services.releasing import release_ahead, release_assignment
from tests.services.test_claiming import lapse


@pytest.fixture
def opened(world) -> Assignment:
    """What Alice has on screen."""
    return claim_next_task(annotator=world.alice, campaign=world.ranking)


@pytest.fixture
def ahead(world, opened) -> Assignment:
    """What she holds for afterwards."""
    return claim_ahead(annotator=world.alice, campaign=world.ranking)


def submit(assignment) -> Judgement:
    ranks = dict.fromkeys(assignment.shown_order, 1)
    return submit_ranking(assignment_id=assignment.pk, annotator=assignment.annotator, ranks=ranks, seconds=1)


def open_it(assignment, **more) -> Assignment:
    return open_ahead(assignment_id=assignment.pk, annotator=assignment.annotator, **more)


def take_all_places(world, task) -> None:
    for user in (world.bob, world.outsider):
        submit(claim_task(task=task, annotator=user, guideline=world.ranking.guideline))


def test_it_holds_the_next_task_unopened(world, opened, ahead):
    assert (ahead.task, ahead.opened_at) == (world.ranking_tasks[1], None)
    assert Task.objects.get(pk=ahead.task_id).reserved == 1


def test_a_second_tab_gets_the_same_ones(world, opened, ahead):
    assert claim_next_task(annotator=world.alice, campaign=world.ranking) == opened
    assert claim_ahead(annotator=world.alice, campaign=world.ranking) == ahead


def test_asking_for_the_next_opens_the_one_ahead(world, opened, ahead):
    submit(opened)
    following = claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert following == ahead
    assert following.opened_at is not None
    assert Assignment.objects.filter(state="claimed").count() == 1


def test_the_next_one_ahead_follows_an_opened_one(world, opened, ahead):
    submit(opened)
    open_it(ahead)
    assert claim_ahead(annotator=world.alice, campaign=world.ranking).task == world.ranking_tasks[2]


def test_there_is_none_ahead_in_a_paused_campaign(world, opened):
    set_campaign_state(campaign=world.ranking, state="paused")
    world.ranking.refresh_from_db()
    assert claim_ahead(annotator=world.alice, campaign=world.ranking) is None


def test_there_is_none_ahead_when_nothing_is_left(world, opened):
    Task.objects.filter(campaign=world.ranking).exclude(pk=opened.task_id).update(reserved=2)
    assert claim_ahead(annotator=world.alice, campaign=world.ranking) is None


def test_its_time_counts_from_when_it_was_shown(opened, ahead):
    Assignment.objects.filter(pk=ahead.pk).update(claimed_at=timezone.now() - timedelta(minutes=5))
    submit(opened)
    shown = open_it(ahead, seconds_ago=40).opened_at
    assert 40 <= (timezone.now() - shown).total_seconds() < 45


def test_its_time_never_counts_from_before_it_was_claimed(opened, ahead):
    submit(opened)
    assert open_it(ahead, seconds_ago=1e300).opened_at == ahead.claimed_at


def test_it_stays_ahead_while_another_one_is_open(opened, ahead):
    assert open_it(ahead).opened_at is None
    ahead.refresh_from_db()
    assert (ahead.state, ahead.opened_at) == ("claimed", None)


def test_it_can_be_submitted_while_it_is_ahead(opened, ahead):
    submit(ahead)
    ahead.refresh_from_db()
    assert (ahead.state, ahead.opened_at) == ("submitted", ahead.claimed_at)


def test_closing_the_tab_gives_it_back(world, ahead):
    assert release_ahead(assignment_id=ahead.pk, annotator=world.alice)
    ahead.refresh_from_db()
    assert (ahead.state, Task.objects.get(pk=ahead.task_id).reserved) == ("released", 0)


def test_closing_a_tab_gives_nothing_back_that_another_one_opened(world, opened, ahead):
    submit(opened)
    open_it(ahead)
    assert not release_ahead(assignment_id=ahead.pk, annotator=world.alice)
    ahead.refresh_from_db()
    assert ahead.state == "claimed"


def test_nobody_releases_or_opens_what_another_holds(world, ahead):
    for service in (release_ahead, open_ahead):
        with pytest.raises(DomainError, match="no such assignment of yours"):
            service(assignment_id=ahead.pk, annotator=world.bob)


def test_it_is_the_same_hold_again_when_it_was_never_seen(world, ahead):
    release_ahead(assignment_id=ahead.pk, annotator=world.alice)
    again = claim_ahead(annotator=world.alice, campaign=world.ranking)
    assert (again.pk, again.shown_order, again.state) == (ahead.pk, ahead.shown_order, "claimed")
    assert Task.objects.get(pk=ahead.task_id).reserved == 1


@pytest.mark.parametrize("gone", ["released", "expired"])
def test_what_another_tab_gave_back_is_taken_again_while_its_place_is_free(world, opened, ahead, gone):
    if gone == "released":
        release_ahead(assignment_id=ahead.pk, annotator=world.alice)
    else:
        lapse(ahead)
        expire_leases()
    submit(opened)
    assert open_it(ahead).state == "claimed"
    assert Task.objects.get(pk=ahead.task_id).reserved == 1


def test_it_is_lost_when_others_took_its_place(world, opened, ahead):
    release_ahead(assignment_id=ahead.pk, annotator=world.alice)
    take_all_places(world, ahead.task)
    submit(opened)
    with pytest.raises(LeaseLost, match="others have done it since"):
        open_it(ahead)
    assert Task.objects.get(pk=ahead.task_id).reserved == 2


def test_working_renews_both_leases(world, opened, ahead):
    Assignment.objects.update(lease_expires_at=timezone.now() + timedelta(minutes=1))
    extend_lease(assignment_id=opened.pk, annotator=world.alice)
    ends = set(Assignment.objects.values_list("lease_expires_at", flat=True))
    assert len(ends) == 1
    assert ends.pop() > timezone.now() + timedelta(minutes=25)


def test_it_expires_like_any_other(ahead):
    lapse(ahead)
    assert expire_leases() == 1
    assert Task.objects.get(pk=ahead.task_id).reserved == 0


def test_who_stops_gives_both_back(world, opened, ahead):
    release_assignment(assignment_id=opened.pk, annotator=world.alice)
    assert set(Assignment.objects.values_list("state", flat=True)) == {"released"}
    assert set(Task.objects.values_list("reserved", flat=True)) == {0}


@pytest.mark.parametrize("is_open", [True, False])
def test_the_database_refuses_a_second_one(world, opened, ahead, is_open):
    with pytest.raises(IntegrityError), transaction.atomic():
        claim_task(
            task=world.ranking_tasks[2], annotator=world.alice, guideline=world.ranking.guideline, opened=is_open
        )


def test_a_late_submission_that_another_request_overtook_takes_no_place(world, opened):
    lapse(opened)
    expire_leases()
    first = submit(opened)
    with pytest.raises(DomainError, match="already submitted"):
        submit(opened)
    task = Task.objects.get(pk=opened.task_id)
    assert (first.version, task.reserved, task.submitted) == (1, 1, 1)


def in_parallel(calls: list) -> list:
    """What each call gives, all at once, each on its own connection."""

    def one(call):
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(one, call) for call in calls]]


def test_tabs_and_devices_that_ask_at_once_hold_one_open_and_one_ahead(committed_world):
    alice, campaign = committed_world.alice, committed_world.ranking
    asks = [
        lambda: claim_next_task(annotator=alice, campaign=campaign),
        lambda: claim_ahead(annotator=alice, campaign=campaign),
    ]
    got = in_parallel(asks * 4)
    assert all(got)
    held = Assignment.objects.filter(annotator=alice, state="claimed")
    assert sorted(one.opened_at is None for one in held) in ([False], [False, True])
    assert sum(Task.objects.values_list("reserved", flat=True)) == held.count()


def test_submitting_opening_closing_and_expiring_at_once_keep_the_places_right(committed_world):
    alice, campaign = committed_world.alice, committed_world.ranking
    opened = claim_next_task(annotator=alice, campaign=campaign)
    ahead = claim_ahead(annotator=alice, campaign=campaign)
    lapse(ahead)

    def quietly(call):
        try:
            call()
        except DomainError as refusal:
            return str(refusal)

    in_parallel(
        [
            lambda: quietly(lambda: submit(opened)),
            lambda: quietly(lambda: open_it(ahead)),
            lambda: quietly(lambda: release_ahead(assignment_id=ahead.pk, annotator=alice)),
            lambda: quietly(expire_leases),
            lambda: quietly(lambda: claim_next_task(annotator=alice, campaign=campaign)),
            lambda: quietly(lambda: submit(ahead)),
        ]
    )
    for task in Task.objects.filter(campaign=campaign):
        kept = task.assignments.filter(state__in=["claimed", "submitted"]).count()
        done = task.assignments.filter(state="submitted").count()
        assert (task.reserved, task.submitted, task.judgements.count()) == (kept, done, done)


def test_overlap_stays_exact_when_everybody_leases_ahead(committed_world):
    people = [create_annotator(username=f"worker-{number}") for number in range(8)]

    def work(person):
        done = 0
        while assignment := claim_next_task(annotator=person, campaign=committed_world.ranking):
            ahead = claim_ahead(annotator=person, campaign=committed_world.ranking)
            submit(assignment)
            done += 1
            if ahead and done % 2:
                open_it(ahead)
            elif ahead:
                release_ahead(assignment_id=ahead.pk, annotator=person)
        return done

    done = sum(in_parallel([lambda person=person: work(person) for person in people]))
    assert done == 3 * 2  # three tasks, overlap two
    assert set(Task.objects.filter(campaign=committed_world.ranking).values_list("reserved", "submitted")) == {(2, 2)}
