"""`manage.py nightly`: start the pipeline of a date, and with --foreground do all its work in this process."""

import datetime
import time

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.errors import DomainError
from training.models import Pipeline
from training.queries import pipeline_report
from training.services.foreground import work_off
from training.services.messages import no_messages
from training.services.pipelines import cancel_pipeline, start_pipeline


class Command(BaseCommand):
    help = "Start the nightly pipeline: snapshot, training, evaluation, gate, promotion, new tasks. Once per date."

    def add_arguments(self, parser):
        parser.add_argument("--date", type=datetime.date.fromisoformat, help="YYYY-MM-DD (default: today)")
        parser.add_argument("--again", action="store_true", help="another one on a date that already has one")
        parser.add_argument("--foreground", action="store_true", help="do the work here instead of in the workers")
        parser.add_argument("--seed", type=int, default=1, help="seed of the training runs (default: 1)")

    def handle(self, *, date, again, foreground, seed, **options):
        date = date or timezone.localdate()
        try:
            if foreground:
                with no_messages():
                    pipeline = self._start(date, again, seed)
                    self._work(pipeline)
            else:
                self._start(date, again, seed)
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _start(self, date: datetime.date, again: bool, seed: int) -> Pipeline:
        pipeline, created = start_pipeline(date=date, trigger="person", again=again, config={"seed": seed})
        if created:
            self.stdout.write(f"{pipeline} started.")
        else:
            self.stdout.write(f"{pipeline} exists already and is {pipeline.state}; --again starts another.")
        return pipeline

    def _work(self, pipeline: Pipeline) -> None:
        started = time.monotonic()

        def say(line: str) -> None:
            self.stdout.write(f"{time.monotonic() - started:6.0f} s  {line}")
            self.stdout.flush()

        try:
            work_off(pipeline_id=pipeline.pk, say=say)
        except KeyboardInterrupt:
            cancel_pipeline(pipeline_id=pipeline.pk, by=None)
            raise CommandError(f"Stopped. {pipeline} is cancelled; resume it on its page.") from None
        pipeline.refresh_from_db()
        self.stdout.write(pipeline_report(pipeline=pipeline))
        if pipeline.state != Pipeline.State.DONE:
            raise CommandError(f"{pipeline} {pipeline.state}: {pipeline.reason}")
