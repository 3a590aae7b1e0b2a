"""Proximal policy optimisation of a policy against a reward model, in one file.

    python -m training.recipes.ppo --config run.json
    {"out": "var/runs/ppo", "base": "var/runs/sft", "reward": "var/runs/reward", "snapshot": "var/snapshots/X"}

One iteration: answer a batch of prompts, score the answers, and improve the policy on them for `epochs` passes.

Notation: a prompt x, an answer y = y_1..y_T, the policy pi, the reference rho (the policy before training), the reward
model r. All logits are divided by the sampling temperature, in decoding and in scoring.

* Reward of an answer, Ziegler 2019 (arXiv 1909.08593) eq. 2, InstructGPT (2203.02155) eq. 2 with gamma = 0:
      R(x, y) = r(x, y) - beta log pi(y|x) / rho(y|x)
  given token by token: every token pays beta (log pi(y_t) - log rho(y_t)), the last one earns r(x, y)  [token_rewards].
* r is read at the last token of the answer, where pad != end, and shifted and scaled so that answers of the reference
  have mean 0 and standard deviation 1 (both: "The N implementation details of RLHF with PPO", Huang 2024, ICLR blog
  posts). An answer without an end token pays a penalty  [penalised_scores].
* Advantages: GAE, Schulman 2015 (1506.02438) eq. 16, with V = 0 after the last token  [advantages_and_returns]:
      delta_t = R_t + gamma V_{t+1} - V_t,      A_t = sum_l (gamma lambda)^l delta_{t+l},      return_t = A_t + V_t
  then whitened over all tokens of answers, and over no other token  [whiten].
* Policy loss, Schulman 2017 (1707.06347) eq. 7, with ratio_t = pi(y_t) / pi_old(y_t)  [clipped_policy_loss]:
      L = - mean_t min(ratio_t A_t, clip(ratio_t, 1 - eps, 1 + eps) A_t)
* Value loss with clipping (OpenAI baselines' ppo2, not in the paper)  [clipped_value_loss]:
      L_V = 1/2 mean_t max((V_t - return_t)^2, (clip(V_t, V_old,t - eps_v, V_old,t + eps_v) - return_t)^2)
* The value network starts as a copy of the reward model (Stiennon 2020, section 3.4) and is no part of the policy. Of
  an ensemble, and of a reward model with another tokenizer, it cannot be a copy: then it starts as a copy of the policy
  with a head of zeros (Ziegler's code).
* Adaptive beta, if `kl_target` is set, Ziegler 2019 section 2.2  [adapted_coefficient]:
      beta <- beta (1 + clip(KL / target - 1, -0.2, 0.2) n / horizon)
* KL to the reference is estimated on the policy's own samples in two ways (Schulman 2020, "Approximating KL
  divergence"): k1 = log pi - log rho, which the reward uses, and k3 = rho / pi - 1 - log(rho / pi), which is never
  negative and varies less  [kl_estimates].

Departures: one epoch, as in InstructGPT (4 in Ziegler 2019), because on a CPU the update costs more than the sampling
(on the demo, one seed: 1 epoch of 32-answer minibatches and 2 of 64 end alike, the second for a third more CPU time);
learning rates of 1e-4 and more, for models of a million parameters; gradients of the two networks are clipped apart, so
that a bad value does not slow the policy down, and then no value coefficient is needed; no reward whitening; no mixing
of pretraining gradients; an answer without an end pays a fixed penalty instead of having its score replaced by -1; fp32
throughout, for in bf16 the ratio of an unchanged policy is not 1; rows are padded on the right and in groups of like
length, which gives the same numbers for fewer padding tokens.

What ends a run with a sentence instead of a wrong result: a first minibatch whose ratio is not 1, and a number that
is not finite. What stops it early and says so: a KL above `stop_kl`. Watch KL, length, entropy and end rate, not the
score: the score is what gets exploited.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase

from training.modelling.artifacts import RecipeError, Result, RunDirectory, hash_input
from training.modelling.batches import Batch, pad_batch
from training.modelling.chat import encode_prompt
from training.modelling.configs import ExistingPath, ModelSource, require, run_recipe
from training.modelling.decoding import sample_completions
from training.modelling.likelihoods import token_likelihoods
from training.modelling.memory import config_of, training_memory
from training.modelling.models import (
    load_policy,
    load_tokenizer,
    prepare_process,
    require_context,
    reward_head,
    save_model,
)
from training.modelling.plans import Plan
from training.modelling.previews import prompts_count
from training.modelling.prompts import read_prompts
from training.modelling.reporting import mean_result, share_result
from training.modelling.rewards import UNCERTAINTY_WEIGHT, Combination, Combine, RewardModel, for_ids_of, load_reward

WHITENING_EPSILON = 1e-8
KL_ERROR_LIMIT = 0.2
RATIO_TOLERANCE = 1e-3
"""How far a ratio may be from 1 before the first step: what padding does to sums in single precision, times ten."""


@dataclass(frozen=True, kw_only=True)
class PPOConfig:
    """Improve a policy against a reward model by PPO."""

    out: str
    """The run directory."""
    base: ModelSource
    """The policy to start from, an SFT checkpoint; it is also the reference."""
    reward: ExistingPath
    """A run of the `reward` recipe. One of another tokenizer, an encoder say, reads the answers as text."""
    combine: Combine = "mean"
    """What an ensemble's score is: its members' "mean", the worst of them ("wco"), or the mean less
    `uncertainty_weight` times their variance ("uwo")."""
    uncertainty_weight: float = UNCERTAINTY_WEIGHT
    """Lambda of "uwo" (Coste 2023 had 0.1 in PPO)."""
    snapshot: ExistingPath
    """The snapshot whose training prompts are answered."""
    seed: int = 0
    """Seed of sampling, of the order of prompts and of minibatches."""
    threads: int = 0
    """CPU threads; 0 lets torch choose."""
    iterations: int = 40
    """Batches of answers; each is learnt from and thrown away."""
    prompts_per_iteration: int = 64
    """Prompts in a batch, one answer each (512 in Ziegler 2019 and Stiennon 2020, on far larger models)."""
    max_prompt_tokens: int = 384
    """A longer prompt loses its beginning."""
    max_completion_tokens: int = 128
    """An answer is cut here and then pays `missing_end_penalty`."""
    temperature: float = 1.0
    """Of sampling; logits are divided by it wherever they are read."""
    epochs: int = 1
    """Passes over each batch (InstructGPT: 1, Ziegler 2019: 4)."""
    minibatch_size: int = 32
    """Answers in one optimiser step."""
    rows_per_forward: int = 16
    """Answers in one forward pass; only speed and memory depend on it."""
    lr: float = 4e-4
    """Of the policy at the first iteration, falling linearly to 0 (Huang 2024)."""
    value_lr: float = 4e-4
    """Of the value network at the first iteration, falling linearly to 0."""
    adam_epsilon: float = 1e-5
    """Huang 2024; larger than torch's default, which makes the first steps aggressive."""
    max_grad_norm: float = 1.0
    """Of each network's gradient."""
    clip_range: float = 0.2
    """eps of the policy loss (Schulman 2017, section 6.1)."""
    value_clip_range: float = 0.2
    """eps_v of the value loss, in units of the normalised score (Ziegler's code)."""
    discount: float = 1.0
    """gamma (Ziegler 2019, Stiennon 2020)."""
    gae_lambda: float = 0.95
    """lambda (Ziegler 2019, Stiennon 2020)."""
    kl_coefficient: float = 0.05
    """beta at the start, for normalised scores and KL in nats (Huang 2024: 0.05; Ziegler's code: 0.15)."""
    kl_target: float | None = None
    """KL in nats an answer that an adaptive beta steers towards (Ziegler's code: 6); null keeps beta."""
    kl_horizon: float = 10_000.0
    """Answers over which the adaptive beta moves (Ziegler's code)."""
    stop_kl: float | None = None
    """Stop when the mean KL of a batch, in nats an answer, is above this; null never stops."""
    missing_end_penalty: float = 1.0
    """Taken from the normalised score of an answer that does not end."""
    score_limit: float = 10.0
    """Normalised scores are kept within +-this."""
    calibration_answers: int = 256
    """Answers of the reference that the score is normalised on; 0 takes what the reward run stored."""

    def __post_init__(self) -> None:
        for name in (
            *(
                "iterations",
                "prompts_per_iteration",
                "max_prompt_tokens",
                "max_completion_tokens",
                "epochs",
                "minibatch_size",
            ),
            *("rows_per_forward", "temperature", "lr", "value_lr", "adam_epsilon"),
            *("max_grad_norm", "clip_range", "value_clip_range", "score_limit", "kl_horizon"),
        ):
            require(getattr(self, name) > 0, f"The field {name!r} is {getattr(self, name)}; it must be above 0.")
        for name in ("kl_coefficient", "missing_end_penalty", "calibration_answers"):
            require(getattr(self, name) >= 0, f"The field {name!r} is {getattr(self, name)}; it must not be negative.")
        for name in ("discount", "gae_lambda"):
            require(0 <= getattr(self, name) <= 1, f"The field {name!r} is {getattr(self, name)}; it must be in 0..1.")
        for name in ("kl_target", "stop_kl"):
            value = getattr(self, name)
            require(value is None or value > 0, f"The field {name!r} is {value}; it must be above 0, or null.")
        require(self.calibration_answers != 1, "The field 'calibration_answers' is 1; a deviation needs 2 or more.")


