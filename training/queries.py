"""Everything that a page, the API or a command reads about training."""

import datetime
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.models import Campaign, Task
from training.candidates import BY_DEFAULT, CANDIDATES
from training.modelling.cards import CARD
from training.models import Checkpoint, Evaluation, Pipeline, Run, Snapshot
from training.services.stages import EMBEDDED, Recipe, policy_in_force, training_stages
from training.supervise import LOG, read_progress

METRICS_BYTES = 4 << 20
LOG_BYTES = 16 << 10
SAMPLES = "samples.jsonl"
REWARD_REPORT = "report.json"
POINTS = 400
WAITING = "waiting"
SKIPPED = "skipped"


@dataclass(frozen=True)
class Stage:
    """One step of a pipeline as a page shows it."""

    name: str
    label: str
    state: str
    """waiting, queued, running, done, failed, cancelled, lost or skipped (and `freezing`, `ready` of a snapshot)."""
    progress: float
    """Fraction done, 0..1."""
    message: str
    """What it is doing, or why it ended as it did, or why it was skipped."""
    run: Run | None = None
    seconds: float | None = None
    """How long it ran, once it has ended."""


@dataclass(frozen=True)
class Series:
    """One metric of a run over its steps."""

    name: str
    points: list[tuple[int, float]]
    """(step, value), thinned to at most 400 points; the last one is always there."""

    @property
    def is_constant(self) -> bool:
        return self.lowest == self.highest

    @property
    def first(self) -> float:
        return self.points[0][1]

    @property
    def last(self) -> float:
        return self.points[-1][1]

    @property
    def lowest(self) -> float:
        return min(value for _, value in self.points)

    @property
    def highest(self) -> float:
        return max(value for _, value in self.points)


@dataclass(frozen=True)
class RunReport:
    """A run with what lies in its folder."""

    run: Run
    inputs: list[tuple[str, Checkpoint]]
    """(role, checkpoint) of everything it reads."""
    checkpoint: Checkpoint | None
    series: list[Series]
    log: str
    """The last 16 KB of its log."""
    eta_seconds: float | None
    """Seconds left as the recipe estimates them; None when it does not know or does not run."""
    evaluations: list[Evaluation] = field(default_factory=list)
    manifest: dict[str, Any] = field(default_factory=dict)
    card: str = ""
    """The model's card as text; empty where the run made no model."""
    reward: dict[str, Any] = field(default_factory=dict)
    """What a reward model's run says of itself, see training/modelling/reward_report.py; empty for other runs."""

    @property
    def reward_parts(self) -> list[tuple[str, dict[str, Any]]]:
        """What the accuracy of a reward model is reported of: (what, {n_pairs, accuracy})."""
        if not self.reward["n_rankings"]:
            return []
        found = [(_("Domain: %(name)s") % {"name": name}, row) for name, row in self.reward["domains"].items()]
        for distance, row in sorted(self.reward["rank_distance"].items(), key=lambda item: int(item[0])):
            n = int(distance)
            found.append((ngettext("%(n)d rank apart", "%(n)d ranks apart", n) % {"n": n}, row))
        for row in self.reward["margins"]:
            edges = {"lo": f"{row['lo']:.2f}", "hi": f"{row['hi']:.2f}"}
            found.append((_("Rewards %(lo)s to %(hi)s apart") % edges, row))
        return found

    @property
    def chosen_fell(self) -> bool:
        """Whether the alarm of a DPO run rang: the preferred answers have become less likely."""
        return any(series.name == "alarm" and series.highest > 0 for series in self.series)


@dataclass(frozen=True)
class Choice:
    """A policy that a pipeline can make, as a form offers it."""

    name: str
    label: str
    hint: str
    by_default: bool


def candidates() -> list[Choice]:
    """What a pipeline can put before the gate."""
    return [Choice(name, _(one.label), _(one.hint), name in BY_DEFAULT) for name, one in CANDIDATES.items()]


def pipelines() -> QuerySet[Pipeline]:
    """All pipelines, newest first, with what `stages` reads."""
    runs = Run.objects.select_related("checkpoint").order_by("pk")
    return Pipeline.objects.select_related("snapshot", "promoted", "next_campaign", "created_by").prefetch_related(
        Prefetch("runs", queryset=runs)
    )


