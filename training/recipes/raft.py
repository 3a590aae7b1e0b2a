"""Best-of-n distillation (RAFT, rejection sampling): sample, keep what a reward model likes best, learn it; repeat.

    for each round:   y_1 .. y_n ~ pi(. | x)       y* = argmax_i r(x, y_i)       L = - 1/T sum_t log pi(y*_t | x, y*_<t)

Dong et al. 2023 (arXiv 2304.06767, algorithm 1, with the best of each prompt as in its section 3); Touvron et al. 2023
(Llama 2, arXiv 2307.09288, section 3.2.2, "rejection sampling"). It is supervised learning only: no ratio, no value, no
reference; what keeps it near the start is that all it learns was sampled. The reward is a proxy as for PPO: watch gold
or people, and what the report says of length.

    python -m training.recipes.raft --config raft.json
    {"out": "var/runs/raft", "base": "var/runs/sft", "reward": "var/runs/reward", "snapshot": "var/snapshots/1f3a"}

Departures from the paper: an answer that does not end is never kept, and a prompt of which none ends is left out of the
round; the learning rate warms up and falls in each round anew. Of several processes (torchrun) the first one samples,
and all learn.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling import collectives, processes
from training.modelling.artifacts import RecipeError, Result, RunDirectory, hash_input, write_json
from training.modelling.chat import decode_completion, encode_completion, encode_prompt
from training.modelling.configs import ExistingPath, run_recipe
from training.modelling.decoding import sample_completions
from training.modelling.learning import SnapshotLearningConfig, learn
from training.modelling.memory import config_of
from training.modelling.models import (
    load_policy,
    load_tokenizer,
    parameter_count,
    prepare_process,
    require_context,
    save_model,
)
from training.modelling.plans import Plan, counted
from training.modelling.previews import learning_plan
from training.modelling.prompts import Prompt, read_prompts
from training.modelling.reporting import mean_result
from training.modelling.rewards import UNCERTAINTY_WEIGHT, Combination, Combine, RewardModel, load_reward
from training.modelling.snapshots import require_rows
from training.modelling.supervised.conversations import Example
from training.modelling.supervised.fitting import token_loss_parts, token_loss_passes


@dataclass(frozen=True, kw_only=True)
class RaftConfig(SnapshotLearningConfig):
    """Learn the best of n samples by a reward model, in rounds."""

    reward: ExistingPath
    """A run of the reward recipe; it may have another tokenizer."""
    combine: Combine = "mean"
    """What an ensemble's reward is: the members' "mean", the worst of them ("wco"), or their mean less
    `uncertainty_weight` times their variance ("uwo")."""
    uncertainty_weight: float = UNCERTAINTY_WEIGHT
    """What the members' variance weighs with "uwo"."""
    rounds: int = 3
    """How often to sample and learn."""
    prompts_per_round: int = 256
    """Prompts answered in a round; other ones in the next."""
    n: int = 8
    """Answers to each prompt, of which the best is kept (the paper's 8 to 32)."""
    temperature: float = 1.0
    """Of sampling (the paper's 1.0 and 0.85)."""
    epochs: int = 1
    """Passes over what is kept, in each round."""
    batch_size: int = 16
    """Answers in a step."""
    lr: float = 5e-4
    """Peak learning rate of AdamW. 5e-4 suits the embedded million parameters; for hub models use SFT's."""
    weight_decay: float = 0.01
    """AdamW's decoupled decay of weight matrices."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("rounds", "prompts_per_round", "n", "temperature", "batch_size")


@dataclass(frozen=True)
class Scored:
    """An answer with its reward."""

    prompt: int
    """Index of what it answers."""
    ids: list[int]
    ended: bool
    reward: float
    """Normalised, in standard deviations."""


def train_raft(config: RaftConfig) -> None:
    """Train and save a policy as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=True)
    run.progress(0, 1, "loading the models and the prompts")
    model, tokenizer = load_policy(config.base, device=device)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    combination = Combination(config.combine, config.uncertainty_weight)
    reward = load_reward(config.reward, device=device, combination=combination)
    prompts = read_prompts(config.snapshot, ["train"])
    require_rows(prompts, "prompts", config.snapshot)
    print(f"{len(prompts)} prompts to answer, {parameter_count(model)} parameters")
    inputs = {name: hash_input(getattr(config, name)) for name in ("base", "reward", "snapshot")}
    generator = torch.Generator(device).manual_seed(config.seed)
    held_out = read_prompts(config.snapshot, ["validation"])
    results = _held_out_reward(config, model, tokenizer, reward, held_out, "base") if processes.leads() else []
    rounds = []
    for number in range(config.rounds):
        some = drawn_prompts(prompts, number, config.prompts_per_round, config.seed)
        # All learn what the first of several processes has sampled, so that the rounds are those of one process.
        drawn = answer(config, model, tokenizer, reward, some, config.n, generator) if processes.leads() else []
        scored = collectives.gathered(drawn)[0]
        kept = best(scored)
        if not kept:
            raise RecipeError(f"In round {number + 1} no answer came to its end; raise 'max_completion_tokens'.")
        rounds.append(_described(number + 1, scored, kept))
        run.metrics(number, **rounds[-1])
        examples = as_examples(config, tokenizer, some, kept)
        learn(
            config,
            run,
            model,
            examples,
            lengths=[len(one.ids) for one in examples],
            batch_size=config.batch_size,
            losses=token_loss_parts(config, model, tokenizer.pad_token_id),
            passes=partial(token_loss_passes, config),
            described=lambda one: {"prompt_sha256": one.prompt_sha256, "text": tokenizer.decode(one.ids)},
            inputs=inputs,
            part=f"round-{number + 1}",
            weigh=lambda rows: sum(row.learnt for row in rows),
        )
    if not processes.leads():
        return
    save_model(model, tokenizer, run.model)
    results += _held_out_reward(config, model, tokenizer, reward, held_out, "raft")
    write_json(run.path / "report.json", {"rounds": rounds})
    run.write_manifest(recipe="raft", kind="policy", config=config, seed=config.seed, inputs=inputs, results=results)