# ---------------------------------------------------------------------------------------------------------------------
# The mathematics. Tensors are [answers, tokens] and aligned to the answer: column t belongs to y_t. `mask` is 1 on
# tokens of the answer, its end token included, and 0 on padding, where every result is 0.
# ---------------------------------------------------------------------------------------------------------------------


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of `values` where `mask` is 1; 0 if it is so nowhere."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def whiten(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Shift and scale `values` to mean 0 and (population) variance 1 over the masked tokens."""
    mean = masked_mean(values, mask)
    variance = masked_mean((values - mean) ** 2, mask)
    return (values - mean) * torch.rsqrt(variance + WHITENING_EPSILON) * mask


def token_rewards(
    log_ratios: torch.Tensor, scores: torch.Tensor, mask: torch.Tensor, kl_coefficient: float
) -> torch.Tensor:
    """R_t [answers, tokens]: -beta log(pi / rho) for every token, plus the answer's score [answers] at its last one."""
    rewards = -kl_coefficient * log_ratios * mask
    last = mask.long().sum(1) - 1
    rewards[torch.arange(len(rewards), device=rewards.device), last] += scores
    return rewards


def advantages_and_returns(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, *, discount: float, gae_lambda: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Generalised advantage estimates and the returns A + V that the value network learns, both [answers, tokens]."""
    rewards, values = rewards * mask, values * mask
    advantages = torch.zeros_like(rewards)
    following_value = following_advantage = torch.zeros(len(rewards), dtype=rewards.dtype, device=rewards.device)
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + discount * following_value - values[:, t]
        following_advantage = (delta + discount * gae_lambda * following_advantage) * mask[:, t]
        following_value = values[:, t]
        advantages[:, t] = following_advantage
    return advantages, advantages + values


def clipped_policy_loss(
    log_probs: torch.Tensor, old_log_probs: torch.Tensor, advantages: torch.Tensor, clip_range: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of each token and whether the clipped side decided it (0 or 1), both of the shape given."""
    ratio = (log_probs - old_log_probs).exp()
    free = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - clip_range, 1 + clip_range)
    return torch.max(free, clipped), (clipped > free).float()


