"""Step labels: what a task holds, what is accepted, and what is stored."""

import pytest

from annotate.errors import DomainError
from annotate.models import Judgement
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.corpus import add_completion, add_producer, add_prompt
from annotate.services.judging import correct, submit
from annotate.services.records import answer_of
from tests.world import add_guideline

STEPS = ["Add.\n\n", "Halve.\n\n", "It is 2."]


@pytest.fixture
def labelling(world):
    add_guideline("steps")
    return create_campaign(
        slug="proofs", name="Proofs", kind="steps", guideline_slug="steps", overlap=2, by=world.carol
    )


def add_solution(campaign, **fields):
    text = "".join(STEPS)
    prompt = add_prompt(messages=[{"role": "user", "content": "What is half of 3 + 1?"}], by=None)
    completion = add_completion(prompt=prompt, producer=add_producer(name="m", kind="imported"), text=text, by=None)
    return add_task(campaign=campaign, prompt=prompt, completions=[completion], **fields)[0]


def labelled(campaign, annotator, *labels):
    held = claim_next_task(annotator=annotator, campaign=campaign)
    return submit(assignment_id=held.pk, annotator=annotator, answer={"labels": list(labels)}, seconds=1)


def stored(judgement) -> list[tuple[int, str]]:
    return list(judgement.step_labels.values_list("step", "label"))


def test_a_task_holds_the_steps_of_its_solution(labelling):
    assert add_solution(labelling).steps == STEPS


@pytest.mark.parametrize("steps", [["Add."], ["".join(STEPS), " "], [*STEPS, "More."]])
def test_it_refuses_steps_that_are_not_the_solutions(labelling, steps):
    with pytest.raises(DomainError, match="joined, must be the solution"):
        add_solution(labelling, steps=steps)


def test_it_stores_a_label_for_each_step(world, labelling):
    add_solution(labelling)
    judgement = labelled(labelling, world.alice, "good", "neutral", "good")
    assert stored(judgement) == [(0, "good"), (1, "neutral"), (2, "good")]
    assert answer_of(judgement)["labels"] == ["good", "neutral", "good"]


def test_it_stops_at_the_first_error(world, labelling):
    add_solution(labelling)
    assert stored(labelled(labelling, world.alice, "good", "bad", "good")) == [(0, "good"), (1, "bad")]


@pytest.mark.parametrize(
    "labels",
    [
        ["good"],
        ["good", "good", "good", "bad"],
        [],
        ["good", "fine", "bad"],
        "bad",
        None,
        [["bad"], 1],
        {"bad": 1},
        ["good", "", "bad"],
    ],
)
def test_it_refuses_labels_that_are_not_one_for_each_step(world, labelling, labels):
    add_solution(labelling)
    held = claim_next_task(annotator=world.alice, campaign=labelling)
    with pytest.raises(DomainError, match=r"label every step|must be a list|Step 2 has no label yet"):
        submit(assignment_id=held.pk, annotator=world.alice, answer={"labels": labels}, seconds=1)
    assert not Judgement.objects.filter(task__campaign=labelling).exists()


def test_it_goes_on_after_an_error_where_the_campaign_says_so(world, labelling):
    labelling.form = {"steps": {"stop_at_first_error": False}}
    labelling.save()
    add_solution(labelling)
    assert len(stored(labelled(labelling, world.alice, "bad", "good", "bad"))) == 3


def test_a_correction_labels_anew(world, labelling):
    add_solution(labelling)
    first = labelled(labelling, world.alice, "bad")
    answer = {"labels": ["good", "good", "good"]}
    second = correct(judgement_id=first.pk, annotator=world.alice, answer=answer, seconds=1)
    assert (len(stored(first)), len(stored(second))) == (1, 3)
