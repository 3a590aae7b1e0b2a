"""Tasks about which people disagree go to more of them: when, how far, and never twice for one reason."""

import pytest
from django.db import IntegrityError, transaction

from annotate.models import Assignment, Campaign, Task, User
from annotate.services.campaigns import add_task
from annotate.services.claiming import claim_next_task, claim_task
from annotate.services.conversation import restore_task, withdraw_task
from annotate.services.judging import correct, submit, submit_ranking
from annotate.services.people import create_annotator
from annotate.services.releasing import release_assignment
from annotate.services.setup import change_campaign
from tests.rating import FORM, add_rating_campaign
from tests.services.test_ahead import in_parallel
from tests.world import World

UP, DOWN, TIED = (1, 2, 3, 4), (4, 3, 2, 1), (1, 1, 1, 1)
RULES = {"overlap": {"ceiling": 4, "confidence": 0.8}}


def set_rules(world: World, **rules) -> Campaign:
    change_campaign(campaign=world.ranking, by=world.carol, assignment=rules)
    return world.ranking


def fresh(task: Task) -> Task:
    return Task.objects.get(pk=task.pk)


def hold(task: Task, annotator: User) -> Assignment:
    return claim_task(task=fresh(task), annotator=annotator, guideline=task.campaign.guideline)


def say(held: Assignment, ranks=UP):
    """Rank the completions in their canonical order."""
    order = held.task.task_completions.values_list("completion_id", flat=True)
    return submit_ranking(
        assignment_id=held.pk, annotator=held.annotator, ranks=dict(zip(order, ranks, strict=True)), seconds=1
    )


def judge(task: Task, annotator: User, ranks=UP):
    return say(hold(task, annotator), ranks)


@pytest.fixture
def task(world) -> Task:
    return world.ranking_tasks[0]


@pytest.fixture
def people(world) -> list[User]:
    return [world.alice, world.bob, world.outsider, *(create_annotator(username=f"more-{n}") for n in range(3))]


def test_a_task_that_people_agree_on_stays_as_it_is(world, task):
    set_rules(world, **RULES)
    judge(task, world.alice)
    judge(task, world.bob)
    assert (fresh(task).target, fresh(task).raised, fresh(task).disagreement) == (2, 0, 0)


def test_a_task_that_they_disagree_on_goes_to_one_more(world, task):
    set_rules(world, **RULES)
    judge(task, world.alice)
    assert fresh(task).target == 2
    judge(task, world.bob, DOWN)
    assert (fresh(task).target, fresh(task).raised, fresh(task).disagreement) == (3, 1, 1)


def test_it_stops_when_enough_is_known(world, task, people):
    set_rules(world, overlap={"ceiling": 6, "confidence": 0.8})
    for person, ranks in zip(people[:4], (UP, DOWN, UP, UP), strict=True):
        judge(task, person, ranks)
    assert (fresh(task).target, fresh(task).submitted) == (4, 4)  # 3 to 1 is 0.8125
    assert claim_next_task(annotator=people[4], campaign=world.ranking).task != task


def test_it_never_goes_beyond_the_ceiling(world, task, people):
    set_rules(world, **RULES)
    for person, ranks in zip(people[:4], (UP, DOWN, UP, DOWN), strict=True):
        judge(task, person, ranks)
    assert (fresh(task).target, fresh(task).submitted) == (4, 4)


def test_the_next_person_gets_the_disputed_task_in_the_campaigns_order(world, task):
    set_rules(world, **RULES)
    judge(task, world.alice)
    judge(task, world.bob, DOWN)
    assert claim_next_task(annotator=world.outsider, campaign=world.ranking).task == task


def test_a_correction_counts_in_place_of_what_it_corrects(world, task):
    set_rules(world, **RULES)
    judge(task, world.alice)
    second = judge(task, world.bob)
    order = [row.completion_id for row in second.ranked.order_by("rank")]
    correct(
        judgement_id=second.pk,
        annotator=world.bob,
        answer={"ranks": dict(zip(order, DOWN, strict=True))},
        seconds=1,
    )
    assert (fresh(task).target, fresh(task).disagreement) == (3, 1)


