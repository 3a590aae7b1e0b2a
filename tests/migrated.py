"""An SQLite file with every table and no data: the first part of `./run test` makes it, the others begin with a copy.

`TEST_MIGRATED` names it. Without that everything starts from nothing, as what tests the very first start always does.
"""

import os
import shutil
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper


def copy_to(place: str | Path) -> None:
    """A copy in `place`, if the file is there by now."""
    if (file := _file()) and file.exists():
        shutil.copyfile(file, place)


def keep(connection: BaseDatabaseWrapper) -> None:
    """This connection's database becomes the file, if there is none yet."""
    file = _file()
    if file and not file.exists():
        draft = file.with_suffix(f".{os.getpid()}")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(draft)])
        draft.replace(file)


def _file() -> Path | None:
    named = os.environ.get("TEST_MIGRATED")
    return Path(named) if named else None