def stages(*, pipeline: Pipeline) -> list[Stage]:
    """The pipeline's steps in order; no query when it comes from `pipelines()`."""
    runs = {run.stage: run for run in pipeline.runs.all()}
    steps = [_snapshot_stage(pipeline.snapshot)]
    for stage in training_stages(pipeline):
        steps.append(_run_stage(pipeline, stage, runs))
    steps.append(_gate_stage(pipeline))
    steps.append(_run_stage(pipeline, Recipe.SAMPLE, runs))
    steps.append(_publish_stage(pipeline))
    return steps


def _snapshot_stage(snapshot: Snapshot | None) -> Stage:
    if snapshot is None:
        return Stage("snapshot", _("Snapshot"), WAITING, 0.0, "")
    ready = snapshot.state == Snapshot.State.READY
    return Stage("snapshot", _("Snapshot"), snapshot.state, float(ready), snapshot.message)


def _run_stage(pipeline: Pipeline, name: str, runs: dict[str, Run]) -> Stage:
    run = runs.get(name)
    label = _(CANDIDATES[name].label) if name in CANDIDATES else Recipe(name).label
    if run:
        ended = run.ended_at and run.started_at
        seconds = (run.ended_at - run.started_at).total_seconds() if ended else None
        message = run.last_words or _note(run)
        return Stage(name, label, run.state, run.progress, message, run, seconds)
    if name == Recipe.BASE and pipeline.base_model != EMBEDDED:
        return Stage(name, label, SKIPPED, 1.0, _("Starts from %(model)s.") % {"model": pipeline.base_model})
    if name == Recipe.BASE and Recipe.SFT in runs:
        return Stage(name, label, SKIPPED, 1.0, _("An earlier pipeline has trained the same base model."))
    if name == Recipe.SAMPLE and pipeline.state == Pipeline.State.DONE:
        return Stage(name, label, SKIPPED, 1.0, _("Every prompt has been asked about."))
    return Stage(name, label, WAITING, 0.0, "")


def _note(run: Run) -> str:
    if run.stage == Recipe.SFT and run.config.get("source") == "preferred":
        return _("Learns from the preferred completions: nobody has written a demonstration yet.")
    if run.config.get("weights") == "annotator":
        return _("A ranking weighs what gold tasks say of its annotator.")
    return ""


def _gate_stage(pipeline: Pipeline) -> Stage:
    if not pipeline.decision:
        return Stage("gate", _("Gate"), WAITING, 0.0, "")
    return Stage("gate", _("Gate"), "done", 1.0, pipeline.get_decision_display())


def _publish_stage(pipeline: Pipeline) -> Stage:
    if pipeline.next_campaign:
        return Stage("publish", _("New tasks"), "done", 1.0, pipeline.next_campaign.name)
    done = pipeline.state == Pipeline.State.DONE
    return Stage("publish", _("New tasks"), SKIPPED if done else WAITING, float(done), "")


def runs() -> QuerySet[Run]:
    """All runs, newest first."""
    return Run.objects.select_related("pipeline", "snapshot", "checkpoint", "created_by")


def run_report(*, run_id: int) -> RunReport | None:
    """A run with its metrics, log and figures; None when there is no such run."""
    run = runs().prefetch_related("inputs__checkpoint", "evaluations").filter(pk=run_id).first()
    if run is None:
        return None
    made = getattr(run, "checkpoint", None)
    running = run.state == Run.State.RUNNING
    return RunReport(
        run=run,
        inputs=[(entry.role, entry.checkpoint) for entry in run.inputs.all()],
        checkpoint=made,
        series=read_metrics(run.path / "metrics.jsonl"),
        log=read_tail(run.path / LOG, LOG_BYTES),
        eta_seconds=read_progress(run.path).get("eta_s") if running else None,
        evaluations=list(run.evaluations.all()),
        manifest=made.manifest if made else {},
        reward=read_reward_report(run) if run.recipe == Run.Recipe.REWARD and run.state == Run.State.DONE else {},
        card=read_tail(run.path / CARD, LOG_BYTES) if made else "",
    )


