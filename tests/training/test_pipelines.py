"""The nightly chain on its rows: once per date, every step once, and what stops it."""

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from annotate.errors import DomainError
from annotate.models import Campaign, Judgement
from annotate.services.corpus import add_prompt
from annotate.services.judging import correct
from tests.training.conftest import PASSING, figure, judge_everything, rank
from training.models import Checkpoint, Pipeline, Run, RunInput, Snapshot
from training.queries import current_policy, stages
from training.services.foreground import work_off
from training.services.pipelines import (
    advance_pipeline,
    advance_running_pipelines,
    cancel_pipeline,
    resume_pipeline,
    start_pipeline,
)
from training.services.runs import cancel_run, execute_run, resume_run
from training.services.snapshots import freeze_snapshot
from training.supervise import Outcome

pytestmark = pytest.mark.django_db

FRIDAY = datetime.date(2026, 11, 20)
SATURDAY = datetime.date(2026, 11, 21)


def started(date: datetime.date = FRIDAY, **options) -> Pipeline:
    return start_pipeline(date=date, trigger="person", **options)[0]


def worked_off(pipeline: Pipeline) -> Pipeline:
    return work_off(pipeline_id=pipeline.pk, say=lambda line: None)


def add_unused_prompts(count: int = 3) -> None:
    for number in range(count):
        add_prompt(messages=[{"role": "user", "content": f"Nobody asked this yet. ({number})"}], by=None)


def test_it_goes_from_judgements_to_a_new_campaign(judged, sent, recipes):
    add_unused_prompts()
    pipeline = worked_off(started(by=judged.carol))
    assert (pipeline.state, pipeline.decision) == ("done", "promoted")
    assert recipes.executed == ["base", "sft", "reward", "dpo", "ppo", "evaluate", "sample"]
    assert [stage.state for stage in stages(pipeline=pipeline)] == ["ready"] + ["done"] * 9
    assert recipes.configs["reward"]["epochs"] == 3, "a model of a million parameters, made here, needs some passes"
    campaign = pipeline.next_campaign
    assert (campaign.slug, campaign.kind, campaign.overlap, campaign.tasks.count()) == (
        "pipeline-2026-11-20",
        "ranking",
        3,
        5,
    )
    assert {task.k for task in campaign.tasks.all()} == {4}


def test_it_promotes_the_candidate_that_wins_more(judged, sent, recipes):
    pipeline = worked_off(started())
    assert current_policy() == pipeline.promoted == Run.objects.get(recipe="ppo").checkpoint
    assert pipeline.reason.startswith("PPO is promoted.")


def test_it_keeps_the_old_policy_when_nobody_passes(judged, sent, recipes):
    recipes.results["evaluate"] = [row for row in PASSING if row.name != "kl"]
    add_unused_prompts()
    pipeline = worked_off(started())
    assert (pipeline.state, pipeline.decision, pipeline.promoted, current_policy()) == ("done", "kept", None, None)
    # Nothing was ever promoted, so people judge what SFT answers.
    assert RunInput.objects.get(run__recipe="sample").checkpoint == Run.objects.get(recipe="sft").checkpoint


def test_it_gives_each_stage_what_the_stages_before_made(judged, sent, recipes):
    worked_off(started())
    made = {checkpoint.run.recipe: checkpoint for checkpoint in Checkpoint.objects.all()}
    inputs = {(entry.run.recipe, entry.role): entry.checkpoint.run.recipe for entry in RunInput.objects.all()}
    assert inputs == {
        ("sft", "base"): "base",
        ("reward", "base"): "sft",
        ("dpo", "base"): "sft",
        ("ppo", "base"): "sft",
        ("ppo", "reward"): "reward",
        ("evaluate", "reference"): "sft",
        ("evaluate", "reward"): "reward",
        ("evaluate", "policy:dpo"): "dpo",
        ("evaluate", "policy:ppo"): "ppo",
        ("sample", "policy"): "ppo",
    }
    assert set(made) == {"base", "sft", "reward", "dpo", "ppo"}


