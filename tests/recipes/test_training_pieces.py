"""The small pieces that the recipes' loops are made of."""

import copy
import random

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from training.modelling.artifacts import RecipeError
from training.modelling.batches import batch_count, pad_batch, shuffled_batches
from training.modelling.models import load_policy, new_reward_model, require_context, save_model, uses_bf16
from training.modelling.optimisation import build_optimizer, linear_schedule, update
from training.recipes.base import token_losses


def test_it_pads_on_the_right():
    batch = pad_batch([[5, 6], [7]], [[8], [9, 10, 11]], pad_token_id=0)
    assert batch.input_ids.tolist() == [[5, 6, 8, 0], [7, 9, 10, 11]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert batch.completion_lengths.tolist() == [1, 3]


def test_it_refuses_an_empty_row():
    with pytest.raises(ValueError, match="at least one token"):
        pad_batch([[5]], [[]], pad_token_id=0)


def test_it_shows_every_item_once_in_batches_of_like_length():
    lengths = [random.Random(1).randrange(100) for _ in range(103)]
    batches = list(shuffled_batches(range(103), lengths, 8, random.Random(0)))
    assert sorted(item for batch in batches for item in batch) == list(range(103))
    assert len(batches) == batch_count(103, 8) == 13
    spread = [max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches]
    assert sum(spread) / 13 < 15


def test_it_shuffles_anew_every_epoch_and_alike_for_the_same_seed():
    lengths = [1] * 40
    one, two = random.Random(0), random.Random(0)
    epochs = [list(shuffled_batches(range(40), lengths, 8, one)) for _ in range(2)]
    assert epochs[0] != epochs[1]
    assert epochs == [list(shuffled_batches(range(40), lengths, 8, two)) for _ in range(2)]


def test_it_warms_the_learning_rate_up_and_then_lowers_it():
    factors = [linear_schedule(step, 10, 0.2) for step in range(10)]
    assert factors == pytest.approx([0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])


def test_it_decays_matrices_and_not_norms(policy):
    decayed, kept = build_optimizer(policy, lr=1e-3, weight_decay=0.1).param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.1, 0.0)
    assert len(kept["params"]) == 2 * 2 + 1
    assert all(parameter.dim() == 1 for parameter in kept["params"])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_it_stops_at_a_loss_that_is_not_finite_before_any_weight_has_moved(policy, bad):
    before = copy.deepcopy(policy.state_dict())
    loss = policy.lm_head.weight.sum() * bad
    with pytest.raises(RecipeError, match="at step 7; lower the learning rate"):
        update(policy, build_optimizer(policy, lr=1.0, weight_decay=0.1), [loss], step=7, lr=1.0, max_grad_norm=1.0)
    assert all(torch.equal(before[name], value) for name, value in policy.state_dict().items())


def test_it_clips_the_gradient_and_reports_its_norm():
    model = torch.nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    start = model.weight.item()
    parts = (factor * model.weight.sum() for factor in (10, 20))
    loss, norm = update(model, optimizer, parts, step=0, lr=0.5, max_grad_norm=3.0)
    assert loss == pytest.approx(30 * start)
    assert norm == pytest.approx(30.0)
    # The gradient of 30 is scaled to 3 and taken at the rate given, not at the optimiser's.
    assert model.weight.item() == pytest.approx(start - 0.5 * 3.0, rel=1e-4)


def test_it_counts_the_loss_of_every_next_token_and_none_of_padding(policy):
    losses = token_losses(policy, [[5, 6, 7, 1], [8, 1]], pad=0)
    logits = policy(torch.tensor([[8, 1]])).logits[0, 0]
    assert losses[1].tolist() == pytest.approx([-torch.log_softmax(logits, -1)[1].item(), 0.0, 0.0], rel=1e-5)
    assert (losses[0] > 0).all()


def test_it_turns_dropout_off_and_grows_the_embedding_for_new_tokens(tokenizer, tmp_path):
    small = GPT2Config(vocab_size=len(tokenizer) - 4, n_embd=16, n_layer=1, n_head=2, n_positions=64, resid_pdrop=0.5)
    save_model(GPT2LMHeadModel(small), tokenizer, tmp_path)
    model, _ = load_policy(tmp_path)
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} == {0.0}
    assert (model.config.pad_token_id, model.config.eos_token_id) == (0, 1)


def test_it_keeps_master_weights_in_single_precision(base, tmp_path):
    policy, tokenizer = load_policy(base)
    save_model(policy.to(torch.bfloat16), tokenizer, tmp_path)
    assert load_policy(tmp_path)[0].dtype == torch.float32
    assert new_reward_model(tmp_path)[0].dtype == torch.float32


def test_it_computes_a_tiny_model_in_single_precision_unless_told(policy):
    assert [uses_bf16(policy, precision) for precision in ("auto", "fp32", "bf16")] == [False, False, True]


def test_it_names_a_model_that_cannot_be_loaded(tmp_path):
    with pytest.raises(RecipeError, match=f"The model '{tmp_path}' cannot be loaded: "):
        load_policy(tmp_path)


def test_it_says_that_rows_are_longer_than_the_model_reads(policy):
    with pytest.raises(RecipeError, match=r"reads 128 tokens, but .* is 129"):
        require_context(policy, 129)
