"""What lies on the desk is what would be read anew, and the bias that follows from it is that from scratch."""

import numpy as np
import pytest

from annotate import bias_queries
from annotate.bias_queries import campaign_bias
from annotate.ledger import live
from annotate.ledger.live import ledger
from annotate.ledger.shown import Desk
from annotate.models import Gold, Judgement
from annotate.services.claiming import claim_next_task
from annotate.services.judging import correct, submit_ranking
from tests.world import add_ranking_task


@pytest.fixture
def judged(world):
    for number in range(4):
        answers = [f"Short {number}.", f"It is a longer answer, with **many** more words. {number}"]
        add_ranking_task(world.ranking, question=f"How {number}?", answers=answers, by=world.carol)
    for person in (world.alice, world.bob):
        for _ in range(3):
            judge(world, person)
    return world


def judge(world, person, *, best=0):
    held = claim_next_task(annotator=person, campaign=world.ranking)
    order = [*held.shown_order[best:], *held.shown_order[:best]]
    ranks = {pk: rank for rank, pk in enumerate(order, start=1)}
    return submit_ranking(assignment_id=held.pk, annotator=person, ranks=ranks, seconds=9.0)


def tie(judgement):
    """Its annotator corrects it: all are as good."""
    ranks = {str(one.completion_id): 1 for one in judgement.ranked.all()}
    correct(judgement_id=judgement.pk, annotator=judgement.annotator, answer={"ranks": ranks}, seconds=3.0)


def figures(found):
    """Everything that the page shows."""
    counts = (found.n_judgements, found.is_cut, found.n_comparisons, found.n_ties)
    people = [(one.annotator, one.leanings, one.signals) for one in found.people]
    return (*counts, found.pool, people, found.signals, found.alpha, found.gold_accuracy, found.warnings)


def keys(judgements):
    return np.array(sorted(one.pk for one in judgements))


def same_as_from_scratch(world):
    before = figures(campaign_bias(campaign=world.ranking))
    ledger().kept.clear()
    return before == figures(campaign_bias(campaign=world.ranking))


def test_after_every_change_it_is_the_same_as_from_scratch(judged):
    judgement = judge(judged, judged.alice)
    assert same_as_from_scratch(judged)
    judge(judged, judged.bob, best=1)
    assert same_as_from_scratch(judged)
    tie(judgement)
    assert same_as_from_scratch(judged)
    answer = {"ranks": {str(one.completion_id): one.rank for one in judgement.ranked.all()}}
    Gold.objects.create(task=judgement.task, answer=answer)
    assert same_as_from_scratch(judged)


def test_only_the_newest_are_looked_at_and_corrections_are_new(judged, monkeypatch):
    monkeypatch.setattr(bias_queries, "NEWEST", 4)
    first = Judgement.objects.filter(task__campaign=judged.ranking).order_by("pk").first()
    found = campaign_bias(campaign=judged.ranking)
    assert (found.n_judgements, found.is_cut) == (4, True)
    tie(first)
    found = campaign_bias(campaign=judged.ranking)
    assert (found.n_judgements, found.n_ties > 0) == (4, True)
    assert same_as_from_scratch(judged)


def test_a_new_judgement_is_all_that_is_read(judged, django_assert_num_queries):
    old = keys(Judgement.objects.filter(task__campaign=judged.ranking))
    desk = Desk()
    desk.lay_out(old, old[:0])
    with django_assert_num_queries(0):
        ((again, _none),) = [desk.lay_out(old, old[:0])]
    new = keys([judge(judged, judged.alice)])
    (work,) = desk.lay_out(np.concatenate([old[2:], new]))
    (anew,) = Desk().lay_out(np.concatenate([old[2:], new]))
    assert again.shown.id.tolist() == old.tolist()
    for one, other in ((work.shown, anew.shown), (work.texts, anew.texts)):
        assert all(np.array_equal(value, vars(other)[name]) for name, value in vars(one).items())
    assert (work.words == anew.words).all()


def test_what_was_kept_is_forgotten_when_the_database_began_anew(judged):
    campaign_bias(campaign=judged.ranking)
    kept = ledger().kept
    judge(judged, judged.alice)
    campaign_bias(campaign=judged.ranking)
    assert ledger().kept is kept
    other = "00000000-0000-0000-0000-000000000000"
    ledger()._keys = [(key, other) for key, _of in ledger()._keys]
    campaign_bias(campaign=judged.ranking)
    assert ledger().kept is not kept


def test_what_was_kept_stays_when_judgements_are_stored(judged, monkeypatch):
    campaign_bias(campaign=judged.ranking)
    kept = ledger().kept
    monkeypatch.setattr(live, "OLD", -1.0)
    monkeypatch.setattr(live, "ENOUGH", 1)
    judge(judged, judged.alice)
    campaign_bias(campaign=judged.ranking)
    assert len(ledger().look().stored.rows) >= 7
    assert ledger().kept is kept
    assert same_as_from_scratch(judged)
