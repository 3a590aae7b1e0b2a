"""What training leaves behind: snapshots, runs, checkpoints, evaluations, pipelines."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from annotate.models import Campaign
from training.candidates import CANDIDATES


class Snapshot(models.Model):
    """An immutable export of judgements: Parquet and a manifest, named by its content hash.

    States: queued -> freezing -> ready | failed; freezing -> queued (its worker died), failed -> queued (asked again).
    Two snapshots with the same content have the same hash and share one folder.
    """

    class State(models.TextChoices):
        QUEUED = "queued", gettext_lazy("Queued")
        FREEZING = "freezing", gettext_lazy("Freezing")
        READY = "ready", gettext_lazy("Ready")
        FAILED = "failed", gettext_lazy("Failed")

    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    selection = models.JSONField(help_text="{campaigns: [slug, ...], until: ISO time}: what was asked for")
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    manifest = models.JSONField(null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    message = models.TextField(blank=True)
    heartbeat_at = models.DateTimeField(
        null=True, blank=True, help_text="last sign of life: of its worker, or of who queued it"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(state="ready", manifest__isnull=False) & ~Q(sha256=""))
                | Q(state__in=["queued", "freezing", "failed"], sha256=""),
                name="snapshot_ready_has_hash",
            ),
        ]

    def __str__(self):
        name = self.sha256[:12] if self.sha256 else self.get_state_display().lower()
        return gettext("Snapshot %(number)s (%(name)s)") % {"number": self.pk, "name": name}

    @property
    def path(self):
        """The folder of a ready snapshot."""
        return settings.SNAPSHOT_DIR / self.sha256


class Pipeline(models.Model):
    """The nightly chain: snapshot -> runs -> evaluation -> gate -> promotion -> new tasks.

    States: running -> done | failed | cancelled; failed | cancelled -> running (resumed). `number` 1 of a date is the
    nightly one, started by beat or by hand, once; higher numbers are those that somebody asked for again.
    """

    class State(models.TextChoices):
        RUNNING = "running", gettext_lazy("Running")
        DONE = "done", gettext_lazy("Done")
        FAILED = "failed", gettext_lazy("Failed")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")

    class Decision(models.TextChoices):
        PROMOTED = "promoted", gettext_lazy("Promoted")
        KEPT = "kept", gettext_lazy("Kept the old policy")

    date = models.DateField()
    number = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    trigger = models.CharField(
        max_length=16, choices=[("nightly", gettext_lazy("Nightly")), ("person", gettext_lazy("Person"))]
    )
    config = models.JSONField(default=dict, help_text="per-stage overrides of the recipes' defaults")
    base_model = models.CharField(max_length=500)
    snapshot = models.ForeignKey(Snapshot, null=True, on_delete=models.PROTECT, related_name="pipelines")
    decision = models.CharField(max_length=16, choices=Decision, blank=True)
    reason = models.TextField(blank=True, help_text="why it promoted, kept, failed or was cancelled")
    promoted = models.ForeignKey(
        "Checkpoint", null=True, blank=True, on_delete=models.PROTECT, related_name="promoted_by"
    )
    next_campaign = models.OneToOneField(
        Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="pipeline"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-date", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["date", "number"], name="pipeline_once_per_date"),
            models.UniqueConstraint(fields=["state"], condition=Q(state="running"), name="pipeline_one_at_a_time"),
            models.CheckConstraint(
                condition=Q(state__in=["running", "done", "failed", "cancelled"]), name="pipeline_state_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(decision="promoted") | Q(promoted__isnull=False), name="pipeline_promotion_has_checkpoint"
            ),
            models.CheckConstraint(condition=~Q(state="done") | ~Q(decision=""), name="pipeline_done_has_decision"),
        ]

    def __str__(self):
        if self.number > 1:
            return gettext("Pipeline %(date)s no. %(number)s") % {"date": self.date, "number": self.number}
        return gettext("Pipeline %(date)s") % {"date": self.date}


class Run(models.Model):
    """One execution of a recipe.

    States: queued -> running -> done | failed | cancelled | lost; queued -> cancelled;
    lost -> queued (the next attempt, while attempts remain); failed | cancelled | lost -> queued (resumed by a person).
    Every arrow is one conditional UPDATE, so that a second delivery of a message changes nothing.
    """

    class State(models.TextChoices):
        QUEUED = "queued", gettext_lazy("Queued")
        RUNNING = "running", gettext_lazy("Running")
        DONE = "done", gettext_lazy("Done")
        FAILED = "failed", gettext_lazy("Failed")
        CANCELLED = "cancelled", gettext_lazy("Cancelled")
        LOST = "lost", gettext_lazy("Lost")

    class Recipe(models.TextChoices):
        BASE = "base", gettext_lazy("Base model")
        SFT = "sft", gettext_lazy("Supervised fine-tuning")
        REWARD = "reward", gettext_lazy("Reward model")
        DPO = "dpo", gettext_lazy("DPO")
        PPO = "ppo", gettext_lazy("PPO")
        RAFT = "raft", gettext_lazy("RAFT")
        KTO = "kto", gettext_lazy("KTO")
        CONTROL = "control", gettext_lazy("Control tokens")
        EVALUATE = "evaluate", gettext_lazy("Evaluation")
        SAMPLE = "sample", gettext_lazy("Sampling")
        UNCERTAINTY = "uncertainty", gettext_lazy("Uncertainty of tasks")

    recipe = models.CharField(max_length=16, choices=Recipe)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    config = models.JSONField(help_text="what the recipe is called with, without paths of inputs and outputs")
    seed = models.PositiveIntegerField(default=0)
    snapshot = models.ForeignKey(Snapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    pipeline = models.ForeignKey(Pipeline, null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    stage = models.CharField(
        max_length=32,
        blank=True,
        help_text="what its pipeline calls it: its recipe, or the name of a candidate; empty without a pipeline",
    )
    attempt = models.PositiveSmallIntegerField(default=1)
    progress = models.FloatField(default=0)
    message = models.TextField(blank=True, help_text="what it is doing, or why it ended as it did")
    heartbeat_at = models.DateTimeField(
        null=True, blank=True, help_text="last sign of life: of its executor, or of who queued it"
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    exit_code = models.IntegerField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "stage"], name="run_once_per_stage"),
            models.CheckConstraint(
                condition=Q(pipeline__isnull=True, stage="") | (Q(pipeline__isnull=False) & ~Q(stage="")),
                name="run_of_pipeline_has_stage",
            ),
            models.CheckConstraint(condition=Q(progress__gte=0, progress__lte=1), name="run_progress_is_a_fraction"),
            models.CheckConstraint(condition=Q(attempt__gte=1), name="run_attempt_from_one"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "done", "failed", "cancelled", "lost"]),
                name="run_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(heartbeat_at__isnull=False, started_at__isnull=False),
                name="run_running_has_heartbeat",
            ),
        ]

    def __str__(self):
        return gettext("Run %(number)s: %(recipe)s") % {"number": self.pk, "recipe": self.stage or self.recipe}

    @property
    def label(self) -> str:
        """What people call it: the candidate that it makes, or its recipe."""
        return gettext(CANDIDATES[self.stage].label) if self.stage in CANDIDATES else self.get_recipe_display()

    @property
    def last_words(self) -> str:
        """The last line of the message: of a traceback it is the one that says what went wrong."""
        return (self.message.splitlines() or [""])[-1]

    @property
    def path(self):
        """The folder of this attempt. Each attempt has its own, so that a dead one cannot spoil the next."""
        return settings.RUN_DIR / str(self.pk) / f"attempt-{self.attempt}"


class Checkpoint(models.Model):
    """What a run made: weights, named by their content hash, with the manifest that lies beside them."""

    class Kind(models.TextChoices):
        POLICY = "policy", gettext_lazy("Policy")
        REWARD = "reward", gettext_lazy("Reward model")

    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    location = models.CharField(max_length=1000, help_text="folder under the var folder, or local path, or hub id")
    run = models.OneToOneField(Run, null=True, blank=True, on_delete=models.PROTECT, related_name="checkpoint")
    manifest = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self):
        return self.name


class RunInput(models.Model):
    """A checkpoint that a run reads, and as what: `base`, `reward`, `reference`, `policy`, ..."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="inputs")
    role = models.CharField(max_length=32)
    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="uses")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "role"], name="run_input_once_per_role")]

    def __str__(self):
        return f"{self.role} of run {self.run_id}"


class Evaluation(models.Model):
    """One figure that an evaluation run found: a value with its 95 % interval and n."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="evaluations")
    checkpoint = models.ForeignKey(
        Checkpoint, null=True, blank=True, on_delete=models.PROTECT, related_name="evaluations"
    )
    name = models.CharField(max_length=64)
    subject = models.CharField(max_length=64)
    against = models.CharField(max_length=64, blank=True)
    value = models.FloatField(null=True)
    lo = models.FloatField(null=True)
    hi = models.FloatField(null=True)
    n = models.PositiveIntegerField()
    unit = models.CharField(max_length=32, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "name", "subject", "against"], name="evaluation_figure_once"),
            models.CheckConstraint(
                condition=Q(lo__isnull=True, hi__isnull=True) | Q(lo__lte=models.F("hi")),
                name="evaluation_interval_is_ordered",
            ),
        ]

    def __str__(self):
        return f"{self.name} of {self.subject}"
