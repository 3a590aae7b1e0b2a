"""A prompt that is encoded once for all its completions gives the numbers of prompt and completion in rows."""

import copy

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Gemma2Config,
    Gemma2ForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from training.modelling.artifacts import RecipeError
from training.modelling.batches import pad_batch
from training.modelling.likelihoods import token_likelihoods
from training.modelling.losses import bradley_terry_loss, form_pairs
from training.modelling.models import new_reward_model
from training.modelling.rewards import read_rewards
from training.modelling.shared_prefix import NAME, share_prefixes, shares_prefixes

SMALL = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "pad_token_id": 0}
GROUPED = {**SMALL, "intermediate_size": 64, "num_key_value_heads": 2, "bos_token_id": 1, "eos_token_id": 2}
PROMPTS = [[5, 6, 7, 8, 9, 10, 11], [12, 13], [14, 15, 16, 17]]
COMPLETIONS = [[[20, 21, 22], [23], [24, 25, 26, 27, 28]], [[29, 30], [31, 32, 33, 34]], [[35], [36, 37]]]
ROWS = [prompt for prompt, of in zip(PROMPTS, COMPLETIONS, strict=True) for _ in of]
FLAT = [completion for of in COMPLETIONS for completion in of]


def small(config_type, model_type, **fields) -> PreTrainedModel:
    torch.manual_seed(0)
    return model_type(config_type(**fields)).eval()


DECODERS = {
    "llama": lambda: small(LlamaConfig, LlamaForCausalLM, **GROUPED),
    "qwen3": lambda: small(Qwen3Config, Qwen3ForCausalLM, **GROUPED, head_dim=8),
    "gpt2": lambda: small(GPT2Config, GPT2LMHeadModel, **SMALL, bos_token_id=1, eos_token_id=2),
    "mistral": lambda: small(MistralConfig, MistralForCausalLM, **GROUPED, sliding_window=64),
    "granite": lambda: small(GraniteConfig, GraniteForCausalLM, **GROUPED, logits_scaling=3.0),
}


@pytest.mark.parametrize("name", DECODERS)
def test_it_gives_every_token_the_log_probability_of_its_row(name):
    model = DECODERS[name]()
    expected = model(torch.tensor([PROMPTS[2] + COMPLETIONS[2][1]])).logits[0].log_softmax(-1)
    assert shares_prefixes(model)
    shared = token_likelihoods(model, share_prefixes(PROMPTS, COMPLETIONS))
    rows = token_likelihoods(model, pad_batch(ROWS, FLAT, 0))
    torch.testing.assert_close(shared.log_probs, rows.log_probs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(shared.entropy, rows.entropy, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(shared.mask, rows.mask)
    by_hand = [expected[3, 36].item(), expected[4, 37].item()]
    assert shared.log_probs[-1, :2].tolist() == pytest.approx(by_hand, rel=1e-5)


def test_without_entropy_the_log_probabilities_are_the_same(policy):
    rows = pad_batch(ROWS, FLAT, 0)
    torch.testing.assert_close(
        token_likelihoods(policy, rows, entropy=False).log_probs, token_likelihoods(policy, rows).log_probs
    )


def test_it_gives_the_rewards_and_the_gradient_of_the_rows(base):
    model, _ = new_reward_model(base)
    assert shares_prefixes(model)
    pairs = form_pairs([[2, 1, 3], [1, 2], [2, 1]])
    gradients = []
    for batch in (share_prefixes(PROMPTS, COMPLETIONS), pad_batch(ROWS, FLAT, 0)):
        mine = copy.deepcopy(model)
        loss = bradley_terry_loss(read_rewards(mine, batch), pairs)
        loss.backward()
        gradients.append(torch.cat([one.grad.flatten() for one in mine.parameters() if one.grad is not None]))
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-7)


def test_a_completion_does_not_see_the_others(policy):
    assert shares_prefixes(policy)
    alone = token_likelihoods(policy, share_prefixes(PROMPTS[:1], [COMPLETIONS[0][2:]])).log_probs[0]
    among = token_likelihoods(policy, share_prefixes(PROMPTS, COMPLETIONS)).log_probs[2]
    torch.testing.assert_close(among, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        lambda: small(BertConfig, BertForSequenceClassification, **SMALL, intermediate_size=64),
        lambda: small(Gemma2Config, Gemma2ForSequenceClassification, **GROUPED, head_dim=8),
        lambda: small(MistralConfig, MistralForCausalLM, **GROUPED, sliding_window=4),
    ],
    ids=["encoder", "capped attention", "short window"],
)
def test_it_finds_out_who_cannot(model):
    model = model()
    before = model.config._attn_implementation
    assert not shares_prefixes(model)
    assert model.config._attn_implementation == before != NAME


def test_it_says_what_to_do_where_a_text_is_longer_than_the_model_sees():
    model = small(MistralConfig, MistralForCausalLM, **GROUPED, sliding_window=24)
    assert shares_prefixes(model)
    with pytest.raises(RecipeError, match="set the field 'encoding' to \"once\""):
        token_likelihoods(model, share_prefixes([[5] * 22], [[[6, 7, 8]]]))


def test_a_model_that_shares_prefixes_reads_rows_and_samples_as_before(policy):
    ids = torch.tensor([[5, 6, 7, 8]])
    expected = policy(ids).logits
    sampled = policy.generate(ids, max_new_tokens=6, do_sample=False)
    assert shares_prefixes(policy)
    torch.testing.assert_close(policy(ids).logits, expected)
    assert policy.generate(ids, max_new_tokens=6, do_sample=False).tolist() == sampled.tolist()


@pytest.mark.parametrize(("prompts", "completions"), [([[]], [[[1]]]), ([[1]], [[[]]]), ([[1]], [[]])])
def test_it_refuses_what_has_no_token(prompts, completions):
    with pytest.raises(ValueError, match="at least one token"):
        share_prefixes(prompts, completions)
