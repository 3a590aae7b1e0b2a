"""Reward models on encoders: every token sees every other, so that padding, windows and pooling matter."""

import json

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from tests.recipes.small_artifacts import run_program
from training.modelling.artifacts import RecipeError
from training.modelling.batches import pad_batch
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.configs import ConfigError, build_config
from training.modelling.models import load_classifier, load_tokenizer, new_reward_model, save_model
from training.modelling.rewards import for_ids_of, load_reward, read_rewards, save_normalisation
from training.modelling.shared_prefix import sees_what_follows, shares_prefixes
from training.recipes.reward import RewardConfig

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
SMALL = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "pad_token_id": 0}
SMALL |= {"intermediate_size": 64, "max_position_embeddings": 64}
DISTIL = {"vocab_size": 64, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 64}
DEBERTA = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}
ENCODERS = {
    "bert": lambda: BertModel(BertConfig(**SMALL)),
    "roberta": lambda: RobertaModel(RobertaConfig(**SMALL | {"max_position_embeddings": 65})),
    "deberta": lambda: DebertaV2Model(DebertaV2Config(**SMALL, **DEBERTA)),
    "distilbert": lambda: DistilBertModel(DistilBertConfig(**DISTIL)),
}
PROMPTS = [[2, 6, 7], [2, 8], [2, 9, 10, 11, 12]]
COMPLETIONS = [[13, 14, 3], [15, 3], [16, 17, 18, 19, 20, 3]]
QUESTION = [{"role": "user", "content": "My lamp test 40 is broken."}]


def encoder_tokenizer() -> PreTrainedTokenizerFast:
    """A word-level tokenizer as BERT has one: [CLS] and [SEP], no chat template, no end token."""
    words = [*SPECIAL.values(), ":", ".", "user", "assistant", "go", "away", "please", "send", "it", "back", "my"]
    words += [
        "lamp",
        "chair",
        "kettle",
        "radio",
        "clock",
        "is",
        "broken",
        "train",
        "test",
        "validation",
        "thank",
        "you",
    ]
    inner = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=64, **SPECIAL)


def saved(name: str, path):
    torch.manual_seed(0)
    ENCODERS[name]().save_pretrained(path)
    encoder_tokenizer().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return saved("bert", tmp_path_factory.mktemp("bert"))


@pytest.mark.parametrize("name", ENCODERS)
def test_a_row_has_the_same_reward_alone_and_in_a_batch(name, tmp_path):
    model, tokenizer = new_reward_model(saved(name, tmp_path))
    assert sees_what_follows(model.base_model)
    assert not shares_prefixes(model)
    together = read_rewards(model.eval(), pad_batch(PROMPTS, COMPLETIONS, tokenizer.pad_token_id))
    for prompt, completion, reward in zip(PROMPTS, COMPLETIONS, together.tolist(), strict=True):
        alone = read_rewards(model, pad_batch([prompt], [completion], tokenizer.pad_token_id))
        assert reward == pytest.approx(alone.item(), rel=1e-4, abs=1e-5)
    save_model(model, tokenizer, tmp_path / "saved")
    again, _ = load_classifier(tmp_path / "saved")
    torch.testing.assert_close(
        read_rewards(again.eval(), pad_batch(PROMPTS, COMPLETIONS, tokenizer.pad_token_id)), together
    )


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_it_reads_the_pooled_state(bert, pooling):
    model, _ = new_reward_model(bert, pooling=pooling)
    states = model.base_model(torch.tensor([PROMPTS[0] + COMPLETIONS[0]])).last_hidden_state[0]
    summary = states.mean(0) if pooling == "mean" else states[0]
    (member,) = model.members
    expected = member.score.weight @ torch.tanh(member.hidden.weight @ summary + member.hidden.bias)
    found = read_rewards(model, pad_batch(PROMPTS, COMPLETIONS, 0))[0]
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_it_starts_the_head_at_the_papers_scale(bert):
    torch.manual_seed(0)
    heads = torch.stack([new_reward_model(bert)[0].members[0].score.weight.detach().flatten() for _ in range(20)])
    assert heads.std().item() == pytest.approx(33**-0.5, rel=0.1)


