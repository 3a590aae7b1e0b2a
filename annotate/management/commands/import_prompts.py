"""`manage.py import_prompts FILE --campaign NAME`: bring prompts, completions and rankings in."""

import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotate.errors import DomainError
from annotate.importing import FORMATS
from annotate.models import User
from annotate.services.importing import import_file


class Command(BaseCommand):
    help = (
        "Import a JSON Lines file (plain or gzipped) of prompts with completions, of prompts alone, of HH-RLHF"
        " comparisons or of Open-Assistant trees. Nothing is written when a row is bad; importing again adds nothing."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--campaign", required=True, help="slug of the campaign; made if it is new")
        parser.add_argument(
            "--kind",
            choices=["ranking", "rating", "demonstration", "steps"],
            default="",
            help="what people are to do (default: what the campaign or the rows say)",
        )
        parser.add_argument("--form", type=Path, help="JSON file with the form of a new campaign (annotate/forms.py)")
        parser.add_argument("--name", default="", help="name of a new campaign (default: the file's name)")
        parser.add_argument("--format", choices=["auto", *FORMATS], default="auto")
        parser.add_argument("--guideline", default="", help="guideline of a new campaign (default: its kind's)")
        parser.add_argument("--overlap", type=int, default=3, help="annotators per task of a new campaign (default 3)")
        parser.add_argument("--k", type=int, help="rank this many completions of each prompt")
        parser.add_argument("--domain", default="", help="domain of prompts whose row names none")
        parser.add_argument("--language", default="", help="language of prompts whose row names none: de, pt-BR, ...")
        parser.add_argument("--annotator", default="", help="account that the file's own rankings are entered under")
        parser.add_argument("--limit", type=int, help="import only the first so many prompts")
        parser.add_argument("--skip-bad-rows", action="store_true", help="leave bad rows out, and say which")
        parser.add_argument("--by", default="", help="account of the admin who imports")

    def handle(self, **options):
        try:
            with tqdm(unit=" prompts", disable=None) as bar:
                report = import_file(
                    path=options["file"],
                    campaign_slug=options["campaign"],
                    campaign_name=options["name"],
                    form=self._form(options["form"]),
                    by=self._admin(options["by"]),
                    progress=lambda done, total: self._show(bar, done, total),
                    **{
                        target: options[source]
                        for target, source in {
                            "kind": "kind",
                            "format": "format",
                            "guideline_slug": "guideline",
                            "overlap": "overlap",
                            "k": "k",
                            "domain": "domain",
                            "language": "language",
                            "annotator": "annotator",
                            "limit": "limit",
                            "skip_bad_rows": "skip_bad_rows",
                        }.items()
                    },
                )
        except DomainError as error:
            raise CommandError(str(error)) from error
        for row in report.bad_rows:
            self.stderr.write(f"Left out {row}")
        self.stdout.write(
            f"{options['file'].name} ({report.format}): {report.n_items} prompts in the campaign"
            f" {report.campaign.slug!r}; {report.new_tasks} new tasks, {report.new_judgements} new judgements."
        )

    @staticmethod
    def _form(path: Path | None) -> dict | None:
        if path is None:
            return None
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise DomainError(f"The form {path} cannot be read as JSON: {error}.") from error

    @staticmethod
    def _admin(username: str) -> User | None:
        if not username:
            return None
        found = User.objects.filter(username=username, role=User.Role.ADMIN).first()
        if found is None:
            raise DomainError(f"There is no admin named {username!r}; name an existing one, or leave --by out.")
        return found

    @staticmethod
    def _show(bar: tqdm, done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
