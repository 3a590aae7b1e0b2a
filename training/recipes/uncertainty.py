"""Where an ensemble of reward models is unsure which completion people prefer, so that people judge that first.

Every member m gives a pair (a, b) of a task's completions the chance of the Bradley-Terry model from its raw rewards:

    p_m(a > b) = sigmoid(r_m(x, a) - r_m(x, b))

and a task's uncertainty is the variance of that chance between the members (dividing by their number), which is at
most 1/4, times 4, averaged over the task's pairs: 0 where all members say the same, 1 where half of them are sure of
the one and half of the other. To ask people where the ensemble's predictions vary most is the selection of Christiano
et al. 2017 (arXiv 1706.03741, section 2.2.4), who found that it helps in some tasks and hurts in others.

Departures: they compare pairs, here a task may show more completions, and its pairs are averaged; they vary the members
by bootstrap samples, here the members are whatever reward models there are (other seeds, other nights), which vary less
where they learnt from the same judgements. All members being wrong alike is not seen: this is no measure of error.

    python -m training.recipes.uncertainty --config uncertainty.json
    {"out": "var/runs/uncertainty", "rewards": ["var/runs/reward-1", "var/runs/reward-2"], "tasks": "var/tasks.jsonl"}

Reads one task a line, {"task": 7, "prompt": [{"role", "content"}, ...], "completions": ["...", "..."]}, and writes
uncertainty.jsonl, {"task": 7, "uncertainty": 0.31}, in the same order.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch

from training.modelling.artifacts import RecipeError, RunDirectory, hash_input
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.configs import ExistingPath, ModelSource, require, run_recipe
from training.modelling.lines import are_messages, read_lines
from training.modelling.models import load_classifier, load_tokenizer, prepare_process, require_context
from training.modelling.plans import Plan
from training.modelling.previews import prompts_count
from training.modelling.reporting import mean_result
from training.modelling.rewards import score_all

UNCERTAINTY = "uncertainty.jsonl"
FEWEST = 2
AT_MOST = 4.0
"""One over the greatest variance that a chance can have."""


@dataclass(frozen=True, kw_only=True)
class UncertaintyConfig:
    """Score how far reward models disagree about the completions of tasks."""

    out: str
    """The run directory."""
    rewards: list[ModelSource]
    """The reward models: two or more, or an ensemble, each of whose members counts as one."""
    tasks: ExistingPath
    """A .jsonl file of tasks."""
    seed: int = 0
    """Of the process; nothing here is left to chance."""
    threads: int = 0
    """CPU threads; 0 lets torch choose."""
    batch_size: int = 64
    """Completions scored at once."""
    max_prompt_tokens: int = 384
    """A longer prompt loses its beginning."""
    max_completion_tokens: int = 256
    """A longer completion loses its end, the end token included."""

    def __post_init__(self) -> None:
        require(bool(self.rewards), "The field 'rewards' names no model; disagreement needs 2 or more.")
        for name in ("batch_size", "max_prompt_tokens", "max_completion_tokens"):
            require(getattr(self, name) > 0, f"The field {name!r} must be above 0.")


@dataclass(frozen=True)
class ShownTask:
    """A line of the tasks file."""

    task: int
    messages: list[dict[str, str]]
    completions: list[str]


def read_shown_tasks(path: str) -> list[ShownTask]:
    """Read the tasks file; raises RecipeError that names the first line that is not a task with two completions."""
    tasks = []
    for number, line in read_lines(path):
        try:
            row = json.loads(line)
            if not are_messages(row["prompt"], fewest=0):
                raise ValueError("no conversation")
            messages = [{"role": m["role"], "content": m["content"]} for m in row["prompt"]]
            shown = ShownTask(int(row["task"]), messages, [str(text) for text in row["completions"]])
        except (ValueError, KeyError, TypeError) as error:
            raise RecipeError(
                f'Line {number} of {path} is not a task; a line is {{"task": 7, "prompt": [{{"role", "content"}},'
                f' ...], "completions": ["...", "..."]}}.'
            ) from error
        if len(shown.completions) < FEWEST:
            raise RecipeError(f"Line {number} of {path} has fewer than 2 completions; there is nothing to compare.")
        tasks.append(shown)
    if not tasks:
        raise RecipeError(f"{path} holds no tasks, so there is nothing to be unsure of.")
    return tasks


def pair_uncertainty(rewards: torch.Tensor) -> float:
    """Return the uncertainty of one task, 0 to 1, of its raw rewards [members, completions]."""
    pairs = torch.tensor(list(combinations(range(rewards.shape[1]), 2)))
    chances = torch.sigmoid(rewards[:, pairs[:, 0]].double() - rewards[:, pairs[:, 1]].double())
    return min(AT_MOST * chances.var(dim=0, unbiased=False).mean().item(), 1.0)


def score_uncertainty(config: UncertaintyConfig) -> None:
    """Score, and leave a run directory with uncertainty.jsonl."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads)
    tasks = read_shown_tasks(config.tasks)
    members = []
    for number, source in enumerate(config.rewards):
        run.progress(number, len(config.rewards), f"reward model {number + 1} of {len(config.rewards)}")
        members.append(_member_rewards(config, source, tasks, device))
    rewards = torch.cat(members)
    if len(rewards) < FEWEST:
        raise RecipeError(f"The field 'rewards' names {len(rewards)} models; disagreement needs 2 or more.")
    sizes = [len(task.completions) for task in tasks]
    found = [pair_uncertainty(part) for part in rewards.split(sizes, dim=1)]
    with (run.path / UNCERTAINTY).open("w", encoding="utf-8") as file:
        for task, value in zip(tasks, found, strict=True):
            file.write(json.dumps({"task": task.task, "uncertainty": value}) + "\n")
    run.metrics(len(members), tasks=len(tasks), members=len(members), mean=sum(found) / len(found))
    run.progress(1, 1, f"{len(tasks)} tasks scored by {len(members)} reward models")
    inputs = {f"reward:{number}": hash_input(source) for number, source in enumerate(config.rewards)}
    prompts = [json.dumps(task.messages) for task in tasks]
    note = f"{len(members)} reward models; n and interval are over prompts"
    run.write_manifest(
        recipe="uncertainty",
        kind="uncertainty",
        config=config,
        seed=config.seed,
        inputs={**inputs, "tasks": hash_input(config.tasks)},
        results=[mean_result("uncertainty", found, prompts, subject="tasks", note=note)],
    )


