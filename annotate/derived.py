"""Files that are made from others when the product starts: kept beside the data, renewed when the original changed.

Pure. There is no build step: the settings call this, so that whatever starts the product finds the files in order. A
derived file has the time of its original; one with another time is made again. Several processes may do that at once.
"""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

UNFINISHED = ".part"


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


def slim_copies(source: Path, target: Path) -> Path:
    """Keep in `target` a copy of every file in `source`, scripts and styles without comments and indentation.

    Returns `target`, which is what browsers load: about a fifth less than what people read and write.
    """
    originals = {path.relative_to(source): path for path in source.rglob("*") if path.is_file()}
    for name, original in originals.items():
        renew(original, target / name, _slim)
    for copy in target.rglob("*"):
        if copy.is_file() and copy.suffix != UNFINISHED and copy.relative_to(target) not in originals:
            copy.unlink(missing_ok=True)
    return target


def _slim(path: Path) -> bytes:
    if path.suffix == ".js":
        return slim_script(path.read_text(encoding="utf-8")).encode()
    if path.suffix == ".css":
        return slim_style(path.read_text(encoding="utf-8")).encode()
    return path.read_bytes()


def slim_script(text: str) -> str:
    """A script without indentation, empty lines and lines of comment. Statements stay as they are, line by line."""
    lines = (line.strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))


def slim_style(text: str) -> str:
    """A style sheet without comments and the spaces that mean nothing; its strings stay as they are."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    parts = re.split(r"""("[^"\n]*"|'[^'\n]*')""", text)
    parts[::2] = [re.sub(r"(?<=[{};,:]) | (?=[{};,])", "", re.sub(r"\s+", " ", part)) for part in parts[::2]]
    return "".join(parts).replace(";}", "}").strip()
