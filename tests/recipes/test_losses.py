"""The losses on rankings, against numbers worked out by hand."""

import math

import pytest
import torch

from training.modelling.batches import pad_batch
from training.modelling.losses import (
    RewardLoss,
    bradley_terry_loss,
    form_pairs,
    plackett_luce_loss,
    reward_loss,
    sequence_log_probs,
)
from training.modelling.preference_losses import Settings, policy_loss

DPO = Settings("sigmoid", 0.1)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_it_forms_every_strict_pair_and_none_of_a_tie():
    pairs = form_pairs([[2, 1, 2, 3], [1, 1], [2, 1]])
    formed = list(zip(pairs.better.tolist(), pairs.worse.tolist(), pairs.ranking.tolist(), strict=True))
    assert formed == [(0, 3, 0), (1, 0, 0), (1, 2, 0), (1, 3, 0), (2, 3, 0), (7, 6, 2)]


def test_it_gives_every_ranking_with_a_pair_the_same_weight():
    pairs = form_pairs([[2, 1, 2, 3], [1, 1], [2, 1]])
    assert pairs.weight.tolist() == pytest.approx([0.1] * 5 + [0.5])


def test_it_gives_every_pair_of_rankings_as_long_the_same_weight_where_pairs_weigh_alike():
    pairs = form_pairs([[2, 1, 2, 3], [1, 1], [2, 1], [1, None, 2]], alike="pairs")
    # Three rankings have pairs: five of six are known of the first, and the only one of either other.
    assert pairs.weight.tolist() == pytest.approx([1 / 18] * 5 + [1 / 3] * 2)


def test_pairs_that_weigh_alike_pull_as_the_expanded_pairs_do():
    ranks, values = [[2, 1, 2, 2], [3, 1, 4, 2]], torch.linspace(-1, 1, 8)
    whole, each = values.clone().requires_grad_(), values.clone().requires_grad_()
    pairs = form_pairs(ranks, alike="pairs")
    bradley_terry_loss(whole, pairs).backward()
    rows = torch.stack([pairs.better, pairs.worse], dim=1).flatten()
    bradley_terry_loss(each[rows], form_pairs([[1, 2]] * len(pairs))).backward()
    # 9 of 12 pairs are strict.
    assert torch.allclose(whole.grad * 12 / 9, each.grad, atol=1e-7)


def test_it_computes_the_bradley_terry_loss_of_a_ranking():
    loss = bradley_terry_loss(torch.tensor([0.5, 2.0, -1.0]), form_pairs([[2, 1, 3]]))
    # -log sigmoid(x) = softplus(-x), for the margins 2.0 - 0.5, 2.0 - -1.0 and 0.5 - -1.0.
    assert loss.item() == pytest.approx((softplus(-1.5) + softplus(-3.0) + softplus(-1.5)) / 3, rel=1e-6)


def test_it_gives_two_nats_logarithm_where_rewards_do_not_differ():
    assert bradley_terry_loss(torch.zeros(4), form_pairs([[1, 2, 3, 4]])).item() == pytest.approx(math.log(2), rel=1e-6)


def test_it_pulls_tied_completions_neither_together_nor_apart():
    rewards = torch.tensor([0.3, -0.7, 1.1], requires_grad=True)
    bradley_terry_loss(rewards, form_pairs([[1, 1, 2]])).backward()
    # The gradient at the better of a pair is -sigmoid(r_worse - r_better); the two pairs share the weight.
    pulls = [-0.5 / (1 + math.exp(0.3 - 1.1)), -0.5 / (1 + math.exp(-0.7 - 1.1))]
    assert rewards.grad.tolist() == pytest.approx([*pulls, -sum(pulls)], rel=1e-5)


