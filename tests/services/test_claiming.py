"""Who holds which task: exact overlap, leases, skips."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from annotate.errors import DomainError, LeaseLost
from annotate.models import Assignment, Task
from annotate.services import claiming
from annotate.services.campaigns import add_task, set_campaign_state
from annotate.services.claiming import claim_next_task, extend_lease, save_draft
from annotate.services.corpus import add_completion, add_prompt, person_as_producer
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit_ranking
from annotate.services.people import create_annotator
from annotate.services.releasing import release_assignment, skip_assignment
from annotate.services.setup import change_campaign
from tests.world import add_guideline


def lapse(assignment):
    """Make the lease of this assignment lie in the past."""
    Assignment.objects.filter(pk=assignment.pk).update(lease_expires_at=timezone.now() - timedelta(minutes=1))


def test_it_hands_out_the_first_open_task(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert assignment.task == world.ranking_tasks[0]
    assert Task.objects.get(pk=assignment.task_id).reserved == 1


def test_it_gives_the_same_assignment_on_reload(world):
    first = claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert claim_next_task(annotator=world.alice, campaign=world.ranking) == first
    assert Assignment.objects.count() == 1


def test_it_gives_the_next_one_when_another_tab_submits_in_that_moment(world, monkeypatch):
    first = claim_next_task(annotator=world.alice, campaign=world.ranking)
    held = claiming._held

    def held_until_now(annotator, campaign):
        found = held(annotator, campaign)
        if found.opened == first:
            ranks = dict.fromkeys(first.shown_order, 1)
            submit_ranking(assignment_id=first.pk, annotator=world.alice, ranks=ranks, seconds=1)
        return found

    monkeypatch.setattr(claiming, "_held", held_until_now)
    assert claim_next_task(annotator=world.alice, campaign=world.ranking).task == world.ranking_tasks[1]


def test_it_stores_a_shuffle_of_the_completions(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    canonical = list(assignment.task.task_completions.values_list("completion_id", flat=True))
    assert sorted(assignment.shown_order) == sorted(canonical)


def test_it_shuffles_for_each_annotator(world):
    orders = set()
    for number in range(12):
        someone = create_annotator(username=f"someone-{number}")
        Task.objects.filter(pk=world.ranking_tasks[0].pk).update(target=20)
        orders.add(tuple(claim_next_task(annotator=someone, campaign=world.ranking).shown_order))
    assert len(orders) >= 4  # 12 draws of 24 orders: fewer than 4 different ones has a chance below 1e-9


def test_it_moves_on_when_the_places_are_taken(world):
    for annotator in (world.alice, world.bob):
        claim_next_task(annotator=annotator, campaign=world.ranking)
    third = claim_next_task(annotator=world.outsider, campaign=world.ranking)
    assert third.task == world.ranking_tasks[1]


def test_it_returns_none_when_nothing_is_left(world):
    for _ in world.ranking_tasks:
        skip_assignment(
            assignment_id=claim_next_task(annotator=world.alice, campaign=world.ranking).pk,
            annotator=world.alice,
            reason="not my field",
        )
    assert claim_next_task(annotator=world.alice, campaign=world.ranking) is None


def test_it_refuses_to_claim_in_a_paused_campaign(world):
    set_campaign_state(campaign=world.ranking, state="paused")
    with pytest.raises(DomainError, match="is paused"):
        claim_next_task(annotator=world.alice, campaign=world.ranking)


def test_it_never_hands_out_what_the_annotator_wrote(world):
    prompt = add_prompt(messages=[{"role": "user", "content": "Mine?"}], by=world.carol)
    own = add_completion(prompt=prompt, producer=person_as_producer(user=world.alice), text="By me.", by=world.alice)
    other = add_completion(prompt=prompt, producer=person_as_producer(user=world.bob), text="By Bob.", by=world.bob)
    task, _ = add_task(campaign=world.ranking, prompt=prompt, completions=[own, other])
    Task.objects.filter(campaign=world.ranking).exclude(pk=task.pk).update(reserved=2)
    assert claim_next_task(annotator=world.alice, campaign=world.ranking) is None
    assert claim_next_task(annotator=world.outsider, campaign=world.ranking).task == task


def test_a_skipped_task_frees_its_place_and_never_comes_back(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    skip_assignment(assignment_id=assignment.pk, annotator=world.alice, reason="I know the author")
    assert Task.objects.get(pk=assignment.task_id).reserved == 0
    assert claim_next_task(annotator=world.alice, campaign=world.ranking).task != assignment.task


def test_it_refuses_to_skip_without_a_reason(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    with pytest.raises(DomainError, match="why"):
        skip_assignment(assignment_id=assignment.pk, annotator=world.alice, reason="  ")


def test_a_released_task_may_come_again(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    release_assignment(assignment_id=assignment.pk, annotator=world.alice)
    again = claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert (again.task, again != assignment) == (assignment.task, True)


def test_it_expires_leases_once(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    lapse(assignment)
    assert (expire_leases(), expire_leases()) == (1, 0)
    assert Task.objects.get(pk=assignment.task_id).reserved == 0


def test_it_extends_a_lease(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    lapse(assignment)
    extend_lease(assignment_id=assignment.pk, annotator=world.alice)
    assert expire_leases() == 0


def test_it_says_when_the_lease_is_lost(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    lapse(assignment)
    expire_leases()
    with pytest.raises(LeaseLost, match="ran out"):
        extend_lease(assignment_id=assignment.pk, annotator=world.alice)


def test_it_keeps_a_draft_after_the_lease_was_lost(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    lapse(assignment)
    expire_leases()
    save_draft(assignment_id=assignment.pk, annotator=world.alice, draft={"ranks": {"1": 2}})
    assignment.refresh_from_db()
    assert assignment.draft == {"ranks": {"1": 2}}


def test_nobody_touches_another_ones_assignment(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    with pytest.raises(DomainError, match="no such assignment of yours"):
        release_assignment(assignment_id=assignment.pk, annotator=world.bob)


def test_the_assignment_remembers_the_guideline_version_that_was_shown(world):
    assignment = claim_next_task(annotator=world.alice, campaign=world.ranking)
    change_campaign(campaign=world.ranking, by=world.carol, guideline=add_guideline("ranking", version=2))
    ranks = dict.fromkeys(assignment.shown_order, 1)
    judgement = submit_ranking(assignment_id=assignment.pk, annotator=world.alice, ranks=ranks, seconds=1)
    assert judgement.guideline.version == 1


def test_the_database_refuses_a_place_beyond_the_target(world):
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.filter(pk=world.ranking_tasks[0].pk).update(reserved=3)


@pytest.mark.parametrize("annotators", [8, 16])
def test_concurrent_annotators_never_go_beyond_the_overlap(committed_world, annotators):
    people = [create_annotator(username=f"worker-{number}") for number in range(annotators)]

    def work(person):
        done = 0
        while assignment := claim_next_task(annotator=person, campaign=committed_world.ranking):
            ranks = dict.fromkeys(assignment.shown_order, 1)
            submit_ranking(assignment_id=assignment.pk, annotator=person, ranks=ranks, seconds=1)
            done += 1
        connection.close()
        return done

    with ThreadPoolExecutor(annotators) as pool:
        done = sum(pool.map(work, people))
    assert done == 3 * 2  # three tasks, overlap two
    assert set(Task.objects.filter(campaign=committed_world.ranking).values_list("reserved", "submitted")) == {(2, 2)}


def test_it_goes_on_with_the_draft_when_the_task_comes_back(world):
    lost = claim_next_task(annotator=world.alice, campaign=world.ranking)
    save_draft(assignment_id=lost.pk, annotator=world.alice, draft={"rationale": "half-way"})
    lapse(lost)
    expire_leases()
    again = claim_next_task(annotator=world.alice, campaign=world.ranking)
    assert (again.task, again.draft) == (lost.task, {"rationale": "half-way"})