def test_its_tokenizer_speaks_with_the_tokens_that_it_knows(bert):
    tokenizer = load_tokenizer(bert)
    assert len(tokenizer) == len(encoder_tokenizer())
    said = encode_prompt(tokenizer, QUESTION) + encode_completion(tokenizer, "Send it back. [SEP]")
    assert tokenizer.decode(said).startswith(
        "[CLS] user : my lamp test [UNK] is broken . [SEP] assistant : send it back ."
    )
    assert (said.count(3), said[-1]) == (2, 3)


def test_a_prompt_longer_than_the_window_keeps_its_end_and_the_first_token(bert):
    tokenizer = load_tokenizer(bert)
    long = encode_prompt(tokenizer, [{"role": "user", "content": "please " * 50 + "go away."}], max_tokens=6)
    assert tokenizer.decode(long) == "[CLS] away . [SEP] assistant :"
    batch = pad_batch([[2, *range(5, 25)], [2, 5]], [[30, 31, 3], [*range(30, 50), 3]], 0, window=8)
    assert batch.input_ids.tolist() == [[2, 21, 22, 23, 24, 30, 31, 3], [2, 5, 30, 31, 32, 33, 34, 35]]
    assert (batch.prompt_lengths.tolist(), batch.lengths.tolist()) == ([5, 2], [8, 8])


def test_it_scores_what_is_longer_than_its_positions(bert, tmp_path):
    model, tokenizer = new_reward_model(bert, window=16)
    save_model(model, tokenizer, tmp_path)
    save_normalisation(tmp_path, torch.tensor([-1.0, 0.0, 1.0]))
    scores = load_reward(tmp_path).score([[2, *[7] * 200], [2, *[7] * 12]], [[13, 14, 3]] * 2)
    assert scores[0] == scores[1]


def test_it_refuses_a_window_for_a_decoder_and_one_that_holds_no_completion(base, snapshot):
    with pytest.raises(RecipeError, match="'window' is for encoders, and LlamaModel is none"):
        new_reward_model(base, window=16)
    with pytest.raises(ConfigError, match="'window' must be 3 or more"):
        build_config(RewardConfig, {"out": "x", "base": str(base), "snapshot": str(snapshot), "window": 2})


def test_it_refuses_a_window_that_the_model_has_not(tmp_path):
    assert new_reward_model(saved("roberta", tmp_path))[0].design.window == 64
    with pytest.raises(RecipeError, match="'window' is 65, but the model reads 64 tokens"):
        new_reward_model(tmp_path, window=65)


def test_it_learns_the_order_of_the_rankings(bert, snapshot, tmp_path):
    config = {"out": str(tmp_path / "reward"), "base": str(bert), "snapshot": str(snapshot), "lr": 3e-3, "threads": 1}
    manifest = run_program("reward", config | {"epochs": 4}, tmp_path)
    found = {(result["name"], result["subject"]): result for result in manifest["results"]}
    assert found["test_accuracy", "reward"]["value"] == 1.0
    assert json.loads((tmp_path / "reward/model/config.json").read_text())["concord_reward"]["pooling"] == "mean"
    reward = load_reward(tmp_path / "reward")
    prompt = encode_prompt(reward.tokenizer, QUESTION)
    texts = ["Please send it back.", "Send it back.", "Go away."]
    scores = reward.score([prompt] * 3, [encode_completion(reward.tokenizer, text) for text in texts])
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)


def test_it_reads_a_policys_answers_as_text(bert, base, tmp_path):
    model, tokenizer = new_reward_model(bert, window=24)
    save_model(model, tokenizer, tmp_path)
    save_normalisation(tmp_path, torch.tensor([-1.0, 0.0, 1.0]))
    reward, policys = load_reward(tmp_path), load_tokenizer(base)
    asked = encode_prompt(policys, QUESTION)
    said = [encode_completion(policys, "Please send it back."), encode_completion(policys, "Go away.")[:-1]]
    found = for_ids_of(policys, reward, [asked] * 2, [QUESTION] * 2).score([asked] * 2, said)
    # The second one did not end: it has no [SEP].
    own = [encode_completion(tokenizer, "Please send it back."), encode_completion(tokenizer, "Go away.")[:-1]]
    expected = reward.score([encode_prompt(tokenizer, QUESTION)] * 2, own)
    torch.testing.assert_close(found, expected)
    assert for_ids_of(tokenizer, reward, [], []) is reward
