"""Train a process reward model on step labels: how likely is each step of a solution a good one?

The loss is the cross-entropy of each labelled step (Lightman et al. 2023, arXiv 2305.20050, section 2.6; Uesato et al.
2022, arXiv 2211.14275), with the share q_s of a step's annotators who call it good as its soft label:

    L(theta) = - sum_s v_s (q_s log p_s + (1 - q_s) log(1 - p_s)) / sum_s v_s,
    p_s = sigmoid(r(prompt, steps up to s)),  v_s = (annotators of s, or 1) * (q_s + (1 - q_s) * bad_weight)

A solution's score is the least of its steps' chances, or their product. Held out are measured, each with its interval
by prompt: step accuracy (a step that half of its annotators call good counts on neither side), and solution accuracy:
whether "every step is good" is foretold, by the least chance and by the product. Beside both stand what saying always
that it is good would reach, and logistic regression on the words of the steps (baselines.py).

Departures from Lightman et al.: a chance of good and not three classes, neutral counting as good as in their scores;
the head is that of reward models, at the line break after a step, instead of a token of the vocabulary; soft labels; no
active learning. A decoder only: an encoder would see the steps that come after.

    python -m training.recipes.process_reward --config process.json
    {"out": "var/runs/process", "base": "var/runs/sft", "snapshot": "var/snapshots/1f3a"}
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling import processes
from training.modelling.artifacts import RecipeError, Result, RunDirectory, hash_input
from training.modelling.baselines import fit_words
from training.modelling.batches import runs_within, within
from training.modelling.configs import ExistingPath, ModelSource, run_recipe
from training.modelling.learning import LearningConfig, PartLoss, learn
from training.modelling.memory import config_of
from training.modelling.models import (
    autocast,
    load_tokenizer,
    new_reward_model,
    prepare_process,
    require_context,
    save_model,
)
from training.modelling.plans import Plan, counted
from training.modelling.previews import learning_plan
from training.modelling.process_rewards import (
    EncodedSteps,
    LabelledSolution,
    aggregated,
    encode_steps,
    read_solutions,
    save_limits,
    step_logits,
)
from training.modelling.reporting import mean_result, share_result
from training.modelling.reward_network import RewardNetwork
from training.modelling.snapshots import SPLITS, require_rows


@dataclass(frozen=True, kw_only=True)
class ProcessRewardConfig(LearningConfig):
    """Train a process reward model on step labels."""

    seed: int = 0
    """Seeds the head's weights and the order."""
    base: ModelSource
    """The language model to start from: the SFT checkpoint."""
    snapshot: ExistingPath
    """The snapshot whose step labels are learnt."""
    max_prompt_tokens: int = 384
    """A longer prompt loses its beginning."""
    max_completion_tokens: int = 512
    """A longer solution loses its last steps."""
    batch_solutions: int = 16
    """Solutions in a step of training."""
    weights: Literal["none", "annotators"] = "none"
    """What a step weighs: 1, or as many as there are annotators who labelled it."""
    bad_weight: float = 1.0
    """What a bad step weighs beside a good one; above 1 where errors are few and must not be missed."""
    epochs: int = 2
    """Passes over the solutions (Lightman et al.: 2)."""
    lr: float = 1e-3
    """Peak learning rate of AdamW; 1e-3 suits the embedded million parameters, 1e-5 models of a billion."""
    weight_decay: float = 0.05
    """AdamW's decoupled decay of weight matrices."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("max_prompt_tokens", "max_completion_tokens", "batch_solutions", "bad_weight")


@dataclass(frozen=True)
class Solution:
    """A labelled solution as token ids; the labels are those of the steps that fit."""

    said: LabelledSolution
    encoded: EncodedSteps

    @property
    def shares(self) -> list[float]:
        """The soft labels of the steps that fit."""
        return self.said.shares[: len(self.encoded.steps)]

    @property
    def texts(self) -> list[str]:
        """The steps that fit."""
        return self.said.steps[: len(self.encoded.steps)]

    @property
    def counts(self) -> list[int]:
        """How many annotators each of them has."""
        return self.said.counts[: len(self.encoded.steps)]


def train_process_reward(config: ProcessRewardConfig) -> None:
    """Train and save a process reward model as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=True)
    run.progress(0, 1, "loading the model and the step labels")
    model, tokenizer = new_reward_model(config.base, device=device)
    if isinstance(model, RewardNetwork):
        raise RecipeError(f"{config.base} is an encoder, which would see the steps after the one that it judges.")
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    splits = {split: encode_split(config, tokenizer, split) for split in SPLITS}
    require_rows(splits["train"], "step labels", config.snapshot)
    inputs = {"base": hash_input(config.base), "snapshot": hash_input(config.snapshot)}
    learn(
        config,
        run,
        model,
        splits["train"],
        lengths=[solution.encoded.tokens for solution in splits["train"]],
        batch_size=config.batch_solutions,
        losses=partial(_losses, config, model, tokenizer.pad_token_id),
        passes=lambda some: runs_within(config.tokens_at_once, [solution.encoded.tokens for solution in some]),
        described=partial(_described, tokenizer),
        inputs=inputs,
        weigh=partial(weight_of, config),
    )
    if not processes.leads():
        return
    run.progress(1, 1, "saving the model and measuring on the held-out splits")
    save_model(model, tokenizer, run.model)
    limits = {"max_prompt_tokens": config.max_prompt_tokens, "max_completion_tokens": config.max_completion_tokens}
    save_limits(run.model, **limits)
    learnt = [(step, share) for one in splits["train"] for step, share in zip(one.texts, one.shares, strict=True)]
    by_words = fit_words(*zip(*learnt, strict=True))
    run.write_manifest(
        recipe="process_reward",
        kind="process_reward",
        config=config,
        seed=config.seed,
        inputs=inputs,
        results=[
            result
            for split in ("validation", "test")
            for result in held_out_results(config, model, tokenizer, split, splits[split], by_words)
        ],
    )


