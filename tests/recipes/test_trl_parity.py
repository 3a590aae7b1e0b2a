"""Our losses on rankings and TRL's trainers on the expanded pairs: the same number and the same gradient.

Tolerance 1e-5 relative, in single precision; differences come from the order of sums (measured: up to 1.3e-6).
"""

import copy
import itertools
import random
from dataclasses import replace

import pytest
import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

from training.modelling.losses import RewardLoss, bradley_terry_loss, reward_loss, sequence_log_probs
from training.modelling.models import new_reward_model
from training.modelling.preference_losses import Settings, policy_loss
from training.modelling.rankings import EncodedRanking, ranking_batch
from training.modelling.rewards import read_rewards
from training.modelling.shared_prefix import shares_prefixes

TOLERANCE = 1e-5
BETA = 0.3
QUIET = {"report_to": "none", "save_strategy": "no", "use_cpu": True, "bf16": False, "gradient_checkpointing": False}


def rankings(count: int, size: int) -> list[EncodedRanking]:
    """Random rankings without ties over random tokens, each completion ending with the end token."""
    rng = random.Random(0)
    return [
        EncodedRanking(
            prompt=[rng.randrange(5, 300) for _ in range(rng.randint(3, 12))],
            completions=[[rng.randrange(5, 300) for _ in range(rng.randint(1, 20))] + [1] for _ in range(size)],
            ranks=rng.sample(range(1, size + 1), size),
            characters=[1] * size,
            prompt_sha256=str(number),
        )
        for number in range(count)
    ]


def expanded(items: list[EncodedRanking]) -> list[dict[str, list[int]]]:
    """The strict pairs as rows of TRL's tokenised data."""
    return [
        {"prompt_ids": item.prompt, "chosen_ids": item.completions[better], "rejected_ids": item.completions[worse]}
        for item in items
        for better, worse in itertools.permutations(range(len(item.ranks)), 2)
        if item.ranks[better] < item.ranks[worse]
    ]


def gradient(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def assert_same(ours: torch.Tensor, model: torch.nn.Module, theirs: torch.Tensor, oracle: torch.nn.Module) -> None:
    ours.backward()
    theirs.backward()
    assert ours.item() == pytest.approx(theirs.item(), rel=TOLERANCE)
    difference = gradient(model) - gradient(oracle)
    assert difference.norm().item() <= TOLERANCE * gradient(oracle).norm().item()


class TokenisedDPOTrainer(DPOTrainer):
    """DPOTrainer takes no tokenised data, so its preparation is passed over."""

    def _prepare_dataset(self, dataset, *args, **kwargs):
        return dataset


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "once"])
@pytest.mark.parametrize("size", [2, 4, 9])
def test_it_agrees_with_the_reward_trainer(base, tmp_path, size, shared):
    items = rankings(3, size)
    torch.manual_seed(0)
    model, tokenizer = new_reward_model(base)
    oracle = copy.deepcopy(model)
    rows = [
        {"chosen_ids": row["prompt_ids"] + row["chosen_ids"], "rejected_ids": row["prompt_ids"] + row["rejected_ids"]}
        for row in expanded(items)
    ]
    trainer = RewardTrainer(
        model=oracle,
        args=RewardConfig(output_dir=str(tmp_path), **QUIET),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    assert shares_prefixes(model)
    batch, pairs = ranking_batch(items, tokenizer.pad_token_id, shared=shared)
    ours = bradley_terry_loss(read_rewards(model, batch), pairs)
    assert_same(ours, model, trainer.compute_loss(oracle, trainer.data_collator(rows)), oracle)


def test_it_agrees_with_the_reward_trainer_on_margins_and_centring(base, tmp_path):
    items = [replace(item, ranks=[1, 2, 4]) for item in rankings(3, 3)]
    torch.manual_seed(0)
    model, tokenizer = new_reward_model(base)
    oracle = copy.deepcopy(model)
    batch, pairs = ranking_batch(items, tokenizer.pad_token_id)
    rows = [
        {
            "chosen_ids": row["prompt_ids"] + row["chosen_ids"],
            "rejected_ids": row["prompt_ids"] + row["rejected_ids"],
            "margin": 0.4 * distance,
        }
        for row, distance in zip(expanded(items), pairs.distance.tolist(), strict=True)
    ]
    trainer = RewardTrainer(
        model=oracle,
        args=RewardConfig(output_dir=str(tmp_path), center_rewards_coefficient=0.1, **QUIET),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    by = RewardLoss(margin=0.4, centring=0.1)
    ours = reward_loss(read_rewards(model, batch), [item.ranks for item in items], pairs, by)
    assert_same(ours, model, trainer.compute_loss(oracle, trainer.data_collator(rows)), oracle)


TIED = ([1, 2, 3, 4], [1, 2, 2, 3], [2, 1, 2, 2])
"""Ranks of which 14 of 18 pairs are strict."""


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "once"])
@pytest.mark.parametrize(
    ("size", "ranks", "alike"),
    [(2, None, "rankings"), (4, None, "rankings"), (9, None, "rankings"), (4, None, "pairs"), (4, TIED, "pairs")],
)
def test_it_agrees_with_the_dpo_trainer(policy, tokenizer, tmp_path, size, ranks, alike, shared):
    items = rankings(3, size)
    if ranks:
        items = [replace(item, ranks=own) for item, own in zip(items, ranks, strict=True)]
    reference, oracle = copy.deepcopy(policy), copy.deepcopy(policy)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    rows = expanded(items)
    trainer = TokenisedDPOTrainer(
        model=oracle,
        ref_model=copy.deepcopy(reference),
        args=DPOConfig(output_dir=str(tmp_path), beta=BETA, **QUIET),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    assert shares_prefixes(policy)
    assert shares_prefixes(reference)
    batch, pairs = ranking_batch(items, tokenizer.pad_token_id, shared=shared, alike=alike)
    with torch.no_grad():
        reference_log_probs = sequence_log_probs(reference, batch)
    settings = Settings("sigmoid", BETA)
    now = sequence_log_probs(policy, batch)
    ours = policy_loss(now, reference_log_probs, batch.completion_lengths, pairs, settings)
    # TRL divides by the pairs that there are, "pairs" by those that there would be without ties.
    ours = ours * 18 / 14 if ranks else ours
    assert_same(ours, policy, trainer.compute_loss(oracle, trainer.data_collator(rows)), oracle)
