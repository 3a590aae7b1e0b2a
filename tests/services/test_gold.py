"""Tasks with a known answer: made one by one, or from a file."""

import json

import pytest
from django.core.management import CommandError, call_command

from annotate.errors import DomainError
from annotate.models import Completion, Gold, Task
from annotate.services.campaigns import create_campaign
from annotate.services.claiming import claim_next_task
from annotate.services.gold import make_gold
from tests.world import add_guideline

WHY = "The first names a source."


def ranks_of(task: Task) -> dict:
    return {pk: place for place, pk in enumerate(task.completions.values_list("pk", flat=True), start=1)}


def test_it_keeps_what_is_known_and_no_more(world):
    task = world.ranking_tasks[0]
    gold = make_gold(task=task, answer={"ranks": ranks_of(task), "flags": {}}, explanation=f" {WHY} ", by=world.carol)
    gold.refresh_from_db()
    assert gold.answer == {"ranks": {str(pk): rank for pk, rank in ranks_of(task).items()}}
    assert (gold.explanation, gold.created_by) == (WHY, world.carol)


def test_a_second_time_replaces_the_first(world):
    task = world.ranking_tasks[0]
    make_gold(task=task, answer={"ranks": ranks_of(task)}, explanation="", by=None)
    make_gold(task=task, answer={"verdict": "all_bad"}, explanation="All lie.", by=None)
    assert Gold.objects.get().answer == {"verdict": "all_bad"}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({}, "No rank for"),
        ({"ranks": {}}, "rank"),
        ({"rank": {}}, "no field 'rank'"),
        ({"ranks": {"999999": 1}}, "does not show"),
        ({"verdict": "fine"}, "verdict is 'fine'"),
        ([1, 2], "must be an object"),
    ],
)
def test_it_refuses_what_is_no_answer_to_the_task(world, answer, sentence):
    with pytest.raises(DomainError, match=sentence):
        make_gold(task=world.ranking_tasks[0], answer=answer, explanation="", by=None)
    assert not Gold.objects.exists()


def test_it_refuses_gold_for_what_people_write(world):
    with pytest.raises(DomainError, match="What people write"):
        make_gold(task=world.writing_tasks[0], answer={"text": "Purse your lips."}, explanation="", by=None)


# From a file


def row(**changes) -> dict:
    fields = {"prompt": "Is the earth flat?", "completions": ["No.", "Yes."], "answer": {"ranks": [1, 2]}}
    return {**fields, "explanation": WHY, **changes}


@pytest.fixture
def file(tmp_path):
    def write(*rows) -> str:
        path = tmp_path / "gold.jsonl"
        path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in rows))
        return str(path)

    return write


def bring_in(path: str, campaign: str = "answers", **options) -> None:
    call_command("import_gold", path, campaign=campaign, **options)


def test_it_makes_qualification_tasks_that_nobody_gets_as_work(world, file, capsys):
    bring_in(file(row(domain="physics"), row(prompt="Is it round?")), by="carol")
    assert "2 tasks with gold in the campaign 'answers'; 2 of them are new." in capsys.readouterr().out
    made = Task.objects.filter(purpose="qualification")
    assert {task.target for task in made} == {32_767}
    no, yes = (Completion.objects.get(prompt=made[0].prompt, text=text).pk for text in ("No.", "Yes."))
    assert made[0].gold.answer == {"ranks": {str(no): 1, str(yes): 2}}
    for _ in range(2):
        assert claim_next_task(annotator=world.alice, campaign=world.ranking).task.purpose == "work"


def test_it_says_the_language_of_the_prompt(world, file):
    bring_in(file(row(language="en-gb")))
    assert Task.objects.get(purpose="qualification").prompt.language == "en-GB"
    with pytest.raises(CommandError, match="row 1: This prompt is in the language 'en-GB' already"):
        bring_in(file(row(language="de")))


def test_it_adds_nothing_twice(world, file):
    path = file(row())
    bring_in(path)
    bring_in(path)
    assert (Gold.objects.count(), Task.objects.filter(purpose="qualification").count()) == (1, 1)


def test_it_makes_gold_among_the_work(world, file):
    bring_in(file(row(purpose="work", answer={"ranks": {"1": 1, "2": 2}, "flags": {"2": ["hallucination"]}})))
    gold = Gold.objects.get()
    assert (gold.task.purpose, gold.task.target) == ("work", 2)
    assert list(gold.answer["flags"].values()) == [["hallucination"]]


def test_it_labels_steps(world, file):
    add_guideline("steps")
    create_campaign(slug="sums", name="Sums", kind="steps", guideline_slug="steps", by=world.carol)
    steps = {"prompt": "2 + 2?", "steps": ["Two and two.\n", "Is five."], "answer": {"labels": ["good", "bad"]}}
    bring_in(file(steps), campaign="sums")
    assert Gold.objects.get().answer == {"labels": ["good", "bad"]}


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("{", "row 2: is not JSON"),
        (row(answers={}), "row 2: has no field answers"),
        (row(answer=None), "row 2: field answer must be an object"),
        (row(answer={"ranks": [1]}), "row 2: .*rank"),
        (row(answer={"ranks": [1, 2, 3]}), "row 2: .*completion 3; there are 2"),
        (row(answer={"ranks": "12"}), "row 2: .*must be a list or an object"),
        (row(completions=["Same.", "Same."]), "row 2: has the same completion twice"),
        (row(completions=["One."]), "row 2: .*needs 2 to 9"),
        (row(purpose="fun"), "row 2: field purpose is 'fun'"),
        (row(explanation=3), "row 2: field explanation"),
        (row(explanation="a\0"), "row 2: field explanation has a character"),
        (row(answer={"flags": {"1": ["unheard_of"]}, "ranks": [1, 2]}), "row 2: The guideline has no flag"),
    ],
)
def test_it_names_the_bad_rows_and_writes_nothing(world, file, bad, sentence):
    before = Task.objects.count()
    with pytest.raises(CommandError, match=sentence):
        bring_in(file(row(), bad))
    assert (Task.objects.count(), Gold.objects.count()) == (before, 0)


def test_it_refuses_a_task_that_is_work_already(world, file):
    bring_in(file(row(purpose="work")))
    with pytest.raises(CommandError, match="row 1: The campaign has this task already, as work"):
        bring_in(file(row()))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"campaign": "nowhere"}, "no campaign 'nowhere'"), ({"by": "alice"}, "no admin named 'alice'")],
)
def test_it_says_what_is_unknown(world, file, options, sentence):
    with pytest.raises(CommandError, match=sentence):
        bring_in(file(row()), **{"campaign": "answers", **options})


def test_it_says_that_there_is_nothing(world, file):
    with pytest.raises(CommandError, match="holds no task"):
        bring_in(file("\n"))
