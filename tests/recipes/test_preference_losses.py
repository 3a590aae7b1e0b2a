"""The losses of the DPO family: against numbers worked out by hand, and against TRL, with their gradients."""

import copy
import inspect
import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import pytest
import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

from tests.recipes.snapshots import ranking, write_snapshot
from tests.recipes.test_trl_parity import QUIET, TokenisedDPOTrainer, assert_same, expanded, rankings
from training.modelling.artifacts import RecipeError, read_manifest
from training.modelling.configs import ConfigError, build_config
from training.modelling.losses import davidson_losses, sequence_log_probs
from training.modelling.preference_losses import (
    ScoredPairs,
    Settings,
    Variant,
    policy_loss,
    preference_losses,
    takes_divergence,
    takes_noise,
)
from training.modelling.rankings import ranking_batch
from training.recipes.dpo import DpoConfig, settings_of, train_dpo

BETA, NOISE = 0.3, 0.2
IN_TRL = {
    "sigmoid": "sigmoid",
    "hinge": "hinge",
    "ipo": "ipo",
    "robust": "robust",
    "exo": "exo_pair",
    "nca": "nca_pair",
    "bco": "bco_pair",
    "sppo": "sppo_hard",
    "apo_zero": "apo_zero",
    "apo_down": "apo_down",
    "discopop": "discopop",
    "sigmoid_norm": "sigmoid_norm",
    "aot": "aot",
    "aot_unpaired": "aot_unpaired",
}
DIVERGENCES_IN_TRL = {"forward_kl": "forward_kl", "js": "js_divergence", "alpha": "alpha_divergence"}


def pair(better=-10.0, worse=-12.0, better_reference=-11.0, worse_reference=-9.0, margin=0.0) -> ScoredPairs:
    """One pair: the better completion of 4 tokens rose by 1 nat, the worse one of 6 fell by 3."""
    numbers = (better, worse, better_reference, worse_reference)
    return ScoredPairs(
        *(torch.tensor([number], requires_grad=True) for number in numbers),
        torch.tensor([4]),
        torch.tensor([6]),
        torch.tensor([margin]),
    )


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def nll(x: float) -> float:
    """-log sigmoid(x)."""
    return math.log1p(math.exp(-x))


# The log of the odds ratio of means per token of -2.5 and -2.
ODDS = -0.5 - math.log((1 - math.exp(-2.5)) / (1 - math.exp(-2)))

# The margin is 0.3 * (1 - -3) = 1.2; per token 0.3 * (1/4 + 3/6) = 0.225.
BY_HAND = {
    "sigmoid": 0.8 * nll(1.2) + 0.2 * nll(-1.2),
    "hinge": 0.0,
    "ipo": (0.25 + 0.5 - 1 / 0.6) ** 2,
    "robust": (0.8 * nll(1.2) - 0.2 * nll(-1.2)) / 0.6,
    "exo": sigmoid(1.2) * (-nll(1.2) - math.log(0.8)) + sigmoid(-1.2) * (-nll(-1.2) - math.log(0.2)),
    "nca": nll(0.3) + 0.5 * nll(-0.3) + 0.5 * nll(0.9),
    "bco": nll(0.3) + nll(0.9),
    "sppo": (1 - 0.5 / 0.3) ** 2 + (-3 + 0.5 / 0.3) ** 2,
    "apo_zero": sigmoid(-0.3) + sigmoid(-0.9),
    "apo_down": sigmoid(0.3) + sigmoid(-1.2),
    "discopop": nll(1.2) * (1 - sigmoid(24.0)) + math.exp(-1.2) * sigmoid(24.0),
    "sigmoid_norm": 0.8 * nll(0.225) + 0.2 * nll(-0.225),
    # Of a single pair there is nothing to sort.
    "aot": 0.8 * nll(1.2) + 0.2 * nll(-1.2),
    "aot_unpaired": 0.8 * nll(1.2) + 0.2 * nll(-1.2),
    # The policy's means per token are -2.5 and -2.
    "simpo": 0.8 * nll(-0.15) + 0.2 * nll(0.15),
    "orpo": 2.5 + 0.3 * nll(ODDS),
}


@pytest.mark.parametrize("variant", BY_HAND)
def test_it_computes_the_loss_of_a_pair(variant):
    noise = NOISE if takes_noise(variant) else 0.0
    loss = preference_losses(pair(), Settings(variant, BETA, label_noise=noise))
    assert loss.tolist() == pytest.approx([BY_HAND[variant]], rel=1e-5, abs=1e-7)


