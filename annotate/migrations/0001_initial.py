"""The schema of the first version. Constraints stand beside their tables: SQLite would make a table anew for each."""

import annotate.models.work
import django.contrib.auth.models
import django.contrib.auth.validators
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from annotate.migrations._append_only import append_only

JUDGEMENTS = "judgements are append-only: submit a correction, which supersedes"


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Guideline",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=64)),
                ("version", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("ranking", "Ranking"),
                            ("rating", "Rating"),
                            ("demonstration", "Demonstration"),
                            ("revision", "Revision"),
                            ("review", "Review"),
                            ("steps", "Step labels"),
                        ],
                        max_length=16,
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("summary", models.TextField(blank=True)),
                ("body", models.TextField()),
                (
                    "flags",
                    models.JSONField(
                        default=list, help_text="[{name, label, meaning}, ...]: what can be wrong with a completion"
                    ),
                ),
                (
                    "checklist",
                    models.JSONField(
                        default=list, help_text="[{name, label}, ...]: what a writer ticks before submitting"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["slug", "version"],
                "constraints": [
                    models.UniqueConstraint(fields=("slug", "version"), name="guideline_version_once"),
                    models.UniqueConstraint(fields=("slug", "sha256"), name="guideline_text_once"),
                    models.CheckConstraint(condition=models.Q(("version__gte", 1)), name="guideline_version_from_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["ranking", "rating", "demonstration", "revision", "review", "steps"])
                        ),
                        name="guideline_kind_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                (
                    "role",
                    models.CharField(
                        choices=[("annotator", "Annotator"), ("admin", "Admin")], default="annotator", max_length=16
                    ),
                ),
                ("is_simulated", models.BooleanField(default=False)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["annotator", "admin"])), name="user_role_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_simulated", False),
                            models.Q(("is_staff", False), ("is_superuser", False), ("role", "annotator")),
                            _connector="OR",
                        ),
                        name="user_simulated_has_no_powers",
                    ),
                ],
            },
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="Domain",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=64, unique=True)),
                ("name", models.CharField(max_length=100)),
            ],
            options={
                "ordering": ["slug"],
            },
        ),
        migrations.CreateModel(
            name="Profile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="profile", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "opt_outs",
                    models.JSONField(
                        blank=True, default=list, help_text="kinds of distressing content never to be shown"
                    ),
                ),
                (
                    "shortcuts",
                    models.JSONField(
                        blank=True, default=dict, help_text="{action: key}: only what differs from the default"
                    ),
                ),
                ("language", models.CharField(blank=True, max_length=16)),
                (
                    "languages",
                    models.JSONField(blank=True, default=list, help_text="those in which the person can judge, BCP 47"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Prompt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(editable=False, max_length=64, unique=True)),
                ("messages", models.JSONField()),
                (
                    "domain",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prompts",
                        to="annotate.domain",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        blank=True, help_text="BCP 47, such as de; empty when it is not known", max_length=16
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("sha256", ""), _negated=True), name="prompt_has_hash")
                ],
            },
        ),
        migrations.CreateModel(
            name="ContentWarning",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="content_warnings",
                        to="annotate.prompt",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("violence", "Violence"),
                            ("sexual", "Sexual content"),
                            ("self_harm", "Self-harm"),
                            ("hate", "Hate"),
                            ("abuse", "Abuse"),
                            ("medical", "Illness and injury"),
                            ("other", "Other distressing content"),
                        ],
                        max_length=16,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("prompt", "kind"), name="content_warning_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["violence", "sexual", "self_harm", "hate", "abuse", "medical", "other"])
                        ),
                        name="content_warning_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Producer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("policy", "Policy checkpoint"), ("imported", "Imported model"), ("person", "Person")],
                        max_length=16,
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="producer",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "person"), ("user__isnull", False)),
                            models.Q(("kind__in", ["policy", "imported"]), ("user__isnull", True)),
                            _connector="OR",
                        ),
                        name="producer_person_has_user",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Completion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="completions", to="annotate.prompt"
                    ),
                ),
                (
                    "producer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="completions", to="annotate.producer"
                    ),
                ),
                ("text", models.TextField()),
                ("sha256", models.CharField(editable=False, max_length=64)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("prompt", "producer", "sha256"), name="completion_once_per_producer"
                    ),
                    models.CheckConstraint(condition=models.Q(("text", ""), _negated=True), name="completion_has_text"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=64, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("ranking", "Ranking"),
                            ("rating", "Rating"),
                            ("demonstration", "Demonstration"),
                            ("revision", "Revision"),
                            ("review", "Review"),
                            ("steps", "Step labels"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("paused", "Paused"), ("closed", "Closed")],
                        default="open",
                        max_length=16,
                    ),
                ),
                (
                    "guideline",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="campaigns", to="annotate.guideline"
                    ),
                ),
                (
                    "overlap",
                    models.PositiveSmallIntegerField(default=3, help_text="how many annotators do each new task"),
                ),
                (
                    "lease_minutes",
                    models.PositiveSmallIntegerField(default=30, help_text="how long a claimed task is held"),
                ),
                (
                    "form",
                    models.JSONField(
                        blank=True, default=dict, help_text="what it asks beyond its kind: see annotate/forms.py"
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        blank=True,
                        help_text="the campaign whose demonstrations a review campaign reviews",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviewed_in",
                        to="annotate.campaign",
                    ),
                ),
                (
                    "pay_seconds",
                    models.PositiveIntegerField(
                        blank=True, help_text="active seconds per judgement that the campaign pays for", null=True
                    ),
                ),
                (
                    "show_agreement",
                    models.BooleanField(default=True, help_text="annotators see how far they agree with the others"),
                ),
                (
                    "show_gold",
                    models.BooleanField(
                        default=True, help_text="annotators see how they did on gold tasks, afterwards"
                    ),
                ),
                (
                    "correction_minutes",
                    models.PositiveSmallIntegerField(
                        default=60, help_text="how long an annotator may correct what they submitted"
                    ),
                ),
                (
                    "access",
                    models.CharField(
                        choices=[("everyone", "Everyone"), ("members", "Members only")],
                        default="everyone",
                        max_length=16,
                    ),
                ),
                (
                    "onboarding",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="what it asks of a person before their first task (onboarding_rules.py)",
                    ),
                ),
                (
                    "assignment",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="who is given what next, and when it stops (assignment_rules.py)",
                    ),
                ),
                (
                    "priority",
                    models.SmallIntegerField(
                        default=0,
                        help_text="whoever asks for any task is given one of the highest priority that has some for them",
                    ),
                ),
                (
                    "share",
                    models.PositiveSmallIntegerField(
                        default=1, help_text="of campaigns of the same priority: how often this one, in proportion"
                    ),
                ),
                (
                    "hourly_rate",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="what an hour of this work is paid",
                        max_digits=10,
                        null=True,
                    ),
                ),
                ("currency", models.CharField(blank=True, help_text="ISO 4217, such as EUR", max_length=3)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["created_at", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["ranking", "rating", "demonstration", "revision", "review", "steps"])
                        ),
                        name="campaign_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "review"), ("source__isnull", False)),
                            models.Q(models.Q(("kind", "review"), _negated=True), ("source__isnull", True)),
                            _connector="OR",
                        ),
                        name="campaign_review_has_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "paused", "closed"])), name="campaign_state_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("access__in", ["everyone", "members"])), name="campaign_access_is_known"
                    ),
                    models.CheckConstraint(condition=models.Q(("overlap__gte", 1)), name="campaign_overlap_from_one"),
                    models.CheckConstraint(
                        condition=models.Q(("lease_minutes__gte", 1)), name="campaign_lease_from_one_minute"
                    ),
                    models.CheckConstraint(condition=models.Q(("share__gte", 1)), name="campaign_share_from_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("currency", ""), ("hourly_rate__isnull", True)),
                            models.Q(("hourly_rate__gt", 0), models.Q(("currency", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="campaign_rate_has_currency",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Queue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="queues", to="annotate.campaign"
                    ),
                ),
                (
                    "key",
                    models.CharField(editable=False, help_text="what makes it this queue, in one text", max_length=200),
                ),
                (
                    "domain",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="queues",
                        to="annotate.domain",
                    ),
                ),
                ("language", models.CharField(blank=True, max_length=16)),
                (
                    "warnings",
                    models.JSONField(blank=True, default=list, help_text="kinds of distressing content, sorted"),
                ),
                (
                    "gold",
                    models.BooleanField(
                        default=False, help_text="tasks with a known answer that are mixed into the work"
                    ),
                ),
                (
                    "step",
                    models.SmallIntegerField(default=0, help_text="what each place taken adds to a task's urgency"),
                ),
            ],
            options={
                "ordering": ["campaign_id", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "key"), name="queue_once"),
                    models.CheckConstraint(
                        condition=models.Q(("step__gte", -1), ("step__lte", 1)), name="queue_step_is_one_or_none"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="annotate.campaign"
                    ),
                ),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tasks", to="annotate.prompt"
                    ),
                ),
                (
                    "content_sha256",
                    models.CharField(help_text="hash of the prompt and the set of completions", max_length=64),
                ),
                ("position", models.PositiveIntegerField(help_text="order in the campaign")),
                (
                    "k",
                    models.PositiveSmallIntegerField(
                        help_text="completions shown: 2 to 9 to rank; 0 in a demonstration campaign"
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[("work", "Work"), ("gold", "Gold"), ("qualification", "Qualification")],
                        default="work",
                        max_length=16,
                    ),
                ),
                (
                    "queue",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to="annotate.queue",
                    ),
                ),
                ("urgency", models.FloatField(default=0)),
                ("draw", models.FloatField(default=annotate.models.work.random_draw, editable=False)),
                (
                    "disagreement",
                    models.FloatField(blank=True, help_text="of the judgements so far, 0 to 1", null=True),
                ),
                ("uncertainty", models.FloatField(blank=True, help_text="of the reward models, 0 to 1", null=True)),
                ("withdrawn", models.BooleanField(default=False)),
                (
                    "steps",
                    models.JSONField(blank=True, default=list, help_text="the solution's steps, in a steps campaign"),
                ),
                ("target", models.PositiveSmallIntegerField()),
                (
                    "raised",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="how much of the target was added because people disagree"
                    ),
                ),
                ("reserved", models.PositiveSmallIntegerField(default=0)),
                ("submitted", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "ordering": ["campaign_id", "position"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("reserved__lt", models.F("target")), ("withdrawn", False)),
                        fields=["queue", "-urgency", "position"],
                        name="task_open",
                    ),
                    models.Index(
                        condition=models.Q(("reserved__lt", models.F("target")), ("withdrawn", False)),
                        fields=["queue", "draw"],
                        name="task_drawn",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "content_sha256"), name="task_once_per_campaign"),
                    models.UniqueConstraint(fields=("campaign", "position"), name="task_position_once"),
                    models.CheckConstraint(condition=models.Q(("k__lte", 9)), name="task_k_to_nine"),
                    models.CheckConstraint(
                        condition=models.Q(("purpose__in", ["work", "gold", "qualification"])),
                        name="task_purpose_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("purpose", "qualification"), ("queue__isnull", True)),
                            models.Q(models.Q(("purpose", "qualification"), _negated=True), ("queue__isnull", False)),
                            _connector="OR",
                        ),
                        name="task_waits_in_a_queue",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("draw__gte", 0), ("draw__lte", 1)), name="task_draw_is_a_share"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("disagreement__isnull", True),
                            models.Q(("disagreement__gte", 0), ("disagreement__lte", 1)),
                            _connector="OR",
                        ),
                        name="task_disagreement_is_a_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("uncertainty__isnull", True),
                            models.Q(("uncertainty__gte", 0), ("uncertainty__lte", 1)),
                            _connector="OR",
                        ),
                        name="task_uncertainty_is_a_share",
                    ),
                    models.CheckConstraint(condition=models.Q(("target__gte", 1)), name="task_target_from_one"),
                    models.CheckConstraint(
                        condition=models.Q(("raised__lt", models.F("target"))), name="task_raised_within_target"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reserved__lte", models.F("target"))), name="task_never_over_target"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("submitted__lte", models.F("reserved"))),
                        name="task_submitted_within_reserved",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskCompletion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="task_completions", to="annotate.task"
                    ),
                ),
                (
                    "completion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="task_completions",
                        to="annotate.completion",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
            ],
            options={
                "ordering": ["task_id", "position"],
                "constraints": [
                    models.UniqueConstraint(fields=("task", "completion"), name="completion_once_per_task"),
                    models.UniqueConstraint(fields=("task", "position"), name="position_once_per_task"),
                    models.CheckConstraint(
                        condition=models.Q(("position__lte", 8)), name="task_has_at_most_nine_completions"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Gold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "task",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="gold", to="annotate.task"
                    ),
                ),
                (
                    "answer",
                    models.JSONField(
                        help_text="in the shape that annotators submit; only what is known needs to be there"
                    ),
                ),
                ("explanation", models.TextField(blank=True, help_text="why; shown as feedback")),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "retired_at",
                    models.DateTimeField(blank=True, help_text="when it was taken out of the work", null=True),
                ),
                (
                    "retired_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("retired_reason", models.TextField(blank=True, default="")),
            ],
            options={
                "verbose_name_plural": "gold",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("retired_at__isnull", False),
                            models.Q(("retired_by__isnull", True), ("retired_reason", "")),
                            _connector="OR",
                        ),
                        name="gold_retired_when_it_was",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Assignment",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "task",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="annotate.task",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        editable=False,
                        help_text="the task's, for the constraints",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="annotate.campaign",
                    ),
                ),
                (
                    "annotator",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "guideline",
                    models.ForeignKey(
                        help_text="the version shown",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="annotate.guideline",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("claimed", "Claimed"),
                            ("submitted", "Submitted"),
                            ("skipped", "Skipped"),
                            ("released", "Released"),
                            ("expired", "Expired"),
                        ],
                        default="claimed",
                        max_length=16,
                    ),
                ),
                (
                    "shown_order",
                    models.JSONField(
                        default=list, help_text="completion ids in the order in which this annotator sees them"
                    ),
                ),
                ("claimed_at", models.DateTimeField()),
                (
                    "opened_at",
                    models.DateTimeField(
                        blank=True, help_text="when the annotator saw it; null = leased ahead", null=True
                    ),
                ),
                (
                    "revealed_at",
                    models.DateTimeField(blank=True, help_text="when distressing content was shown", null=True),
                ),
                ("lease_expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("skip_reason", models.TextField(blank=True)),
                (
                    "lane",
                    models.CharField(
                        blank=True,
                        choices=[("gold", "Gold"), ("random", "At random"), ("ordered", "In order")],
                        default="",
                        editable=False,
                        max_length=16,
                    ),
                ),
                (
                    "probability",
                    models.FloatField(
                        editable=False,
                        help_text="the chance that this hand-out gave this task, of all it could have given",
                        null=True,
                    ),
                ),
                ("draft", models.JSONField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "claimed")), fields=["lease_expires_at"], name="assignment_leases"
                    ),
                    models.Index(fields=["task", "annotator"], name="assignment_of_task"),
                    models.Index(fields=["annotator", "state", "ended_at"], name="assignment_by_annotator"),
                    models.Index(
                        condition=models.Q(("lane", "gold")), fields=["annotator", "campaign"], name="assignment_gold"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["claimed", "submitted", "skipped"])),
                        fields=("task", "annotator"),
                        name="assignment_once_per_annotator",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("opened_at__isnull", False), ("state", "claimed")),
                        fields=("annotator", "campaign"),
                        name="assignment_one_open_per_campaign",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("opened_at__isnull", True), ("state", "claimed")),
                        fields=("annotator", "campaign"),
                        name="assignment_one_ahead_per_campaign",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["claimed", "submitted", "skipped", "released", "expired"])),
                        name="assignment_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "claimed")),
                            models.Q(models.Q(("state", "claimed"), _negated=True), ("ended_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="assignment_ends_when_it_ends",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "skipped"), _negated=True),
                            models.Q(("skip_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="assignment_skip_has_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("lane__in", ["", "gold", "random", "ordered"])),
                        name="assignment_lane_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lane", ""), ("probability__isnull", True)),
                            models.Q(
                                models.Q(("lane", ""), _negated=True), ("probability__gt", 0), ("probability__lte", 1)
                            ),
                            _connector="OR",
                        ),
                        name="assignment_chosen_has_probability",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Judgement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "assignment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="judgements", to="annotate.assignment"
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="judgements", to="annotate.task"
                    ),
                ),
                (
                    "annotator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="judgements",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "guideline",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="judgements", to="annotate.guideline"
                    ),
                ),
                ("version", models.PositiveSmallIntegerField(default=1)),
                (
                    "supersedes",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="annotate.judgement",
                    ),
                ),
                (
                    "idempotency_key",
                    models.CharField(blank=True, help_text="the client's name for this submission", max_length=100),
                ),
                ("seconds", models.FloatField(help_text="active seconds that the annotator spent")),
                ("rationale", models.TextField(blank=True)),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[("cannot_rank", "Cannot be ranked"), ("all_bad", "All bad")],
                        default="",
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField(blank=True, help_text="why the verdict")),
                (
                    "strength",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="of a pair, how much better: 1 slightly, 2 clearly, 3 much", null=True
                    ),
                ),
                (
                    "behaviour",
                    models.CharField(
                        blank=True,
                        choices=[("answer", "Answer"), ("careful", "Answer with care"), ("decline", "Decline")],
                        default="",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("version", 1)),
                        fields=["annotator", "created_at"],
                        name="judgement_of_a_day",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("task", "annotator", "version"), name="judgement_version_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key", ""), _negated=True),
                        fields=("annotator", "idempotency_key"),
                        name="judgement_once_per_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seconds__gte", 0)), name="judgement_seconds_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), ("verdict", "")),
                            models.Q(
                                ("verdict__in", ["cannot_rank", "all_bad"]), models.Q(("reason", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="judgement_verdict_has_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("strength__isnull", True),
                            models.Q(("strength__gte", 1), ("strength__lte", 3)),
                            _connector="OR",
                        ),
                        name="judgement_strength_from_one_to_three",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("behaviour__in", ["", "answer", "careful", "decline"])),
                        name="judgement_behaviour_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("supersedes__isnull", True), ("version", 1)),
                            models.Q(("supersedes__isnull", False), ("version__gte", 2)),
                            _connector="OR",
                        ),
                        name="judgement_correction_supersedes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("supersedes__isnull", True),
                            models.Q(("supersedes", models.F("id")), _negated=True),
                            _connector="OR",
                        ),
                        name="judgement_not_its_own_correction",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RankedCompletion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "judgement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="ranked", to="annotate.judgement"
                    ),
                ),
                (
                    "completion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="ranked", to="annotate.completion"
                    ),
                ),
                ("rank", models.PositiveSmallIntegerField()),
            ],
            options={
                "ordering": ["judgement_id", "rank", "completion_id"],
                "constraints": [
                    models.UniqueConstraint(fields=("judgement", "completion"), name="rank_once_per_completion"),
                    models.CheckConstraint(
                        condition=models.Q(("rank__gte", 1), ("rank__lte", 9)), name="rank_from_one_to_nine"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Flag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "judgement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="flags", to="annotate.judgement"
                    ),
                ),
                (
                    "completion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="flags", to="annotate.completion"
                    ),
                ),
                ("name", models.SlugField(max_length=64)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("judgement", "completion", "name"), name="flag_once_per_completion")
                ],
            },
        ),
        migrations.CreateModel(
            name="Rating",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "judgement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="ratings", to="annotate.judgement"
                    ),
                ),
                (
                    "completion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="ratings", to="annotate.completion"
                    ),
                ),
                ("axis", models.SlugField(max_length=64)),
                ("value", models.PositiveSmallIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("judgement", "completion", "axis"), name="rating_once_per_axis"),
                    models.CheckConstraint(
                        condition=models.Q(("value__gte", 1), ("value__lte", 10)), name="rating_from_one_to_ten"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Span",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "judgement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="spans", to="annotate.judgement"
                    ),
                ),
                (
                    "completion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="spans", to="annotate.completion"
                    ),
                ),
                ("start", models.PositiveIntegerField()),
                ("end", models.PositiveIntegerField()),
                ("type", models.SlugField(max_length=64)),
                (
                    "severity",
                    models.CharField(
                        choices=[("minor", "Minor"), ("major", "Major"), ("critical", "Critical")], max_length=16
                    ),
                ),
                ("note", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["judgement_id", "completion_id", "start", "end"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("end__gt", models.F("start"))), name="span_ends_after_its_start"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["minor", "major", "critical"])),
                        name="span_severity_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StepLabel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "judgement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="step_labels", to="annotate.judgement"
                    ),
                ),
                ("step", models.PositiveSmallIntegerField()),
                (
                    "label",
                    models.CharField(choices=[("good", "Good"), ("neutral", "Neutral"), ("bad", "Bad")], max_length=16),
                ),
            ],
            options={
                "ordering": ["judgement_id", "step"],
                "constraints": [
                    models.UniqueConstraint(fields=("judgement", "step"), name="step_label_once"),
                    models.CheckConstraint(
                        condition=models.Q(("label__in", ["good", "neutral", "bad"])), name="step_label_is_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Demonstration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "judgement",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="demonstration",
                        to="annotate.judgement",
                    ),
                ),
                (
                    "completion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="demonstrations",
                        to="annotate.completion",
                    ),
                ),
                ("reasoning", models.TextField(blank=True)),
                ("checklist", models.JSONField(blank=True, default=list)),
                ("citations", models.JSONField(blank=True, default=list)),
            ],
        ),
        migrations.CreateModel(
            name="Revision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "demonstration",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revision",
                        to="annotate.demonstration",
                    ),
                ),
                (
                    "original",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="revisions", to="annotate.completion"
                    ),
                ),
                ("diff", models.TextField(help_text="unified diff from the original to the edited text")),
            ],
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "judgement",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="review", to="annotate.judgement"
                    ),
                ),
                (
                    "demonstration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reviews", to="annotate.demonstration"
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        choices=[("accept", "Accept"), ("edit", "Edit"), ("return", "Return")], max_length=16
                    ),
                ),
                ("reason", models.TextField(blank=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("decision__in", ["accept", "edit", "return"])), name="review_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decision", "accept"), models.Q(("reason", ""), _negated=True), _connector="OR"
                        ),
                        name="review_has_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Adjudication",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="adjudications", to="annotate.task"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjudications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "guideline",
                    models.ForeignKey(
                        help_text="the version shown",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="annotate.guideline",
                    ),
                ),
                ("version", models.PositiveSmallIntegerField(default=1)),
                (
                    "supersedes",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="annotate.adjudication",
                    ),
                ),
                (
                    "answer",
                    models.JSONField(
                        help_text="as annotators submit it; null takes the decision before back", null=True
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("style", "Style: a matter of taste"),
                            ("underspecified", "Underspecified: the prompt leaves it open"),
                            ("factual", "Factual: somebody is wrong about the facts"),
                            ("safety", "Safety: where to draw the line"),
                            ("other", "Something else"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("note", models.TextField(blank=True)),
                (
                    "idempotency_key",
                    models.CharField(blank=True, help_text="the client's name for this decision", max_length=100),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("task", "version"), name="adjudication_version_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key", ""), _negated=True),
                        fields=("by", "idempotency_key"),
                        name="adjudication_once_per_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cause__in", ["", "style", "underspecified", "factual", "safety", "other"])
                        ),
                        name="adjudication_cause_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer__isnull", False), models.Q(("cause", ""), _negated=True)),
                            models.Q(
                                ("answer__isnull", True),
                                ("cause", ""),
                                ("supersedes__isnull", False),
                                models.Q(("note", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="adjudication_decides_or_takes_back",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("supersedes__isnull", True), ("version", 1)),
                            models.Q(("supersedes__isnull", False), ("version__gte", 2)),
                            _connector="OR",
                        ),
                        name="adjudication_later_one_supersedes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("supersedes__isnull", True),
                            models.Q(("supersedes", models.F("id")), _negated=True),
                            _connector="OR",
                        ),
                        name="adjudication_not_its_own_successor",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AdjudicationHold",
            fields=[
                (
                    "task",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="adjudication_hold",
                        serialize=False,
                        to="annotate.task",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjudication_holds",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Adjudicator",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjudicator_in",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="adjudicators", to="annotate.campaign"
                    ),
                ),
                (
                    "given_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("given_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["campaign_id", "pk"],
                "constraints": [models.UniqueConstraint(fields=("user", "campaign"), name="adjudicator_once")],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "task",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="dispute",
                        serialize=False,
                        to="annotate.task",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="disputes",
                        to="annotate.campaign",
                    ),
                ),
                (
                    "score",
                    models.FloatField(
                        default=0, help_text="0: all say the same, or fewer than two speak; 1: the opposite"
                    ),
                ),
                ("n", models.PositiveIntegerField(help_text="judgements that count")),
                (
                    "last",
                    models.BigIntegerField(help_text="the newest judgement that was looked at, superseded or not"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["campaign", "-score", "task"], name="dispute_queue"),
                    models.Index(fields=["campaign", "last"], name="dispute_seen"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("score__gte", 0), ("score__lte", 1)), name="dispute_score_is_a_share"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CampaignChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="annotate.campaign"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("field", models.CharField(max_length=32)),
                ("old", models.JSONField(null=True)),
                ("new", models.JSONField(null=True)),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Question",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("question", "Question"), ("report", "Problem")], max_length=16)),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("unreadable", "Something is cut off or cannot be read"),
                            ("mismatch", "The completions belong to another prompt"),
                            ("duplicate", "I had this task before"),
                            ("personal", "It shows a real person's private data"),
                            ("unwarned", "It is distressing and came without a warning"),
                            ("other", "Something else"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="questions", to="annotate.task"
                    ),
                ),
                (
                    "assignment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="questions",
                        to="annotate.assignment",
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="questions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("text", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("answer", models.TextField(blank=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("read_at", models.DateTimeField(blank=True, help_text="when its asker read the answer", null=True)),
                ("resolved", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
                "indexes": [
                    models.Index(condition=models.Q(("resolved", False)), fields=["created_at"], name="question_open"),
                    models.Index(fields=["asked_by", "read_at"], name="question_by_asker"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "question"), ("reason", ""), models.Q(("text", ""), _negated=True)),
                            models.Q(
                                ("kind", "report"),
                                (
                                    "reason__in",
                                    ["unreadable", "mismatch", "duplicate", "personal", "unwarned", "other"],
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="question_says_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("answer", ""),
                                ("answered_at__isnull", True),
                                ("answered_by__isnull", True),
                                ("resolved", False),
                            ),
                            models.Q(
                                ("answered_at__isnull", False), ("answered_by__isnull", False), ("resolved", True)
                            ),
                            _connector="OR",
                        ),
                        name="question_resolved_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "judgement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="annotate.judgement"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("text", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("read_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("text", ""), _negated=True), name="note_has_text")
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token_sha256", models.CharField(editable=False, max_length=64, unique=True)),
                ("name", models.CharField(blank=True, help_text="whom it is for", max_length=150)),
                (
                    "email",
                    models.CharField(
                        blank=True, help_text="where it was sent; Concord sends nothing itself", max_length=254
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                (
                    "accepted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("campaigns", models.ManyToManyField(blank=True, related_name="invitations", to="annotate.campaign")),
            ],
            options={
                "ordering": ["-created_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("accepted_at__isnull", True), ("accepted_by__isnull", True)),
                            models.Q(("accepted_at__isnull", False), ("accepted_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="invitation_accepted_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("accepted_at__isnull", True), ("revoked_at__isnull", True), _connector="OR"
                        ),
                        name="invitation_accepted_or_revoked",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="memberships", to="annotate.campaign"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("onboarding", "Onboarding"), ("active", "Active"), ("suspended", "Suspended")],
                        default="onboarding",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "demographics_asked_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="when the questions were answered or declined, which of both is not kept",
                        null=True,
                    ),
                ),
                ("expertise_declared_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["campaign_id", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "campaign"), name="membership_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["onboarding", "active", "suspended"])),
                        name="membership_state_is_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consents",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="consents", to="annotate.campaign"
                    ),
                ),
                ("text_sha256", models.CharField(max_length=64)),
                ("text", models.TextField()),
                ("given_at", models.DateTimeField()),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("user", "campaign", "text_sha256"),
                        name="consent_once_per_text",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("withdrawn_at__isnull", True), ("withdrawn_at__gte", models.F("given_at")), _connector="OR"
                        ),
                        name="consent_withdrawn_after_given",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Demographics",
            fields=[
                ("key", models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ("age", models.CharField(blank=True, max_length=24)),
                ("gender", models.CharField(blank=True, max_length=24)),
                ("education", models.CharField(blank=True, max_length=24)),
                ("language", models.CharField(blank=True, max_length=24)),
                ("region", models.CharField(blank=True, max_length=24)),
            ],
            options={
                "verbose_name_plural": "demographics",
            },
        ),
        migrations.CreateModel(
            name="Expertise",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="expertise",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "domain",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="expertise", to="annotate.domain"
                    ),
                ),
                (
                    "level",
                    models.CharField(
                        choices=[("none", "None"), ("some", "Some"), ("good", "Good"), ("expert", "Expert")],
                        max_length=8,
                    ),
                ),
                ("evidence", models.TextField(blank=True)),
                ("declared_at", models.DateTimeField()),
                (
                    "verified_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "expertise",
                "ordering": ["domain_id", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "domain"), name="expertise_once_per_domain"),
                    models.CheckConstraint(
                        condition=models.Q(("level__in", ["none", "some", "good", "expert"])),
                        name="expertise_level_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("verified_at__isnull", True), ("verified_by__isnull", True)),
                            models.Q(("verified_at__isnull", False), ("verified_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="expertise_verified_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("level__in", ["none", "some"]), models.Q(("evidence", ""), _negated=True), _connector="OR"
                        ),
                        name="expertise_has_evidence",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Acknowledgement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acknowledgements",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "guideline",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acknowledgements",
                        to="annotate.guideline",
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [models.UniqueConstraint(fields=("user", "guideline"), name="acknowledgement_once")],
            },
        ),
        migrations.CreateModel(
            name="QualificationAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="annotate.campaign"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("n_tasks", models.PositiveSmallIntegerField()),
                ("wanted", models.FloatField(help_text="the mean share that passes, as it was at the start")),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("share", models.FloatField(blank=True, help_text="the mean share reached, 0 to 1", null=True)),
                ("passed", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "campaign", "number"), name="attempt_number_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("user", "campaign"),
                        name="attempt_one_at_a_time",
                    ),
                    models.CheckConstraint(condition=models.Q(("n_tasks__gte", 1)), name="attempt_has_tasks"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("passed", False), ("share__isnull", True)),
                            models.Q(("ended_at__isnull", False), ("share__gte", 0), ("share__lte", 1)),
                            _connector="OR",
                        ),
                        name="attempt_has_share_when_it_ends",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QualificationAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answers",
                        to="annotate.qualificationattempt",
                    ),
                ),
                (
                    "assignment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="qualification_answer",
                        to="annotate.assignment",
                    ),
                ),
                ("answer", models.JSONField()),
                ("gold", models.JSONField()),
                ("explanation", models.TextField(blank=True)),
                ("share", models.FloatField()),
                ("seconds", models.FloatField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("share__gte", 0), ("share__lte", 1)), name="answer_share_is_a_share"
                    ),
                    models.CheckConstraint(condition=models.Q(("seconds__gte", 0)), name="answer_seconds_not_negative"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Spending",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="spending",
                        serialize=False,
                        to="annotate.campaign",
                    ),
                ),
                ("judgements", models.PositiveIntegerField(default=0, help_text="places taken: claimed and submitted")),
                ("seconds", models.FloatField(default=0, help_text="active seconds submitted")),
                (
                    "money",
                    models.DecimalField(
                        decimal_places=4, default=0, help_text="what was submitted costs", max_digits=14
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "spending",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("money__gte", 0), ("seconds__gte", 0)), name="spending_not_negative"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Progress",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="progress",
                        serialize=False,
                        to="annotate.campaign",
                    ),
                ),
                ("n_tasks", models.PositiveIntegerField(help_text="of work, without those that were withdrawn")),
                ("n_places", models.PositiveIntegerField(help_text="of these tasks")),
                ("n_done_work", models.PositiveIntegerField(help_text="submitted in these tasks")),
                ("n_done_gold", models.PositiveIntegerField(help_text="submitted in tasks with a known answer")),
                ("counted_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "progress",
            },
        ),
        migrations.CreateModel(
            name="Skill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "annotator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="skills", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "domain",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="skills",
                        to="annotate.domain",
                    ),
                ),
                ("n", models.PositiveIntegerField(default=0)),
                ("right", models.FloatField(default=0, help_text="sum of the shares, 0 to n")),
            ],
            options={
                "ordering": ["annotator_id", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("annotator", "domain"), name="skill_once_per_domain"),
                    models.UniqueConstraint(
                        condition=models.Q(("domain__isnull", True)), fields=("annotator",), name="skill_once_in_all"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("right__gte", 0), ("right__lte", models.F("n"))),
                        name="skill_right_within_n",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="task",
            name="demonstration",
            field=models.ForeignKey(
                blank=True,
                help_text="what a review task reviews",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="review_tasks",
                to="annotate.demonstration",
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="completions",
            field=models.ManyToManyField(
                related_name="tasks", through="annotate.TaskCompletion", to="annotate.completion"
            ),
        ),
        append_only("annotate_judgement", JUDGEMENTS),
        append_only("annotate_rankedcompletion", JUDGEMENTS),
        append_only("annotate_flag", JUDGEMENTS),
        append_only("annotate_demonstration", JUDGEMENTS),
        append_only("annotate_rating", JUDGEMENTS),
        append_only("annotate_span", JUDGEMENTS),
        append_only("annotate_steplabel", JUDGEMENTS),
        append_only("annotate_revision", JUDGEMENTS),
        append_only("annotate_review", JUDGEMENTS),
        append_only("annotate_campaignchange", "what was changed stays on record: this table is append-only"),
        append_only("annotate_adjudication", "decisions are append-only: a later one supersedes"),
    ]
