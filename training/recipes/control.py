"""Control tokens: learn good and bad answers alike, each after a token that says which it is, and sample with GOOD.

A baseline for learning from preferences: nothing is thrown away, no reward is maximised, and what people dislike is
learnt as what to say after BAD only (Keskar et al. 2019, CTRL, arXiv 1909.05858; Korbak et al. 2023, arXiv 2302.08582,
section 2, "conditional training", with these two tokens; Lu et al. 2022, Quark, arXiv 2205.13636):

    L(theta) = - 1/T * sum_t log p_theta(y_t | x, c(x, y), y_<t),      c(x, y) in {<|good|>, <|bad|>}

c comes from people's `rank`s: good is the better half of a ranking and bad the worse half, whatever lies in the middle
is left out; or from a `reward` model's score: good is what scores above the median of all completions of the split.

The token stands where the assistant begins to speak. The tokenizer that is saved writes <|good|> there by itself, in
its chat template: every program that samples from the model asks it for good answers, with no option to set.

    python -m training.recipes.control --config control.json
    {"out": "var/runs/control", "base": "var/runs/sft", "snapshot": "var/snapshots/1f3a"}

Departures from the papers: whole answers are labelled, not sentences; the tokens' embeddings start at the mean of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling import processes
from training.modelling.artifacts import Result, RunDirectory, hash_input
from training.modelling.chat import encode_completion, encode_prompt
from training.modelling.configs import ExistingPath, require, run_recipe
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
from training.modelling.rewards import RewardModel, load_reward
from training.modelling.snapshots import Message, RankingRow, Split, read_rankings, require_rows
from training.modelling.supervised.conversations import Example
from training.modelling.supervised.fitting import held_out_loss, token_loss_parts, token_loss_passes

GOOD, BAD = "<|good|>", "<|bad|>"


@dataclass(frozen=True, kw_only=True)
class ControlConfig(SnapshotLearningConfig):
    """Learn good and bad answers after a token that says which they are."""

    by: Literal["rank", "reward"] = "rank"
    """What says which answers are good: people's "rank"s, or the score of a "reward" model."""
    reward: ExistingPath | None = None
    """A run of the reward recipe, for "reward"."""
    epochs: int = 2
    """Passes over the answers."""
    batch_size: int = 32
    """Answers in a step."""
    lr: float = 5e-4
    """Peak learning rate of AdamW. 5e-4 suits the embedded million parameters; for hub models use SFT's."""
    weight_decay: float = 0.01
    """AdamW's decoupled decay of weight matrices."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("batch_size")
        require(
            self.by == "rank" or self.reward is not None, "With 'by' = \"reward\" the field 'reward' names a model."
        )
        require(self.by == "reward" or self.reward is None, "The field 'reward' does nothing with 'by' = \"rank\".")


@dataclass(frozen=True)
class Labelled:
    """An answer that is good or bad."""

    prompt: list[Message]
    text: str
    good: bool
    prompt_sha256: str


def train_control(config: ControlConfig) -> None:
    """Train and save a policy as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=True)
    run.progress(0, 1, "loading the model and the rankings")
    model, tokenizer = load_policy(config.base, device=device)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens + 1)
    reward = load_reward(config.reward, device=device) if config.reward else None
    labelled = {split: label(config, split, reward) for split in ("train", "validation")}
    require_rows(labelled["train"], "rankings with a better and a worse half", config.snapshot)
    add_control_tokens(model, tokenizer)
    examples = encode_labelled(config, tokenizer, labelled["train"])
    good = sum(one.good for one in labelled["train"])
    print(f"{good} good and {len(examples) - good} bad answers to learn, {parameter_count(model)} parameters")
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
        inputs=_inputs(config),
        weigh=lambda rows: sum(row.learnt for row in rows),
        new_tokens=tokenizer.convert_tokens_to_ids([GOOD, BAD]),
    )
    if not processes.leads():
        return
    results = _results(config, model, tokenizer, labelled["validation"])
    ask_for_good(tokenizer)
    save_model(model, tokenizer, run.model)
    run.write_manifest(
        recipe="control", kind="policy", config=config, seed=config.seed, inputs=_inputs(config), results=results
    )


def _inputs(config: ControlConfig) -> dict[str, str]:
    paths = {"base": config.base, "snapshot": config.snapshot, "reward": config.reward}
    return {name: hash_input(path) for name, path in paths.items() if path is not None}


def label(config: ControlConfig, split: Split, reward: RewardModel | None) -> list[Labelled]:
    """The completions of one split's rankings, each as good or bad; a completion that is both is left out."""
    rows = read_rankings(config.snapshot, split)
    found = [one for row in rows for one in by_rank(row)] if reward is None else _by_reward(config, rows, reward)
    said: dict[tuple[str, str], set[bool]] = {}
    for one in found:
        said.setdefault((one.prompt_sha256, one.text), set()).add(one.good)
    unique = {(one.prompt_sha256, one.text): one for one in found}
    return [one for key, one in unique.items() if len(said[key]) == 1]


