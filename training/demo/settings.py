"""The demo's sizes and its recipes' hyperparameters, measured together by ``./run bench demo``.

The demo is sensitive to the reward model's learning rate and to the world's size; change one and run the benchmark.
"""

SEED = 0
"""Seed of everything that the seeding draws."""

RANKING_TASKS = {"train": 1000, "validation": 40, "test": 80}
"""Tasks to rank, by the split of their prompt; held-out prompts are what the nightly evaluation samples on."""

JUDGEMENTS = {"train": 1, "validation": 3, "test": 3}
"""Simulated judgements of a ranking task. Most are judged once, because a reward model learns more from another prompt
than from another opinion; the held-out ones three times, so that agreement, its ceiling, is well measured."""

TARGET = {"train": 2, "validation": 3, "test": 3}
"""Annotators whom a ranking task wants: training tasks leave one place for people."""

GOLD_TASKS = 6
"""Tasks whose answer the world knows, mixed into the ranking: every simulated annotator has done them, so that their
skill is measured, and people meet them at the campaign's rate."""

DEMONSTRATIONS = 300
"""Demonstrations that simulated annotators write, all on training prompts that nobody ranks."""

OPEN_DEMONSTRATIONS = 30
"""Prompts that wait for a person to write the reply."""

DRAFTS = {"draft-1": 0.15, "draft-2": 0.4, "draft-3": 0.65, "draft-4": 0.9}
"""Producers of the completions that are ranked first, before there is any policy: the grammar at four qualities."""

ONE_THREAD = {"threads": 1}
"""For models this small a second thread gains little on an idle machine, and where web and workers want the cores too,
the two wait for each other: with both cores busy, base training was 20 times slower with two threads than with one."""

RECIPES: dict[str, dict] = {
    "base": {**ONE_THREAD, "corpus": "world", "documents": 24_000, "batch_size": 16},
    "sft": {**ONE_THREAD},
    "reward": {**ONE_THREAD, "epochs": 4},
    "dpo": {**ONE_THREAD, "beta": 0.3},
    "ppo": {**ONE_THREAD, "iterations": 30, "kl_coefficient": 0.15},
    "raft": {**ONE_THREAD},
    "kto": {**ONE_THREAD},
    "control": {**ONE_THREAD},
    "evaluate": {**ONE_THREAD, "judge": "world"},
    "sample": {**ONE_THREAD},
}
"""What the demo's pipeline sets in its recipes' configurations; everything else is the recipes' own default."""
