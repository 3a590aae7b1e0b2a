"""Work: campaigns of tasks, and who holds which task."""

import random
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotate.assignment_rules import AssignmentRules, parse_rules
from annotate.forms import Form, parse_form
from annotate.models.corpus import Completion, Prompt
from annotate.models.drafts import Drafted
from annotate.models.guidelines import Guideline
from annotate.models.people import Domain
from annotate.onboarding_rules import Onboarding, parse_onboarding

RESERVED = ("domains", "guidelines", "people", "producers", "tasks", "weeks")
"""Addresses under agreement/ that are no campaign's."""


class Campaign(models.Model):
    """A batch of work of one kind, under one guideline version, with an overlap target.

    States: open <-> paused, open -> closed, paused -> closed.
    """

    Kind = Guideline.Kind

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        PAUSED = "paused", _("Paused")
        CLOSED = "closed", _("Closed")

    class Access(models.TextChoices):
        EVERYONE = "everyone", _("Everyone")
        MEMBERS = "members", _("Members only")

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    guideline = models.ForeignKey(Guideline, on_delete=models.PROTECT, related_name="campaigns")
    overlap = models.PositiveSmallIntegerField(default=3, help_text="how many annotators do each new task")
    lease_minutes = models.PositiveSmallIntegerField(default=30, help_text="how long a claimed task is held")
    form = models.JSONField(default=dict, blank=True, help_text="what it asks beyond its kind: see annotate/forms.py")
    source = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reviewed_in",
        help_text="the campaign whose demonstrations a review campaign reviews",
    )
    pay_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="active seconds per judgement that the campaign pays for"
    )
    show_agreement = models.BooleanField(default=True, help_text="annotators see how far they agree with the others")
    show_gold = models.BooleanField(default=True, help_text="annotators see how they did on gold tasks, afterwards")
    correction_minutes = models.PositiveSmallIntegerField(
        default=60, help_text="how long an annotator may correct what they submitted"
    )
    access = models.CharField(max_length=16, choices=Access, default=Access.EVERYONE)
    onboarding = models.JSONField(
        default=dict, blank=True, help_text="what it asks of a person before their first task (onboarding_rules.py)"
    )
    assignment = models.JSONField(
        default=dict, blank=True, help_text="who is given what next, and when it stops (assignment_rules.py)"
    )
    priority = models.SmallIntegerField(
        default=0, help_text="whoever asks for any task is given one of the highest priority that has some for them"
    )
    share = models.PositiveSmallIntegerField(
        default=1, help_text="of campaigns of the same priority: how often this one, in proportion"
    )
    hourly_rate = models.DecimalField(
        max_digits=10, decimal_places=2, null=True, blank=True, help_text="what an hour of this work is paid"
    )
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217, such as EUR")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["ranking", "rating", "demonstration", "revision", "review", "steps"]),
                name="campaign_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(kind="review", source__isnull=False) | (~Q(kind="review") & Q(source__isnull=True)),
                name="campaign_review_has_source",
            ),
            models.CheckConstraint(condition=Q(state__in=["open", "paused", "closed"]), name="campaign_state_is_known"),
            models.CheckConstraint(condition=Q(access__in=["everyone", "members"]), name="campaign_access_is_known"),
            models.CheckConstraint(condition=Q(overlap__gte=1), name="campaign_overlap_from_one"),
            models.CheckConstraint(condition=Q(lease_minutes__gte=1), name="campaign_lease_from_one_minute"),
            models.CheckConstraint(condition=Q(share__gte=1), name="campaign_share_from_one"),
            models.CheckConstraint(
                condition=Q(hourly_rate__isnull=True, currency="") | (Q(hourly_rate__gt=0) & ~Q(currency="")),
                name="campaign_rate_has_currency",
            ),
        ]

    def __str__(self):
        return self.name

    def clean_fields(self, exclude=None):
        super().clean_fields(exclude)
        if self._state.adding and self.slug in RESERVED:
            sentence = gettext("%(slug)s is a page of the audit; choose another address.") % {"slug": self.slug}
            raise ValidationError({"slug": sentence})

    @property
    def parsed_form(self) -> Form:
        """What the campaign asks beyond its kind."""
        return parse_form(self.kind, self.form)

    @property
    def onboarding_rules(self) -> Onboarding:
        """What it asks of a person before their first task."""
        return parse_onboarding(self.onboarding)

    @property
    def assignment_rules(self) -> AssignmentRules:
        """Who is given what next, and when it stops."""
        return parse_rules(self.assignment)


