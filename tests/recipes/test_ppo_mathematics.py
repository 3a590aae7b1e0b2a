"""The formulas of PPO against literals worked out by hand and against sums written out as the papers print them."""

import pytest
import torch

from training.recipes.ppo import (
    adapted_coefficient,
    advantages_and_returns,
    clipped_policy_loss,
    clipped_value_loss,
    kl_estimates,
    masked_mean,
    penalised_scores,
    token_rewards,
    whiten,
)

MASK = torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.float64)


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_takes_the_mean_over_answer_tokens_only():
    values = torch.tensor([[1.0, 2, 3], [4, 100, 100]])
    mask = torch.tensor([[1.0, 1, 1], [1, 0, 0]])
    assert masked_mean(values, mask).item() == 2.5


def test_it_takes_the_mean_of_nothing_as_zero():
    assert masked_mean(torch.ones(2, 2), torch.zeros(2, 2)).item() == 0


def test_it_whitens_over_answer_tokens_only():
    values = torch.tensor([[1.0, 3.0, 50.0], [1.0, 3.0, -50.0]], dtype=torch.float64)
    mask = torch.tensor([[1.0, 1, 0], [1, 1, 0]], dtype=torch.float64)
    expected = torch.tensor([[-1.0, 1, 0], [-1, 1, 0]], dtype=torch.float64)
    # The epsilon under the root changes the eighth digit.
    torch.testing.assert_close(whiten(values, mask), expected, atol=1e-7, rtol=0)


def test_it_whitens_to_mean_zero_and_variance_one():
    white = whiten(drawn(0, 3, 4) * 7 + 3, MASK)[MASK.bool()]
    assert white.mean().item() == pytest.approx(0, abs=1e-12)
    assert white.var(unbiased=False).item() == pytest.approx(1, abs=1e-7)


def test_it_pays_the_score_at_the_last_token_and_the_kl_at_each():
    log_ratios = torch.tensor([[0.5, -1.0, 2.0], [0.25, 9.0, 9.0]])
    mask = torch.tensor([[1.0, 1, 1], [1, 0, 0]])
    rewards = token_rewards(log_ratios, torch.tensor([10.0, 20.0]), mask, 0.1)
    expected = torch.tensor([[-0.05, 0.1, 9.8], [19.975, 0, 0]])
    torch.testing.assert_close(rewards, expected, atol=1e-6, rtol=0)


def test_it_estimates_advantages_as_in_a_case_worked_out_by_hand():
    rewards = torch.tensor([[0.0, 0.0, 1.0]])
    values = torch.tensor([[0.5, 0.4, 0.8]])
    # delta = (.9*.4-.5, .9*.8-.4, 1-.8) = (-.14, .32, .2); A_3 = .2; A_2 = .32+.45*.2; A_1 = -.14+.45*.41
    advantages, returns = advantages_and_returns(rewards, values, torch.ones(1, 3), discount=0.9, gae_lambda=0.5)
    torch.testing.assert_close(advantages, torch.tensor([[0.0445, 0.41, 0.2]]), atol=1e-6, rtol=0)
    torch.testing.assert_close(returns, torch.tensor([[0.5445, 0.81, 1.0]]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("discount", "gae_lambda"), [(1.0, 0.95), (0.9, 0.5), (0.99, 0.0), (1.0, 1.0)])
def test_it_estimates_advantages_as_the_sum_in_the_paper(discount, gae_lambda):
    rewards, values = drawn(1, 3, 4), drawn(2, 3, 4)
    advantages, returns = advantages_and_returns(rewards, values, MASK, discount=discount, gae_lambda=gae_lambda)
    for row in range(3):
        length = int(MASK[row].sum())
        value = [*values[row, :length].tolist(), 0.0]
        delta = [rewards[row, t].item() + discount * value[t + 1] - value[t] for t in range(length)]
        for t in range(length):
            expected = sum((discount * gae_lambda) ** k * delta[t + k] for k in range(length - t))
            assert advantages[row, t].item() == pytest.approx(expected, abs=1e-12)
            assert returns[row, t].item() == pytest.approx(expected + value[t], abs=1e-12)
    assert (advantages[MASK == 0] == 0).all()
    assert (returns[MASK == 0] == 0).all()


def test_it_returns_the_plain_sum_of_rewards_when_nothing_is_discounted():
    rewards = drawn(3, 3, 4)
    _, returns = advantages_and_returns(rewards, drawn(4, 3, 4), MASK, discount=1.0, gae_lambda=1.0)
    togo = (rewards * MASK).flip(1).cumsum(1).flip(1) * MASK
    torch.testing.assert_close(returns, togo, atol=1e-12, rtol=0)


def test_it_never_lets_padding_leak_into_an_advantage():
    rewards, values = drawn(5, 3, 4), drawn(6, 3, 4)
    clean = advantages_and_returns(rewards, values, MASK, discount=1.0, gae_lambda=0.95)
    noise = (1 - MASK) * 1e6
    noisy = advantages_and_returns(rewards + noise, values - noise, MASK, discount=1.0, gae_lambda=0.95)
    torch.testing.assert_close(noisy, clean, atol=0, rtol=0)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "clipped"),
    [
        (1.0, 2.0, -2.0, 0),
        (1.5, 2.0, -2.4, 1),  # a good token is pushed no further than 1 + eps
        (1.5, -2.0, 3.0, 0),  # a bad token that grew is pushed back in full
        (0.5, 2.0, -1.0, 0),
        (0.5, -2.0, 1.6, 1),
        (1.1, 2.0, -2.2, 0),
    ],
)
def test_it_clips_the_ratio_on_the_side_of_the_pessimist(ratio, advantage, loss, clipped):
    old = torch.tensor([-1.0])
    losses, decided = clipped_policy_loss(old + torch.tensor([ratio]).log(), old, torch.tensor([advantage]), 0.2)
    assert losses.item() == pytest.approx(loss, abs=1e-5)
    assert decided.item() == clipped


