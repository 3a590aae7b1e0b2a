"""`manage.py seed_demo`: accounts, campaigns and simulated judgements of the demo. Again adds only what is missing."""

import time

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotate.errors import DomainError
from training.services.demo import Seeded, accounts_file, seed_demo

SAY_EVERY = 5.0


class Command(BaseCommand):
    help = "Fill the demo: accounts, two campaigns, and the judgements of ten simulated annotators."

    def handle(self, **options):
        started = time.monotonic()
        try:
            with Bar(self.stdout) as bar:
                seeded = seed_demo(progress=bar.show)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(describe(seeded, time.monotonic() - started))


def describe(seeded: Seeded, seconds: float) -> str:
    """What was added, and how to log in."""
    line = f"The demo has {seeded.tasks} new tasks and {seeded.judgements} new judgements ({seconds:.0f} s)."
    accounts = accounts_file()
    return f"{line}\n{accounts.read_text().rstrip()}" if accounts.exists() else line


class Bar:
    """Progress as a bar on a terminal, and elsewhere as a line every few seconds."""

    def __init__(self, stdout):
        self._stdout = stdout
        self._bar = tqdm(disable=None, unit=" steps", leave=False)
        self._said = time.monotonic()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *error) -> None:
        self._bar.close()

    def show(self, done: int, total: int, message: str) -> None:
        """Show that `done` of `total` steps are done."""
        if not self._bar.disable:
            self._bar.total = total
            self._bar.set_description(message, refresh=False)
            self._bar.update(done - self._bar.n)
        elif time.monotonic() - self._said >= SAY_EVERY:
            self._said = time.monotonic()
            self._stdout.write(f"{done / total:4.0%}  {message}")
            self._stdout.flush()
