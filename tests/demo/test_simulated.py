"""Simulated annotators: reproducible, and each with the skill and the bias that they declare."""

import random
from itertools import combinations

import pytest

from training.demo import plan, simulated, world

CAREFUL, LENGTH_LOVER, CARELESS = (
    [person for person in simulated.ANNOTATORS if person.kind == kind]
    for kind in ("careful", "length-lover", "careless")
)


@pytest.fixture(scope="module")
def tasks():
    return plan.make_plan(0).ranking[:300]


def preferences(person, tasks, measure):
    """How often `person` strictly prefers the completion with the larger measure, of pairs where it differs."""
    agreed = compared = 0
    for task in tasks:
        ranks = simulated.rank(person, task.messages, task.completions).ranks
        values = [measure(task, text) for text in task.completions]
        for a, b in combinations(range(len(ranks)), 2):
            if ranks[a] != ranks[b] and abs(values[a] - values[b]) > 1e-9:
                compared += 1
                agreed += (ranks[a] < ranks[b]) == (values[a] > values[b])
    return agreed / compared


def gold(task, text):
    return world.gold(task.messages, text)


def length(task, text):
    return len(text.split())


@pytest.mark.parametrize(
    ("utilities", "width", "ranks"),
    [
        ([0.0, 3.0, 1.0], 0.5, [3, 1, 2]),
        ([1.0, 1.2, 0.0], 0.5, [1, 1, 2]),
        ([0.0, 0.4, 0.8], 0.5, [2, 1, 1]),  # 0.4 ties with 0.8; 0.0 is too far from the best of that tie
        ([2.0, 2.0, 2.0], 0.0, [1, 2, 3]),
        ([2.0, 2.0, 2.0], 0.1, [1, 1, 1]),
    ],
)
def test_it_ranks_utilities_with_ties(utilities, width, ranks):
    assert simulated.ranks_from_utilities(utilities, width) == ranks


def test_it_gives_the_same_judgement_again(tasks):
    for person in simulated.ANNOTATORS:
        task = tasks[0]
        again = simulated.rank(person, task.messages, task.completions)
        assert simulated.rank(person, task.messages, task.completions) == again
        assert simulated.demonstrate(person, task.messages) == simulated.demonstrate(person, task.messages)


def test_it_judges_alike_in_whatever_order_completions_are_shown(tasks):
    for task in tasks[:50]:
        shown = list(task.completions)
        random.Random(0).shuffle(shown)
        first = simulated.rank(CAREFUL[0], task.messages, task.completions)
        second = simulated.rank(CAREFUL[0], task.messages, shown)
        assert dict(zip(task.completions, first.ranks, strict=True)) == dict(zip(shown, second.ranks, strict=True))


def test_it_judges_otherwise_with_another_seed(tasks):
    ranks = [[simulated.rank(CARELESS[0], t.messages, t.completions, seed).ranks for t in tasks] for seed in (0, 1)]
    assert ranks[0] != ranks[1]


@pytest.mark.parametrize("person", CAREFUL, ids=lambda person: person.username)
def test_it_makes_careful_annotators_agree_with_gold(person, tasks):
    # About 1,600 pairs: the standard error is below 0.01.
    assert 0.82 < preferences(person, tasks, gold) < 0.95


@pytest.mark.parametrize("person", CARELESS, ids=lambda person: person.username)
def test_it_makes_careless_annotators_little_better_than_chance(person, tasks):
    assert 0.52 < preferences(person, tasks, gold) < 0.75


@pytest.mark.parametrize("person", LENGTH_LOVER, ids=lambda person: person.username)
def test_it_makes_length_lovers_prefer_the_longer(person, tasks):
    assert preferences(person, tasks, length) > 0.58


@pytest.mark.parametrize("person", CAREFUL, ids=lambda person: person.username)
def test_it_makes_careful_annotators_indifferent_to_length(person, tasks):
    """Good replies of this world are shorter than bad ones, so whoever goes by quality takes the shorter more often."""
    assert preferences(person, tasks, length) < 0.5


def test_it_knows_more_in_its_strong_domain(tasks):
    person = simulated.Annotator("expert", "careful", 0.5, 0.0, 0.0, 170.0, 0.8, strengths=("kitchen",))
    assert person.skill_in("kitchen") == pytest.approx(0.75)
    assert person.skill_in("garden") == pytest.approx(0.5)


def test_it_makes_careless_annotators_quick(tasks):
    spent = [
        sum(simulated.rank(person, task.messages, task.completions).seconds for task in tasks[:50])
        for person in (CAREFUL[0], CARELESS[0])
    ]
    assert spent[1] < spent[0] / 2


def test_it_ties_the_same_text(tasks):
    text = tasks[0].completions[0]
    assert simulated.rank(CAREFUL[0], tasks[0].messages, [text, text]).ranks == [1, 1]


def test_it_refuses_prompts_of_another_world():
    with pytest.raises(world.NotOfThisWorld):
        simulated.rank(CAREFUL[0], [{"role": "user", "content": "Why is the sky blue?"}], ["a", "b"])


def test_it_knows_each_annotator_by_name():
    assert [simulated.annotator(person.username) for person in simulated.ANNOTATORS] == list(simulated.ANNOTATORS)
