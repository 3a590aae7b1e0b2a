"""Train a reward model on rankings.

A language model with a linear head gives one number r(x, y) to a prompt with an answer. The loss is the negative
log-likelihood of the annotators' strict pairs under the Bradley-Terry model (Ouyang et al. 2022, arXiv 2203.02155,
eq. 1; Stiennon et al. 2020, arXiv 2009.01325, section 3.4):

    L(theta) = - 1/|pairs of a ranking| * sum over (y_w, y_l) of log sigmoid(r(x, y_w) - r(x, y_l)),  mean over rankings

With `loss` "plackett_luce" it is the likelihood of the ranking as a whole; with `ties` "davidson" tied answers are
learnt to be alike; `margin` asks for a distance for each rank between two answers, and `centring` keeps rewards around
0 (losses.py gives the formulas with their sources).

All pairs of a ranking are in one batch, and prompt and completions are encoded once. After training, mean and standard
deviation of the reward over reference completions are stored beside the model, so that a normalised reward has mean 0
and standard deviation 1 there (mean: Stiennon et al. 2020, section 3.4; both: Huang et al. 2024, "The N implementation
details of RLHF with PPO", ICLR blog posts).

Departures from the papers: ties make no pair unless they are asked for, and a ranking's weight is shared by its strict
pairs instead of all K(K-1)/2; the head starts at N(0, 1/(d+1)) as in Huang et al.; reference completions are those of
the held-out rankings, on which the rewards are not inflated by training (those of the train split where there are fewer
than 32). The reward is read at the answer's last token, which is the end token, and pad is another token. No dropout.
One epoch is the papers' choice and right for large models; a model of a million parameters needs more.

    python -m training.recipes.reward --config reward.json
    {"out": "var/runs/reward", "seed": 0, "base": "var/runs/sft", "snapshot": "var/snapshots/1f3a"}
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch.nn.functional import logsigmoid
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling import processes
from training.modelling.artifacts import Result, RunDirectory, hash_input
from training.modelling.baselines import baseline_results, fit_tf_idf, with_a_pair
from training.modelling.configs import ModelSource, require, run_recipe
from training.modelling.learning import PartLoss, RankingLearningConfig, learn
from training.modelling.losses import RewardLoss, reward_loss
from training.modelling.models import (
    autocast,
    new_reward_model,
    parameter_count,
    prepare_process,
    require_context,
    save_model,
)
from training.modelling.plans import Plan
from training.modelling.previews import rankings_plan
from training.modelling.rankings import (
    EncodedRanking,
    Layout,
    Ties,
    as_texts,
    encode_rankings,
    layout_for,
    likely_ties,
    pair_accuracy,
)
from training.modelling.reporting import mean_result, share_result
from training.modelling.reward_network import Pooling
from training.modelling.reward_report import write_report
from training.modelling.rewards import read_rewards, save_normalisation, score_completions
from training.modelling.snapshots import SPLITS, read_rankings, require_rows

ENOUGH_REFERENCES = 32
BASELINE = "tf_idf"
"""The folder of the run in which the baseline that is a reward by itself is saved."""


@dataclass(frozen=True, kw_only=True)
class RewardConfig(RankingLearningConfig):
    """Train a Bradley-Terry reward model on rankings."""

    seed: int = 0
    """Seeds the head's weights and the order."""
    base: ModelSource
    """The language model to start from: the SFT checkpoint."""
    loss: Literal["bradley_terry", "plackett_luce"] = "bradley_terry"
    """The likelihood of the pairs of a ranking, or of the ranking as a whole."""
    ties: Ties = "none"
    """Whether tied completions make no pair, or are learnt to be alike (Davidson's model, with "bradley_terry")."""
    margin: float = 0.0
    """By how much the rewards of two completions should differ at least for each rank between them."""
    centring: float = 0.0
    """What the square of a pair's summed rewards weighs, 0.01 say: it keeps rewards around 0."""
    epochs: int = 3
    """Passes over the rankings. The papers' 1 for models of a billion parameters; the embedded demo needs a few."""
    pooling: Pooling = "mean"
    """What an encoder's reward is read from: "mean" = the mean of all tokens' states, which suits encoders that were
    trained for sentences (MiniLM); "first" = the state of [CLS]. A decoder's is read at the answer's last token."""
    window: int | None = None
    """Tokens that an encoder reads of prompt and completion together; a longer prompt loses its beginning. null = as
    many as it can read. A decoder's limits are max_prompt_tokens and max_completion_tokens."""
    lr: float = 1e-3
    """Peak learning rate of AdamW. 1e-3 suits the embedded million parameters, and the demo depends on it; for hub
    models use 1e-5 (100 million to 1 billion parameters, full fine-tuning) to 3e-6 (7 billion)."""
    weight_decay: float = 0.05
    """AdamW's decoupled decay of weight matrices."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("margin", "centring"):
            require(getattr(self, name) >= 0, f"The field {name!r} must not be below 0.")
        pairwise = self.loss == "bradley_terry"
        require(pairwise or self.ties == "none", 'Ties are learnt with the loss "bradley_terry" only.')
        require(pairwise or not self.margin, "The field 'margin' does nothing with the loss \"plackett_luce\".")


def train_reward(config: RewardConfig) -> None:
    """Train and save a reward model as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=True)
    run.progress(0, 1, "loading the model and the rankings")
    model, tokenizer = new_reward_model(config.base, device=device, pooling=config.pooling, window=config.window)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    splits = _encode_splits(config, tokenizer)
    require_rows(splits["train"], "rankings with a strict pair", config.snapshot)
    print(f"{len(splits['train'])} rankings to learn, {parameter_count(model)} parameters")
    inputs = {"base": hash_input(config.base), "snapshot": hash_input(config.snapshot)}
    _train(config, run, model, tokenizer, splits["train"], splits["validation"], inputs)
    if not processes.leads():
        return
    run.progress(1, 1, "saving the model and measuring on the held-out splits")
    save_model(model, tokenizer, run.model)
    save_normalisation(run.model, _reference_rewards(config, model, tokenizer, splits))
    results = [
        result
        for split in ("validation", "test")
        for result in _held_out_results(config, model, tokenizer, split, splits[split])
    ]
    tf_idf = fit_tf_idf(read_rankings(config.snapshot, "train"), config.weights)
    tf_idf.save(run.path / BASELINE)
    results += baseline_results(tf_idf, config.snapshot)
    for split in ("test", "validation"):
        if splits[split]:
            scores = score_rankings(config, model, tokenizer, splits[split])
            results += write_report(run.path, with_a_pair(read_rankings(config.snapshot, split)), scores, split=split)
            break
    run.write_manifest(
        recipe="reward",
        kind="reward",
        config=config,
        seed=config.seed,
        inputs=inputs,
        results=results,
    )


