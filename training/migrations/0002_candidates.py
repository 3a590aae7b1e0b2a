"""A pipeline's runs are told apart by their stage, so that one recipe can make several candidates."""

from django.db import migrations, models
from django.db.models import F, Q


def name_stages(apps, schema_editor):
    """Until now each recipe was one stage."""
    apps.get_model("training", "Run").objects.filter(pipeline__isnull=False).update(stage=F("recipe"))


class Migration(migrations.Migration):
    dependencies = [("training", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="stage",
            field=models.CharField(
                blank=True,
                help_text="what its pipeline calls it: its recipe, or the name of a candidate; empty without a pipeline",
                max_length=32,
            ),
        ),
        migrations.RunPython(name_stages, migrations.RunPython.noop, elidable=True),
        migrations.RemoveConstraint(model_name="run", name="run_once_per_stage"),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(fields=["pipeline", "stage"], name="run_once_per_stage"),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=Q(pipeline__isnull=True, stage="") | (Q(pipeline__isnull=False) & ~Q(stage="")),
                name="run_of_pipeline_has_stage",
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="recipe",
            field=models.CharField(
                choices=[
                    ("base", "Base model"),
                    ("sft", "Supervised fine-tuning"),
                    ("reward", "Reward model"),
                    ("dpo", "DPO"),
                    ("ppo", "PPO"),
                    ("raft", "RAFT"),
                    ("kto", "KTO"),
                    ("control", "Control tokens"),
                    ("evaluate", "Evaluation"),
                    ("sample", "Sampling"),
                    ("uncertainty", "Uncertainty of tasks"),
                ],
                max_length=16,
            ),
        ),
    ]
