"""What learning from judgements in one way or another is worth in the demo's world, where true quality can be computed.

    ./run bench learning [--seeds 0,1,2] [--rankings 400] [--prompts 80] [--samples 2] [--arms REGEX] [--json]

Each seed draws its own tasks, judgements by the ten simulated annotators (careful, length-loving and careless) and
models. Base model and SFT are trained once for a seed; every arm starts from them and learns from the same judgements:

* Reward models (4 epochs, as in the demo). "k-wise, weighted": whole rankings, each weighing what its annotator's gold
  says; "k-wise": the same without weights; "pairs": every strict pair as a row of its own, all alike, in as many steps.
  Measured: the share of pairs of fresh replies to held-out prompts that they order as the gold score does.
* Policies (1 epoch). One arm for each variant of DPO, RPO's likelihood term, and the CHES filter. Nothing was tuned on
  these figures: beta, learning rate and steps are the demo's where the variant's paper has no other scale.
  Measured: the gold score of answers to held-out prompts, how often an answer beats one of SFT's by it, and how far the
  log-probabilities of chosen and rejected completions moved on held-out rankings (mean over strict pairs, nats).

Intervals are by prompt, over the prompts of all seeds together: they say what other prompts would give with these
models. Beside them stands the range over seeds.
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

from annotate.quality.intervals import Estimate
from tests.bench import _learning_parts as parts
from tests.bench import demo

REWARDS = {
    "k-wise, weighted": {"snapshot": "whole", "weights": "annotator"},
    "k-wise": {"snapshot": "whole"},
    "pairs": {"snapshot": "pairs"},
}
POLICIES = {
    "sigmoid": {},
    "sigmoid + nll": {"nll": 1.0},
    "sigmoid, CHES 25 % off": {"ches_drop": 0.25},
    "robust, measured noise": {"loss": "robust", "label_noise": "agreement"},
    "sigmoid_norm": {"loss": "sigmoid_norm", "beta": 5.0},
    "ipo": {"loss": "ipo"},
    "simpo": {"loss": "simpo", "beta": 2.0, "margin": 0.5},
    "orpo": {"loss": "orpo", "beta": 0.1},
}
BETA = 0.3
STEP = 8
"""Whole rankings of a step; the arm that learns pairs takes as many pairs as these hold."""


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when every arm was measured in every seed."""
    parser = argparse.ArgumentParser(prog="./run bench learning", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated (default: 0,1,2)")
    parser.add_argument("--rankings", type=int, default=400, help="rankings to learn from (default: 400)")
    parser.add_argument("--prompts", type=int, default=80, help="held-out prompts to answer (default: 80)")
    parser.add_argument("--samples", type=int, default=2, help="answers to each (default: 2)")
    parser.add_argument("--arms", default="", metavar="REGEX", help="only the arms whose names match")
    parser.add_argument("--keep", type=Path, help="keep everything here; what is done is not done again")
    parser.add_argument("--set", action="append", default=[], metavar="RECIPE.FIELD=JSON", help="of base or sft")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    sizes = parts.Sizes(arguments.rankings, arguments.prompts, arguments.samples)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    overrides = demo.overrides(arguments.set)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        found = {seed: measure(folder / f"seed-{seed}", seed, sizes, overrides, arguments.arms) for seed in seeds}
    report = {"rewards": _rewards(found), "policies": _policies(found, sizes.samples)}
    _print(report, found)
    if arguments.json:
        print(json.dumps({"benchmark": "learning", "seeds": seeds, "sizes": vars(sizes), **report}))
    return 0


def measure(folder: Path, seed: int, sizes: parts.Sizes, overrides: dict, arms: str) -> dict:
    """Train what a seed's arms need, and measure them: {"rewards": {arm: ...}, "policies": {arm: ...}}."""
    print(f"\nSeed {seed}: {demo.write_snapshot(folder / 'snapshot', seed)}", flush=True)
    for stage in ("base", "sft"):
        if not (folder / stage / "MANIFEST.json").exists():
            demo.run_stage(folder / stage, stage, demo.stage_config(folder, stage, seed) | overrides.get(stage, {}))
    judged = parts.write_judgements(folder / "snapshot", folder / f"judged-{sizes.rankings}", seed, sizes.rankings)
    pairs = parts.strict_pairs_of_a_ranking(judged["whole"])
    runs = folder / f"runs-{sizes.rankings}"
    shared = {"seed": seed, "base": str(folder / "sft")}
    rewards, policies = {}, {}
    for arm, fields in _matching(REWARDS, arms):
        data = fields.get("snapshot", "whole")
        step = STEP if data == "whole" else round(STEP * pairs)
        config = shared | {"epochs": 4, "batch_rankings": step} | fields | {"snapshot": str(judged[data])}
        out = runs / _file_name("reward", arm)
        manifest = _train("reward", arm, out, config)
        rewards[arm] = {"gold": parts.gold_accuracy_of(out, seed), "results": manifest["results"]}
    if _matching(POLICIES, arms):
        sft = parts.gold_of_answers(folder / "sft", sizes, seed)
        policies["SFT"] = {"gold": sft, "wins": [], "results": []}
    for arm, fields in _matching(POLICIES, arms):
        config = shared | {"beta": BETA, "batch_rankings": STEP} | fields | {"snapshot": str(judged["whole"])}
        out = runs / _file_name("dpo", arm)
        manifest = _train("dpo", arm, out, config)
        gold = parts.gold_of_answers(out, sizes, seed)
        won = parts.win_rate(gold, sft, sizes.samples)
        policies[arm] = {"gold": gold, "wins": won, "results": manifest["results"]}
    return {"rewards": rewards, "policies": policies}


def _matching(arms: dict[str, dict], wanted: str) -> list[tuple[str, dict]]:
    return [(name, fields) for name, fields in arms.items() if re.search(wanted, name)]


def _file_name(recipe: str, arm: str) -> str:
    return f"{recipe}-{re.sub(r'[^a-z0-9]+', '-', arm.lower()).strip('-')}"


def _train(recipe: str, arm: str, out: Path, config: dict) -> dict:
    started = time.monotonic()
    manifest = parts.train(recipe, out, config)
    print(f"  {recipe}, {arm}: {time.monotonic() - started:.0f} s, {manifest['cpu']:.0f} CPU-s of training", flush=True)
    return manifest


def _rewards(found: dict[int, dict]) -> dict:
    """Of each reward arm the gold accuracy, and its difference from "pairs", over all seeds."""
    together = _together(found, "rewards", "gold")
    of_seeds = {arm: [parts.share(one["rewards"][arm]["gold"]).value for one in found.values()] for arm in together}
    return {
        arm: {
            "gold_accuracy": parts.share(pairs).as_dict(),
            "over_pairs": parts.difference(pairs, together["pairs"]).as_dict() if "pairs" in together else None,
            "by_seed": of_seeds[arm],
        }
        for arm, pairs in together.items()
    }


def _policies(found: dict[int, dict], samples: int) -> dict:
    """Of each policy arm gold score and win rate over all seeds, and how chosen and rejected moved in each."""
    gold, won = _together(found, "policies", "gold"), _together(found, "policies", "wins")
    return {
        arm: {
            "gold": parts.mean(answers).as_dict(),
            "over_sft": parts.difference(answers, gold["SFT"]).as_dict(),
            "win_rate": parts.share(won[arm]).as_dict() if won[arm] else None,
            "gold_by_seed": [parts.mean(one["policies"][arm]["gold"]).value for one in found.values()],
            **{name: _shift(found, arm, name) for name in ("test_chosen_shift", "test_rejected_shift")},
        }
        for arm, answers in gold.items()
    }


def _together(found: dict[int, dict], kind: str, name: str) -> dict[str, list]:
    arms = next(iter(found.values()))[kind]
    return {arm: [row for one in found.values() for row in one[kind][arm][name]] for arm in arms}


def _shift(found: dict[int, dict], arm: str, name: str) -> list[float]:
    rows = [row for one in found.values() for row in one["policies"][arm]["results"]]
    return [row["value"] for row in rows if row["name"] == name]


def _shown(one: dict | None, digits: int = 3) -> str:
    if one is None:
        return ""
    return f"{Estimate(**one).value:.{digits}f} [{one['lo']:.{digits}f}, {one['hi']:.{digits}f}]"


def _print(report: dict, found: dict[int, dict]) -> None:
    print(f"\n{'reward model':<26}{'gold accuracy':<24}{'less that of pairs':<26}by seed {list(found)}")
    for arm, row in report["rewards"].items():
        seeds = " ".join(f"{value:.3f}" for value in row["by_seed"])
        print(f"{arm:<26}{_shown(row['gold_accuracy']):<24}{_shown(row['over_pairs']):<26}{seeds}")
    print(f"n = {next(iter(report['rewards'].values()), {'gold_accuracy': {'n': 0}})['gold_accuracy']['n']} prompts")
    print(
        f"\n{'policy':<26}{'gold score':<24}{'wins against SFT':<24}{'gold by seed':<22}chosen, rejected moved (nats)"
    )
    for arm, row in report["policies"].items():
        seeds = " ".join(f"{value:+.2f}" for value in row["gold_by_seed"])
        both = zip(row["test_chosen_shift"], row["test_rejected_shift"], strict=True)
        moved = " ".join(f"{chosen:+.1f}/{rejected:+.1f}" for chosen, rejected in both)
        print(f"{arm:<26}{_shown(row['gold'], 2):<24}{_shown(row['win_rate']):<24}{seeds:<22}{moved}")
    print(f"n = {next(iter(report['policies'].values()), {'gold': {'n': 0}})['gold']['n']} prompts")


if __name__ == "__main__":
    raise SystemExit(main())
