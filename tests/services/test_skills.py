"""Measured skill: sums over gold answers that stay what the judgements say."""

import itertools
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from annotate.gold import score_answer
from annotate.models import Assignment, Campaign, Skill, Task
from annotate.services import skills
from annotate.services.campaigns import MAX_SMALL, add_task
from annotate.services.claiming import claim_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.gold import import_gold, make_gold
from annotate.services.judging import correct, submit_ranking
from annotate.services.people import create_annotator
from annotate.services.releasing import release_assignment

numbers = itertools.count()


def add_gold(world, *, domain: str = "", language: str = "", by=None) -> Task:
    """A gold task whose answers, in their order, are right."""
    number = next(numbers)
    prompt = add_prompt(
        messages=[{"role": "user", "content": f"Known {number}?"}], domain=domain, language=language, by=by
    )
    model = add_producer(name="model-0", kind="imported")
    completions = [add_completion(prompt=prompt, producer=model, text=f"{number}{one}", by=by) for one in "abc"]
    task, _ = add_task(campaign=world.ranking, prompt=prompt, completions=completions, purpose="gold", target=MAX_SMALL)
    make_gold(task=task, answer={"ranks": _ranks(task, [1, 2, 3])}, explanation="", by=by)
    return task


def _ranks(task: Task, ranks: list[int]) -> dict[int, int]:
    ids = task.task_completions.values_list("completion_id", flat=True)
    return dict(zip(ids, ranks, strict=True))


def answer(task: Task, annotator, ranks=(1, 2, 3)):
    """Let somebody answer a task."""
    held = claim_task(task=task, annotator=annotator, guideline=task.campaign.guideline)
    return submit_ranking(assignment_id=held.pk, annotator=annotator, ranks=_ranks(task, list(ranks)), seconds=5)


def sums(annotator) -> dict:
    """{domain or None: (n, right)}."""
    found = Skill.objects.filter(annotator=annotator).select_related("domain")
    return {one.domain and one.domain.slug: (one.n, pytest.approx(one.right)) for one in found}


def test_it_counts_gold_in_its_domain_and_in_all(world):
    answer(add_gold(world, domain="physics"), world.alice)
    answer(add_gold(world, domain="art"), world.alice, (3, 2, 1))
    answer(add_gold(world), world.alice, (1, 3, 2))
    assert sums(world.alice) == {"physics": (1, 1), "art": (1, 0), None: (3, 1 + 2 / 3)}
    assert sums(world.bob) == {}


def test_it_counts_no_work_even_if_its_answer_is_known(world):
    task = world.ranking_tasks[0]
    make_gold(task=task, answer={"ranks": _ranks(task, [1, 2, 3, 4])}, explanation="", by=None)
    answer(task, world.alice, (1, 2, 3, 4))
    assert sums(world.alice) == {}


def test_a_correction_takes_the_place_of_what_it_corrects(world):
    answer(add_gold(world), world.alice)
    wrong = answer(add_gold(world), world.alice, (3, 2, 1))
    right = _ranks(wrong.task, [1, 2, 3])
    correct(judgement_id=wrong.pk, annotator=world.alice, answer={"ranks": right, "flags": {}}, seconds=5)
    assert sums(world.alice) == {None: (2, 2)}


def test_it_counts_anew_when_gold_changes(world):
    task = add_gold(world, domain="art")
    answer(task, world.alice)
    answer(task, world.bob, (3, 2, 1))
    make_gold(task=task, answer={"ranks": _ranks(task, [3, 2, 1])}, explanation="", by=None)
    assert sums(world.alice) == {"art": (1, 0), None: (1, 0)}
    assert sums(world.bob) == {"art": (1, 1), None: (1, 1)}


def test_it_forgets_gold_whose_answer_is_gone(world):
    task = add_gold(world)
    answer(task, world.alice)
    task.gold.delete()
    skills.recount(annotators=skills.judged(tasks=[task]))
    assert sums(world.alice) == {}


def test_the_sums_are_what_counting_anew_gives(world):
    die = random.Random(7)
    people = [world.alice, world.bob]
    Campaign.objects.update(correction_minutes=60)
    for place in range(12):
        task = add_gold(world, domain=("physics", "art", "")[place % 3])
        for person in people:
            first = answer(task, person, die.sample([1, 2, 3], 3))
            if die.random() < 0.4:
                ranks = _ranks(task, die.sample([1, 2, 3], 3))
                correct(judgement_id=first.pk, annotator=person, answer={"ranks": ranks, "flags": {}}, seconds=5)
        if die.random() < 0.3:
            make_gold(task=task, answer={"ranks": _ranks(task, [2, 1, 3])}, explanation="", by=None)
    kept = {person: sums(person) for person in people}
    assert kept[world.alice][None][0] == 12
    Skill.objects.update(n=99, right=0.5)
    skills.recount(annotators=[person.pk for person in people])
    assert {person: sums(person) for person in people} == kept


def test_the_sums_stay_exact_while_answers_come_in_and_gold_changes(committed_world, monkeypatch):
    world = committed_world
    monkeypatch.setattr(skills, "score_answer", lambda *given: time.sleep(0.01) or score_answer(*given))
    tasks = [add_gold(world, domain=("physics", "art")[place % 2]) for place in range(6)]
    people = [create_annotator(username=f"p{number}") for number in range(4)]
    left = [leave(task, person) for task in tasks for person in people]

    def submit(assignment) -> None:
        ranks = _ranks(assignment.task, [1, 3, 2])
        submit_ranking(assignment_id=assignment.pk, annotator=assignment.annotator, ranks=ranks, seconds=5)

    def change(task) -> None:
        make_gold(task=task, answer={"ranks": _ranks(task, [3, 1, 2])}, explanation="", by=None)

    calls = [lambda one=one: submit(one) for one in left] + [lambda one=one: change(one) for one in tasks]
    random.Random(3).shuffle(calls)

    def call(one) -> None:
        try:
            one()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, calls))
    kept = {person: sums(person) for person in people}
    assert all(found[None][0] == len(tasks) for found in kept.values())
    skills.recount(annotators=[person.pk for person in people])
    assert {person: sums(person) for person in people} == kept


def leave(task: Task, annotator) -> Assignment:
    """A task that somebody held and gave back: what they do late still counts."""
    held = claim_task(task=task, annotator=annotator, guideline=task.campaign.guideline)
    return release_assignment(assignment_id=held.pk, annotator=annotator)


def test_importing_gold_again_counts_everybody_once_and_only_where_an_answer_is_new(world, tmp_path, monkeypatch):
    path = tmp_path / "gold.jsonl"

    def bring_in(*first_place: int) -> None:
        rows = [
            {"prompt": f"{place}?", "completions": ["a", "b"], "purpose": "gold", "answer": {"ranks": [one, 3 - one]}}
            for place, one in enumerate(first_place)
        ]
        path.write_text("\n".join(map(json.dumps, rows)))
        import_gold(path=path, campaign=world.ranking, by=world.carol)

    bring_in(1, 1)
    for task in Task.objects.filter(purpose="gold"):
        answer(task, world.alice, (1, 2))
    assert sums(world.alice) == {None: (2, 2)}
    counted = []
    monkeypatch.setattr(skills, "_recount", counted.append)
    bring_in(1, 1)
    assert counted == []
    monkeypatch.undo()
    bring_in(1, 2)
    assert sums(world.alice) == {None: (2, 1)}
