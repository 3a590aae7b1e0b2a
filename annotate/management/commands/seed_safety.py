"""`manage.py seed_safety`: the shipped safety prompts as a campaign, with the expected behaviour as gold."""

from django.core.management.base import BaseCommand, CommandError

from annotate.errors import DomainError
from annotate.services.safety_campaign import SLUG, seed_safety


class Command(BaseCommand):
    help = (
        "Load 24 prompts, 12 harmful-looking and 12 benign look-alikes, as a campaign. Again adds only what is missing."
    )

    def add_arguments(self, parser):
        parser.add_argument("--campaign", default=SLUG, help=f"slug of the campaign (default: {SLUG})")
        parser.add_argument("--overlap", type=int, default=3, help="annotators per task of a new campaign (default 3)")

    def handle(self, **options):
        try:
            seeded = seed_safety(slug=options["campaign"], overlap=options["overlap"])
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The campaign {seeded.campaign.slug!r} has {seeded.new_tasks} new tasks.")