def _encode_splits(config: RewardConfig, tokenizer: PreTrainedTokenizerBase) -> dict[str, list[EncodedRanking]]:
    return {
        split: encode_rankings(
            tokenizer,
            read_rankings(config.snapshot, split),
            max_prompt_tokens=config.max_prompt_tokens,
            max_completion_tokens=config.max_completion_tokens,
            weights=config.weights,
            ties=config.ties != "none" and split == "train",
        )
        for split in SPLITS
    }


def _train(
    config: RewardConfig,
    run: RunDirectory,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rankings: list[EncodedRanking],
    validation: list[EncodedRanking],
    inputs: dict[str, str],
) -> None:
    nu = (config.nu or likely_ties(rankings)) if config.ties == "davidson" else None
    by = RewardLoss(config.loss, nu=nu, margin=config.margin, centring=config.centring)
    layout = layout_for(
        model,
        tokenizer.pad_token_id,
        encoding=config.encoding,
        tokens_at_once=config.tokens_at_once,
        ties=config.ties != "none",
    )

    def validate() -> dict[str, float]:
        if not validation:
            return {}
        correct, _ = pair_accuracy(validation, score_rankings(config, model, tokenizer, validation))
        return {"validation_accuracy": sum(correct) / len(correct)}

    learn(
        config,
        run,
        model,
        rankings,
        lengths=[ranking.tokens for ranking in rankings],
        batch_size=config.batch_rankings,
        losses=partial(_losses, config, model, layout, by),
        after_epoch=validate,
        described=partial(as_texts, tokenizer),
        inputs=inputs,
    )


def _losses(
    config: RewardConfig,
    model: PreTrainedModel,
    layout: Layout,
    by: RewardLoss,
    rankings: Sequence[EncodedRanking],
) -> Iterator[PartLoss]:
    """Yield the loss of each part of a step, with what its strict pairs show."""
    for part in layout.parts(rankings):
        with autocast(model, config.precision):
            rewards = read_rewards(model, part.batch)
        better, worse = part.pairs.better[~part.pairs.tied], part.pairs.worse[~part.pairs.tied]
        margins = (rewards[better] - rewards[worse]).detach()
        loss = reward_loss(rewards, [ranking.ranks for ranking in part.rankings], part.pairs, by)
        yield PartLoss(loss, {"accuracy": margins > 0, "margin": margins})


def score_rankings(
    config: RewardConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rankings: Sequence[EncodedRanking],
) -> list[list[float]]:
    """Return the raw rewards of the K completions of each ranking."""
    with autocast(model, config.precision):
        flat = score_completions(
            model,
            tokenizer,
            [ranking.prompt for ranking in rankings for _ in ranking.completions],
            [completion for ranking in rankings for completion in ranking.completions],
        )
    sizes = [len(ranking.completions) for ranking in rankings]
    return [part.tolist() for part in flat.split(sizes)]


def _reference_rewards(
    config: RewardConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    splits: dict[str, list[EncodedRanking]],
) -> torch.Tensor:
    references = splits["validation"]
    if sum(len(ranking.completions) for ranking in references) < ENOUGH_REFERENCES:
        references = splits["train"]
    scores = score_rankings(config, model, tokenizer, references)
    return torch.tensor([score for row in scores for score in row])


def _held_out_results(
    config: RewardConfig,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    split: str,
    rankings: list[EncodedRanking],
) -> list[Result]:
    """Accuracy and loss per pair on a split that was not trained on."""
    if not rankings:
        return []
    scores = score_rankings(config, model, tokenizer, rankings)
    correct, clusters = pair_accuracy(rankings, scores)
    note = f"{len(correct)} strict pairs of {len(rankings)} rankings; n and interval are over prompts"
    accuracy = share_result(f"{split}_accuracy", correct, clusters, subject="reward", note=note)
    losses = [
        -logsigmoid(torch.tensor(row[better] - row[worse])).item()
        for ranking, row in zip(rankings, scores, strict=True)
        for better, worse in ranking.pairs
    ]
    return [accuracy, mean_result(f"{split}_loss", losses, clusters, subject="reward", unit="nats/pair", note=note)]


def plan(config: RewardConfig) -> Plan:
    """Say what a run would do."""
    return rankings_plan(config, language_model=False)


if __name__ == "__main__":
    run_recipe(RewardConfig, train_reward, plan=plan)
