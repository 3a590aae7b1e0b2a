"""The schema of the first version."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('annotate', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Snapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('freezing', 'Freezing'), ('ready', 'Ready'), ('failed', 'Failed')], default='queued', max_length=16)),
                ('selection', models.JSONField(help_text='{campaigns: [slug, ...], until: ISO time}: what was asked for')),
                ('sha256', models.CharField(blank=True, db_index=True, max_length=64)),
                ('manifest', models.JSONField(blank=True, null=True)),
                ('attempt', models.PositiveSmallIntegerField(default=1)),
                ('message', models.TextField(blank=True)),
                ('heartbeat_at', models.DateTimeField(blank=True, help_text='last sign of life: of its worker, or of who queued it', null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['-pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('manifest__isnull', False), ('state', 'ready'), models.Q(('sha256', ''), _negated=True)), models.Q(('sha256', ''), ('state__in', ['queued', 'freezing', 'failed'])), _connector='OR'), name='snapshot_ready_has_hash')],
            },
        ),
        migrations.CreateModel(
            name='Checkpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('policy', 'Policy'), ('reward', 'Reward model')], max_length=16)),
                ('name', models.CharField(max_length=200)),
                ('sha256', models.CharField(max_length=64)),
                ('location', models.CharField(help_text='folder under the var folder, or local path, or hub id', max_length=1000)),
                ('manifest', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('promoted_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Pipeline',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField()),
                ('number', models.PositiveSmallIntegerField(default=1)),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='running', max_length=16)),
                ('trigger', models.CharField(choices=[('nightly', 'Nightly'), ('person', 'Person')], max_length=16)),
                ('config', models.JSONField(default=dict, help_text="per-stage overrides of the recipes' defaults")),
                ('base_model', models.CharField(max_length=500)),
                ('snapshot', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pipelines', to='training.snapshot')),
                ('decision', models.CharField(blank=True, choices=[('promoted', 'Promoted'), ('kept', 'Kept the old policy')], max_length=16)),
                ('reason', models.TextField(blank=True, help_text='why it promoted, kept, failed or was cancelled')),
                ('promoted', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='promoted_by', to='training.checkpoint')),
                ('next_campaign', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pipeline', to='annotate.campaign')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-date', '-number'],
                'constraints': [models.UniqueConstraint(fields=('date', 'number'), name='pipeline_once_per_date'), models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('state',), name='pipeline_one_at_a_time'), models.CheckConstraint(condition=models.Q(('state__in', ['running', 'done', 'failed', 'cancelled'])), name='pipeline_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('decision', 'promoted'), _negated=True), ('promoted__isnull', False), _connector='OR'), name='pipeline_promotion_has_checkpoint'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), models.Q(('decision', ''), _negated=True), _connector='OR'), name='pipeline_done_has_decision')],
            },
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recipe', models.CharField(choices=[('base', 'Base model'), ('sft', 'Supervised fine-tuning'), ('reward', 'Reward model'), ('dpo', 'DPO'), ('ppo', 'PPO'), ('evaluate', 'Evaluation'), ('sample', 'Sampling'), ('uncertainty', 'Uncertainty of tasks')], max_length=16)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('lost', 'Lost')], default='queued', max_length=16)),
                ('config', models.JSONField(help_text='what the recipe is called with, without paths of inputs and outputs')),
                ('seed', models.PositiveIntegerField(default=0)),
                ('snapshot', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='training.snapshot')),
                ('pipeline', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='training.pipeline')),
                ('attempt', models.PositiveSmallIntegerField(default=1)),
                ('progress', models.FloatField(default=0)),
                ('message', models.TextField(blank=True, help_text='what it is doing, or why it ended as it did')),
                ('heartbeat_at', models.DateTimeField(blank=True, help_text='last sign of life: of its executor, or of who queued it', null=True)),
                ('cancel_requested_at', models.DateTimeField(blank=True, null=True)),
                ('exit_code', models.IntegerField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(fields=('pipeline', 'recipe'), name='run_once_per_stage'), models.CheckConstraint(condition=models.Q(('progress__gte', 0), ('progress__lte', 1)), name='run_progress_is_a_fraction'), models.CheckConstraint(condition=models.Q(('attempt__gte', 1)), name='run_attempt_from_one'), models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'done', 'failed', 'cancelled', 'lost'])), name='run_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'running'), _negated=True), models.Q(('heartbeat_at__isnull', False), ('started_at__isnull', False)), _connector='OR'), name='run_running_has_heartbeat')],
            },
        ),
        migrations.CreateModel(
            name='RunInput',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='inputs', to='training.run')),
                ('role', models.CharField(max_length=32)),
                ('checkpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='training.checkpoint')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('run', 'role'), name='run_input_once_per_role')],
            },
        ),
        migrations.CreateModel(
            name='Evaluation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='evaluations', to='training.run')),
                ('checkpoint', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='evaluations', to='training.checkpoint')),
                ('name', models.CharField(max_length=64)),
                ('subject', models.CharField(max_length=64)),
                ('against', models.CharField(blank=True, max_length=64)),
                ('value', models.FloatField(null=True)),
                ('lo', models.FloatField(null=True)),
                ('hi', models.FloatField(null=True)),
                ('n', models.PositiveIntegerField()),
                ('unit', models.CharField(blank=True, max_length=32)),
                ('note', models.TextField(blank=True)),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('run', 'name', 'subject', 'against'), name='evaluation_figure_once'), models.CheckConstraint(condition=models.Q(models.Q(('hi__isnull', True), ('lo__isnull', True)), ('lo__lte', models.F('hi')), _connector='OR'), name='evaluation_interval_is_ordered')],
            },
        ),
        migrations.AddField(
            model_name='checkpoint',
            name='run',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='checkpoint', to='training.run'),
        ),
    ]