class Queue(models.Model):
    """The tasks of a campaign that ask the same of a person: the unit in which "may they?" is answered.

    So the next task is the head of the few queues that a person may take from, found by index whatever their length.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="queues")
    key = models.CharField(max_length=200, editable=False, help_text="what makes it this queue, in one text")
    domain = models.ForeignKey(Domain, null=True, blank=True, on_delete=models.PROTECT, related_name="queues")
    language = models.CharField(max_length=16, blank=True)
    warnings = models.JSONField(default=list, blank=True, help_text="kinds of distressing content, sorted")
    gold = models.BooleanField(default=False, help_text="tasks with a known answer that are mixed into the work")
    step = models.SmallIntegerField(default=0, help_text="what each place taken adds to a task's urgency")

    class Meta:
        ordering = ["campaign_id", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "key"], name="queue_once"),
            models.CheckConstraint(condition=Q(step__gte=-1, step__lte=1), name="queue_step_is_one_or_none"),
        ]

    def __str__(self):
        return f"Queue {self.key} of {self.campaign_id}"


def random_draw() -> float:
    """A place on the circle that random tasks are drawn from."""
    return random.random()


class Task(models.Model):
    """One thing to judge or write in a campaign; `target` = how many annotators must do it.

    `reserved` counts the places taken: claimed and submitted assignments. `submitted` counts those that are done.
    Both are moved only by conditional UPDATEs (services/claiming.py), which makes overlap exact on every database.
    Adaptive overlap raises `target`, by `raised` in all (services/overlap.py): target - raised is where it began.
    A withdrawn task goes to nobody any more; a qualification task only to those who want to join the campaign, and so
    it waits in no queue; a gold task is mixed into everybody's work, unrecognisably.

    Within a queue the most urgent comes first, then the lowest position. `urgency` is the score that the campaign puts
    first (disagreement or uncertainty) times URGENT, plus the queue's step for every place taken. `draw` is the task's
    place on a circle from 0 to 1, for those that are drawn at random: the arc before it is its chance.
    """

    URGENT = 1000

    class Purpose(models.TextChoices):
        WORK = "work", _("Work")
        GOLD = "gold", _("Gold")
        QUALIFICATION = "qualification", _("Qualification")

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="tasks")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="tasks")
    content_sha256 = models.CharField(max_length=64, help_text="hash of the prompt and the set of completions")
    position = models.PositiveIntegerField(help_text="order in the campaign")
    k = models.PositiveSmallIntegerField(help_text="completions shown: 2 to 9 to rank; 0 in a demonstration campaign")
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.WORK)
    queue = models.ForeignKey(Queue, null=True, blank=True, on_delete=models.PROTECT, related_name="tasks")
    urgency = models.FloatField(default=0)
    draw = models.FloatField(default=random_draw, editable=False)
    disagreement = models.FloatField(null=True, blank=True, help_text="of the judgements so far, 0 to 1")
    uncertainty = models.FloatField(null=True, blank=True, help_text="of the reward models, 0 to 1")
    withdrawn = models.BooleanField(default=False)
    steps = models.JSONField(default=list, blank=True, help_text="the solution's steps, in a steps campaign")
    demonstration = models.ForeignKey(
        "Demonstration",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="review_tasks",
        help_text="what a review task reviews",
    )
    target = models.PositiveSmallIntegerField()
    raised = models.PositiveSmallIntegerField(
        default=0, help_text="how much of the target was added because people disagree"
    )
    reserved = models.PositiveSmallIntegerField(default=0)
    submitted = models.PositiveSmallIntegerField(default=0)
    completions = models.ManyToManyField(Completion, through="TaskCompletion", related_name="tasks")

    class Meta:
        ordering = ["campaign_id", "position"]
        indexes = [
            models.Index(
                fields=["queue", "-urgency", "position"],
                condition=Q(reserved__lt=F("target"), withdrawn=False),
                name="task_open",
            ),
            models.Index(
                fields=["queue", "draw"], condition=Q(reserved__lt=F("target"), withdrawn=False), name="task_drawn"
            ),
            models.Index(fields=["campaign"], condition=Q(raised__gt=0), name="task_raised"),
            models.Index(fields=["campaign"], condition=Q(purpose="gold"), name="task_gold"),
            models.Index(
                fields=["campaign"],
                condition=Q(reserved__gte=F("target"), purpose="work", withdrawn=False),
                name="task_full",  # those that are finished are among these; submitting moves none of the columns
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "content_sha256"], name="task_once_per_campaign"),
            models.UniqueConstraint(fields=["campaign", "position"], name="task_position_once"),
            models.CheckConstraint(condition=Q(k__lte=9), name="task_k_to_nine"),
            models.CheckConstraint(
                condition=Q(purpose__in=["work", "gold", "qualification"]), name="task_purpose_is_known"
            ),
            models.CheckConstraint(
                condition=Q(purpose="qualification", queue__isnull=True)
                | (~Q(purpose="qualification") & Q(queue__isnull=False)),
                name="task_waits_in_a_queue",
            ),
            models.CheckConstraint(condition=Q(draw__gte=0, draw__lte=1), name="task_draw_is_a_share"),
            models.CheckConstraint(
                condition=Q(disagreement__isnull=True) | Q(disagreement__gte=0, disagreement__lte=1),
                name="task_disagreement_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(uncertainty__isnull=True) | Q(uncertainty__gte=0, uncertainty__lte=1),
                name="task_uncertainty_is_a_share",
            ),
            models.CheckConstraint(condition=Q(target__gte=1), name="task_target_from_one"),
            models.CheckConstraint(condition=Q(raised__lt=F("target")), name="task_raised_within_target"),
            models.CheckConstraint(condition=Q(reserved__lte=F("target")), name="task_never_over_target"),
            models.CheckConstraint(condition=Q(submitted__lte=F("reserved")), name="task_submitted_within_reserved"),
        ]

    def __str__(self):
        return f"Task {self.pk} of {self.campaign_id}"


class TaskCompletion(models.Model):
    """A completion that a task asks to judge, at its canonical position (annotators see a shuffle of these)."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="task_completions")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="task_completions")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["task_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["task", "completion"], name="completion_once_per_task"),
            models.UniqueConstraint(fields=["task", "position"], name="position_once_per_task"),
            models.CheckConstraint(condition=Q(position__lte=8), name="task_has_at_most_nine_completions"),
        ]

    def __str__(self):
        return f"{self.task_id}[{self.position}] = {self.completion_id}"