def slope(x: float) -> float:
    """Of sigmoid at x."""
    return sigmoid(x) * sigmoid(-x)


def both_ways(by_margin: float, better: float = 1.0, worse: float = 1.0) -> tuple[float, float]:
    """The derivatives by log pi(b) and log pi(w) of a loss of beta * (better * log pi(b) - worse * log pi(w))."""
    return 0.3 * better * by_margin, -0.3 * worse * by_margin


# beta * h are 0.3 and -0.9. A smoothed loss falls by (1 - e) sigmoid(-d) - e sigmoid(d) as its margin d grows.
SMOOTHED = -(0.8 * sigmoid(-1.2) - 0.2 * sigmoid(1.2))
GRADIENTS_BY_HAND = {
    "sigmoid": both_ways(SMOOTHED),
    "hinge": (0.0, 0.0),
    "ipo": (2 * (0.75 - 1 / 0.6) / 4, -2 * (0.75 - 1 / 0.6) / 6),
    "robust": both_ways(-(0.8 * sigmoid(-1.2) + 0.2 * sigmoid(1.2)) / 0.6),
    "exo": both_ways(slope(1.2) * (1.2 - math.log(0.8 / 0.2))),
    "nca": (0.3 * (0.5 * sigmoid(0.3) - sigmoid(-0.3)), 0.3 * 0.5 * sigmoid(-0.9)),
    "bco": (-0.3 * sigmoid(-0.3), 0.3 * sigmoid(-0.9)),
    "sppo": (2 * (1 - 0.5 / 0.3), 2 * (-3 + 0.5 / 0.3)),
    "apo_zero": (-0.3 * slope(0.3), 0.3 * slope(-0.9)),
    "apo_down": (0.3 * (slope(0.3) - slope(1.2)), 0.3 * slope(1.2)),
    "discopop": both_ways(
        -sigmoid(-1.2) * sigmoid(-24.0)
        - math.exp(-1.2) * sigmoid(24.0)
        + slope(24.0) / 0.05 * (math.exp(-1.2) - nll(1.2))
    ),
    "sigmoid_norm": both_ways(-(0.8 * sigmoid(-0.225) - 0.2 * sigmoid(0.225)), 1 / 4, 1 / 6),
    "aot": both_ways(SMOOTHED),
    "aot_unpaired": both_ways(SMOOTHED),
    "simpo": both_ways(-(0.8 * sigmoid(0.15) - 0.2 * sigmoid(-0.15)), 1 / 4, 1 / 6),
    # The log odds' derivatives by the means per token are 1 / (1 - p).
    "orpo": (
        (-1 - 0.3 * sigmoid(-ODDS) / (1 - math.exp(-2.5))) / 4,
        0.3 * sigmoid(-ODDS) / (1 - math.exp(-2)) / 6,
    ),
}


def test_every_variant_has_literals():
    assert set(BY_HAND) == set(GRADIENTS_BY_HAND) == set(get_args(Variant))


@pytest.mark.parametrize("variant", GRADIENTS_BY_HAND)
def test_it_pulls_at_a_pair_as_worked_out_by_hand(variant):
    noise = NOISE if takes_noise(variant) else 0.0
    one = pair()
    preference_losses(one, Settings(variant, BETA, label_noise=noise)).sum().backward()
    pulls = [0.0 if each.grad is None else each.grad.item() for each in (one.better, one.worse)]
    assert pulls == pytest.approx(GRADIENTS_BY_HAND[variant], rel=1e-5, abs=1e-7)


def test_the_hinge_pulls_as_long_as_the_margin_is_below_one():
    one = pair()
    loss = preference_losses(one, Settings("hinge", 0.1))
    loss.sum().backward()
    assert loss.item() == pytest.approx(0.6)
    assert (one.better.grad.item(), one.worse.grad.item()) == pytest.approx((-0.1, 0.1))


def pairs_of_two() -> ScoredPairs:
    """Two pairs: gaps of 2 and -1 nats, which were 3 and -5 in the reference; shifts of 1, 4 and of 2, 0."""
    now, before = ([-10.0, -6.0], [-12.0, -5.0]), ([-11.0, -10.0], [-14.0, -5.0])
    now = [torch.tensor(side, requires_grad=True) for side in now]
    return ScoredPairs(*now, *(torch.tensor(side) for side in before), torch.ones(2), torch.ones(2), torch.zeros(2))


