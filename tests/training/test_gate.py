"""The gate's rules, one row each."""

from dataclasses import replace

import pytest

from training.gate import Figure, Thresholds, decide

GOOD = {
    ("win_rate", "sft"): (0.70, 0.60, 0.80),
    ("win_rate", "promoted"): (0.65, 0.55, 0.75),
    ("kl", "sft"): (6.0, 5.0, 7.0),
    ("entropy", ""): (0.9, 0.8, 1.0),
    ("distinct_2", ""): (0.30, None, None),
    ("end_rate", ""): (0.99, 0.97, 1.0),
}
SFT = [
    Figure("entropy", "sft", "", 1.0, 0.9, 1.1, 120),
    Figure("distinct_2", "sft", "", 0.40, None, None, 360),
    Figure("end_rate", "sft", "", 1.0, 0.98, 1.0, 120),
]


def figures(subject: str, **changes: tuple) -> list[Figure]:
    """A policy that passes, with changes such as kl=(90, 80, 100), win_rate_promoted=(...), entropy=None (absent)."""
    found = []
    for (name, against), values in GOOD.items():
        key = f"{name}_promoted" if against == "promoted" else name
        value = changes.get(key, values)
        if value is not None:
            found.append(Figure(name, subject, against, *value, 120))
    return found


def winner(dpo: list[Figure], ppo: list[Figure] = (), **options) -> str | None:
    return decide([*SFT, *dpo, *ppo], **options).winner


def test_it_promotes_a_candidate_that_passes_everything():
    assert winner(figures("dpo")) == "dpo"


def test_it_promotes_the_one_that_wins_more():
    assert winner(figures("dpo"), figures("ppo", win_rate=(0.81, 0.71, 0.90))) == "ppo"


def test_it_passes_over_the_one_that_wins_more_but_fails():
    assert winner(figures("dpo"), figures("ppo", win_rate=(0.81, 0.71, 0.90), kl=(90.0, 80.0, 99.0))) == "dpo"


@pytest.mark.parametrize(
    ("changes", "objection"),
    [
        ({"win_rate": (0.56, 0.50, 0.62)}, "against SFT it does not win beyond doubt"),
        ({"win_rate": (0.56, 0.48, 0.64)}, "against SFT it does not win beyond doubt"),
        ({"win_rate": (0.56, None, None)}, "against SFT it does not win beyond doubt"),
        ({"win_rate": None}, "the win rate against SFT was not measured"),
        ({"win_rate_promoted": (0.52, 0.45, 0.59)}, "against the policy in force it does not win beyond doubt"),
        ({"win_rate_promoted": None}, "the win rate against the policy in force was not measured"),
        ({"kl": (25.1, 24.0, 26.0)}, "its KL is above 25 nats"),
        ({"kl": None}, "the KL to SFT was not measured"),
        ({"entropy": (0.24, 0.2, 0.3)}, "its entropy fell below 25 % of SFT's"),
        ({"distinct_2": (0.09, None, None)}, "its distinct bigrams fell below 25 % of SFT's"),
        ({"end_rate": (0.94, 0.9, 0.98)}, "its answers end less often than SFT's"),
        ({"end_rate": None}, "the share of answers that end was not measured"),
    ],
)
def test_it_keeps_the_policy_in_force_and_says_why(changes, objection):
    verdict = decide([*SFT, *figures("dpo", **changes)], candidates=["dpo"], in_force=True)
    assert verdict.winner is None
    assert verdict.reason.startswith("No candidate passed the gate, so the policy in force stays.")
    assert verdict.reason.endswith(f"not promoted: {objection}.")


@pytest.mark.parametrize(
    "changes",
    [{"kl": (25.0, 24.0, 26.0)}, {"entropy": (0.25, 0.2, 0.3)}, {"distinct_2": (0.10, None, None)}]
    + [{"end_rate": (0.95, 0.9, 1.0)}, {"win_rate": (0.56, 0.501, 0.62)}],
)
def test_it_lets_a_figure_at_the_limit_pass(changes):
    assert winner(figures("dpo", **changes)) == "dpo"


def test_it_asks_for_no_win_over_a_policy_in_force_that_was_not_evaluated():
    assert winner(figures("dpo", win_rate_promoted=(0.3, 0.2, 0.4)), in_force=False) == "dpo"


def test_it_promotes_nothing_when_nothing_was_measured():
    verdict = decide([], candidates=["dpo"])
    assert verdict.winner is None
    assert "DPO: nothing was measured; not promoted: the win rate against SFT was not measured" in verdict.reason


def test_it_takes_other_thresholds():
    assert winner(figures("dpo"), thresholds=replace(Thresholds(), max_kl=5.0)) is None


def test_it_names_the_figures_of_every_candidate_with_interval_and_n():
    reason = decide([*SFT, *figures("dpo"), *figures("ppo", win_rate=(0.56, 0.48, 0.64))]).reason
    assert reason.startswith(
        "DPO is promoted.\nDPO: win rate against SFT 70 % [60 %, 80 %], n = 120; KL to SFT 6 [5, 7]"
    )
    assert "PPO: win rate against SFT 56 % [48 %, 64 %], n = 120; KL to SFT 6 [5, 7], n = 120" in reason


@pytest.mark.parametrize(
    ("accuracy", "promoted"),
    [((0.60, 0.51, 0.69), "dpo"), ((0.56, 0.47, 0.65), None), ((0.56, 0.50, 0.62), None), (None, None)],
)
def test_it_believes_a_judging_reward_model_only_if_it_is_better_than_chance(accuracy, promoted):
    judge = [Figure("pair_accuracy", "reward", "annotators", *accuracy, 119)] if accuracy else []
    assert winner([*figures("dpo"), *judge], judged_by_reward=True) == promoted
    assert winner([*figures("dpo"), *judge], judged_by_reward=False) == "dpo"
