"""Evaluation: figures against brute force, known-good and known-bad policies, and the artifact it leaves."""

import json
import math

import pytest
import torch

from tests.recipes.small_artifacts import make_policy, make_reward, make_snapshot, run_program
from training.demo import world
from training.modelling.artifacts import RecipeError
from training.modelling.chat import encode_prompt
from training.modelling.configs import ConfigError, build_config
from training.modelling.contests import distinct, wins
from training.modelling.models import load_policy
from training.modelling.prompts import read_prompts
from training.modelling.rewards import Normalisation, RewardModel, load_reward
from training.modelling.snapshots import read_rankings
from training.recipes.evaluate import (
    EvaluateConfig,
    agreement_results,
    answer,
    evaluate,
    load_judge,
    reward_results,
)

WHOLE = {"max_completion_tokens": 120}
"""Enough for every reply of the snapshot."""


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ([3.0], [1.0], [1.0]),
        ([1.0], [1.0], [0.5]),
        ([1.0, 2.0], [1.0, 3.0], [0.5, 0.0, 1.0, 0.0]),
        ([None, 2.0], [1.0, None], [1.0]),
    ],
)
def test_it_compares_all_pairs_of_answers_to_a_prompt(mine, theirs, expected):
    shares, prompts = wins(mine, theirs, ["p"] * len(mine), len(mine))
    assert shares == expected
    assert prompts == ["p"] * len(expected)


def test_it_never_compares_answers_to_different_prompts():
    shares, prompts = wins([1.0, 1.0, 9.0, 9.0], [2.0, 2.0, 8.0, 8.0], ["p", "p", "q", "q"], 2)
    assert shares == [0.0] * 4 + [1.0] * 4
    assert prompts == ["p"] * 4 + ["q"] * 4


def test_it_counts_distinct_n_grams_over_all_texts():
    texts = ["a b a", "a b", "c"]
    assert distinct(texts, 1) == pytest.approx(3 / 6)
    assert distinct(texts, 2) == pytest.approx(2 / 3)
    assert distinct(["a"], 2) == 0.0


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    root = tmp_path_factory.mktemp("artifacts")
    reference = make_policy(root / "sft")
    sizes = {"train": 2, "validation": 4, "test": 12}
    return {
        "reference": str(reference),
        "reward": str(make_reward(root / "reward", reference)),
        "snapshot": str(make_snapshot(root / "snapshot", prompts=sizes, annotators=3, noise=1.0)),
        "other": str(make_policy(root / "other", seed=1)),
    }


def small_config(artifacts, out="unused", **changes):
    values = {name: artifacts[name] for name in ("reference", "reward", "snapshot")} | {"out": str(out)}
    sizes = {"max_prompts": 10, "samples_per_prompt": 2, "max_prompt_tokens": 128, "max_completion_tokens": 8}
    return EvaluateConfig(**(values | sizes | {"threads": 1, "examples": 2} | changes))


def find(results, **wanted):
    (found,) = [row for row in results if all(getattr(row, name) == value for name, value in wanted.items())]
    return found


class GoldReward(RewardModel):
    """A reward model that is right, or, with `sign` -1, always wrong."""

    sign = 1.0

    def score(self, prompts, completions, *, batch_size=64):
        """The world's gold score of each completion."""
        texts = [self.tokenizer.decode(ids, skip_special_tokens=True) for ids in completions]
        asked = [self.tokenizer.decode(ids) for ids in prompts]
        users = [text.split("<|user|>")[1].split("<|end|>")[0] for text in asked]
        gold = [world.gold([{"role": "user", "content": user}], text) for user, text in zip(users, texts, strict=True)]
        return self.sign * torch.tensor(gold)


class WrongReward(GoldReward):
    """Prefers whatever is worse."""

    sign = -1.0


@pytest.mark.parametrize(("kind", "expected"), [(GoldReward, 1.0), (WrongReward, 0.0)])
def test_it_measures_the_reward_model_against_careful_annotators(artifacts, tmp_path, kind, expected):
    snapshot = make_snapshot(tmp_path / "careful", prompts={"train": 0, "validation": 0, "test": 9})
    rows = read_rankings(snapshot, "test")
    stored = load_reward(artifacts["reward"])
    results = reward_results(
        kind(stored.model, stored.tokenizer, Normalisation()), rows, small_config(artifacts, **WHOLE)
    )
    found = find(results, name="pair_accuracy", subject="reward")
    assert found.value == expected
    assert found.n == 9
    assert found.lo <= found.value <= found.hi
    assert "27 strict preferences" in found.note