def clipped_value_loss(
    values: torch.Tensor, old_values: torch.Tensor, returns: torch.Tensor, clip_range: float
) -> torch.Tensor:
    """The loss of each token's value, of the shape given."""
    near = old_values + (values - old_values).clamp(-clip_range, clip_range)
    return 0.5 * torch.max((values - returns) ** 2, (near - returns) ** 2)


def kl_estimates(log_ratios: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """k1 and k3 of KL(pi || rho) for each answer [answers], in nats, from log pi - log rho of tokens drawn from pi."""
    k1 = log_ratios * mask
    k3 = (torch.exp(-log_ratios) - 1 + log_ratios) * mask
    return k1.sum(1), k3.sum(1)


def adapted_coefficient(coefficient: float, *, kl: float, target: float, answers: int, horizon: float) -> float:
    """The next beta after a batch of `answers` with a mean of `kl` nats an answer."""
    error = min(max(kl / target - 1, -KL_ERROR_LIMIT), KL_ERROR_LIMIT)
    return coefficient * (1 + error * answers / horizon)


def penalised_scores(
    scores: torch.Tensor, ended: torch.Tensor, *, missing_end_penalty: float, limit: float
) -> torch.Tensor:
    """Scores [answers] less the penalty where `ended` is false, kept within +-limit."""
    return (scores - missing_end_penalty * (~ended).float()).clamp(-limit, limit)


# ---------------------------------------------------------------------------------------------------------------------
# What the networks say about answers.
# ---------------------------------------------------------------------------------------------------------------------

Score = Callable[[list[list[int]], list[list[int]]], torch.Tensor]
"""Token ids of prompts and of their answers -> normalised scores [answers]."""


@dataclass
class Networks:
    """The four models of PPO; the reward model hides behind `score`."""

    policy: PreTrainedModel
    reference: PreTrainedModel
    value: PreTrainedModel
    """A sequence classifier with one label."""
    score: Score
    tokenizer: PreTrainedTokenizerBase
    value_shift: float = 0.0
    """What the value network's output must lose ..."""
    value_scale: float = 1.0
    """... and be divided by, to be in units of the normalised score from the first iteration on."""
    value_is_reward: bool = True
    """Whether the value network started as a copy of the reward model, and so gives its raw reward."""


def answer_values(networks: Networks, batch: Batch) -> torch.Tensor:
    """V_t [answers, tokens]: what the value network expects of the answer from y_t on; anything on padding."""
    hidden = networks.value.base_model(input_ids=batch.input_ids, use_cache=False).last_hidden_state
    columns = torch.arange(int(batch.completion_lengths.max()), device=hidden.device)[None]
    # V_t knows x and y_<t: it stands one place before y_t.
    before = (batch.prompt_lengths[:, None] - 1 + columns).clamp(max=batch.input_ids.shape[1] - 1)
    raw = reward_head(networks.value)(hidden)[..., 0].float().gather(1, before)
    return (raw - networks.value_shift) / networks.value_scale


def groups_of_like_length(lengths: torch.Tensor, size: int) -> list[torch.Tensor]:
    """Split the indices of `lengths` into groups of up to `size` whose rows need little padding."""
    return list(lengths.argsort().split(size))


# ---------------------------------------------------------------------------------------------------------------------
# One iteration.
# ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Rollouts:
    """Answers of the current policy to one batch of prompts, and what every network said of them before the update."""

    prompts: list[list[int]]
    answers: list[list[int]]
    mask: torch.Tensor
    log_probs: torch.Tensor
    reference_log_probs: torch.Tensor
    values: torch.Tensor
    entropy: torch.Tensor
    """These five are [answers, longest answer]."""
    scores: torch.Tensor
    """[answers], normalised, before the penalty for a missing end."""
    ended: torch.Tensor
    """[answers] bool: whether the last token is the end token."""


def collect_rollouts(
    networks: Networks, prompts: list[list[int]], config: PPOConfig, generator: torch.Generator
) -> Rollouts:
    """Answer each prompt once with the current policy."""
    tokenizer, device = networks.tokenizer, networks.policy.device
    answers = sample_completions(
        networks.policy, tokenizer, prompts, config.max_completion_tokens, config.temperature, generator
    )
    lengths = torch.tensor([len(answer) for answer in answers])
    seen = {
        name: torch.zeros(len(answers), int(lengths.max()), device=device)
        for name in ("mask", "log_probs", "reference_log_probs", "values", "entropy")
    }
    with torch.no_grad():
        totals = lengths + torch.tensor([len(prompt) for prompt in prompts])
        for rows in groups_of_like_length(totals, config.rows_per_forward):
            batch = batch_of(rows, prompts, answers, tokenizer, device)
            own = token_likelihoods(networks.policy, batch, temperature=config.temperature)
            reference = token_likelihoods(networks.reference, batch, temperature=config.temperature)
            values = answer_values(networks, batch) * own.mask
            found = (own.mask, own.log_probs, reference.log_probs, values, own.entropy)
            for whole, part in zip(seen.values(), found, strict=True):
                whole[rows, : part.shape[1]] = part
        scores = networks.score(prompts, answers).to(device)
    ended = torch.tensor([answer[-1] == tokenizer.eos_token_id for answer in answers], device=device)
    return Rollouts(prompts=prompts, answers=answers, scores=scores, ended=ended, **seen)


def batch_of(
    rows: torch.Tensor,
    prompts: list[list[int]],
    answers: list[list[int]],
    tokenizer: PreTrainedTokenizerBase,
    device: torch.device,
) -> Batch:
    """The chosen rows, padded to the longest among them only."""
    chosen = rows.tolist()
    return pad_batch([prompts[i] for i in chosen], [answers[i] for i in chosen], tokenizer.pad_token_id, device)


def improve(
    networks: Networks,
    optimizer: torch.optim.Optimizer,
    rollouts: Rollouts,
    config: PPOConfig,
    kl_coefficient: float,
    generator: torch.Generator,
) -> dict[str, float]:
    """Take `epochs` passes of optimiser steps over the rollouts; return what they measured, averaged over all steps."""
    scores = penalised_scores(
        rollouts.scores, rollouts.ended, missing_end_penalty=config.missing_end_penalty, limit=config.score_limit
    )
    log_ratios = rollouts.log_probs - rollouts.reference_log_probs
    rewards = token_rewards(log_ratios, scores, rollouts.mask, kl_coefficient)
    advantages, returns = advantages_and_returns(
        rewards, rollouts.values, rollouts.mask, discount=config.discount, gae_lambda=config.gae_lambda
    )
    targets = (whiten(advantages, rollouts.mask), returns)
    measured = []
    for _ in range(config.epochs):
        for minibatch in torch.randperm(len(rollouts.answers), generator=generator).split(config.minibatch_size):
            measured.append(step(networks, optimizer, rollouts, targets, minibatch, config, first=not measured))
    return {name: sum(each[name] for each in measured) / len(measured) for name in measured[0]} | {
        "explained_variance": explained_variance(rollouts.values, returns, rollouts.mask)
    }


def step(
    networks: Networks,
    optimizer: torch.optim.Optimizer,
    rollouts: Rollouts,
    targets: tuple[torch.Tensor, torch.Tensor],
    minibatch: torch.Tensor,
    config: PPOConfig,
    *,
    first: bool,
) -> dict[str, float]:
    """One optimiser step on the answers `minibatch`, summed over groups of like length."""
    lengths = rollouts.mask.sum(1).long()
    totals = torch.tensor([len(rollouts.prompts[i]) + len(rollouts.answers[i]) for i in minibatch.tolist()])
    tokens = float(lengths[minibatch].sum())
    sums = dict.fromkeys(("policy_loss", "value_loss", "clip_fraction"), 0.0)
    for group in groups_of_like_length(totals, config.rows_per_forward):
        rows = minibatch[group]
        batch = batch_of(rows, rollouts.prompts, rollouts.answers, networks.tokenizer, networks.policy.device)
        mine = token_likelihoods(networks.policy, batch, temperature=config.temperature)
        old_log_probs, old_values, advantages, returns = (
            whole[rows, : mine.mask.shape[1]] for whole in (rollouts.log_probs, rollouts.values, *targets)
        )
        if first:
            check_ratio_is_one(mine.log_probs.detach() - old_log_probs)
        policy_losses, clipped = clipped_policy_loss(mine.log_probs, old_log_probs, advantages, config.clip_range)
        value_losses = clipped_value_loss(answer_values(networks, batch), old_values, returns, config.value_clip_range)
        policy_loss = (policy_losses * mine.mask).sum() / tokens
        value_loss = (value_losses * mine.mask).sum() / tokens
        (policy_loss + value_loss).backward()
        sums["policy_loss"] += policy_loss.item()
        sums["value_loss"] += value_loss.item()
        sums["clip_fraction"] += float((clipped * mine.mask).sum()) / tokens
    for name, network in (("policy", networks.policy), ("value network", networks.value)):
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm).item()
        if not math.isfinite(norm):
            raise RecipeError(f"The gradient of the {name} is {norm}, which is not finite; lower its learning rate.")
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return sums


