"""Pipelines: the nightly chain from judgements to a promoted policy and new questions.

`advance_pipeline` looks at the rows and does whatever is next. It keeps nothing in memory and may be called at any time
by anybody: every step is a conditional UPDATE or a unique constraint, so two callers never do a step twice, and a
process that dies leaves the step to the next caller. Runs call it when they end, and the reaper every few seconds.
"""

import datetime
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.models import Campaign, Judgement, Prompt, User
from training import gate
from training.candidates import recipe_of
from training.models import Checkpoint, Evaluation, Pipeline, Run, Snapshot
from training.services.messages import send
from training.services.overrides import checked
from training.services.publishing import new_prompts, publish_answers, read_answers
from training.services.runs import cancel_run, create_run, requeue_run
from training.services.scoring import score_where_uncertainty_comes_first
from training.services.snapshots import request_snapshot, retry_snapshot
from training.services.stages import (
    LEARNED,
    Recipe,
    candidates_of,
    is_world,
    needs_run,
    policy_in_force,
    publish_config,
    stage_config,
    stage_inputs,
    training_stages,
)

State = Pipeline.State
BROKEN = (Run.State.FAILED, Run.State.LOST)


def start_pipeline(
    *,
    date: datetime.date,
    trigger: str,
    by: User | None = None,
    again: bool = False,
    config: Mapping[str, Any] | None = None,
    campaigns: Collection[Campaign] | None = None,
) -> tuple[Pipeline, bool]:
    """The pipeline of a date, and whether this call started it. Each date has one, unless it is asked for `again`.

    `config` maps a stage to fields that differ from its recipe's defaults, and may have `candidates` (names of
    training.candidates), `gate` (gate.Thresholds), `publish` (overrides.PUBLISH) and `seed`. `campaigns` defaults to
    all that have judgements. Raises DomainError when there is nothing to learn from, the config has an unknown key, or
    another pipeline is running.
    """
    if not again and (existing := Pipeline.objects.filter(date=date, number=1).first()):
        return existing, False
    resolved = {**checked({} if config is None else config), **_selection(campaigns)}
    try:
        with transaction.atomic():
            last = Pipeline.objects.filter(date=date).aggregate(last=Max("number"))["last"] or 0
            pipeline = Pipeline.objects.create(
                date=date,
                number=last + 1,
                trigger=trigger,
                config=resolved,
                base_model=settings.BASE_MODEL,
                created_by=by,
            )
            send("advance_pipeline", pipeline.pk)
    except IntegrityError:
        return _who_was_first(date, again), False
    return pipeline, True


def _who_was_first(date: datetime.date, again: bool) -> Pipeline:
    """The pipeline that took the place; DomainError when it is not what was asked for."""
    if not again and (first := Pipeline.objects.filter(date=date, number=1).first()):
        return first
    running = Pipeline.objects.filter(state=State.RUNNING).first()
    if running:
        raise DomainError(
            _("%(pipeline)s is still running, and one runs at a time; wait for it or cancel it.")
            % {"pipeline": running}
        )
    raise DomainError(
        _("Another pipeline was started at the same moment, and one runs at a time; wait for it or cancel it.")
    )


def _selection(campaigns: Collection[Campaign] | None) -> dict[str, Any]:
    """What the pipeline learns from, and whether all of it is of the demo's world."""
    learned = Campaign.objects.filter(kind__in=LEARNED)
    chosen = learned if campaigns is None else Campaign.objects.filter(pk__in=[c.pk for c in campaigns])
    judged = Judgement.objects.of_work().filter(task__campaign__in=chosen).values("task__campaign")
    slugs = list(chosen.filter(pk__in=judged).order_by("slug").values_list("slug", flat=True))
    if not slugs:
        raise DomainError(_("There is nothing to learn from: nobody has judged anything yet. Rank some tasks first."))
    prompts = Prompt.objects.filter(pk__in=judged.values("task__prompt"))
    return {"campaigns": slugs, "world": is_world(prompts.iterator())}


def advance_pipeline(*, pipeline_id: int) -> None:
    """Do whatever a running pipeline's rows say is next; nothing when it must wait or has ended."""
    pipeline = Pipeline.objects.filter(pk=pipeline_id, state=State.RUNNING).select_related("snapshot").first()
    if pipeline is None:
        return
    try:
        _advance(pipeline)
    except DomainError as error:
        _end(pipeline, State.FAILED, reason=f"{error} Resume the pipeline to go on from there.")
    except DatabaseError:
        raise  # the reaper tries again in some seconds
    except Exception as error:
        _end(pipeline, State.FAILED, reason=f"{type(error).__name__}: {error}. Mend that, then resume it.")
        raise


