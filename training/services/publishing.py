"""Asking people again: which prompts come next, and the campaign made of a policy's answers to them."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.db.models import Exists, OuterRef

from annotate.hashing import prompt_sha256
from annotate.models import Campaign, Producer, Prompt, Task
from annotate.services.campaigns import add_task, create_campaign
from annotate.services.corpus import add_completion, add_producer, add_prompt
from training.demo import world
from training.models import Checkpoint, Pipeline
from training.services.stages import publish_config


def new_prompts(*, pipeline: Pipeline, count: int) -> list[dict[str, Any]]:
    """Up to `count` prompts to ask about next, as rows for the sampling recipe: {prompt, prompt_sha256, domain}.

    For a pipeline on the demo's world: prompts of that world that are in no task yet. For any other: prompts of the
    corpus that are in no task yet, then those of open demonstration campaigns that nobody ranked. In the order of their
    hashes, which is as good as random and the same each time.
    """
    found = _unused_world_prompts() if pipeline.config["world"] else _unranked_prompts()
    return list(islice(found, count))


def _unused_world_prompts() -> Iterator[dict[str, Any]]:
    used = set(Prompt.objects.filter(tasks__isnull=False).values_list("sha256", flat=True))
    cases = {prompt_sha256(world.prompt(case)): case for case in world.cases()}
    for sha256 in sorted(cases.keys() - used):
        yield {"prompt": world.prompt(cases[sha256]), "prompt_sha256": sha256, "domain": cases[sha256].domain}


def _unranked_prompts() -> Iterator[dict[str, Any]]:
    tasks = Task.objects.filter(prompt=OuterRef("pk"))
    written_for = tasks.filter(campaign__kind=Campaign.Kind.DEMONSTRATION, campaign__state=Campaign.State.OPEN)
    prompts = Prompt.objects.select_related("domain").order_by("sha256")
    unused = prompts.exclude(Exists(tasks))
    unranked = prompts.filter(Exists(written_for)).exclude(Exists(tasks.filter(campaign__kind=Campaign.Kind.RANKING)))
    for queryset in (unused, unranked):
        for prompt in queryset.iterator(chunk_size=200):
            domain = prompt.domain.slug if prompt.domain else ""
            yield {"prompt": prompt.messages, "prompt_sha256": prompt.sha256, "domain": domain}


def read_answers(folder: Path) -> dict[str, list[str]]:
    """A sampling run's completions by prompt hash: two or more different ones for each prompt that is there."""
    with (folder / "completions.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {row["prompt_sha256"]: row["completions"] for row in rows}


def publish_answers(
    *, pipeline: Pipeline, policy: Checkpoint, prompts: list[dict[str, Any]], answers: dict[str, list[str]]
) -> Campaign:
    """A new ranking campaign of a policy's answers, named after the pipeline; the caller holds the transaction."""
    ranked = Campaign.objects.filter(slug__in=pipeline.config["campaigns"], kind=Campaign.Kind.RANKING)
    by = pipeline.created_by
    campaign = create_campaign(
        slug=f"pipeline-{pipeline.date:%Y-%m-%d}" + (f"-{pipeline.number}" if pipeline.number > 1 else ""),
        name=f"{pipeline}: new answers",
        kind=Campaign.Kind.RANKING,
        guideline_slug=ranked.latest("created_at").guideline.slug,
        overlap=publish_config(pipeline)["overlap"],
        description=f"What {policy.name} answers to prompts that nobody has judged yet.",
        by=by,
    )
    producer = add_producer(name=policy.name, kind=Producer.Kind.POLICY)
    for row in prompts:
        if texts := answers.get(row["prompt_sha256"]):
            prompt = add_prompt(messages=row["prompt"], domain=row["domain"], by=by)
            completions = [add_completion(prompt=prompt, producer=producer, text=text, by=by) for text in texts]
            add_task(campaign=campaign, prompt=prompt, completions=completions)
    return campaign
