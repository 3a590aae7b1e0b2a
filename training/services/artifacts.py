"""Between a run's row and its folder: the configuration going in, the checked artifact and its figures coming out."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from training.modelling.artifacts import (
    CHECKPOINTS,
    MANIFEST,
    RecipeError,
    hash_file,
    is_record,
    read_manifest,
    write_json,
)
from training.models import Checkpoint, Evaluation, Run
from training.services.open_tasks import store_uncertainty, write_open_tasks

CHECKPOINT_KINDS = {"policy": Checkpoint.Kind.POLICY, "reward": Checkpoint.Kind.REWARD}
NAMED_POLICY = "policy:"
MEMBER = "reward:"
"""The role of a member of an ensemble of reward models, with its number."""
CONFIG = "config.json"
PROMPTS = "prompts.jsonl"
TASKS = "tasks.jsonl"


class ArtifactError(ValueError):
    """A recipe ended well, but what it left is not whole."""


def checkpoint_path(checkpoint: Checkpoint) -> str:
    """Where a recipe finds a checkpoint: a run's folder, or the local path or hub id that somebody named."""
    return str(settings.VAR_DIR / checkpoint.location) if checkpoint.run_id else checkpoint.location


def resolve_config(run: Run) -> Path:
    """Write the run's config.json, with the paths of inputs and output as they are on this machine; returns its path.

    Of a base run's config the corpus "snapshot" becomes the snapshot's folder; of a sample run's the list of prompts
    becomes a file; of an uncertainty run's the campaign becomes a file of the tasks that are open in it now. A further
    attempt is told from which earlier one it can go on.
    """
    run.path.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {**run.config, "out": str(run.path), "seed": run.seed}
    if run.recipe == Run.Recipe.BASE:
        if config.get("corpus") == "snapshot":
            config["corpus"] = str(run.snapshot.path)
    elif run.snapshot:
        config["snapshot"] = str(run.snapshot.path)
    if run.recipe == Run.Recipe.SAMPLE:
        lines = [json.dumps(prompt, ensure_ascii=False) + "\n" for prompt in config["prompts"]]
        (run.path / PROMPTS).write_text("".join(lines), encoding="utf-8")
        config["prompts"] = str(run.path / PROMPTS)
    if run.recipe == Run.Recipe.UNCERTAINTY:
        write_open_tasks(config.pop("campaign"), run.path / TASKS)
        config["tasks"] = str(run.path / TASKS)
    for entry in run.inputs.select_related("checkpoint").order_by("pk"):
        path = checkpoint_path(entry.checkpoint)
        if entry.role.startswith(MEMBER):
            config.setdefault("rewards", []).append(path)
        elif entry.role.startswith(NAMED_POLICY):
            config.setdefault("policies", {})[entry.role.removeprefix(NAMED_POLICY)] = path
        else:
            config[entry.role] = path
    if earlier := _left_checkpoints(run):
        config["resume_from"] = str(earlier)
    write_json(run.path / CONFIG, config)
    return run.path / CONFIG


def _left_checkpoints(run: Run) -> Path | None:
    """The folder of the last attempt before this one that left a checkpoint, as only recipes that take one up do."""
    for number in range(run.attempt - 1, 0, -1):
        folder = run.path.with_name(f"attempt-{number}")
        if any((folder / CHECKPOINTS).glob("*step-*.pt")) or any((folder / CHECKPOINTS).glob("*/complete.json")):
            return folder
    return None


def discard_checkpoints(run: Run) -> None:
    """Remove what a finished run's earlier attempts left for it to go on from."""
    for number in range(1, run.attempt):
        shutil.rmtree(run.path.with_name(f"attempt-{number}") / CHECKPOINTS, ignore_errors=True)


def verify_artifact(run: Run, *, on_file: Callable[[], None]) -> dict[str, Any]:
    """The manifest that the run left, after comparing every file with the hash it states.

    `on_file` is called after each file, because large weights take their time. Raises ArtifactError.
    """
    try:
        manifest = read_manifest(run.path)
    except RecipeError as error:
        raise ArtifactError(f"The recipe ended without an error, but: {error} Resume the run.") from error
    if manifest.get("recipe") != run.recipe:
        raise ArtifactError(f"{run.path / MANIFEST} is of {manifest.get('recipe')!r}, not of {run.recipe!r}.")
    found = {
        path.relative_to(run.path).as_posix(): path
        for path in run.path.rglob("*")
        if path.is_file() and not is_record(path.relative_to(run.path).as_posix())
    }
    if found.keys() != manifest["files"].keys():
        odd = sorted(found.keys() ^ manifest["files"].keys())
        raise ArtifactError(f"The manifest of {run.path} and the files there differ: {', '.join(odd)}. Resume the run.")
    for name, digest in manifest["files"].items():
        if hash_file(found[name]) != digest:
            raise ArtifactError(f"{found[name]} is not what the manifest says (another sha256). Resume the run.")
        on_file()
    return manifest


def record_results(run: Run, manifest: dict[str, Any]) -> None:
    """Write what a finished run made and found; the caller's transaction also ends the run."""
    made = None
    if manifest["kind"] in CHECKPOINT_KINDS:
        when = f"{run.pipeline.date:%Y-%m-%d}" if run.pipeline else f"run {run.pk}"
        made = Checkpoint.objects.create(
            kind=CHECKPOINT_KINDS[manifest["kind"]],
            name=f"{run.stage or run.recipe} {when} {manifest['sha256'][:8]}",
            sha256=manifest["sha256"],
            location=str(run.path.relative_to(settings.VAR_DIR)),
            run=run,
            manifest=manifest,
        )
    if run.recipe == Run.Recipe.UNCERTAINTY:
        store_uncertainty(run.config["campaign"], run.path)
    subjects = _subjects(run)
    # A recipe's figures are of "dpo"; where a pipeline makes several candidates by it, each has its own name.
    names = {run.recipe: run.stage} if run.stage else {}
    Evaluation.objects.bulk_create(
        Evaluation(
            run=run,
            checkpoint=subjects.get(result["subject"], made),
            **{**result, "subject": names.get(result["subject"], result["subject"])},
        )
        for result in manifest["results"]
    )


def _subjects(run: Run) -> dict[str, Checkpoint]:
    """The checkpoints that an evaluation's figures are about, by the name under which it knows them."""
    names = {"reference": "sft", "reward": "reward"}
    return {
        names.get(entry.role, entry.role.removeprefix(NAMED_POLICY)): entry.checkpoint
        for entry in run.inputs.select_related("checkpoint")
        if run.recipe == Run.Recipe.EVALUATE
    }
