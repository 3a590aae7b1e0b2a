"""How far the judgements of a task agree, and when enough is known: against literals, an oracle and properties."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.assignment_rules import OverlapRules
from annotate.overlap import Standing, leads, standing, wants_more

RULES = OverlapRules(ceiling=5, confidence=0.8)


def ranked(*ranks: int) -> dict:
    return {"ranks": dict(enumerate(ranks, start=1)), "verdict": ""}


def rated(value: int, axis: str = "clear") -> dict:
    return {"ratings": {"7": {axis: value}}}


A, B, TIE = ranked(1, 2), ranked(2, 1), ranked(1, 1)
CANNOT = {"ranks": {}, "verdict": "cannot_rank"}


@pytest.mark.parametrize(
    ("lead", "runner_up", "chance"),
    [(2, 1, 0.6875), (3, 0, 0.9375), (3, 1, 0.8125), (2, 2, 0.5), (3, 2, 0.65625), (4, 2, 0.7734375), (0, 0, 0.5)],
)
def test_it_knows_the_chance_that_the_leader_leads(lead, runner_up, chance):
    assert leads(lead, runner_up) == chance


def test_the_chance_is_the_area_of_the_beta_density_above_one_half():
    p = (np.arange(200_000) + 0.5) / 200_000
    for lead, runner_up in [(2, 1), (5, 2), (1, 4), (9, 9)]:
        density = p**lead * (1 - p) ** runner_up
        area = density[p > 0.5].sum() / density.sum()
        assert leads(lead, runner_up) == pytest.approx(area, abs=1e-9)  # midpoint rule with 200,000 cells


@pytest.mark.parametrize(
    ("answers", "disagreement", "confidence"),
    [
        ([A, A, A], 0, 0.9375),
        ([TIE, TIE, TIE], 0, 0.9375),
        ([A, A, B], 2 / 3, 0.6875),
        ([A, A, TIE], 1 / 3, 0.6875),
        ([A, B], 1, 0.5),
        ([A, TIE], 0.5, 0.5),
        ([A], 0, 0.75),
        ([A, A, B, TIE], 1 - (1 + 3 / 2) / 6, 0.6875),
        ([A, A, CANNOT], 2 / 3, 0.6875),
        ([CANNOT, CANNOT], 0, 0.875),
    ],
)
def test_it_weighs_two_completions(answers, disagreement, confidence):
    found = standing("ranking", answers)
    assert (found.disagreement, found.confidence, found.n) == (
        pytest.approx(disagreement, abs=1e-12),
        confidence,
        len(answers),
    )


def test_a_longer_ranking_is_the_mean_of_its_pairs():
    # 1 and 2 are ordered alike by all three, 1 and 3 as well; 2 and 3 two to one.
    found = standing("ranking", [ranked(1, 2, 3), ranked(1, 2, 3), ranked(1, 3, 2)])
    assert found.confidence == pytest.approx((0.9375 + 0.9375 + 0.6875) / 3, abs=1e-12)
    assert found.disagreement == pytest.approx(1 - (3 + 3 + 1) / 9, abs=1e-12)


def test_ratings_agree_when_they_are_at_most_one_level_apart():
    assert standing("rating", [rated(4), rated(5), rated(5)]) == Standing(0, 0.9375, 3)
    found = standing("rating", [rated(2), rated(5), rated(5)])
    assert (found.disagreement, found.confidence) == (pytest.approx(2 / 3, abs=1e-12), 0.6875)


def test_ratings_far_from_each_other_leave_the_median_without_a_lead():
    assert standing("rating", [rated(1), rated(1), rated(3), rated(5), rated(5)]).confidence < 0.2


def test_an_axis_of_two_levels_has_no_near_ones():
    answers = [rated(1, "safe"), rated(2, "safe")]
    assert standing("rating", answers, exact_axes={"safe"}) == Standing(1, 0.5, 2)


def test_steps_are_compared_as_far_as_both_answers_go():
    found = standing("steps", [{"labels": ["good", "bad"]}, {"labels": ["good", "good", "bad"]}])
    assert found.disagreement == 0.5
    assert found.confidence == pytest.approx((0.875 + 0.5 + 0.75) / 3, abs=1e-12)


def test_a_review_is_its_decision():
    answers = [{"decision": "accept"}, {"decision": "accept"}, {"decision": "edit"}]
    assert standing("review", answers).confidence == 0.6875


def test_the_expected_behaviour_counts_beside_the_pairs():
    answers = [{**A, "behaviour": "answer"}, {**A, "behaviour": "decline"}]
    assert standing("ranking", answers).confidence == (0.875 + 0.5) / 2


@pytest.mark.parametrize("answers", [[], [{"text": "Hello"}]])
def test_there_is_nothing_to_compare_in_what_people_write(answers):
    assert standing("demonstration", answers) is None


@pytest.mark.parametrize(
    ("n", "confidence", "target", "more"),
    [
        (3, 0.6875, 3, True),
        (3, 0.9375, 3, False),
        (3, 0.8, 3, False),
        (2, 0.5, 3, False),
        (5, 0.65625, 5, False),
        (4, 0.5, 4, True),
    ],
)
def test_it_wants_more_until_it_is_sure_or_at_the_ceiling(n, confidence, target, more):
    assert wants_more(Standing(0.5, confidence, n), target=target, rules=RULES) is more


K = 4
rankings = st.lists(st.integers(1, K), min_size=K, max_size=K).map(lambda ranks: ranked(*ranks))
ratings = st.tuples(st.integers(1, 7), st.integers(1, 7)).map(
    lambda pair: {"ratings": {"7": {"clear": pair[0]}, "8": {"clear": pair[1]}}}
)
labels = st.lists(st.sampled_from(["good", "neutral", "bad"]), min_size=1, max_size=4).map(
    lambda said: {"labels": said}
)
decisions = st.sampled_from(["accept", "edit", "return"]).map(lambda said: {"decision": said})
SAID = {"ranking": st.one_of(rankings, st.just(CANNOT)), "rating": ratings, "steps": labels, "review": decisions}
worlds = st.sampled_from(sorted(SAID)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(SAID[kind], min_size=1, max_size=7))
)


@given(worlds, st.randoms())
def test_the_order_of_the_answers_does_not_matter(world, random):
    kind, answers = world
    shuffled = random.sample(answers, len(answers))
    one, other = standing(kind, answers), standing(kind, shuffled)
    assert (other.disagreement, other.confidence) == pytest.approx((one.disagreement, one.confidence), abs=1e-12)


@given(worlds)
def test_everything_is_a_share(world):
    found = standing(*world)
    assert 0 <= found.disagreement <= 1
    assert 0 < found.confidence < 1


@given(worlds.filter(lambda world: world[0] != "rating"))
def test_the_leading_answer_has_at_least_an_even_chance(world):
    assert standing(*world).confidence >= 0.5


@given(worlds, st.integers(1, 6))
def test_equal_answers_are_agreement_and_more_of_them_make_it_surer(world, n):
    kind, [answer, *_others] = world
    some, more = standing(kind, [answer] * n), standing(kind, [answer] * (n + 1))
    assert (some.disagreement, more.disagreement) == (0, 0)
    assert more.confidence > some.confidence


@given(st.lists(st.sampled_from([A, B, TIE]), min_size=1, max_size=9))
def test_who_agrees_with_the_leader_never_makes_it_less_sure(answers):
    leader = max([A, B, TIE], key=answers.count)
    assert standing("ranking", [*answers, leader]).confidence > standing("ranking", answers).confidence


@given(st.lists(st.integers(1, 7), min_size=1, max_size=9))
def test_who_rates_like_the_median_never_makes_it_less_sure(values):
    median = sorted(values)[(len(values) - 1) // 2]
    before = standing("rating", [rated(value) for value in values])
    assert standing("rating", [rated(value) for value in [*values, median]]).confidence > before.confidence


@given(st.lists(rankings, min_size=2, max_size=6))
def test_disagreement_is_what_comparing_every_two_rankings_gives(answers):
    def agreement(one, other):
        credit = []
        for first, second in combinations(range(1, K + 1), 2):
            signs = [np.sign(said["ranks"][first] - said["ranks"][second]) for said in (one, other)]
            credit.append(1 - abs(signs[0] - signs[1]) / 2)
        return np.mean(credit)

    expected = 1 - np.mean([agreement(*pair) for pair in combinations(answers, 2)])
    assert standing("ranking", answers).disagreement == pytest.approx(expected, abs=1e-12)