def by_rank(row: RankingRow) -> list[Labelled]:
    """The better and the worse half of a ranking; what is in the middle, or ties with it, is neither."""
    found = []
    for text, rank in zip(row.completions, row.ranks, strict=True):
        better = sum(other < rank for other in row.ranks)
        worse = sum(other > rank for other in row.ranks)
        if better != worse:
            found.append(Labelled(row.prompt, text, better < worse, row.prompt_sha256))
    return found


def _by_reward(config: ControlConfig, rows: Sequence[RankingRow], reward: RewardModel) -> list[Labelled]:
    """Every completion, good where it scores above the median of all."""
    flat = [(row, text) for row in rows for text in row.completions]
    if not flat:
        return []
    limits = (config.max_prompt_tokens, config.max_completion_tokens)
    scores = reward.score(
        [encode_prompt(reward.tokenizer, row.prompt, max_tokens=limits[0]) for row, _ in flat],
        [encode_completion(reward.tokenizer, text, max_tokens=limits[1]) for _, text in flat],
    )
    middle = scores.median().item()
    return [
        Labelled(row.prompt, text, score > middle, row.prompt_sha256)
        for (row, text), score in zip(flat, scores.tolist(), strict=True)
    ]


@torch.no_grad()
def add_control_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give tokenizer and model the two tokens, with the mean of all embeddings to start from."""
    known = model.get_input_embeddings().weight.mean(dim=0)
    new = tokenizer.add_special_tokens({"additional_special_tokens": [GOOD, BAD]}, replace_extra_special_tokens=False)
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    if new:
        for token in (GOOD, BAD):
            model.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(token)] = known


def ask_for_good(tokenizer: PreTrainedTokenizerBase) -> None:
    """Make the chat template write the good token where the assistant begins to speak."""
    tokenizer.chat_template += "{% if add_generation_prompt %}{{ '" + GOOD + "' }}{% endif %}"


def encode_labelled(
    config: ControlConfig, tokenizer: PreTrainedTokenizerBase, labelled: Sequence[Labelled]
) -> list[Example]:
    """Return prompt, token and answer of each as a row; the answer alone is learnt."""
    tokens = {True: tokenizer.convert_tokens_to_ids(GOOD), False: tokenizer.convert_tokens_to_ids(BAD)}
    rows = []
    for one in labelled:
        prompt = [*encode_prompt(tokenizer, one.prompt, max_tokens=config.max_prompt_tokens), tokens[one.good]]
        answer = encode_completion(tokenizer, one.text, max_tokens=config.max_completion_tokens)
        rows.append(Example(prompt + answer, [0] * len(prompt) + [1] * len(answer), one.prompt_sha256))
    return rows


def _results(
    config: ControlConfig, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, held_out: Sequence[Labelled]
) -> list[Result]:
    """The loss of good held-out answers after each token: what the tokens have come to mean."""
    results: list[Result] = []
    answers = [one for one in held_out if one.good]
    for subject, good in (("good token", True), ("bad token", False)):
        told = [Labelled(one.prompt, one.text, good, one.prompt_sha256) for one in answers]
        rows = encode_labelled(config, tokenizer, told)
        results += held_out_loss(
            config,
            model,
            tokenizer,
            rows,
            subject=subject,
            batch_size=config.batch_size,
            what="good answers of the validation split",
        )
    return results


def plan(config: ControlConfig) -> Plan:
    """Say what a run would do; by a reward model, every completion is learnt as good or bad."""
    tokenizer = load_tokenizer(config.base)
    counts = []
    for split in ("train", "validation"):
        rows = read_rankings(config.snapshot, split)
        answers = [one for row in rows for one in (by_rank(row) if config.by == "rank" else _all(row))]
        limits = (config.max_prompt_tokens, config.max_completion_tokens)
        lengths = [
            list(
                zip(
                    (len(encode_prompt(tokenizer, one.prompt)), len(encode_completion(tokenizer, one.text))),
                    limits,
                    strict=True,
                )
            )
            for one in {(one.prompt_sha256, one.text): one for one in answers}.values()
        ]
        counts.append(counted(split, lengths))
    require_rows(range(counts[0].rows), "rankings with a better and a worse half", config.snapshot)
    return learning_plan(config, config_of(config.base), counts, batch_size=config.batch_size)


def _all(row: RankingRow) -> list[Labelled]:
    return [Labelled(row.prompt, text, True, row.prompt_sha256) for text in row.completions]


if __name__ == "__main__":
    run_recipe(ControlConfig, train_control, plan=plan)
