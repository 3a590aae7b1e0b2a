"""The losses of the DPO family, on pairs of completions that a policy and a reference have scored.

Each takes P pairs and gives P losses, in nats where it is a likelihood; weights and means are the caller's. With
b and w the better and the worse completion, h(y) = log pi(y|x) - log pi_ref(y|x) and |y| the tokens of y, the margin
that most of them look at is

    d = beta * (g(h(b)) - g(h(w))) - m

where g is the identity, or follows from another divergence than reverse KL (Wang et al. 2024, arXiv 2309.16240,
table 1), and m is how far apart the two should be at least (Amini et al. 2024, arXiv 2402.10571, eq. 8).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn.functional import logsigmoid

from training.modelling.losses import Pairs, davidson_losses

Divergence = Literal["reverse_kl", "forward_kl", "js", "alpha"]
Variant = Literal[
    "sigmoid",
    "hinge",
    "ipo",
    "robust",
    "exo",
    "nca",
    "bco",
    "sppo",
    "apo_zero",
    "apo_down",
    "discopop",
    "sigmoid_norm",
    "aot",
    "aot_unpaired",
    "simpo",
    "orpo",
]
SORTED: frozenset[Variant] = frozenset({"aot", "aot_unpaired"})
"""These compare what is sorted over all pairs of a forward pass: their losses are not those of single pairs."""
WITHOUT_REFERENCE: frozenset[Variant] = frozenset({"simpo", "orpo"})
"""These look at the policy alone."""
DISCOPOP_TAU = 0.05
LARGEST_EXPONENT = 80.0


@dataclass(frozen=True)
class ScoredPairs:
    """P pairs, each with what the policy and the reference give the better and the worse completion."""

    better: torch.Tensor
    """[P] fp32: log pi(b|x) in nats, with gradient."""
    worse: torch.Tensor
    """[P] fp32: log pi(w|x)."""
    better_reference: torch.Tensor
    """[P] fp32: log pi_ref(b|x)."""
    worse_reference: torch.Tensor
    """[P] fp32: log pi_ref(w|x)."""
    better_tokens: torch.Tensor
    """[P] int64: tokens of b, its end token included."""
    worse_tokens: torch.Tensor
    """[P] int64: tokens of w."""
    margin: torch.Tensor
    """[P] fp32: m, how far apart the two should be at least; 0 where nobody asks for it."""
    sure: torch.Tensor | None = None
    """[P] fp32: how sure it is that b is the better one; None where `Settings.label_noise` says it of all pairs."""

    @property
    def shifts(self) -> tuple[torch.Tensor, torch.Tensor]:
        """h(b) and h(w), [P] each."""
        return self.better - self.better_reference, self.worse - self.worse_reference


@dataclass(frozen=True)
class Settings:
    """What the losses can be told."""

    variant: Variant
    beta: float
    label_noise: float = 0.0
    """The chance that a pair was judged the wrong way round."""
    divergence: Divergence = "reverse_kl"
    divergence_alpha: float = 0.5
    margin: float = 0.0
    """How far apart two completions should be at least for each rank between them."""
    nu: float | None = None
    """How likely ties are, see `davidson_losses`; None where tied pairs are left out."""
    nll: float = 0.0
    """What the better completion's own loss per token weighs beside (Pang et al. 2024, arXiv 2404.19733, eq. 1)."""


def policy_loss(
    log_probs: torch.Tensor, reference: torch.Tensor, tokens: torch.Tensor, pairs: Pairs, settings: Settings
) -> torch.Tensor:
    """Return the weighted loss of the pairs of N completions, a scalar.

    All of the first three are [N]: log pi(y|x) and log pi_ref(y|x) in nats, and |y|, the end token included.
    """
    both = [one[side] for one in (log_probs, reference, tokens) for side in (pairs.better, pairs.worse)]
    scored = ScoredPairs(*both, margin=settings.margin * pairs.distance, sure=pairs.sure)
    if settings.nu is None:
        losses = preference_losses(scored, settings)
    else:
        losses = davidson_losses(_margins(scored, settings), pairs.tied, settings.nu)
    if settings.nll:
        losses = losses - settings.nll * torch.where(pairs.tied, 0.0, scored.better / scored.better_tokens)
    weight = pairs.weight.mean() if settings.variant in SORTED else pairs.weight
    return (losses * weight).sum()


