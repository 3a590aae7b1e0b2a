"""Direct preference optimisation of a policy on rankings.

The policy is its own reward model: r(x, y) = beta * (log pi(y|x) - log pi_ref(y|x)), up to a term of x alone. The loss
is the Bradley-Terry loss of these implicit rewards (Rafailov et al. 2023, arXiv 2305.18290, eq. 7):

    L(theta) = - log sigmoid(beta * [(log pi(y_w|x) - log pi_ref(y_w|x)) - (log pi(y_l|x) - log pi_ref(y_l|x))])

averaged over the strict pairs of a ranking, then over rankings; or with `alike` "pairs" over all pairs of rankings of
as many completions, as in the reward recipe. The reference is the base that training starts from; its log-probabilities
are computed once.

With `loss` it is another loss of the family, and with `ties`, `margin`, `label_noise`, `divergence` and `nll` ties are
learnt, distances asked for, wrong labels expected, other divergences held to, and the better answer's own likelihood
kept up: preference_losses.py gives each formula with its source.

Departures from the paper: K-wise rankings, prompt and completions encoded once, instead of single pairs; ties make no
pair unless they are asked for; AdamW instead of RMSprop; linear decay of the learning rate. The shifts of the preferred
and of the rejected answers' log-probabilities are reported apart, because DPO can lower both (Razin et al. 2024, arXiv
2410.08847) and the loss does not show it; an alarm watches the preferred ones, and before training every pair gets the
CHES score of that paper, by which pairs can be left out (displacement.py).

    python -m training.recipes.dpo --config dpo.json
    {"out": "var/runs/dpo", "seed": 0, "base": "var/runs/sft", "snapshot": "var/snapshots/1f3a"}
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.modelling import processes
from training.modelling.agreement import measured_noise
from training.modelling.artifacts import Result, RunDirectory, hash_input, write_json
from training.modelling.batches import within
from training.modelling.configs import ModelSource, require, run_recipe
from training.modelling.displacement import CHES_FILE, Alarm, ches_report, ches_results, highest, score_pairs
from training.modelling.errors import RecipeError
from training.modelling.learning import PartLoss, RankingLearningConfig, learn, read_learnt
from training.modelling.likelihoods import token_likelihoods
from training.modelling.losses import Alike, sequence_log_probs
from training.modelling.models import (
    autocast,
    load_policy,
    parameter_count,
    prepare_process,
    require_context,
    save_model,
)
from training.modelling.plans import Plan
from training.modelling.preference_losses import (
    SORTED,
    Divergence,
    Settings,
    Variant,
    policy_loss,
    takes_divergence,
    takes_margin,
    takes_noise,
    takes_soft_labels,
)
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
    ranking_batch,
)
from training.modelling.reporting import mean_result, share_result
from training.modelling.snapshots import SPLITS, RankingRow, require_rows


@dataclass(frozen=True, kw_only=True)
class DpoConfig(RankingLearningConfig):
    """Direct preference optimisation of a policy on rankings."""

    base: ModelSource
    """The policy to start from, which is also the reference: the SFT checkpoint."""
    beta: float = 0.1
    """How strongly the policy is held to the reference; the paper's 0.1 (0.5 for summarisation)."""
    loss: Variant = "sigmoid"
    """Which loss of the family: "sigmoid" = DPO, "robust" = DPO that knows how often labels are wrong, "sigmoid_norm" =
    DPO on means per token, "ipo", "simpo" and "orpo" without a reference, and others: see preference_losses.py."""
    label_noise: float | Literal["agreement"] = 0.0
    """The chance that a pair was judged the wrong way round, below 0.5, for the losses that can be told. "agreement" =
    measured: annotators of the snapshot who agree on a share a of the pairs that two of them judged, and err alike and
    independently, are wrong about (1 - sqrt(2a - 1)) / 2 of them. With "sigmoid" it is conservative DPO."""
    divergence: Divergence = "reverse_kl"
    """From the reference: "reverse_kl" as in DPO, "forward_kl", "js" or "alpha" (with `divergence_alpha`)."""
    divergence_alpha: float = 0.5
    """Of the alpha-divergence; 1 is reverse KL."""
    margin: float = 0.0
    """By how much the implicit rewards of two completions should differ at least for each rank between them, or for
    each grade of strength (`margin_by`). For "simpo" it is gamma, of which the paper takes 0.3 to 1.6 with beta 2 to
    2.5 (0.5 times beta, say)."""
    alike: Alike = "rankings"
    """What weighs the same: "rankings" = every ranking, whose strict pairs share its weight; "pairs" = every strict
    pair of rankings of as many completions, so that one with ties, or without the pairs that `ches_drop` leaves out,
    weighs less. Without either it is the same."""
    ties: Ties = "none"
    """Whether tied completions are learnt to be alike (Davidson's model, with "sigmoid") or make no pair."""
    nll: float = 0.0
    """What the better completion's own loss per token weighs beside; 1 is RPO, which keeps it from falling."""
    ches_drop: float = 0.0
    """Share of the strict pairs that is left out, those whose CHES score is highest: they are expected to make the
    preferred answer less likely (displacement.py). ches.json says which, and what other shares would leave out."""
    ches: Literal["length_normalised", "plain"] = "length_normalised"
    """Which of the two scores; the paper filters by the first."""
    alarm: float = 0.1
    """Nats a token that the preferred answers may lose against the reference, over the latest 256 pairs, before the
    metric `alarm` is 1: at 0.1 each of their tokens has become a tenth less likely."""
    alarm_stops: bool = False
    """Whether the alarm ends the run."""
    batch_rankings: int = 16
    """Rankings in a step; each brings its K completions."""
    lr: float = 2e-4
    """Peak learning rate of AdamW. 2e-4 suits the embedded million parameters; for hub models use 1e-6 (the paper's,
    1 to 7 billion parameters) to 5e-6 (100 million)."""
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises from 0; after that it falls linearly to 0."""
    weight_decay: float = 0.0
    """AdamW's decoupled decay of weight matrices; it would pull away from the reference for no judgement's sake."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_above_0("beta")
        measured = self.label_noise == "agreement"
        require(measured or 0 <= self.label_noise < 0.5, "The field 'label_noise' is a share from 0 to below 0.5.")
        require(0 <= self.ches_drop < 1, "The field 'ches_drop' is a share of the pairs, from 0 to below 1.")
        self.require_above_0("alarm")
        for name in ("margin", "nll"):
            require(getattr(self, name) >= 0, f"The field {name!r} must not be below 0.")
        self._require_that_they_fit()

    def _require_that_they_fit(self) -> None:
        said = f'does nothing with the loss "{self.loss}"'
        require(not self.label_noise or takes_noise(self.loss), f"The field 'label_noise' {said}; set it to 0.")
        require(
            self.loss != "exo" or self.label_noise != 0, "The loss \"exo\" needs a 'label_noise' above 0, 1e-3 say."
        )
        fits = self.divergence == "reverse_kl" or takes_divergence(self.loss)
        require(fits, f"The field 'divergence' {said}; set it to \"reverse_kl\".")
        require(not self.margin or takes_margin(self.loss), f"The field 'margin' {said}; set it to 0.")
        plain = self.loss == "sigmoid" and not self.label_noise
        require(self.ties == "none" or plain, "Ties are learnt with the loss \"sigmoid\" without 'label_noise' only.")
        soft = self.labels == "soft"
        fits = not soft or (takes_soft_labels(self.loss) and not self.label_noise)
        require(
            fits,
            'Soft \'labels\' are learnt with the losses "sigmoid", "sigmoid_norm" and "simpo" without'
            " 'label_noise' only.",
        )
        strong = self.margin_by == "strength"
        require(self.margin or not strong, "The field 'margin_by' does nothing without a 'margin'; set one.")
        alone = self.weights == "none" or self.loss not in SORTED
        require(alone, f'The field \'weights\' must be "none" with the loss "{self.loss}", which sorts pairs anew.')


