"""`manage.py score_uncertainty CAMPAIGN`: let the reward models say which of its open tasks they are unsure of."""

from django.core.management.base import BaseCommand, CommandError

from annotate.errors import DomainError
from annotate.models import Campaign
from training.models import Run
from training.services.foreground import execute
from training.services.messages import no_messages
from training.services.scoring import score_uncertainty


class Command(BaseCommand):
    help = "Score a campaign's open tasks with two or more reward models; a campaign may put the unsure ones first."

    def add_arguments(self, parser):
        parser.add_argument("campaign", metavar="CAMPAIGN", help="the campaign's slug")
        parser.add_argument(
            "--checkpoints", type=int, nargs="+", default=[], metavar="ID", help="reward models (default: the newest 5)"
        )

    def handle(self, *, campaign, checkpoints, **options):
        found = Campaign.objects.filter(slug=campaign).first()
        if found is None:
            raise CommandError(f"There is no campaign {campaign!r}; the names are in the addresses of their pages.")
        try:
            with no_messages():
                run = score_uncertainty(campaign=found, by=None, checkpoints=checkpoints)
                execute(run, self._say)
        except DomainError as error:
            raise CommandError(str(error)) from error
        if run.state != Run.State.DONE:
            raise CommandError(f"{run} {run.state}: {run.message}")
        figure = run.evaluations.get()
        self.stdout.write(f"{found.name}: uncertainty {figure.value:.3f} on average, n = {figure.n} prompts.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