def test_it_evaluates_the_policy_in_force_beside_the_nights_candidates(judged, sent, recipes):
    worked_off(started())
    first = current_policy()
    recipes.results["evaluate"] = [*PASSING, figure("win_rate", "dpo", 0.7, against="promoted")]
    rank_one_more(judged)
    second = worked_off(started(SATURDAY))
    assert RunInput.objects.get(run__pipeline=second, role="policy:promoted").checkpoint == first
    assert second.promoted.run.recipe == "dpo"
    assert "PPO: win rate against SFT 80 %" in second.reason
    assert "the win rate against the policy in force was not measured" in second.reason


def rank_one_more(world) -> None:
    """Something new to learn: alice corrects one of her rankings."""
    judgement = Judgement.objects.current().filter(annotator=world.alice, ranked__isnull=False).first()
    ranks = {item.completion_id: 5 - item.rank for item in judgement.ranked.all()}
    correct(judgement_id=judgement.pk, annotator=world.alice, answer={"ranks": ranks}, seconds=4.0)


def test_it_promotes_nothing_on_the_word_of_a_reward_model_that_guesses(judged, sent, recipes):
    guesses = figure("pair_accuracy", "reward", 0.54, against="annotators")
    recipes.results["evaluate"] = [*(row for row in PASSING if row.name != "pair_accuracy"), guesses]
    pipeline = worked_off(started())
    assert pipeline.decision == "kept"
    assert "the reward model that judged is not beyond doubt better than chance" in pipeline.reason


def test_it_trains_the_embedded_base_model_once(judged, sent, recipes):
    worked_off(started())
    recipes.executed.clear()
    second = worked_off(started(SATURDAY))
    assert "base" not in recipes.executed
    assert stages(pipeline=second)[1].state == "skipped"


def test_it_trains_another_base_model_for_another_configuration(judged, sent, recipes):
    worked_off(started())
    recipes.executed.clear()
    worked_off(started(SATURDAY, config={"base": {"layers": 2}}))
    assert recipes.executed[0] == "base"


def test_it_starts_from_a_named_base_model(judged, sent, recipes, settings):
    settings.BASE_MODEL = "owner/model"
    worked_off(started())
    assert recipes.executed[0] == "sft"
    assert recipes.configs["sft"]["base"] == "owner/model"


def test_it_lets_a_base_model_read_the_snapshot_where_the_prompts_are_not_the_demos(judged, sent, recipes):
    worked_off(started())
    assert recipes.configs["base"]["corpus"] == str(Snapshot.objects.get().path)
    assert recipes.configs["evaluate"]["judge"] == "reward"


def test_it_learns_from_preferred_answers_where_nobody_wrote_any(world, sent, recipes):
    judge_everything(world)
    pipeline = worked_off(started(campaigns=[world.ranking]))
    assert pipeline.state == "done"
    assert recipes.configs["sft"]["source"] == "preferred"
    assert "nobody has written a demonstration" in stages(pipeline=pipeline)[2].message


def test_it_fails_with_a_sentence_where_nobody_ranked(world, sent, recipes):
    judge_everything(world)
    pipeline = worked_off(started(campaigns=[world.writing]))
    assert pipeline.state == "failed"
    assert "no comparisons" in pipeline.reason
    assert recipes.executed == []


def test_it_passes_on_what_the_config_says(judged, sent, recipes):
    worked_off(started(config={"dpo": {"beta": 0.3}, "seed": 4}))
    assert recipes.configs["dpo"]["beta"] == 0.3
    assert recipes.configs["dpo"]["seed"] == 4


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"dpi": {}}, "unknown key 'dpi'"),
        ({"gate": {"max_lk": 3}}, "no such threshold: .*max_lk"),
        ({"publish": {"promts": 3}}, "config of publish has an unknown key 'promts'; it takes k, overlap, prompts"),
        ({"publish": {"k": "four"}}, "publish.k is 'four'; it must be a whole number from 1"),
        ({"ppo": 5}, "config of ppo is 5; it must be an object"),
        ({"seed": -1}, "seed is -1; it must be a whole number from 0"),
        ({"seed": "one"}, "seed is 'one'; it must be a whole number from 0"),
        ({"seed": 2**31}, "seed is 2147483648; it must be a whole number from 0 to 2147483647"),
        ([], "config must be an object"),
    ],
)
def test_it_refuses_a_config_that_no_stage_could_use(judged, config, sentence):
    with pytest.raises(DomainError, match=sentence):
        started(config=config)