class Gold(models.Model):
    """The known answer of a task, which measures skill. Annotators never learn beforehand which tasks have one."""

    task = models.OneToOneField(Task, on_delete=models.PROTECT, related_name="gold")
    answer = models.JSONField(help_text="in the shape that annotators submit; only what is known needs to be there")
    explanation = models.TextField(blank=True, help_text="why; shown as feedback")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True, help_text="when it was taken out of the work")
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    retired_reason = models.TextField(blank=True, default="")

    class Meta:
        verbose_name_plural = "gold"
        constraints = [
            models.CheckConstraint(
                condition=Q(retired_at__isnull=False) | Q(retired_by__isnull=True, retired_reason=""),
                name="gold_retired_when_it_was",
            ),
        ]

    def __str__(self):
        return f"Gold of task {self.task_id}"


class Assignment(Drafted):
    """One annotator's hold on one task.

    One that is leased ahead (`opened_at` is null) waits in the annotator's browser until the one before is submitted.
    In each campaign an annotator holds at most one open task and one ahead, in all their tabs and on all devices.

    States: claimed -> submitted | skipped | released | expired; expired | released -> submitted (late, while the place
    is still free); expired | released -> claimed (one that was ahead, while the place is still free). A released or
    expired task may be claimed again, by the same person too; a submitted or skipped one never comes back to them.
    """

    class State(models.TextChoices):
        CLAIMED = "claimed", _("Claimed")
        SUBMITTED = "submitted", _("Submitted")
        SKIPPED = "skipped", _("Skipped")
        RELEASED = "released", _("Released")
        EXPIRED = "expired", _("Expired")

    class Lane(models.TextChoices):
        """How the task was chosen; empty when it was not: an import, a qualification. Annotators never learn it."""

        GOLD = "gold", _("Gold")
        RANDOM = "random", _("At random")
        ORDERED = "ordered", _("In order")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="assignments", db_index=False)
    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.PROTECT,
        related_name="assignments",
        editable=False,
        help_text="the task's, for the constraints",
    )
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments", db_index=False
    )
    guideline = models.ForeignKey(Guideline, on_delete=models.PROTECT, related_name="+", help_text="the version shown")
    state = models.CharField(max_length=16, choices=State, default=State.CLAIMED)
    shown_order = models.JSONField(
        default=list, help_text="completion ids in the order in which this annotator sees them"
    )
    claimed_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True, help_text="when the annotator saw it; null = leased ahead")
    revealed_at = models.DateTimeField(null=True, blank=True, help_text="when distressing content was shown")
    lease_expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    skip_reason = models.TextField(blank=True)
    completions: "list[Completion] | None" = None
    """Those to show, in this annotator's order, where they are at hand."""
    lane = models.CharField(max_length=16, choices=Lane, blank=True, default="", editable=False)
    probability = models.FloatField(
        null=True, editable=False, help_text="the chance that this hand-out gave this task, of all it could have given"
    )

    class Meta:
        indexes = [
            models.Index(fields=["lease_expires_at"], condition=Q(state="claimed"), name="assignment_leases"),
            # These two serve the foreign keys, too. A gold task has as many assignments as there are people: whether
            # one of them is this person's is asked for both at once.
            models.Index(fields=["task", "annotator"], name="assignment_of_task"),
            models.Index(fields=["annotator", "state", "ended_at"], name="assignment_by_annotator"),
            models.Index(fields=["annotator", "campaign"], condition=Q(lane="gold"), name="assignment_gold"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "annotator"],
                condition=Q(state__in=["claimed", "submitted", "skipped"]),
                name="assignment_once_per_annotator",
            ),
            models.UniqueConstraint(
                fields=["annotator", "campaign"],
                condition=Q(state="claimed", opened_at__isnull=False),
                name="assignment_one_open_per_campaign",
            ),
            models.UniqueConstraint(
                fields=["annotator", "campaign"],
                condition=Q(state="claimed", opened_at__isnull=True),
                name="assignment_one_ahead_per_campaign",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["claimed", "submitted", "skipped", "released", "expired"]),
                name="assignment_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state="claimed", ended_at__isnull=True) | (~Q(state="claimed") & Q(ended_at__isnull=False)),
                name="assignment_ends_when_it_ends",
            ),
            models.CheckConstraint(
                condition=~Q(state="skipped") | ~Q(skip_reason=""), name="assignment_skip_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(lane__in=["", "gold", "random", "ordered"]), name="assignment_lane_is_known"
            ),
            models.CheckConstraint(
                condition=Q(lane="", probability__isnull=True)
                | (~Q(lane="") & Q(probability__gt=0, probability__lte=1)),
                name="assignment_chosen_has_probability",
            ),
        ]

    def __str__(self):
        return f"{self.task_id} by {self.annotator_id}: {self.state}"

    def save(self, *args, **kwargs):
        if self._state.adding:
            self.campaign = self.task.campaign
        super().save(*args, **kwargs)

    @property
    def correctable_until(self) -> datetime | None:
        """When the time to correct what was submitted here ends; None while nothing was."""
        if self.state != self.State.SUBMITTED:
            return None
        return self.ended_at + timedelta(minutes=self.campaign.correction_minutes)
