"""Tasks with a known answer: made one by one, or from a file."""

import json

import pytest
from django.core.management import CommandError, call_command

from annotate.audit_queries.slices import campaign_audit
from annotate.errors import DomainError
from annotate.models import Completion, Gold, Skill, Task
from annotate.own_queries import gold_feedback
from annotate.services.campaigns import create_campaign
from annotate.services.claiming import claim_next_task, claim_task
from annotate.services.gold import make_gold, mix_in, retire
from annotate.services.judging import submit_ranking
from annotate.services.qualification import take_qualification_task
from tests.reviewing import do_next, review_campaign
from tests.services.test_own_queries import end_correction
from tests.world import add_guideline, ask_for_qualification
from training.services.snapshots import request_snapshot

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


def test_it_mixes_gold_into_the_work(world, file, capsys):
    ranks = {"ranks": {"1": 1, "2": 2}, "flags": {"2": ["hallucination"]}}
    bring_in(file(row(purpose="gold", answer=ranks)), by="carol")
    task = Gold.objects.get().task
    assert (task.purpose, task.target, task.queue.gold, task.withdrawn) == ("gold", 32_767, True, False)
    assert list(task.gold.answer["flags"].values()) == [["hallucination"]]
    change = world.ranking.changes.get()
    assert (change.field, change.new, change.by) == ("gold", [task.pk], world.carol)
    assert "1 new ones are mixed in as gold" in capsys.readouterr().out


def test_a_file_makes_gold_of_ordinary_tasks(world, file, capsys):
    task = world.ranking_tasks[1]
    known = {"prompt": task.prompt.messages, "answer": {"ranks": [1, 2, 3, 4]}}
    known["completions"] = [{"text": one.text, "producer": one.producer.name} for one in task.completions.all()]
    bring_in(file(row(**known, domain="art", purpose="gold")))
    task.refresh_from_db()
    assert (task.purpose, task.queue.gold, task.queue.domain.slug) == ("gold", True, "art")
    assert "1 were ordinary work and are mixed in as gold now." in capsys.readouterr().out
    bring_in(file(row(**known, domain="art", purpose="gold")))
    assert world.ranking.changes.count() == 1


# Ordinary tasks that become gold


def known(task: Task) -> Task:
    make_gold(task=task, answer={"ranks": ranks_of(task)}, explanation=WHY, by=None)
    task.refresh_from_db()
    return task


def test_a_known_answer_alone_leaves_a_task_ordinary_work(world):
    task = known(world.ranking_tasks[0])
    assert (task.purpose, task.target, task.queue.gold) == ("work", 2, False)


def test_it_goes_to_everybody_once_it_is_mixed_in(world):
    task = known(world.ranking_tasks[0])
    claim_next_task(annotator=world.alice, campaign=world.ranking)
    mixed = mix_in(task=task, by=world.carol)
    assert (mixed.purpose, mixed.target, mixed.reserved, mixed.urgency) == ("gold", 32_767, 1, 0)
    assert (mixed.queue.gold, mixed.queue.domain) == (True, task.prompt.domain)
    change = world.ranking.changes.get()
    assert (change.field, change.new, change.by) == ("gold", [task.pk], world.carol)


def test_what_was_judged_before_measures_skill_and_is_work_no_more(world):
    task = world.ranking_tasks[0]
    for person in (world.alice, world.bob):
        held = claim_task(task=task, annotator=person, guideline=world.ranking.guideline)
        submit_ranking(assignment_id=held.pk, annotator=person, ranks=ranks_of(task), seconds=5)
    mix_in(task=known(task), by=None)
    assert list(Skill.objects.filter(domain=None).values_list("n", "right")) == [(1, 1), (1, 1)]
    assert campaign_audit(campaign=world.ranking).overall.n_judgements == 0
    with pytest.raises(DomainError, match="nothing to freeze"):
        request_snapshot(campaigns=[world.ranking], by=world.carol)


def test_only_an_ordinary_task_with_a_known_answer_is_mixed_in(world):
    task = world.ranking_tasks[0]
    with pytest.raises(DomainError, match="not known yet"):
        mix_in(task=task, by=None)
    known(task)
    Task.objects.filter(pk=task.pk).update(withdrawn=True)
    with pytest.raises(DomainError, match="withdrawn"):
        mix_in(task=Task.objects.get(pk=task.pk), by=None)
    Task.objects.filter(pk=task.pk).update(withdrawn=False)
    stale = Task.objects.get(pk=task.pk)
    mix_in(task=Task.objects.get(pk=task.pk), by=None)
    with pytest.raises(DomainError, match="there for gold"):
        mix_in(task=Task.objects.get(pk=task.pk), by=None)
    with pytest.raises(DomainError, match="Somebody changed"):
        mix_in(task=stale, by=None)
    assert world.ranking.changes.count() == 1


def test_a_review_is_not_asked_of_everybody(world):
    do_next(world.alice, world.writing, text="Purse your lips.")
    task = review_campaign(world, world.writing).tasks.get()
    make_gold(task=task, answer={"decision": "accept"}, explanation="", by=None)
    with pytest.raises(DomainError, match="A review decides"):
        mix_in(task=Task.objects.get(pk=task.pk), by=None)


def test_gold_that_is_taken_out_goes_to_nobody_and_stays_measured(world):
    task = mix_in(task=known(world.ranking_tasks[0]), by=None)
    judged = submit_ranking(
        assignment_id=claim_task(task=task, annotator=world.alice, guideline=world.ranking.guideline).pk,
        annotator=world.alice,
        ranks=ranks_of(task),
        seconds=5,
    )
    held = claim_task(task=task, annotator=world.bob, guideline=world.ranking.guideline)
    assert retire(task=task, by=world.carol).withdrawn
    change = world.ranking.changes.first()
    assert (change.field, change.new, change.by) == ("gold_out", [task.pk], world.carol)
    end_correction(world.alice)
    assert [one.judgement for one in gold_feedback(user=world.alice)] == [judged]
    submit_ranking(assignment_id=held.pk, annotator=world.bob, ranks=ranks_of(task), seconds=5)
    with pytest.raises(DomainError, match="taken out already"):
        retire(task=task, by=None)
    with pytest.raises(DomainError, match="not mixed into the work"):
        retire(task=world.ranking_tasks[1], by=None)


def test_who_qualifies_gives_gold_back_as_they_give_work_back(world):
    task = mix_in(task=known(world.ranking_tasks[0]), by=None)
    held = claim_task(task=task, annotator=world.alice, guideline=world.ranking.guideline)
    ask_for_qualification(world)
    assert take_qualification_task(user=world.alice, campaign=world.ranking).task.purpose == "qualification"
    held.refresh_from_db()
    assert held.state == "released"


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
        (row(purpose="work"), "row 2: field purpose is 'work'; it must be qualification or gold"),
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


def test_it_refuses_a_task_that_is_there_for_something_else(world, file):
    bring_in(file(row(purpose="gold")))
    with pytest.raises(CommandError, match="row 1: The campaign has this task already, as gold"):
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