def test_it_refuses_to_start_where_nobody_judged(world):
    with pytest.raises(DomainError, match="nobody has judged anything yet"):
        started()


def test_it_starts_once_per_date(judged, sent, recipes):
    first, created = start_pipeline(date=FRIDAY, trigger="nightly")
    again, created_again = start_pipeline(date=FRIDAY, trigger="nightly")
    assert (first, created, created_again) == (again, True, False)
    worked_off(first)
    assert start_pipeline(date=FRIDAY, trigger="nightly") == (first, False)


def test_it_starts_another_of_the_date_when_asked_again(judged, sent, recipes):
    worked_off(started())
    add_unused_prompts()
    second = worked_off(started(again=True))
    assert (second.number, second.next_campaign.slug) == (2, "pipeline-2026-11-20-2")


def test_it_refuses_a_second_one_while_one_is_running(judged, sent):
    started()
    for options in ({"date": SATURDAY}, {"date": FRIDAY, "again": True}):
        with pytest.raises(DomainError, match="Pipeline 2026-11-20 is still running, and one runs at a time"):
            started(**options)


@pytest.mark.django_db(transaction=True)
def test_it_starts_one_when_eight_ask_at_the_same_moment(committed_world, sent):
    rank(committed_world.alice, committed_world.ranking_tasks[0], [1, 2, 3, 4])
    together = threading.Barrier(8)

    def start() -> tuple[int, bool]:
        together.wait()
        pipeline, created = start_pipeline(date=FRIDAY, trigger="nightly")
        connection.close()
        return pipeline.pk, created

    with ThreadPoolExecutor(8) as pool:
        found = [future.result() for future in [pool.submit(start) for _ in range(8)]]
    assert len({pk for pk, _ in found}) == Pipeline.objects.count() == 1
    assert sum(created for _, created in found) == 1


@pytest.mark.django_db(transaction=True)
def test_it_does_each_step_once_when_four_advance_it_at_the_same_moment(committed_world, sent, recipes):
    judge_everything(committed_world)
    add_unused_prompts()
    pipeline = started()

    def everybody_advances() -> None:
        together = threading.Barrier(4)

        def advance() -> None:
            together.wait()
            advance_pipeline(pipeline_id=pipeline.pk)
            connection.close()

        with ThreadPoolExecutor(4) as pool:
            for future in [pool.submit(advance) for _ in range(4)]:
                future.result()

    for _ in range(12):
        everybody_advances()
        if snapshot := Snapshot.objects.filter(state="queued").first():
            freeze_snapshot(snapshot_id=snapshot.pk)
        for run in Run.objects.filter(state="queued").order_by("pk"):
            execute_run(run_id=run.pk)
    pipeline.refresh_from_db()
    assert pipeline.state == "done", pipeline.reason
    assert Snapshot.objects.count() == 1
    assert recipes.executed == ["base", "sft", "reward", "dpo", "ppo", "evaluate", "sample"]
    assert Campaign.objects.filter(slug__startswith="pipeline-").count() == 1
    assert pipeline.next_campaign.tasks.count() == 5


def test_it_fails_with_the_last_line_of_a_failed_run(judged, sent, recipes):
    recipes.outcomes["reward"] = Outcome("failed", 1, "The process ended with exit code 1.\nThe loss is not finite.")
    pipeline = worked_off(started())
    assert pipeline.state == "failed"
    assert "reward failed: The loss is not finite." in pipeline.reason
    assert pipeline.reason.endswith("Resume the pipeline to go on from there.")


def test_it_resumes_where_it_stopped(judged, sent, recipes):
    recipes.outcomes["ppo"] = Outcome("failed", 1, "out of memory")
    pipeline = worked_off(started())
    recipes.outcomes.clear()
    recipes.executed.clear()
    resume_pipeline(pipeline_id=pipeline.pk, by=judged.carol)
    assert worked_off(pipeline).state == "done"
    assert recipes.executed == ["ppo", "evaluate", "sample"]


