"""Sample different completions of a policy for each of many prompts, for people to rank.

    python -m training.recipes.sample --config run.json
    {"out": "var/runs/samples", "policy": "var/runs/ppo", "prompts": "var/prompts.jsonl", "k": 4}

Reads one prompt a line, {"prompt": [{"role", "content"}, ...], "prompt_sha256": "...", "domain": "..."}, and writes
completions.jsonl, {"prompt_sha256": "...", "completions": ["...", ...]}, in the same order.

Completions of one prompt that are the same text, white space at the ends aside, count once, and an empty one never: a
person cannot rank them. Missing ones are drawn again in up to `rounds` rounds. A policy that says nearly the same thing
every time gives fewer than k; a prompt with fewer than two is left out, because there is nothing to rank, and reported.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from training.modelling.artifacts import RecipeError, Result, RunDirectory, hash_input
from training.modelling.chat import decode_completion, encode_prompt
from training.modelling.configs import ExistingPath, ModelSource, require, run_recipe
from training.modelling.decoding import sample_completions
from training.modelling.lines import are_messages, read_lines
from training.modelling.models import load_policy, load_tokenizer, prepare_process, require_context
from training.modelling.plans import Plan
from training.modelling.previews import prompts_count
from training.modelling.reporting import mean_result, share_result

COMPLETIONS = "completions.jsonl"
ENOUGH_TO_RANK = 2


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """Sample different completions of a policy for prompts."""

    out: str
    """The run directory."""
    policy: ModelSource
    """The policy that answers."""
    prompts: ExistingPath
    """A .jsonl file of prompts."""
    k: int = 4
    """Different completions wanted for each prompt."""
    seed: int = 0
    """Seed of sampling."""
    threads: int = 0
    """CPU threads; 0 lets torch choose."""
    temperature: float = 1.0
    """Of sampling, from the full distribution."""
    rounds: int = 4
    """How often to draw, the first time included; each round draws as many as are still missing."""
    max_prompt_tokens: int = 384
    """A longer prompt loses its beginning."""
    max_completion_tokens: int = 256
    """A completion is cut here."""

    def __post_init__(self) -> None:
        require(self.k >= ENOUGH_TO_RANK, f"The field 'k' is {self.k}; a ranking needs 2 completions or more.")
        for name in ("temperature", "rounds", "max_prompt_tokens", "max_completion_tokens"):
            require(getattr(self, name) > 0, f"The field {name!r} is {getattr(self, name)}; it must be above 0.")


@dataclass(frozen=True)
class AskedPrompt:
    """A line of the prompts file."""

    messages: list[dict[str, str]]
    sha256: str


def read_asked_prompts(path: str) -> list[AskedPrompt]:
    """Read the prompts file; raises RecipeError that names the first line that is not a prompt."""
    prompts = []
    for number, line in read_lines(path):
        try:
            row = json.loads(line)
            if not are_messages(row["prompt"], fewest=0):
                raise ValueError("no conversation")
            messages = [{"role": m["role"], "content": m["content"]} for m in row["prompt"]]
            prompts.append(AskedPrompt(messages, str(row["prompt_sha256"])))
        except (ValueError, KeyError, TypeError) as error:
            raise RecipeError(
                f'Line {number} of {path} is not a prompt; a line is {{"prompt": [{{"role", "content"}}, ...], '
                f'"prompt_sha256": "..."}}.'
            ) from error
    if not prompts:
        raise RecipeError(f"{path} holds no prompts, so there is nothing to answer.")
    return prompts


def draw_distinct(
    draw: Callable[[Sequence[int]], list[str]], count: int, *, k: int, rounds: int
) -> tuple[list[list[str]], int]:
    """Collect up to `k` different texts for each of `count` prompts.

    `draw(indices)` returns one text for each index. Returns the texts, in the order they were first drawn, and how many
    draws were empty or repeated a text.
    """
    found: list[list[str]] = [[] for _ in range(count)]
    wasted = 0
    for _ in range(rounds):
        missing = [index for index in range(count) for _ in range(k - len(found[index]))]
        if not missing:
            break
        for index, text in zip(missing, draw(missing), strict=True):
            if text.strip() and text.strip() not in found[index]:
                found[index].append(text.strip())
            else:
                wasted += 1
    return found, wasted


def sample(config: SampleConfig) -> None:
    """Sample, and leave a run directory with completions.jsonl."""
    directory = RunDirectory(config.out)
    directory.write_config(config)
    directory.progress(0, config.rounds, "Loading the policy")
    device = prepare_process(seed=config.seed, threads=config.threads)
    prompts = read_asked_prompts(config.prompts)
    model, tokenizer = load_policy(config.policy, device=device)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    ids = [encode_prompt(tokenizer, prompt.messages, max_tokens=config.max_prompt_tokens) for prompt in prompts]
    generator = torch.Generator(model.device).manual_seed(config.seed)
    drawn: list[tuple[str, bool]] = []

    def draw(indices: Sequence[int]) -> list[str]:
        answers = sample_completions(
            model,
            tokenizer,
            [ids[index] for index in indices],
            config.max_completion_tokens,
            config.temperature,
            generator,
        )
        drawn.extend(
            (prompts[i].sha256, a[-1] == tokenizer.eos_token_id) for i, a in zip(indices, answers, strict=True)
        )
        return [decode_completion(tokenizer, answer) for answer in answers]

    found, wasted = draw_distinct(draw, len(prompts), k=config.k, rounds=config.rounds)
    directory.metrics(1, drawn=len(drawn), wasted=wasted)
    left_out = write_completions(directory, prompts, found)
    message = f"{len(prompts) - left_out} of {len(prompts)} prompts have 2 completions or more"
    print(f"{message}; {wasted} of {len(drawn)} draws were empty or repeated another", flush=True)
    directory.progress(config.rounds, config.rounds, message)
    directory.write_manifest(
        recipe="sample",
        kind="samples",
        config=config,
        seed=config.seed,
        inputs={role: hash_input(getattr(config, role)) for role in ("policy", "prompts")},
        results=sample_results(prompts, found, drawn, config),
    )


def write_completions(directory: RunDirectory, prompts: Sequence[AskedPrompt], found: Sequence[list[str]]) -> int:
    """Write completions.jsonl without the prompts that have fewer than two; returns how many those are."""
    left_out = 0
    with (directory.path / COMPLETIONS).open("w", encoding="utf-8") as file:
        for prompt, completions in zip(prompts, found, strict=True):
            if len(completions) < ENOUGH_TO_RANK:
                left_out += 1
                continue
            row = {"prompt_sha256": prompt.sha256, "completions": completions}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return left_out


def sample_results(
    prompts: Sequence[AskedPrompt],
    found: Sequence[list[str]],
    drawn: Sequence[tuple[str, bool]],
    config: SampleConfig,
) -> list[Result]:
    """How many different completions the policy had to offer."""
    hashes = [prompt.sha256 for prompt in prompts]
    enough = [float(len(completions) >= ENOUGH_TO_RANK) for completions in found]
    counts = [float(len(completions)) for completions in found]
    about = {"subject": "policy", "note": f"up to {config.k} wanted, {config.rounds} rounds"}
    return [
        share_result("rankable", enough, hashes, **about),
        mean_result("distinct_completions", counts, hashes, unit="a prompt", **about),
        share_result("end_rate", [float(ended) for _, ended in drawn], [sha256 for sha256, _ in drawn], **about),
    ]


def plan(config: SampleConfig) -> Plan:
    """Say what a run would do."""
    asked = [prompt.messages for prompt in read_asked_prompts(config.prompts)]
    count = prompts_count(load_tokenizer(config.policy), "prompts", asked, config.max_prompt_tokens)
    return Plan([count], notes=[f"{config.k * count.rows:,} answers of at most {config.max_completion_tokens} tokens"])


if __name__ == "__main__":
    run_recipe(SampleConfig, sample, plan=plan)