def read_reward_report(run: Run) -> dict[str, Any]:
    """The report that a reward model's run left; empty where it is older than reports, or nothing was held out."""
    try:
        return json.loads((run.path / REWARD_REPORT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def read_tail(path: Path, size: int) -> str:
    """The last `size` bytes of a text file, from the start of a line; empty while there is no file."""
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            file.seek(max(0, length - size))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return text if length <= size else text.partition("\n")[2]


def read_metrics(path: Path) -> list[Series]:
    """The series of a metrics.jsonl, in the order in which their names first appear."""
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for line in read_tail(path, METRICS_BYTES).splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # the recipe is just writing this line
            continue
        for name, value in row.items():
            if name not in ("step", "time") and isinstance(value, int | float):
                found[name].append((row["step"], value))
    return [Series(name, _thinned(points)) for name, points in found.items()]


def _thinned(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    stride = -(-len(points) // POINTS)
    return points if stride <= 1 else points[::-stride][::-1]


def snapshots() -> QuerySet[Snapshot]:
    """All snapshots, newest first."""
    return Snapshot.objects.select_related("created_by").prefetch_related("pipelines", "runs")


def campaigns_with_judgements() -> QuerySet[Campaign]:
    """The campaigns that a snapshot can be made of."""
    return Campaign.objects.filter(tasks__submitted__gt=0, tasks__purpose=Task.Purpose.WORK).distinct()


@dataclass(frozen=True)
class SnapshotFile:
    """A file of a snapshot, for download."""

    name: str
    size: int
    """Bytes."""


def snapshot_files(*, snapshot: Snapshot) -> list[SnapshotFile]:
    """The files of a ready snapshot by name, relative to its folder; none of another."""
    if snapshot.state != Snapshot.State.READY:
        return []
    files = sorted(path for path in snapshot.path.rglob("*") if path.is_file())
    return [SnapshotFile(path.relative_to(snapshot.path).as_posix(), path.stat().st_size) for path in files]


def next_nightly() -> datetime.datetime:
    """When beat starts the next nightly pipeline."""
    now = timezone.localtime()
    due = now + settings.CELERY_BEAT_SCHEDULE["nightly"]["schedule"].remaining_estimate(now)
    # The estimate was taken a moment after `now`, so the sum falls that moment short of the full minute.
    return (due + datetime.timedelta(seconds=30)).replace(second=0, microsecond=0)


@dataclass(frozen=True)
class Sample:
    """One held-out prompt with what each policy answered."""

    messages: list[dict[str, str]]
    answers: list[dict[str, Any]]
    """{policy, completion, score, gold}; gold is None outside of the demo's world."""


def samples(*, pipeline: Pipeline) -> list[Sample]:
    """Answers that the pipeline's evaluation kept to be read by people; none before it ran."""
    run = pipeline.runs.filter(recipe=Recipe.EVALUATE, state=Run.State.DONE).first()
    if run is None or not (run.path / SAMPLES).exists():
        return []
    found: dict[str, Sample] = {}
    for line in (run.path / SAMPLES).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.setdefault(row["prompt_sha256"], Sample(row["prompt"], [])).answers.append(row)
    return list(found.values())


def current_policy() -> Checkpoint | None:
    """The policy in force: the one that was promoted last."""
    return policy_in_force()


def evaluations(*, pipeline: Pipeline) -> list[Evaluation]:
    """The figures of a pipeline's runs, those of its evaluation first."""
    rows = Evaluation.objects.filter(run__pipeline=pipeline).select_related("run", "checkpoint").order_by("pk")
    return sorted(rows, key=lambda row: (row.run.recipe != Recipe.EVALUATE, row.run_id))


def pipeline_report(*, pipeline: Pipeline) -> str:
    """The pipeline's result as text: a table of every figure with its interval and n, and the decision."""
    header = ("figure", "of", "against", "value", "95 % interval", "n")
    rows = [header, *(_cells(row) for row in evaluations(pipeline=pipeline))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    campaign = f"New tasks: {pipeline.next_campaign}" if pipeline.next_campaign else "No new tasks."
    return "\n".join([*lines, "", pipeline.reason, campaign])


def _cells(row: Evaluation) -> Iterable[str]:
    interval = "" if row.lo is None else f"[{row.lo:.3f}, {row.hi:.3f}]"
    value = "" if row.value is None else f"{row.value:.3f} {row.unit}".strip()
    return row.name, row.subject, row.against, value, interval, str(row.n)
