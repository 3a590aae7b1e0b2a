"""What agreement cannot tell you: a taste that annotators share raises agreement, whether or not it is right.

Simulated (tests/bench/bias.py; 200 annotators with a shared taste for length of 0, 1, 2, 3): alpha rises, .29, .36,
.48, .58, while accuracy falls, .73, .70, .66, .62. Only known answers, pairs that differ in nothing else, and
coefficients such as those of `bias.py` show it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from annotate.quality.intervals import Estimate
from annotate.quality.sentences import Said, number, percent
from annotate.quality.style import STEPS
from annotate.translations import translatable

NOTABLE = 0.2
"""Log-odds of the pictured difference from where a shared taste is worth a sentence: 55 % against 45 %."""

PICTURED = {
    "length": translatable(
        "Of two texts that are otherwise alike here, the typical annotator prefers one that is twice as long"
        " %(share)s of the time (95 %% interval %(lo)s to %(hi)s, n = %(n)s comparisons)."
    ),
    "lists": translatable(
        "Of two texts that are otherwise alike here, the typical annotator prefers one with three list items to one"
        " without %(share)s of the time (95 %% interval %(lo)s to %(hi)s, n = %(n)s comparisons)."
    ),
    "bold": translatable(
        "Of two texts that are otherwise alike here, the typical annotator prefers one with three bold passages to one"
        " without %(share)s of the time (95 %% interval %(lo)s to %(hi)s, n = %(n)s comparisons)."
    ),
    "headers": translatable(
        "Of two texts that are otherwise alike here, the typical annotator prefers one with three headers to one"
        " without %(share)s of the time (95 %% interval %(lo)s to %(hi)s, n = %(n)s comparisons)."
    ),
    "refusal": translatable(
        "Of two texts that are otherwise alike here, the typical annotator prefers one that declines to answer"
        " %(share)s of the time (95 %% interval %(lo)s to %(hi)s, n = %(n)s comparisons)."
    ),
    "assertive": translatable(
        "Of two texts that are otherwise alike here, the typical annotator prefers one that sounds sure to one that"
        " does not %(share)s of the time (95 %% interval %(lo)s to %(hi)s, n = %(n)s comparisons)."
    ),
    "agrees": translatable(
        "Of two texts that are otherwise alike here, the typical annotator prefers one that begins by agreeing with the"
        " user %(share)s of the time (95 %% interval %(lo)s to %(hi)s, n = %(n)s comparisons)."
    ),
    "position": translatable(
        "Of two texts that are otherwise alike here, the typical annotator prefers the one shown first"
        " %(share)s of the time (95 %% interval %(lo)s to %(hi)s, n = %(n)s comparisons)."
    ),
}
ASSOCIATION = translatable(
    "These are associations: how good the texts are is not accounted for, and what looks like a taste may be an eye for"
    " quality."
)
TASTE = translatable(
    "How good the texts are is accounted for, as far as it is known: what is left is taste, not an eye for quality."
)
AGREEMENT = translatable(
    "Annotators agree at alpha %(alpha)s (95 %% interval %(lo)s to %(hi)s). A taste that they share raises this figure"
    " whether or not it is right: agreement cannot tell a shared taste from shared knowledge."
)
GOLD = translatable(
    "Against known answers they are right %(share)s of the time (95 %% interval %(lo)s to %(hi)s, n = %(n)s). Believe"
    " this figure rather than agreement."
)
NO_GOLD = translatable(
    "There are no known answers to hold this against: only gold tasks could tell whether what annotators prefer is"
    " better."
)


def preferred_share(name: str, coefficient: float) -> float:
    """How often the text with more of a feature, by the difference that `STEPS` pictures, is preferred: 0 to 1."""
    return 1 / (1 + math.exp(min(700.0, -coefficient * STEPS.get(name, 1.0))))


def is_notable(name: str, found: Estimate) -> bool:
    """Whether a coefficient of the pool is clearly not 0 and large enough to matter."""
    if found.value is None or found.lo is None or found.lo <= 0 <= found.hi:
        return False
    return abs(found.value) * STEPS.get(name, 1.0) >= NOTABLE


def shared_bias_warning(
    pool: Mapping[str, Estimate], agreement: Estimate | None = None, gold_accuracy: Estimate | None = None
) -> list[Said]:
    """The sentences of "what agreement cannot tell you", with their figures; none where no taste is shared.

    `pool` is that of a `bias.Bias` (features by the names in style.py); `agreement` is Krippendorff's alpha;
    `gold_accuracy` the share right on known answers. Either may be missing or undefined.
    """
    tastes = [name for name in PICTURED if name in pool and is_notable(name, pool[name])]
    if not tastes:
        return []
    said = [_pictured(name, pool[name]) for name in tastes]
    said.append(Said(TASTE if "quality" in pool else ASSOCIATION, {}))
    if agreement and agreement.value is not None:
        figures = {"alpha": agreement.value, "lo": agreement.lo, "hi": agreement.hi}
        said.append(Said(AGREEMENT, {name: number(value) for name, value in _known(figures).items()}))
    if gold_accuracy is None or gold_accuracy.value is None:
        return [*said, Said(NO_GOLD, {})]
    figures = _known({"share": gold_accuracy.value, "lo": gold_accuracy.lo, "hi": gold_accuracy.hi})
    shares = {name: percent(value) for name, value in figures.items()}
    return [*said, Said(GOLD, {**shares, "n": f"{gold_accuracy.n:,}"})]


def _known(figures: dict[str, float | None]) -> dict[str, float]:
    """The figures; an interval that does not exist is that of nothing known, the whole range."""
    return {name: (value if value is not None else float(name == "hi")) for name, value in figures.items()}


def _pictured(name: str, found: Estimate) -> Said:
    values = {"share": found.value, "lo": found.lo, "hi": found.hi}
    shares = {key: percent(preferred_share(name, value)) for key, value in values.items()}
    return Said(PICTURED[name], {**shares, "n": f"{found.n:,}"})