def preference_losses(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Return the loss of each pair, [P]."""
    return _LOSSES[settings.variant](pairs, settings)


def takes_noise(variant: Variant) -> bool:
    """Whether a variant can be told how often judgements are wrong."""
    return variant in ("sigmoid", "robust", "exo", "sigmoid_norm", "simpo") or variant in SORTED


def takes_soft_labels(variant: Variant) -> bool:
    """Whether a variant can be told of each pair how sure it is."""
    return variant in ("sigmoid", "sigmoid_norm", "simpo")


def takes_divergence(variant: Variant) -> bool:
    """Whether a variant looks at g(h), so that another divergence than reverse KL makes sense."""
    return variant in ("sigmoid", "hinge", "ipo", "robust", "exo", "discopop", "sigmoid_norm")


def takes_margin(variant: Variant) -> bool:
    """Whether a variant looks at how far apart the two are, so that it can be asked for a margin."""
    return variant in ("sigmoid", "hinge", "robust", "exo", "discopop", "sigmoid_norm", "simpo")


def _scores(pairs: ScoredPairs, settings: Settings) -> tuple[torch.Tensor, torch.Tensor]:
    """g(h(b)) and g(h(w)): f'(t) of the divergence at t = e^h, up to a constant."""
    better, worse = (_derivative(shift, settings) for shift in pairs.shifts)
    return better, worse


def _derivative(shift: torch.Tensor, settings: Settings) -> torch.Tensor:
    if settings.divergence == "forward_kl":
        return 1 - torch.exp(-shift)
    if settings.divergence == "js":
        return math.log(2) + logsigmoid(shift)
    if settings.divergence == "alpha" and abs(settings.divergence_alpha - 1) > 1e-6:  # at 1 it is reverse KL
        power = settings.divergence_alpha - 1
        return (torch.exp((power * shift).clamp(max=LARGEST_EXPONENT)) - 1) / power
    return shift


def _margins(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    better, worse = _scores(pairs, settings)
    return settings.beta * (better - worse) - pairs.margin


def _noise(pairs: ScoredPairs, settings: Settings) -> torch.Tensor | float:
    return settings.label_noise if pairs.sure is None else 1 - pairs.sure


def _smoothed(margins: torch.Tensor, noise: torch.Tensor | float) -> torch.Tensor:
    return -(1 - noise) * logsigmoid(margins) - noise * logsigmoid(-margins)


def _sigmoid(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Rafailov et al. 2023 (arXiv 2305.18290), eq. 7; with noise Mitchell's conservative DPO."""
    return _smoothed(_margins(pairs, settings), _noise(pairs, settings))


def _hinge(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """SLiC-HF (Zhao et al. 2023, arXiv 2305.10425) on the shifts, as Liu et al. 2024 (arXiv 2309.06657) do, eq. 11."""
    return torch.relu(1 - _margins(pairs, settings))


def _ipo(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Azar et al. 2023 (arXiv 2310.12036), eq. 17, on the mean per token, which the paper's figures rest on."""
    better, worse = _scores(pairs, settings)
    gap = better / pairs.better_tokens - worse / pairs.worse_tokens
    return (gap - 1 / (2 * settings.beta)) ** 2


def _robust(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Chowdhury et al. 2024 (arXiv 2403.00409), eq. 10: its mean over noisy labels is the loss of the clean ones."""
    margins, noise = _margins(pairs, settings), settings.label_noise
    return (-(1 - noise) * logsigmoid(margins) + noise * logsigmoid(-margins)) / (1 - 2 * noise)


def _exo(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Ji et al. 2024 (arXiv 2402.00856), eq. 16: the other direction of KL; the noise must be above 0."""
    margins, noise = _margins(pairs, settings), settings.label_noise
    right, wrong = logsigmoid(margins), logsigmoid(-margins)
    return right.exp() * (right - math.log1p(-noise)) + wrong.exp() * (wrong - math.log(noise))


def _nca(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Chen et al. 2024 (arXiv 2402.05369), eq. 11 for two completions: each against noise, so chosen does not fall."""
    better, worse = (settings.beta * shift for shift in pairs.shifts)
    return -logsigmoid(better) - 0.5 * logsigmoid(-better) - 0.5 * logsigmoid(-worse)


def _bco(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Jung et al. 2024 (arXiv 2404.04656) on pairs, without the shift of the reward."""
    better, worse = (settings.beta * shift for shift in pairs.shifts)
    return -logsigmoid(better) - logsigmoid(-worse)


def _sppo(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Wu et al. 2024 (arXiv 2405.00675), eq. 4.7, where the winner wins for certain."""
    better, worse = pairs.shifts
    return (better - 0.5 / settings.beta) ** 2 + (worse + 0.5 / settings.beta) ** 2


def _apo_zero(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """D'Oosterlinck et al. 2024 (arXiv 2408.06266), eq. 7: for completions that are better than the policy's own."""
    better, worse = (settings.beta * shift for shift in pairs.shifts)
    return torch.sigmoid(-better) + torch.sigmoid(worse)


def _apo_down(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """The same, eq. 8: for completions that are worse than the policy's own."""
    better, worse = (settings.beta * shift for shift in pairs.shifts)
    return torch.sigmoid(better) + torch.sigmoid(worse - better)


def _discopop(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Lu et al. 2024 (arXiv 2406.08414), eq. 5: logistic near 0 and exponential beyond, as a search found it."""
    margins = _margins(pairs, settings)
    share = torch.sigmoid(margins / DISCOPOP_TAU)
    return -logsigmoid(margins) * (1 - share) + torch.exp(-margins) * share


def _sigmoid_norm(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """DPO on the mean per token (Lambert et al. 2024, arXiv 2411.15124, eq. 6): length alone moves no margin."""
    better, worse = _scores(pairs, settings)
    margins = settings.beta * (better / pairs.better_tokens - worse / pairs.worse_tokens) - pairs.margin
    return _smoothed(margins, _noise(pairs, settings))


def _aot(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Melnyk et al. 2024 (arXiv 2406.05882), paired: the gaps' quantiles against those of the reference's gaps."""
    gaps, before = pairs.better - pairs.worse, pairs.better_reference - pairs.worse_reference
    return _smoothed(settings.beta * (gaps.sort().values - before.sort().values), settings.label_noise)


def _aot_unpaired(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """The same, unpaired: the quantiles of the better completions' h against those of the worse ones'."""
    better, worse = (shift.sort().values for shift in pairs.shifts)
    return _smoothed(settings.beta * (better - worse), settings.label_noise)


def _simpo(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Meng et al. 2024 (arXiv 2405.14734), eq. 6: the policy's mean per token itself; the margin is its gamma."""
    gap = pairs.better / pairs.better_tokens - pairs.worse / pairs.worse_tokens
    return _smoothed(settings.beta * gap - pairs.margin, _noise(pairs, settings))


def _orpo(pairs: ScoredPairs, settings: Settings) -> torch.Tensor:
    """Hong et al. 2024 (arXiv 2403.07691), eq. 6 and 7: SFT on the better one, and beta times the odds ratio."""
    better, worse = pairs.better / pairs.better_tokens, pairs.worse / pairs.worse_tokens
    log_odds = better - worse - (_log1mexp(better) - _log1mexp(worse))
    return -better - settings.beta * logsigmoid(log_odds)


def _log1mexp(x: torch.Tensor) -> torch.Tensor:
    """log(1 - e^x) for x < 0, exact on both sides of -log 2 (Maechler 2012, "Accurately computing log(1 - exp(-|a|))",
    eq. 7).
    """
    x = x.clamp(max=-1e-7)  # a policy that is certain of every token would have infinite odds
    return torch.where(x > -math.log(2), torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))


_LOSSES: dict[Variant, Callable[[ScoredPairs, Settings], torch.Tensor]] = {
    "sigmoid": _sigmoid,
    "hinge": _hinge,
    "ipo": _ipo,
    "robust": _robust,
    "exo": _exo,
    "nca": _nca,
    "bco": _bco,
    "sppo": _sppo,
    "apo_zero": _apo_zero,
    "apo_down": _apo_down,
    "discopop": _discopop,
    "sigmoid_norm": _sigmoid_norm,
    "aot": _aot,
    "aot_unpaired": _aot_unpaired,
    "simpo": _simpo,
    "orpo": _orpo,
}
