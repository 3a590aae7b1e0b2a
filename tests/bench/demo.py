"""The demo's proof: does training on simulated judgements help, by a measure that training never saw?

    ./run bench demo [--seeds 0,1,2] [--keep DIR] [--set ppo.iterations=40] [--json]

For each seed: draw the demo's plan, let the simulated annotators judge it, freeze a snapshot as the product does, run
the recipes as subprocesses as the product does (base, sft, reward, dpo, ppo, evaluate), and print what the evaluation
says on prompts that nothing was trained on. The seed changes the plan, the annotators' chance and all training.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from annotate.hashing import completion_sha256, prompt_sha256
from tests.bench._gold_weights import annotator_weights
from training.demo import plan, settings, simulated
from training.exporting import DIGITS, ExportedJudgement, Ranked, SnapshotWriter

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("base", "sft", "reward", "dpo", "ppo", "evaluate")
MODELS = ("sft", "dpo", "ppo")
Judged = Callable[[plan.RankingTask, simulated.Annotator, int, str], ExportedJudgement]
MEASURES = ("gold", "win_rate", "win_rate_by_reward", "kl", "length", "entropy", "distinct_1", "distinct_2", "end_rate")


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when DPO and PPO beat SFT in every seed, 1 when they do not."""
    parser = argparse.ArgumentParser(prog="./run bench demo", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated (default: 0,1,2)")
    parser.add_argument("--keep", type=Path, help="keep snapshots and runs here; what is done is not done again")
    parser.add_argument("--set", action="append", default=[], metavar="RECIPE.FIELD=JSON", help="override a setting")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        found = [run_seed(folder / f"seed-{seed}", seed, overrides(arguments.set)) for seed in seeds]
    won = all(beats_sft(each["results"], model) for each in found for model in ("dpo", "ppo"))
    print(f"\nDPO and PPO {'are' if won else 'are NOT both'} above SFT in every seed.")
    if arguments.json:
        print(json.dumps({"benchmark": "demo", "won": won, "seeds": found}))
    return 0 if won else 1


def overrides(entries: list[str]) -> dict[str, dict]:
    """Fields by recipe, of entries such as "ppo.iterations=40"."""
    found: dict[str, dict] = {}
    for entry in entries:
        name, _, value = entry.partition("=")
        recipe, _, field = name.partition(".")
        found.setdefault(recipe, {})[field] = json.loads(value)
    return found


def run_seed(folder: Path, seed: int, changed: dict[str, dict]) -> dict:
    """Snapshot and all stages for one seed; prints its table and returns {seed, results, seconds, cpu_seconds}."""
    snapshot = folder / "snapshot"
    counts = write_snapshot(snapshot, seed)
    print(f"\nSeed {seed}: {counts}", flush=True)
    seconds, cpu_seconds, results = {}, {}, []
    for stage in STAGES:
        out = folder / stage
        if not (out / "MANIFEST.json").exists():
            started, used = time.monotonic(), children_cpu()
            run_stage(out, stage, stage_config(folder, stage, seed) | changed.get(stage, {}))
            seconds[stage], cpu_seconds[stage] = time.monotonic() - started, children_cpu() - used
            print(f"  {stage}: {seconds[stage]:.0f} s, {cpu_seconds[stage]:.0f} CPU-s", flush=True)
        manifest = json.loads((out / "MANIFEST.json").read_text())
        results += [{"stage": stage, **result} for result in manifest["results"]]
    _print_results(results)
    print(f"  all stages: {sum(seconds.values()):.0f} s, {sum(cpu_seconds.values()):.0f} CPU-s", flush=True)
    return {"seed": seed, "results": results, "seconds": seconds, "cpu_seconds": cpu_seconds}


def children_cpu() -> float:
    """CPU seconds of the processes that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def write_snapshot(folder: Path, seed: int, judged: Judged | None = None) -> str:
    """A snapshot of the demo's plan as judged by the simulated annotators; returns its counts in words.

    `judged` says what an annotator says of a task to rank; else they rank it.
    """
    judged = judged or ranking_of
    chosen = plan.make_plan(seed)
    with SnapshotWriter(folder) as writer:
        for number, task in enumerate(chosen.ranking):
            for person in task.judges:
                writer.add(judged(task, person, seed, f"ranking-{number}"))
        for number, task in enumerate(chosen.demonstration):
            if task.writer:
                writer.add(_demonstration(task, task.writer, seed, f"demonstration-{number}"))
    content = writer.content
    (folder / "MANIFEST.json").write_text(json.dumps({"format": 1, "sha256": content.sha256, "counts": content.counts}))
    return ", ".join(f"{sum(splits.values())} {table}" for table, splits in content.counts.items())


def ranking_of(task: plan.RankingTask, person: simulated.Annotator, seed: int, name: str) -> ExportedJudgement:
    """The person's ranking of the task, as it is exported."""
    ranking = simulated.rank(person, task.messages, task.completions, seed)
    shown = zip(task.completions, task.producers, ranking.ranks, strict=True)
    ranked = tuple(Ranked(text, completion_sha256(text), producer, rank) for text, producer, rank in shown)
    return ExportedJudgement(
        judgement=f"{name}-{person.username}",
        annotator=person.username,
        domain=task.domain,
        campaign="demo-ranking",
        guideline_sha256="",
        prompt=task.messages,
        prompt_sha256=prompt_sha256(task.messages),
        seconds=ranking.seconds,
        ranked=ranked,
        weight=round(annotator_weights(seed)[person.username], DIGITS),
    )


def _demonstration(
    task: plan.DemonstrationTask, person: simulated.Annotator, seed: int, name: str
) -> ExportedJudgement:
    written = simulated.demonstrate(person, task.messages, seed)
    return ExportedJudgement(
        judgement=f"{name}-{person.username}",
        annotator=person.username,
        domain=task.domain,
        campaign="demo-demonstration",
        guideline_sha256="",
        prompt=task.messages,
        prompt_sha256=prompt_sha256(task.messages),
        seconds=written.seconds,
        demonstration=written.text,
        reasoning=written.reasoning,
    )


def stage_config(folder: Path, stage: str, seed: int) -> dict:
    """The configuration of one stage, with the runs before it as its inputs."""
    runs = {name: str(folder / name) for name in STAGES}
    inputs = {
        "base": {},
        "sft": {"base": runs["base"]},
        "reward": {"base": runs["sft"]},
        "dpo": {"base": runs["sft"]},
        "ppo": {"base": runs["sft"], "reward": runs["reward"]},
        "evaluate": {
            "reference": runs["sft"],
            "reward": runs["reward"],
            "policies": {"dpo": runs["dpo"], "ppo": runs["ppo"]},
        },
    }[stage]
    snapshot = {} if stage == "base" else {"snapshot": str(folder / "snapshot")}
    # The demo knows gold, and where a snapshot does, the product's reward model learns by its weights.
    by_gold = {"weights": "annotator"} if stage == "reward" else {}
    return {"seed": seed, **inputs, **snapshot, **settings.RECIPES.get(stage, {}), **by_gold}


def run_stage(out: Path, stage: str, config: dict) -> None:
    """Run a recipe as a program; ends this one, with the end of its log, when it fails."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "run.json"
    file.write_text(json.dumps(config | {"out": str(out)}))
    command = [sys.executable, "-m", f"training.recipes.{stage}", "--config", str(file)]
    with (out / "log.txt").open("w") as log:
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, env=os.environ, check=False).returncode
    if code:
        tail = "\n".join((out / "log.txt").read_text().splitlines()[-5:])
        raise SystemExit(f"The stage {stage} ended with exit code {code}; its last lines are:\n{tail}")


def beats_sft(results: list[dict], model: str) -> bool:
    """Whether the model's gold win rate against SFT is above one half beyond doubt."""
    won = [row for row in results if (row["name"], row["subject"], row["against"]) == ("win_rate", model, "sft")]
    return bool(won) and won[0]["lo"] > 0.5


def _shown(row: dict) -> str:
    interval = f" [{row['lo']:.3f}, {row['hi']:.3f}]" if row["lo"] is not None else ""
    return f"{row['value']:.3f}{interval}"


def _print_results(results: list[dict]) -> None:
    evaluated = [row for row in results if row["stage"] == "evaluate"]
    print(f"  {'':<20}" + "".join(f"{model.upper():<26}" for model in MODELS) + "n (prompts; of distinct: answers)")
    for measure in MEASURES:
        rows = {row["subject"]: row for row in evaluated if row["name"] == measure and row["against"] in ("", "sft")}
        if rows:
            cells = "".join(f"{_shown(rows[model]) if model in rows else '':<26}" for model in MODELS)
            print(f"  {measure:<20}{cells}{'/'.join(sorted({str(row['n']) for row in rows.values()}))}")
    for row in evaluated:
        if row["name"] in ("pair_accuracy", "pair_agreement"):
            print(f"  {row['name']} of {row['subject']}: {_shown(row)}, n = {row['n']}; {row['note']}")
