"""Where a whole campaign stops: budgets in judgements, hours and money, exact whoever asks at once."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection

from annotate.errors import DomainError, LeaseLost
from annotate.models import Assignment, Campaign, Judgement, Spending, Task
from annotate.services import budgets
from annotate.services.claiming import claim_ahead, claim_next_task, claim_task, open_ahead
from annotate.services.expiring import expire_leases
from annotate.services.judging import correct, submit_and_go_on, submit_ranking
from annotate.services.membership import suspend
from annotate.services.onboarding import join
from annotate.services.people import create_annotator
from annotate.services.preferences import choose_opt_outs
from annotate.services.releasing import release_ahead, release_assignment, skip_assignment
from annotate.services.setup import change_campaign, set_up_campaign
from tests.services.test_claiming import lapse
from tests.world import add_ranking_task


def allow(world, **budget) -> Campaign:
    """The ranking campaign has this budget from now on."""
    change_campaign(campaign=world.ranking, by=world.carol, assignment={"budget": budget})
    return world.ranking


def pay(world, rate: str = "36.00", **more) -> None:
    change_campaign(campaign=world.ranking, by=world.carol, hourly_rate=Decimal(rate), currency="EUR", **more)


def take(world, annotator=None) -> Assignment | None:
    return claim_next_task(annotator=annotator or world.alice, campaign=world.ranking)


def submit(assignment, seconds=10) -> Judgement:
    ranks = dict.fromkeys(assignment.shown_order, 1)
    return submit_ranking(assignment_id=assignment.pk, annotator=assignment.annotator, ranks=ranks, seconds=seconds)


def spent(world) -> Spending:
    return Spending.objects.get(campaign=world.ranking)


def test_it_stops_when_the_judgements_are_used_up(world):
    allow(world, judgements=2)
    submit(take(world))
    submit(take(world))
    assert take(world) is None
    assert take(world, world.bob) is None
    assert spent(world).judgements == 2


def test_a_refused_hand_out_leaves_no_place_taken(world):
    allow(world, judgements=0)
    assert take(world) is None
    assert not Task.objects.filter(reserved__gt=0).exists()
    assert not Assignment.objects.exists()


def test_what_is_leased_ahead_counts(world):
    allow(world, judgements=2)
    take(world)
    assert claim_ahead(annotator=world.alice, campaign=world.ranking) is not None
    assert take(world, world.bob) is None


def test_a_place_that_is_given_back_is_free_for_another(world):
    allow(world, judgements=1)
    skip_assignment(assignment_id=take(world).pk, annotator=world.alice, reason="not my field")
    release_assignment(assignment_id=take(world).pk, annotator=world.alice)
    lapse(take(world))
    expire_leases()
    assert spent(world).judgements == 0
    assert take(world, world.bob) is not None


def test_leaving_gives_everything_back(world):
    allow(world, judgements=5)
    membership = join(user=world.alice, campaign=world.ranking)
    take(world)
    claim_ahead(annotator=world.alice, campaign=world.ranking)
    suspend(membership_id=membership.pk)
    assert spent(world).judgements == 0


def test_a_closed_tab_gives_back_what_was_ahead(world):
    allow(world, judgements=5)
    take(world)
    ahead = claim_ahead(annotator=world.alice, campaign=world.ranking)
    release_ahead(assignment_id=ahead.pk, annotator=world.alice)
    assert spent(world).judgements == 1


def test_an_opt_out_gives_back_what_is_held(world):
    allow(world, judgements=5)
    held = take(world)
    held.task.prompt.content_warnings.create(kind="violence")
    choose_opt_outs(user=world.alice, kinds=["violence"])
    assert spent(world).judgements == 0


def test_a_late_submission_counts_again(world):
    allow(world, judgements=1)
    lapse(held := take(world))
    expire_leases()
    submit(held)
    assert spent(world).judgements == 1


def test_a_late_submission_is_kept_as_a_draft_when_the_budget_is_used_up(world):
    allow(world, judgements=1)
    lapse(held := take(world))
    expire_leases()
    take(world, world.bob)
    with pytest.raises(LeaseLost, match=r"budget of “Rank answers” has been used up since.*kept as a draft"):
        submit(held)
    held.refresh_from_db()
    assert (held.state, set(held.draft["ranks"])) == ("expired", set(map(str, held.shown_order)))
    assert Task.objects.get(pk=held.task_id).reserved == 1


def test_what_was_ahead_is_not_opened_again_when_the_budget_is_used_up(world):
    allow(world, judgements=2)
    opened = take(world)
    ahead = claim_ahead(annotator=world.alice, campaign=world.ranking)
    release_ahead(assignment_id=ahead.pk, annotator=world.alice)
    submit(opened)
    take(world, world.bob)
    with pytest.raises(LeaseLost, match="budget of the campaign has been used up"):
        open_ahead(assignment_id=ahead.pk, annotator=world.alice)
    assert spent(world).judgements == 2


def test_a_correction_costs_nothing(world):
    pay(world)
    allow(world, money=100)
    judgement = submit(take(world), seconds=100)
    ranks = {pk: rank for rank, pk in enumerate(judgement.assignment.shown_order, start=1)}
    correct(judgement_id=judgement.pk, annotator=world.alice, answer={"ranks": ranks}, seconds=500)
    assert (spent(world).seconds, spent(world).money) == (100, Decimal("1.0000"))


def test_it_stops_when_the_hours_are_used_up_and_lets_people_finish(world):
    allow(world, hours=0.5)
    open_elsewhere = take(world, world.bob)
    submit(take(world), seconds=1800)
    assert take(world) is None
    submit(open_elsewhere, seconds=900)
    assert spent(world).seconds == 2700


def test_it_stops_when_the_money_is_used_up(world):
    pay(world)
    allow(world, money=0.3)
    for _ in range(3):
        assert budgets.used_up(Campaign.objects.get(pk=world.ranking.pk)) == ""
        submit(take(world), seconds=10)
    assert spent(world).money == Decimal("0.3")
    assert take(world) is None
    assert budgets.used_up(Campaign.objects.get(pk=world.ranking.pk)) == "money"


def test_a_fixed_time_is_paid_whatever_was_spent(world):
    pay(world, pay_seconds=90)
    allow(world, money=100)
    submit(take(world), seconds=1000)
    assert spent(world).money == Decimal("0.9")


def test_the_account_starts_with_what_was_done_before(world):
    submit(take(world), seconds=50)
    submit(take(world, world.bob), seconds=50)
    take(world)
    pay(world)
    allow(world, judgements=4)
    assert (spent(world).judgements, spent(world).seconds, spent(world).money) == (3, 100, Decimal(1))
    assert take(world, world.outsider) is not None
    assert take(world, world.bob) is None


def test_imports_and_qualification_tasks_are_not_counted(world):
    task = world.ranking_tasks[0]
    Task.objects.filter(pk=task.pk).update(purpose="qualification", queue=None)
    claim_task(task=task, annotator=world.alice, guideline=world.ranking.guideline)
    allow(world, judgements=4)
    assert spent(world).judgements == 0


def test_there_is_no_account_without_a_budget(world, django_assert_num_queries):
    allow(world, judgements=4)
    change_campaign(campaign=world.ranking, by=world.carol, assignment={})
    assert not Spending.objects.exists()
    with django_assert_num_queries(0):
        assert budgets.reserve(world.ranking)


def test_a_new_campaign_has_its_account(world):
    made = set_up_campaign(
        by=world.carol,
        slug="new",
        kind="ranking",
        name="New",
        guideline=world.ranking.guideline,
        assignment={"budget": {"judgements": 3}},
    )
    assert made.spending.judgements == 0


def test_another_limit_keeps_what_was_spent(world):
    allow(world, judgements=4)
    submit(take(world), seconds=50)
    allow(world, judgements=1)
    assert (spent(world).judgements, spent(world).seconds) == (1, 50)
    assert take(world) is None
    allow(world, judgements=2)
    assert take(world) is not None


def test_another_currency_counts_anew(world):
    pay(world)
    allow(world, money=100)
    submit(take(world), seconds=100)
    change_campaign(campaign=world.ranking, by=world.carol, hourly_rate=Decimal(72), currency="USD")
    assert spent(world).money == Decimal(2)


def work_through(user, campaign, turn: int) -> None:
    """Ask until there is nothing more; some of it is skipped, given back, forgotten, held ahead or submitted late."""
    try:
        for n in range(turn, turn + 60):
            held = claim_next_task(annotator=user, campaign=campaign)
            if held is None:
                return
            ahead = claim_ahead(annotator=user, campaign=campaign) if n % 3 == 0 else None
            if n % 5 == 1:
                skip_assignment(assignment_id=held.pk, annotator=user, reason="not my field")
            elif n % 5 == 2:
                lapse(held)
                expire_leases()
                _try(submit, held)
            elif n % 7 == 3:
                _try(release_assignment, assignment_id=held.pk, annotator=user)
            elif n % 2:
                _try(submit, held)
            else:
                answer = {"ranks": dict.fromkeys(held.shown_order, 1), "flags": {}, "rationale": ""}
                _try(submit_and_go_on, assignment_id=held.pk, annotator=user, answer=answer, seconds=3)
            if ahead and n % 2:
                release_ahead(assignment_id=ahead.pk, annotator=user)
    finally:
        connection.close()


def _try(act, *args, **kwargs) -> None:
    """Somebody else may have been quicker."""
    try:
        act(*args, **kwargs)
    except DomainError:
        return


@pytest.mark.parametrize("people", [8, 32])
def test_there_are_exactly_as_many_judgements_as_the_budget_allows(committed_world, people):
    world = committed_world
    for number in range(27):
        answers = [f"{number}{letter}" for letter in "ab"]
        add_ranking_task(world.ranking, question=f"Race {number}?", answers=answers, by=world.carol)
    allow(world, judgements=20)
    users = [create_annotator(username=f"worker-{number}") for number in range(people)]
    with ThreadPoolExecutor(people) as pool:
        list(pool.map(lambda pair: work_through(pair[1], world.ranking, pair[0]), enumerate(users)))
    for user in users:  # whatever somebody still holds is done or given back, and the last ones are taken
        work_through(user, world.ranking, 100)
    assert Judgement.objects.count() == 20
    assert spent(world).judgements == 20
    assert all(task.reserved == task.submitted for task in Task.objects.all())


def test_a_budget_that_comes_while_people_work_misses_nobody(committed_world):
    world = committed_world
    users = [create_annotator(username=f"worker-{number}") for number in range(8)]

    def take_one(user):
        try:
            return claim_next_task(annotator=user, campaign=Campaign.objects.get(pk=world.ranking.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(9) as pool:
        taking = [pool.submit(take_one, user) for user in users]
        pool.submit(lambda: (allow(world, judgements=100), connection.close())).result()
        taken = [future.result() for future in taking]
    assert spent(world).judgements == sum(one is not None for one in taken)
