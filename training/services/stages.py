"""What each stage of a pipeline runs: its configuration and the checkpoints it reads.

A recipe's own defaults hold unless the demo's settings (for a pipeline on the demo's world) or the pipeline's config
say otherwise, in that order.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from annotate.hashing import sha256_of
from annotate.models import Campaign, Prompt
from training.candidates import BY_DEFAULT, CANDIDATES, recipe_of
from training.demo import settings as demo
from training.demo import world
from training.modelling.artifacts import hash_input
from training.models import Checkpoint, Pipeline, Run, Snapshot
from training.services.artifacts import NAMED_POLICY
from training.services.overrides import PUBLISH

Recipe = Run.Recipe
EMBEDDED = "embedded"
ANYTHING_ELSE = {Recipe.BASE: {"corpus": "snapshot"}, Recipe.EVALUATE: {"judge": "reward"}}
"""Outside the demo's world an embedded base model reads the snapshot, and the reward model is the only judge."""
EMBEDDED_EPOCHS = {Recipe.REWARD: 3}
"""How often an embedded model of a million parameters goes through its rankings; one that was pretrained does once."""

LEARNED = (Campaign.Kind.RANKING, Campaign.Kind.DEMONSTRATION, Campaign.Kind.REVISION, Campaign.Kind.REVIEW)
"""The kinds of campaigns that a pipeline learns from. Ratings and step labels by themselves are frozen into snapshots
when somebody asks for them, for recipes that are started by hand; their prompts say nothing of what a pipeline is
about."""

Runs = Mapping[str, Run]


def is_world(prompts: Iterable[Prompt]) -> bool:
    """Whether all these prompts are the demo world's, so that its judge can score them."""
    try:
        for prompt in prompts:
            world.parse(prompt.messages)
    except world.NotOfThisWorld:
        return False
    return True


def candidates_of(pipeline: Pipeline) -> Sequence[str]:
    """The names of the policies that the pipeline puts before the gate."""
    return pipeline.config.get("candidates", BY_DEFAULT)


def training_stages(pipeline: Pipeline) -> list[str]:
    """The stages up to the gate, in the order in which they are queued."""
    return [Recipe.BASE, Recipe.SFT, Recipe.REWARD, *candidates_of(pipeline), Recipe.EVALUATE]


def stage_config(pipeline: Pipeline, stage: str) -> dict[str, Any]:
    """The fields with which the pipeline calls a stage's recipe, where they differ from the recipe's defaults."""
    recipe = recipe_of(stage)
    config = dict((demo.RECIPES if pipeline.config["world"] else ANYTHING_ELSE).get(recipe, {}))
    if stage in CANDIDATES:
        config |= CANDIDATES[stage].fields
    if stage == Recipe.SFT and not pipeline.snapshot.manifest["counts"]["demonstrations"]["train"]:
        config["source"] = "preferred"
    if stage in EMBEDDED_EPOCHS and pipeline.base_model == EMBEDDED:
        config.setdefault("epochs", EMBEDDED_EPOCHS[stage])
    if stage == Recipe.REWARD and _knows_gold(pipeline.snapshot):
        config["weights"] = "annotator"  # not of DPO, where it was measured to change nothing (docs/training.md)
    return config | pipeline.config.get(stage, {})


def _knows_gold(snapshot: Snapshot) -> bool:
    """Whether its rankings weigh what gold says; one that is older than weights says nothing about them."""
    return snapshot.manifest.get("weights", {}).get("method") == "gold"


def publish_config(pipeline: Pipeline) -> dict[str, int]:
    """How the pipeline asks people again."""
    return PUBLISH | pipeline.config.get("publish", {})


def base_checkpoint(pipeline: Pipeline, runs: Runs) -> Checkpoint | None:
    """The model that the pipeline starts from; None when it has to be trained first.

    An embedded base model is trained once and used again by every pipeline with the same configuration, so that the
    policies of different nights have one vocabulary and can be compared.
    """
    if pipeline.base_model != EMBEDDED:
        return _named_model(pipeline.base_model)
    if Recipe.BASE in runs:
        return made_by(runs, Recipe.BASE)
    wanted = stage_config(pipeline, Recipe.BASE)
    same = Checkpoint.objects.filter(run__recipe=Recipe.BASE, run__seed=pipeline.config["seed"])
    return next((checkpoint for checkpoint in same.select_related("run") if checkpoint.run.config == wanted), None)


def _named_model(name: str) -> Checkpoint:
    """A model from outside: a local path, known by its content, or a hub id, known by its name."""
    found = hash_input(name)
    sha256 = sha256_of(found) if found.startswith("hub:") else found
    return Checkpoint.objects.get_or_create(
        kind=Checkpoint.Kind.POLICY, run=None, location=name, sha256=sha256, defaults={"name": name[:200]}
    )[0]


def made_by(runs: Runs, stage: str) -> Checkpoint | None:
    """The checkpoint of a stage, once it is done."""
    run = runs.get(stage)
    return run.checkpoint if run and run.state == Run.State.DONE else None


def stage_inputs(pipeline: Pipeline, stage: str, runs: Runs) -> dict[str, Checkpoint] | None:
    """The checkpoints that a stage reads, by role; None while one of them is still to be made."""
    sft, reward = made_by(runs, Recipe.SFT), made_by(runs, Recipe.REWARD)
    roles: dict[str, Checkpoint | None]
    if stage == Recipe.BASE:
        roles = {}
    elif stage == Recipe.SFT:
        roles = {"base": base_checkpoint(pipeline, runs)}
    elif stage == Recipe.REWARD:
        roles = {"base": sft}
    elif stage in CANDIDATES:
        roles = {"base": sft, **({"reward": reward} if CANDIDATES[stage].reads_reward else {})}
    else:
        candidates = {NAMED_POLICY + name: made_by(runs, name) for name in candidates_of(pipeline)}
        roles = {"reference": sft, "reward": reward, **candidates}
    if any(checkpoint is None for checkpoint in roles.values()):
        return None
    if stage == Recipe.EVALUATE and (policy := comparable_policy_in_force(sft)):
        roles[f"{NAMED_POLICY}promoted"] = policy
    return roles


def needs_run(pipeline: Pipeline, stage: str, runs: Runs) -> bool:
    """Whether the stage still has to be queued."""
    if stage in runs:
        return False
    if stage != Recipe.BASE:
        return True
    return pipeline.base_model == EMBEDDED and base_checkpoint(pipeline, runs) is None


def policy_in_force() -> Checkpoint | None:
    """The policy that was promoted last."""
    promoted = Checkpoint.objects.filter(kind=Checkpoint.Kind.POLICY, promoted_at__isnull=False).select_related("run")
    return promoted.order_by("-promoted_at", "-pk").first()


def comparable_policy_in_force(sft: Checkpoint) -> Checkpoint | None:
    """The policy in force, if it grew from the same base model: with another vocabulary its figures mean little."""
    policy = policy_in_force()
    return policy if policy and root_of(policy) == root_of(sft) else None


def root_of(checkpoint: Checkpoint) -> Checkpoint:
    """The base model that a checkpoint was trained from, through all runs in between."""
    while checkpoint.run_id:
        entry = checkpoint.run.inputs.filter(role="base").select_related("checkpoint").first()
        if entry is None:
            break
        checkpoint = entry.checkpoint
    return checkpoint
