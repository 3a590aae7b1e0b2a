"""Handing gold out: first to new people and then at the campaign's rate, by chances that are known."""

import math
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import transaction
from scipy.stats import chi2

from annotate.models import Assignment, Task
from annotate.services import choosing
from annotate.services.claiming import claim_ahead, claim_next_task, save_draft
from annotate.services.corpus import add_prompt
from annotate.services.expiring import expire_leases
from annotate.services.gold import retire
from annotate.services.judging import submit_ranking
from annotate.services.preferences import choose_opt_outs
from annotate.services.queues import access_of
from annotate.services.releasing import release_assignment, skip_assignment
from tests.gold import add_gold, set_rules
from tests.services.test_claiming import lapse
from tests.world import World, add_ranking_task

CERTAIN = 1e-6
"""The chance with which a right implementation would fail one of these tests under another seed."""


def take(world: World, annotator=None) -> Assignment | None:
    return claim_next_task(annotator=annotator or world.alice, campaign=world.ranking)


def do(world: World, annotator=None) -> Task | None:
    """Rank the next task, all alike."""
    held = take(world, annotator)
    if held:
        ranks = dict.fromkeys(held.shown_order, 1)
        submit_ranking(assignment_id=held.pk, annotator=held.annotator, ranks=ranks, seconds=1)
    return held and held.task


def purposes(world: World, annotator=None) -> list[str]:
    """What each task was for that somebody does until there is none left."""
    done = []
    while task := do(world, annotator):
        done.append(task.purpose)
    return done


def thrown(world: World, monkeypatch, n: int) -> Iterator[choosing.Taken]:
    """What `n` throws of the dice give to alice, each taken back, so that all have the same choice."""
    monkeypatch.setattr(choosing, "chance", random.Random(20))
    access = access_of(annotator=world.alice, campaign=world.ranking)
    for _ in range(n):
        with transaction.atomic():
            yield choosing.take_next(annotator=world.alice, campaign=world.ranking, access=access)
            transaction.set_rollback(True)


def tail(n: int, rate: float, hits: int) -> float:
    """The binomial chance of a number of hits at least as far from what is expected."""
    chances = [math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)]
    return min(1.0, 2 * min(sum(chances[: hits + 1]), sum(chances[hits:])))


def test_new_people_get_gold_first(world):
    add_gold(world, 4)
    set_rules(world, gold={"first": 2, "rate": 0})
    assert purposes(world) == ["gold", "gold", "work", "work", "work"]


def test_gold_comes_at_the_campaigns_rate_while_there_is_other_work(world):
    add_gold(world, 4)
    set_rules(world, gold={"rate": 1})
    assert purposes(world) == ["gold"] * 4 + ["work"] * 3


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_the_share_of_gold_is_the_campaigns_rate(world, monkeypatch, rate):
    add_gold(world, 3)
    set_rules(world, gold={"rate": rate})
    lanes = [taken.lane for taken in thrown(world, monkeypatch, 500)]
    assert tail(500, rate, lanes.count("gold")) > CERTAIN


def test_stored_chances_are_those_of_the_hand_outs(world, monkeypatch):
    gold = add_gold(world, 4)
    tasks = [*world.ranking_tasks, *gold]
    for task, draw in zip(tasks, (0.1, 0.5, 0.55, 0.2, 0.3, 0.62, 0.97), strict=True):
        Task.objects.filter(pk=task.pk).update(draw=draw)
    set_rules(world, gold={"rate": 0.4}, random_share=0.5)
    given, chances = Counter(), {}
    n = 2_400
    for taken in thrown(world, monkeypatch, n):
        given[taken.task_id] += 1
        assert chances.setdefault(taken.task_id, taken.probability) == pytest.approx(taken.probability)
        assert (taken.lane == "gold") == (taken.task_id in {task.pk for task in gold})
    assert chances == pytest.approx(
        dict(
            zip(
                (task.pk for task in tasks),
                (0.6 * (0.5 * 0.55 + 0.5), 0.6 * 0.5 * 0.4, 0.6 * 0.5 * 0.05, 0.4 * 0.23, 0.4 * 0.1, 0.128, 0.14),
                strict=True,
            )
        )
    )
    distance = sum((given[pk] - n * chance) ** 2 / (n * chance) for pk, chance in chances.items())
    assert chi2.sf(distance, len(chances) - 1) > CERTAIN


