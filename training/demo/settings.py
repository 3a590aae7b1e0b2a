"""The demo's sizes and its recipes' hyperparameters, measured together by ``./run bench demo``.

The demo is sensitive to the reward model's learning rate and to the world's size; change one and run the benchmark.
"""

SEED = 0
"""Seed of everything that the seeding draws."""

RANKING_TASKS = {"train": 400, "validation": 40, "test": 80}
"""Tasks to rank, by the split of their prompt; test prompts are what the nightly evaluation samples on."""

DEMONSTRATIONS = 300
"""Demonstrations that simulated annotators write, all on training prompts that nobody ranks."""

OPEN_DEMONSTRATIONS = 30
"""Prompts that wait for a person to write the reply."""

JUDGEMENTS_PER_TASK = 2
"""Simulated judgements of each ranking task; the campaign asks for ``OVERLAP``, so people find every task open."""

OVERLAP = 3
"""Annotators whom the ranking campaign wants for each task."""

DRAFTS = {"draft-1": 0.15, "draft-2": 0.4, "draft-3": 0.65, "draft-4": 0.9}
"""Producers of the completions that are ranked first, before there is any policy: the grammar at four qualities."""

RECIPES: dict[str, dict] = {
    "base": {"corpus": "world", "documents": 16_000, "batch_size": 16},
    "ppo": {"iterations": 30, "kl_coefficient": 0.15},
    "evaluate": {"judge": "world"},
}
"""What the demo's pipeline sets in its recipes' configurations; everything else is the recipes' own default."""
