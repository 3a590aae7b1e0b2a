"""How often people are right about pairs of gold: what their votes weigh."""

import pytest
from django.utils import timezone

from annotate.services.gold import make_gold, retire
from annotate.services.judging import correct
from annotate.weight_queries import pair_accuracy
from tests.services.test_skills import _ranks as ranks_of
from tests.services.test_skills import add_gold, answer

pytestmark = pytest.mark.django_db


def accuracy(person) -> float:
    return pair_accuracy().of(person.pk).value


def test_nobody_has_an_accuracy_without_gold(world):
    found = pair_accuracy()
    assert (found.n_gold, found.known, found.of(world.alice.pk).value) == (0, {}, None)


def test_it_is_shrunk_toward_the_pool_and_expected_of_who_ranked_none(world):
    for _ in range(4):
        task = add_gold(world)
        answer(task, world.alice)
        answer(task, world.bob, (3, 2, 1))
    found = pair_accuracy()
    alice, bob, other = (found.of(person.pk) for person in (world.alice, world.bob, world.outsider))
    assert 0 < bob.value < other.value < alice.value < 1
    assert (alice.n, bob.n, other.n, found.n_gold) == (4, 4, 0, 8)
    assert bob.lo < bob.value < bob.hi


def test_a_new_answer_and_a_correction_change_it_at_once(world):
    first = answer(add_gold(world), world.alice)
    answer(add_gold(world), world.bob, (3, 2, 1))
    before = accuracy(world.alice)
    answer(add_gold(world), world.alice)
    more = accuracy(world.alice)
    assert more > before
    wrong = {"ranks": {ranked.completion_id: 4 - ranked.rank for ranked in first.ranked.all()}}
    correct(judgement_id=first.pk, annotator=world.alice, answer=wrong, seconds=1.0)
    assert accuracy(world.alice) < more


def test_another_known_answer_changes_it_at_once(world):
    task = add_gold(world)
    answer(task, world.alice)
    answer(add_gold(world), world.bob, (3, 2, 1))
    before = accuracy(world.alice)
    make_gold(task=task, answer={"ranks": ranks_of(task, [3, 2, 1])}, explanation="", by=world.carol)
    assert accuracy(world.alice) < before


def test_retired_gold_still_counts(world):
    task = add_gold(world)
    answer(task, world.alice)
    before = accuracy(world.alice)
    retire(task=task, by=world.carol)
    assert accuracy(world.alice) == before


def test_it_says_what_was_known_at_a_time(world):
    answer(add_gold(world), world.alice)
    then, before = timezone.now(), accuracy(world.alice)
    answer(add_gold(world), world.alice, (3, 2, 1))
    assert accuracy(world.alice) < before
    assert pair_accuracy(until=then).of(world.alice.pk).value == before


def test_it_is_not_computed_again_while_nothing_changes(world, django_assert_num_queries):
    answer(add_gold(world), world.alice)
    pair_accuracy()
    with django_assert_num_queries(2):  # what is known, and what was said since the ledger was written
        pair_accuracy()