def check_ratio_is_one(log_ratios: torch.Tensor) -> None:
    """Raise RecipeError unless pi = pi_old before the first step of an iteration: the two scored the same tokens."""
    furthest = float((log_ratios.exp() - 1).abs().max())
    # Written so that a ratio that is not a number fails too.
    if not furthest <= RATIO_TOLERANCE:
        raise RecipeError(
            f"Before the first step of an iteration the policy's probability ratio is {furthest:.4g} away from 1: the "
            "log-probabilities of sampling and of training disagree (dropout, temperature, padding or precision)."
        )


def explained_variance(values: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor) -> float:
    """1 - Var(returns - V) / Var(returns) over the masked tokens; 0 when the returns do not vary."""

    def variance(x: torch.Tensor) -> torch.Tensor:
        return masked_mean((x - masked_mean(x, mask)) ** 2, mask)

    total = variance(returns)
    return float(1 - variance(returns - values) / total) if total > 0 else 0.0


# ---------------------------------------------------------------------------------------------------------------------
# The whole run.
# ---------------------------------------------------------------------------------------------------------------------


def optimise(
    networks: Networks,
    prompts: Sequence[list[int]],
    config: PPOConfig,
    report: Callable[[int, dict[str, float]], None],
) -> Rollouts:
    """Run PPO on the policy in place; `report` gets each iteration's number, from 1, and metrics.

    Returns the last rollouts: those of `stop_kl`, or of the last iteration.
    """
    for network in (networks.policy, networks.reference, networks.value):
        network.eval()  # Dropout would make the ratio differ from 1 for the same weights.
    optimizer = torch.optim.AdamW(
        [
            {"params": networks.policy.parameters(), "lr": config.lr},
            {"params": networks.value.parameters(), "lr": config.value_lr},
        ],
        eps=config.adam_epsilon,
        weight_decay=0.0,
    )
    annealing = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / config.iterations)
    sampling = torch.Generator(networks.policy.device).manual_seed(config.seed)
    shuffling = torch.Generator().manual_seed(config.seed)
    batches = endless_batches(prompts, config.prompts_per_iteration, shuffling)
    kl_coefficient = config.kl_coefficient
    for iteration in range(1, config.iterations + 1):
        rollouts = collect_rollouts(networks, next(batches), config, sampling)
        metrics = describe(rollouts) | {"kl_coefficient": kl_coefficient, "lr": annealing.get_last_lr()[0]}
        if config.stop_kl is not None and metrics["kl"] > config.stop_kl:
            report(iteration, metrics)
            break
        metrics |= improve(networks, optimizer, rollouts, config, kl_coefficient, shuffling)
        annealing.step()
        report(iteration, metrics)
        if config.kl_target is not None:
            kl_coefficient = adapted_coefficient(
                kl_coefficient,
                kl=metrics["kl"],
                target=config.kl_target,
                answers=len(rollouts.answers),
                horizon=config.kl_horizon,
            )
    return rollouts