def _advance(pipeline: Pipeline) -> None:
    if not _snapshot_is_ready(pipeline):
        return
    runs = {run.stage: run for run in pipeline.runs.select_related("checkpoint", "pipeline")}
    if any(run.state == Run.State.CANCELLED for run in runs.values()):
        cancelled = next(run for run in runs.values() if run.state == Run.State.CANCELLED)
        _end(pipeline, State.CANCELLED, reason=f"{cancelled} was cancelled.")
        return
    for run in runs.values():
        if run.state in BROKEN:
            said = _("%(run)s failed: %(why)s") if run.state == Run.State.FAILED else _("%(run)s was lost: %(why)s")
            raise DomainError(said % {"run": run, "why": run.last_words})
    if not pipeline.decision:
        _queue_training(pipeline, runs)
        _decide(pipeline, runs)
    if pipeline.decision:
        _ask_again(pipeline, runs)


def _hold(pipeline: Pipeline, **still: Any) -> bool:
    """Lock the pipeline's row for the caller's transaction, if it is still running and still so; False if it is not."""
    return Pipeline.objects.filter(pk=pipeline.pk, state=State.RUNNING, **still).update(state=State.RUNNING) == 1


def _end(pipeline: Pipeline, state: str, *, reason: str, **fields: Any) -> bool:
    running = Pipeline.objects.filter(pk=pipeline.pk, state=State.RUNNING)
    return running.update(state=state, reason=reason, ended_at=timezone.now(), **fields) == 1


def _snapshot_is_ready(pipeline: Pipeline) -> bool:
    if pipeline.snapshot is None:
        with transaction.atomic():
            if _hold(pipeline, snapshot=None):
                campaigns = Campaign.objects.filter(slug__in=pipeline.config["campaigns"])
                snapshot = request_snapshot(campaigns=campaigns, by=pipeline.created_by)
                Pipeline.objects.filter(pk=pipeline.pk).update(snapshot=snapshot)
        return False
    if pipeline.snapshot.state == Snapshot.State.FAILED:
        raise DomainError(_("The snapshot could not be frozen: %(why)s") % {"why": pipeline.snapshot.message})
    if pipeline.snapshot.state != Snapshot.State.READY:
        return False
    if not pipeline.snapshot.manifest["counts"]["comparisons"]["train"]:
        raise DomainError(
            _("The snapshot has no comparisons on training prompts, so nothing can learn preferences: rank more tasks.")
        )
    return True


def _queue_training(pipeline: Pipeline, runs: Mapping[str, Run]) -> None:
    """Queue every stage whose inputs are there."""
    for stage in training_stages(pipeline):
        if not needs_run(pipeline, stage, runs):
            continue
        inputs = stage_inputs(pipeline, stage, runs)
        if inputs is not None:
            config = stage_config(pipeline, stage)
            needs_snapshot = stage != Recipe.BASE or config.get("corpus") == "snapshot"
            _queue(pipeline, stage, config, inputs, pipeline.snapshot if needs_snapshot else None)


def _queue(
    pipeline: Pipeline, stage: str, config: dict, inputs: Mapping[str, Checkpoint], snapshot: Snapshot | None
) -> None:
    """Queue one stage, unless somebody else has or the pipeline has ended."""
    add = partial(create_run, config=config, inputs=inputs, snapshot=snapshot, pipeline=pipeline)
    with transaction.atomic():
        if _hold(pipeline) and not Run.objects.filter(pipeline=pipeline, stage=stage).exists():
            add(recipe=recipe_of(stage), stage=stage, seed=pipeline.config["seed"], by=pipeline.created_by)


def _decide(pipeline: Pipeline, runs: Mapping[str, Run]) -> None:
    """Put the candidates before the gate once they are evaluated."""
    evaluation = runs.get(Recipe.EVALUATE)
    if evaluation is None or evaluation.state != Run.State.DONE:
        return
    verdict = _verdict(pipeline, evaluation)
    promoted = runs[verdict.winner].checkpoint if verdict.winner else None
    decision = Pipeline.Decision.PROMOTED if promoted else Pipeline.Decision.KEPT
    with transaction.atomic():
        undecided = Pipeline.objects.filter(pk=pipeline.pk, state=State.RUNNING, decision="")
        if undecided.update(decision=decision, reason=verdict.reason, promoted=promoted) and promoted:
            Checkpoint.objects.filter(pk=promoted.pk).update(promoted_at=timezone.now())
    pipeline.refresh_from_db()


def _verdict(pipeline: Pipeline, evaluation: Run) -> gate.Verdict:
    fields = ("name", "subject", "against", "value", "lo", "hi", "n")
    rows = Evaluation.objects.filter(run=evaluation, value__isnull=False).values(*fields)
    return gate.decide(
        [gate.Figure(**row) for row in rows],
        candidates=candidates_of(pipeline),
        in_force=evaluation.inputs.filter(role="policy:promoted").exists(),
        judged_by_reward=evaluation.config.get("judge", "reward") == "reward",
        thresholds=gate.Thresholds(**pipeline.config.get("gate", {})),
    )


