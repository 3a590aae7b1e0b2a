"""An annotator holds at most one open task and one ahead in each campaign: the database itself refuses more."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone


def name_campaigns(apps, schema_editor):
    """Give each assignment its task's campaign; whoever holds several tasks of one keeps the newest."""
    Assignment, Task = apps.get_model("annotate", "Assignment"), apps.get_model("annotate", "Task")
    theirs = Task.objects.filter(pk=OuterRef("task_id")).values("campaign_id")
    Assignment.objects.update(campaign_id=Subquery(theirs))
    Assignment.objects.filter(opened_at__isnull=True).update(opened_at=F("claimed_at"))
    kept = set()
    for held in Assignment.objects.filter(state="claimed").order_by("-claimed_at", "pk"):
        if (held.annotator_id, held.campaign_id) in kept:
            Assignment.objects.filter(pk=held.pk).update(state="released", ended_at=timezone.now())
            Task.objects.filter(pk=held.task_id).update(reserved=F("reserved") - 1)
        kept.add((held.annotator_id, held.campaign_id))
    if schema_editor.connection.vendor == "postgresql":  # which alters no table whose rows wait to be checked
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def campaign(**options):
    return models.ForeignKey(
        editable=False,
        help_text="the task's, for the constraints",
        on_delete=django.db.models.deletion.PROTECT,
        related_name="assignments",
        to="annotate.campaign",
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("annotate", "0007_conversation")]

    operations = [
        migrations.AddField("assignment", "campaign", campaign(null=True)),
        migrations.RunPython(name_campaigns, migrations.RunPython.noop),
        migrations.AlterField("assignment", "campaign", campaign()),
        migrations.AddConstraint(
            "assignment",
            models.UniqueConstraint(
                condition=Q(opened_at__isnull=False, state="claimed"),
                fields=("annotator", "campaign"),
                name="assignment_one_open_per_campaign",
            ),
        ),
        migrations.AddConstraint(
            "assignment",
            models.UniqueConstraint(
                condition=Q(opened_at__isnull=True, state="claimed"),
                fields=("annotator", "campaign"),
                name="assignment_one_ahead_per_campaign",
            ),
        ),
    ]