@dataclass(frozen=True)
class ReferencedRanking:
    """A ranking with what the reference thinks of its completions."""

    ranking: EncodedRanking
    reference: torch.Tensor
    """[K] fp32: log pi_ref(y|x) in nats."""
    products: torch.Tensor
    """[K, K] fp32: inner products of the completions' summed hidden states, see displacement.py."""


def train_dpo(config: DpoConfig) -> None:
    """Train and save a policy as the configuration says."""
    run = RunDirectory(config.out)
    run.write_config(config)
    device = prepare_process(seed=config.seed, threads=config.threads, parallel=config.loss not in SORTED)
    run.progress(0, 1, "loading the model and the rankings")
    model, tokenizer = load_policy(config.base, device=device)
    require_context(model, config.max_prompt_tokens + config.max_completion_tokens)
    rows = {split: read_learnt(config, split) for split in SPLITS}
    splits = {split: _encode(config, tokenizer, split, rows[split]) for split in SPLITS}
    require_learnt(config, splits["train"])
    noise, results = config.label_noise, []
    if noise == "agreement":
        noise, results = measured_noise(config.snapshot)
    print(f"{len(splits['train'])} rankings to learn, {parameter_count(model)} parameters")
    run.progress(0, 1, "computing the reference's log-probabilities")
    model.eval()
    layout = layout_for(
        model,
        tokenizer.pad_token_id,
        encoding=config.encoding,
        tokens_at_once=config.tokens_at_once,
        ties=config.ties != "none",
        alike=config.alike,
    )
    referenced = {split: refer(config, model, layout, rankings) for split, rankings in splits.items()}
    train, of_filter = filter_pairs(config, run, rows["train"], referenced["train"])
    alarm = Alarm(config.alarm, stops=config.alarm_stops)
    inputs = {"base": hash_input(config.base), "snapshot": hash_input(config.snapshot)}
    _train(replace(config, label_noise=noise), run, model, tokenizer, layout, train, alarm, inputs)
    if not processes.leads():
        return
    run.progress(1, 1, "saving the model and measuring on the held-out splits")
    save_model(model, tokenizer, run.model)
    for split in ("validation", "test"):
        results += _held_out_results(config, model, layout, split, referenced[split])
    run.write_manifest(
        recipe="dpo",
        kind="policy",
        config=config,
        seed=config.seed,
        inputs=inputs,
        results=[*results, *of_filter, *alarm.results("dpo")],
    )