def encode_split(config: ProcessRewardConfig, tokenizer: PreTrainedTokenizerBase, split: str) -> list[Solution]:
    """The solutions of a split of which at least one step fits."""
    limits = {"max_prompt_tokens": config.max_prompt_tokens, "max_completion_tokens": config.max_completion_tokens}
    found = [
        Solution(said, encode_steps(tokenizer, said.conversation, said.steps, **limits))
        for said in read_solutions(config.snapshot, split)
    ]
    return [solution for solution in found if solution.encoded.steps]


def step_weights(config: ProcessRewardConfig, shares: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """v_s of steps with these soft labels and numbers of annotators, [steps]."""
    weights = shares + (1 - shares) * config.bad_weight
    return weights * counts if config.weights == "annotators" else weights


def weight_of(config: ProcessRewardConfig, solutions: Sequence[Solution]) -> float:
    """The sum of v_s over the steps of some solutions."""
    return sum(_labels(config, solution, torch.device("cpu"))[1].sum().item() for solution in solutions)


def _described(tokenizer: PreTrainedTokenizerBase, solution: Solution) -> dict[str, Any]:
    """What a person needs to find a solution, with the texts that the model reads."""
    return {
        "prompt_sha256": solution.said.prompt_sha256,
        "prompt": tokenizer.decode(solution.encoded.prompt),
        "steps": [tokenizer.decode(step) for step in solution.encoded.steps],
        "shares": solution.shares,
    }


def _losses(
    config: ProcessRewardConfig, model: PreTrainedModel, pad_token_id: int, solutions: Sequence[Solution]
) -> Iterator[PartLoss]:
    """Yield the loss of each part of a step, with what its steps show."""
    of_all = [_labels(config, solution, model.device) for solution in solutions]
    total = sum(weights.sum() for _, weights in of_all)
    for first, last in within(config.tokens_at_once, [solution.encoded.tokens for solution in solutions]):
        with autocast(model, config.precision):
            logits = torch.cat(step_logits(model, [one.encoded for one in solutions[first:last]], pad_token_id))
        shares, weights = (torch.cat(of) for of in zip(*of_all[first:last], strict=True))
        losses = binary_cross_entropy_with_logits(logits, shares, weight=weights, reduction="sum")
        clear = shares != 0.5
        yield PartLoss(losses / total, {"step_accuracy": ((logits > 0) == (shares > 0.5))[clear]})


def _labels(config: ProcessRewardConfig, solution: Solution, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    shares = torch.tensor(solution.shares, device=device)
    return shares, step_weights(config, shares, torch.tensor(solution.counts, device=device))


@torch.no_grad()
def held_out_results(
    config: ProcessRewardConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    split: str,
    solutions: Sequence[Solution],
    by_words: Callable[[Sequence[str]], list[float]],
) -> list[Result]:
    """Accuracy of steps and of solutions on a split that was not trained on, beside calling everything good and beside
    the chances that words alone give (`by_words`; of a solution the least one).
    """
    steps: dict[str, list[float]] = {"process reward": [], "always good": [], "tf-idf": []}
    whole: dict[str, list[float]] = {"min": [], "product": [], "always good": [], "tf-idf": []}
    losses, of_steps, of_clear, of_solutions = [], [], [], []
    for solution in solutions:
        with autocast(model, config.precision):
            (logits,) = step_logits(model, [solution.encoded], tokenizer.pad_token_id)
        shares = torch.tensor(solution.shares)
        losses += binary_cross_entropy_with_logits(logits.cpu(), shares, reduction="none").tolist()
        of_steps += [solution.said.prompt_sha256] * len(shares)
        chances = by_words(solution.texts)
        for logit, chance, share in zip(logits.tolist(), chances, solution.shares, strict=True):
            if share != 0.5:
                steps["process reward"].append(float((logit > 0) == (share > 0.5)))
                steps["always good"].append(float(share > 0.5))
                steps["tf-idf"].append(float((chance > 0.5) == (share > 0.5)))
                of_clear.append(solution.said.prompt_sha256)
        if solution.said.right is not None:
            of_solutions.append(solution.said.prompt_sha256)
            for by in ("min", "product"):
                foretold = aggregated(logsigmoid(logits.cpu()), by) > 0.5
                whole[by].append(float(foretold == solution.said.right))
            whole["always good"].append(float(solution.said.right))
            whole["tf-idf"].append(float((min(chances) > 0.5) == solution.said.right))
    note = f"{len(solutions)} solutions; n and interval are over prompts"
    results = []
    for name, values, clusters in (("step_accuracy", steps, of_clear), ("solution_accuracy", whole, of_solutions)):
        for subject, correct in values.items():
            if correct:
                about = f"{len(correct)} {name.partition('_')[0]}s of {note}"
                results.append(share_result(f"{split}_{name}", correct, clusters, subject=subject, note=about))
    if losses:
        about = {"subject": "process reward", "unit": "nats/step", "note": f"{len(losses)} steps of {note}"}
        results.append(mean_result(f"{split}_step_loss", losses, of_steps, **about))
    return results


def plan(config: ProcessRewardConfig) -> Plan:
    """Say what a run would do."""
    tokenizer = load_tokenizer(config.base)
    whole = {"max_prompt_tokens": sys.maxsize, "max_completion_tokens": sys.maxsize}
    counts = []
    for split in SPLITS:
        rows = []
        for said in read_solutions(config.snapshot, split):
            one = encode_steps(tokenizer, said.conversation, said.steps, **whole)
            lengths = len(one.prompt), one.tokens - len(one.prompt)
            rows.append(list(zip(lengths, (config.max_prompt_tokens, config.max_completion_tokens), strict=True)))
        counts.append(counted(split, rows))
    require_rows(range(counts[0].rows), "step labels", config.snapshot)
    size = config.batch_solutions
    return learning_plan(config, config_of(config.base), counts, batch_size=size, language_model=False)


if __name__ == "__main__":
    run_recipe(ProcessRewardConfig, train_process_reward, plan=plan)