def test_it_computes_the_dpo_loss_from_the_shifts():
    log_probs, reference = torch.tensor([-10.0, -12.0]), torch.tensor([-11.0, -9.0])
    loss = policy_loss(log_probs, reference, torch.tensor([4, 6]), form_pairs([[1, 2]]), DPO)
    # The preferred one rose by 1 nat, the other fell by 3: margin 0.1 * (1 - -3) = 0.4.
    assert loss.item() == pytest.approx(softplus(-0.4), rel=1e-6)


def test_it_forms_tied_pairs_where_they_are_asked_for():
    pairs = form_pairs([[2, 1, 2, 4], [1, 1]], ties=True)
    formed = list(zip(pairs.better.tolist(), pairs.worse.tolist(), pairs.distance.tolist(), strict=True))
    assert formed == [(0, 2, 0), (0, 3, 2), (1, 0, 1), (1, 2, 1), (1, 3, 3), (2, 3, 2), (4, 5, 0)]
    assert pairs.tied.tolist() == [True, False, False, False, False, False, True]
    assert pairs.weight.tolist() == pytest.approx([1 / 12] * 6 + [0.5])


def test_it_asks_for_more_where_more_ranks_lie_between():
    log_probs, reference = torch.tensor([-10.0, -12.0, -9.0]), torch.tensor([-11.0, -9.0, -9.0])
    settings = Settings("sigmoid", 0.1, margin=0.25)
    loss = policy_loss(log_probs, reference, torch.ones(3), form_pairs([[1, 3, 2]]), settings)
    # The shifts are 1, -3 and 0; the margins 0.4 - 0.5, 0.1 - 0.25 and 0.3 - 0.25.
    assert loss.item() == pytest.approx((softplus(0.1) + softplus(0.15) + softplus(-0.05)) / 3, rel=1e-6)


def test_it_asks_for_as_much_as_somebody_said_that_the_better_one_is_better():
    pairs = form_pairs([[1, 2], [2, 1], [1, 1]], strengths=[3, None, 2], ties=True)
    assert pairs.distance.tolist() == [3, 1, 0]
    strict = form_pairs([[1, 2], [2, 1]], strengths=[3, 1])
    loss = bradley_terry_loss(torch.tensor([0.9, 0.2, -0.1, 0.4]), strict, margin=0.2)
    assert loss.item() == pytest.approx((softplus(-0.1) + softplus(-0.3)) / 2, rel=1e-6)


def test_a_pair_that_votes_make_half_sure_pulls_as_far_as_they_do():
    rewards = torch.tensor([0.5, 2.0, -1.0], requires_grad=True)
    pairs = form_pairs([[2, 1, 3]], sure=[{(0, 2): 0.9, (1, 0): 0.75, (1, 2): 0.4}])
    assert pairs.sure.tolist() == pytest.approx([0.9, 0.75, 0.4])
    loss = bradley_terry_loss(rewards, pairs)
    chances = ((0.9, 1.5), (0.75, 1.5), (0.4, 3.0))
    expected = sum(q * softplus(-margin) + (1 - q) * softplus(margin) for q, margin in chances) / 3
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    loss.backward()
    # A pair pulls by q - sigmoid(margin), which is below 0 where the model is surer than the votes.
    a, b, c = ((q - 1 / (1 + math.exp(-margin))) / 3 for q, margin in chances)
    assert rewards.grad.tolist() == pytest.approx([b - a, -b - c, a + c], rel=1e-5)


def test_soft_labels_are_the_smoothed_loss_of_dpo_pair_by_pair():
    log_probs, reference = torch.tensor([-10.0, -12.0, -9.0]), torch.tensor([-11.0, -9.0, -9.0])
    pairs = form_pairs([[1, 3, 2]], sure=[{(0, 1): 0.8, (0, 2): 0.5, (2, 1): 1.0}])
    # The shifts are 1, -3 and 0; the margins 0.4, 0.1 and 0.3.
    first, second = 0.8 * softplus(-0.4) + 0.2 * softplus(0.4), (softplus(-0.1) + softplus(0.1)) / 2
    for variant in ("sigmoid", "sigmoid_norm"):  # of a single token each, the same
        loss = policy_loss(log_probs, reference, torch.ones(3), pairs, Settings(variant, 0.1))
        assert loss.item() == pytest.approx((first + second + softplus(-0.3)) / 3, rel=1e-6)


