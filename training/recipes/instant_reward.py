"""Fit the instant reward: logistic regression on the words of answers, in seconds, without any model to start from.

It is the baseline "tf-idf" of training/modelling/baselines.py, which has the formula and what it cannot see, saved as
a reward that scores answers: on the first evening, before a reward model has been trained, the recipe `evaluate` can
take this run as its `reward`. The reward recipe fits the same one beside every reward model and says how far the two
are apart.

    python -m training.recipes.instant_reward --config instant.json
    {"out": "var/runs/instant", "snapshot": "var/snapshots/1f3a"}

Leaves model/tf_idf.json (words, mean and standard deviation of the reward over what it was fitted to) and
model/tf_idf.npz (`idf` and `weights` of the words).
"""

from dataclasses import dataclass

from training.modelling.artifacts import RunDirectory, hash_input
from training.modelling.baselines import baseline_results, fit_tf_idf, with_a_pair
from training.modelling.configs import ExistingPath, run_recipe
from training.modelling.plans import Plan
from training.modelling.rankings import Weights
from training.modelling.snapshots import SPLITS, read_rankings, require_rows


@dataclass(frozen=True, kw_only=True)
class InstantRewardConfig:
    """Fit a reward that is linear in the words of answers."""

    out: str
    """The run directory."""
    snapshot: ExistingPath
    """The snapshot whose rankings are learnt."""
    seed: int = 0
    """Of the process; nothing here is left to chance."""
    weights: Weights = "none"
    """What a ranking weighs: "none" = all alike, "annotator" = what the snapshot says of its annotator."""


def fit_instant_reward(config: InstantRewardConfig) -> None:
    """Fit and save the reward, and measure it on the held-out splits."""
    run = RunDirectory(config.out)
    run.write_config(config)
    rows = read_rankings(config.snapshot, "train")
    require_rows(with_a_pair(rows), "rankings with a strict pair", config.snapshot)
    reward = fit_tf_idf(rows, config.weights)
    reward.save(run.model)
    run.progress(1, 1, f"{len(reward.words)} words of {len(rows)} rankings")
    run.write_manifest(
        recipe="instant_reward",
        kind="instant_reward",
        config=config,
        seed=config.seed,
        inputs={"snapshot": hash_input(config.snapshot)},
        results=baseline_results(reward, config.snapshot),
    )


def plan(config: InstantRewardConfig) -> Plan:
    """Say what a run would do."""
    found = {split: with_a_pair(read_rankings(config.snapshot, split)) for split in SPLITS}
    return Plan(notes=[f"{split}: {len(rows):,} rankings with a strict pair" for split, rows in found.items()])


if __name__ == "__main__":
    run_recipe(InstantRewardConfig, fit_instant_reward, plan=plan)