def test_it_gives_the_policy_gradient_where_the_ratio_is_one():
    """At ratio 1 the gradient of the loss is -A for each log-probability: REINFORCE with a baseline."""
    log_probs = drawn(7, 5).requires_grad_()
    advantages = drawn(8, 5)
    clipped_policy_loss(log_probs, log_probs.detach(), advantages, 0.2)[0].sum().backward()
    torch.testing.assert_close(log_probs.grad, -advantages, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("value", "old", "target", "loss"),
    [
        (1.0, 1.0, 3.0, 2.0),
        (2.0, 1.0, 3.0, 0.5 * 1.8**2),  # may count as no better than 1.2 until the next iteration
        (0.0, 1.0, 3.0, 4.5),
        (1.1, 1.0, 1.0, 0.005),
    ],
)
def test_it_clips_the_value_around_the_old_one(value, old, target, loss):
    result = clipped_value_loss(torch.tensor([value]), torch.tensor([old]), torch.tensor([target]), 0.2)
    assert result.item() == pytest.approx(loss, abs=1e-6)


def test_it_sums_both_kl_estimates_over_an_answer():
    log_ratios = torch.tensor([[0.5, -0.25, 7.0]])
    k1, k3 = kl_estimates(log_ratios, torch.tensor([[1.0, 1, 0]]))
    assert k1.item() == pytest.approx(0.25, abs=1e-6)
    # exp(-.5)-1+.5 + exp(.25)-1-.25 = .106531 + .034025
    assert k3.item() == pytest.approx(0.140556, abs=1e-6)


def test_its_kl_estimates_agree_with_the_kl_of_two_known_distributions():
    policy, reference = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.4, 0.4, 0.2])
    exact = (policy * (policy / reference).log()).sum().item()
    drawn_tokens = torch.multinomial(policy, 200_000, replacement=True, generator=torch.Generator().manual_seed(0))
    log_ratios = (policy / reference).log()[drawn_tokens][:, None]
    k1, k3 = kl_estimates(log_ratios, torch.ones_like(log_ratios))
    # Standard errors at this n: k1 .0013, k3 .0004.
    assert k1.mean().item() == pytest.approx(exact, abs=0.005)
    assert k3.mean().item() == pytest.approx(exact, abs=0.002)
    assert (k3 >= 0).all()


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (6.0, 0.1),
        (6.6, 0.1 * (1 + 0.1 * 64 / 1000)),
        (60.0, 0.1 * (1 + 0.2 * 64 / 1000)),
        (0.0, 0.1 * (1 - 0.2 * 0.064)),
    ],
)
def test_it_adapts_the_coefficient_in_proportion_up_to_a_limit(kl, expected):
    result = adapted_coefficient(0.1, kl=kl, target=6.0, answers=64, horizon=1000)
    assert result == pytest.approx(expected, abs=1e-12)


def test_it_charges_answers_that_do_not_end_and_bounds_the_score():
    scores = penalised_scores(
        torch.tensor([1.0, 1.0, 99.0, -99.0]),
        torch.tensor([True, False, True, True]),
        missing_end_penalty=0.75,
        limit=10.0,
    )
    assert scores.tolist() == [1.0, 0.25, 10.0, -10.0]
