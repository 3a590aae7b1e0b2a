"""`manage.py import_gold FILE --campaign NAME`: tasks with a known answer, to qualify people or to measure skill."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from annotate.errors import DomainError, NotFound
from annotate.models import Campaign, User
from annotate.services.gold import import_gold


class Command(BaseCommand):
    help = (
        "Import a JSON Lines file (plain or gzipped) of tasks with known answers; annotate/gold_files.py describes a"
        " row. Rows of purpose gold are mixed into the work; a row that the campaign has as ordinary work becomes gold."
        " Nothing is written when a row is bad; importing again adds no task and renews the answers."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--campaign", required=True, help="slug of a campaign that there is")
        parser.add_argument("--by", default="", help="account of the admin who imports")

    def handle(self, **options):
        try:
            campaign = Campaign.objects.filter(slug=options["campaign"]).select_related("guideline").first()
            if campaign is None:
                raise NotFound(f"There is no campaign {options['campaign']!r}; make it first, then import its gold.")
            report = import_gold(path=options["file"], campaign=campaign, by=self._admin(options["by"]))
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{options['file'].name}: {report.n_items} tasks with gold in the campaign {campaign.slug!r};"
            f" {report.new_tasks} of them are new."
        )
        if report.mixed_in:
            self.stdout.write(f"{report.mixed_in} were ordinary work and are mixed in as gold now.")
        if report.new_gold:
            self.stdout.write(
                f"{report.new_gold} new ones are mixed in as gold. Completions are numbered as they come in, and who"
                " looks at the numbers sees which came late: to hide gold from them, too, import its prompts among the"
                " others with import_prompts first, and then this file."
            )

    @staticmethod
    def _admin(username: str) -> User | None:
        found = User.objects.filter(username=username, role=User.Role.ADMIN).first()
        if username and found is None:
            raise NotFound(f"There is no admin named {username!r}; name an existing one, or leave --by out.")
        return found
