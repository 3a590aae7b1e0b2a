"""`manage.py ledger`: is the ledger what the database says? Makes it anew where it is not. See annotate/ledger."""

from django.core.management.base import BaseCommand

from annotate.ledger.live import ledger
from annotate.models import Judgement


class Command(BaseCommand):
    help = "Compares the ledger, the columns that the audit reads, with the database; makes it anew where they differ."

    def add_arguments(self, parser):
        parser.add_argument("--anew", action="store_true", help="make it anew in any case")

    def handle(self, *, anew, **options):
        total = Judgement.objects.count()
        if ledger().check(anew=anew, say=lambda rows: self.stdout.write(f"{rows:,} of {total:,} judgements")):
            self.stdout.write("The ledger was made anew.")
        else:
            self.stdout.write(f"The ledger is right: it holds all {total:,} judgements, or reads them as they come.")
