"""Measure policies against their reference, and the reward model against people, on prompts held out of training.

    python -m training.recipes.evaluate --config run.json
    {"out": "var/runs/evaluation", "reference": "var/runs/sft", "policies": {"dpo": "var/runs/dpo"},
     "reward": "var/runs/reward", "snapshot": "var/snapshots/1f3a", "judge": "reward"}

Of the judgements in the snapshot's test split:
* pair_accuracy: share of annotators' strict preferences that the reward model shares, and the same for the rule "the
  longer answer is better"; a reward model that does not beat that rule has learnt length.
* pair_agreement: share of strict preferences on which two annotators agree (InstructGPT, arXiv 2203.02155, reports
  72.6 %): the yardstick of pair_accuracy. It is no strict ceiling: who always says what most people say agrees with
  one of them more often than two of them agree with each other.

Of the answers that each policy samples to the prompts of the test and validation splits:
* win_rate: the chance that an answer of the policy is judged better than one of the reference (or of the policy in
  force, if it is among `policies`) to the same prompt, ties counting half, over all pairs of answers to a prompt. The
  judge "reward" is the reward model, the one that PPO was trained against, so it flatters PPO; the judge "world" is the
  demo world's gold score, and then the reward model's verdict stands beside it as win_rate_by_reward.
* kl: mean of log pi(y|x) / rho(y|x) over the policy's own answers y, nats an answer (Gao 2023, arXiv 2210.10760: beyond
  some KL the reward rises while quality falls).
* gold, score, length, end_rate; entropy (nats a token) and distinct_1, distinct_2 (Li 2016, arXiv 1510.03055, section
  4.3: distinct n-grams over all n-grams of all answers): a policy that says one thing to everybody can win.

Intervals are clustered by prompt, and n counts prompts where the note does not say otherwise. All policies answer the
same prompts, `samples_per_prompt` times each.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from transformers import PreTrainedTokenizerBase

from training.demo import world
from training.modelling.agreement import agreement_results
from training.modelling.artifacts import RecipeError, Result, RunDirectory, hash_input
from training.modelling.baselines import TF_IDF, InstantReward, TfIdfReward
from training.modelling.batches import pad_batch
from training.modelling.chat import decode_completion, encode_prompt
from training.modelling.configs import ExistingPath, ModelSource, require, run_recipe
from training.modelling.contests import Answers, comparison_results, policy_results
from training.modelling.decoding import sample_completions
from training.modelling.likelihoods import token_likelihoods
from training.modelling.models import (
    load_policy,
    load_tokenizer,
    model_directory,
    prepare_process,
    require_context,
)
from training.modelling.plans import Plan
from training.modelling.previews import prompts_count
from training.modelling.prompts import Prompt, read_prompts
from training.modelling.rankings import encode_rankings, pair_accuracy
from training.modelling.reporting import mean_result, share_result
from training.modelling.rewards import (
    UNCERTAINTY_WEIGHT,
    Combination,
    Combine,
    RewardModel,
    for_ids_of,
    load_reward,
)
from training.modelling.snapshots import RankingRow, read_rankings

SAMPLES = "samples.jsonl"
ROWS_PER_FORWARD = 16


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Measure policies and the reward model on held-out prompts."""

    out: str
    """The run directory."""
    reference: ModelSource
    """The policy that the others started from, an SFT checkpoint."""
    reward: ExistingPath
    """A run of the reward recipe, or of the instant_reward recipe where no reward model is trained yet."""
    combine: Combine = "mean"
    """What an ensemble's score is: its members' "mean", the worst of them ("wco"), or the mean less
    `uncertainty_weight` times their variance ("uwo")."""
    uncertainty_weight: float = UNCERTAINTY_WEIGHT
    """Lambda of "uwo"."""
    snapshot: ExistingPath
    """The snapshot with the held-out prompts and judgements."""
    policies: dict[str, ModelSource] = field(default_factory=dict)
    """The policies to measure, by name."""
    reference_name: str = "sft"
    """What results call the reference."""
    incumbent_name: str = "promoted"
    """The policy of this name, if there is one, is a second opponent for all others."""
    judge: Literal["reward", "world"] = "reward"
    """Who decides the win rate: the reward model, or the demo world's gold score."""
    seed: int = 0
    """Seed of sampling."""
    threads: int = 0
    """CPU threads; 0 lets torch choose."""
    max_prompts: int = 200
    """Held-out prompts to answer, at most."""
    samples_per_prompt: int = 3
    """Answers of each policy to each prompt."""
    temperature: float = 1.0
    """Of sampling; 0 takes the likeliest token, and then KL and entropy are those at temperature 1."""
    max_prompt_tokens: int = 384
    """A longer prompt loses its beginning."""
    max_completion_tokens: int = 256
    """An answer is cut here."""
    examples: int = 12
    """Prompts whose first answer by each policy is saved in samples.jsonl."""

    def __post_init__(self) -> None:
        for name in ("max_prompts", "samples_per_prompt", "max_prompt_tokens", "max_completion_tokens"):
            require(getattr(self, name) > 0, f"The field {name!r} is {getattr(self, name)}; it must be above 0.")
        require(self.temperature >= 0, f"The field 'temperature' is {self.temperature}; it must not be negative.")
        require(self.examples >= 0, f"The field 'examples' is {self.examples}; it must not be negative.")
        require(
            self.reference_name not in self.policies,
            f"The field 'policies' has a policy {self.reference_name!r}, which is the reference's name; rename one.",
        )


