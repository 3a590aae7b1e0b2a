"""Rankings become batches in which each completion stands once."""

import random
from dataclasses import replace

import pytest
import torch
from transformers import BertConfig, BertModel

from tests.recipes.snapshots import ranking
from training.modelling.artifacts import RecipeError
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.losses import RewardLoss, bradley_terry_loss, sequence_log_probs
from training.modelling.models import new_reward_model
from training.modelling.rankings import EncodedRanking, encode_rankings, layout_for, pair_accuracy, ranking_batch
from training.modelling.snapshots import RankingRow
from training.recipes.reward import RewardConfig, step_losses


def row(ranks: list[int], completions: list[str] | None = None) -> RankingRow:
    texts = completions or [f"answer {number}" for number in range(len(ranks))]
    made = ranking("A question?", texts, ranks)
    return RankingRow(**{name: made[name] for name in RankingRow.__dataclass_fields__ if name in made})


def test_it_leaves_out_rankings_of_ties_only(tokenizer):
    encoded = encode_rankings(tokenizer, [row([1, 1]), row([1, 2, 2])], max_prompt_tokens=50, max_completion_tokens=50)
    assert [item.ranks for item in encoded] == [[1, 2, 2]]


@pytest.mark.parametrize(("weights", "expected"), [("none", [0.5, 0.5]), ("annotator", [0.2, 0.8])])
def test_it_weighs_rankings_when_asked_to(tokenizer, weights, expected):
    rows = [replace(row([1, 2]), weight=0.4), replace(row([2, 1]), weight=1.6)]
    encoded = encode_rankings(tokenizer, rows, max_prompt_tokens=50, max_completion_tokens=50, weights=weights)
    _, pairs = ranking_batch(encoded, tokenizer.pad_token_id)
    assert pairs.weight.tolist() == pytest.approx(expected)


def test_it_says_that_a_snapshot_has_no_weights(tokenizer):
    rows = [replace(row([1, 2]), weight=None)]
    with pytest.raises(RecipeError, match="freeze a new one, or set the field 'weights' to \"none\""):
        encode_rankings(tokenizer, rows, max_prompt_tokens=50, max_completion_tokens=50, weights="annotator")


def test_a_reward_weighs_the_pairs_of_a_ranking_with_ties_by_what_is_alike(base, tmp_path):
    model, tokenizer = new_reward_model(base)
    encoded = encode_rankings(tokenizer, [row([1, 2, 2])], max_prompt_tokens=50, max_completion_tokens=50)
    layout = layout_for(model, tokenizer.pad_token_id, encoding="auto", tokens_at_once=1000)
    found = {}
    for alike in ("pairs", "rankings"):
        config = RewardConfig(out=str(tmp_path), base=str(base), snapshot=str(tmp_path), alike=alike)
        parts = step_losses(config, model, layout, RewardLoss(), None)(encoded)
        found[alike] = sum(part.loss.item() for part in parts)
    # Two of its three pairs are strict.
    assert found["pairs"] == pytest.approx(found["rankings"] * 2 / 3, rel=1e-5)


def random_rankings(*sizes: int) -> list[EncodedRanking]:
    rng = random.Random(0)
    return [
        EncodedRanking(
            prompt=[rng.randrange(5, 300) for _ in range(4)],
            completions=[[rng.randrange(5, 300) for _ in range(rng.randint(1, 6))] for _ in range(size)],
            ranks=list(range(1, size + 1)),
            characters=[1] * size,
            prompt_sha256=str(size),
            weight=0.5 + size / 4,
        )
        for size in sizes
    ]


@pytest.mark.parametrize("encoding", ["shared", "once"])
def test_a_step_in_parts_has_the_loss_and_gradient_of_the_whole(policy, encoding):
    rankings = random_rankings(2, 4, 3, 2)
    gradients, totals, counts = [], [], []
    for tokens in (10_000, 45, 1):
        layout = layout_for(policy, 0, encoding=encoding, tokens_at_once=tokens)
        parts = list(layout.parts(rankings))
        losses = [bradley_terry_loss(sequence_log_probs(policy, part.batch), part.pairs) for part in parts]
        sum(losses).backward()
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in policy.parameters()]))
        policy.zero_grad()
        totals.append(sum(losses).item())
        counts.append([len(part.rankings) for part in parts])
        assert [part.first for part in parts] == [sum(counts[-1][:at]) for at in range(len(parts))]
    assert (sum(counts[0]), counts[2]) == (4, [1, 1, 1, 1])
    assert len(counts[0]) == 1 < len(counts[1])
    assert totals[1:] == pytest.approx([totals[0]] * 2, rel=1e-5)
    for other in gradients[1:]:
        torch.testing.assert_close(other, gradients[0], rtol=1e-4, atol=1e-6)


def test_it_says_when_a_prompt_cannot_be_shared():
    model = BertModel(BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8))
    with pytest.raises(RecipeError, match="BertModel cannot share a prompt"):
        layout_for(model, 0, encoding="shared", tokens_at_once=100)
    assert not layout_for(model, 0, encoding="auto", tokens_at_once=100).shared


def test_it_lists_strict_pairs_better_first():
    encoded = EncodedRanking(
        prompt=[2], completions=[[3], [4], [5]], ranks=[2, 1, 2], characters=[1, 1, 1], prompt_sha256="p"
    )
    assert encoded.pairs == [(1, 0), (1, 2)]


def test_it_puts_each_completion_once_after_its_prompt(tokenizer):
    encoded = encode_rankings(
        tokenizer, [row([2, 1], ["no", "yes"]), row([1, 2, 3])], max_prompt_tokens=50, max_completion_tokens=50
    )
    batch, pairs = ranking_batch(encoded, tokenizer.pad_token_id)
    assert batch.input_ids.shape[0] == 5
    assert len(pairs) == 4
    second = batch.input_ids[1, : batch.lengths[1]].tolist()
    prompt = encode_prompt(tokenizer, [{"role": "user", "content": "A question?"}])
    assert second == prompt + encode_completion(tokenizer, "yes")


def test_it_counts_an_equal_score_as_half_right():
    rankings = [
        EncodedRanking(prompt=[2], completions=[[3], [4], [5]], ranks=[1, 2, 3], characters=[1] * 3, prompt_sha256="p"),
        EncodedRanking(prompt=[2], completions=[[3], [4]], ranks=[2, 1], characters=[1] * 2, prompt_sha256="q"),
    ]
    correct, clusters = pair_accuracy(rankings, [[1.0, 1.0, 2.0], [0.0, 3.0]])
    assert correct == [0.5, 0.0, 0.0, 1.0]
    assert clusters == ["p", "p", "p", "q"]
