"""Warmup, stable, decay: a learning rate that stays high and falls at the end only.

Hu et al. 2024 (MiniCPM, arXiv 2404.06395, section 4.1): unlike a cosine over the whole run, the rate does not depend on
how long the run will be until the decay begins, and most of the loss falls in the decay: so that is where the best data
go. The shape of the decay matters little; 1 - sqrt does best in Hägele et al. 2024 (arXiv 2405.18392, section 3).
"""

import math
from typing import Literal

Decay = Literal["sqrt", "cosine", "linear"]


def wsd_schedule(
    step: int, steps: int, *, rising: int, falling: int, decay: Decay = "sqrt", floor: float = 0.0
) -> float:
    """Return the factor on the learning rate at `step` (from 0) of `steps`.

    `rising` steps up to 1, the last of them at 1; then 1; then `falling` steps toward `floor`, the first of them at 1
    and none at `floor` itself, so that every step learns.
    """
    if step < rising:
        return (step + 1) / rising
    if step < steps - falling:
        return 1.0
    fallen = (step - (steps - falling)) / falling
    left = {
        "linear": 1 - fallen,
        "cosine": (1 + math.cos(math.pi * fallen)) / 2,
        "sqrt": 1 - math.sqrt(fallen),
    }[decay]
    return floor + (1 - floor) * left
