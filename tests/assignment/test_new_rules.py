"""New assignment rules of a campaign with many tasks: bounded while somebody waits, then in batches, nothing lost."""

import pytest
from django.utils import timezone

from annotate.models import Campaign, Reconsideration, Task
from annotate.services import overlap
from annotate.services.overlap import reconsider_what_waits
from tests.assignment.test_adaptive import DOWN, RULES, judge, set_rules
from tests.services.test_ahead import in_parallel
from tests.world import World


@pytest.fixture
def disputed(world, monkeypatch) -> World:
    """Three tasks in dispute, two of which fit into a batch."""
    monkeypatch.setattr(overlap, "AT_ONCE", 2)
    return dispute(world)


def dispute(world: World) -> World:
    for task in world.ranking_tasks:
        judge(task, world.alice)
        judge(task, world.bob, DOWN)
    return world


def targets(world: World) -> list[int]:
    return list(Task.objects.filter(campaign=world.ranking).order_by("position").values_list("target", flat=True))


def mark_of(world: World) -> Reconsideration:
    return Reconsideration.objects.get(campaign=world.ranking)


def test_new_rules_hold_for_the_first_tasks_at_once_and_for_the_others_soon(disputed):
    set_rules(disputed, **RULES)
    assert (targets(disputed), mark_of(disputed).done_at) == ([3, 3, 2], None)
    assert reconsider_what_waits() == 1
    assert targets(disputed) == [3, 3, 3]
    assert mark_of(disputed).done_at >= mark_of(disputed).asked_at


def test_a_campaign_of_few_tasks_is_done_at_once(world):
    set_rules(world, **RULES)
    assert mark_of(world).done_at
    assert reconsider_what_waits() == 0


def test_what_the_admin_waits_for_does_not_grow_with_the_tasks(disputed, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(overlap, "AT_ONCE", 1)
    Campaign.objects.filter(pk=disputed.ranking.pk).update(assignment=RULES)
    campaign = Campaign.objects.get(pk=disputed.ranking.pk)
    # Two savepoints; the mark (4), the last position, moving it, locking, urgency, taking back, which, weighing (4).
    with django_assert_max_num_queries(4 + 4 + 6 + 4):
        overlap.reconsider_all(campaign=campaign)
    assert targets(disputed) == [3, 2, 2]


def test_it_stops_after_so_many_batches_and_goes_on_there(disputed, monkeypatch):
    monkeypatch.setattr(overlap, "AT_ONCE", 1)
    set_rules(disputed, **RULES)
    assert reconsider_what_waits(batches=1) == 1
    assert (targets(disputed), mark_of(disputed).done_at) == ([3, 3, 2], None)
    reconsider_what_waits(batches=1)
    assert (targets(disputed), bool(mark_of(disputed).done_at)) == ([3, 3, 3], True)


def test_a_batch_that_is_cut_off_is_done_again(disputed, monkeypatch):
    set_rules(disputed, **RULES)
    whole = overlap._reconsider

    def torn(*arguments):
        whole(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(overlap, "_reconsider", torn)
    with pytest.raises(KeyboardInterrupt):
        reconsider_what_waits()
    assert (targets(disputed), mark_of(disputed).position) == ([3, 3, 2], 2)
    monkeypatch.setattr(overlap, "_reconsider", whole)
    reconsider_what_waits()
    assert targets(disputed) == [3, 3, 3]


def test_rules_that_change_again_hold_for_all(disputed):
    set_rules(disputed, **RULES)
    set_rules(disputed, overlap={"ceiling": 2})
    assert targets(disputed) == [2, 2, 2]
    assert mark_of(disputed).done_at is None  # the third has not been looked at
    reconsider_what_waits()
    assert mark_of(disputed).done_at


def test_the_order_of_tasks_beyond_the_first_follows_too(disputed):
    set_rules(disputed, first="disagreement")
    last = Task.objects.filter(campaign=disputed.ranking).order_by("position").last()
    assert last.urgency < Task.URGENT
    reconsider_what_waits()
    last.refresh_from_db()
    assert last.urgency >= Task.URGENT


def test_somebody_who_held_a_batch_that_was_done_meanwhile_does_nothing(disputed):
    set_rules(disputed, **RULES)
    seen = mark_of(disputed)
    reconsider_what_waits()
    before = timezone.now()
    assert not overlap._bring_in_line(seen)
    assert targets(disputed) == [3, 3, 3]
    assert mark_of(disputed).done_at < before


def test_two_clocks_and_a_change_at_once_end_with_the_last_rules(committed_world, monkeypatch):
    monkeypatch.setattr(overlap, "AT_ONCE", 1)
    world = dispute(committed_world)
    set_rules(world, overlap={"ceiling": 2})
    calls = [reconsider_what_waits, lambda: set_rules(world, **RULES), reconsider_what_waits]
    in_parallel(calls)
    reconsider_what_waits()
    assert (targets(world), bool(mark_of(world).done_at)) == ([3, 3, 3], True)
