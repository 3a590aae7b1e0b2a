"""Ensembles of reward models: what five members cost, how far they disagree, and what best-of-n makes of their scores.

    ./run bench ensembles [--seeds 0,1,2] [--rankings 300] [--prompts 24] [--keep DIR] [--out FILE] [--json]

In the demo's world, whose gold score training never sees, and for each seed:

* One reward model learns all rankings; five separate ones each learn a bootstrap sample of the prompts; and so do the
  five members of an ensemble in one network, which have the last three layers for themselves at the last token
  (`layers`, what "ensemble": 5 gives), or a hidden layer alone (`head`).
* Cost: CPU seconds of one thread, of learning the same steps and of scoring the same answers, over those of one model;
  the median of rounds in which all take turns. Five separate models that see all the data cost 5.
* Disagreement: the standard deviation between the five normalised scores of an answer, averaged over the answers to
  held-out prompts, and the share of pairs of answers to one prompt that the five do not order alike.
* Best-of-n: SFT answers held-out prompts 256 times; the answer with the best score of n is worth its gold score. By one
  model, and by the mean, the worst (WCO) and the uncertainty-weighted mean (UWO, lambda 0.5) of the network's members
  (Coste et al. 2023, arXiv 2310.02743: the peak of one model disappears). Intervals are clustered by prompt.

The seed changes the plan, the annotators' chance, base, SFT and all training. `--out` names a chart, .svg and .png.
A seed takes about 7 CPU minutes; with `--keep` what is done is not done again, and `--seeds 0` is one seed.
"""

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import torch

from annotate.quality.intervals import Estimate, clustered_mean
from tests.bench import demo
from tests.bench._best_of_n import best_of, draw
from training.demo import settings, world
from training.modelling.chat import decode_completion, encode_prompt
from training.modelling.configs import build_config
from training.modelling.decoding import sample_completions
from training.modelling.models import load_policy, new_reward_model, prepare_process
from training.modelling.optimisation import build_optimizer, update
from training.modelling.rankings import layout_for
from training.modelling.rewards import Combination, load_reward, score_all
from training.recipes.base import BaseConfig, train_base
from training.recipes.reward import RewardConfig, draws_of, encode_splits, loss_of, step_losses, train_reward
from training.recipes.sft import SftConfig, train_sft

