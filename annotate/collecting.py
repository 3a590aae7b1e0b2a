"""Full garbage collections of a process that lives long and holds much: what survived one is not looked through again.

A web process that shows the audit has loaded some 350,000 objects that stay (modules, compiled functions, sums). Python
goes through all of them at every full collection, which holds up whoever waits by 0.2 seconds.
"""

import gc
from typing import Any

MOST = 50_000
"""Survivors of a full collection that the next one looks through again: some 20 ms."""


def keep_full_collections_short() -> None:
    """From now on, full collections leave alone what survived one before, as soon as that is much."""
    if _set_aside not in gc.callbacks:
        gc.callbacks.append(_set_aside)


def _set_aside(phase: str, about: dict[str, Any]) -> None:
    """Only where much has come that stays: what is set aside is never collected if it ends up in a circle."""
    if phase == "stop" and about["generation"] == 2 and len(gc.get_objects(generation=2)) > MOST:
        gc.freeze()