def endless_batches(prompts: Sequence[list[int]], size: int, generator: torch.Generator) -> Iterator[list[list[int]]]:
    """Batches of `size` prompts, every prompt once before any comes again, in an order drawn anew each time."""
    waiting: list[int] = []
    while True:
        while len(waiting) < size:
            waiting += torch.randperm(len(prompts), generator=generator).tolist()
        yield [prompts[index] for index in waiting[:size]]
        waiting = waiting[size:]


def describe(rollouts: Rollouts) -> dict[str, float]:
    """What to watch: means over a batch, in nats an answer (kl), tokens (length), nats a token (entropy)."""
    k1, k3 = kl_estimates(rollouts.log_probs - rollouts.reference_log_probs, rollouts.mask)
    return {
        "score": float(rollouts.scores.mean()),
        "kl": float(k1.mean()),
        "kl_k3": float(k3.mean()),
        "length": float(rollouts.mask.sum(1).mean()),
        "end_rate": float(rollouts.ended.float().mean()),
        "entropy": float(masked_mean(rollouts.entropy, rollouts.mask)),
    }


def load_networks(config: PPOConfig, device: torch.device) -> tuple[Networks, RewardModel]:
    """Policy and reference from `base`, value network from the reward model; scores normalised as the run stored."""
    policy, tokenizer = load_policy(config.base, device=device)
    require_context(policy, config.max_prompt_tokens + config.max_completion_tokens)
    combination = Combination(config.combine, config.uncertainty_weight)
    reward = load_reward(config.reward, device=device, combination=combination)
    value, shift, scale = value_network(reward, policy, tokenizer)
    networks = Networks(
        policy=policy,
        reference=copy.deepcopy(policy).requires_grad_(False),
        value=value.requires_grad_(True),
        score=reward.score,
        tokenizer=tokenizer,
        value_shift=shift,
        value_scale=scale,
        value_is_reward=is_scalar(reward, tokenizer),
    )
    return networks, reward


