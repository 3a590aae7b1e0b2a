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

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn.functional import logsigmoid
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling.artifacts import Result, RunDirectory, hash_input
from training.modelling.batches import batch_count, shuffled_batches
from training.modelling.configs import ExistingPath, ModelSource, require, run_recipe
from training.modelling.losses import RewardLoss, reward_loss
from training.modelling.models import (
    Precision,
    autocast,
    new_reward_model,
    parameter_count,
    prepare_process,
    require_context,
    save_model,
)
from training.modelling.optimisation import build_optimizer, linear_schedule, update
from training.modelling.rankings import (
    EncodedRanking,
    Encoding,
    Layout,
    Ties,
    Weights,
    encode_rankings,
    layout_for,
    likely_ties,
    pair_accuracy,
)
from training.modelling.reporting import mean_result, share_result
from training.modelling.rewards import read_rewards, save_normalisation, score_completions
from training.modelling.snapshots import SPLITS, read_rankings, require_rows

ENOUGH_REFERENCES = 32
_ABOVE_0 = (
    "max_prompt_tokens",
    "max_completion_tokens",
    "epochs",
    "batch_rankings",
    "tokens_at_once",
    "lr",
    "log_every",
)


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """Train a Bradley-Terry reward model on rankings."""

    out: str
    """The run directory."""
    seed: int = 0
    """Seeds the head's weights and the order."""
    threads: int = 0
    """CPU threads; 0 lets torch choose."""
    base: ModelSource
    """The language model to start from: the SFT checkpoint."""
    snapshot: ExistingPath
    """The snapshot whose rankings are learnt."""
    loss: Literal["bradley_terry", "plackett_luce"] = "bradley_terry"
    """The likelihood of the pairs of a ranking, or of the ranking as a whole."""
    ties: Ties = "none"
    """Whether tied completions make no pair, or are learnt to be alike (Davidson's model, with "bradley_terry")."""
    nu: float | None = None
    """How likely ties are between equals, nu / (2 + nu); null = so that it is the share of tied pairs in the train
    split."""
    margin: float = 0.0
    """By how much the rewards of two completions should differ at least for each rank between them."""
    centring: float = 0.0
    """What the square of a pair's summed rewards weighs, 0.01 say: it keeps rewards around 0."""
    weights: Weights = "none"
    """What a ranking weighs in the loss: "none" = all alike, "annotator" = what the snapshot says of its annotator, by
    what they have shown on gold. What is measured on held-out rankings is never weighted."""
    max_prompt_tokens: int = 384
    """A longer prompt loses its beginning."""
    max_completion_tokens: int = 256
    """A longer completion loses its end, the end token included."""
    epochs: int = 3
    """Passes over the rankings. The papers' 1 for models of a billion parameters; the embedded demo needs a few."""
    batch_rankings: int = 8
    """Rankings in a step; each brings its K completions."""
    encoding: Encoding = "auto"
    """How a ranking is encoded: "shared" = its prompt once for all completions, "once" = in a row for each completion,
    "auto" = shared where the model gives the same numbers so (decoders do, encoders do not)."""
    tokens_at_once: int = 16_384
    """Tokens of one forward pass. A step that has more is computed in parts; its gradient is the same."""
    lr: float = 1e-3
    """Peak learning rate of AdamW. 1e-3 suits the embedded million parameters, and the demo depends on it; for hub
    models use 1e-5 (100 million to 1 billion parameters, full fine-tuning) to 3e-6 (7 billion)."""
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises from 0; after that it falls linearly to 0."""
    weight_decay: float = 0.05
    """AdamW's decoupled decay of weight matrices."""
    max_grad_norm: float = 1.0
    """The gradient is scaled down to this norm when it is longer."""
    precision: Precision = "auto"
    """Of the computation, over fp32 weights: "auto", "fp32" or "bf16"."""
    log_every: int = 5
    """Steps between lines of metrics.jsonl."""

    def __post_init__(self) -> None:
        for name in _ABOVE_0:
            require(getattr(self, name) > 0, f"The field {name!r} must be above 0.")
        require(0 <= self.warmup < 1, "The field 'warmup' is a share of the steps, from 0 to below 1.")
        for name in ("margin", "centring"):
            require(getattr(self, name) >= 0, f"The field {name!r} must not be below 0.")
        require(self.nu is None or self.nu > 0, "The field 'nu' must be above 0.")
        require(self.ties == "davidson" or self.nu is None, "The field 'nu' needs 'ties' to be \"davidson\".")
        pairwise = self.loss == "bradley_terry"
        require(pairwise or self.ties == "none", 'Ties are learnt with the loss "bradley_terry" only.')
        require(pairwise or not self.margin, "The field 'margin' does nothing with the loss \"plackett_luce\".")