def _encode(
    config: DpoConfig, tokenizer: PreTrainedTokenizerBase, split: str, rows: Sequence[RankingRow]
) -> list[EncodedRanking]:
    return encode_rankings(
        tokenizer,
        rows,
        max_prompt_tokens=config.max_prompt_tokens,
        max_completion_tokens=config.max_completion_tokens,
        weights=config.weights,
        ties=config.ties != "none" and split == "train",
        margin_by=config.margin_by if split == "train" else "ranks",
    )


def require_learnt(config: DpoConfig, rankings: Sequence[EncodedRanking]) -> None:
    """Raise RecipeError where the train split, `rankings`, has nothing to learn."""
    require_rows(rankings, "rankings with a strict pair", config.snapshot)


def filter_pairs(
    config: DpoConfig, run: RunDirectory, rows: Sequence[RankingRow], rankings: Sequence[ReferencedRanking]
) -> tuple[list[ReferencedRanking], list[Result]]:
    """Leave out the pairs that `ches_drop` asks for, and write ches.json about all of them.

    `rows` are those of the train split, with or without a pair. A ranking all of whose pairs are left out is no longer
    learnt, unless its ties are.
    """
    ties = config.ties != "none"
    rows = [row for row in rows if row.pairs or ties]
    encoded = [item.ranking for item in rankings]
    normalised = config.ches == "length_normalised"
    pairs = score_pairs(encoded, [item.products for item in rankings], normalised=normalised)
    if processes.leads():
        write_json(run.path / CHES_FILE, ches_report(rows, pairs, share=config.ches_drop, normalised=normalised))
    dropped = highest(pairs, config.ches_drop)
    left_out: dict[int, set[tuple[int, int]]] = {}
    for pair in dropped:
        left_out.setdefault(pair.ranking, set()).add((pair.better, pair.worse))
    kept = [
        replace(item, ranking=replace(item.ranking, left_out=frozenset(left_out.get(number, ()))))
        for number, item in enumerate(rankings)
    ]
    learnt = [item for item in kept if item.ranking.pairs or (ties and _has_ties(item.ranking))]
    if not learnt:
        raise RecipeError("With this 'ches_drop' no pair is left to learn; lower it.")
    return learnt, ches_results(rows, pairs, dropped)


def _has_ties(ranking: EncodedRanking) -> bool:
    return len(set(ranking.ranks)) < len(ranking.ranks)


def settings_of(config: DpoConfig, rankings: Sequence[EncodedRanking]) -> Settings:
    """Return what the loss is told, of these rankings to learn."""
    return Settings(
        config.loss,
        config.beta,
        label_noise=config.label_noise,
        divergence=config.divergence,
        divergence_alpha=config.divergence_alpha,
        margin=config.margin,
        nu=(config.nu or likely_ties(rankings)) if config.ties == "davidson" else None,
        nll=config.nll,
    )


def _train(
    config: DpoConfig,
    run: RunDirectory,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    layout: Layout,
    rankings: list[ReferencedRanking],
    alarm: Alarm,
    inputs: dict[str, str],
) -> None:
    settings = settings_of(config, [item.ranking for item in rankings])
    learn(
        config,
        run,
        model,
        rankings,
        lengths=[item.ranking.tokens for item in rankings],
        batch_size=config.batch_rankings,
        losses=partial(_losses, config, model, layout, settings, alarm),
        passes=lambda items: layout.passes([item.ranking for item in items]),
        watcher=alarm,
        described=lambda item: as_texts(tokenizer, item.ranking),
        inputs=inputs,
    )


