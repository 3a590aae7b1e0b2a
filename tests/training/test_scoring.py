"""Reward models say which tasks they are unsure of: which models, which tasks, and what becomes of the answer."""

import json

import pytest
from django.core.management import CommandError, call_command

from annotate.errors import DomainError
from annotate.models import Task
from annotate.services.claiming import claim_next_task
from annotate.services.conversation import withdraw_task
from annotate.services.people import create_annotator
from annotate.services.setup import change_campaign
from tests.recipes.small_artifacts import make_policy, make_reward
from tests.training.test_pipelines import started, worked_off
from training.models import Checkpoint, Run
from training.services import scoring
from training.services.artifacts import resolve_config
from training.services.scoring import newest_rewards, score_uncertainty, score_where_uncertainty_comes_first

pytestmark = pytest.mark.django_db


def add_reward(number: int, *, location: str = "", kind: str = "reward") -> Checkpoint:
    """A reward model that was trained elsewhere."""
    name = f"{kind}-{number}"
    return Checkpoint.objects.create(kind=kind, name=name, sha256=name.ljust(64, "0"), location=location or name)


def score(world, **fields) -> Run:
    return score_uncertainty(campaign=world.ranking, by=world.carol, **fields)


def put_first(world) -> None:
    change_campaign(campaign=world.ranking, by=world.carol, assignment={"first": "uncertainty"})


def test_it_takes_the_newest_reward_models_that_differ(world, sent, monkeypatch):
    monkeypatch.setattr(scoring, "MEMBERS", 3)
    made = [add_reward(number) for number in range(4)]
    Checkpoint.objects.create(kind="reward", name="again", sha256=made[3].sha256, location="again")
    add_reward(9, kind="policy")
    assert [one.sha256 for one in newest_rewards()] == [made[number].sha256 for number in (3, 2, 1)]
    run = score(world)
    assert sent == [("execute_run", run.pk)]
    assert sorted(run.inputs.values_list("role", flat=True)) == ["reward:0", "reward:1", "reward:2"]


def test_it_takes_those_that_somebody_names(world, sent):
    made = [add_reward(number) for number in range(3)]
    run = score(world, checkpoints=[made[0].pk, made[1].pk])
    assert set(run.inputs.values_list("checkpoint", flat=True)) == {made[0].pk, made[1].pk}


def test_it_takes_two_that_are_different(world, sent):
    one = add_reward(1)
    for named in ([], [one.pk, one.pk]):
        with pytest.raises(DomainError, match="There are 1 reward models"):
            score(world, checkpoints=named)
    with pytest.raises(DomainError, match=r"Checkpoint 999 is no reward model"):
        score(world, checkpoints=[one.pk, 999])


def test_it_takes_tasks_that_show_something_to_compare(world, sent):
    for number in range(2):
        add_reward(number)
    with pytest.raises(DomainError, match="no task is open that shows two completions"):
        score_uncertainty(campaign=world.writing, by=world.carol)


def test_the_recipe_reads_what_is_open_when_it_starts(world, sent):
    done, withdrawn, open_one = world.ranking_tasks
    for number in range(2):
        add_reward(number)
    run = score(world)
    Task.objects.filter(pk=done.pk).update(submitted=2, reserved=2)
    withdraw_task(task_id=withdrawn.pk)
    config = json.loads(resolve_config(run).read_text())
    with open(config["tasks"], encoding="utf-8") as file:
        [row] = [json.loads(line) for line in file]
    assert (row["task"], row["prompt"]) == (open_one.pk, open_one.prompt.messages)
    texts = open_one.completions.order_by("task_completions__position").values_list("text", flat=True)
    assert row["completions"] == list(texts)
    assert (config["rewards"], "campaign" in config) == (["reward-1", "reward-0"], False)


def test_after_a_night_it_scores_the_campaigns_that_ask_for_it(world, sent):
    put_first(world)
    add_reward(1)
    assert score_where_uncertainty_comes_first(config={}) == []
    add_reward(2)
    [run] = score_where_uncertainty_comes_first(config={"batch_size": 8})
    assert run.config == {"batch_size": 8, "campaign": "answers"}
    Task.objects.filter(campaign=world.ranking).update(withdrawn=True)
    assert score_where_uncertainty_comes_first(config={}) == []


def test_a_night_ends_with_it(judged, sent, recipes):
    put_first(judged)
    add_reward(1)
    Task.objects.filter(pk=judged.ranking_tasks[0].pk).update(target=3)
    assert worked_off(started(by=judged.carol)).state == "done"
    run = Run.objects.get(recipe="uncertainty")
    assert (run.state, run.pipeline, run.inputs.count()) == ("queued", None, 2)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Two random reward models."""
    folder = tmp_path_factory.mktemp("tiny")
    base = make_policy(folder / "base", context=1024)
    return [make_reward(folder / f"reward-{seed}", base, seed=seed) for seed in (1, 2)]


@pytest.mark.django_db(transaction=True)
def test_the_command_scores_and_the_most_uncertain_task_comes_first(committed_world, tiny, capsys):
    world = committed_world
    for number, path in enumerate(tiny):
        add_reward(number, location=str(path))
    put_first(world)
    call_command("score_uncertainty", "answers")
    run = Run.objects.get()
    assert (run.state, run.recipe) == ("done", "uncertainty")
    found = dict(Task.objects.filter(campaign=world.ranking).values_list("pk", "uncertainty"))
    assert all(0 < value < 1 for value in found.values())
    assert "n = 3 prompts" in capsys.readouterr().out
    first = claim_next_task(annotator=create_annotator(username="new"), campaign=world.ranking)
    assert found[first.task_id] == max(found.values())


def test_the_command_says_what_is_missing(world):
    with pytest.raises(CommandError, match="There is no campaign 'none'"):
        call_command("score_uncertainty", "none")
    with pytest.raises(CommandError, match="There are 0 reward models"):
        call_command("score_uncertainty", "answers")
