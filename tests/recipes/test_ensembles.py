"""Ensembles in one network: what is shared, what is each member's, and how their scores are combined."""

import pytest
import torch
from transformers import GPT2Config, GPT2Model

from tests.recipes.small_artifacts import run_program
from training.modelling.artifacts import RecipeError
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.ensembles import all_of_them, bootstrap, members_rewards
from training.modelling.models import load_classifier, new_reward_model, save_model
from training.modelling.rankings import EncodedRanking, layout_for
from training.modelling.reward_network import RewardNetwork
from training.modelling.rewards import Combination, load_reward, read_all
from training.modelling.shared_prefix import NAME
from training.recipes.ppo import value_network
from training.recipes.uncertainty import UncertaintyConfig, score_uncertainty

RANKINGS = [
    EncodedRanking([5, 6, 7], [[13, 14, 1], [15, 1]], [1, 2], [1, 1], "a"),
    EncodedRanking([8], [[16, 17, 18, 1], [19, 1], [20, 1]], [2, 1, 3], [1, 1, 1], "b"),
    EncodedRanking([9, 10, 11, 12], [[21, 1], [22, 23, 1]], [1, 2], [1, 1], "c"),
]


@pytest.fixture
def ensemble(base):
    torch.manual_seed(0)
    return new_reward_model(base, members=3)[0].eval()


@pytest.fixture(scope="module")
def trained(base, snapshot, tmp_path_factory):
    """A finished run of three members: its manifest and its directory."""
    out = tmp_path_factory.mktemp("ensemble")
    config = {"out": str(out / "run"), "base": str(base), "snapshot": str(snapshot), "ensemble": 3, "lr": 0.01}
    limits = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64}
    return run_program("reward", config | limits, out), out / "run"


