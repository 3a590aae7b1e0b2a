"""`manage.py sync_guidelines`: insert a version of each guideline file whose text is new."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from annotate.errors import DomainError
from annotate.services.guidelines import sync_guidelines


class Command(BaseCommand):
    help = "Insert a version of each guideline file whose text is new."

    def handle(self, **options):
        try:
            new = sync_guidelines(folder=settings.GUIDELINES_DIR)
        except DomainError as error:
            raise CommandError(str(error)) from error
        for guideline in new:
            self.stdout.write(f"New: {guideline}")
        if not new:
            self.stdout.write("All guidelines are up to date.")
