"""The Celery application. Queues: `default` (short work) and `train` (one run at a time)."""

import os

from celery import Celery
from celery.signals import worker_process_init

from annotate.processes import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("concord")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def leave_with_the_worker(**_kwargs):
    """A pool process whose worker was killed would go on alone: let the kernel end it too."""
    die_with_parent()