# ---------------------------------------------------------------------------------------------------------------------
# The reward model against people.
# ---------------------------------------------------------------------------------------------------------------------


def load_judge(config: EvaluateConfig, device: torch.device) -> RewardModel | InstantReward:
    """Load what scores answers: a reward model, or the instant reward, which reads the reference's token ids."""
    folder = model_directory(config.reward)
    if (Path(folder) / TF_IDF).exists():
        return InstantReward(TfIdfReward.load(folder), load_tokenizer(config.reference), device)
    return load_reward(config.reward, device=device, combination=Combination(config.combine, config.uncertainty_weight))


def reward_results(
    reward: RewardModel | InstantReward, rows: Sequence[RankingRow], config: EvaluateConfig
) -> list[Result]:
    """Accuracy of the reward model and of "the longer is better" on strict preferences, beside people's agreement."""
    limits = {"max_prompt_tokens": config.max_prompt_tokens, "max_completion_tokens": config.max_completion_tokens}
    rankings = encode_rankings(reward.tokenizer, rows, **limits)
    if not rankings:
        return []
    scores = reward.score(
        [ranking.prompt for ranking in rankings for _ in ranking.completions],
        [completion for ranking in rankings for completion in ranking.completions],
    ).split([len(ranking.completions) for ranking in rankings])
    lengths = [[float(length) for length in ranking.characters] for ranking in rankings]
    results = []
    for subject, found in (("reward", [each.tolist() for each in scores]), ("longer answer", lengths)):
        correct, prompts = pair_accuracy(rankings, found)
        note = f"{len(correct)} strict preferences of the test split"
        results.append(
            share_result("pair_accuracy", correct, prompts, subject=subject, against="annotators", note=note)
        )
    return results + agreement_results(rows)


# ---------------------------------------------------------------------------------------------------------------------
# What a policy answers.
# ---------------------------------------------------------------------------------------------------------------------


def answer(
    policy: ModelSource,
    reference: ModelSource,
    prompts: Sequence[Prompt],
    reward: RewardModel | InstantReward,
    config: EvaluateConfig,
) -> Answers:
    """Let a policy answer every prompt and measure the answers."""
    model, tokenizer = load_policy(policy, device=reward.device)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    model.eval()
    asked = [prompt for prompt in prompts for _ in range(config.samples_per_prompt)]
    encoded = {p.sha256: encode_prompt(tokenizer, p.messages, max_tokens=config.max_prompt_tokens) for p in prompts}
    prompt_ids = [encoded[prompt.sha256] for prompt in asked]
    generator = torch.Generator(model.device).manual_seed(config.seed)
    ids = sample_completions(model, tokenizer, prompt_ids, config.max_completion_tokens, config.temperature, generator)
    texts = [decode_completion(tokenizer, each) for each in ids]
    ended = [each[-1] == tokenizer.eos_token_id for each in ids]
    judge = for_ids_of(tokenizer, reward, prompt_ids, [prompt.messages for prompt in asked])
    kl, entropy = divergence(model, tokenizer, prompt_ids, ids, None if policy == reference else reference, config)
    return Answers(
        prompts=[prompt.sha256 for prompt in asked],
        ids=ids,
        texts=texts,
        ended=ended,
        scores=judge.score(prompt_ids, ids).tolist(),
        gold=[gold_of(*each, config) for each in zip(asked, texts, ended, strict=True)],
        kl=kl,
        entropy=entropy,
    )


def gold_of(prompt: Prompt, text: str, ended: bool, config: EvaluateConfig) -> float | None:
    """The world's score of an answer; None for another judge's run or a prompt that the world does not know."""
    if config.judge != "world":
        return None
    try:
        return world.gold(prompt.messages, text, ended)
    except world.NotOfThisWorld:
        return None


@torch.no_grad()
def divergence(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[list[int]],
    answers: Sequence[list[int]],
    reference: ModelSource | None,
    config: EvaluateConfig,
) -> tuple[list[float], list[list[float]]]:
    """log pi / rho of each answer and the policy's entropy at each of its tokens; no reference means pi = rho.

    A policy may have tokens that the reference has not, such as control tokens; the reference reads the others.
    """
    other, words = load_policy(reference, device=model.device) if reference is not None else (None, tokenizer)
    known = set(words.get_vocab().values())
    temperature = config.temperature or 1.0
    kl, entropy = [0.0] * len(answers), [[] for _ in answers]
    order = sorted(range(len(answers)), key=lambda row: len(prompts[row]) + len(answers[row]))
    for start in range(0, len(order), ROWS_PER_FORWARD):
        rows = order[start : start + ROWS_PER_FORWARD]
        batch = pad_batch(
            [prompts[row] for row in rows], [answers[row] for row in rows], tokenizer.pad_token_id, model.device
        )
        own = token_likelihoods(model, batch, temperature=temperature)
        if other is not None:
            seen = [[[token for token in each[row] if token in known] for row in rows] for each in (prompts, answers)]
            seen[1] = [ids or [words.eos_token_id] for ids in seen[1]]
            batch = pad_batch(*seen, words.pad_token_id, model.device)
            theirs = token_likelihoods(other.eval(), batch, temperature=temperature)
            for row, value in zip(rows, (own.log_probs.sum(1) - theirs.log_probs.sum(1)).tolist(), strict=True):
                kl[row] = value
        for row, values in zip(rows, own.entropy.tolist(), strict=True):
            entropy[row] = values[: len(answers[row])]
    return kl, entropy