def test_correcting_twice_raises_it_once(world, task):
    set_rules(world, **RULES)
    judge(task, world.alice)
    last = judge(task, world.bob, DOWN)
    order = [row.completion_id for row in last.ranked.order_by("-rank")]
    for ranks in ((4, 3, 2, 1), (3, 3, 2, 1)):
        last = correct(
            judgement_id=last.pk,
            annotator=world.bob,
            answer={"ranks": dict(zip(order, ranks, strict=True))},
            seconds=1,
        )
    assert fresh(task).target == 3


def test_without_such_rules_nothing_is_weighed(world, task):
    judge(task, world.alice)
    judge(task, world.bob, DOWN)
    assert (fresh(task).target, fresh(task).disagreement) == (2, None)


def test_a_withdrawn_task_is_weighed_too_and_goes_on_when_it_is_given_out_again(world, task):
    set_rules(world, **RULES)
    judge(task, world.alice)
    held = hold(task, world.bob)
    withdraw_task(task_id=task.pk)
    say(held, DOWN)
    assert claim_next_task(annotator=world.outsider, campaign=world.ranking).task != task
    release_assignment(assignment_id=Assignment.objects.get(annotator=world.outsider).pk, annotator=world.outsider)
    restore_task(task_id=task.pk)
    assert claim_next_task(annotator=world.outsider, campaign=world.ranking).task == task


def test_gold_has_a_target_of_its_own(world):
    set_rules(world, **RULES)
    pair = list(world.ranking_tasks[0].completions.all()[:2])
    gold, _new = add_task(campaign=world.ranking, prompt=pair[0].prompt, completions=pair, purpose="gold", target=2)
    judge_pair = {"ranks": {pair[0].pk: 1, pair[1].pk: 2}}, {"ranks": {pair[0].pk: 2, pair[1].pk: 1}}
    for person, answer in zip((world.alice, world.bob), judge_pair, strict=True):
        submit(assignment_id=hold(gold, person).pk, annotator=person, answer=answer, seconds=1)
    assert fresh(gold).target == 2


def test_ratings_that_disagree_ask_for_more(world):
    campaign = add_rating_campaign(world, form=FORM, answers=["One.", "Two."])
    change_campaign(campaign=campaign, by=world.carol, assignment=RULES)
    task = campaign.tasks.first()
    axes = [axis.name for axis in campaign.parsed_form.axes]
    most = min(len(axis.levels) for axis in campaign.parsed_form.axes)
    for person, value in ((world.alice, 1), (world.bob, most)):
        held = hold(task, person)
        answer = {"ratings": {pk: dict.fromkeys(axes, value) for pk in held.shown_order}}
        submit(assignment_id=held.pk, annotator=person, answer=answer, seconds=1)
    assert (fresh(task).target, fresh(task).disagreement) == (3, 1)


def test_disagreement_comes_first_when_the_campaign_says_so(world, people):
    set_rules(world, first="disagreement")
    calm, disputed = world.ranking_tasks[0], world.ranking_tasks[2]
    Task.objects.filter(campaign=world.ranking).update(target=3)
    for task, second in ((calm, UP), (disputed, DOWN)):
        judge(task, world.alice)
        judge(task, world.bob, second)
    assert fresh(disputed).urgency == Task.URGENT + 2  # its disagreement is 1, and two places are taken
    assert fresh(calm).urgency == 2
    assert claim_next_task(annotator=people[3], campaign=world.ranking).task == disputed


def test_urgency_is_the_same_whether_it_grew_or_was_set_anew(world, people):
    set_rules(world, first="disagreement", order="breadth", **RULES)
    disputed = world.ranking_tasks[0]
    judge(disputed, world.alice)
    judge(disputed, world.bob, DOWN)
    release_assignment(assignment_id=hold(disputed, people[3]).pk, annotator=people[3])
    assert fresh(disputed).urgency == Task.URGENT - 2
    set_rules(world, first="disagreement", order="depth", **RULES)
    assert fresh(disputed).urgency == Task.URGENT + 2


# Rules that change


def test_new_rules_weigh_what_is_complete(world):
    disputed, calm, begun = world.ranking_tasks
    for task, second in ((disputed, DOWN), (calm, UP)):
        judge(task, world.alice)
        judge(task, world.bob, second)
    judge(begun, world.alice)
    set_rules(world, **RULES)
    assert [fresh(task).target for task in (disputed, calm, begun)] == [3, 2, 2]


