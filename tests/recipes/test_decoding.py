"""Decoding against two oracles: full forward passes over one unpadded sequence, and transformers' own generate."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from training.modelling.decoding import DecodingError, choose_tokens, sample_completions

PAD, END = 0, 1


class Marks:
    """All that decoding asks of a tokenizer."""

    pad_token_id = PAD
    eos_token_id = END


@pytest.fixture(scope="module")
def llama():
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=23,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.3,
        pad_token_id=PAD,
        eos_token_id=END,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def gpt2():
    torch.manual_seed(4)
    config = GPT2Config(
        vocab_size=23, n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.3, eos_token_id=END
    )
    return GPT2LMHeadModel(config).eval()


PROMPTS = [[5, 6, 7], [9], [4, 4, 8, 12, 20, 3, 2], [11, 2], [7, 7, 7, 7, 7]]


def greedy_by_full_forward(model, prompt, max_new_tokens):
    """Brute force: no cache, no batch, no padding."""
    ids = list(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            ids.append(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax().item())
        if ids[-1] == END:
            break
    return ids[len(prompt) :]


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_it_decodes_greedily_what_full_forward_passes_give(name, request):
    model = request.getfixturevalue(name)
    expected = [greedy_by_full_forward(model, prompt, 12) for prompt in PROMPTS]
    assert sample_completions(model, Marks, PROMPTS, 12, temperature=0) == expected


def test_it_decodes_greedily_what_transformers_generates(llama):
    completions = sample_completions(llama, Marks, PROMPTS, 16, temperature=0)
    for prompt, completion in zip(PROMPTS, completions, strict=True):
        generated = llama.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            do_sample=False,
            max_new_tokens=16,
            pad_token_id=PAD,
            eos_token_id=END,
        )
        assert completion == generated[0, len(prompt) :].tolist()


def test_it_samples_from_the_logits_that_a_full_forward_gives(llama, monkeypatch):
    """Teacher forcing: the logits each token was drawn from equal those of one pass over the finished sequence, to
    1e-5, also for rows whose neighbours have left the batch."""
    drawn = []

    def recording(logits, temperature, generator):
        tokens = choose_tokens(logits, temperature, generator)
        drawn.append((logits.clone(), tokens.clone()))
        return tokens

    monkeypatch.setattr("training.modelling.decoding.choose_tokens", recording)
    prompts = PROMPTS * 4
    generator = torch.Generator().manual_seed(0)
    completions = sample_completions(llama, Marks, prompts, 20, generator=generator)
    assert len({len(completion) for completion in completions}) > 3

    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for step, (logits, tokens) in enumerate(drawn):
        rows = [index for index in order if len(completions[index]) > step]
        for place, index in enumerate(rows):
            ids = torch.tensor([prompts[index] + completions[index]])
            with torch.no_grad():
                full = llama(input_ids=ids).logits[0, len(prompts[index]) - 1 + step]
            assert tokens[place].item() == completions[index][step]
            torch.testing.assert_close(logits[place], full, atol=1e-5, rtol=1e-5)


def test_it_computes_only_rows_that_are_still_open(llama, monkeypatch):
    rows = []
    forward = llama.forward

    def counting(input_ids=None, attention_mask=None, position_ids=None, logits_to_keep=0, **rest):
        rows.append(len(input_ids))
        return forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            logits_to_keep=logits_to_keep,
            **rest,
        )

    monkeypatch.setattr(llama, "forward", counting)
    completions = sample_completions(llama, Marks, PROMPTS * 6, 24, generator=torch.Generator().manual_seed(1))
    assert sum(rows) == sum(len(completion) for completion in completions)


def test_it_ends_a_completion_with_the_end_token_or_at_the_limit(llama):
    completions = sample_completions(llama, Marks, PROMPTS * 10, 8, generator=torch.Generator().manual_seed(2))
    ended = [completion for completion in completions if completion[-1] == END]
    cut = [completion for completion in completions if completion[-1] != END]
    assert ended
    assert cut
    assert all(END not in completion[:-1] for completion in completions)
    assert all(len(completion) == 8 for completion in cut)


def test_it_repeats_itself_for_the_same_generator_state(llama):
    def once(seed):
        return sample_completions(llama, Marks, PROMPTS * 3, 10, generator=torch.Generator().manual_seed(seed))

    assert once(5) == once(5)
    assert once(5) != once(6)


def test_it_keeps_the_order_of_the_prompts_across_batches(llama):
    expected = sample_completions(llama, Marks, PROMPTS, 6, temperature=0)
    assert sample_completions(llama, Marks, PROMPTS, 6, temperature=0, batch_size=2) == expected
    assert sample_completions(llama, Marks, PROMPTS[::-1], 6, temperature=0, batch_size=3) == expected[::-1]


def test_it_draws_tokens_as_often_as_the_tempered_softmax_says():
    logits = torch.tensor([[0.0, 1.0, 2.0]]).repeat(40_000, 1)
    tokens = choose_tokens(logits, 2.0, torch.Generator().manual_seed(0))
    frequencies = tokens.bincount(minlength=3) / len(tokens)
    # softmax(0, .5, 1); one standard error of a frequency is at most 0.0025.
    torch.testing.assert_close(frequencies, torch.tensor([0.18632, 0.30720, 0.50648]), atol=0.01, rtol=0)


def test_it_samples_without_dropout_and_leaves_the_mode_as_it_was(gpt2):
    gpt2.train()
    try:
        first = sample_completions(gpt2, Marks, PROMPTS, 12, temperature=0)
        assert gpt2.training
    finally:
        gpt2.eval()
    assert first == sample_completions(gpt2, Marks, PROMPTS, 12, temperature=0)


def test_it_returns_nothing_for_no_prompts(llama):
    assert sample_completions(llama, Marks, [], 5) == []


@pytest.mark.parametrize(
    ("prompts", "length", "temperature", "sentence"),
    [
        ([[3], []], 5, 1.0, "Prompt 1 has no tokens"),
        ([[3]], 0, 1.0, "at least 1"),
        ([[3]], 5, -0.5, "must be 0"),
        ([[3] * 60], 5, 1.0, "need 65 positions, but the model has 64"),
    ],
)
def test_it_refuses_what_it_cannot_decode_with_a_sentence(llama, prompts, length, temperature, sentence):
    with pytest.raises(DecodingError, match=sentence):
        sample_completions(llama, Marks, prompts, length, temperature)


def test_it_says_so_when_the_model_is_broken():
    with pytest.raises(DecodingError, match="logits are not numbers"):
        choose_tokens(torch.full((1, 3), float("nan")), 1.0, None)