def drawn_prompts(prompts: Sequence[Prompt], number: int, size: int, seed: int) -> list[Prompt]:
    """The prompts of a round: the next `size` of endless passes in shuffled order, none twice."""
    size = min(size, len(prompts))
    order: list[int] = []
    passes = 0
    while len(order) < (number + 1) * size:
        order += random.Random(f"raft/{seed}/{passes}").sample(range(len(prompts)), len(prompts))
        passes += 1
    wanted = dict.fromkeys(order[number * size : (number + 1) * size])
    return [prompts[index] for index in wanted]


def answer(
    config: RaftConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    reward: RewardModel,
    prompts: Sequence[Prompt],
    n: int,
    generator: torch.Generator,
) -> list[Scored]:
    """`n` answers to each prompt, with their rewards."""
    asked = [index for index in range(len(prompts)) for _ in range(n)]
    ids = [encode_prompt(tokenizer, one.messages, max_tokens=config.max_prompt_tokens) for one in prompts]
    drawn = sample_completions(
        model,
        tokenizer,
        [ids[index] for index in asked],
        config.max_completion_tokens,
        config.temperature,
        generator,
    )
    ended = [tokens[-1] == tokenizer.eos_token_id for tokens in drawn]
    scores = _scores(config, tokenizer, reward, [prompts[index] for index in asked], drawn)
    return [Scored(*one) for one in zip(asked, drawn, ended, scores, strict=True)]