def train_reward(config: RewardConfig) -> None:
    """Train and save a reward model as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads)
    run.progress(0, 1, "loading the model and the rankings")
    model, tokenizer = new_reward_model(config.base, device=device)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    splits = _encode_splits(config, tokenizer)
    require_rows(splits["train"], "rankings with a strict pair", config.snapshot)
    print(f"{len(splits['train'])} rankings to learn, {parameter_count(model)} parameters")
    _train(config, run, model, tokenizer, splits["train"], splits["validation"])
    model.eval()
    run.progress(1, 1, "saving the model and measuring on the held-out splits")
    save_model(model, tokenizer, run.model)
    save_normalisation(run.model, _reference_rewards(config, model, tokenizer, splits))
    results = [
        result
        for split in ("validation", "test")
        for result in _held_out_results(config, model, tokenizer, split, splits[split])
    ]
    run.write_manifest(
        recipe="reward",
        kind="reward",
        config=config,
        seed=config.seed,
        inputs={"base": hash_input(config.base), "snapshot": hash_input(config.snapshot)},
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
) -> None:
    nu = (config.nu or likely_ties(rankings)) if config.ties == "davidson" else None
    by = RewardLoss(config.loss, nu=nu, margin=config.margin, centring=config.centring)
    optimizer = build_optimizer(model, lr=config.lr, weight_decay=config.weight_decay)
    layout = layout_for(
        model,
        tokenizer.pad_token_id,
        encoding=config.encoding,
        tokens_at_once=config.tokens_at_once,
        ties=config.ties != "none",
    )
    steps = config.epochs * batch_count(len(rankings), config.batch_rankings)
    rng = random.Random(config.seed)
    lengths = [ranking.tokens for ranking in rankings]
    step = 0
    for epoch in range(config.epochs):
        model.train()
        for some in shuffled_batches(rankings, lengths, config.batch_rankings, rng):
            lr = config.lr * linear_schedule(step, steps, config.warmup)
            of_pairs: list[torch.Tensor] = []
            losses = _losses(config, model, layout, by, some, of_pairs)
            loss, norm = update(model, optimizer, losses, step=step, lr=lr, max_grad_norm=config.max_grad_norm)
            step += 1
            if step % config.log_every == 0 or step == steps:
                margins = torch.cat(of_pairs)
                accuracy = (margins > 0).float().mean().item()
                run.metrics(
                    step,
                    epoch=epoch + 1,
                    loss=loss,
                    accuracy=accuracy,
                    margin=margins.mean().item(),
                    lr=lr,
                    grad_norm=norm,
                )
                run.progress(step, steps, f"loss {loss:.3f}, pairs in the right order {accuracy:.2f}")
        if validation:
            model.eval()
            scores = score_rankings(config, model, tokenizer, validation)
            correct, _ = pair_accuracy(validation, scores)
            run.metrics(step, epoch=epoch + 1, validation_accuracy=sum(correct) / len(correct))


def _losses(
    config: RewardConfig,
    model: PreTrainedModel,
    layout: Layout,
    by: RewardLoss,
    rankings: Sequence[EncodedRanking],
    margins: list[torch.Tensor],
) -> Iterator[torch.Tensor]:
    """Yield the loss of each part of a step, and add the margins of its strict pairs, [P], to `margins`."""
    for part in layout.parts(rankings):
        with autocast(model, config.precision):
            rewards = read_rewards(model, part.batch)
        better, worse = part.pairs.better[~part.pairs.tied], part.pairs.worse[~part.pairs.tied]
        margins.append((rewards[better] - rewards[worse]).detach())
        yield reward_loss(rewards, [ranking.ranks for ranking in part.rankings], part.pairs, by)


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
    """Accuracy and loss per pair on a split that was not trained on, beside the rule "the longer answer wins"."""
    if not rankings:
        return []
    scores = score_rankings(config, model, tokenizer, rankings)
    longer = [[float(length) for length in ranking.characters] for ranking in rankings]
    note = f"strict pairs of {len(rankings)} rankings; n and interval are over prompts"
    results = []
    for subject, row in (("reward", scores), ("longer answer", longer)):
        correct, clusters = pair_accuracy(rankings, row)
        results.append(
            share_result(f"{split}_accuracy", correct, clusters, subject=subject, note=f"{len(correct)} {note}")
        )
    losses = [
        -logsigmoid(torch.tensor(row[better] - row[worse])).item()
        for ranking, row in zip(rankings, scores, strict=True)
        for better, worse in ranking.pairs
    ]
    note = f"{len(losses)} {note}"
    return [*results, mean_result(f"{split}_loss", losses, clusters, subject="reward", unit="nats/pair", note=note)]


if __name__ == "__main__":
    run_recipe(RewardConfig, train_reward)