def test_it_learns_ties_and_keeps_up_what_is_better():
    log_probs, reference = torch.tensor([-10.0, -12.0, -9.0]), torch.tensor([-11.0, -9.0, -9.0])
    settings = Settings("sigmoid", 0.1, nu=0.5, nll=0.2)
    loss = policy_loss(log_probs, reference, torch.tensor([4, 6, 3]), form_pairs([[1, 2, 2]], ties=True), settings)
    logs = [math.log(math.exp(d / 2) + math.exp(-d / 2) + 0.5) for d in (0.4, 0.1, 0.3)]
    strict = logs[0] - 0.2 + logs[1] - 0.05 + 2 * 0.2 * 2.5
    assert loss.item() == pytest.approx((strict + logs[2] - math.log(0.5)) / 3, rel=1e-6)


def test_it_weighs_rankings_by_their_annotators():
    pairs = form_pairs([[2, 1, 3], [1, 2], [1, 1]], weights=[0.5, 1.8, 9.0])
    # Two rankings have pairs: the first shares 0.5 / 2 among three, the second's only one has 1.8 / 2.
    assert pairs.weight.tolist() == pytest.approx([0.5 / 6] * 3 + [0.9])


def test_it_computes_weighted_loss_and_gradient():
    rewards = torch.tensor([0.5, 2.0, -1.0, 0.4, 0.1], requires_grad=True)
    loss = bradley_terry_loss(rewards, form_pairs([[2, 1, 3], [2, 1]], weights=[0.6, 1.4]))
    first = (softplus(-1.5) + softplus(-3.0) + softplus(-1.5)) / 3
    assert loss.item() == pytest.approx((0.6 * first + 1.4 * softplus(0.3)) / 2, rel=1e-6)
    loss.backward()
    # A pair pulls its two by weight * sigmoid(r_worse - r_better).
    a, b, c = (0.6 / 6 / (1 + math.exp(margin)) for margin in (1.5, 3.0, 1.5))
    d = 1.4 / 2 / (1 + math.exp(-0.3))
    assert rewards.grad.tolist() == pytest.approx([a - c, -a - b, b + c, d, -d], rel=1e-5)


def test_it_computes_the_weighted_dpo_loss():
    log_probs, reference = torch.tensor([-10.0, -12.0, -3.0, -5.0]), torch.tensor([-11.0, -9.0, -4.0, -4.0])
    pairs = form_pairs([[1, 2], [2, 1]], weights=[0.4, 1.6])
    loss = policy_loss(log_probs, reference, torch.ones(4), pairs, DPO)
    # The margins are 0.1 * (1 - -3) and 0.1 * (-1 - 1).
    assert loss.item() == pytest.approx((0.4 * softplus(-0.4) + 1.6 * softplus(0.2)) / 2, rel=1e-6)


def test_weights_of_one_change_nothing():
    ranks = [[2, 1, 2, 3], [1, 1], [2, 1]]
    losses, gradients = [], []
    for weights in (None, [1.0, 1.0, 1.0]):
        rewards = torch.linspace(-1, 1, 8).requires_grad_()
        loss = bradley_terry_loss(rewards, form_pairs(ranks, weights=weights))
        loss.backward()
        losses.append(loss.item())
        gradients.append(rewards.grad.tolist())
    assert losses[0] == losses[1]
    assert gradients[0] == gradients[1]