@pytest.mark.parametrize("encoding", ["shared", "once"])
def test_a_member_gives_the_numbers_of_the_whole_model_with_its_head(base, ensemble, encoding):
    whole, _ = new_reward_model(base)
    layout = layout_for(ensemble, 0, encoding=encoding, tokens_at_once=10_000)
    (part,) = layout.parts(RANKINGS)
    found = read_all(ensemble, part.batch)
    assert found.shape == (7, 3, 1)
    assert len(ensemble.trunk.layers) == len(ensemble.members[0].layers.layers) == 1
    (rows,) = layout_for(whole, 0, encoding="once", tokens_at_once=10_000).parts(RANKINGS)
    for number, member in enumerate(ensemble.members):
        whole.score.weight = member.score.weight
        expected = read_all(
            whole.eval(), next(layout_for(whole, 0, encoding="once", tokens_at_once=10_000).parts(RANKINGS)).batch
        )
        torch.testing.assert_close(found[:, number], expected[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("encoding", ["shared", "once"])
def test_a_member_computes_what_it_drew_and_gets_the_same_numbers(ensemble, encoding):
    layout = layout_for(ensemble, 0, encoding=encoding, tokens_at_once=10_000)
    assert ensemble.config._attn_implementation == (NAME if encoding == "shared" else "sdpa")
    (part,) = layout.parts(RANKINGS)
    whole = read_all(ensemble, part.batch)
    found = list(members_rewards(ensemble, part, layout, [{"a": 1, "c": 2}, {"b": 1}, {}]))
    assert [[(row.prompt_sha256, row.weight) for row in rows] for rows, _ in found] == [
        [("a", 1), ("c", 2)],
        [("b", 1)],
    ]
    torch.testing.assert_close(found[0][1], whole[[0, 1, 5, 6], 0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1][1], whole[[2, 3, 4], 1], rtol=1e-4, atol=1e-5)


def test_what_a_member_did_not_draw_teaches_it_nothing(ensemble):
    layout = layout_for(ensemble, 0, encoding="auto", tokens_at_once=10_000)
    (part,) = layout.parts(RANKINGS)
    sum(rewards.sum() for _, rewards in members_rewards(ensemble, part, layout, [{"a": 1}, {"b": 1}, {}])).backward()
    touched = [any(p.grad is not None for p in member.parameters()) for member in ensemble.members]
    assert touched == [True, True, False]


def test_members_draw_as_many_prompts_as_there_are_with_replacement():
    rankings = [EncodedRanking([5], [[6], [7]], [1, 2], [1, 1], f"{n // 2}") for n in range(400)]
    draws = bootstrap(rankings, 5, seed=3)
    assert [sum(drawn.values()) for drawn in draws] == [200] * 5
    # A share of 1 - 1/e = 63 % is drawn, with a standard deviation of 2 points.
    assert all(0.55 < len(drawn) / 200 < 0.72 for drawn in draws)
    assert bootstrap(rankings, 5, seed=3) == draws != bootstrap(rankings, 5, seed=4)
    assert draws[0] != draws[1]
    assert set(all_of_them(rankings, 2)[1].values()) == {1}


def test_scores_are_combined_as_coste_et_al_do():
    scores = torch.tensor([[1.0, 2.0, 6.0], [0.0, 0.0, 0.0]])
    assert Combination().of(scores).tolist() == [3.0, 0.0]
    assert Combination("wco").of(scores).tolist() == [1.0, 0.0]
    # The variance is (4 + 1 + 9) / 3, divided by their number.
    assert Combination("uwo", 0.3).of(scores).tolist() == pytest.approx([3 - 0.3 * 14 / 3, 0.0])


def test_it_learns_and_says_where_the_members_disagree(trained):
    manifest, out = trained
    found = {(one["name"], one["subject"]): one for one in manifest["results"]}
    assert found["test_accuracy", "reward"]["value"] == 1.0
    assert found["test_disagreement", "reward"]["n"] == 6
    assert 0 <= found["test_disagreement", "reward"]["lo"] <= found["test_disagreement", "reward"]["hi"] <= 1
    model, _ = load_classifier(out)
    assert isinstance(model, RewardNetwork)
    heads = torch.stack([member.score.weight.flatten() for member in model.members])
    assert torch.pdist(heads).min() > 0.1


def test_a_saved_ensemble_scores_by_the_combination_asked_for(trained):
    by = {name: load_reward(trained[1], combination=Combination(name)) for name in ("mean", "wco", "uwo")}
    tokenizer = by["mean"].tokenizer
    prompt = encode_prompt(tokenizer, [{"role": "user", "content": "My lamp test 40 is broken."}])
    said = [encode_completion(tokenizer, text) for text in ("Please send it back.", "Go away.", "Please go.")]
    scores = {name: reward.score([prompt] * 3, said) for name, reward in by.items()}
    assert (scores["wco"] < scores["mean"]).all()
    assert (scores["uwo"] < scores["mean"]).all()
    assert scores["mean"][0] > scores["mean"][1]


def test_ppos_value_network_of_an_ensemble_is_the_policy_with_a_head_of_zeros(trained, policy):
    reward = load_reward(trained[1])
    value, shift, scale = value_network(reward, policy, reward.tokenizer)
    assert not value.score.weight.any()
    torch.testing.assert_close(value.model.embed_tokens.weight, policy.model.embed_tokens.weight)
    assert (shift, scale) == (0.0, 1.0)


def test_its_members_are_the_models_whose_uncertainty_is_measured(trained, tmp_path):
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text('{"task": 1, "prompt": [{"role": "user", "content": "Hi"}], "completions": ["a", "b"]}\n')
    limits = {"max_prompt_tokens": 64, "max_completion_tokens": 64}
    score_uncertainty(UncertaintyConfig(out=str(tmp_path), rewards=[str(trained[1])], tasks=str(tasks), **limits))
    assert (tmp_path / "uncertainty.jsonl").read_text().startswith('{"task": 1, "uncertainty": 0.')


def test_a_decoder_that_cannot_be_split_gives_members_a_hidden_layer(tokenizer, tmp_path):
    torch.manual_seed(0)
    trunk = GPT2Model(GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=64))
    save_model(trunk, tokenizer, tmp_path)
    model, _ = new_reward_model(tmp_path, members=2)
    assert (model.design.member_layers, model.design.hidden) == (0, True)
    with pytest.raises(RecipeError, match="cannot give each member its last 1 layers"):
        new_reward_model(tmp_path, members=2, member_layers=1)


def test_it_is_saved_and_loaded_whole(ensemble, base, tmp_path):
    _, tokenizer = new_reward_model(base)
    save_model(ensemble, tokenizer, tmp_path)
    (part,) = layout_for(ensemble, 0, encoding="once", tokens_at_once=10_000).parts(RANKINGS)
    torch.testing.assert_close(
        read_all(load_classifier(tmp_path)[0].eval(), part.batch), read_all(ensemble, part.batch)
    )