def test_new_rules_weigh_what_is_begun_where_disagreement_comes_first(world):
    disputed = world.ranking_tasks[2]
    Task.objects.filter(campaign=world.ranking).update(target=3)
    judge(disputed, world.alice)
    judge(disputed, world.bob, DOWN)
    set_rules(world, first="disagreement")
    assert (fresh(disputed).disagreement, fresh(disputed).target) == (1, 3)
    assert claim_next_task(annotator=world.outsider, campaign=world.ranking).task == disputed


def test_a_lower_ceiling_takes_back_what_nobody_has_taken(world, task, people):
    set_rules(world, **RULES)
    for person, ranks in zip(people[:3], (UP, DOWN, TIED), strict=True):
        judge(task, person, ranks)
    assert (fresh(task).target, fresh(task).raised) == (4, 2)
    set_rules(world, overlap={"ceiling": 3})
    assert (fresh(task).target, fresh(task).raised) == (3, 1)


def test_a_lower_ceiling_leaves_every_place_that_is_taken(world, task, people):
    set_rules(world, **RULES)
    for person, ranks in zip(people[:2], (UP, DOWN), strict=True):
        judge(task, person, ranks)
    held = hold(task, people[2])
    set_rules(world)
    assert (fresh(task).target, fresh(task).raised, fresh(task).reserved) == (3, 1, 3)
    say(held)
    assert fresh(task).submitted == 3


def test_a_ceiling_below_the_overlap_takes_nothing_away(world, task):
    Task.objects.filter(pk=task.pk).update(target=5)
    set_rules(world, overlap={"ceiling": 2})
    judge(task, world.alice)
    judge(task, world.bob, DOWN)
    assert (fresh(task).target, fresh(task).raised) == (5, 0)


# At once


def test_two_last_submissions_at_once_raise_it_once(committed_world):
    set_rules(committed_world, **RULES)
    task = committed_world.ranking_tasks[0]
    held = [hold(task, person) for person in (committed_world.alice, committed_world.bob)]
    in_parallel([lambda one=one, ranks=ranks: say(one, ranks) for one, ranks in zip(held, (UP, DOWN), strict=True)])
    assert (fresh(task).target, fresh(task).raised, fresh(task).disagreement) == (3, 1, 1)


def test_two_corrections_at_once_raise_it_once(committed_world):
    set_rules(committed_world, **RULES)
    task = committed_world.ranking_tasks[0]
    people = (committed_world.alice, committed_world.bob)
    said = [judge(task, person) for person in people]
    order = list(task.task_completions.values_list("completion_id", flat=True))
    answers = [(1, 2, 2, 1), (4, 3, 2, 1)]

    def change(one, ranks):
        answer = {"ranks": dict(zip(order, ranks, strict=True))}
        return correct(judgement_id=one.pk, annotator=one.annotator, answer=answer, seconds=1)

    in_parallel([lambda pair=pair: change(*pair) for pair in zip(said, answers, strict=True)])
    assert (fresh(task).target, fresh(task).raised) == (3, 1)


def test_places_stay_exact_while_everybody_disagrees(committed_world):
    set_rules(committed_world, first="disagreement", overlap={"ceiling": 5, "confidence": 0.99})
    people = [create_annotator(username=f"worker-{number}") for number in range(8)]

    def work(place, person, gives_back=0):
        while held := claim_next_task(annotator=person, campaign=committed_world.ranking):
            if gives_back:
                release_assignment(assignment_id=held.pk, annotator=person)
                gives_back -= 1
            else:
                say(held, DOWN if place % 2 else UP)

    in_parallel([lambda at=at: work(at, people[at], gives_back=at // 7) for at in range(8)])
    for place, person in enumerate(people):  # what was raised when some had stopped already
        work(place, person)
    for task in Task.objects.filter(campaign=committed_world.ranking):
        done = task.assignments.filter(state="submitted").count()
        assert (task.submitted, task.reserved, task.judgements.count()) == (done, done, done)
        assert task.target == 5 or task.disagreement == 0
        assert task.submitted <= task.target <= 5
        assert task.raised == task.target - 2
        assert task.urgency == pytest.approx(Task.URGENT * task.disagreement + task.reserved, abs=1e-6)


def test_the_database_refuses_a_task_that_was_raised_from_nothing(world, task):
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.filter(pk=task.pk).update(raised=2)