def test_a_ranking_of_weight_nothing_pulls_nothing():
    rewards = torch.tensor([0.3, -0.7, 1.1, 0.0], requires_grad=True)
    bradley_terry_loss(rewards, form_pairs([[1, 2], [1, 2]], weights=[0.0, 2.0])).backward()
    assert rewards.grad[:2].tolist() == [0.0, 0.0]
    assert rewards.grad[2].item() == pytest.approx(-1 / (1 + math.exp(1.1)), rel=1e-5)


def test_it_sums_the_log_probabilities_of_the_completion_and_of_nothing_else(policy):
    prompts, completions = [[5, 6, 7], [8]], [[9, 10, 1], [11, 1]]
    found = sequence_log_probs(policy, pad_batch(prompts, completions, pad_token_id=0))
    for prompt, completion, total in zip(prompts, completions, found.tolist(), strict=True):
        by_hand = 0.0
        for count in range(len(completion)):
            logits = policy(torch.tensor([prompt + completion[:count]])).logits[0, -1]
            by_hand += torch.log_softmax(logits, -1)[completion[count]].item()
        assert total == pytest.approx(by_hand, rel=1e-5)


def test_it_gives_a_row_the_same_log_probability_in_any_batch(policy):
    alone = sequence_log_probs(policy, pad_batch([[5, 6]], [[9, 1]], pad_token_id=0))
    longer = pad_batch([[5, 6], [7, 8, 9, 10]], [[9, 1], [11] * 20], pad_token_id=0)
    assert sequence_log_probs(policy, longer)[0].item() == pytest.approx(alone.item(), rel=1e-5)


def test_it_computes_the_likelihood_of_a_whole_ranking():
    rewards = torch.tensor([0.5, 2.0, -1.0, 0.3, 0.1])
    ranks = [[2, 1, 3], [1, 2]]
    loss = plackett_luce_loss(rewards, ranks, form_pairs(ranks, weights=[0.6, 1.4]))
    first = math.log(math.exp(0.5) + math.exp(2.0) + math.exp(-1.0)) - 2.0
    second = math.log(math.exp(0.5) + math.exp(-1.0)) - 0.5
    assert loss.item() == pytest.approx((0.6 * (first + second) / 2 + 1.4 * softplus(-0.2)) / 2, rel=1e-6)


def test_of_a_pair_plackett_and_luce_say_what_bradley_and_terry_say():
    ranks = [[1, 2], [2, 1]]
    pairs, rewards = form_pairs(ranks), torch.tensor([0.4, 1.1, 0.3, -0.8])
    assert plackett_luce_loss(rewards, ranks, pairs).item() == pytest.approx(
        bradley_terry_loss(rewards, pairs).item(), rel=1e-6
    )


def test_tied_completions_compete_with_each_other():
    rewards = torch.tensor([0.5, 2.0, -1.0])
    loss = plackett_luce_loss(rewards, [[1, 1, 2]], form_pairs([[1, 1, 2]]))
    everybody = math.log(math.exp(0.5) + math.exp(2.0) + math.exp(-1.0))
    assert loss.item() == pytest.approx((2 * everybody - 2.5) / 2, rel=1e-6)


def test_rewards_are_asked_for_a_margin_kept_around_0_and_learn_ties():
    rewards, ranks = torch.tensor([0.5, 2.0, -1.0]), [[2, 1, 2]]
    pairs = form_pairs(ranks)
    loss = reward_loss(rewards, ranks, pairs, RewardLoss(margin=0.5, centring=0.1))
    expected = (softplus(-1.0) + softplus(-2.5) + 0.1 * (2.5**2 + 1.0**2)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    loss = reward_loss(rewards, ranks, form_pairs(ranks, ties=True), RewardLoss(nu=0.5))
    logs = [math.log(math.exp(d / 2) + math.exp(-d / 2) + 0.5) for d in (1.5, 3.0)]
    assert loss.item() == pytest.approx((logs[0] - 0.75 + logs[1] - 1.5 + logs[0] - math.log(0.5)) / 3, rel=1e-6)
