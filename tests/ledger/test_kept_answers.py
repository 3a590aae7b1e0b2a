"""Proposals for gold, made of answers that a process keeps, are those that a process makes that knows nothing yet."""

import pytest

from annotate import kept_answers
from annotate.gold_review_queries import proposals
from annotate.ledger.live import ledger
from annotate.services.disputes import weigh
from annotate.services.judging import correct
from tests.services.test_adjudicating import answer
from tests.services.test_gold_keeping import rank
from tests.world import World


def proposed(world: World) -> list[dict]:
    weigh(campaign=world.ranking)
    return [one.as_row() for one in proposals(campaign=world.ranking, least=2)]


def proposed_anew(world: World) -> list[dict]:
    ledger().kept.pop("answers", None)
    return proposed(world)


@pytest.mark.parametrize("most", [1, 100])
def test_it_is_what_would_be_read_anew_after_judgements_and_corrections(world, monkeypatch, most):
    monkeypatch.setattr(kept_answers, "MOST", most)
    task, other, _last = world.ranking_tasks
    rank(task, world.alice)
    differs = rank(task, world.bob, right=False)
    rank(other, world.alice)
    assert proposed(world) == proposed_anew(world) == []
    correct(judgement_id=differs.pk, annotator=world.bob, answer=answer(task), seconds=9.0)
    assert [row["task"] for row in proposed(world)] == [task.pk]
    rank(other, world.bob)
    assert proposed(world) == proposed_anew(world)
    assert [row["task"] for row in proposed(world)] == [task.pk, other.pk]


def test_no_answer_is_read_twice(world, monkeypatch):
    for person in (world.alice, world.bob):
        rank(world.ranking_tasks[0], person)
    first, asked = proposed(world), []
    monkeypatch.setattr(kept_answers, "answer_of", asked.append)
    assert proposed(world) == first
    assert not asked
