"""`manage.py nightly`: start the pipeline of a date, and with --foreground do all its work in this process."""

import datetime
import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.errors import DomainError
from annotate.models import Campaign
from training.candidates import BY_DEFAULT, CANDIDATES
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
        parser.add_argument("--campaign", action="append", metavar="SLUG", help="learn from this one only; repeatable")
        parser.add_argument(
            "--config",
            type=Path,
            metavar="FILE.json",
            help='what differs from the defaults: {"ppo": {"iterations": 30}}',
        )
        parser.add_argument(
            "--candidate",
            action="append",
            metavar="NAME",
            help=f"make this policy and put it before the gate; repeatable. Default: {' and '.join(BY_DEFAULT)};"
            f" there are {', '.join(CANDIDATES)}",
        )
        parser.add_argument("--seed", type=int, help="seed of the training runs (default: 1)")

    def handle(self, *, date, again, foreground, campaign, config, candidate, seed, **options):
        wanted = {
            "date": date or timezone.localdate(),
            "again": again,
            "config": self._config(config, candidates=candidate, seed=seed),
            "campaigns": self._campaigns(campaign) if campaign else None,
        }
        try:
            if foreground:
                with no_messages():
                    self._work(self._start(**wanted))
            else:
                self._start(**wanted)
        except DomainError as error:
            raise CommandError(str(error)) from error

    def _config(self, path: Path | None, **said: Any) -> dict:
        try:
            config = json.loads(path.read_text(encoding="utf-8")) if path else {}
        except (OSError, ValueError) as error:
            raise CommandError(f"The config {path} cannot be read as JSON: {error}.") from error
        if not isinstance(config, dict):
            raise CommandError(f'The config {path} must be a JSON object, such as {{"ppo": {{}}}}.')
        return {**config, **{name: value for name, value in said.items() if value is not None}}

    def _campaigns(self, slugs: list[str]) -> list[Campaign]:
        found = list(Campaign.objects.filter(slug__in=slugs))
        if missing := sorted(set(slugs) - {campaign.slug for campaign in found}):
            raise CommandError(f"There is no campaign {missing[0]!r}; the names are in the addresses of their pages.")
        return found

    def _start(self, **wanted) -> Pipeline:
        pipeline, created = start_pipeline(trigger="person", **wanted)
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
