"""Which policies a pipeline makes and puts before the gate, and what its rankings weigh."""

import datetime

import pytest

from annotate.errors import DomainError
from tests.training.conftest import PASSING, figure
from tests.training.test_weights import answer_gold
from training.models import Pipeline, Run, RunInput, Snapshot
from training.queries import current_policy, stages
from training.services.foreground import work_off
from training.services.pipelines import advance_pipeline, start_pipeline
from training.services.snapshots import freeze_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("judged", "sent")]


def worked_off(**config) -> Pipeline:
    pipeline, _ = start_pipeline(date=datetime.date(2026, 11, 20), trigger="person", config=config)
    return work_off(pipeline_id=pipeline.pk, say=lambda line: None)


def of(*names: str) -> list:
    """Figures with which each of these passes the gate, the last one best."""
    found = [row for row in PASSING if row.subject in ("sft", "reward")]
    for place, name in enumerate(names):
        found += [figure(measure, name, 1.0) for measure in ("entropy", "distinct_2", "end_rate")]
        found += [figure("kl", name, 5.0, against="sft"), figure("win_rate", name, 0.6 + place / 20, against="sft")]
    return found


def run_of(stage: str) -> Run:
    return Run.objects.get(stage=stage)


def test_it_trains_the_candidates_that_its_config_names_and_promotes_the_best(recipes):
    recipes.results["evaluate"] = of("dpo", "kto", "control", "raft")
    pipeline = worked_off(candidates=["raft", "kto", "control", "dpo"])
    assert (pipeline.state, pipeline.decision) == ("done", "promoted")
    # RAFT waits for the reward model, the others for SFT alone.
    assert recipes.executed == ["base", "sft", "reward", "kto", "control", "dpo", "raft", "evaluate", "sample"]
    assert current_policy() == run_of("raft").checkpoint
    assert pipeline.reason.startswith("RAFT is promoted.\nRAFT: win rate against SFT 75 %")
    names = [stage.name for stage in stages(pipeline=pipeline)]
    assert names[3:8] == ["reward", "raft", "kto", "control", "dpo"]


def test_it_trains_each_from_sft_and_raft_with_the_reward_model(recipes):
    recipes.results["evaluate"] = of("raft", "preferred")
    worked_off(candidates=["raft", "preferred"])
    inputs = RunInput.objects.filter(run__stage__in=["raft", "preferred", "evaluate"])
    found = {(entry.run.stage, entry.role): entry.checkpoint.run.stage for entry in inputs}
    assert found == {
        ("raft", "base"): "sft",
        ("raft", "reward"): "reward",
        ("preferred", "base"): "sft",
        ("evaluate", "reference"): "sft",
        ("evaluate", "reward"): "reward",
        ("evaluate", "policy:raft"): "raft",
        ("evaluate", "policy:preferred"): "preferred",
    }


def test_it_makes_two_candidates_by_one_recipe(recipes):
    recipes.results["evaluate"] = of("dpo", "ipo")
    pipeline = worked_off(candidates=["dpo", "ipo"], dpo={"beta": 0.2}, ipo={"beta": 0.3})
    assert recipes.executed.count("dpo") == 2
    assert (run_of("dpo").config, run_of("ipo").config) == ({"beta": 0.2}, {"loss": "ipo", "beta": 0.3})
    assert (run_of("ipo").recipe, pipeline.promoted) == ("dpo", run_of("ipo").checkpoint)
    assert pipeline.promoted.name.startswith("ipo 2026-11-20")


def test_it_learns_kto_from_rankings_unless_told_otherwise(recipes):
    worked_off(candidates=["kto"])
    assert run_of("kto").config == {"labels": "rankings"}


def test_it_learns_preferred_answers_beside_demonstrations(recipes):
    worked_off(candidates=["preferred"])
    assert run_of("preferred").recipe == "sft"
    assert run_of("preferred").config["source"] == "preferred"
    assert "source" not in run_of("sft").config


def test_it_passes_on_ensembles_and_axes_and_how_they_are_combined(recipes):
    reward = {"ensemble": 5, "axes": {"helpful": 1, "harmless": 2}}
    config = {name: {"combine": "wco"} for name in ("ppo", "raft", "evaluate")}
    worked_off(candidates=["ppo", "raft"], reward=reward, **config)
    assert recipes.configs["reward"].items() >= reward.items()
    assert {recipes.configs[name]["combine"] for name in config} == {"wco"}


KNOWN = "dpo, ppo, raft, kto, control, preferred"


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"candidates": ["dpo", "grpo"]}, f"no candidate 'grpo'; choose some of these: {KNOWN}"),
        ({"candidates": [{}]}, "no candidate {}; choose"),
        ({"candidates": []}, f"a list of one or more of these: {KNOWN}"),
        ({"candidates": "dpo"}, "a list of one or more"),
        ({"candidates": ["dpo", "dpo"]}, "The candidate dpo is named twice"),
        ({"candidates": ["dpo"], "ppo": {}}, "fields of ppo, which is not one of its candidates: dpo"),
        ({"raft": {"n": 4}}, "fields of raft, which is not one of its candidates: dpo, ppo"),
    ],
)
def test_it_refuses_candidates_that_it_cannot_make(config, sentence):
    with pytest.raises(DomainError, match=sentence):
        start_pipeline(date=datetime.date(2026, 11, 20), trigger="person", config=config)
    assert not Pipeline.objects.exists()


def test_without_gold_every_ranking_weighs_the_same(recipes):
    worked_off(candidates=["dpo"])
    assert not any("weights" in run_of(stage).config for stage in ("reward", "dpo"))


def test_rankings_weigh_what_gold_says_of_their_annotators_in_the_reward_model(judged, recipes):
    answer_gold(judged)
    pipeline = worked_off(candidates=["dpo"], reward={"epochs": 2})
    assert run_of("reward").config == {"weights": "annotator", "epochs": 2}
    assert run_of("dpo").config == {}
    notes = {stage.name: stage.message for stage in stages(pipeline=pipeline)}
    assert (notes["reward"], notes["dpo"]) == ("A ranking weighs what gold tasks say of its annotator.", "")


def test_a_config_says_otherwise(judged, recipes):
    answer_gold(judged)
    pipeline = worked_off(candidates=["dpo"], reward={"weights": "none"}, dpo={"weights": "annotator"})
    assert [run_of(stage).config["weights"] for stage in ("reward", "dpo")] == ["none", "annotator"]
    notes = {stage.name: stage.message for stage in stages(pipeline=pipeline)}
    assert (notes["reward"], notes["dpo"]) == ("", "A ranking weighs what gold tasks say of its annotator.")


def test_a_snapshot_that_is_older_than_weights_is_not_asked_for_them(judged, recipes):
    answer_gold(judged)
    pipeline, _ = start_pipeline(date=datetime.date(2026, 11, 20), trigger="person")
    advance_pipeline(pipeline_id=pipeline.pk)
    freeze_snapshot(snapshot_id=Snapshot.objects.get().pk)
    snapshot = Snapshot.objects.get()
    del snapshot.manifest["weights"]
    snapshot.save()
    assert work_off(pipeline_id=pipeline.pk, say=lambda line: None).state == "done"
    assert "weights" not in run_of("reward").config
