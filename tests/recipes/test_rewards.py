"""The reward is read at the right token, whatever stands around it."""

import json

import pytest
import torch

from training.modelling.artifacts import RecipeError
from training.modelling.batches import pad_batch
from training.modelling.models import new_reward_model, save_model
from training.modelling.rewards import load_reward, read_rewards, save_normalisation

PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12]]
COMPLETIONS = [[13, 14, 1], [15, 1], [16, 17, 18, 19, 20, 1]]


@pytest.fixture(scope="module")
def reward_run(base, tmp_path_factory):
    """A directory with a random reward model whose reference rewards have mean 2 and standard deviation 0.5."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("reward") / "model"
    model, tokenizer = new_reward_model(base)
    save_model(model, tokenizer, path)
    save_normalisation(path, torch.tensor([1.5, 2.0, 2.5]))
    return path.parent


def test_it_reads_the_hidden_state_of_the_end_token(base):
    model, _ = new_reward_model(base)
    model.eval()
    found = read_rewards(model, pad_batch(PROMPTS, COMPLETIONS, pad_token_id=0))
    for prompt, completion, reward in zip(PROMPTS, COMPLETIONS, found.tolist(), strict=True):
        hidden = model.model(torch.tensor([prompt + completion])).last_hidden_state[0, -1]
        assert reward == pytest.approx((model.score.weight @ hidden).item(), rel=1e-4, abs=1e-6)


def test_it_gives_the_numbers_of_the_models_own_head(base):
    model, _ = new_reward_model(base)
    model.eval()
    batch = pad_batch(PROMPTS, COMPLETIONS, pad_token_id=0)
    theirs = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits[:, 0]
    torch.testing.assert_close(read_rewards(model, batch), theirs, rtol=1e-4, atol=1e-6)


def test_it_gives_a_row_the_same_reward_under_any_padding(base):
    model, _ = new_reward_model(base)
    model.eval()
    alone = read_rewards(model, pad_batch(PROMPTS[:1], COMPLETIONS[:1], pad_token_id=0))
    for padding in (0, 1, 200):
        batch = pad_batch([PROMPTS[0], [5] * 30], [COMPLETIONS[0], [6] * 30], pad_token_id=padding)
        assert read_rewards(model, batch)[0].item() == pytest.approx(alone.item(), rel=1e-4, abs=1e-6)


def test_it_does_not_round_rewards_to_the_precision_of_the_trunk(base):
    model, _ = new_reward_model(base)
    batch = pad_batch(PROMPTS, COMPLETIONS, pad_token_id=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rewards = read_rewards(model, batch)
    assert rewards.dtype == torch.float32
    assert not torch.equal(rewards, rewards.bfloat16().float())


def test_it_starts_the_head_at_the_papers_scale(base):
    torch.manual_seed(0)
    heads = torch.stack([new_reward_model(base)[0].score.weight.detach().flatten() for _ in range(20)])
    # 640 draws: the standard deviation of their standard deviation is 1 / sqrt(2 * 640) = 2.8 %.
    assert heads.std().item() == pytest.approx(33**-0.5, rel=0.1)


def test_it_scores_in_the_order_given_and_normalised(reward_run):
    reward = load_reward(reward_run)
    raw = read_rewards(reward.model, pad_batch(PROMPTS, COMPLETIONS, pad_token_id=0))
    torch.testing.assert_close(
        reward.score(PROMPTS, COMPLETIONS, batch_size=2), (raw - 2.0) / 0.5, rtol=1e-4, atol=1e-5
    )


def test_it_gives_reference_samples_mean_0_and_standard_deviation_1(tmp_path):
    rewards = torch.tensor([3.0, 5.0, 10.0, -2.0])
    mean, std = save_normalisation(tmp_path, rewards)
    normal = (rewards - mean) / std
    assert normal.mean().item() == pytest.approx(0, abs=1e-6)
    assert normal.std().item() == pytest.approx(1, rel=1e-6)
    assert json.loads((tmp_path / "reward_normalisation.json").read_text()) == {"mean": mean, "std": std, "n": 4}


def test_it_does_not_divide_by_the_spread_of_a_constant(tmp_path):
    assert save_normalisation(tmp_path, torch.full((4,), 3.0)) == (3.0, 1.0)


def test_it_refuses_a_model_without_normalisation(base, tmp_path):
    model, tokenizer = new_reward_model(base)
    save_model(model, tokenizer, tmp_path)
    with pytest.raises(RecipeError, match="has no reward_normalisation.json"):
        load_reward(tmp_path)
