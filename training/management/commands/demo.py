"""`manage.py demo`: the whole loop once, without browser and workers; what `./run demo` runs."""

import time

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.audit_queries.slices import campaign_audit
from annotate.errors import DomainError
from annotate.models import Campaign
from annotate.quality.intervals import Estimate
from training.management.commands.seed_demo import Bar, describe
from training.models import Pipeline
from training.queries import pipeline_report
from training.services.demo import demo_campaigns, seed_demo, simulate_judgements
from training.services.foreground import work_off
from training.services.messages import no_messages
from training.services.pipelines import cancel_pipeline, resume_pipeline, start_pipeline

RUNNING, DONE = Pipeline.State.RUNNING, Pipeline.State.DONE


class Command(BaseCommand):
    help = "The whole loop once: seed, freeze, train, evaluate, promote, ask again, rank again. Prints the results."

    def add_arguments(self, parser):
        parser.add_argument("--seed", type=int, help="seed of the training runs (default: 1)")

    def handle(self, *, seed, **options):
        self._started = time.monotonic()
        try:
            call_command("migrate", verbosity=0, interactive=False)
            call_command("sync_guidelines", stdout=self.stdout)
            self._seed()
            with no_messages():
                pipeline = self._train({} if seed is None else {"seed": seed})
            if pipeline.next_campaign:
                self._rank_again(pipeline.next_campaign)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\nTo see all of it in a browser: ./run")

    def _say(self, line: str) -> None:
        self.stdout.write(f"{time.monotonic() - self._started:6.0f} s  {line}")
        self.stdout.flush()

    def _seed(self) -> None:
        started = time.monotonic()
        with Bar(self.stdout) as bar:
            seeded = seed_demo(progress=bar.show)
        self.stdout.write(describe(seeded, time.monotonic() - started))

    def _train(self, config: dict) -> Pipeline:
        """Tonight's pipeline, or another one if that has ended; worked off here."""
        pipeline = self._unfinished() or self._start(config)
        try:
            work_off(pipeline_id=pipeline.pk, say=self._say)
        except KeyboardInterrupt:
            cancel_pipeline(pipeline_id=pipeline.pk, by=None)
            raise CommandError(f"Stopped. {pipeline} is cancelled; `./run demo` goes on with it.") from None
        pipeline.refresh_from_db()
        self.stdout.write(f"\n{pipeline_report(pipeline=pipeline)}")
        if pipeline.state != DONE:
            raise CommandError(f"{pipeline} {pipeline.state}: {pipeline.reason}")
        return pipeline

    def _unfinished(self) -> Pipeline | None:
        last = Pipeline.objects.order_by("pk").last()
        if last is None or last.state == DONE:
            return None
        if last.state != RUNNING:
            resume_pipeline(pipeline_id=last.pk, by=None)
        self._say(f"going on with {last}")
        return last

    def _start(self, config: dict) -> Pipeline:
        today = timezone.localdate()
        again = Pipeline.objects.filter(date=today).exists()
        pipeline, _ = start_pipeline(
            date=today, trigger="person", again=again, config=config, campaigns=demo_campaigns()
        )
        self._say(f"{pipeline} started")
        return pipeline

    def _rank_again(self, campaign: Campaign) -> None:
        with Bar(self.stdout) as bar:
            judged = simulate_judgements(campaign=campaign, progress=bar.show)
        found = campaign_audit(campaign=campaign).overall
        self.stdout.write(
            f"\nThe simulated annotators ranked the new policy's answers: {judged} judgements in {campaign.name!r}.\n"
            f"strict agreement {_shown(found.strict_agreement)} of preferences\n"
            f"tie rate         {_shown(found.tie_rate)} of preferences\n"
            f"alpha            {_shown(found.alpha)}"
        )


def _shown(found: Estimate) -> str:
    if found.value is None:
        return found.reason
    interval = f" [{found.lo:.3f}, {found.hi:.3f}]" if found.lo is not None else ""
    return f"{found.value:.3f}{interval} n = {found.n}"
