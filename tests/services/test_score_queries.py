"""Scores of a campaign's producers from what its annotators said."""

import numpy as np
import pytest

from annotate.errors import DomainError
from annotate.models import Judgement
from annotate.quality.scores import bradley_terry, win_rates
from annotate.score_queries import measured_agreement, producer_scores
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_completion, add_producer
from annotate.services.gold import make_gold, mix_in
from annotate.services.judging import correct, submit_ranking
from tests.web.conftest import rank_all
from tests.world import World, add_ranking_task

pytestmark = pytest.mark.django_db


def rank(user, world: World, *ranks: tuple[int, ...]) -> list[Judgement]:
    """Rank the tasks in their order, the completions by these ranks."""
    made = []
    for wanted in ranks:
        held = claim_next_task(annotator=user, campaign=world.ranking)
        given = dict(zip(sorted(held.shown_order), wanted, strict=True))
        made.append(submit_ranking(assignment_id=held.pk, annotator=user, ranks=given, seconds=9.0))
    return made


def test_it_ranks_producers_by_the_comparisons_that_judgements_imply(world):
    rank(world.alice, world, (1, 2, 3, 4), (1, 2, 2, 3), (2, 1, 3, 4))
    rank(world.bob, world, (1, 2, 4, 3), (2, 1, 3, 4), (1, 3, 2, 4))
    found = producer_scores(campaign=world.ranking, baseline="model-3")
    assert [one.name for one in found.producers] == ["model-0", "model-1", "model-2", "model-3"]
    assert (found.n_comparisons, found.n_tasks, found.n_annotators) == (36, 3, 2)
    assert [one.score.n for one in found.producers] == [18] * 4
    assert sum(one.score.value for one in found.producers) == pytest.approx(0, abs=1e-9)
    assert found.baseline == "model-3"
    assert found.producers[0].win_rate.value == 1
    assert found.producers[2].win_rate.value == pytest.approx(5 / 6)
    assert found.producers[3].win_rate.reason == "This is the baseline."
    assert found.triads.n_triads == 4


def test_it_gives_what_the_kernel_gives_for_the_same_rows(world):
    rank(world.alice, world, (1, 2, 3, 4), (2, 2, 1, 3), (4, 1, 3, 2))
    rank(world.bob, world, (3, 2, 4, 1), (2, 1, 4, 3), (1, 3, 2, 3))
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    ranks = [(1, 2, 3, 4), (2, 2, 1, 3), (4, 1, 3, 2), (3, 2, 4, 1), (2, 1, 4, 3), (1, 3, 2, 3)]
    rows = [(a, b, (1 + np.sign(r[b] - r[a])) / 2, n % 3, n // 3) for n, r in enumerate(ranks) for a, b in pairs]
    left, right, outcome, task, person = (list(column) for column in zip(*rows, strict=True))
    expected = bradley_terry(left, right, outcome, clusters=(task, person))
    found = producer_scores(campaign=world.ranking, baseline="model-0")
    by_name = {one.name: one for one in found.producers}
    for code, score in enumerate(expected.scores):
        assert by_name[f"model-{code}"].score.value == pytest.approx(score.value, abs=1e-9)
        assert by_name[f"model-{code}"].score.lo == pytest.approx(score.lo, abs=1e-6)
    against = [(b, t, 1 - said) for a, b, said, t, _ in rows if a == 0]
    rates = win_rates(*(list(column) for column in zip(*against, strict=True)))
    for one in rates.models:
        assert by_name[f"model-{one.model}"].win_rate == one.win_rate


def test_a_correction_and_gold_do_not_count(world):
    (first, *_) = rank(world.alice, world, (1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4))
    given = {one.completion_id: 5 - one.rank for one in first.ranked.all()}
    correct(judgement_id=first.pk, annotator=world.alice, answer={"ranks": given}, seconds=1)
    assert producer_scores(campaign=world.ranking).n_comparisons == 18
    make_gold(task=first.task, answer={"ranks": given}, explanation="", by=None)
    mix_in(task=first.task, by=None)
    found = producer_scores(campaign=world.ranking)
    assert (found.n_comparisons, found.n_tasks) == (12, 2)
    assert [one.name for one in found.producers] == ["model-0", "model-1", "model-2", "model-3"]


def test_two_completions_of_one_producer_are_not_compared(world):
    task = add_ranking_task(world.ranking, question="Why?", answers=["A.", "B."], by=world.carol)
    again = add_completion(
        prompt=task.prompt, producer=add_producer(name="model-0", kind="imported"), text="C.", by=None
    )
    task.task_completions.create(completion=again, position=2)
    rank_all(world.alice, world)
    assert producer_scores(campaign=world.ranking).n_comparisons == 3 * 6 + 2


def test_it_looks_at_length_alone_where_there_are_many_completions(world, monkeypatch):
    rank_all(world.alice, world)
    assert list(producer_scores(campaign=world.ranking).style) == ["length", "lists", "bold", "headers"]
    monkeypatch.setattr("annotate.score_queries.MOST_STYLED", 3)
    rank_all(world.bob, world)
    assert list(producer_scores(campaign=world.ranking).style) == ["length"]


def test_it_says_why_there_is_nothing(world):
    found = producer_scores(campaign=world.ranking)
    assert (found.producers, found.baseline, found.n_comparisons) == ([], "", 0)
    assert found.reason == "There are no comparisons between two producers yet."


def test_it_refuses_a_baseline_that_was_not_compared(world):
    rank_all(world.alice, world)
    with pytest.raises(
        DomainError, match="No producer GPT was compared in this campaign; choose one of model-0, model"
    ):
        producer_scores(campaign=world.ranking, baseline="GPT")


def test_it_refuses_a_campaign_without_rankings(world):
    with pytest.raises(DomainError, match="Only a ranking campaign"):
        producer_scores(campaign=world.writing)


def test_the_agreement_to_plan_for_is_the_strict_one(world):
    rank_all(world.alice, world)
    rank_all(world.bob, world)
    found = measured_agreement(campaign=world.ranking)
    assert (found.agreement.value, found.agreement.n, found.n_annotators) == (1.0, 18, 2)