def _ask_again(pipeline: Pipeline, runs: Mapping[str, Run]) -> None:
    """Sample the policy in force on new prompts, and publish its answers as a campaign."""
    sampling = runs.get(Recipe.SAMPLE)
    if sampling is None:
        # Where no policy was ever promoted, people judge SFT's answers: the next night learns from those.
        policy = policy_in_force() or runs[Recipe.SFT].checkpoint
        options = publish_config(pipeline)
        if prompts := new_prompts(pipeline=pipeline, count=options["prompts"]):
            config = {"k": options["k"], **stage_config(pipeline, Recipe.SAMPLE), "prompts": prompts}
            _queue(pipeline, Recipe.SAMPLE, config, {"policy": policy}, None)
        else:
            _conclude(pipeline, runs, "There are no new tasks, because every prompt has been asked about: import more.")
    elif sampling.state == Run.State.DONE:
        answers = read_answers(sampling.path)
        if not answers:
            _conclude(pipeline, runs, "There are no new tasks, because the policy says one thing only to each prompt.")
            return
        with transaction.atomic():
            if _hold(pipeline, next_campaign=None):
                policy = sampling.inputs.get(role="policy").checkpoint
                campaign = publish_answers(
                    pipeline=pipeline, policy=policy, prompts=sampling.config["prompts"], answers=answers
                )
                _conclude(pipeline, runs, next_campaign=campaign)


def _conclude(pipeline: Pipeline, runs: Mapping[str, Run], *notes: str, **fields: Any) -> None:
    """running -> done, and the new reward model says where it and those before are unsure.

    The gate's reason is told again, because a failure in between may have replaced it.
    """
    reason = _verdict(pipeline, runs[Recipe.EVALUATE]).reason
    with transaction.atomic():
        if _end(pipeline, State.DONE, reason=" ".join([reason, *notes]), **fields):
            score_where_uncertainty_comes_first(config=stage_config(pipeline, Recipe.UNCERTAINTY))


def cancel_pipeline(*, pipeline_id: int, by: User | None) -> Pipeline:
    """Cancel a running pipeline and its queued and running runs. Raises DomainError when it has ended."""
    pipeline = _get(pipeline_id)
    with transaction.atomic():
        if not _end(pipeline, State.CANCELLED, reason=f"Cancelled by {by}." if by else "Cancelled."):
            raise DomainError(
                _("%(what)s is %(state)s; only a running one can be cancelled.")
                % {"what": pipeline, "state": pipeline.get_state_display().lower()}
            )
        for run in pipeline.runs.filter(state__in=[Run.State.QUEUED, Run.State.RUNNING]):
            _cancel_if_not_ended(run, by)
    pipeline.refresh_from_db()
    return pipeline


def _cancel_if_not_ended(run: Run, by: User | None) -> None:
    try:
        cancel_run(run_id=run.pk, by=by)
    except DomainError:
        run.refresh_from_db()
        if run.state in (Run.State.QUEUED, Run.State.RUNNING):
            raise


def resume_pipeline(*, pipeline_id: int, by: User | None) -> Pipeline:
    """Go on with a failed or cancelled pipeline where it stopped: what is done stays done.

    Raises DomainError when it is neither, another pipeline is running, or one of its runs is still stopping.
    """
    pipeline = _get(pipeline_id)
    if pipeline.runs.filter(state=Run.State.RUNNING, cancel_requested_at__isnull=False).exists():
        raise DomainError(
            _("A run of %(pipeline)s is still stopping; try again in a few seconds.") % {"pipeline": pipeline}
        )
    stopped = Pipeline.objects.filter(pk=pipeline_id, state__in=[State.FAILED, State.CANCELLED])
    try:
        with transaction.atomic():
            if not stopped.update(state=State.RUNNING, reason="", ended_at=None):
                raise DomainError(
                    _("%(what)s is %(state)s; only a failed or cancelled one can be resumed.")
                    % {"what": pipeline, "state": pipeline.get_state_display().lower()}
                )
            if pipeline.snapshot_id:
                retry_snapshot(snapshot_id=pipeline.snapshot_id)
            for run in pipeline.runs.filter(state__in=[*BROKEN, Run.State.CANCELLED]):
                requeue_run(run)
            send("advance_pipeline", pipeline.pk)
    except IntegrityError as error:
        raise DomainError(
            _("Another pipeline is running, and one runs at a time; wait for it or cancel it.")
        ) from error
    pipeline.refresh_from_db()
    return pipeline


def _get(pipeline_id: int) -> Pipeline:
    pipeline = Pipeline.objects.filter(pk=pipeline_id).first()
    if pipeline is None:
        raise DomainError(
            _("There is no pipeline %(number)s; look at the list of pipelines.") % {"number": pipeline_id}
        )
    return pipeline


def advance_running_pipelines() -> None:
    """Advance whatever is running: a lost message then delays a pipeline by seconds."""
    for pipeline_id in Pipeline.objects.filter(state=State.RUNNING).values_list("pk", flat=True):
        advance_pipeline(pipeline_id=pipeline_id)