def is_scalar(reward: RewardModel, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the score is a linear function of one state that reads the policy's ids."""
    return isinstance(reward.model, PreTrainedModel) and reward.tokenizer.get_vocab() == tokenizer.get_vocab()


def value_network(
    reward: RewardModel, policy: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[PreTrainedModel, float, float]:
    """The value network at the start, and what its output must lose and be divided by to be the score."""
    if is_scalar(reward, tokenizer):
        value = copy.deepcopy(reward.model)
        head, shift, scale = reward.normalisation.folded(reward_head(value).weight)
        value.score = torch.nn.Linear(head.shape[1], 1, bias=False, device=head.device)
        value.score.weight = torch.nn.Parameter(head)
        value.config.num_labels = 1
        return value, shift, scale
    config = copy.deepcopy(policy.config)
    config.num_labels = 1
    value = AutoModelForSequenceClassification.from_config(config).to(policy.device)
    value.base_model.load_state_dict(policy.base_model.state_dict())
    torch.nn.init.zeros_(reward_head(value).weight)
    return value, 0.0, 1.0


def calibrate(networks: Networks, prompts: Sequence[list[int]], config: PPOConfig) -> tuple[float, float]:
    """Give scores, and the value network's output, mean 0 and deviation 1 on answers of the reference.

    Returns the mean and the standard deviation, in units of the score that the reward run stored, that it took.
    """
    if not config.calibration_answers:
        return 0.0, 1.0
    generator = torch.Generator(networks.policy.device).manual_seed(config.seed)
    asked = next(endless_batches(prompts, config.calibration_answers, torch.Generator().manual_seed(config.seed)))
    answers = sample_completions(
        networks.reference, networks.tokenizer, asked, config.max_completion_tokens, config.temperature, generator
    )
    stored = networks.score
    scores = stored(asked, answers)
    mean, std = float(scores.mean()), float(scores.std())
    if not std > 0:
        raise RecipeError(
            f"The reward model {config.reward} gives every answer the same reward, so nothing is to gain."
        )
    networks.score = lambda prompts, answers: (stored(prompts, answers) - mean) / std
    if networks.value_is_reward:
        networks.value_shift += mean * networks.value_scale
        networks.value_scale *= std
    return mean, std


def results_of(rollouts: Rollouts) -> list[Result]:
    """What the last batch of training prompts showed, with intervals clustered by prompt; `evaluate` tests properly."""
    clusters = [tuple(prompt) for prompt in rollouts.prompts]
    note = "last batch of training prompts"
    k1, _ = kl_estimates(rollouts.log_probs - rollouts.reference_log_probs, rollouts.mask)
    about = {"subject": "ppo", "note": note}
    return [
        mean_result("train_score", rollouts.scores.tolist(), clusters, unit="sd", **about),
        mean_result("train_kl", k1.tolist(), clusters, unit="nats/answer", against="base", **about),
        mean_result("train_length", rollouts.mask.sum(1).tolist(), clusters, unit="tokens", **about),
        share_result("train_end_rate", rollouts.ended.float().tolist(), clusters, **about),
    ]


def train_ppo(config: PPOConfig) -> None:
    """Train, and leave a run directory with the policy."""
    directory = RunDirectory(config.out)
    directory.write_config(config)
    directory.progress(0, config.iterations, "Loading policy and reward model")
    device = prepare_process(seed=config.seed, threads=config.threads)
    networks, reward = load_networks(config, device)
    conversations = [prompt.messages for prompt in read_prompts(config.snapshot, ["train"])]
    prompts = [
        encode_prompt(networks.tokenizer, messages, max_tokens=config.max_prompt_tokens) for messages in conversations
    ]
    networks.score = for_ids_of(networks.tokenizer, reward, prompts, conversations).score
    if not prompts:
        raise RecipeError(f"The snapshot {config.snapshot} has no training prompts, so there is nothing to answer.")
    directory.progress(0, config.iterations, "Normalising the reward")
    mean, std = calibrate(networks, prompts, config)
    print(f"{len(prompts)} prompts; score of reference answers {mean:.3f} +- {std:.3f}", flush=True)

    def report(iteration: int, metrics: dict[str, float]) -> None:
        directory.metrics(iteration, **metrics)
        message = f"Iteration {iteration}: score {metrics['score']:+.2f}, KL {metrics['kl']:.1f} nats an answer"
        directory.progress(iteration, config.iterations, message)
        print(message, flush=True)

    rollouts = optimise(networks, prompts, config, report)
    save_model(networks.policy, networks.tokenizer, directory.model)
    directory.write_manifest(
        recipe="ppo",
        kind="policy",
        config=config,
        seed=config.seed,
        inputs={role: hash_input(getattr(config, role)) for role in ("base", "reward", "snapshot")},
        results=results_of(rollouts),
    )


def plan(config: PPOConfig) -> Plan:
    """Say what a run would do: policy and value network learn, reference and reward model are beside them."""
    tokenizer = load_tokenizer(config.base)
    asked = [prompt.messages for prompt in read_prompts(config.snapshot, ["train"])]
    count = prompts_count(tokenizer, "prompts", asked, config.max_prompt_tokens)
    at_once = config.rows_per_forward * (min(count.longest, config.max_prompt_tokens) + config.max_completion_tokens)
    one = training_memory(config_of(config.base), tokens=at_once, precision="fp32", language_model=True)
    memory = {name: 2 * size for name, size in one.items()}
    memory["weights"] += 2 * one["weights"]
    memory["total"] += 2 * one["weights"]
    minibatches = -(-config.prompts_per_iteration // config.minibatch_size)
    steps = config.iterations * config.epochs * minibatches
    note = f"{config.iterations} iterations of {config.prompts_per_iteration} answers; the reward model is taken for as"
    return Plan([count], steps, memory, [f"{note} large as the policy"])


if __name__ == "__main__":
    run_recipe(PPOConfig, train_ppo, plan=plan)
