"""`manage.py weigh_disputes`: bring the queue of disagreements up to date after very many judgements came at once."""

from django.core.management import BaseCommand, CommandError

from annotate.models import Campaign
from annotate.services.disputes import weigh

AT_ONCE = 20_000
"""Judgements at a time: a few seconds."""


class Command(BaseCommand):
    help = "Weighs the judgements that came since the queue of disagreements was last read."

    def add_arguments(self, parser):
        parser.add_argument("campaign", help="the campaign's slug")

    def handle(self, *, campaign, **options):
        found = Campaign.objects.filter(slug=campaign).first()
        if found is None:
            raise CommandError(f"There is no campaign {campaign!r}.")
        while left := weigh(campaign=found, at_once=AT_ONCE):
            self.stdout.write(f"{left:,} judgements left")
        self.stdout.write(f"The disagreements of {found.name} are up to date.")