def _member_rewards(
    config: UncertaintyConfig, source: str, tasks: Sequence[ShownTask], device: torch.device
) -> torch.Tensor:
    """Return the raw reward of every completion of every task by each member of one model, [members, completions] fp32.

    Raw, because the model learnt chances from differences of raw rewards: normalised ones would make it more or less
    sure than it is.
    """
    model, tokenizer = load_classifier(source, device=device)
    model.eval().requires_grad_(False)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    prompts, completions = [], []
    for task in tasks:
        prompt = encode_prompt(tokenizer, task.messages, max_tokens=config.max_prompt_tokens)
        for text in task.completions:
            prompts.append(prompt)
            completions.append(encode_completion(tokenizer, text, max_tokens=config.max_completion_tokens))
    raw = score_all(model, tokenizer, prompts, completions, batch_size=config.batch_size)
    if raw.shape[2] > 1:
        raise RecipeError(
            f"{source} has learnt several axes, or is no reward model: it gives {raw.shape[2]} numbers to a completion,"
            " which are no chance that one is preferred."
        )
    return raw[..., 0].T


def plan(config: UncertaintyConfig) -> Plan:
    """Say what a run would do."""
    tokenizer, tasks = load_tokenizer(config.rewards[0]), read_shown_tasks(config.tasks)
    count = prompts_count(tokenizer, "prompts", [task.messages for task in tasks], config.max_prompt_tokens)
    scored = len(config.rewards) * sum(len(task.completions) for task in tasks)
    return Plan([count], notes=[f"{scored:,} scores by {len(config.rewards)} reward models"])


if __name__ == "__main__":
    run_recipe(UncertaintyConfig, score_uncertainty, plan=plan)