def test_aot_compares_what_is_sorted():
    """Gaps -1 and 2 against -5 and 3; and shifts 1 and 4 of the better ones against 0 and 2 of the worse ones."""
    for variant, margins in (("aot", (0.3 * (-1 + 5), 0.3 * (2 - 3))), ("aot_unpaired", (0.3, 0.6))):
        two = pairs_of_two()
        losses = preference_losses(two, Settings(variant, BETA))
        assert losses.tolist() == pytest.approx([nll(margin) for margin in margins], rel=1e-5)
        losses.sum().backward()
        low, high = (-0.3 * sigmoid(-margin) for margin in margins)
        # The second pair has the lower gap; the first better completion the lower shift, and the second worse one.
        expected = ([high, low], [-high, -low]) if variant == "aot" else ([low, high], [-high, -low])
        assert (two.better.grad.tolist(), two.worse.grad.tolist()) == (
            pytest.approx(expected[0], rel=1e-5),
            pytest.approx(expected[1], rel=1e-5),
        )


@pytest.mark.parametrize("variant", ["sigmoid", "hinge", "robust", "exo", "discopop", "sigmoid_norm", "simpo"])
def test_it_asks_for_a_margin(variant):
    settings = Settings(variant, BETA, label_noise=0.1)
    asked = preference_losses(pair(margin=1.5), settings).item()
    assert asked > preference_losses(pair(), settings).item()


def test_the_pull_of_the_margin_is_that_of_the_logistic():
    one = pair(margin=0.7)
    preference_losses(one, Settings("sigmoid", BETA)).sum().backward()
    assert one.better.grad.item() == pytest.approx(-BETA * sigmoid(-0.5), rel=1e-5)
    assert one.worse.grad.item() == pytest.approx(BETA * sigmoid(-0.5), rel=1e-5)


@pytest.mark.parametrize(
    ("divergence", "margin"),
    [
        ("reverse_kl", 0.3 * 4),
        ("forward_kl", 0.3 * (-math.exp(-1) + math.exp(3))),
        ("js", 0.3 * (-nll(1) + nll(-3))),
        ("alpha", 0.3 * (math.exp(-0.5) - math.exp(1.5)) / -0.5),
    ],
)
def test_it_measures_by_other_divergences(divergence, margin):
    settings = Settings("sigmoid", BETA, divergence=divergence, divergence_alpha=0.5)
    assert preference_losses(pair(), settings).item() == pytest.approx(nll(margin), rel=1e-5)


def test_alpha_of_one_is_reverse_kl():
    settings = Settings("sigmoid", BETA, divergence="alpha", divergence_alpha=1.0)
    assert preference_losses(pair(), settings).item() == pytest.approx(nll(1.2), rel=1e-6)


def test_the_mean_of_robust_losses_over_noisy_labels_is_the_loss_of_the_clean_one():
    right, wrong = pair(), pair(-12.0, -10.0, -9.0, -11.0)
    settings = Settings("robust", BETA, label_noise=NOISE)
    mean = (1 - NOISE) * preference_losses(right, settings) + NOISE * preference_losses(wrong, settings)
    assert mean.item() == pytest.approx(nll(1.2), rel=1e-5)


def test_odds_of_a_policy_that_is_certain_are_finite():
    certain = pair(better=0.0, worse=-1e-9)
    preference_losses(certain, Settings("orpo", BETA)).sum().backward()
    assert torch.isfinite(certain.better.grad).all()
    assert torch.isfinite(certain.worse.grad).all()


def test_ties_have_the_probability_that_davidson_gives_them():
    margins = torch.tensor([0.8, -0.4, 0.8])
    losses = davidson_losses(margins, torch.tensor([False, False, True]), nu=0.5)
    total = [math.exp(d / 2) + math.exp(-d / 2) + 0.5 for d in (0.8, -0.4, 0.8)]
    expected = [math.log(total[0]) - 0.4, math.log(total[1]) + 0.2, math.log(total[2]) - math.log(0.5)]
    assert losses.tolist() == pytest.approx(expected, rel=1e-5)
    both_ways = [davidson_losses(torch.tensor([d]), torch.tensor([False]), nu=0.5).item() for d in (0.8, -0.8)]
    assert sum(math.exp(-loss) for loss in (*both_ways, losses[2].item())) == pytest.approx(1.0, rel=1e-6)


