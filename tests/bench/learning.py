"""What learning from judgements in one way or another is worth in the demo's world, where true quality can be computed.

    ./run bench learning [--seeds 0,1,2] [--draws 2] [--rankings 400] [--prompts 80] [--samples 2] [--arms REGEX]
                         [--worlds 40] [--keep DIR] [--quick] [--json]

Each seed draws its own tasks, judgements by the ten simulated annotators (careful, length-loving and careless) and
models. Base model and SFT are trained once for a seed; every arm starts from them and learns from the same judgements:

* Reward models, 4 epochs as in the demo, and 2. "k-wise, weighted": whole rankings, each weighing what its annotator's
  gold says; "k-wise": the same without weights; "pairs": every strict pair as a row of its own, all alike, in as many
  steps.
  Each arm learns from each of the `draws`, disjoint sets of a seed's rankings, with a head and an order of its own.
  Measured: the share of pairs of fresh replies to held-out prompts that they order as the gold score does.
* The same by a linear reward model that knows what gold looks at, in many `worlds` of judgements (_learning_linear.py):
  what the loss and the weights are worth where no network's chance hides it. None of these worlds is a seed above.
* Policies (1 epoch). One arm for each variant of DPO, RPO's likelihood term, and the CHES filter. Nothing was tuned on
  these figures: beta, learning rate and steps are the demo's where the variant's paper has no other scale.
  Measured: the gold score of answers to held-out prompts, how often an answer beats one of SFT's by it, and how far the
  log-probabilities of chosen and rejected completions moved on held-out rankings (mean over strict pairs, nats).

Intervals are by prompt, over the prompts of all seeds together: they say what other prompts would give with these
models. Two models that differ by nothing but their head and order differ by more; so the difference of two reward arms
has an interval over models as well, which says what other judgements and other models would give. n stands beside each.

`--quick` rehearses all of it on one small seed in a few minutes; its numbers say nothing.
"""

import argparse
import json
import re
import tempfile
import time
from pathlib import Path

from tests.bench import _learning_linear as linear
from tests.bench import _learning_parts as parts
from tests.bench import demo
from training.demo import settings

