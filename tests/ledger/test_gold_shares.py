"""What is kept of answers to gold is what would be read and scored anew, whatever happens to judgements and gold."""

import numpy as np
import pytest

from annotate import gold_queries, gold_shares
from annotate.audit_queries.known import right_on_gold
from annotate.gold_queries import known_tasks, with_scores
from annotate.gold_review_queries import leaks
from annotate.ledger import live
from annotate.ledger.live import ledger
from annotate.models import Judgement
from annotate.services.claiming import claim_task
from annotate.services.gold import make_gold, mix_in, retire
from annotate.services.judging import correct, submit
from annotate.services.people import create_annotator
from tests.gold import add_gold
from tests.ledger.test_pages import flat, same
from tests.services.test_adjudicating import answer

TASKS, PEOPLE = 4, 6


def told(world) -> list:
    """Everything that is made of the answers to gold."""
    tasks = known_tasks(campaign=world.ranking).select_related("gold")
    scores = [(one.task.pk, one.score) for one in with_scores(tasks, campaign=world.ranking)]
    items = [one.as_row() for one in leaks(campaign=world.ranking)]
    right = right_on_gold(kind=world.ranking.kind, versions=[world.ranking.guideline_id])
    return [*flat(items), *flat(scores), *flat(right)]


def told_anew(world) -> list:
    """The same in a process that knows nothing yet."""
    kept = ledger().kept
    known = dict(kept)
    kept.clear()
    found = told(world)
    kept.clear()
    kept.update(known)
    return found


@pytest.fixture
def happenings(world):
    """What may happen, one after the other."""
    rng = np.random.default_rng(5)
    tasks = add_gold(world, TASKS)
    people = [create_annotator(username=f"judge-{n}") for n in range(PEOPLE)]

    def ranks(task) -> dict[int, int]:
        places = task.task_completions.order_by("position").values_list("completion_id", flat=True)
        return dict(zip(places, rng.permutation(len(places)).tolist(), strict=True))

    def answer(task) -> dict:
        return {"ranks": {pk: rank + 1 for pk, rank in ranks(task).items()}}

    def judge(task, person) -> None:
        held = claim_task(task=task, annotator=person, guideline=world.ranking.guideline)
        submit(assignment_id=held.pk, annotator=person, answer=answer(task), seconds=float(rng.integers(5, 90)))

    def correct_one() -> None:
        one = Judgement.objects.current().order_by("pk").first()
        correct(judgement_id=one.pk, annotator=one.annotator, answer=answer(one.task), seconds=9.0)

    def say_anew() -> None:
        make_gold(task=tasks[1], answer=answer(tasks[1]), explanation="Rather so.", by=world.carol)

    def one_more() -> None:
        task = world.ranking_tasks[0]
        make_gold(task=task, answer=answer(task), explanation="So.", by=world.carol)
        mix_in(task=task, by=world.carol)

    def steps():
        for number, (task, person) in enumerate((task, person) for person in people for task in tasks):
            yield lambda task=task, person=person: judge(task, person)
            if number % 7 == 3:
                yield correct_one
            if number % 9 == 5:
                yield say_anew
        yield lambda: retire(task=tasks[0], by=world.carol, reason="It was posted.")
        yield one_more

    return steps()


@pytest.mark.parametrize("stored", [False, True])
def test_it_is_what_would_be_scored_anew(world, happenings, monkeypatch, stored):
    if stored:  # what was judged a moment ago is old enough, and every few judgements are worth a write
        monkeypatch.setattr(live, "OLD", -60.0)
        monkeypatch.setattr(live, "ENOUGH", 3)
    for happens in happenings:
        happens()
        assert same(told(world), told_anew(world))
    assert (len(ledger().look().stored.rows) > TASKS) == stored


def test_it_forgets_what_is_too_much_to_keep(world, happenings, monkeypatch):
    monkeypatch.setattr(gold_shares, "MOST", 7)
    for happens in happenings:
        happens()
    assert same(told(world), told_anew(world))
    assert len(ledger().kept["gold shares"]) <= TASKS * PEOPLE


def test_the_known_tasks_are_the_same_whether_they_are_few_or_many(world, monkeypatch):
    made = add_gold(world, 2)
    make_gold(task=world.ranking_tasks[0], answer=answer(world.ranking_tasks[0]), explanation="", by=world.carol)
    found = [list(known_tasks(campaign=world.ranking))]
    monkeypatch.setattr(gold_queries, "FEW", 1)
    found.append(list(known_tasks(campaign=world.ranking)))
    assert found == [[*made, world.ranking_tasks[0]]] * 2


def test_nothing_is_scored_twice(world, happenings, monkeypatch):
    for happens in happenings:
        happens()
    told(world)
    asked = []
    monkeypatch.setattr(gold_shares, "score_answer", lambda *said: asked.append(said))
    told(world)
    assert not asked
