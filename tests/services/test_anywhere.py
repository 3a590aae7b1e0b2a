"""The next task over all campaigns: what is held first, then by priority, then by share."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.errors import DomainError, StepMissing
from annotate.models import Assignment, Campaign, Task
from annotate.services import anywhere
from annotate.services.anywhere import by_need, claim_anywhere
from annotate.services.campaigns import set_campaign_state
from annotate.services.claiming import claim_ahead, claim_next_task
from annotate.services.people import create_annotator
from annotate.services.releasing import skip_assignment
from tests.world import set_onboarding

GUIDELINE_STEP = {"acknowledge": True}


def prefer(campaign, *, priority: int = 0, share: int = 1) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(priority=priority, share=share)


def take_all_places(campaign) -> None:
    for task in Task.objects.filter(campaign=campaign):
        Task.objects.filter(pk=task.pk).update(reserved=task.target)


@pytest.mark.parametrize(("ranking", "writing"), [(1, 0), (0, 1), (-1, -2)])
def test_it_gives_a_task_of_the_highest_priority(world, ranking, writing):
    prefer(world.ranking, priority=ranking)
    prefer(world.writing, priority=writing)
    expected = world.ranking if ranking > writing else world.writing
    assert {claim_anywhere(annotator=user).campaign for user in (world.alice, world.outsider)} == {expected}


def test_it_goes_on_with_what_they_opened_last(world):
    prefer(world.ranking, priority=5)
    held = [claim_next_task(annotator=world.alice, campaign=each) for each in (world.ranking, world.writing)]
    assert claim_anywhere(annotator=world.alice) == held[1]


def test_what_is_ahead_of_a_lower_priority_does_not_come_first(world):
    claim_ahead(annotator=world.alice, campaign=world.writing)
    prefer(world.ranking, priority=5)
    assert claim_anywhere(annotator=world.alice).campaign == world.ranking


def test_it_goes_on_with_what_they_hold_in_a_paused_campaign(world):
    held = claim_next_task(annotator=world.alice, campaign=world.writing)
    set_campaign_state(campaign=world.writing, state="paused")
    assert claim_anywhere(annotator=world.alice) == held


def test_it_goes_to_the_next_campaign_when_the_most_needed_has_no_work_for_them(world):
    prefer(world.ranking, priority=5)
    take_all_places(world.ranking)
    assert claim_anywhere(annotator=world.alice).campaign == world.writing


def test_it_goes_to_the_next_campaign_when_the_last_place_is_taken_meanwhile(world, monkeypatch):
    prefer(world.ranking, priority=5)
    take_all_places(world.ranking)
    monkeypatch.setattr(anywhere, "campaigns_with_work", lambda *, annotator, campaigns: {one.pk for one in campaigns})
    assert claim_anywhere(annotator=world.alice).campaign == world.writing


def test_it_passes_over_campaigns_that_are_paused(world):
    set_campaign_state(campaign=world.ranking, state="paused")
    prefer(world.ranking, priority=5)
    assert claim_anywhere(annotator=world.alice).campaign == world.writing


def test_it_passes_over_campaigns_that_they_do_not_see(world):
    set_onboarding(campaign=world.ranking, onboarding={}, access="members")
    prefer(world.ranking, priority=5)
    assert claim_anywhere(annotator=world.alice).campaign == world.writing


def test_it_passes_over_campaigns_with_a_step_to_do(world):
    set_onboarding(campaign=world.ranking, onboarding=GUIDELINE_STEP, access="everyone")
    prefer(world.ranking, priority=5)
    assert claim_anywhere(annotator=world.alice).campaign == world.writing


def test_it_names_the_steps_when_there_is_no_other_work(world):
    take_all_places(world.writing)
    set_onboarding(campaign=world.ranking, onboarding=GUIDELINE_STEP, access="everyone")
    with pytest.raises(StepMissing, match="work for you in “Rank answers”") as missing:
        claim_anywhere(annotator=world.alice)
    assert (missing.value.step, missing.value.campaign) == ("guideline", "answers")


def test_it_names_no_step_before_work_that_there_is_not(world):
    for campaign in (world.ranking, world.writing):
        take_all_places(campaign)
    set_onboarding(campaign=world.ranking, onboarding=GUIDELINE_STEP, access="everyone")
    assert claim_anywhere(annotator=world.alice) is None


def test_a_campaign_that_refuses_is_passed_over_and_explains_when_there_is_no_other(world, monkeypatch):
    real = anywhere.claim_next_task

    def limited(*, annotator, campaign):
        if campaign == world.ranking:
            raise DomainError("That is enough for today.")
        return real(annotator=annotator, campaign=campaign)

    monkeypatch.setattr(anywhere, "claim_next_task", limited)
    prefer(world.ranking, priority=5)
    for _ in world.writing_tasks:
        held = claim_anywhere(annotator=world.alice)
        assert held.campaign == world.writing
        skip_assignment(assignment_id=held.pk, annotator=world.alice, reason="Not mine.")
    with pytest.raises(DomainError, match="enough for today"):
        claim_anywhere(annotator=world.alice)


def test_campaigns_of_equal_priority_come_in_proportion_to_their_shares(monkeypatch):
    monkeypatch.setattr(anywhere, "chance", Random(11))
    shares = {1: 1, 2: 2, 3: 5}
    campaigns = [Campaign(pk=pk, share=share) for pk, share in shares.items()] + [Campaign(pk=4, priority=-1, share=99)]
    draws = [by_need(campaigns) for _ in range(4_000)]
    first = Counter(order[0].pk for order in draws)
    for pk, share in shares.items():
        p = share / 8
        assert abs(first[pk] / 4_000 - p) < 4 * (p * (1 - p) / 4_000) ** 0.5  # 4 standard errors: 1 in 5,000 goes wrong
    assert {order[-1].pk for order in draws} == {4}
    second = Counter(order[1].pk for order in draws if order[0].pk == 3)
    p = 2 / 3  # without the third, shares are 1 and 2
    assert abs(second[2] / first[3] - p) < 4 * (p * (1 - p) / first[3]) ** 0.5


def test_its_cost_grows_neither_with_tasks_nor_with_campaigns(world, django_assert_num_queries):
    with CaptureQueriesContext(connection) as before:
        claim_anywhere(annotator=world.alice)
    for number in range(5):
        copy = Campaign.objects.get(pk=world.writing.pk)
        copy.pk, copy.slug = None, f"copy-{number}"
        copy._state.adding = True
        copy.save()
    with django_assert_num_queries(len(before)):
        claim_anywhere(annotator=world.outsider)


def test_many_who_ask_anywhere_at_once_never_go_beyond_the_overlap(committed_world):
    people = [create_annotator(username=f"worker-{number}") for number in range(8)]

    def work(person) -> int:
        done = 0
        while held := claim_anywhere(annotator=person):
            assert claim_anywhere(annotator=person) == held
            skip_assignment(assignment_id=held.pk, annotator=person, reason="Seen.")
            done += 1
        connection.close()
        return done

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(work, people))
    assert max(done) <= 5  # nobody gets a task twice
    assert Assignment.objects.filter(state="skipped").count() == sum(done)
    assert set(Task.objects.values_list("reserved", flat=True)) == {0}
