"""Filling a campaign from a file that an admin uploads: the importer of the command line, with bounds."""

import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from django.utils.translation import gettext as _

from annotate.errors import DomainError
from annotate.models import Campaign, User
from annotate.services.importing import ImportReport, import_file
from annotate.services.setup import record_tasks

MAX_MEGABYTES = 10
MAX_PROMPTS = 2_000
"""So many are written while the browser waits; more go in with `manage.py import_prompts`."""
CHUNK = 64 * 1024


class Upload(Protocol):
    """A file from a browser."""

    name: str

    def chunks(self) -> Iterable[bytes]: ...


def import_upload(
    *, campaign: Campaign, upload: Upload, by: User, skip_bad_rows: bool = False, domain: str = ""
) -> ImportReport:
    """Add the tasks of an uploaded file to a campaign. Raises DomainError, by row, and writes nothing then."""
    if campaign.kind == Campaign.Kind.REVIEW:
        raise DomainError(_("A review campaign gets its tasks by itself, from the campaign that it reviews."))
    before = campaign.tasks.count()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(upload.name).name.replace("\0", "")[:100] or "upload.jsonl")
        _store(upload, path)
        report = import_file(
            path=path,
            campaign_slug=campaign.slug,
            kind=campaign.kind,
            by=by,
            domain=domain,
            skip_bad_rows=skip_bad_rows,
            most=MAX_PROMPTS,
        )
    record_tasks(campaign=campaign, by=by, before=before, after=before + report.new_tasks)
    return report


def _store(upload: Upload, path: Path) -> None:
    """Write the upload to a file, unzipped, and not more of it than is allowed."""
    unzip = None
    left = MAX_MEGABYTES * 1024 * 1024
    with path.open("wb") as file:
        for number, chunk in enumerate(upload.chunks()):
            if number == 0 and chunk[:2] == b"\x1f\x8b":
                unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            try:
                piece = unzip.decompress(chunk, left + 1) if unzip else chunk
            except zlib.error as error:
                raise DomainError(_("%(file)s is damaged; zip it again.") % {"file": path.name}) from error
            left -= len(piece)
            if left < 0 or (unzip and unzip.unconsumed_tail):
                raise DomainError(
                    _("The file has more than %(most)d MB. Split it, or use manage.py import_prompts on the server.")
                    % {"most": MAX_MEGABYTES}
                )
            file.write(piece)
