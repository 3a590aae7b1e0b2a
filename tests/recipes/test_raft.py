"""Best-of-n distillation: which answers are kept, which prompts are asked, and that the reward rises."""

import json

import pytest
import torch

from tests.recipes.small_artifacts import make_reward, run_program
from training.modelling.artifacts import RecipeError
from training.modelling.configs import ConfigError, build_config
from training.modelling.models import load_policy
from training.modelling.prompts import Prompt, read_prompts
from training.modelling.rewards import Combination, load_reward
from training.recipes import raft
from training.recipes.raft import RaftConfig, Scored, answer, as_examples, best, drawn_prompts, train_raft
from training.recipes.sft import SftConfig, train_sft


def test_it_keeps_the_best_that_ended_of_each_prompt():
    scored = [
        Scored(0, [5, 1], True, 0.1),
        Scored(0, [6, 1], True, 0.9),
        Scored(0, [7], False, 2.0),
        Scored(0, [8, 1], True, 0.9),
        Scored(1, [9], False, 1.0),
    ]
    assert best(scored) == [scored[1]]


def test_each_round_asks_other_prompts_until_all_were_asked():
    prompts = [Prompt([], str(number), "d") for number in range(10)]
    rounds = [[one.sha256 for one in drawn_prompts(prompts, number, 4, seed=0)] for number in range(3)]
    assert len(set(rounds[0] + rounds[1])) == 8
    assert set(rounds[2]) >= {one.sha256 for one in prompts} - set(rounds[0] + rounds[1])
    assert [one.sha256 for one in drawn_prompts(prompts, 0, 4, seed=0)] == rounds[0]
    assert len(drawn_prompts(prompts, 5, 99, seed=0)) == 10


@pytest.fixture(scope="module")
def polite(base, snapshot, tmp_path_factory):
    """A policy that has learnt to answer, and a reward model."""
    path = tmp_path_factory.mktemp("polite")
    torch.set_num_threads(1)
    fields = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 32, "epochs": 6, "lr": 0.01}
    fields |= {"out": str(path / "sft"), "base": str(base), "snapshot": str(snapshot), "style_prompts": 0}
    train_sft(build_config(SftConfig, {**fields, "source": "preferred", "batch_size": 8}))
    return path / "sft", make_reward(path / "reward", base)


def config(polite, snapshot, **fields) -> RaftConfig:
    policy, reward = polite
    wanted = {"out": "x", "base": str(policy), "reward": str(reward), "snapshot": str(snapshot)}
    return build_config(RaftConfig, wanted | {"max_prompt_tokens": 64, "max_completion_tokens": 32} | fields)


def test_it_scores_what_it_sampled_as_the_reward_model_reads_it(polite, snapshot):
    wanted = config(polite, snapshot)
    model, tokenizer = load_policy(wanted.base)
    reward = load_reward(wanted.reward)
    prompts = read_prompts(snapshot, ["train"])[:3]
    scored = answer(wanted, model, tokenizer, reward, prompts, 2, torch.Generator().manual_seed(0))
    assert [one.prompt for one in scored] == [0, 0, 1, 1, 2, 2]
    ended = [one for one in scored if one.ended]
    rows = as_examples(wanted, tokenizer, prompts, ended)
    again = reward.score([row.ids[: row.start] for row in rows], [row.ids[row.start :] for row in rows])
    assert again.tolist() == pytest.approx([one.reward for one in ended], abs=1e-4)


def test_it_raises_the_reward_that_it_learns_from(polite, snapshot, tmp_path):
    policy, reward = polite
    wanted = {"out": str(tmp_path / "raft"), "base": str(policy), "reward": str(reward), "snapshot": str(snapshot)}
    wanted |= {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 32, "rounds": 2, "n": 6, "lr": 0.005}
    manifest = run_program("raft", wanted | {"prompts_per_round": 12, "epochs": 4, "batch_size": 4}, tmp_path)
    assert (manifest["recipe"], manifest["kind"]) == ("raft", "policy")
    found = {(row["name"], row["subject"]): row["value"] for row in manifest["results"]}
    assert found["score", "raft"] > found["score", "base"]
    rounds = json.loads((tmp_path / "raft/report.json").read_text())["rounds"]
    assert [one["sampled"] for one in rounds] == [72, 72]
    for one in rounds:
        assert one["reward_kept"] > one["reward_sampled"]


def test_it_picks_by_the_members_combination_that_it_is_told(polite, snapshot, tmp_path, monkeypatch):
    asked = []

    def noted(source, *, combination, **others):
        asked.append(combination)
        raise RecipeError("far enough")

    monkeypatch.setattr(raft, "load_reward", noted)
    for fields in ({}, {"combine": "uwo", "uncertainty_weight": 0.3}):
        with pytest.raises(RecipeError, match="far enough"):
            train_raft(config(polite, snapshot, out=str(tmp_path), **fields))
    assert asked == [Combination(), Combination("uwo", 0.3)]


def test_it_refuses_no_rounds(polite, snapshot):
    with pytest.raises(ConfigError, match="'rounds' must be above 0"):
        config(polite, snapshot, rounds=0)