MEMBERS, SAMPLES = 5, 256
SIZES = [2**power for power in range(9)]
WAYS = {
    "single": {},
    "layers": {"ensemble": MEMBERS},
    "head": {"ensemble": MEMBERS, "member_layers": 0},
}
SCORES = {
    "single": ("single", "mean"),
    "mean": ("layers", "mean"),
    "wco": ("layers", "wco"),
    "uwo": ("layers", "uwo"),
    "separate": ("separate", "wco"),
}
"""The scores of the curve: whose they are, and how they are combined."""
AIM = 2.0


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark; 0 when five members cost at most twice what one model does, 1 when they cost more."""
    parser = argparse.ArgumentParser(prog="./run bench ensembles", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0,1,2", help="comma-separated (default: 0,1,2)")
    parser.add_argument("--rankings", type=int, default=300, help="rankings to learn (default: 300)")
    parser.add_argument("--prompts", type=int, default=24, help="held-out prompts to answer (default: 24)")
    parser.add_argument("--rounds", type=int, default=3, help="in which costs are measured (default: 3)")
    parser.add_argument("--keep", type=Path, help="keep snapshots and runs here; what is done is not done again")
    parser.add_argument("--out", type=Path, help="the chart's path, without its ending")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    arguments = parser.parse_args(argv)
    prepare_process(seed=0, threads=1)
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        found = [run_seed(folder / f"seed-{seed}", seed, arguments) for seed in seeds]
        costs = cost(folder / f"seed-{seeds[0]}", seeds[0], arguments)
    curves = curve_rows(found)
    report(found, costs, curves)
    if arguments.out:
        draw(curves, arguments.out, title=f"Best of n by a reward model of {arguments.rankings} rankings")
    if arguments.json:
        kept = [{name: value for name, value in one.items() if name != "worth"} for one in found]
        print(json.dumps({"benchmark": "ensembles", "cost": costs, "seeds": kept, "curves": curves}))
    return 0 if all(costs[way][kind] <= AIM for way in ("layers", "head") for kind in ("learning", "scoring")) else 1


def run_seed(folder: Path, seed: int, arguments: argparse.Namespace) -> dict:
    """Train what is missing, answer the prompts, and measure: disagreement by way, and the worth of each best-of-n."""
    make_world(folder, seed)
    snapshot = smaller_snapshot(folder, seed, arguments.rankings)
    for way, fields in WAYS.items():
        train(folder, f"{way}-{arguments.rankings}", snapshot, seed, fields)
    separate = []
    for member in range(MEMBERS):
        name, sample = f"separate-{arguments.rankings}-{member}", resampled(snapshot, member, seed)
        separate.append(train(folder, name, sample, 100 * seed + member, {}))
    prompts, answers, gold = answer(folder, seed, arguments.prompts)
    rows = [tuple(row) for row in zip(prompts, answers, strict=True)]
    scored = {way: member_scores(folder / f"{way}-{arguments.rankings}", rows) for way in WAYS}
    scored["separate"] = torch.cat([member_scores(path, rows) for path in separate], dim=1)
    disagreement = {way: disagree(scores) for way, scores in scored.items() if way != "single"}
    worth = {name: worth_of(Combination(combine).of(scored[way]), gold) for name, (way, combine) in SCORES.items()}
    print(f"seed {seed}: {json.dumps(disagreement)}", flush=True)
    accuracy = accuracies(folder, arguments.rankings)
    return {"seed": seed, "disagreement": disagreement, "accuracy": accuracy, "worth": worth}


def make_world(folder: Path, seed: int) -> None:
    """The demo's snapshot, base model and SFT, as `./run bench demo --keep` leaves them."""
    if not (folder / "snapshot" / "rankings").exists():
        print(f"seed {seed}: {demo.write_snapshot(folder / 'snapshot', seed)}", flush=True)
    for stage, config_type, learn in (("base", BaseConfig, train_base), ("sft", SftConfig, train_sft)):
        if not (folder / stage / "MANIFEST.json").exists():
            config = demo.stage_config(folder, stage, seed) | {"out": str(folder / stage)}
            learn(build_config(config_type, config))


def smaller_snapshot(folder: Path, seed: int, rankings: int) -> Path:
    """The snapshot with that many rankings to learn."""
    table = pyarrow.parquet.read_table(folder / "snapshot/rankings/train.parquet").to_pylist()
    random.Random(seed).shuffle(table)
    return with_rankings(folder / "snapshot", folder / f"snapshot-{rankings}", table[:rankings])


def resampled(snapshot: Path, member: int, seed: int) -> Path:
    """The snapshot with a member's bootstrap sample of the prompts to learn."""
    table = pyarrow.parquet.read_table(snapshot / "rankings/train.parquet").to_pylist()
    prompts = sorted({row["prompt_sha256"] for row in table})
    drawn = random.Random(f"{seed}/separate {member}").choices(prompts, k=len(prompts))
    rows = [row for prompt in drawn for row in table if row["prompt_sha256"] == prompt]
    return with_rankings(snapshot, snapshot.with_name(f"{snapshot.name}-{member}"), rows)


def with_rankings(snapshot: Path, out: Path, rows: list[dict]) -> Path:
    """A copy of a snapshot with other rankings to learn, and one judgement of each held-out prompt."""
    if not out.exists():
        shutil.copytree(snapshot, out)
        for split in ("train", "validation", "test"):
            file = out / "rankings" / f"{split}.parquet"
            table = pyarrow.parquet.read_table(file)
            kept = rows if split == "train" else {row["prompt_sha256"]: row for row in table.to_pylist()}.values()
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(kept), schema=table.schema), file)
    return out


def reward_config(folder: Path, snapshot: Path, out: Path, seed: int, fields: dict) -> RewardConfig:
    """The demo's reward model with other fields."""
    where = {"out": str(out), "base": str(folder / "sft"), "snapshot": str(snapshot), "seed": seed}
    return build_config(RewardConfig, {**settings.RECIPES["reward"], **where, **fields})


