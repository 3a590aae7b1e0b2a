"""Between a campaign's tasks and the recipe that scores how unsure reward models are of them."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from django.db.models import F, QuerySet

from annotate.models import Campaign, Task, TaskCompletion
from annotate.services.uncertainty import set_uncertainty

UNCERTAINTY = "uncertainty.jsonl"
AT_ONCE = 500
"""Tasks read or stored in one go."""
FEWEST = 2
"""Completions that can be compared."""


def open_tasks(slug: str) -> QuerySet[Task]:
    """The campaign's tasks of work that still go to somebody and show completions to compare."""
    tasks = Task.objects.filter(campaign__slug=slug, purpose=Task.Purpose.WORK, withdrawn=False)
    return tasks.filter(submitted__lt=F("target"), k__gte=FEWEST).order_by("pk")


def write_open_tasks(slug: str, path: Path) -> None:
    """Write the campaign's open tasks as the recipe reads them, one a line."""
    with path.open("w", encoding="utf-8") as file:
        for row in _rows(slug):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _rows(slug: str) -> Iterator[dict]:
    ids = list(open_tasks(slug).values_list("pk", flat=True))
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        texts = defaultdict(list)
        shown = TaskCompletion.objects.filter(task__in=some).order_by("task_id", "position")
        for task, text in shown.values_list("task_id", "completion__text"):
            texts[task].append(text)
        prompts = dict(Task.objects.filter(pk__in=some).values_list("pk", "prompt__messages"))
        for task in some:
            yield {"task": task, "prompt": prompts[task], "completions": texts[task]}


def store_uncertainty(slug: str, folder: Path) -> None:
    """Store what the recipe found in this folder. The tasks may have been done meanwhile: that does no harm."""
    campaign = Campaign.objects.get(slug=slug)
    with (folder / UNCERTAINTY).open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        set_uncertainty(campaign=campaign, values=[(row["task"], row["uncertainty"]) for row in some])
