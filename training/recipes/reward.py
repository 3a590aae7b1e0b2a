"""Train a reward model on rankings.

A language model with a linear head gives one number r(x, y) to a prompt with an answer. The loss is the negative
log-likelihood of the annotators' strict pairs under the Bradley-Terry model (Ouyang et al. 2022, arXiv 2203.02155,
eq. 1; Stiennon et al. 2020, arXiv 2009.01325, section 3.4):

    L(theta) = - 1/(K(K-1)/2) * sum over (y_w, y_l) of log sigmoid(r(x, y_w) - r(x, y_l)),  mean over rankings

With `loss` "plackett_luce" it is the likelihood of the ranking as a whole; with `ties` "davidson" tied answers are
learnt to be alike; `margin` asks for a distance for each rank between two answers, and `centring` keeps rewards around
0 (losses.py gives the formulas with their sources).

All pairs of a ranking are in one batch, and prompt and completions are encoded once. After training, mean and standard
deviation of the reward over reference completions are stored beside the model, so that a normalised reward has mean 0
and standard deviation 1 there (mean: Stiennon et al. 2020, section 3.4; both: Huang et al. 2024, "The N implementation
details of RLHF with PPO", ICLR blog posts).

Departures from the papers: ties make no pair unless they are asked for (a ranking with ties then weighs less, as fewer
of its pairs are known; with `alike` "rankings" its strict pairs share the weight of all); the head starts at
N(0, 1/(d+1)) as in Huang et al.; reference completions are those of the held-out rankings, on which the rewards are not
inflated by training (those of the train split where there are fewer than 32). The reward is read at the answer's last
token, which is the end token, and pad is another token. No dropout. One epoch as in the papers: large models learn
rankings by heart in the second (Ouyang et al. 2022, appendix C.2). A model of a million parameters needs more.

    python -m training.recipes.reward --config reward.json
    {"out": "var/runs/reward", "seed": 0, "base": "var/runs/sft", "snapshot": "var/snapshots/1f3a"}
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling import processes
from training.modelling.artifacts import Result, RunDirectory, hash_input
from training.modelling.baselines import HELD_OUT, TfIdfReward, axis_baselines, baseline_results, fit_tf_idf
from training.modelling.batches import FEWEST_OF_PROMPT
from training.modelling.configs import ModelSource, require, run_recipe
from training.modelling.ensembles import Draws, all_of_them, bootstrap, members_rewards
from training.modelling.learning import PartLoss, RankingLearningConfig, learn, read_learnt
from training.modelling.losses import Alike, RewardLoss, form_pairs, reward_loss
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
)
from training.modelling.ratings import read_rated
from training.modelling.reward_network import Pooling, RewardNetwork
from training.modelling.reward_report import AxisScores, reward_report, write_report
from training.modelling.reward_results import edit_results, held_out_results, right_pairs
from training.modelling.rewards import Normalisation, read_all, score_all
from training.modelling.snapshots import SPLITS, RankingRow, Split, read_edits, require_rows, strict_pairs

RewardTrunk = PreTrainedModel | RewardNetwork
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
    alike: Alike = "pairs"
    """What weighs the same: "pairs" = every strict pair of rankings of as many completions, so that one with ties, of
    which fewer pairs are known, weighs less; "rankings" = every ranking, whose strict pairs share its weight."""
    ties: Ties = "none"
    """Whether tied completions make no pair, or are learnt to be alike (Davidson's model, with "bradley_terry")."""
    margin: float = 0.0
    """By how much the rewards of two completions should differ at least for each rank between them (`margin_by`)."""
    centring: float = 0.0
    """What the square of a pair's summed rewards weighs, 0.01 say: it keeps rewards around 0."""
    epochs: int = 1
    """Passes over the rankings; the papers' 1. A model of a million parameters needs more: the demo takes 4."""
    pooling: Pooling = "mean"
    """What an encoder's reward is read from: "mean" = the mean of all tokens' states, which suits encoders that were
    trained for sentences (MiniLM); "first" = the state of [CLS]. A decoder's is read at the answer's last token."""
    window: int | None = None
    """Tokens that an encoder reads of prompt and completion together; a longer prompt loses its beginning. null = as
    many as it can read. A decoder's limits are max_prompt_tokens and max_completion_tokens."""
    axes: dict[str, float] = field(default_factory=dict)
    """Axes to learn, each by a head of its own, and what each weighs in the score: {"helpful": 1, "truthful": 2,
    "harmless": 2} says that truthful and harmless usually outweigh helpful. Learnt from the ratings of completions that
    one person rated side by side; "overall" is what they ranked. Empty = one reward, of the rankings."""
    ensemble: int = 1
    """Members that share a trunk; their scores are combined where the reward is used."""
    member_layers: int | None = None
    """Of the trunk's last layers, of how many each member has a copy, which is computed at the answer's last token
    alone; null = 3 (or all but the first) of a decoder that can be read so, else 0, and then a hidden layer."""
    member_data: Literal["bootstrap", "all"] = "bootstrap"
    """What a member learns: a bootstrap sample of the prompts that its seed draws, or all of them."""
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
        require(
            not self.axes or (pairwise and self.ties == "none"),
            "The field 'axes' needs the loss \"bradley_terry\" and 'ties' to be \"none\".",
        )
        require(all(weight >= 0 for weight in self.axes.values()), "The weights of 'axes' must not be below 0.")
        require(not self.axes or any(self.axes.values()), "One weight of 'axes' at least must be above 0.")
        self.require_above_0("ensemble")
        require(self.ensemble > 1 or not self.member_layers, "The field 'member_layers' needs an 'ensemble'.")
        fewest = FEWEST_OF_PROMPT + 1
        require(self.window is None or self.window >= fewest, f"The field 'window' must be {fewest} or more, or null.")
        require((self.member_layers or 0) >= 0, "The field 'member_layers' must not be below 0.")
        require(pairwise or not self.margin, "The field 'margin' does nothing with the loss \"plackett_luce\".")
        soft = self.labels == "soft"
        require(pairwise or not soft, 'The field \'labels\' must be "hard" with the loss "plackett_luce".')
        strong = self.margin_by == "strength"
        require(self.margin or not strong, "The field 'margin_by' does nothing without a 'margin'; set one.")
        require(
            not self.axes or not (soft or strong),
            "The fields 'labels' and 'margin_by' speak of rankings; leave them out where 'axes' are learnt.",
        )


def train_reward(config: RewardConfig) -> None:
    """Train and save a reward model as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=True)
    run.progress(0, 1, "loading the model and the rankings")
    model, tokenizer = new_reward_model(
        config.base,
        device=device,
        outputs=max(len(config.axes), 1),
        members=config.ensemble,
        member_layers=config.member_layers,
        pooling=config.pooling,
        window=config.window,
    )
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    splits = encode_splits(config, tokenizer)
    require_learnt(config, splits["train"])
    print(f"{len(splits['train'])} rankings to learn, {parameter_count(model)} parameters")
    inputs = {"base": hash_input(config.base), "snapshot": hash_input(config.snapshot)}
    _train(config, run, model, tokenizer, splits["train"], splits["validation"], inputs)
    if not processes.leads():
        return
    run.progress(1, 1, "saving the model and measuring on the held-out splits")
    save_model(model, tokenizer, run.model)
    normalisation = Normalisation.over(_reference_rewards(config, model, tokenizer, splits), config.axes)
    normalisation.save(run.model)
    raw = {
        split: raw_rewards(config, model, tokenizer, splits[split]) for split in ("validation", "test") if splits[split]
    }
    results = [
        result
        for split, of in raw.items()
        for result in held_out_results(split, splits[split], of, normalisation, axes_of(config))
    ]
    tf_idf = fit_tf_idf(read_learnt(config, "train"), config.weights)
    tf_idf.save(run.path / BASELINE)
    results += baseline_results(tf_idf, config.snapshot)
    results += _edit_results(config, model, tokenizer, normalisation, tf_idf)
    if config.axes:
        results += axis_baselines(config.snapshot, list(config.axes), config.weights)
    if split := next((split for split in ("test", "validation") if split in raw), None):
        results += write_report(run.path, report_of(config, split, raw[split], normalisation))
    run.write_manifest(
        recipe="reward",
        kind="reward",
        config=config,
        seed=config.seed,
        inputs=inputs,
        results=results,
    )


def require_learnt(config: RewardConfig, rankings: Sequence[EncodedRanking]) -> None:
    """Raise RecipeError where the train split, `rankings`, says nothing of what is to be learnt, or of some axis."""
    for axis in axes_of(config):
        what = f"completions that one person rated differently on {axis}" if axis else "rankings with a strict pair"
        require_rows([one for one in rankings if axis is None or one.on(axis).pairs], what, config.snapshot)


def encode_splits(config: RewardConfig, tokenizer: PreTrainedTokenizerBase) -> dict[str, list[EncodedRanking]]:
    """The rankings of each split, as token ids."""
    return {
        split: encode_rankings(
            tokenizer,
            read_rows(config, split),
            max_prompt_tokens=config.max_prompt_tokens,
            max_completion_tokens=config.max_completion_tokens,
            weights=config.weights,
            ties=config.ties != "none" and split == "train",
            margin_by=config.margin_by if split == "train" else "ranks",
        )
        for split in SPLITS
    }


def _train(
    config: RewardConfig,
    run: RunDirectory,
    model: RewardTrunk,
    tokenizer: PreTrainedTokenizerBase,
    rankings: list[EncodedRanking],
    validation: list[EncodedRanking],
    inputs: dict[str, str],
) -> None:
    by = loss_of(config, rankings)
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
        raw = raw_rewards(config, model, tokenizer, validation)
        correct = [
            value
            for number, axis in enumerate(axes_of(config))
            for value in right_pairs(validation, raw, number, axis)[0]
        ]
        return {"validation_accuracy": sum(correct) / len(correct)} if correct else {}

    learn(
        config,
        run,
        model,
        rankings,
        lengths=[ranking.tokens for ranking in rankings],
        batch_size=config.batch_rankings,
        losses=step_losses(config, model, layout, by, draws_of(config, rankings)),
        passes=layout.passes,
        after_epoch=validate,
        described=partial(as_texts, tokenizer),
        inputs=inputs,
    )


def loss_of(config: RewardConfig, rankings: Sequence[EncodedRanking]) -> RewardLoss:
    """What the rewards of these rankings are learnt by."""
    nu = (config.nu or likely_ties(rankings)) if config.ties == "davidson" else None
    return RewardLoss(config.loss, nu=nu, margin=config.margin, centring=config.centring)


def draws_of(config: RewardConfig, rankings: Sequence[EncodedRanking]) -> Draws | None:
    """What each member learns; None where there is one model."""
    if config.ensemble == 1:
        return None
    if config.member_data == "all":
        return all_of_them(rankings, config.ensemble)
    return bootstrap(rankings, config.ensemble, config.seed)


def step_losses(
    config: RewardConfig, model: RewardTrunk, layout: Layout, by: RewardLoss, draws: Draws | None
) -> Callable[[Sequence[EncodedRanking]], Iterator[PartLoss]]:
    """What the rankings of a step give, as `learn` asks for it."""
    return partial(_losses, config, model, layout, by, draws)


def _losses(
    config: RewardConfig,
    model: RewardTrunk,
    layout: Layout,
    by: RewardLoss,
    draws: Draws | None,
    rankings: Sequence[EncodedRanking],
) -> Iterator[PartLoss]:
    """Yield the loss of each part of a step, with what its strict pairs show.

    It is the mean over rankings, axes and members, to which a ranking without a pair on an axis, or that a member has
    not drawn, adds 0: so the parts of a step, and of several processes, add up.
    """
    axes = axes_of(config)
    for part in layout.parts(rankings):
        losses, margins = [], []
        with autocast(model, config.precision):
            if draws is None:
                learnt = [(part.rankings, read_all(model, part.batch)[:, 0])]
            else:
                learnt = list(members_rewards(model, part, layout, draws, every=config.sharding == "full"))
        for some, rewards in learnt:
            for number, axis in enumerate(axes):
                ranks = [row.on(axis).ranks for row in some]
                weights = [row.weight for row in some]
                pairs = form_pairs(
                    ranks,
                    layout.device,
                    weights=weights,
                    among=len(rankings),
                    ties=layout.ties,
                    alike=config.alike,
                    strengths=[row.strength for row in some],
                    sure=[row.sure for row in some],
                )
                losses.append(reward_loss(rewards[:, number], ranks, pairs, by))
                shown = ~pairs.tied & (pairs.weight > 0)
                better, worse = pairs.better[shown], pairs.worse[shown]
                margins.append((rewards[better, number] - rewards[worse, number]).detach())
        if losses:
            found = torch.cat(margins)
            loss = torch.stack(losses).sum() / (config.ensemble * len(axes))
            yield PartLoss(loss, {"accuracy": found > 0, "margin": found} if len(found) else {})


def axes_of(config: RewardConfig) -> list[str | None]:
    """The axes in the order of the model's outputs; None is the ranks themselves."""
    return list(config.axes) or [None]


def raw_rewards(
    config: RewardConfig,
    model: RewardTrunk,
    tokenizer: PreTrainedTokenizerBase,
    rankings: Sequence[EncodedRanking],
) -> list[torch.Tensor]:
    """Return the raw rewards of the K completions of each ranking, [K, members, axes]."""
    with autocast(model, config.precision):
        flat = score_all(
            model,
            tokenizer,
            [ranking.prompt for ranking in rankings for _ in ranking.completions],
            [completion for ranking in rankings for completion in ranking.completions],
        )
    return list(flat.split([len(ranking.completions) for ranking in rankings]))


def _edit_results(
    config: RewardConfig,
    model: RewardTrunk,
    tokenizer: PreTrainedTokenizerBase,
    normalisation: Normalisation,
    tf_idf: TfIdfReward,
) -> Iterator[Result]:
    """What held-out edited texts say of the reward and of the baselines."""
    limits = {name: getattr(config, name) for name in ("max_prompt_tokens", "max_completion_tokens")}
    for split in HELD_OUT:
        if rows := read_edits(config.snapshot, split):
            raw = raw_rewards(config, model, tokenizer, encode_rankings(tokenizer, rows, **limits))
            scores = [normalisation.overall(one).mean(1).tolist() for one in raw]
            yield from edit_results(split, rows, scores, tf_idf)


def report_of(
    config: RewardConfig, split: str, raw: Sequence[torch.Tensor], normalisation: Normalisation
) -> dict[str, Any]:
    """Return the report of a split, by the members' mean; `raw` is as `raw_rewards` gives it."""
    rows = [row for row in read_rows(config, split) if row.prefers]
    both = list(zip(rows, raw, strict=True))
    scored = [(row, normalisation.overall(one) if config.axes else one[..., 0]) for row, one in both if row.pairs]
    axes = []
    for number, (axis, weight) in enumerate(config.axes.items()):
        on_axis = [(replace(row, ranks=row.axes[axis]), one[..., number].mean(1).tolist()) for row, one in both]
        if paired := [(row, scores) for row, scores in on_axis if row.pairs]:
            axes.append(AxisScores(axis, weight, *zip(*paired, strict=True)))
    scores = [members.mean(1).tolist() for _, members in scored]
    kept = [row for row, _ in scored]
    return reward_report(kept, scores, split=split, log_odds=not config.axes, axes=axes)


def read_rows(config: RewardConfig, split: Split) -> list[RankingRow]:
    """Read the judgements of a split, with their ranks on the axes that are learnt."""
    if not config.axes:
        return read_learnt(config, split)
    rows = read_rated(config.snapshot, split, list(config.axes))
    return rows if split != "train" else [row for row in rows if any(map(strict_pairs, row.axes.values()))]


def _reference_rewards(
    config: RewardConfig,
    model: RewardTrunk,
    tokenizer: PreTrainedTokenizerBase,
    splits: dict[str, list[EncodedRanking]],
) -> torch.Tensor:
    """[n, members, axes]: the raw rewards of reference completions."""
    references = splits["validation"]
    if sum(len(ranking.completions) for ranking in references) < ENOUGH_REFERENCES:
        references = splits["train"]
    return torch.cat(raw_rewards(config, model, tokenizer, references))


def plan(config: RewardConfig) -> Plan:
    """Say what a run would do."""
    read, check = partial(read_rows, config), partial(require_learnt, config)
    members = {"members": config.ensemble, "member_layers": config.member_layers}
    outputs = max(len(config.axes), 1)
    return rankings_plan(config, language_model=False, read=read, check=check, outputs=outputs, **members)


if __name__ == "__main__":
    run_recipe(RewardConfig, train_reward, plan=plan)
