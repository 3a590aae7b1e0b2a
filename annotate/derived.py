"""Files that are made from others when the product starts: kept beside the data, renewed when the original changed.

Pure. There is no build step: the settings call this, so that whatever starts the product finds the files in order. A
derived file has the time of its original; one with another time is made again. Several processes may do that at once.
"""

import gzip
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

UNFINISHED = ".part"
TEXTS = (".js", ".css", ".svg")


def renew(original: Path, derived: Path, make: Callable[[Path], bytes]) -> None:
    """Put `make(original)` into `derived` unless that was made from the original as it is now; never a half of it."""
    changed = original.stat().st_mtime_ns
    if derived.exists() and derived.stat().st_mtime_ns == changed:
        return
    derived.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=derived.parent, suffix=UNFINISHED)
    with os.fdopen(descriptor, "wb") as file:
        file.write(make(original))
    os.utime(draft, ns=(changed, changed))
    os.replace(draft, derived)


def compressed_copies(source: Path, target: Path) -> Path:
    """Keep in `target` a copy of every file in `source`, and beside each text its gzip, which WhiteNoise serves.

    Returns `target`. Compressing here costs nothing per request, and static files hold no secrets that it could tell.
    """
    made = {}
    for original in source.rglob("*"):
        if original.is_file():
            copy = target / original.relative_to(source)
            made[copy] = (original, Path.read_bytes)
            if copy.suffix in TEXTS:
                made[copy.with_name(f"{copy.name}.gz")] = (original, _compressed)
    for derived, (original, make) in made.items():
        renew(original, derived, make)
    for derived in target.rglob("*"):
        if derived.is_file() and derived.suffix != UNFINISHED and derived not in made:
            derived.unlink(missing_ok=True)
    return target


def _compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