def _scores(
    config: RaftConfig,
    tokenizer: PreTrainedTokenizerBase,
    reward: RewardModel,
    prompts: Sequence[Prompt],
    drawn: Sequence[list[int]],
) -> list[float]:
    """The rewards of sampled answers; a reward model of other tokens reads their text, without an end that was not."""
    own = reward.tokenizer
    read = [encode_prompt(own, one.messages, max_tokens=config.max_prompt_tokens) for one in prompts]
    if own.get_vocab() == tokenizer.get_vocab():
        return reward.score(read, drawn).tolist()
    written = []
    for tokens in drawn:
        ids = encode_completion(own, decode_completion(tokenizer, tokens), max_tokens=config.max_completion_tokens)
        cut = ids[:-1] if tokens[-1] != tokenizer.eos_token_id and ids[-1] == own.eos_token_id else ids
        written.append(cut or ids)
    return reward.score(read, written).tolist()


def best(scored: Sequence[Scored]) -> list[Scored]:
    """Of each prompt the answer with the highest reward, among those that ended; the first of equals."""
    found: dict[int, Scored] = {}
    for one in scored:
        if one.ended and (one.prompt not in found or one.reward > found[one.prompt].reward):
            found[one.prompt] = one
    return list(found.values())


def as_examples(
    config: RaftConfig, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt], kept: Sequence[Scored]
) -> list[Example]:
    """What is kept as rows; the tokens are those that were sampled."""
    rows = []
    for one in kept:
        ids = encode_prompt(tokenizer, prompts[one.prompt].messages, max_tokens=config.max_prompt_tokens)
        mask = [0] * len(ids) + [1] * len(one.ids)
        rows.append(Example(ids + one.ids, mask, prompts[one.prompt].sha256))
    return rows


def _described(number: int, scored: Sequence[Scored], kept: Sequence[Scored]) -> dict[str, float]:
    """What a round sampled and kept."""
    return {
        "round": number,
        "sampled": len(scored),
        "kept": len(kept),
        "reward_sampled": sum(one.reward for one in scored) / len(scored),
        "reward_kept": sum(one.reward for one in kept) / len(kept),
        "tokens_sampled": sum(len(one.ids) for one in scored) / len(scored),
        "tokens_kept": sum(len(one.ids) for one in kept) / len(kept),
        "end_rate": sum(one.ended for one in scored) / len(scored),
    }


def _held_out_reward(
    config: RaftConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    reward: RewardModel,
    prompts: Sequence[Prompt],
    subject: str,
) -> list[Result]:
    """Reward and length of one answer to each held-out prompt: the proxy that was maximised, and what it may hide."""
    if not prompts:
        return []
    generator = torch.Generator(model.device).manual_seed(config.seed)
    scored = answer(config, model, tokenizer, reward, prompts, 1, generator)
    clusters = [prompts[one.prompt].sha256 for one in scored]
    lengths = [float(len(one.ids)) for one in scored]
    note = "one answer to each prompt of the validation split, by the reward model that it was trained on"
    return [
        mean_result("score", [one.reward for one in scored], clusters, subject=subject, note=note),
        mean_result("length", lengths, clusters, subject=subject, unit="tokens", note=note),
    ]


def plan(config: RaftConfig) -> Plan:
    """Say what a run would do, if every prompt has an answer that ends and is as long as may be."""
    tokenizer = load_tokenizer(config.base)
    prompts = read_prompts(config.snapshot, ["train"])
    require_rows(prompts, "prompts", config.snapshot)
    asked = min(config.prompts_per_round, len(prompts))
    lengths = [len(encode_prompt(tokenizer, one.messages)) for one in prompts]
    most = config.max_completion_tokens
    rows = [[(length, config.max_prompt_tokens), (most, most)] for length in lengths]
    steps = config.rounds * config.epochs * -(-asked // config.batch_size)
    counts = [counted("train", rows)]
    found = learning_plan(config, config_of(config.base), counts, batch_size=config.batch_size, steps=steps)
    note = f"{config.rounds} rounds of {asked * config.n} answers, of which {asked} are learnt at most"
    return replace(found, notes=[*found.notes, note])


if __name__ == "__main__":
    run_recipe(RaftConfig, train_raft, plan=plan)
