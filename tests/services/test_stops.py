"""Where people stop for the day, and what paused and closed mean for the work in people's hands."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from annotate.errors import LeaseLost, NotOpen
from annotate.models import Assignment, Campaign, Judgement, Task
from annotate.services import daily
from annotate.services.claiming import claim_ahead, claim_next_task, extend_lease, open_ahead, save_draft
from annotate.services.expiring import expire_leases
from annotate.services.judging import submit_ranking
from annotate.services.releasing import release_ahead
from annotate.services.setup import change_campaign, move_campaign
from tests.services.test_claiming import lapse


def limit(world, **limits) -> None:
    change_campaign(campaign=world.ranking, by=world.carol, assignment={"daily": limits})


def take(world, annotator=None) -> Assignment | None:
    return claim_next_task(annotator=annotator or world.alice, campaign=world.ranking)


def take_ahead(world) -> Assignment | None:
    return claim_ahead(annotator=world.alice, campaign=world.ranking)


def submit(assignment, seconds=10) -> Judgement:
    ranks = dict.fromkeys(assignment.shown_order, 1)
    return submit_ranking(assignment_id=assignment.pk, annotator=assignment.annotator, ranks=ranks, seconds=seconds)


def move(world, state: str) -> None:
    world.ranking = move_campaign(campaign=world.ranking, state=state, by=world.carol)


@pytest.fixture
def opened(world) -> Assignment:
    return take(world)


@pytest.fixture
def ahead(world, opened) -> Assignment:
    return take_ahead(world)


# Daily limits


def test_a_person_stops_at_the_days_judgements_and_others_go_on(world):
    limit(world, judgements=2)
    submit(take(world))
    submit(take(world))
    assert take(world) is None
    assert take(world, world.bob) is not None


def test_what_is_open_counts_for_what_is_leased_ahead(world):
    limit(world, judgements=2)
    submit(take(world))
    take(world)
    assert take_ahead(world) is None


def test_what_is_leased_ahead_may_be_done(world):
    limit(world, judgements=2)
    opened, ahead = take(world), take_ahead(world)
    submit(opened)
    assert take(world) == ahead
    assert take_ahead(world) is None
    submit(ahead)
    assert take(world) is None


def test_a_person_stops_after_the_days_hours(world):
    limit(world, hours=0.5)
    submit(take(world), seconds=1799)
    submit(take(world), seconds=5)
    assert take(world) is None


def test_another_campaign_goes_on(world):
    limit(world, judgements=1)
    submit(take(world))
    assert take(world) is None
    assert claim_next_task(annotator=world.alice, campaign=world.writing) is not None


def test_what_was_done_yesterday_does_not_count(world, monkeypatch):
    limit(world, judgements=1)
    submit(take(world))
    monkeypatch.setattr(daily, "midnight", lambda: timezone.now() + timedelta(seconds=1))
    assert take(world) is not None


def test_what_was_ahead_is_not_opened_again_beyond_the_limit(world, opened, ahead):
    limit(world, judgements=1)
    release_ahead(assignment_id=ahead.pk, annotator=world.alice)
    submit(opened)
    with pytest.raises(LeaseLost, match="today's share"):
        open_ahead(assignment_id=ahead.pk, annotator=world.alice)


def test_work_that_is_late_is_taken_beyond_the_limit(world, opened, ahead):
    lapse(opened)
    expire_leases()
    limit(world, judgements=1)
    submit(ahead)
    assert submit(opened).task == opened.task


@pytest.mark.parametrize(("today", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_is_as_long_as_it_is(monkeypatch, today, hours):
    with timezone.override(ZoneInfo("Europe/Berlin")):
        noon = timezone.make_aware(datetime.fromisoformat(f"{today}T12:00"))
        monkeypatch.setattr(timezone, "now", lambda: noon)
        assert (daily.next_midnight().timestamp() - daily.midnight().timestamp()) / 3600 == hours


def test_the_limits_cost_one_query_and_none_where_there_are_none(world, django_assert_num_queries):
    asked = {"annotator": world.alice, "campaign": world.ranking, "holding": 0}
    with django_assert_num_queries(0):
        daily.may_take_more(**asked)
    limit(world, judgements=1)
    with django_assert_num_queries(1):
        daily.may_take_more(**asked)


def test_the_day_is_found_by_index(world):
    limit(world, judgements=1)
    submit(take(world))
    day = Judgement.objects.filter(annotator=world.alice, version=1, created_at__gte=daily.midnight())
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # a table of one row is read whole
    assert "judgement_of_a_day" in day.order_by().explain()


# Pause and close


def test_pausing_leaves_what_is_open_and_sends_back_what_is_ahead(world, opened, ahead):
    move(world, "paused")
    ahead.refresh_from_db()
    assert (ahead.state, Task.objects.get(pk=ahead.task_id).reserved) == ("released", 0)
    assert take(world) == opened
    save_draft(assignment_id=opened.pk, annotator=world.alice, draft={"ranks": {}})
    extend_lease(assignment_id=opened.pk, annotator=world.alice)
    submit(opened)
    with pytest.raises(NotOpen, match="is paused"):
        take(world)
    assert take_ahead(world) is None


def test_what_was_ahead_is_not_opened_in_a_paused_campaign_but_may_be_submitted(world, opened, ahead):
    move(world, "paused")
    submit(opened)
    with pytest.raises(NotOpen, match="is paused"):
        open_ahead(assignment_id=ahead.pk, annotator=world.alice)
    submit(ahead)
    assert Judgement.objects.count() == 2


def test_a_late_submission_is_taken_in_a_paused_campaign(world, opened):
    lapse(opened)
    expire_leases()
    move(world, "paused")
    assert submit(opened).task == opened.task


def test_what_somebody_leased_ahead_in_the_moment_of_pausing_is_not_opened(world, opened, ahead):
    Campaign.objects.filter(pk=world.ranking.pk).update(state="paused")
    world.ranking.refresh_from_db()
    submit(opened)
    with pytest.raises(NotOpen):
        take(world)


def test_everything_goes_on_after_a_pause(world, opened, ahead):
    move(world, "paused")
    move(world, "open")
    assert take(world) == opened
    assert take_ahead(world) == ahead


def test_who_is_at_work_when_a_campaign_closes_may_finish(world, opened, ahead):
    move(world, "closed")
    ahead.refresh_from_db()
    assert ahead.state == "released"
    assert take(world) == opened
    save_draft(assignment_id=opened.pk, annotator=world.alice, draft={"ranks": {}})
    submit(opened)
    with pytest.raises(NotOpen, match="is closed"):
        take(world)


def test_nobody_holds_a_task_longer_in_a_closed_campaign(world, opened):
    until = Assignment.objects.get(pk=opened.pk).lease_expires_at
    move(world, "closed")
    with pytest.raises(NotOpen, match=r"can be submitted until \d\d:\d\d"):
        extend_lease(assignment_id=opened.pk, annotator=world.alice)
    take(world)
    opened.refresh_from_db()
    assert opened.lease_expires_at == until


def test_nothing_is_taken_late_in_a_closed_campaign_and_the_work_is_kept(world, opened):
    lapse(opened)
    expire_leases()
    move(world, "closed")
    with pytest.raises(LeaseLost, match=r"“Rank answers” is closed.*kept as a draft"):
        submit(opened)
    opened.refresh_from_db()
    assert opened.draft["ranks"]
