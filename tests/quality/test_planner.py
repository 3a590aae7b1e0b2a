"""How many judgements: the research's table, and the formula against simulated annotators."""

import numpy as np
import pytest

from annotate.quality.planner import fewest_annotators, half_width_of, item_variance, plan
from annotate.quality.table import TableError


@pytest.mark.parametrize(("agreement", "items"), [(0.60, 1025), (0.65, 972), (0.73, 842), (0.80, 683)])
def test_it_gives_the_items_that_two_annotators_each_need(agreement, items):
    assert plan(0.03, agreement, overlap=2).options[0].items == items


@pytest.mark.parametrize(("overlap", "simulated"), [(3, 474), (4, 326), (5, 258), (8, 174)])
def test_it_gives_the_items_that_more_overlap_was_simulated_to_need(overlap, simulated):
    assert plan(0.03, 0.66, overlap=overlap).options[0].items == pytest.approx(simulated, rel=0.03)


def test_it_finds_four_to_five_annotators_an_item_the_cheapest():
    found = plan(0.03, 0.66)
    assert found.cheapest.overlap in (4, 5)
    assert found.cheapest.judgements == min(option.judgements for option in found.options)
    assert [option.overlap for option in found.options] == list(range(2, 11))


@pytest.mark.parametrize(("annotators", "points"), [(20, 5.7), (60, 4.2), (200, 3.6)])
def test_it_gives_the_half_width_for_new_annotators(annotators, points):
    assert 100 * half_width_of(850, 0.66, annotators) == pytest.approx(points, abs=0.15)


def test_it_says_when_only_more_annotators_help():
    few = plan(0.03, 0.66, annotators=20)
    assert {option.items_for_new for option in few.options} == {None}
    assert few.fewest_annotators == fewest_annotators(0.03) > 20
    enough = plan(0.03, 0.66, annotators=few.fewest_annotators)
    assert all(option.items_for_new > option.items for option in enough.options)
    assert enough.cheapest.judgements_for_new == min(option.judgements_for_new for option in enough.options)


def test_what_it_plans_gives_the_half_width():
    for option in plan(0.04, 0.7, annotators=100).options:
        assert half_width_of(option.items_for_new, 0.7, 100, option.overlap) <= 0.04
        assert half_width_of(option.items_for_new - 1, 0.7, 100, option.overlap) > 0.04


@pytest.mark.parametrize("overlap", [2, 3, 5])
def test_its_variance_is_that_of_simulated_items(overlap):
    rng = np.random.default_rng(0)
    chance = 1 / (1 + np.exp(-1.5 * rng.normal(size=200_000)))
    agreement = float((chance**2 + (1 - chance) ** 2).mean())
    votes = rng.binomial(overlap, chance)
    agreeing = (votes * (votes - 1) + (overlap - votes) * (overlap - votes - 1)) / (overlap * (overlap - 1))
    assert item_variance(agreement, overlap) == pytest.approx(agreeing.var(), rel=0.02)


@pytest.mark.parametrize("agreement", [0.5, 0.999])
def test_it_plans_at_the_ends(agreement):
    found = plan(0.05, agreement, annotators=30)
    assert all(option.items >= 1 and option.judgements == option.items * option.overlap for option in found.options)


def test_overlap_is_never_more_than_the_annotators():
    assert [option.overlap for option in plan(0.1, 0.7, annotators=3).options] == [2, 3]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"half_width": 0}, "half-width is 0"),
        ({"agreement": 0.4}, "at least 0.5, which is chance"),
        ({"agreement": float("nan")}, "agreement is nan"),
        ({"overlap": 1}, "agreement needs 2"),
        ({"annotators": 1}, "There are 1 annotators, but an item needs 2"),
        ({"annotators": 3, "overlap": 4}, "an item needs 4"),
        ({"annotator_spread": -1}, "spread of the annotators is -1"),
    ],
)
def test_it_refuses_what_cannot_be_planned(arguments, said):
    with pytest.raises(TableError, match=said):
        plan(**({"half_width": 0.03, "agreement": 0.7} | arguments))