LEARNT = {
    "k-wise, weighted": {"snapshot": "whole", "weights": "annotator"},
    "k-wise": {"snapshot": "whole"},
    "pairs": {"snapshot": "pairs"},
}
REWARDS = LEARNT | {f"{arm}, 2 epochs": fields | {"epochs": 2} for arm, fields in LEARNT.items()}
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
QUICK = {"seeds": "0", "draws": 2, "rankings": 100, "prompts": 10, "samples": 1, "worlds": 3}
QUICK_BASE = 2_000
"""Dialogues that the base model of a rehearsal learns from."""


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when every arm was measured in every seed."""
    parser = argparse.ArgumentParser(prog="./run bench learning", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated (default: 0,1,2)")
    parser.add_argument("--draws", type=int, default=2, help="sets of rankings of a seed to learn from (default: 2)")
    parser.add_argument("--worlds", type=int, default=40, help="worlds of the linear model; 0 for none (default: 40)")
    parser.add_argument("--rankings", type=int, default=400, help="rankings to learn from (default: 400)")
    parser.add_argument("--prompts", type=int, default=80, help="held-out prompts to answer (default: 80)")
    parser.add_argument("--samples", type=int, default=2, help="answers to each (default: 2)")
    parser.add_argument("--arms", default="", metavar="REGEX", help="only the arms whose names match")
    parser.add_argument("--keep", type=Path, help="keep everything here; what is done is not done again")
    parser.add_argument("--set", action="append", default=[], metavar="RECIPE.FIELD=JSON", help="of base or sft")
    parser.add_argument("--quick", action="store_true", help="rehearse all of it on one small seed, in a few minutes")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    overrides = demo.overrides(arguments.set)
    if arguments.quick:
        vars(arguments).update(QUICK)
        overrides.setdefault("base", {}).setdefault("documents", QUICK_BASE)
    if arguments.draws * arguments.rankings > settings.RANKING_TASKS["train"]:
        parser.error(f"a seed has {settings.RANKING_TASKS['train']} rankings, too few for these draws.")
    sizes = parts.Sizes(arguments.rankings, arguments.prompts, arguments.samples, arguments.draws)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        found = {seed: measure(folder / f"seed-{seed}", seed, sizes, overrides, arguments.arms) for seed in seeds}
    report = {"rewards": _rewards(found), "policies": _policies(found, sizes.samples)}
    report["linear"] = linear.compare(arguments.worlds, sizes.rankings) if arguments.worlds else {}
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
    return {
        "rewards": _measure_rewards(folder, seed, sizes, _matching(REWARDS, arms)),
        "policies": _measure_policies(folder, seed, sizes, _matching(POLICIES, arms)),
    }


def _measure_rewards(folder: Path, seed: int, sizes: parts.Sizes, arms: list[tuple[str, dict]]) -> dict:
    """{arm: {"gold": [(prompt, right) of all draws], "by_draw": [gold accuracy]}}."""
    found: dict[str, dict] = {arm: {"gold": [], "by_draw": []} for arm, _ in arms}
    for draw in range(sizes.draws):
        name = _name_of_draw(sizes, draw)
        judged = parts.write_judgements(folder / "snapshot", folder / f"judged-{name}", seed, sizes.rankings, draw)
        pairs = parts.strict_pairs_of_a_ranking(judged["whole"])
        for arm, fields in arms:
            data = fields["snapshot"]
            step = STEP if data == "whole" else round(STEP * pairs)
            started = {"seed": parts.seed_of_draw(seed, draw), "base": str(folder / "sft")}
            config = started | {"epochs": 4, "batch_rankings": step} | fields | {"snapshot": str(judged[data])}
            out = folder / f"runs-{name}" / _file_name("reward", arm)
            _train("reward", f"{arm}, draw {draw + 1} of {sizes.draws}", out, config)
            gold = parts.gold_accuracy_of(out, seed)
            found[arm]["gold"] += gold
            found[arm]["by_draw"].append(parts.share(gold).value)
    return found


def _measure_policies(folder: Path, seed: int, sizes: parts.Sizes, arms: list[tuple[str, dict]]) -> dict:
    """{arm: {"gold": [(prompt, gold)], "wins": [(prompt, won)], "results": [...]}}, SFT among them."""
    if not arms:
        return {}
    name = _name_of_draw(sizes, 0)
    judged = parts.write_judgements(folder / "snapshot", folder / f"judged-{name}", seed, sizes.rankings)
    sft = parts.gold_of_answers(folder / "sft", sizes, seed)
    found = {"SFT": {"gold": sft, "wins": [], "results": []}}
    for arm, fields in arms:
        started = {"seed": seed, "base": str(folder / "sft"), "snapshot": str(judged["whole"])}
        out = folder / f"runs-{name}" / _file_name("dpo", arm)
        manifest = _train("dpo", arm, out, started | {"beta": BETA, "batch_rankings": STEP} | fields)
        gold = parts.gold_of_answers(out, sizes, seed)
        won = parts.win_rate(gold, sft, sizes.samples)
        found[arm] = {"gold": gold, "wins": won, "results": manifest["results"]}
    return found


def _name_of_draw(sizes: parts.Sizes, draw: int) -> str:
    return f"{sizes.rankings}" + (f"-draw-{draw + 1}" if draw else "")


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
    """Of each reward arm the gold accuracy over all seeds and draws, and how it differs from others (`_against`)."""
    together = _together(found, "rewards", "gold")
    models = _together(found, "rewards", "by_draw")
    report = {}
    for arm, pairs in together.items():
        report[arm] = {
            "gold_accuracy": parts.share(pairs).as_dict(),
            "by_seed": [one["rewards"][arm]["by_draw"] for one in found.values()],
        }
        for name, other in _against(arm).items():
            known = other in together and other != arm
            by_prompt = parts.difference(pairs, together[other]).as_dict() if known else None
            over_models = parts.difference_of_models(models[arm], models[other]).as_dict() if known else None
            report[arm] |= {name: by_prompt, f"{name}_by_model": over_models}
    return report


def _against(arm: str) -> dict[str, str]:
    """What an arm is compared with: pairs in as many epochs, and what it would be without weights."""
    return {
        "over_pairs": re.sub("^k-wise(, weighted)?", "pairs", arm),
        "over_unweighted": arm.replace(", weighted", ""),
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


def _shown(one: dict | None, digits: int = 3, sign: str = "") -> str:
    """The value with its interval, where it has one, and its n."""
    if one is None:
        return ""
    interval = f" [{one['lo']:{sign}.{digits}f}, {one['hi']:{sign}.{digits}f}]" if one["lo"] is not None else ""
    return f"{one['value']:{sign}.{digits}f}{interval} n={one['n']}"


def _print(report: dict, found: dict[int, dict]) -> None:
    seeds = ", ".join(str(seed) for seed in found)
    if report["rewards"]:
        print(f"\nReward models, seeds {seeds}; n counts prompts, of differences models that learnt the same.")
        print(f"{'learnt from':<28}{'gold accuracy':<30}{'less pairs':<32}{'less unweighted':<32}by seed and draw")
    for arm, row in report["rewards"].items():
        each = ", ".join(" ".join(f"{value:.3f}" for value in draws) for draws in row["by_seed"])
        less = [_shown(row[f"{name}_by_model"], sign="+") for name in ("over_pairs", "over_unweighted")]
        print(f"{arm:<28}{_shown(row['gold_accuracy']):<30}{less[0]:<32}{less[1]:<32}{each}")
    if report["linear"]:
        last = linear.FIRST_SEED + next(iter(report["linear"].values()))["gold_accuracy"]["n"] - 1
        print(f"\nLinear reward models, seeds {linear.FIRST_SEED} to {last}; n counts worlds.")
        print(f"{'what weighs':<30}{'gold accuracy':<30}less that of unweighted pairs")
    for arm, row in report["linear"].items():
        print(f"{arm:<30}{_shown(row['gold_accuracy']):<30}{_shown(row['over_pairs'], sign='+')}")
    if report["policies"]:
        print(f"\nPolicies, seeds {seeds}; n counts prompts.")
        print(f"{'arm':<26}{'gold score':<28}{'wins against SFT':<30}{'gold by seed':<22}chosen/rejected moved (nats)")
    for arm, row in report["policies"].items():
        each = " ".join(f"{value:+.2f}" for value in row["gold_by_seed"])
        both = zip(row["test_chosen_shift"], row["test_rejected_shift"], strict=True)
        moved = " ".join(f"{chosen:+.1f}/{rejected:+.1f}" for chosen, rejected in both)
        print(f"{arm:<26}{_shown(row['gold'], 2):<28}{_shown(row['win_rate']):<30}{each:<22}{moved}")


if __name__ == "__main__":
    raise SystemExit(main())