def test_without_ties_davidson_is_bradley_terry():
    loss = davidson_losses(torch.tensor([1.2]), torch.tensor([False]), nu=1e-9)
    assert loss.item() == pytest.approx(nll(1.2), rel=1e-5)


def test_a_tie_pulls_two_together():
    margins = torch.tensor([0.8], requires_grad=True)
    davidson_losses(margins, torch.tensor([True]), nu=0.5).sum().backward()
    assert margins.grad.item() > 0


@pytest.fixture(scope="module")
def trainer(tokenizer, tmp_path_factory):
    """TRL's trainer, its rows, and the pairs as we see them; policy and reference differ."""
    from training.modelling.tiny import new_llama  # noqa: PLC0415  it needs the seed set first

    torch.manual_seed(0)
    policy = new_llama(tokenizer, hidden_size=32, layers=2, heads=2, context=128).eval()
    reference = copy.deepcopy(policy)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    items = rankings(2, 3)
    rows = expanded(items)
    made = TokenisedDPOTrainer(
        model=copy.deepcopy(policy),
        ref_model=reference,
        args=DPOConfig(output_dir=str(tmp_path_factory.mktemp("trl")), beta=BETA, **QUIET),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    return made, policy, reference, items, rows


def scored(policy, reference, items) -> ScoredPairs:
    batch, pairs = ranking_batch(items, 0)
    now = sequence_log_probs(policy, batch)
    with torch.no_grad():
        before = sequence_log_probs(reference, batch)
    tokens = batch.completion_lengths
    both = [one[side] for one in (now, before, tokens) for side in (pairs.better, pairs.worse)]
    return ScoredPairs(*both, torch.zeros(len(pairs)))


@pytest.mark.parametrize(
    ("variant", "divergence"),
    [(variant, "reverse_kl") for variant in IN_TRL]
    + [(variant, divergence) for variant in IN_TRL if takes_divergence(variant) for divergence in DIVERGENCES_IN_TRL],
)
def test_it_agrees_with_trl(trainer, variant, divergence):
    made, policy, reference, items, rows = trainer
    noise = NOISE if takes_noise(variant) else 0.0
    made.loss_types, made.loss_weights, made.label_smoothing = [IN_TRL[variant]], [1.0], noise
    # Its own cDPO is called robust only; the conservative loss is "sigmoid" without smoothing there.
    noise = 0.0 if variant in ("sigmoid", "sigmoid_norm") else noise
    made.f_divergence_type = DIVERGENCES_IN_TRL.get(divergence, divergence)
    mine = copy.deepcopy(policy)
    made.model.zero_grad()
    settings = Settings(variant, BETA, label_noise=noise, divergence=divergence)
    ours = preference_losses(scored(mine, reference, items), settings).mean()
    assert_same(ours, mine, made.compute_loss(made.model, made.data_collator(rows)), made.model)


def assert_same_pull(ours: torch.Tensor, theirs: torch.Tensor, one: ScoredPairs) -> None:
    """The same loss, and the same gradient at both completions of the pair."""
    inputs = (one.better, one.worse)
    pulls = [torch.cat(torch.autograd.grad(loss.sum(), inputs, retain_graph=True)) for loss in (ours, theirs)]
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
    assert torch.allclose(*pulls, rtol=1e-5)


@pytest.mark.parametrize("noise", [0.0, NOISE])
def test_it_agrees_with_trl_on_simpo(noise):
    one = pair(margin=0.6)
    means = one.better / one.better_tokens, one.worse / one.worse_tokens
    told = {"alpha": 0.0, "loss_type": "simpo", "simpo_gamma": 0.6, "beta": BETA, "label_smoothing": noise}
    theirs, _, _ = CPOTrainer.cpo_loss(SimpleNamespace(**told, accelerator=SimpleNamespace(device="cpu")), *means)
    assert_same_pull(preference_losses(one, Settings("simpo", BETA, label_noise=noise)), theirs, one)


def test_it_agrees_with_trl_on_orpo():
    one = pair()
    means = one.better / one.better_tokens, one.worse / one.worse_tokens
    told = SimpleNamespace(beta=BETA, accelerator=SimpleNamespace(device="cpu"))
    gains = ORPOTrainer.odds_ratio_loss(told, *means)[0]
    assert_same_pull(preference_losses(one, Settings("orpo", BETA)), -means[0] - gains, one)


def test_nll_is_trls_sft_loss_where_preferred_answers_are_of_one_length(trainer):
    """TRL counts every token of a batch alike, RPO's formula every answer."""
    made, policy, reference, items, _ = trainer
    items = [replace(item, completions=[[7, 8, number + 9, 1] for number in range(3)]) for item in items]
    made.loss_types, made.loss_weights, made.label_smoothing = ["sigmoid", "sft"], [1.0, 0.7], 0.0
    made.f_divergence_type = "reverse_kl"
    mine = copy.deepcopy(policy)
    made.model.zero_grad()
    batch, pairs = ranking_batch(items, 0)
    with torch.no_grad():
        before = sequence_log_probs(reference, batch)
    settings = Settings("sigmoid", BETA, nll=0.7)
    ours = policy_loss(sequence_log_probs(mine, batch), before, batch.completion_lengths, pairs, settings)
    assert_same(ours, mine, made.compute_loss(made.model, made.data_collator(expanded(items))), made.model)


def test_every_loss_of_trl_is_here_under_some_name():
    names = set(re.findall(r'loss_type == "(\w+)"', inspect.getsource(DPOTrainer)))
    assert names == set(IN_TRL.values()) | {"sft"}, "sft is the field nll"


BASE = {"out": "nowhere", "base": ".", "snapshot": "."}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"loss": "ipo", "label_noise": 0.1}, "'label_noise' does nothing with the loss \"ipo\""),
        ({"loss": "exo"}, "needs a 'label_noise' above 0"),
        ({"label_noise": 0.5}, "from 0 to below 0.5"),
        ({"loss": "simpo", "divergence": "js"}, "'divergence' does nothing with the loss \"simpo\""),
        ({"loss": "nca", "margin": 1.0}, "'margin' does nothing with the loss \"nca\""),
        ({"loss": "ipo", "ties": "davidson"}, 'with the loss "sigmoid"'),
        ({"nu": 0.3}, "needs 'ties' to be \"davidson\""),
        ({"nll": -1.0}, "'nll' must not be below 0"),
        ({"loss": "aot", "weights": "annotator"}, '\'weights\' must be "none" with the loss "aot"'),
        ({"loss": "ipo", "labels": "soft"}, "Soft 'labels' are learnt with the losses"),
        ({"label_noise": 0.1, "labels": "soft"}, "without 'label_noise' only"),
        ({"margin_by": "strength"}, "does nothing without a 'margin'"),
    ],
)
def test_the_recipe_refuses_what_would_do_nothing(fields, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        build_config(DpoConfig, BASE | fields)


def test_the_recipe_takes_how_likely_ties_are_from_the_rankings():
    config = build_config(DpoConfig, BASE | {"ties": "davidson"})
    items = [replace(item, ranks=[1, 1, 2]) for item in rankings(4, 3)]
    # A third of the pairs are tied: nu / (2 + nu) = 1 / 3.
    assert settings_of(config, items).nu == pytest.approx(1.0)
    with pytest.raises(RecipeError, match="0 of 12 pairs"):
        settings_of(config, rankings(4, 3))


@pytest.mark.parametrize(
    "fields",
    [
        {"loss": "simpo", "beta": 2.0, "margin": 1.0},
        {"ties": "davidson", "nll": 1.0},
        {"loss": "robust", "label_noise": 0.2},
    ],
)
def test_the_recipe_learns_with_other_losses(base, tmp_path, fields):
    rows = [ranking(f"Why {n}?", ["Go away.", "Please wait.", "Please, wait."], [2, 1, 1]) for n in range(12)]
    snapshot = write_snapshot(tmp_path / "snapshot", rankings={"train": rows, "validation": rows[:4]})
    config = {"out": str(tmp_path / "run"), "base": str(base), "snapshot": str(snapshot), "threads": 1, "epochs": 4}
    config |= {"batch_rankings": 4, "lr": 1e-3, "max_prompt_tokens": 64, "max_completion_tokens": 32}
    train_dpo(build_config(DpoConfig, config | fields))
    results = {one["name"]: one["value"] for one in read_manifest(tmp_path / "run")["results"]}
    assert results["validation_accuracy"] == 1.0