def test_it_measures_the_rule_that_the_longer_answer_is_better(artifacts):
    rows = read_rankings(artifacts["snapshot"], "test")
    reward = load_reward(artifacts["reward"])
    correct = []
    for row in rows:
        for chosen, better in zip(row.completions, row.ranks, strict=True):
            for rejected, worse in zip(row.completions, row.ranks, strict=True):
                if better < worse:
                    longer, shorter = len(chosen), len(rejected)
                    correct.append(1.0 if longer > shorter else 0.5 if longer == shorter else 0.0)
    found = find(
        reward_results(reward, rows, small_config(artifacts, **WHOLE)), name="pair_accuracy", subject="longer answer"
    )
    assert found.value == pytest.approx(sum(correct) / len(correct))


def test_it_measures_agreement_on_the_same_rankings_by_counting(artifacts):
    rows = read_rankings(artifacts["snapshot"], "test")
    agreeing, cases = 0, 0
    for i, first in enumerate(rows):
        for second in rows[i + 1 :]:
            if first.prompt_sha256 == second.prompt_sha256:
                for a in range(3):
                    for b in range(a + 1, 3):
                        cases += 1
                        agreeing += (first.ranks[a] < first.ranks[b]) == (second.ranks[a] < second.ranks[b])
    (found,) = agreement_results(rows)
    assert found.n == cases == 108
    assert found.value == pytest.approx(agreeing / cases)
    assert 0.5 < found.value < 1.0
    assert found.lo < found.value < found.hi


def test_it_leaves_agreement_out_where_nobody_met(artifacts, tmp_path):
    snapshot = make_snapshot(tmp_path / "alone", prompts={"train": 0, "validation": 0, "test": 2})
    assert agreement_results(read_rankings(snapshot, "test")) == []