def test_it_resumes_after_its_snapshot_failed(judged, sent, recipes):
    pipeline = started()
    advance_pipeline(pipeline_id=pipeline.pk)
    Snapshot.objects.update(state="failed", message="No space left on device")
    assert "No space left on device" in worked_off(pipeline).reason
    resume_pipeline(pipeline_id=pipeline.pk, by=judged.carol)
    assert worked_off(pipeline).state == "done"


def test_it_refuses_to_resume_beside_another(judged, sent, recipes):
    recipes.outcomes["sft"] = Outcome("failed", 1, "no")
    failed = worked_off(started())
    started(SATURDAY)
    with pytest.raises(DomainError, match="Another pipeline is running"):
        resume_pipeline(pipeline_id=failed.pk, by=judged.carol)


def test_it_cancels_its_runs_with_itself(judged, sent, recipes):
    pipeline = started()
    recipes.before_the_end = lambda: cancel_pipeline(pipeline_id=pipeline.pk, by=judged.carol)
    worked_off(pipeline)
    pipeline.refresh_from_db()
    assert (pipeline.state, pipeline.reason) == ("cancelled", "Cancelled by carol.")
    assert Run.objects.get().state == "cancelled"
    resume_pipeline(pipeline_id=pipeline.pk, by=judged.carol)
    recipes.before_the_end = lambda: None
    assert worked_off(pipeline).state == "done"


def test_it_is_cancelled_by_the_cancelling_of_a_run(judged, sent, recipes):
    pipeline = started()
    advance_pipeline(pipeline_id=pipeline.pk)
    freeze_snapshot(snapshot_id=Snapshot.objects.get().pk)
    advance_pipeline(pipeline_id=pipeline.pk)
    cancel_run(run_id=Run.objects.get().pk, by=judged.carol)
    advance_pipeline(pipeline_id=pipeline.pk)
    pipeline.refresh_from_db()
    assert (pipeline.state, pipeline.reason) == ("cancelled", f"Run {Run.objects.get().pk}: base was cancelled.")


def test_it_sends_the_person_from_a_run_to_its_pipeline(judged, sent, recipes):
    recipes.outcomes["sft"] = Outcome("failed", 1, "no")
    worked_off(started())
    with pytest.raises(DomainError, match="belongs to Pipeline 2026-11-20, which is failed: resume that"):
        resume_run(run_id=Run.objects.get(recipe="sft").pk, by=judged.carol)


def test_it_goes_on_without_any_message(judged, sent, recipes):
    """Every message is lost; the reaper alone brings it to its end."""
    started()
    for _ in range(12):
        advance_running_pipelines()
        for snapshot in Snapshot.objects.filter(state="queued"):
            freeze_snapshot(snapshot_id=snapshot.pk)
        for run in Run.objects.filter(state="queued"):
            execute_run(run_id=run.pk)
    assert Pipeline.objects.get().state == "done"


def test_it_says_when_there_is_nothing_left_to_ask(judged, sent, recipes):
    # The writing campaign's two prompts are ranked next; then there are none.
    worked_off(started())
    second = worked_off(started(SATURDAY))
    assert second.next_campaign is None
    assert second.reason.endswith("every prompt has been asked about: import more.")


def test_it_asks_about_unused_prompts_before_those_of_open_writing_campaigns(judged, sent, recipes):
    add_unused_prompts(1)
    pipeline = worked_off(started(config={"publish": {"prompts": 2}}))
    asked = {task.prompt.messages[0]["content"] for task in pipeline.next_campaign.tasks.all()}
    assert "Nobody asked this yet. (0)" in asked
    assert len(asked) == 2


def test_it_fails_with_a_reason_when_an_artifact_was_deleted(judged, sent, recipes):
    pipeline = started()
    while not Run.objects.filter(recipe="sample").exists():
        advance_pipeline(pipeline_id=pipeline.pk)
        for snapshot in Snapshot.objects.filter(state="queued"):
            freeze_snapshot(snapshot_id=snapshot.pk)
        for run in Run.objects.filter(state="queued").order_by("pk"):
            execute_run(run_id=run.pk)
    (Run.objects.get(recipe="sample").path / "completions.jsonl").unlink()
    with pytest.raises(FileNotFoundError):
        advance_pipeline(pipeline_id=pipeline.pk)
    pipeline.refresh_from_db()
    assert pipeline.state == "failed"
    assert "completions.jsonl" in pipeline.reason