def save_samples(
    directory: RunDirectory, prompts: Sequence[Prompt], answers: dict[str, Answers], config: EvaluateConfig
) -> None:
    """Write the first answer of each policy to the first prompts, one JSON object a line, prompt by prompt."""
    with (directory.path / SAMPLES).open("w", encoding="utf-8") as file:
        for number, prompt in enumerate(prompts[: config.examples]):
            for name, found in answers.items():
                row = number * config.samples_per_prompt
                sample = {
                    "policy": name,
                    "prompt_sha256": prompt.sha256,
                    "prompt": prompt.messages,
                    "completion": found.texts[row],
                    "ended": found.ended[row],
                    "tokens": len(found.ids[row]),
                    "score": found.scores[row],
                    "gold": found.gold[row],
                }
                file.write(json.dumps(sample, ensure_ascii=False) + "\n")


# ---------------------------------------------------------------------------------------------------------------------
# The whole run.
# ---------------------------------------------------------------------------------------------------------------------


def held_out_prompts(config: EvaluateConfig) -> list[Prompt]:
    """The prompts to answer; raises RecipeError when there are none, or none that the world could judge."""
    prompts = read_prompts(config.snapshot, ["test", "validation"])[: config.max_prompts]
    if not prompts:
        raise RecipeError(f"The snapshot {config.snapshot} has no prompts in its test and validation splits.")
    if config.judge == "world" and all(gold_of(prompt, "", True, config) is None for prompt in prompts):
        raise RecipeError("The judge is 'world', but no held-out prompt is of the demo world; use the judge 'reward'.")
    return prompts


def evaluate(config: EvaluateConfig) -> None:
    """Measure, and leave a run directory with the results and samples.jsonl."""
    directory = RunDirectory(config.out)
    directory.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads)
    policies = {config.reference_name: config.reference, **config.policies}
    steps = len(policies) + 1
    directory.progress(0, steps, "Scoring held-out judgements")
    prompts = held_out_prompts(config)
    reward = load_judge(config, device)
    results = reward_results(reward, read_rankings(config.snapshot, "test"), config)
    answers: dict[str, Answers] = {}
    for done, (name, policy) in enumerate(policies.items(), start=1):
        directory.progress(done, steps, f"{name} answers {len(prompts)} prompts")
        answers[name] = answer(policy, config.reference, prompts, reward, config)
        found = policy_results(name, answers[name], config.samples_per_prompt)
        directory.metrics(done, policy=name, **{result.name: result.value for result in found})
        results += found
    for name in config.policies:
        results += contest_results(name, answers, config)
    save_samples(directory, prompts, answers, config)
    directory.progress(steps, steps, f"{len(results)} figures")
    inputs = {role: hash_input(getattr(config, role)) for role in ("reference", "reward", "snapshot")}
    inputs |= {f"policy:{name}": hash_input(path) for name, path in config.policies.items()}
    directory.write_manifest(
        recipe="evaluate", kind="evaluation", config=config, seed=config.seed, inputs=inputs, results=results
    )


def contest_results(name: str, answers: dict[str, Answers], config: EvaluateConfig) -> list[Result]:
    """A policy's win rates against the reference and the policy in force, and its KL to the reference."""
    mine, reference = answers[name], config.reference_name
    note = f"{config.samples_per_prompt} answers to each prompt"
    kl = mean_result("kl", mine.kl, mine.prompts, subject=name, against=reference, unit="nats/answer", note=note)
    opponents = [each for each in (reference, config.incumbent_name) if each in answers and each != name]
    return [
        kl,
        *(
            result
            for each in opponents
            for result in comparison_results(
                name,
                mine,
                each,
                answers[each],
                per_prompt=config.samples_per_prompt,
                by_world=config.judge == "world",
            )
        ),
    ]


def plan(config: EvaluateConfig) -> Plan:
    """Say what a run would do."""
    asked = [prompt.messages for prompt in held_out_prompts(config)]
    count = prompts_count(load_tokenizer(config.reference), "prompts", asked, config.max_prompt_tokens)
    answers = (1 + len(config.policies)) * config.samples_per_prompt * count.rows
    return Plan([count], notes=[f"{answers:,} answers of at most {config.max_completion_tokens} tokens"])


if __name__ == "__main__":
    run_recipe(EvaluateConfig, evaluate, plan=plan)