def test_it_measures_kl_and_entropy_token_by_token(artifacts):
    config = small_config(artifacts)
    prompts = read_prompts(artifacts["snapshot"], ["test"])[:3]
    found = answer(artifacts["other"], artifacts["reference"], prompts, load_reward(artifacts["reward"]), config)
    policy, tokenizer = load_policy(artifacts["other"])
    reference, _ = load_policy(artifacts["reference"])
    for row, ids in enumerate(found.ids):
        prompt = encode_prompt(tokenizer, prompts[row // 2].messages)
        places = slice(len(prompt) - 1, len(prompt) + len(ids) - 1)
        with torch.no_grad():
            own, other = (
                torch.log_softmax(model(input_ids=torch.tensor([prompt + ids])).logits[0, places], -1)
                for model in (policy, reference)
            )
        tokens = torch.tensor(ids)[:, None]
        kl = (own.gather(-1, tokens) - other.gather(-1, tokens)).sum().item()
        assert found.kl[row] == pytest.approx(kl, abs=1e-4)
        assert found.entropy[row] == pytest.approx((-(own.exp() * own).sum(-1)).tolist(), abs=1e-4)
    assert found.prompts == [prompt.sha256 for prompt in prompts for _ in range(2)]


@pytest.fixture(scope="module")
def finished(artifacts, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "evaluation"
    policies = {"same": artifacts["reference"], "other": artifacts["other"], "promoted": artifacts["other"]}
    evaluate(small_config(artifacts, out, policies=policies, judge="world"))
    return out


@pytest.fixture(scope="module")
def results(finished):
    return json.loads((finished / "MANIFEST.json").read_text())["results"]


def figure(results, name, subject, against=""):
    (found,) = [r for r in results if (r["name"], r["subject"], r["against"]) == (name, subject, against)]
    return found


def test_it_gives_a_policy_equal_to_its_reference_half_the_wins_and_no_kl(results):
    """The same model with the same seed gives the same answers: every pair and its mirror image are there."""
    for name in ("win_rate", "win_rate_by_reward"):
        found = figure(results, name, "same", "sft")
        assert found["value"] == pytest.approx(0.5)
        assert found["n"] == 10
    assert figure(results, "kl", "same", "sft")["value"] == 0.0


def test_it_compares_with_the_policy_in_force_too(results):
    assert figure(results, "win_rate", "other", "promoted")["value"] == pytest.approx(0.5)
    assert figure(results, "win_rate", "promoted", "sft")["n"] == 10
    assert not [r for r in results if r["subject"] == r["against"] == "promoted"]


def test_it_finds_the_kl_of_another_policy(results):
    assert figure(results, "kl", "other", "sft")["lo"] > 0


def test_it_says_of_every_policy_what_its_answers_are_like(results):
    for subject in ("sft", "same", "other", "promoted"):
        for name in ("score", "gold", "length", "end_rate", "entropy", "distinct_1", "distinct_2"):
            found = figure(results, name, subject)
            if not name.startswith("distinct"):
                assert found["lo"] <= found["value"] <= found["hi"]
                assert found["n"] == 10
        assert 5 < figure(results, "entropy", subject)["value"] < math.log(400)
        assert figure(results, "length", subject)["value"] <= 8


def test_it_gives_every_result_a_name_of_its_own(results):
    names = [(r["name"], r["subject"], r["against"]) for r in results]
    assert len(names) == len(set(names))


def test_it_saves_examples_of_every_policy(finished):
    rows = [json.loads(line) for line in (finished / "samples.jsonl").read_text().splitlines()]
    assert [row["policy"] for row in rows] == ["sft", "same", "other", "promoted"] * 2
    for row in rows:
        assert row["gold"] == pytest.approx(world.gold(row["prompt"], row["completion"], row["ended"]))
        assert row["prompt_sha256"] == world.prompt_sha256(row["prompt"])


def test_it_names_every_input_by_hash(finished):
    manifest = json.loads((finished / "MANIFEST.json").read_text())
    assert (manifest["recipe"], manifest["kind"]) == ("evaluate", "evaluation")
    assert manifest["inputs"].keys() == {
        *("reference", "reward", "snapshot"),
        *("policy:same", "policy:other", "policy:promoted"),
    }
    assert "samples.jsonl" in manifest["files"]


def test_it_answers_held_out_prompts_only(artifacts, finished):
    held_out = {p.sha256 for p in read_prompts(artifacts["snapshot"], ["test", "validation"])}
    trained = {p.sha256 for p in read_prompts(artifacts["snapshot"], ["train"])}
    rows = [json.loads(line) for line in (finished / "samples.jsonl").read_text().splitlines()]
    assert {row["prompt_sha256"] for row in rows} <= held_out - trained


def test_it_judges_by_the_reward_model_alone_unless_told_otherwise(artifacts, tmp_path):
    evaluate(small_config(artifacts, tmp_path / "out", policies={"other": artifacts["other"]}))
    results = json.loads((tmp_path / "out" / "MANIFEST.json").read_text())["results"]
    assert "judged by the reward model" in figure(results, "win_rate", "other", "sft")["note"]
    assert not [r for r in results if r["name"] in ("gold", "win_rate_by_reward")]


def test_it_refuses_to_judge_by_a_world_that_knows_none_of_the_prompts(artifacts, tmp_path, monkeypatch):
    def unknown(messages, text, ended=True):
        raise world.NotOfThisWorld("no")

    monkeypatch.setattr(world, "gold", unknown)
    with pytest.raises(RecipeError, match="no held-out prompt is of the demo world"):
        evaluate(small_config(artifacts, tmp_path / "out", judge="world"))


def test_it_refuses_a_snapshot_without_held_out_prompts(artifacts, tmp_path):
    empty = make_snapshot(tmp_path / "empty", prompts={"train": 1, "validation": 0, "test": 0})
    with pytest.raises(RecipeError, match="no prompts in its test and validation splits"):
        evaluate(small_config({**artifacts, "snapshot": str(empty)}, tmp_path / "out"))


def test_it_refuses_a_policy_with_the_name_of_the_reference(artifacts):
    values = {name: artifacts[name] for name in ("reference", "reward", "snapshot")}
    with pytest.raises(ConfigError, match="'sft', which is the reference's name"):
        build_config(EvaluateConfig, values | {"out": "x", "policies": {"sft": artifacts["other"]}})


def test_it_runs_as_a_program(artifacts, tmp_path):
    config = small_config(artifacts, tmp_path / "out", policies={"other": artifacts["other"]})
    results = run_program("evaluate", config, tmp_path)["results"]
    assert figure(results, "win_rate", "other", "sft")["n"] == 10


def test_it_lets_the_instant_reward_judge_before_there_is_a_reward_model(artifacts, tmp_path):
    snapshot = str(make_snapshot(tmp_path / "world", prompts={"train": 20, "validation": 0, "test": 6}))
    fitted = run_program("instant_reward", {"out": str(tmp_path / "instant"), "snapshot": snapshot}, tmp_path)
    known = {**artifacts, "reward": fitted["config"]["out"], "snapshot": snapshot}
    evaluate(small_config(known, tmp_path / "out"))
    manifest = json.loads((tmp_path / "out" / "MANIFEST.json").read_text())
    assert manifest["inputs"]["reward"] == fitted["sha256"]
    assert figure(manifest["results"], "score", "sft")["n"] == 6
    whole = small_config(known, **WHOLE)
    found = reward_results(load_judge(whole, torch.device("cpu")), read_rankings(snapshot, "test"), whole)
    of_baseline = figure(fitted["results"], "test_accuracy", "tf-idf")["value"]
    assert find(found, name="pair_accuracy", subject="reward").value == of_baseline