def train(folder: Path, name: str, snapshot: Path, seed: int, fields: dict) -> Path:
    """Train a reward model unless it is there already."""
    out = folder / name
    if not (out / "MANIFEST.json").exists():
        train_reward(reward_config(folder, snapshot, out, seed, fields))
    return out


def accuracies(folder: Path, rankings: int) -> dict[str, float]:
    """Of each way on the held-out pairs that people judged."""
    found = {}
    for way in WAYS:
        results = json.loads((folder / f"{way}-{rankings}" / "MANIFEST.json").read_text())["results"]
        found[way] = next(
            round(one["value"], 4) for one in results if (one["name"], one["subject"]) == ("test_accuracy", "reward")
        )
    return found


def answer(folder: Path, seed: int, count: int) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]], np.ndarray]:
    """SFT's answers to held-out prompts, `SAMPLES` of each: ids of prompts and answers, and gold [prompts, SAMPLES]."""
    asked = world.prompts(seed, "test")[:count]
    kept = folder / f"answers-{count}.json"
    model, tokenizer = load_policy(folder / "sft")
    ids = [encode_prompt(tokenizer, messages) for messages in asked]
    prompts = [prompt for prompt in ids for _ in range(SAMPLES)]
    if not kept.exists():
        generator = torch.Generator().manual_seed(seed)
        kept.write_text(json.dumps(sample_completions(model, tokenizer, prompts, 128, 1.0, generator)))
    answers = json.loads(kept.read_text())
    gold = [
        world.gold(asked[row // SAMPLES], decode_completion(tokenizer, said), said[-1] == tokenizer.eos_token_id)
        for row, said in enumerate(answers)
    ]
    return list(map(tuple, prompts)), list(map(tuple, answers)), np.array(gold).reshape(count, SAMPLES)


def member_scores(path: Path, rows: list[tuple]) -> torch.Tensor:
    """The normalised score of each row by each member, [N, members]; the same row is scored once."""
    reward = load_reward(path)
    distinct = list(dict.fromkeys(rows))
    raw = score_all(reward.model, reward.tokenizer, *zip(*distinct, strict=True))
    place = {row: number for number, row in enumerate(distinct)}
    return reward.normalisation.overall(raw)[[place[row] for row in rows]]


def disagree(scores: torch.Tensor) -> dict[str, float]:
    """How far members are apart on answers to held-out prompts, [N, members]: in score, and in order."""
    by_prompt = scores.unflatten(0, (-1, SAMPLES))
    half = SAMPLES // 2
    first = by_prompt[:, :half] > by_prompt[:, half:]
    same = (by_prompt[:, :half] == by_prompt[:, half:]).all(-1)
    split = (first.any(-1) & ~first.all(-1))[~same]
    return {"sd": round(scores.std(dim=1).mean().item(), 4), "pairs": round(split.float().mean().item(), 4)}


def worth_of(scores: torch.Tensor, gold: np.ndarray) -> dict[int, list[float]]:
    """The gold score of the best of n by these scores, [N], for each prompt."""
    by_prompt = scores.double().numpy().reshape(gold.shape)
    return {n: [best_of(n, *row) for row in zip(by_prompt, gold, strict=True)] for n in SIZES}


def cost(folder: Path, seed: int, arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """CPU seconds of learning and of scoring by way, over one model's."""
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in range(arguments.rounds):
        for way, fields in WAYS.items():
            config = reward_config(folder, folder / f"snapshot-{arguments.rankings}", folder / "unused", seed, fields)
            for kind, spent in cpu_seconds(config).items():
                seconds.setdefault((way, kind), []).append(spent)
    once = {kind: statistics.median(seconds["single", kind]) for kind in ("learning", "scoring")}
    return {way: {kind: round(statistics.median(seconds[way, kind]) / once[kind], 2) for kind in once} for way in WAYS}


def cpu_seconds(config: RewardConfig) -> dict[str, float]:
    """Learn ten steps, and score the answers of as many rankings."""
    torch.manual_seed(config.seed)
    model, tokenizer = new_reward_model(config.base, members=config.ensemble, member_layers=config.member_layers)
    rankings = encode_splits(config, tokenizer)["train"][: 10 * config.batch_rankings]
    layout = layout_for(model, tokenizer.pad_token_id, encoding=config.encoding, tokens_at_once=config.tokens_at_once)
    losses = step_losses(config, model, layout, loss_of(config, rankings), draws_of(config, rankings))
    optimizer = build_optimizer(model, lr=config.lr, weight_decay=config.weight_decay)

    def learn() -> None:
        for start in range(0, len(rankings), config.batch_rankings):
            parts = (part.loss for part in losses(rankings[start : start + config.batch_rankings]))
            update(model, optimizer, parts, step=0, lr=1e-5, max_grad_norm=1.0)

    def score() -> None:
        prompts = [ranking.prompt for ranking in rankings for _ in ranking.completions]
        score_all(model, tokenizer, prompts, [said for ranking in rankings for said in ranking.completions])

    return {"learning": taken(learn), "scoring": taken(score)}


def taken(work: Callable[[], None]) -> float:
    """CPU seconds of the second time."""
    work()
    began = time.process_time()
    work()
    return time.process_time() - began


def curve_rows(found: list[dict]) -> list[dict]:
    """The gold score of best-of-n by score and n, for each seed and for all of them, with its interval over prompts."""
    panels = {f"seed {one['seed']}": [one["worth"]] for one in found}
    panels["all seeds"] = [one["worth"] for one in found]
    rows = []
    for panel, worths in panels.items():
        for score in SCORES:
            for n in SIZES:
                values = [value for worth in worths for value in worth[score][n]]
                rows.append(point(panel, score, n, clustered_mean(values, range(len(values)))))
    return rows


def point(panel: str, score: str, n: int, gold: Estimate) -> dict:
    """A point of a curve."""
    return {"panel": panel, "score": score, "n": n} | {
        "gold": round(gold.value, 3), "lo": round(gold.lo, 3), "hi": round(gold.hi, 3), "prompts": gold.n
    }  # fmt: skip


def report(found: list[dict], costs: dict, curves: list[dict]) -> None:
    """Print costs, disagreement and curves."""
    print(f"\n{'':10}{'learning':>10}{'scoring':>10}   times one model (aim: at most {AIM:.0f})")
    for way, one in costs.items():
        print(f"{way:10}{one['learning']:>10.2f}{one['scoring']:>10.2f}")
    print("\ndisagreement of five: standard deviation of scores | share of pairs not ordered alike")
    for one in found:
        cells = "   ".join(f"{way} {each['sd']:.3f} | {each['pairs']:.3f}" for way, each in one["disagreement"].items())
        print(f"seed {one['seed']}: {cells}; accuracy {one['accuracy']}")
    for panel in dict.fromkeys(row["panel"] for row in curves):
        print(f"\ngold score of the best of n, {panel}" + "".join(f"{n:>8}" for n in SIZES))
        for score in SCORES:
            points = [row for row in curves if (row["panel"], row["score"]) == (panel, score)]
            print(f"{score:>34}" + "".join(f"{row['gold']:>8.2f}" for row in points), end="")
            print(f"   [{points[-1]['lo']:.2f}, {points[-1]['hi']:.2f}] at {SIZES[-1]}")
    for score in list(SCORES)[1:]:
        by = over_single(found, score)
        print(f"{score} over one model at {SIZES[-1]}: {by.value:+.2f} [{by.lo:+.2f}, {by.hi:+.2f}], {by.n} prompts")


def over_single(found: list[dict], score: str) -> Estimate:
    """How much more gold the best of all samples has by this score than by one model's, prompt by prompt."""
    most = SIZES[-1]
    pairs = [
        pair for one in found for pair in zip(one["worth"][score][most], one["worth"]["single"][most], strict=True)
    ]
    return clustered_mean([mine - theirs for mine, theirs in pairs], range(len(pairs)))