def _losses(
    config: DpoConfig,
    model: PreTrainedModel,
    layout: Layout,
    settings: Settings,
    alarm: Alarm,
    rankings: Sequence[ReferencedRanking],
) -> Iterator[PartLoss]:
    """Yield the loss of each part of a step, with how its strict pairs have moved."""
    for part in layout.parts([item.ranking for item in rankings]):
        items = rankings[part.first : part.first + len(part.rankings)]
        reference = torch.cat([item.reference for item in items]).to(model.device)
        with autocast(model, config.precision):
            log_probs = sequence_log_probs(model, part.batch)
        shift, strict = (log_probs - reference).detach(), ~part.pairs.tied
        better, worse = part.pairs.better[strict], part.pairs.worse[strict]
        tokens = part.batch.completion_lengths
        shifts = pair_shifts(shift[better], shift[worse], config.beta)
        seen = partial(_watch, alarm, (shift / tokens)[better])
        yield PartLoss(policy_loss(log_probs, reference, tokens, part.pairs, settings), shifts, seen)


def _watch(alarm: Alarm, shifts: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"alarm": torch.tensor([float(alarm.watch(shifts.tolist()))])}


def pair_shifts(better: torch.Tensor, worse: torch.Tensor, beta: float) -> dict[str, torch.Tensor]:
    """Return how the log-probabilities of pairs have moved away from the reference's, [P] each.

    `better` and `worse` are [P]: log pi - log pi_ref in nats, of the two completions of each pair; their means are the
    metrics chosen_shift and rejected_shift. margin is the implicit reward of better minus that of worse.
    """
    return {
        "accuracy": better > worse,
        "margin": beta * (better - worse),
        "chosen_shift": better,
        "rejected_shift": worse,
    }


@torch.no_grad()
def refer(
    config: DpoConfig,
    model: PreTrainedModel,
    layout: Layout,
    rankings: Sequence[EncodedRanking],
) -> list[ReferencedRanking]:
    """Return the rankings with what the model says of their completions, on the CPU."""
    found: list[ReferencedRanking | None] = [None] * len(rankings)
    order = sorted(range(len(rankings)), key=lambda index: rankings[index].tokens)
    for first, last in within(layout.tokens_at_once, [layout.cost(rankings[index]) for index in order]):
        some = [rankings[index] for index in order[first:last]]
        batch, _ = ranking_batch(some, layout.pad_token_id, layout.device, shared=layout.shared)
        with autocast(model, config.precision):
            likelihoods = token_likelihoods(model, batch, entropy=False)
        sizes = [len(ranking.completions) for ranking in some]
        log_probs = likelihoods.log_probs.sum(dim=1).cpu().split(sizes)
        products = [sums @ sums.T for sums in likelihoods.hidden_sums.split(sizes)]
        for index, ranking, of, product in zip(order[first:last], some, log_probs, products, strict=True):
            found[index] = ReferencedRanking(ranking, of, product.cpu())
    return found


def _held_out_results(
    config: DpoConfig,
    model: PreTrainedModel,
    layout: Layout,
    split: str,
    rankings: list[ReferencedRanking],
) -> list[Result]:
    """Accuracy of the implicit reward, and the shifts of better and worse completions, on rankings not trained on."""
    if not rankings:
        return []
    encoded = [item.ranking for item in rankings]
    now = refer(config, model, layout, encoded)
    shifts = [(new.reference - item.reference).tolist() for new, item in zip(now, rankings, strict=True)]
    correct, clusters = pair_accuracy(encoded, shifts)
    note = f"{len(correct)} strict pairs of {len(rankings)} rankings; n and interval are over prompts"
    results = [share_result(f"{split}_accuracy", correct, clusters, subject="dpo", note=note)]
    of = {"subject": "dpo", "against": "reference", "note": note}
    for name, side in (("chosen_shift", 0), ("rejected_shift", 1)):
        places = [(number, pair[side]) for number, ranking in enumerate(encoded) for pair in ranking.pairs]
        moved = [shifts[number][place] for number, place in places]
        tokens = [len(encoded[number].completions[place]) for number, place in places]
        by_token = [shift / length for shift, length in zip(moved, tokens, strict=True)]
        results.append(mean_result(f"{split}_{name}", moved, clusters, unit="nats", **of))
        results.append(mean_result(f"{split}_{name}_per_token", by_token, clusters, unit="nats/token", **of))
    return results


def plan(config: DpoConfig) -> Plan:
    """Say what a run would do."""
    return rankings_plan(
        config, language_model=True, read=partial(read_learnt, config), check=partial(require_learnt, config)
    )


if __name__ == "__main__":
    run_recipe(DpoConfig, train_dpo, plan=plan)
