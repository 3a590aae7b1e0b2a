"""The baselines people ask about, on the demo's world: what does each make of the same judgements?

    ./run bench sft [--seeds 0,1,2] [--arms preferred,control,raft,kto_rankings,kto_flags] [--keep DIR] [--json]

For each seed the demo's plan is drawn, judged by the simulated annotators (who also flag, for `kto_flags`) and frozen
as the product does; base, sft and reward are trained as the demo trains them. Then each arm starts from the sft
checkpoint: preferred-only SFT, control tokens, RAFT and KTO, each with its recipe's own defaults but for what ARMS
says. Measured are the world's gold score of three answers to each held-out prompt at temperature 1 (training never sees
it), the win rate against sft by gold, and tokens an answer, with intervals over prompts; `base` and `sft` stand beside.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from annotate.hashing import completion_sha256
from annotate.quality.intervals import clustered_mean, clustered_proportion
from tests.bench import demo
from training.demo import plan, settings, simulated, world
from training.exporting import ExportedJudgement, Rated
from training.modelling.chat import decode_completion, encode_prompt
from training.modelling.decoding import sample_completions
from training.modelling.models import load_policy, prepare_process
from training.modelling.prompts import read_prompts

ONE_THREAD = {"threads": 1}
ARMS: dict[str, tuple[str, dict]] = {
    "preferred": ("sft", {"source": "preferred", "style_prompts": 0, "epochs": 1}),
    "control": ("control", {}),
    "raft": ("raft", {}),
    "kto_rankings": ("kto", {"labels": "rankings"}),
    "kto_flags": ("kto", {"labels": "flags"}),
}
"""Recipe and what differs from its defaults."""
BEFORE = ("base", "sft", "reward")
SAMPLES = 3


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; always 0: it compares, and promises nothing."""
    parser = argparse.ArgumentParser(prog="./run bench sft", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated (default: 0,1,2)")
    parser.add_argument("--arms", default=",".join(ARMS), help=f"comma-separated, of {', '.join(ARMS)}")
    parser.add_argument("--keep", type=Path, help="keep snapshots and runs here; what is done is not done again")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    arms = arguments.arms.split(",")
    if unknown := set(arms) - set(ARMS):
        parser.error(f"no arm {', '.join(sorted(unknown))}; the arms are {', '.join(ARMS)}")
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        found = [run_seed(folder / f"seed-{seed}", seed, arms) for seed in seeds]
    if arguments.json:
        print(json.dumps({"benchmark": "sft", "seeds": found}))
    return 0


def run_seed(folder: Path, seed: int, arms: list[str]) -> dict:
    """Train and measure all arms for one seed; prints its table and returns {seed, results, cpu_seconds}."""
    snapshot = folder / "judged"
    if not (snapshot / "MANIFEST.json").exists():
        demo.write_snapshot(snapshot, seed, judged)
    stages = {name: (name, stage_config(folder, name, seed)) for name in BEFORE}
    shared = {"seed": seed, "base": str(folder / "sft"), "snapshot": str(snapshot), **ONE_THREAD}
    for arm in arms:
        recipe, fields = ARMS[arm]
        more = {"reward": str(folder / "reward")} if recipe == "raft" else {}
        stages[arm] = (recipe, shared | more | fields)
    cpu_seconds = {}
    for name, (recipe, config) in stages.items():
        if not (folder / name / "MANIFEST.json").exists():
            used = demo.children_cpu()
            demo.run_stage(folder / name, recipe, config)
            cpu_seconds[name] = round(demo.children_cpu() - used, 1)
    started = time.process_time()
    results = measure(folder, ["base", "sft", *arms], snapshot, seed)
    print(f"\nSeed {seed}, CPU seconds: {cpu_seconds}, measuring {time.process_time() - started:.0f}")
    for name, row in results.items():
        shown = (f"{key} {row[key]['value']:.3f} [{row[key]['lo']:.3f}, {row[key]['hi']:.3f}]" for key in row)
        print(f"  {name:<14}{'  '.join(shown)}  n = {row['gold']['n']} prompts", flush=True)
    return {"seed": seed, "results": results, "cpu_seconds": cpu_seconds}


def stage_config(folder: Path, stage: str, seed: int) -> dict:
    """The configuration of a stage that comes before all arms, as the demo has it."""
    inputs = {"base": {}, "sft": {"base": str(folder / "base")}, "reward": {"base": str(folder / "sft")}}[stage]
    snapshot = {} if stage == "base" else {"snapshot": str(folder / "judged")}
    return {"seed": seed, **inputs, **snapshot, **settings.RECIPES[stage]}


def judged(task: plan.RankingTask, person: simulated.Annotator, seed: int, name: str) -> ExportedJudgement:
    """Who ranks also rates and flags."""
    said = simulated.rate(person, task.messages, task.completions, seed)
    shown = zip(task.completions, task.producers, said.ratings, said.flags, strict=True)
    rated = tuple(
        Rated(text, completion_sha256(text), producer, tuple(sorted(values.items())), tuple(sorted(flags)))
        for text, producer, values, flags in shown
    )
    return replace(demo.ranking_of(task, person, seed, name), rated=rated)


def measure(folder: Path, names: list[str], snapshot: Path, seed: int) -> dict[str, dict]:
    """Gold score, win rate against sft and length of each model's answers to the test prompts, by name."""
    prepare_process(seed=seed, threads=1)
    asked = [prompt for prompt in read_prompts(snapshot, ["test"]) for _ in range(SAMPLES)]
    clusters = [prompt.sha256 for prompt in asked]
    golds, results = {}, {}
    for name in dict.fromkeys(["sft", *names]):
        model, tokenizer = load_policy(folder / name)
        ids = sample_completions(
            model,
            tokenizer,
            [encode_prompt(tokenizer, prompt.messages) for prompt in asked],
            256,
            1.0,
            torch.Generator().manual_seed(seed),
        )
        golds[name] = [
            world.gold(prompt.messages, decode_completion(tokenizer, tokens), tokens[-1] == tokenizer.eos_token_id)
            for prompt, tokens in zip(asked, ids, strict=True)
        ]
        results[name] = {"gold": clustered_mean(golds[name], clusters).as_dict()}
        if name != "sft":
            wins = [
                1.0 if mine > theirs else 0.5 if mine == theirs else 0.0
                for mine, theirs in zip(golds[name], golds["sft"], strict=True)
            ]
            results[name]["win_rate"] = clustered_proportion(wins, clusters).as_dict()
        results[name]["length"] = clustered_mean([float(len(tokens)) for tokens in ids], clusters).as_dict()
    return results


if __name__ == "__main__":
    sys.exit(main())