def test_gold_never_comes_twice_to_one_person(world):
    one, other = add_gold(world, 2)
    set_rules(world, gold={"rate": 1})
    first = take(world)
    skip_assignment(assignment_id=first.pk, annotator=world.alice, reason="I do not know.")
    assert do(world) in {one, other} - {first.task}
    assert purposes(world) == ["work"] * 3


def test_everybody_gets_the_same_gold(world):
    add_gold(world, 2)
    set_rules(world, gold={"first": 2})
    for person in (world.alice, world.bob, world.outsider):
        assert {do(world, person).purpose, do(world, person).purpose} == {"gold"}


def test_gold_is_not_handed_out_to_who_has_nothing_else_to_do(world):
    set_rules(world, gold={"first": 5, "rate": 1})
    purposes(world)
    add_gold(world, 2)
    assert take(world) is None


def test_gold_does_not_come_after_the_last_task_that_is_open(world):
    set_rules(world, gold={"rate": 1})
    do(world), do(world)
    take(world)
    add_gold(world, 1)
    assert claim_ahead(annotator=world.alice, campaign=world.ranking) is None


def test_gold_that_is_taken_out_goes_to_nobody(world):
    for task in add_gold(world, 2):
        retire(task=task, by=world.carol)
    set_rules(world, gold={"first": 2, "rate": 1})
    assert purposes(world) == ["work"] * 3


def test_nobody_gets_gold_that_they_opted_out_of(world):
    task, harmless = add_gold(world, 2)
    add_prompt(messages=task.prompt.messages, by=None, warnings=["hate"])
    choose_opt_outs(user=world.alice, kinds=["hate"])
    set_rules(world, gold={"first": 2})
    assert [do(world), do(world).purpose] == [harmless, "work"]


# What somebody gave back comes first: else giving back would tell which is gold


@pytest.mark.parametrize("rate", [0, 1])
def test_what_was_given_back_comes_again_first_gold_or_not(world, rate):
    add_gold(world, 5)
    for number in range(5):
        add_ranking_task(world.ranking, question=f"More {number}?", answers=["a", "b", "c", "d"], by=world.carol)
    set_rules(world, gold={"rate": rate}, order="random")
    held = take(world)
    save_draft(assignment_id=held.pk, annotator=world.alice, draft={"rationale": "So far."})
    release_assignment(assignment_id=held.pk, annotator=world.alice)
    again = take(world)
    assert (again.task, again.draft) == (held.task, {"rationale": "So far."})
    assert (again.lane, again.probability) == (held.lane, held.probability)
    lapse(again)
    expire_leases()
    assert do(world) == held.task
    assert take(world).task != held.task


def test_what_was_open_comes_before_what_was_ahead(world):
    add_gold(world, 5)
    set_rules(world, gold={"rate": 1})
    held = take(world)
    ahead = claim_ahead(annotator=world.alice, campaign=world.ranking)
    release_assignment(assignment_id=held.pk, annotator=world.alice)
    assert [do(world), do(world)] == [held.task, ahead.task]


def test_what_was_given_back_is_no_longer_there_when_others_did_it(world):
    add_gold(world, 1)
    set_rules(world, gold={"rate": 0})
    held = take(world)
    release_assignment(assignment_id=held.pk, annotator=world.alice)
    assert [do(world, world.bob), do(world, world.outsider)] == [held.task] * 2
    assert take(world).task != held.task


def test_gold_that_was_given_back_waits_for_other_work(world):
    set_rules(world, gold={"rate": 0})
    do(world), do(world)
    add_gold(world, 1)
    set_rules(world, gold={"rate": 1})
    gold = take(world)
    release_assignment(assignment_id=gold.pk, annotator=world.alice)
    Task.objects.filter(purpose="work").update(withdrawn=True)
    assert take(world) is None
