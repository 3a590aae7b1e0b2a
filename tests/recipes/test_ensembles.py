"""Ensembles in one network: what is shared, what is each member's, and how their scores are combined."""

import pytest
import torch
from transformers import GPT2Config, GPT2Model, LlamaForCausalLM, MistralForCausalLM, Qwen3ForCausalLM

from tests.recipes.small_artifacts import run_program
from training.modelling.adapters import recomputing
from training.modelling.artifacts import RecipeError
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.ensembles import all_of_them, bootstrap, members_rewards
from training.modelling.models import autocast, load_classifier, new_reward_model, save_model
from training.modelling.rankings import EncodedRanking, layout_for
from training.modelling.reward_network import Design, RewardNetwork
from training.modelling.rewards import Combination, load_reward, read_all
from training.modelling.shared_prefix import NAME
from training.recipes.ppo import value_network
from training.recipes.uncertainty import UncertaintyConfig, score_uncertainty

RANKINGS = [
    EncodedRanking([5, 6, 7], [[13, 14, 1], [15, 1]], [1, 2], [1, 1], "a"),
    EncodedRanking([8], [[16, 17, 18, 1], [19, 1], [20, 1]], [2, 1, 3], [1, 1, 1], "b"),
    EncodedRanking([9, 10, 11, 12], [[21, 1], [22, 23, 1]], [1, 2], [1, 1], "c"),
]


def four_layers(family, tokenizer, **more):
    torch.manual_seed(0)
    config = family.config_class(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=64,
        **more,
    )
    return family(config).eval()


@pytest.fixture
def deep(tokenizer, tmp_path):
    """The directory of a Llama of four layers."""
    save_model(four_layers(LlamaForCausalLM, tokenizer), tokenizer, tmp_path / "deep")
    return tmp_path / "deep"


@pytest.fixture
def ensemble(deep):
    torch.manual_seed(0)
    return new_reward_model(deep, members=3)[0].eval()


def learnt(network):
    """The network with every member's layers a way of their own."""
    generator = torch.Generator().manual_seed(1)
    for member in network.members:
        for weight in member.layers.parameters():
            weight.data += 0.3 * weight.data.std(correction=0) * torch.randn(weight.shape, generator=generator)
    return network


@torch.no_grad()
def by_whole_layers(network, member, prompt, completion):
    """A member's reward of one row by whole layers, each given the trunk's states and the member's own at the end."""
    ids = torch.tensor([[*prompt, *completion]])
    below = network.trunk(ids, use_cache=False, output_hidden_states=True).hidden_states[-len(member.layers.layers) :]
    turns = network.trunk.rotary_emb(below[0], torch.arange(ids.shape[1])[None])
    state = below[0][:, -1:]
    for layer, of_all in zip(member.layers.layers, below, strict=True):
        state = layer(torch.cat([of_all[:, :-1], state], dim=1), position_embeddings=turns)[:, -1:]
    return member.head(member.layers.norm(state)[:, 0])


@pytest.fixture(scope="module")
def trained(base, snapshot, tmp_path_factory):
    """A finished run of three members: its manifest and its directory."""
    out = tmp_path_factory.mktemp("ensemble")
    config = {"out": str(out / "run"), "base": str(base), "snapshot": str(snapshot), "ensemble": 3, "lr": 0.01}
    limits = {"threads": 1, "max_prompt_tokens": 64, "max_completion_tokens": 64, "epochs": 3}
    return run_program("reward", config | limits, out), out / "run"


@pytest.mark.parametrize("encoding", ["shared", "once"])
def test_a_member_gives_the_numbers_of_the_whole_model_with_its_head(deep, ensemble, encoding):
    whole, _ = new_reward_model(deep)
    layout = layout_for(ensemble, 0, encoding=encoding, tokens_at_once=10_000)
    (part,) = layout.parts(RANKINGS)
    found = read_all(ensemble, part.batch)
    assert found.shape == (7, 3, 1)
    assert len(ensemble.trunk.layers) == len(ensemble.members[0].layers.layers) == 3
    (rows,) = layout_for(whole, 0, encoding="once", tokens_at_once=10_000).parts(RANKINGS)
    for number, member in enumerate(ensemble.members):
        whole.score.weight = member.score.weight
        expected = read_all(
            whole.eval(), next(layout_for(whole, 0, encoding="once", tokens_at_once=10_000).parts(RANKINGS)).batch
        )
        torch.testing.assert_close(found[:, number], expected[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("encoding", ["shared", "once"])
@pytest.mark.parametrize("family", [LlamaForCausalLM, Qwen3ForCausalLM])
def test_reading_the_last_token_alone_gives_the_numbers_of_whole_layers(family, encoding, tokenizer):
    trunk = four_layers(family, tokenizer).base_model
    network = learnt(RewardNetwork(trunk, Design(members=2, member_layers=3))).eval()
    (part,) = layout_for(network, 0, encoding=encoding, tokens_at_once=10_000).parts(RANKINGS)
    assert network.config._attn_implementation == (NAME if encoding == "shared" else "sdpa")
    found = read_all(network, part.batch)
    rows = [(ranking.prompt, completion) for ranking in RANKINGS for completion in ranking.completions]
    expected = [torch.cat([by_whole_layers(network, one, *row) for one in network.members]) for row in rows]
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-6, atol=1e-6)


def test_members_get_three_layers_or_all_but_the_first_or_none(base, ensemble, tokenizer, tmp_path):
    assert ensemble.design.member_layers == 3
    assert new_reward_model(base, members=2)[0].design.member_layers == 1
    save_model(four_layers(MistralForCausalLM, tokenizer, sliding_window=4), tokenizer, tmp_path)
    narrow, _ = new_reward_model(tmp_path, members=2)
    assert (narrow.design.member_layers, narrow.design.hidden) == (0, True)


@pytest.mark.parametrize("how", ["recomputing", "bf16"])
def test_members_layers_learn_the_same_with_less_memory_and_nearly_so_in_bf16(ensemble, how):
    (part,) = layout_for(ensemble, 0, encoding="auto", tokens_at_once=10_000).parts(RANKINGS)
    gradients = []
    for changed in (False, True):
        ensemble.train().zero_grad()
        wanted = how if changed else "fp32"
        with recomputing(ensemble, wanted == "recomputing"), autocast(ensemble, "bf16" if wanted == "bf16" else "fp32"):
            read_all(ensemble, part.batch).square().sum().backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in ensemble.parameters()]))
    apart = (gradients[0] - gradients[1]).norm() / gradients[0].norm()
    assert apart < (1e-6 if how == "recomputing" else 0.05)


@pytest.mark.parametrize("encoding", ["shared", "once"])
def test_a_member_computes_what_it_drew_and_gets_the_same_numbers(ensemble, encoding):
    layout = layout_for(learnt(ensemble), 0, encoding=encoding, tokens_at_once=10_000)
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


def test_it_is_saved_and_loaded_whole(ensemble, tokenizer, tmp_path):
    save_model(learnt(ensemble), tokenizer, tmp_path)
    (part,) = layout_for(ensemble, 0, encoding="once", tokens_at_once=10_000).parts(RANKINGS)
    torch.testing.assert_close(
        read_all(load_classifier(tmp_path)[0].eval(), part.batch), read_all(ensemble, part.batch)
    )
